//! Registers whose values are all distinct, by zones, one completion at a time.
//!
//! As in [`linear`](crate::linear) (1a, after Gibbons & Korach 1997): the calls that write and read one value are its
//! cluster, which begins with its latest start s and ends with its earliest end f; two clusters of which each has an end
//! before a start of the other are a violation. A cluster's f is known with its first completion, and its s only grows, so
//! clusters are kept in order of s, and the one that just grew is compared with those that begin after its f. While there is
//! no violation those are the clusters concurrent with its last call, a handful.
//!
//! **Sound.** For reads and writes it raises the alarm at the first completion at which the record is impossible. Of
//! compare-and-sets it sees that each is a read and a write, that no two take the same value, and not that they bind
//! clusters together. A key to which a value is written twice is given up. One entry per value written, about 100 bytes.

use std::collections::BTreeSet;

use history::{Index, Key, Outcome, Register, RegisterCall, RegisterOp, RegisterReturn};

use super::{Ended, Map, Watch};

/// Watches every key.
#[derive(Debug, Default)]
pub struct Registers {
    initial: Option<i64>,
    keys: Map<Key, Object>,
}

impl Registers {
    /// Registers that hold this at first.
    pub fn starting_with(initial: Option<i64>) -> Self {
        Self {
            initial,
            keys: Map::default(),
        }
    }
}

/// One register. Absence is a value like others.
#[derive(Debug, Default)]
struct Object {
    /// A value was written twice, or an alarm was raised.
    given_up: bool,
    clusters: Map<Option<i64>, Cluster>,
    /// Clusters with a completed call, by s.
    by_start: BTreeSet<(u32, Option<i64>)>,
}

/// The calls of one value. Places count from 1, so that 0 is before all.
#[derive(Debug, Clone, Copy, Default)]
struct Cluster {
    /// Where its write was called; 0 for the initial value.
    written: u32,
    failed: bool,
    /// The latest start, and the earliest end with the call that it ends; both of calls that certainly happened.
    latest: u32,
    earliest: Option<(u32, u32)>,
    /// A compare-and-set that took this value.
    taken: Option<u32>,
}

fn place(index: Index) -> u32 {
    index.0 + 1
}

fn index(place: u32) -> Option<Index> {
    place.checked_sub(1).map(Index)
}

impl Watch<Register> for Registers {
    fn name(&self) -> &'static str {
        "registers"
    }

    fn called(&mut self, at: Index, call: &RegisterCall) {
        let (RegisterOp::Write(value) | RegisterOp::Cas { to: value, .. }) = call.op else {
            return;
        };
        let initial = self.initial;
        let object = object(&mut self.keys, &call.key, initial);
        let cluster = Cluster {
            written: place(at),
            ..Cluster::default()
        };
        if object.clusters.insert(Some(value), cluster).is_some() {
            *object = Object {
                given_up: true,
                ..Object::default()
            };
        }
    }

    fn ended(&mut self, ended: &Ended<'_, Register>) -> Option<(String, Vec<Index>)> {
        let RegisterCall { key, op } = ended.call;
        let object = object(&mut self.keys, key, self.initial);
        if object.given_up {
            return None;
        }
        let (start, end) = (place(ended.invoked), place(ended.completed));
        let found = match (op, ended.outcome) {
            (RegisterOp::Read, Outcome::Ok(RegisterReturn::Value(seen))) => {
                object.saw(*seen, start, end)
            }
            (RegisterOp::Write(value), Outcome::Ok(_)) => object.grew(Some(*value), start, end),
            (RegisterOp::Cas { from, to }, Outcome::Ok(_)) => object
                .took(*from, start)
                .or_else(|| object.saw(Some(*from), start, end))
                .or_else(|| object.grew(Some(*to), start, end)),
            (RegisterOp::Write(value) | RegisterOp::Cas { to: value, .. }, Outcome::Fail(_)) => {
                object.failed(*value)
            }
            _ => None,
        };
        let (what, places) = found?;
        *object = Object {
            given_up: true,
            ..Object::default()
        };
        Some((
            format!("key {key}: {what}"),
            places.into_iter().filter_map(index).collect(),
        ))
    }
}

fn object<'a>(keys: &'a mut Map<Key, Object>, key: &Key, initial: Option<i64>) -> &'a mut Object {
    keys.entry_ref(key).or_insert_with(|| {
        let mut object = Object::default();
        let first = Cluster {
            earliest: Some((0, 0)),
            ..Cluster::default()
        };
        object.clusters.insert(initial, first);
        object.by_start.insert((0, initial));
        object
    })
}

/// What is impossible, and the places of calls that show it.
type Found = Option<(String, Vec<u32>)>;

impl Object {
    /// A value was read.
    fn saw(&mut self, value: Option<i64>, start: u32, end: u32) -> Found {
        match self.clusters.get(&value) {
            None => Some((
                format!("{} was read, and nobody had tried to write it", word(value)),
                vec![start],
            )),
            Some(cluster) if cluster.failed => Some((
                format!("{} was read, and its write had failed", word(value)),
                vec![start, cluster.written],
            )),
            Some(_) => self.grew(value, start, end),
        }
    }

    /// A compare-and-set took a value, which nobody can do twice.
    fn took(&mut self, value: i64, start: u32) -> Found {
        let cluster = self.clusters.get_mut(&Some(value))?;
        let before = cluster.taken.replace(start)?;
        Some((
            format!("two compare-and-sets replaced {value}, which was written once"),
            vec![before, start],
        ))
    }

    /// A write certainly did not happen, and may have been seen.
    fn failed(&mut self, value: i64) -> Found {
        let cluster = self.clusters.get_mut(&Some(value))?;
        cluster.failed = true;
        let (_, reader) = cluster.earliest?;
        Some((
            format!("{value} was read, and its write failed"),
            vec![reader, cluster.written],
        ))
    }

    /// A call of this cluster ended, and so its write has begun.
    fn grew(&mut self, value: Option<i64>, start: u32, end: u32) -> Found {
        let cluster = self.clusters.get_mut(&value)?;
        if cluster.earliest.is_some() {
            self.by_start.remove(&(cluster.latest, value));
        }
        cluster.latest = cluster.latest.max(start).max(cluster.written);
        let (earliest, _) = *cluster.earliest.get_or_insert((end, start));
        self.by_start.insert((cluster.latest, value));
        let mine = *cluster;
        for (_, other) in self.by_start.range((earliest + 1, None)..) {
            if *other == value {
                continue;
            }
            let theirs = self.clusters[other];
            let Some((ends, ender)) = theirs.earliest.filter(|(ends, _)| *ends < mine.latest)
            else {
                continue;
            };
            debug_assert!(ends < mine.latest && earliest < theirs.latest);
            let calls = [mine, theirs].into_iter().flat_map(|cluster| {
                let first = cluster.earliest.map_or(0, |(_, call)| call);
                [cluster.written, cluster.latest, first]
            });
            return Some((
                format!(
                    "{} must have been there both before and after {}",
                    word(value),
                    word(*other)
                ),
                calls.chain([ender]).collect(),
            ));
        }
        None
    }
}

fn word(value: Option<i64>) -> String {
    value.map_or("nothing".to_owned(), |v| v.to_string())
}
