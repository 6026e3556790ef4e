//! What `schism check` can judge: the one list of kinds of history, each with its checkers. Above it nothing knows the
//! type of an operation ([`Typed`] hides it), below it everything does.
//!
//! Adding one is a row here and a function in `checks.rs`.

mod checks;
mod models;
mod read;
mod shape;
mod typed;

use std::path::Path;

use checkers::{Budget, linear::models::NAMES, txn::Level, weak::Guarantee};
use history::{
    Codec,
    foreign::{Keys, Nil, Start},
    ops,
};
use reports::Report;
use runner::store::HISTORY;

use self::{
    models::MODELS,
    read::{others, plain, registers, sets, snapshots, transactions},
    shape::Shape,
    typed::{From, Opening, linearizable_or, typed},
};
pub(crate) use self::{
    read::Assumed,
    typed::{About, Notation, Typed},
};
use crate::{exit::Failure, judge::Circumstances};

/// A kind of history, with everything it can be expected to be.
pub(crate) struct Subject {
    /// The option that names it.
    pub(crate) option: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
    /// Other names for it.
    pub(crate) also: &'static [&'static str],
    /// What is judged, in a line.
    pub(crate) about: &'static str,
    /// What it may be expected to be; the first unless told otherwise.
    pub(crate) expects: fn() -> Vec<&'static str>,
    /// The functions that its calls have.
    functions: &'static [&'static str],
    /// Whether a text whose functions are among those is of this kind.
    fits: fn(&Shape) -> bool,
    open: fn(From<'_>, &Reading) -> Opening,
}

/// What is asked about one history.
pub(crate) struct Ask {
    /// One of the subject's expectations.
    pub(crate) expect: &'static str,
    /// How to read it.
    pub(crate) reading: Reading,
    /// What is known besides the calls.
    pub(crate) circumstances: Circumstances,
    /// What the checkers may spend.
    pub(crate) budget: Budget,
}

/// How to read a history, as far as somebody says so.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reading {
    /// What objects hold at first.
    pub(crate) initial: Option<Initial>,
    /// What a read of nil says.
    pub(crate) nil: Option<Nil>,
    /// Whether values are pairs of a key and a value.
    pub(crate) keys: Option<Keys>,
}

impl Reading {
    /// The options that say so.
    pub(crate) fn options(&self) -> Vec<String> {
        let nil = self.nil.map(|nil| match nil {
            Nil::Unknown => "unknown",
            Nil::Absent => "value",
        });
        let keys = self.keys.map(|keys| match keys {
            Keys::InValue => "pairs",
            Keys::InField => "none",
        });
        let all = [
            ("--initial", self.initial.map(|initial| initial.to_string())),
            ("--nil", nil.map(str::to_owned)),
            ("--keys", keys.map(str::to_owned)),
        ];
        let given = all
            .into_iter()
            .filter_map(|(option, value)| Some([option.to_owned(), value?]));
        given.flatten().collect()
    }
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

impl std::fmt::Display for Initial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nothing => f.write_str("nil"),
            Self::Value(value) => write!(f, "{value}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
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
    /// What kind of history it is.
    pub(crate) subject: &'static Subject,
    /// The history.
    pub(crate) history: Box<dyn Typed>,
}

impl Subject {
    /// Judges the history in a file, in whatever notation it is.
    pub(crate) fn judge(&'static self, path: &Path, ask: &Ask) -> Result<Judged, Failure> {
        let history = self.open(path, &ask.reading)?;
        Ok(Judged {
            report: history.judge(ask)?,
            told: history.told().to_vec(),
            subject: self,
            history,
        })
    }

    /// Reads the history in a file, in whatever notation it is.
    pub(crate) fn open(&self, path: &Path, how: &Reading) -> Opening {
        (self.open)(From::File(path), how)
    }

