//! What `schism check` can judge: the one list of kinds of history, each with its checkers. Above it nothing knows the
//! type of an operation, below it everything does.
//!
//! Adding one is a row here and a function in `checks.rs`.

mod checks;
mod read;
mod shape;

use std::path::Path;

use checkers::{Budget, txn::Level};
use history::{
    foreign::{Keys, Nil},
    ops,
};
use reports::Report;
use runner::store::HISTORY;

use self::{
    checks::typed,
    read::{counters, others, plain, registers, sets, snapshots, transactions},
    shape::Shape,
};
use crate::{exit::Failure, judge::Circumstances};

/// A kind of history, with everything it can be expected to be.
pub(crate) struct Subject {
    /// Its name, for `--workload`.
    pub(crate) name: &'static str,
    /// Other names for it.
    also: &'static [&'static str],
    /// What is judged, in a line.
    pub(crate) about: &'static str,
    /// What it may be expected to be; the first unless told otherwise.
    pub(crate) expects: fn() -> Vec<&'static str>,
    /// The functions that its calls have.
    functions: &'static [&'static str],
    /// Whether a text whose functions are among those is of this kind.
    fits: fn(&Shape) -> bool,
    judge: fn(&Path, &Ask) -> Result<Judged, Failure>,
}

/// What is asked about one history.
pub(crate) struct Ask {
    /// One of the subject's expectations.
    pub(crate) expect: &'static str,
    /// What objects hold at first, where somebody says so.
    pub(crate) initial: Option<Initial>,
    /// What a read of nil says, where somebody says so.
    pub(crate) nil: Option<Nil>,
    /// Whether values are pairs of a key and a value, where somebody says so.
    pub(crate) keys: Option<Keys>,
    /// What is known besides the calls.
    pub(crate) circumstances: Circumstances,
    /// What the checkers may spend.
    pub(crate) budget: Budget,
}

/// What objects hold before the first call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Initial {
    /// Nothing.
    Nothing,
    /// This.
    Value(i64),
    /// Nobody knows.
    Unknown,
}

impl std::str::FromStr for Initial {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "nil" => Ok(Self::Nothing),
            "unknown" => Ok(Self::Unknown),
            number => number
                .parse()
                .map(Self::Value)
                .map_err(|_| "it is nil, unknown or an integer".to_owned()),
        }
    }
}

/// A history that was judged.
pub(crate) struct Judged {
    /// What is to be said about it.
    pub(crate) report: Report,
    /// What it was taken for, what was assumed, what was left out.
    pub(crate) told: Vec<String>,
}

impl Subject {
    /// Judges the history in a file, in whatever notation it is.
    pub(crate) fn judge(&self, path: &Path, ask: &Ask) -> Result<Judged, Failure> {
        (self.judge)(path, ask)
    }

    /// The expectation of this name; the usual one without a name.
    pub(crate) fn expectation(&self, name: Option<&str>) -> Result<&'static str, Failure> {
        let all = (self.expects)();
        let Some(name) = name else {
            return Ok(all[0]);
        };
        let found = all.iter().find(|e| **e == name);
        found.copied().ok_or_else(|| {
            Failure::usage(format!(
                "{} cannot be expected to be {name:?}{}\nit can be: {}",
                self.name,
                hint(name, &all),
                all.join(", ")
            ))
        })
    }
}

