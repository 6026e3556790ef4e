//! Registers whose values are all distinct, with read, write and compare-and-set, by zones, one completion at a time.
//!
//! As in [`linear`](crate::linear) (1a, after Gibbons & Korach 1997): a value's maker and readers are its cluster, and
//! clusters that are chained by compare-and-set are a block, which nothing can come between. What was seen happened, back
//! along the chain, whatever is known of its end. Seen as it grows, a block gets simpler:
//!
//! - A maker counts from the moment at which it is known to have happened, and everybody who saw its value came later. So
//!   a cluster joins at the end of its block, and blocks are never joined.
//! - An end that is new is later than all that is known. So what a completion can contradict are ends before its start.
//! - *Within* its block: a cluster further down the chain has an end before the start. Of these ends only those matter of
//!   which no earlier one is further down: a list in order both of depth and of time.
//! - *Between* blocks, with s the latest start and f the earliest end of each: two are a violation iff f1 < s2 and
//!   f2 < s1. A block's f is known with its first completion, so a list of blocks in order of f only grows at its end; of
//!   those with f2 < s1 one needs the largest s2, which a tree of maxima tells.
//!
//! **Exact**: the alarm comes with the first completion at which the record is impossible. O(log n) each, for n values. A
//! key is given up when a value may be there twice. About 200 bytes per value.

use history::{Index, Key, Outcome, Register, RegisterCall, RegisterOp, RegisterReturn};

use super::{Ended, Map, Watch, maxima::Maxima};

/// Watches every key.
#[derive(Debug, Default)]
pub struct Registers {
    initial: Option<i64>,
    keys: Map<Key, Option<Object>>,
}

impl Registers {
    /// Registers that hold this at first.
    pub fn starting_with(initial: Option<i64>) -> Self {
        Self {
            initial,
            keys: Map::default(),
        }
    }

    /// `None` for a register that was given up, or that raised an alarm.
    fn object(&mut self, key: &Key) -> &mut Option<Object> {
        let initial = self.initial;
        self.keys
            .entry_ref(key)
            .or_insert_with(|| Some(Object::new(initial)))
    }
}

impl Watch<Register> for Registers {
    fn name(&self) -> &'static str {
        "registers"
    }

    fn called(&mut self, at: Index, call: &RegisterCall) {
        let slot = self.object(&call.key);
        let Some(object) = slot else { return };
        let distinct = match call.op {
            RegisterOp::Read => true,
            RegisterOp::Write(value) => object.tries(value, None, place(at)),
            RegisterOp::Cas { from, to } => object.tries(to, Some(from), place(at)),
        };
        if !distinct {
            *slot = None;
        }
    }

    fn ended(&mut self, ended: &Ended<'_, Register>) -> Option<(String, Vec<Index>)> {
        let RegisterCall { key, op } = ended.call;
        let slot = self.object(key);
        let object = slot.as_mut()?;
        let (start, end) = (place(ended.invoked), place(ended.completed));
        let verdict = match (op, ended.outcome) {
            (RegisterOp::Read, Outcome::Ok(RegisterReturn::Value(seen))) => {
                object.happened(*seen, start, end)
            }
            (RegisterOp::Write(value) | RegisterOp::Cas { to: value, .. }, outcome) => {
                match outcome {
                    Outcome::Ok(_) => object.happened(Some(*value), start, end),
                    Outcome::Fail(_) => object.failed(*value),
                    Outcome::Info(_) => Ok(()),
                }
            }
            (RegisterOp::Read, _) => Ok(()),
        };
        let Err(Impossible { what, calls }) = verdict else {
            return None;
        };
        *slot = None;
        let calls = calls.into_iter().filter_map(|p| p.checked_sub(1));
        Some((format!("key {key}: {what}"), calls.map(Index).collect()))
    }
}

/// Places count from 1, so that 0 is before all.
fn place(index: Index) -> u32 {
    index.0 + 1
}

/// What is impossible, and the calls that show it, by their places.
struct Impossible {
    what: String,
    calls: Vec<u32>,
}

impl Impossible {
    fn new(what: String, calls: impl Into<Vec<u32>>) -> Self {
        let calls = calls.into();
        Self { what, calls }
    }
}