    /// Who judges it where this is expected: by that, and then every run of this kind.
    pub(crate) fn checkers(
        &self,
        expect: &'static str,
    ) -> Result<(Vec<About>, Vec<About>), Failure> {
        let reading = Reading::default();
        (self.open)(From::Nothing, &reading)?.checkers(&Ask {
            expect,
            reading,
            circumstances: Circumstances::default(),
            budget: Budget::default(),
        })
    }

    /// How a copy in this notation is to be read, so that it is taken for what was read here.
    pub(crate) fn reading(&self, assumed: Assumed, to: Notation) -> Reading {
        let initial = match (self.name, to) {
            ("register", Notation::Edn) => {
                Some(assumed.initial.map_or(Initial::Nothing, Initial::Value))
            }
            ("register", Notation::Journal) => assumed.initial.map(Initial::Value),
            ("rw-register", Notation::Edn) => {
                (assumed.start == Start::Absent).then_some(Initial::Nothing)
            }
            ("rw-register", Notation::Journal) => {
                (assumed.start == Start::Unknown).then_some(Initial::Unknown)
            }
            _ if self.option == "--model" => assumed.told,
            _ => None,
        };
        let nil = (self.name == "register" && to == Notation::Edn).then_some(Nil::Absent);
        Reading {
            initial,
            nil,
            keys: None,
        }
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
pub(crate) static SUBJECTS: [Subject; 17] = [
    Subject {
        option: "--workload",
        name: "register",
        also: &["cas-register"],
        about: "registers with read, write and cas: each call takes effect at one moment",
        expects: || {
            let weaker = Guarantee::ALL.map(Guarantee::name);
            [&["linearizable", "2-atomic"][..], &weaker].concat()
        },
        functions: &["read", "write", "cas"],
        fits: |shape| {
            let written = shape.has("write") || shape.has("cas");
            (shape.reads_only_scalars() || written && shape.reads_nothing())
                && !shape.reads_name_keys()
        },
        open: |from, how| {
            linearizable_or(
                from,
                how,
                registers,
                checks::registers,
                checks::sessions,
                checks::reads_register,
            )
        },
    },
    Subject {
        option: "--workload",
        name: "list-append",
        also: &["append"],
        about: "transactions that append to lists and read them: isolation",
        expects: levels,
        functions: &["txn"],
        fits: |shape| shape.step("append") || !shape.step("w"),
        open: |from, how| {
            typed(
                from,
                how,
                transactions,
                checks::transactions,
                checks::reads_txn,
            )
        },
    },
    Subject {
        option: "--workload",
        name: "rw-register",
        also: &["wr"],
        about: "transactions that write and read registers: isolation",
        expects: levels,
        functions: &["txn"],
        fits: |shape| shape.step("w") && !shape.step("append"),
        open: |from, how| {
            typed(
                from,
                how,
                transactions,
                checks::transactions,
                checks::reads_txn,
            )
        },
    },
    Subject {
        option: "--workload",
        name: "set-full",
        also: &["set"],
        about: "elements added to a set stay in it",
        expects: || vec!["eventual", "linearizable", "last-read"],
        functions: &["add", "read"],
        fits: |shape| shape.reads_lists() || shape.reads_nothing(),
        open: |from, how| {
            typed(from, how, sets, checks::sets, |c: &ops::SetCall| {
                c.op == ops::SetOp::Read
            })
        },
    },
    Subject {
        option: "--workload",
        name: "counter",
        also: &[],
        about: "reads of a counter lie between what was certainly and what was possibly added",
        expects: || vec!["bounded"],
        functions: &["add", "read"],
        fits: |shape| shape.has("add") && (shape.reads_only_scalars() || shape.reads_nothing()),
        open: |from, how| {
            typed(
                from,
                how,
                others,
                checks::counters,
                |c: &ops::CounterCall| c.op == ops::CounterOp::Read,
            )
        },
    },
    Subject {
        option: "--workload",
        name: "bank",
        also: &[],
        about: "transfers between accounts leave their total alone",
        expects: || vec!["constant-total", "no-overdraft"],
        functions: &["transfer", "read"],
        fits: |shape| shape.has("transfer") || shape.reads_maps(),
        open: |from, how| {
            typed(from, how, others, checks::banks, |c: &ops::BankCall| {
                *c == ops::BankCall::Read
            })
        },
    },
    Subject {
        option: "--workload",
        name: "unique-ids",
        also: &[],
        about: "no id is given out twice",
        expects: || vec!["unique"],
        functions: &["generate"],
        fits: |_| true,
        open: |from, how| {
            typed(from, how, others, checks::ids, |_: &ops::UniqueIdsCall| {
                true
            })
        },
    },
    Subject {
        option: "--workload",
        name: "queue",
        also: &["total-queue"],
        about: "what was enqueued is dequeued, and nothing else",
        expects: || vec!["at-least-once", "exactly-once", "producer-order"],
        functions: &["enqueue", "dequeue", "drain"],
        fits: |_| true,
        open: |from, how| {
            typed(from, how, others, checks::queues, |c: &ops::QueueCall| {
                !matches!(c.op, ops::QueueOp::Enqueue(_))
            })
        },
    },
    Subject {
        option: "--workload",
        name: "lock",
        also: &["mutex"],
        about: "no two clients have a lock at the same time",
        expects: || vec!["mutual-exclusion"],
        functions: &["acquire", "release"],
        fits: |_| true,
        open: |from, how| {
            typed(from, how, others, checks::locks, |c: &ops::LockCall| {
                c.op == ops::LockOp::Acquire
            })
        },
    },
    Subject {
        option: "--workload",
        name: "election",
        also: &[],
        about: "each term has at most one leader, and no node goes back to an earlier one",
        expects: || vec!["one-leader-per-term"],
        functions: &["leader"],
        fits: |_| true,
        open: |from, how| {
            typed(
                from,
                how,
                others,
                checks::elections,
                |_: &ops::ElectionCall| true,
            )
        },
    },
    Subject {
        option: "--workload",
        name: "consensus",
        also: &[],
        about: "each decision is one value, that somebody proposed",
        expects: || vec!["agreement"],
        functions: &["propose", "learn"],
        fits: |_| true,
        open: |from, how| {
            typed(
                from,
                how,
                others,
                checks::decisions,
                |c: &ops::ConsensusCall| c.op == ops::ConsensusOp::Learn,
            )
        },
    },
    Subject {
        option: "--workload",
        name: "atomic-commit",
        also: &["dirty-reads"],
        about: "rows that are written together are seen together, and never if the write failed",
        expects: || vec!["read-atomic"],
        functions: &["write", "read"],
        fits: |shape| shape.reads_lists() && !shape.reads_name_keys(),
        open: |from, how| {
            typed(from, how, others, checks::rows, |c: &ops::RowsCall| {
                c.op == ops::RowsOp::Read
            })
        },
    },
    Subject {
        option: "--workload",
        name: "snapshot",
        also: &["long-fork", "causal-reverse", "sequential"],
        about: "registers written once and read several at a time: long fork, causal reverse, sessions",
        expects: || vec!["snapshot-isolation", "strict-serializable", "sequential"],
        functions: &["write", "read"],
        fits: |shape| shape.reads_name_keys() && !shape.reads_lists_of_maps(),
        open: |from, how| {
            typed(
                from,
                how,
                snapshots,
                checks::snapshots,
                |c: &ops::SnapshotCall| matches!(c, ops::SnapshotCall::Read(_)),
            )
        },
    },
    Subject {
        option: "--workload",
        name: "write-skew",
        also: &["adya", "g2"],
        about: "of the inserts into a group that must be empty, at most one succeeds",
        expects: || vec!["serializable"],
        functions: &["insert"],
        fits: |_| true,
        open: |from, how| {
            typed(
                from,
                how,
                others,
                checks::guarded,
                |_: &ops::GuardedCall| true,
            )
        },
    },
    Subject {
        option: "--workload",
        name: "monotonic",
        also: &[],
        about: "rows inserted one after the other are in that order by the system's timestamps",
        expects: || vec!["timestamp-order"],
        functions: &["add", "read"],
        fits: |shape| shape.reads_lists_of_maps(),
        open: |from, how| {
            typed(
                from,
                how,
                others,
                checks::timestamps,
                |c: &ops::MonotonicCall| c.op == ops::MonotonicOp::Read,
            )
        },
    },
    Subject {
        option: "--workload",
        name: "log",
        also: &["kafka", "stream"],
        about: "logs of messages are neither lost nor doubled, and read in one order",
        expects: || vec!["ordered"],
        functions: &["send", "poll", "txn", "assign", "subscribe", "crash"],
        fits: |shape| !shape.only(&["txn"]),
        open: |from, how| typed(from, how, plain, checks::logs, checks::polls),
    },
    Subject {
        option: "--workload",
        name: "dirty-read",
        also: &["documents"],
        about: "no read sees a document whose write failed, and strong reads of all nodes agree",
        expects: || vec!["committed-reads"],
        functions: &["write", "read", "refresh", "strong-read"],
        fits: |shape| shape.has("strong-read"),
        open: |from, how| {
            typed(
                from,
                how,
                others,
                checks::documents,
                |c: &ops::DocumentsCall| ops::Documents::name(c) == "strong-read",
            )
        },
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

/// Everything that is judged: workloads, then models.
pub(crate) fn all() -> impl Iterator<Item = &'static Subject> {
    SUBJECTS.iter().chain(&MODELS)
}

/// The subject of this name.
pub(crate) fn named(name: &str) -> Result<&'static Subject, Failure> {
    let found = SUBJECTS
        .iter()
        .find(|s| s.name == name || s.also.contains(&name));
    found.ok_or_else(|| {
        let names = names();
        let list: String = SUBJECTS
            .iter()
            .map(|s| format!("\n  {:<13} {}", s.name, s.about))
            .collect();
        Failure::usage(format!(
            "there is no workload {name:?}{}\nworkloads:{list}",
            hint(name, &names)
        ))
    })
}

fn names() -> Vec<&'static str> {
    SUBJECTS.iter().map(|s| s.name).collect()
}

/// The subject that a model judges: registers as ever, anything else by the search.
pub(crate) fn of_model(name: &str) -> Result<&'static Subject, Failure> {
    if ["register", "cas-register"].contains(&name) {
        return named("register");
    }
    MODELS.iter().find(|m| m.name == name).ok_or_else(|| {
        let names = NAMES.map(|(name, _)| name);
        let list = NAMES.map(|(name, about)| format!("\n  {name:<18} {about}"));
        Failure::usage(format!(
            "there is no model {name:?}{}\nmodels:\n  {:<18} what it looks like{}",
            hint(name, &names),
            "auto",
            list.concat(),
        ))
    })
}

/// Judges what a run recorded, as the run was told to. With helpers that end with it: `repro` makes another run in this
/// process, and while there are other threads a process cannot move into the network of a lab.
pub(crate) fn run(dir: &Path, circumstances: Circumstances) -> Result<Judged, Failure> {
    let helpers = rayon::ThreadPoolBuilder::new()
        .thread_name(|n| format!("schism-check-{n}"))
        .build()
        .map_err(|e| Failure::infrastructure(format!("cannot start threads: {e}")))?;
    helpers.install(|| run_here(dir, circumstances))
}

fn run_here(dir: &Path, circumstances: Circumstances) -> Result<Judged, Failure> {
    let subject = named(&circumstances.meta.workload)?;
    let expect = subject.expectation(Some(&circumstances.meta.expectation))?;
    let ask = Ask {
        expect,
        reading: Reading::default(),
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
            names().join(", ")
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
