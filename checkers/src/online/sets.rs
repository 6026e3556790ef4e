//! Sets that only grow: each read against what was tried and what was known at that moment.
//!
//! An element that nobody had tried to add, one whose add had failed, and one that is there twice are impossible whatever
//! the set promises. A linearizable set also shows every element whose add had been acknowledged, or that a read had shown,
//! before this read began. **Sound.** Not seen here: that an element is lost for good, which only the last read tells, and
//! reads of which neither contains the other. Three entries per element.

use history::{
    Index, Key, Outcome,
    ops::{Set, SetCall, SetOp, SetReturn},
};

use super::{Ended, Map, Watch};

/// Watches every set.
#[derive(Debug, Default)]
pub struct Sets {
    linearizable: bool,
    sets: Map<Option<Key>, One>,
}

impl Sets {
    /// Elements may take their time to appear.
    pub fn eventual() -> Self {
        Self::default()
    }

    /// Every read has all that was known when it began.
    pub fn linearizable() -> Self {
        Self {
            linearizable: true,
            ..Self::default()
        }
    }
}

#[derive(Debug, Default)]
struct One {
    given_up: bool,
    tried: Map<i64, Tried>,
    /// Elements in the order in which they became known, with where.
    known: Vec<(Index, i64)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tried {
    calls: u32,
    failed: u32,
    known: bool,
}

impl Watch<Set> for Sets {
    fn name(&self) -> &'static str {
        "sets"
    }

    fn called(&mut self, _: Index, call: &SetCall) {
        if let SetOp::Add(element) = call.op {
            let one = self.sets.entry_ref(&call.key).or_default();
            one.tried.entry(element).or_default().calls += 1;
        }
    }

    fn ended(&mut self, ended: &Ended<'_, Set>) -> Option<(String, Vec<Index>)> {
        let one = self.sets.entry_ref(&ended.call.key).or_default();
        if one.given_up {
            return None;
        }
        let what = match (ended.call.op, ended.outcome) {
            (SetOp::Add(element), Outcome::Ok(_)) => {
                one.knows(element, ended.completed);
                None
            }
            (SetOp::Add(element), Outcome::Fail(_)) => {
                let tried = one.tried.entry(element).or_default();
                tried.failed += 1;
                (tried.known && tried.failed == tried.calls)
                    .then(|| format!("{element} was read, and its add failed"))
            }
            (SetOp::Read, Outcome::Ok(SetReturn::Elements(all))) => {
                one.read(all, ended.invoked, ended.completed, self.linearizable)
            }
            _ => None,
        }?;
        one.given_up = true;
        let key = ended.call.key.as_ref();
        let calls = vec![ended.invoked];
        Some((
            format!("the set{}: {what}", crate::words::on_key(key)),
            calls,
        ))
    }
}

impl One {
    fn knows(&mut self, element: i64, at: Index) {
        let tried = self.tried.entry(element).or_default();
        if !std::mem::replace(&mut tried.known, true) {
            self.known.push((at, element));
        }
    }

    fn read(&mut self, all: &[i64], began: Index, ended: Index, whole: bool) -> Option<String> {
        let mut sorted = all.to_vec();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Some(format!("a read had {} twice", twice[0]));
        }
        for element in &sorted {
            match self.tried.get(element) {
                None => {
                    return Some(format!(
                        "{element} was read, and nobody had tried to add it"
                    ));
                }
                Some(tried) if tried.failed == tried.calls => {
                    return Some(format!("{element} was read, and its add had failed"));
                }
                Some(_) => {}
            }
        }
        if whole {
            let due = self.known.partition_point(|(at, _)| *at < began);
            let missing = self.known[..due]
                .iter()
                .find(|(_, element)| sorted.binary_search(element).is_err());
            if let Some((_, element)) = missing {
                return Some(format!(
                    "{element} was known, and a later read had not got it"
                ));
            }
        }
        for element in sorted {
            self.knows(element, ended);
        }
        None
    }
}