/// All of them.
pub(crate) const SUBJECTS: [Subject; 16] = [
    Subject {
        name: "register",
        also: &["cas-register"],
        about: "registers with read, write and cas: each call takes effect at one moment",
        expects: || vec!["linearizable"],
        functions: &["read", "write", "cas"],
        fits: |shape| {
            let written = shape.has("write") || shape.has("cas");
            (shape.reads_only_scalars() || written && shape.reads_nothing())
                && !shape.reads_name_keys()
        },
        judge: |path, ask| {
            typed(
                path,
                ask,
                registers,
                checks::registers,
                checks::reads_register,
            )
        },
    },
    Subject {
        name: "list-append",
        also: &["append"],
        about: "transactions that append to lists and read them: isolation",
        expects: levels,
        functions: &["txn"],
        fits: |shape| shape.step("append") || !shape.step("w"),
        judge: |path, ask| {
            typed(
                path,
                ask,
                transactions,
                checks::transactions,
                checks::reads_txn,
            )
        },
    },
    Subject {
        name: "rw-register",
        also: &["wr"],
        about: "transactions that write and read registers: isolation",
        expects: levels,
        functions: &["txn"],
        fits: |shape| shape.step("w") && !shape.step("append"),
        judge: |path, ask| {
            typed(
                path,
                ask,
                transactions,
                checks::transactions,
                checks::reads_txn,
            )
        },
    },
    Subject {
        name: "set-full",
        also: &["set"],
        about: "elements added to a set stay in it",
        expects: || vec!["eventual", "linearizable", "last-read"],
        functions: &["add", "read"],
        fits: |shape| shape.reads_lists() || shape.reads_nothing(),
        judge: |path, ask| {
            typed(path, ask, sets, checks::sets, |c: &ops::SetCall| {
                c.op == ops::SetOp::Read
            })
        },
    },
    Subject {
        name: "counter",
        also: &[],
        about: "reads of a counter lie between what was certainly and what was possibly added",
        expects: || vec!["bounded"],
        functions: &["add", "read"],
        fits: |shape| shape.has("add") && (shape.reads_only_scalars() || shape.reads_nothing()),
        judge: |path, ask| {
            typed(
                path,
                ask,
                counters,
                checks::counters,
                |c: &ops::CounterCall| c.op == ops::CounterOp::Read,
            )
        },
    },
    Subject {
        name: "bank",
        also: &[],
        about: "transfers between accounts leave their total alone",
        expects: || vec!["constant-total", "no-overdraft"],
        functions: &["transfer", "read"],
        fits: |shape| shape.has("transfer") || shape.reads_maps(),
        judge: |path, ask| {
            typed(path, ask, others, checks::banks, |c: &ops::BankCall| {
                *c == ops::BankCall::Read
            })
        },
    },
    Subject {
        name: "unique-ids",
        also: &[],
        about: "no id is given out twice",
        expects: || vec!["unique"],
        functions: &["generate"],
        fits: |_| true,
        judge: |path, ask| {
            typed(path, ask, others, checks::ids, |_: &ops::UniqueIdsCall| {
                true
            })
        },
    },
    Subject {
        name: "queue",
        also: &["total-queue"],
        about: "what was enqueued is dequeued, and nothing else",
        expects: || vec!["at-least-once", "exactly-once"],
        functions: &["enqueue", "dequeue", "drain"],
        fits: |_| true,
        judge: |path, ask| {
            typed(path, ask, others, checks::queues, |c: &ops::QueueCall| {
                !matches!(c.op, ops::QueueOp::Enqueue(_))
            })
        },
    },
    Subject {
        name: "lock",
        also: &["mutex"],
        about: "no two clients have a lock at the same time",
        expects: || vec!["mutual-exclusion"],
        functions: &["acquire", "release"],
        fits: |_| true,
        judge: |path, ask| {
            typed(path, ask, others, checks::locks, |c: &ops::LockCall| {
                c.op == ops::LockOp::Acquire
            })
        },
    },
    Subject {
        name: "election",
        also: &[],
        about: "each term has at most one leader, and no node goes back to an earlier one",
        expects: || vec!["one-leader-per-term"],
        functions: &["leader"],
        fits: |_| true,
        judge: |path, ask| {
            typed(
                path,
                ask,
                others,
                checks::elections,
                |_: &ops::ElectionCall| true,
            )
        },
    },
    Subject {
        name: "consensus",
        also: &[],
        about: "each decision is one value, that somebody proposed",
        expects: || vec!["agreement"],
        functions: &["propose", "learn"],
        fits: |_| true,
        judge: |path, ask| {
            typed(
                path,
                ask,
                others,
                checks::decisions,
                |c: &ops::ConsensusCall| c.op == ops::ConsensusOp::Learn,
            )
        },
    },
    Subject {
        name: "atomic-commit",
        also: &["dirty-reads"],
        about: "rows that are written together are seen together, and never if the write failed",
        expects: || vec!["read-atomic"],
        functions: &["write", "read"],
        fits: |shape| shape.reads_lists() && !shape.reads_name_keys(),
        judge: |path, ask| {
            typed(path, ask, others, checks::rows, |c: &ops::RowsCall| {
                c.op == ops::RowsOp::Read
            })
        },
    },
    Subject {
        name: "snapshot",
        also: &["long-fork", "causal-reverse", "sequential"],
        about: "registers written once and read several at a time: long fork, causal reverse, sessions",
        expects: || vec!["snapshot-isolation", "strict-serializable", "sequential"],
        functions: &["write", "read"],
        fits: |shape| shape.reads_name_keys() && !shape.reads_lists_of_maps(),
        judge: |path, ask| {
            typed(
                path,
                ask,
                snapshots,
                checks::snapshots,
                |c: &ops::SnapshotCall| matches!(c, ops::SnapshotCall::Read(_)),
            )
        },
    },
    Subject {
        name: "write-skew",
        also: &["adya", "g2"],
        about: "of the inserts into a group that must be empty, at most one succeeds",
        expects: || vec!["serializable"],
        functions: &["insert"],
        fits: |_| true,
        judge: |path, ask| {
            typed(
                path,
                ask,
                others,
                checks::guarded,
                |_: &ops::GuardedCall| true,
            )
        },
    },
    Subject {
        name: "monotonic",
        also: &[],
        about: "rows inserted one after the other are in that order by the system's timestamps",
        expects: || vec!["timestamp-order"],
        functions: &["add", "read"],
        fits: |shape| shape.reads_lists_of_maps(),
        judge: |path, ask| {
            typed(
                path,
                ask,
                others,
                checks::timestamps,
                |c: &ops::MonotonicCall| c.op == ops::MonotonicOp::Read,
            )
        },
    },
    Subject {
        name: "log",
        also: &["kafka", "stream"],
        about: "logs of messages are neither lost nor doubled, and read in one order",
        expects: || vec!["ordered"],
        functions: &["send", "poll", "txn", "assign", "subscribe", "crash"],
        fits: |shape| !shape.only(&["txn"]),
        judge: |path, ask| typed(path, ask, plain, checks::logs, checks::polls),
    },
];

