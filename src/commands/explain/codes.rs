//! Codes that are not of a checker: why a run has no verdict, what broke, and why a call did not end well.

/// What a code means, and what to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Code {
    /// As it is printed.
    pub(super) code: &'static str,
    /// What sort of code it is.
    pub(super) sort: &'static str,
    /// What it means.
    pub(super) words: &'static str,
    /// What to do about it.
    pub(super) remedy: &'static str,
}

const RUN: &str = "of a run";
const CALL: &str = "of a call";
const FAULT: &str = "of a fault";

const fn of(
    sort: &'static str,
    code: &'static str,
    words: &'static str,
    remedy: &'static str,
) -> Code {
    Code {
        code,
        sort,
        words,
        remedy,
    }
}

/// All of them.
pub(super) const CODES: &[Code] = &[
    of(
        RUN,
        "pass",
        "no violation was found, in enough evidence; that proves no absence of errors",
        "nothing",
    ),
    of(
        RUN,
        "fail",
        "at least one violation was found, with the calls that prove it",
        "schism show RUN/1 shows the first",
    ),
    of(
        RUN,
        "unknown",
        "no violation was found, and there was not enough evidence to pass",
        "explain the code that is printed with it",
    ),
    of(
        RUN,
        "error",
        "the cluster, the way to it or schism itself broke, so nothing is said about the target",
        "read what broke, mend it, run again",
    ),
    of(
        RUN,
        "interrupted",
        "the run was stopped before it was over; what was recorded until then was judged",
        "run it again and let it finish",
    ),
    of(
        RUN,
        "inconclusive",
        "what JUnit calls a check that is unknown",
        "explain the code in its message",
    ),
    of(
        RUN,
        "coverage/no-checks",
        "no checker judged this run",
        "schism check judges a recorded run",
    ),
    of(
        RUN,
        "infrastructure",
        "a node, the cluster or our access to it broke: exit code 4",
        "schism doctor says what is missing; schism heal undoes what is left of a run",
    ),
    of(
        RUN,
        "usage",
        "the arguments or the configuration are wrong, and nothing ran: exit code 2",
        "the message says where; schism config show says what is in force",
    ),
    of(
        RUN,
        "bug",
        "schism itself panicked: exit code 70",
        "report it with the dump that the message names",
    ),
    of(
        RUN,
        "violation",
        "what JUnit calls a failure whose check names no anomaly",
        "schism show RUN says more",
    ),
    of(
        CALL,
        "timeout",
        "no answer came within the deadline of a call: it may have happened",
        "normal under faults; otherwise raise --op-timeout",
    ),
    of(
        CALL,
        "no-connection",
        "nothing could be sent, so it certainly did not happen",
        "normal while a node is down or cut off",
    ),
    of(
        CALL,
        "connection-lost",
        "the connection broke after something was sent: it may have happened",
        "normal while a node is killed or cut off",
    ),
    of(
        CALL,
        "lost",
        "the answer was lost or made no sense: it may have happened",
        "normal while a node is killed or cut off",
    ),
    of(
        CALL,
        "no-completion",
        "the record ends before the call does: it may have happened",
        "normal for a run that was killed",
    ),
    of(
        CALL,
        "client-panic",
        "a client of ours panicked: the call may have happened",
        "report it: a target's client has a bug",
    ),
    of(
        CALL,
        "client-stuck",
        "a client of ours blocked its thread past the deadline: the call may have happened",
        "report it: a target's client has a bug",
    ),
    of(
        CALL,
        "cas-mismatch",
        "a compare-and-set found another value, so it did not happen",
        "nothing",
    ),
    of(
        CALL,
        "unsupported",
        "the target does not have this call",
        "leave it out of the workload",
    ),
    of(
        CALL,
        "unavailable",
        "the target said that it cannot serve now, so it did not happen",
        "normal without a majority",
    ),
    of(
        CALL,
        "rejected",
        "the target refused the call, so it did not happen",
        "look at its words in the table of errors",
    ),
    of(
        CALL,
        "strange-answer",
        "the target answered in a way that its client does not know: it may have happened",
        "look at its words in the table of errors",
    ),
    of(
        CALL,
        "server-error",
        "the target said that something went wrong, and not whether the call happened",
        "look at its log",
    ),
    of(
        CALL,
        "server-timeout",
        "the target gave up waiting for its own cluster: the call may have happened",
        "normal without a majority",
    ),
    of(
        CALL,
        "no-leader",
        "the target had no leader, so it did not happen",
        "normal while one is elected",
    ),
    of(
        CALL,
        "not-leader",
        "the member is not the leader, so it did not happen",
        "normal while one is elected",
    ),
    of(
        CALL,
        "too-many-requests",
        "the target had too much to do, so it did not happen",
        "lower --rate",
    ),
    of(
        CALL,
        "no-space",
        "the target has no room left, so it did not happen",
        "give it more, or run for less long",
    ),
    of(
        CALL,
        "bad-request",
        "the target refused the call as malformed, so it did not happen",
        "report it: a target's client has a bug",
    ),
    of(
        CALL,
        "permission-denied",
        "the target did not allow the call, so it did not happen",
        "look at its access control",
    ),
    of(
        CALL,
        "proposal-dropped",
        "the target dropped the call before anything was decided, so it did not happen",
        "normal while a leader is elected",
    ),
    of(
        CALL,
        "too-large",
        "the target refused the call as too large, so it did not happen",
        "report it: no workload writes so much",
    ),
    of(
        CALL,
        "other",
        "errors of more classes than are counted apart",
        "look at the table of errors",
    ),
    of(
        CALL,
        "unknown",
        "an error of an imported history that says nothing of itself",
        "nothing",
    ),
    of(
        CALL,
        "nil-read",
        "an imported history does not say what was read",
        "say what nil means: --nil",
    ),
    of(
        CALL,
        "orphan",
        "an end without a call, which only a damaged history has",
        "look at the file's line",
    ),
    of(
        CALL,
        "error",
        "an error of an imported history that has no class",
        "look at its words in the table of errors",
    ),
    of(
        FAULT,
        "not-applied",
        "a fault could not be injected, and nothing was",
        "its words say why; schism list faults TARGET says what is possible",
    ),
    of(
        FAULT,
        "not-healed",
        "a fault could not be undone",
        "schism heal RUN tries again",
    ),
    of(
        FAULT,
        "busy",
        "a node had a fault already that excludes this one",
        "nothing",
    ),
    of(
        FAULT,
        "not-yet",
        "what a fault waits for has not happened",
        "nothing",
    ),
];