/// One register. Absence is a value like others.
#[derive(Debug)]
struct Object {
    numbers: Map<Option<i64>, usize>,
    clusters: Vec<Cluster>,
    blocks: Vec<Block>,
    /// The first ends of blocks, in order, and their latest starts with their numbers in the same order.
    ends: Vec<u32>,
    starts: Maxima,
}

/// A value.
#[derive(Debug)]
struct Cluster {
    value: Option<i64>,
    /// Where its maker was called.
    called: u32,
    /// The value that its maker took, if that is a compare-and-set.
    from: Option<u32>,
    state: State,
    /// The compare-and-set that took this value; 0 if none is known.
    taken: u32,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Nobody tried to make it, or whoever did failed.
    Unmade { failed: bool },
    /// Somebody tries, or tried.
    Tried,
    /// As before, and it was seen: the makers of its chain are being looked at.
    Proving,
    /// It was made: in this block, so many steps from its beginning.
    Made { block: u32, depth: u32 },
}

/// A call, and the cluster to which it belongs.
#[derive(Debug, Clone, Copy, Default)]
struct Member {
    call: u32,
    cluster: u32,
}

#[derive(Debug, Default)]
struct Block {
    /// Which of `ends` is its own.
    rank: Option<u32>,
    first_to_end: Member,
    last_to_start: Member,
    /// Depth, end and call of every call than which none that ended before is deeper; those at its beginning left out.
    deepest: Vec<(u32, u32, u32)>,
}

impl Object {
    fn new(initial: Option<i64>) -> Self {
        let mut object = Self {
            numbers: Map::default(),
            clusters: Vec::new(),
            blocks: Vec::new(),
            ends: Vec::new(),
            starts: Maxima::default(),
        };
        let first = object.number(initial);
        object.clusters[first].state = State::Tried;
        object
            .happened(initial, 0, 0)
            .unwrap_or_else(|_| unreachable!("nothing precedes the initial value"));
        object
    }

    fn number(&mut self, value: Option<i64>) -> usize {
        let Self {
            numbers, clusters, ..
        } = self;
        *numbers.entry(value).or_insert_with(|| {
            clusters.push(Cluster {
                value,
                called: 0,
                from: None,
                state: State::Unmade { failed: false },
                taken: 0,
            });
            clusters.len() - 1
        })
    }

    /// Somebody tries to make a value. Whether nobody else does or did.
    fn tries(&mut self, value: i64, from: Option<i64>, called: u32) -> bool {
        let from = from.map(|from| self.number(Some(from)) as u32);
        let made = self.number(Some(value));
        let cluster = &mut self.clusters[made];
        let distinct = matches!(cluster.state, State::Unmade { .. });
        (cluster.called, cluster.from, cluster.state) = (called, from, State::Tried);
        distinct
    }

    /// A maker certainly did not happen, and may have been seen to.
    fn failed(&mut self, value: i64) -> Result<(), Impossible> {
        let number = self.number(Some(value));
        let cluster = &mut self.clusters[number];
        if !matches!(cluster.state, State::Made { .. }) {
            cluster.state = State::Unmade { failed: true };
            return Ok(());
        }
        let what = format!("{value} was seen, and its write failed");
        Err(Impossible::new(what, [cluster.called]))
    }

    /// A call that made or saw a value ended.
    fn happened(&mut self, value: Option<i64>, start: u32, end: u32) -> Result<(), Impossible> {
        let seen = self.number(value);
        let (number, depth) = self.prove(seen, start)?;
        let block = &self.blocks[number as usize];
        let deeper = block.deepest.partition_point(|(at, ..)| *at <= depth);
        if let Some((_, ended, other)) = block.deepest.get(deeper)
            && *ended < start
        {
            let what = format!(
                "{} was seen after the end of a call that saw it replaced",
                word(value)
            );
            let Cluster { called, taken, .. } = self.clusters[seen];
            return Err(Impossible::new(what, [start, *other, called, taken]));
        }
        let member = Member {
            call: start,
            cluster: seen as u32,
        };
        self.blocks[number as usize].started(member);
        self.ended(number, member, depth, end);
        self.compare(number, value)
    }