/// Serializability first: it can be judged without real time, and is what most promise.
fn levels() -> Vec<&'static str> {
    let rest = Level::ALL.iter().filter(|l| **l != Level::Serializable);
    [Level::Serializable]
        .iter()
        .chain(rest)
        .map(|l| l.name())
        .collect()
}

/// The models of `--model`, each with the subject whose histories it judges.
const MODELS: [(&str, &str); 2] = [("cas-register", "register"), ("register", "register")];

/// The subject of this name.
pub(crate) fn named(name: &str) -> Result<&'static Subject, Failure> {
    let found = SUBJECTS
        .iter()
        .find(|s| s.name == name || s.also.contains(&name));
    found.ok_or_else(|| {
        let names: Vec<&str> = SUBJECTS.iter().map(|s| s.name).collect();
        let list: String = SUBJECTS
            .iter()
            .map(|s| format!("\n  {:<12} {}", s.name, s.about))
            .collect();
        Failure::usage(format!(
            "there is no workload {name:?}{}\nworkloads:{list}",
            hint(name, &names)
        ))
    })
}

/// The subject that a model judges.
pub(crate) fn of_model(name: &str) -> Result<&'static Subject, Failure> {
    match MODELS.iter().find(|(model, _)| *model == name) {
        Some((_, subject)) => named(subject),
        None => {
            let names: Vec<&str> = MODELS.iter().map(|(model, _)| *model).collect();
            Err(Failure::usage(format!(
                "there is no model {name:?}{}\nmodels: auto, {}",
                hint(name, &names),
                names.join(", ")
            )))
        }
    }
}

/// Judges what a run recorded, as the run was told to.
pub(crate) fn run(dir: &Path, circumstances: Circumstances) -> Result<Judged, Failure> {
    let subject = named(&circumstances.meta.workload)?;
    let expect = subject.expectation(Some(&circumstances.meta.expectation))?;
    let ask = Ask {
        expect,
        initial: None,
        nil: None,
        keys: None,
        circumstances,
        budget: Budget::default(),
    };
    subject.judge(&dir.join(HISTORY), &ask)
}

/// The subject that a file is of, by its functions and values, and why.
pub(crate) fn recognize(path: &Path) -> Result<(&'static Subject, String), Failure> {
    let shape = Shape::of(path)?;
    let at = path.display();
    let fitting: Vec<&Subject> = SUBJECTS
        .iter()
        .filter(|s| shape.is_among(s.functions) && (s.fits)(&shape))
        .collect();
    match fitting[..] {
        [one] => Ok((
            one,
            format!("{at}: taken for {}: {}", one.name, shape.why()),
        )),
        [] => Err(Failure::usage(format!(
            "{at}: no workload known here has {}; name one with --workload: {}",
            shape.why(),
            SUBJECTS.map(|s| s.name).join(", ")
        ))),
        _ => {
            let names: Vec<&str> = fitting.iter().map(|s| s.name).collect();
            Err(Failure::usage(format!(
                "{at}: {} could be {}; say which with --workload",
                shape.why(),
                names.join(" or ")
            )))
        }
    }
}

fn hint(name: &str, names: &[&str]) -> String {
    let near = names
        .iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(distance, _)| *distance <= 3)
        .min();
    near.map_or_else(String::new, |(_, known)| format!("; did you mean {known}?"))
}
