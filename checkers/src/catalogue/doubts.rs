//! Why a verdict can be `unknown`.

use super::Doubt;

pub(super) const DOUBTS: &[Doubt] = &[
    Doubt {
        code: "budget/search",
        words: "the search was given up when its budget of steps or memory was spent",
        remedy: "raise --budget, judge fewer keys, or write distinct values, which need no search",
    },
    Doubt {
        code: "checker/disagreement",
        words: "two ways to judge the same calls disagreed, which is a bug in schism",
        remedy: "report it with the history",
    },
    Doubt {
        code: "atomic-commit/never-read",
        words: "no read of a table succeeded",
        remedy: "look at the errors of the reads",
    },
    Doubt {
        code: "atomic-commit/nothing-seen",
        words: "every read found its table empty",
        remedy: "look at the errors of the writes",
    },
    Doubt {
        code: "cap/no-calls",
        words: "no call was made to a known node while a partition was in force",
        remedy: "raise the rate, let partitions last longer, and bind clients to nodes",
    },
    Doubt {
        code: "cap/no-partition",
        words: "no partition was seen to take effect, so nothing was forced to a choice",
        remedy: "inject partitions and give them time; look at their probes in the fault table",
    },
    Doubt {
        code: "causal-reverse/nothing-partial",
        words: "no read saw some of its keys written and others not yet, so none shows an order",
        remedy: "read the keys of a group while they are written",
    },
    Doubt {
        code: "consensus/never-decided",
        words: "nobody ever learned of a decision",
        remedy: "look at the errors of the calls, or give the cluster time to decide",
    },
    Doubt {
        code: "dirty-read/nothing-read-again",
        words: "no read of all rows came after a row was acknowledged or read",
        remedy: "make strong reads at the end, after all faults were healed",
    },
    Doubt {
        code: "election/no-leader",
        words: "nobody was ever told of a leader",
        remedy: "look at the errors of the calls",
    },
    Doubt {
        code: "log/nothing-polled",
        words: "no poll returned a message, so nothing that was sent was seen",
        remedy: "assign the logs from their start at the end of the run, and poll until all is there",
    },
    Doubt {
        code: "long-fork/nothing-partial",
        words: "no read saw some of its keys written and others not yet, so none shows an order",
        remedy: "read the keys of a group while they are written",
    },
    Doubt {
        code: "monotonic/nothing-read",
        words: "no row was acknowledged, or no table read",
        remedy: "look at the errors of the calls",
    },
    Doubt {
        code: "producer-order/nothing-to-compare",
        words: "no two messages of one client came out",
        remedy: "let each client put in several messages, and drain the queue at the end",
    },
    Doubt {
        code: "sequential/nothing-partial",
        words: "no read saw some of its keys written and others not yet, so none shows an order",
        remedy: "read the keys of a group while they are written",
    },
    Doubt {
        code: "staleness/repeated-values",
        words: "a value was written more than once, and which of its writes was read is not known",
        remedy: "write distinct values",
    },
    Doubt {
        code: "staleness/undecided",
        words: "reads were behind by a number of versions that lies between two bounds, and the promise does too",
        remedy: "expect one or two versions, which are decided exactly, or look at the seconds",
    },
    Doubt {
        code: "write-skew/no-contest",
        words: "no two inserts went into the same group",
        remedy: "let several clients insert into each group",
    },
    Doubt {
        code: "write-skew/nothing-inserted",
        words: "no insert succeeded",
        remedy: "look at the errors of the calls",
    },
    Doubt {
        code: "bank/never-read",
        words: "no read of all accounts succeeded",
        remedy: "look at the errors of the reads, or raise --time",
    },
    Doubt {
        code: "counter/never-read",
        words: "no read of the counter succeeded",
        remedy: "look at the errors of the reads, or raise --time",
    },
    Doubt {
        code: "lock/never-acquired",
        words: "nobody ever got the lock",
        remedy: "look at the errors of the acquisitions",
    },
    Doubt {
        code: "queue/not-drained",
        words: "the queue was not empty at the end, so that what is missing may still be in it",
        remedy: "drain the queue at the end of the run",
    },
    Doubt {
        code: "set/never-read",
        words: "no read of the set succeeded",
        remedy: "read every set at the end, after all faults were healed",
    },
    Doubt {
        code: "set/nothing-stable",
        words: "elements were acknowledged, and no read that began afterwards could have shown one",
        remedy: "read every set at the end, after all faults were healed",
    },
    Doubt {
        code: "unique-ids/none",
        words: "no id was ever generated",
        remedy: "look at the errors of the calls",
    },
    Doubt {
        code: "isolation/mixed-keys",
        words: "some keys were used as lists and as registers",
        remedy: "use each key with append and r, or with w and r",
    },
    Doubt {
        code: "isolation/nothing-read",
        words: "no transaction that read anything succeeded",
        remedy: "look at the errors of the transactions, or add reads to the workload",
    },
    Doubt {
        code: "stats/nothing-succeeded",
        words: "of some kind of call none succeeded",
        remedy: "look at the errors: the target may be unreachable, or the client may ask for what it does not have",
    },
    Doubt {
        code: "coverage/no-reads",
        words: "no read succeeded at all",
        remedy: "look at the errors of the reads",
    },
    Doubt {
        code: "coverage/no-faults",
        words: "faults were asked for, and none was injected",
        remedy: "raise --time above the interval of the faults, or look at the faults' errors",
    },
    Doubt {
        code: "coverage/no-fault-took-effect",
        words: "faults were injected, and no probe saw any of them bite",
        remedy: "look at the probes in the fault table; the nodes may lack a tool or a privilege",
    },
    Doubt {
        code: "coverage/no-reads-during-fault",
        words: "no read succeeded while a fault was in force",
        remedy: "raise --time, or let faults last shorter and come less often",
    },
    Doubt {
        code: "coverage/no-final-reads",
        words: "no read succeeded after all faults were healed",
        remedy: "raise the time for recovery, or look at what did not come back",
    },
    Doubt {
        code: "coverage/final-reads-missed-keys",
        words: "some keys were not read after all faults were healed",
        remedy: "read every key at the end",
    },
    Doubt {
        code: "sessions/nothing-read",
        words: "no read showed whose write it saw",
        remedy: "let the workload read, and write each value once",
    },
];