    /// A value was seen, so that its maker happened, and the maker of what that took, and so on: where the value is.
    fn prove(&mut self, seen: usize, by: u32) -> Result<(u32, u32), Impossible> {
        let (mut at, mut by, mut chain) = (seen, by, Vec::new());
        let mut found = loop {
            let cluster = &mut self.clusters[at];
            let value = word(cluster.value);
            match cluster.state {
                State::Made { block, depth } => break Some((at, block, depth)),
                State::Unmade { failed: false } => {
                    let what = format!("{value} was seen, and nobody had tried to write it");
                    return Err(Impossible::new(what, [by]));
                }
                State::Unmade { failed: true } => {
                    let what = format!("{value} was seen, and its write had failed");
                    return Err(Impossible::new(what, [by, cluster.called]));
                }
                State::Proving => {
                    let what = format!("{value} was made of itself by compare-and-sets");
                    let ring = chain.iter().map(|at: &usize| self.clusters[*at].called);
                    return Err(Impossible::new(what, ring.collect::<Vec<_>>()));
                }
                State::Tried => {
                    cluster.state = State::Proving;
                    chain.push(at);
                    by = cluster.called;
                    match cluster.from {
                        Some(from) => at = from as usize,
                        None => break None,
                    }
                }
            }
        };
        for next in chain.into_iter().rev() {
            let called = self.clusters[next].called;
            let (block, depth) = match found {
                Some((from, block, depth)) => {
                    self.take(from, called)?;
                    (block, depth + 1)
                }
                None => {
                    self.blocks.push(Block::default());
                    (self.blocks.len() as u32 - 1, 0)
                }
            };
            self.clusters[next].state = State::Made { block, depth };
            self.blocks[block as usize].started(Member {
                call: called,
                cluster: next as u32,
            });
            found = Some((next, block, depth));
        }
        let (_, block, depth) = found.expect("made before, or just now");
        Ok((block, depth))
    }

    /// A compare-and-set took a value, which nobody can do twice.
    fn take(&mut self, from: usize, by: u32) -> Result<(), Impossible> {
        let cluster = &mut self.clusters[from];
        if cluster.taken == 0 {
            cluster.taken = by;
            return Ok(());
        }
        let value = word(cluster.value);
        let what = format!("two compare-and-sets replaced {value}, which was written once");
        Err(Impossible::new(what, [cluster.taken, by]))
    }

    /// A call of a block ended, later than everything known.
    fn ended(&mut self, number: u32, member: Member, depth: u32, end: u32) {
        let block = &mut self.blocks[number as usize];
        if depth > block.deepest.last().map_or(0, |(deepest, ..)| *deepest) {
            block.deepest.push((depth, end, member.call));
        }
        let entry = (block.last_to_start.call, number);
        match block.rank {
            Some(rank) => self.starts.raise(rank as usize, entry),
            None => {
                block.rank = Some(self.ends.len() as u32);
                block.first_to_end = member;
                self.ends.push(end);
                self.starts.push(entry);
            }
        }
    }

    /// A block that just grew, by a call on this value, against all others.
    fn compare(&self, number: u32, value: Option<i64>) -> Result<(), Impossible> {
        let mine = &self.blocks[number as usize];
        let rank = mine.rank.expect("a call of it ended") as usize;
        let before = mine.last_to_start.call;
        let before = self.ends.partition_point(|end| *end < before);
        let others = [0..before.min(rank), rank + 1..before];
        let (start, other) = others
            .map(|part| self.starts.of(part))
            .into_iter()
            .max()
            .expect("two");
        if start <= self.ends[rank] {
            return Ok(());
        }
        let theirs = &self.blocks[other as usize];
        let member = |member: Member| [member.call, self.clusters[member.cluster as usize].called];
        let calls = [mine, theirs]
            .into_iter()
            .flat_map(|block| [block.first_to_end, block.last_to_start])
            .flat_map(member);
        let what = format!(
            "{} must have been there both before and after {}",
            word(value),
            word(self.clusters[theirs.first_to_end.cluster as usize].value)
        );
        Err(Impossible::new(what, calls.collect::<Vec<_>>()))
    }
}

impl Block {
    fn started(&mut self, member: Member) {
        if member.call > self.last_to_start.call {
            self.last_to_start = member;
        }
    }
}

fn word(value: Option<i64>) -> String {
    value.map_or("nothing".to_owned(), |v| v.to_string())
}
