//! What the beginning of a history looks like: enough to tell what it is a history of.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use history::{
    Datum,
    foreign::{self, Caller, Foreign, Kind},
};

use super::read;
use crate::exit::Failure;

/// How many ops are looked at.
const ENOUGH: usize = 5000;

/// What the first ops are like.
#[derive(Debug, Default)]
pub(super) struct Shape {
    functions: BTreeSet<Arc<str>>,
    steps: BTreeSet<Arc<str>>,
    seen: BTreeSet<Seen>,
    asked: Values,
    answered: Values,
    reads_name_keys: bool,
}

/// How often values are pairs.
#[derive(Debug, Clone, Copy, Default)]
struct Values {
    pairs: bool,
    others: bool,
}

/// Whether values are pairs of a key and a value, as in `jepsen.independent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyed {
    Yes,
    No,
    /// Calls have pairs, answers have none.
    Contradictory,
}

/// What reads saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    Scalar,
    List,
    ListOfMaps,
    Map,
}

impl Shape {
    /// Of a file, in whatever notation.
    pub(super) fn of(path: &Path) -> Result<Self, Failure> {
        let mut shape = Self::default();
        let Some(file) = read::open(path)? else {
            return Ok(shape);
        };
        let (_, ops) = foreign::open(file).map_err(|e| read::complaint(path, e))?;
        let mut reads = Vec::new();
        for op in ops.take(ENOUGH) {
            let op = match op {
                Ok(op) => op,
                // Whoever reads the whole of it says what is wrong, or that it is torn.
                Err(_) if !shape.functions.is_empty() => break,
                Err(e) => return Err(read::complaint(path, e)),
            };
            if matches!(op.caller, Caller::Process(_)) {
                shape.look(&op, &mut reads);
            }
        }
        let keyed = shape.keyed() == Keyed::Yes;
        for value in reads {
            let value = match value.as_seq() {
                Some([_, value]) if keyed => value,
                _ => &value,
            };
            if let Some(seen) = seen(value) {
                shape.seen.insert(seen);
            }
        }
        Ok(shape)
    }

    fn look(&mut self, op: &Foreign, reads: &mut Vec<Datum>) {
        let steps = op.value.as_seq().filter(|steps| {
            !steps.is_empty()
                && steps.iter().all(|step| {
                    let name = step.as_seq().and_then(|s| s.first()?.as_name());
                    name.is_some_and(|n| ["r", "w", "append"].contains(&&**n))
                })
        });
        let f = match (&op.f, steps) {
            (None, Some(_)) => Arc::from("txn"),
            (None, None) => return,
            (Some(f), _) => Arc::clone(f),
        };
        if let Some(steps) = steps.filter(|_| &*f == "txn") {
            let names = steps.iter().filter_map(|s| s.as_seq()?.first()?.as_name());
            self.steps.extend(names.cloned());
        } else if matches!(op.kind, Kind::Invoke | Kind::Ok) && !op.value.is_nil() {
            let is_pair = match op.value.as_seq() {
                // The value of a cas is a pair anyway.
                Some([_, value]) if &*f == "cas" => value.as_seq().is_some(),
                Some([_, _]) => true,
                _ => false,
            };
            let values = match op.kind {
                Kind::Invoke => &mut self.asked,
                _ => &mut self.answered,
            };
            values.pairs |= is_pair;
            values.others |= !is_pair;
            match op.kind {
                Kind::Ok if &*f == "read" => reads.push(op.value.clone()),
                // The value of a keyed read is its key and nil.
                Kind::Invoke if &*f == "read" => {
                    let last = op.value.as_seq().and_then(|keys| keys.last());
                    self.reads_name_keys |= last.is_some_and(|key| !key.is_nil());
                }
                _ => {}
            }
        }
        self.functions.insert(f);
    }

    pub(super) fn keyed(&self) -> Keyed {
        match (self.asked, self.answered.others) {
            (
                Values {
                    pairs: true,
                    others: false,
                },
                false,
            ) => Keyed::Yes,
            (
                Values {
                    pairs: true,
                    others: false,
                },
                true,
            ) => Keyed::Contradictory,
            _ => Keyed::No,
        }
    }

    /// Whether all functions are among these.
    pub(super) fn is_among(&self, functions: &[&str]) -> bool {
        !self.functions.is_empty() && self.functions.iter().all(|f| functions.contains(&&**f))
    }

    /// Whether there are no other functions than these, and all of these.
    pub(super) fn only(&self, functions: &[&str]) -> bool {
        self.functions
            .iter()
            .map(|f| &**f)
            .eq(functions.iter().copied())
    }

    pub(super) fn has(&self, function: &str) -> bool {
        self.functions.contains(function)
    }

    /// Whether transactions have such a step.
    pub(super) fn step(&self, name: &str) -> bool {
        self.steps.contains(name)
    }

    pub(super) fn reads_nothing(&self) -> bool {
        self.seen.is_empty()
    }

    pub(super) fn reads_lists(&self) -> bool {
        self.seen.iter().eq([&Seen::List])
    }

    pub(super) fn reads_lists_of_maps(&self) -> bool {
        self.seen.contains(&Seen::ListOfMaps) && !self.reads_only_scalars()
    }

    /// Whether reads say which keys they are of.
    pub(super) fn reads_name_keys(&self) -> bool {
        self.reads_name_keys
    }

    pub(super) fn reads_maps(&self) -> bool {
        self.seen.iter().eq([&Seen::Map])
    }

    pub(super) fn reads_only_scalars(&self) -> bool {
        self.seen.iter().eq([&Seen::Scalar])
    }

    /// In words: `its functions are add and read, and reads see lists`.
    pub(super) fn why(&self) -> String {
        let list = |names: &BTreeSet<Arc<str>>| {
            let quoted: Vec<String> = names
                .iter()
                .map(|n| reports::escape::inert(n, 40))
                .collect();
            quoted.join(", ")
        };
        if self.functions.is_empty() {
            return "no call of a client".to_owned();
        }
        let mut why = format!("the functions {}", list(&self.functions));
        if !self.steps.is_empty() {
            why.push_str(&format!(" with the steps {}", list(&self.steps)));
        }
        let seen: Vec<&str> = self
            .seen
            .iter()
            .map(|seen| match seen {
                Seen::Scalar => "single values",
                Seen::List => "lists",
                Seen::ListOfMaps => "lists of maps",
                Seen::Map => "maps",
            })
            .collect();
        if !seen.is_empty() {
            why.push_str(&format!(", where reads see {}", seen.join(" and ")));
        }
        why
    }
}

fn seen(value: &Datum) -> Option<Seen> {
    if value.is_nil() {
        None
    } else if value.as_map().is_some() {
        Some(Seen::Map)
    } else if let Some(elements) = value.as_seq().or(value.as_set()) {
        let maps = elements
            .first()
            .is_some_and(|first| first.as_map().is_some());
        Some(if maps { Seen::ListOfMaps } else { Seen::List })
    } else {
        Some(Seen::Scalar)
    }
}
