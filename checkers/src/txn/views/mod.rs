//! Levels that say what a transaction must have seen, and no more: read committed and read atomic (with sessions), PRAM,
//! causal and prefix consistency.
//!
//! All have one shape (Biswas & Enea, "On the complexity of checking transactional consistency", OOPSLA 2019): there is an
//! order of all commits which keeps sessions and in which every writer comes before its readers, such that *whenever T3
//! reads x of T1, and T2 wrote x and T3 ought to see T2, then T2 comes before T1*. The levels differ in whom a transaction
//! ought to see: a file each. `facts` → ties (T2 before T1) → [`ties`] (is there an order that keeps them all?). A cycle
//! is the proof that there is none; a read of what was there first although somebody's write ought to be seen needs no
//! cycle.
//!
//! **Sound and complete** for registers whose values are written once per key, but for prefix consistency, which is
//! NP-complete for them: there it is sound. For lists, whose order of versions is known, complete for all, except that read
//! committed, read atomic and PRAM take only the last element of a list as seen: a store may append to what it never
//! delivered alone. Of a history that is causally consistent nothing but one search for cycles is left to do. O(n·k) for n
//! steps in k sessions.

mod causal;
mod facts;
mod overlap;
mod pram;
mod prefix;
mod read_atomic;
mod read_committed;
mod tell;
mod ties;

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod textbook;

use facts::Facts;
use smallvec::SmallVec;
pub(super) use ties::Tie;
use ties::{Layer, Newer, Sorted, Ties};

use super::{
    Anomaly, Level, View,
    fractured::Versions,
    graph::{Graph, Label},
    scc::components,
    table::{Kind, Table},
};

/// An edge of a path: from whom, to whom, and why.
pub(super) type Hop = (u32, u32, Label);

/// Why one transaction must come before another.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Link {
    /// A read, a version or a session says so; or the first read what the second replaced.
    Edge(u32, u32, Label),
    /// A level's rule says so; with the way from the writer to the reader who ought to see it.
    Tie(Tie, Vec<Hop>),
    /// The reader read what the writer replaced, for another's tie or their session says so.
    Newer {
        reader: u32,
        writer: u32,
        key: u32,
        source: u32,
        tie: Option<(Tie, Vec<Hop>)>,
    },
}

/// A contradiction to a level: a cycle, or something that was missed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Breach {
    pub(super) view: View,
    pub(super) links: Vec<Link>,
    /// How many more there are.
    pub(super) more: u64,
}

impl Breach {
    /// Everyone who takes part.
    pub(super) fn txns(&self) -> SmallVec<[u32; 8]> {
        let mut all = SmallVec::new();
        for link in &self.links {
            let (ends, tie) = match link {
                Link::Edge(a, b, _) => (vec![*a, *b], None),
                Link::Tie(tie, hops) => (Vec::new(), Some((tie, hops))),
                Link::Newer {
                    reader,
                    writer,
                    source,
                    tie,
                    ..
                } => (
                    vec![*reader, *writer, *source],
                    tie.as_ref().map(|(tie, hops)| (tie, hops)),
                ),
            };
            all.extend(ends);
            if let Some((tie, hops)) = tie {
                all.extend([tie.from, tie.to, tie.reader]);
                all.extend(hops.iter().map(|hop| hop.0));
            }
        }
        all.sort_unstable();
        all.dedup();
        all.retain(|txn| *txn != super::incident::NOBODY);
        all
    }

    /// The same in another history, by what transactions and keys are called there.
    pub(super) fn renamed(&self, txn: &dyn Fn(u32) -> u32, key: &dyn Fn(u32) -> u32) -> Self {
        let tied = |(tie, hops): (&Tie, &Vec<Hop>)| {
            let hops = hops.iter().map(|(a, b, l)| (txn(*a), txn(*b), *l));
            (
                Tie {
                    from: txn(tie.from),
                    to: txn(tie.to),
                    reader: txn(tie.reader),
                    key: key(tie.key),
                    why: tie.why,
                },
                hops.collect::<Vec<Hop>>(),
            )
        };
        let link = |link: &Link| match link {
            Link::Edge(a, b, label) => Link::Edge(txn(*a), txn(*b), *label),
            Link::Tie(tie, hops) => {
                let (tie, hops) = tied((tie, hops));
                Link::Tie(tie, hops)
            }
            Link::Newer {
                reader,
                writer,
                key: of,
                source,
                tie,
            } => Link::Newer {
                reader: txn(*reader),
                writer: txn(*writer),
                key: key(*of),
                source: txn(*source),
                tie: tie.as_ref().map(|(tie, hops)| tied((tie, hops))),
            },
        };
        Self {
            view: self.view,
            links: self.links.iter().map(link).collect(),
            more: self.more,
        }
    }
}

/// What the search works on.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) table: &'a Table<'a>,
    pub(super) versions: &'a Versions,
    pub(super) committed: &'a [bool],
    pub(super) graph: &'a Graph,
}

/// Who ought to have seen whom.
pub(super) struct Ought {
    facts: Facts,
    ties: Ties,
    /// Whether there is an order of commits that even prefix consistency allows: then all these levels do.
    fine: bool,
}

impl Ought {
    /// O(n·k), and no search for anything but one cycle.
    pub(super) fn of(seen: &Seen<'_>) -> Self {
        let facts = Facts::new(seen.table, seen.versions, seen.committed);
        let (mut ties, mut fine) = (Ties::default(), false);
        if let Some(past) = causal::Past::of(&facts) {
            past.find(&mut ties);
            if ties.missed.is_empty() {
                let known = ties.sorted(facts.len());
                let newer = prefix::newer(&facts, &known);
                fine = !View::Prefix.layer(seen.graph, &known, &newer).is_cyclic();
            }
        }
        Self { facts, ties, fine }
    }

    /// The same, if it has to be looked at whatever else is wrong: of registers.
    pub(super) fn of_registers(seen: &Seen<'_>) -> Option<Self> {
        let registers = seen.table.kinds.contains(&Kind::Register);
        registers.then(|| Self::of(seen))
    }
}

/// Whether nobody can have missed anything of a list. Its order of versions is in the graph: whoever missed something of it
/// is in a cycle, in which real time has no part.
fn lists_are_fine(graph: &Graph, cyclic: bool) -> bool {
    let labels = [Label::Ww, Label::Wr, Label::Rw, Label::Process];
    let labels = labels.into_iter().fold(0, |all, label| all | label.bit());
    !cyclic || components(graph.with(labels)).1 == graph.nodes()
}

/// Of each level that is violated, and not `known` to be, a contradiction; of levels of which one implies the other only the
/// weaker. `ought` is [`Ought::of_registers`], `cyclic` says whether the graph has a cycle, by whatever edges; `steps` bounds
/// the search for short ones.
pub(super) fn find(
    seen: &Seen<'_>,
    ought: Option<Ought>,
    cyclic: bool,
    steps: u64,
    known: &dyn Fn(Level) -> bool,
) -> Vec<Breach> {
    if View::ALL.into_iter().all(|view| known(view.level()))
        || ought.is_none() && lists_are_fine(seen.graph, cyclic)
    {
        return Vec::new();
    }
    let Ought {
        facts,
        mut ties,
        fine,
    } = ought.unwrap_or_else(|| Ought::of(seen));
    if fine {
        return Vec::new();
    }
    let mut keys = overlap::Keys::default();
    for txn in 0..facts.len() as u32 {
        keys.take(facts.reads(txn));
        read_committed::find(&facts, txn, &keys, &mut ties);
        read_atomic::find(&facts, txn, &keys, &mut ties);
        read_atomic::find_own(&facts, txn, &mut ties);
    }
    pram::find(&facts, &mut ties);
    ties.missed.sort_unstable();
    ties.missed.dedup();
    let sorted = ties.sorted(facts.len());
    let newer = prefix::newer(&facts, &sorted);
    let mut found: Vec<Breach> = Vec::new();
    for view in View::ALL {
        let level = view.level();
        if known(level) || found.iter().any(|f| level.implies(f.view.level())) {
            continue;
        }
        let missed = || ties.missed.iter().filter(|tie| view.counts(tie.why));
        let (links, more) = match clearest(&facts, missed()) {
            Some(link) => (vec![link], missed().count() as u64 - 1),
            None => match view.layer(seen.graph, &sorted, &newer).cycle(steps) {
                Some(cycle) => cycle,
                None => continue,
            },
        };
        let links = links.into_iter().map(|link| with_hops(&facts, link));
        found.push(Breach {
            view,
            links: links.collect(),
            more,
        });
    }
    found
}

/// How many of the things that were missed are looked at for the clearest.
const CLOSER: usize = 16;

fn clearest<'t>(facts: &Facts, missed: impl Iterator<Item = &'t Tie>) -> Option<Link> {
    let told = missed
        .take(CLOSER)
        .map(|tie| (*tie, tell::hops(facts, tie)));
    let (tie, hops) = told.min_by_key(|(tie, hops)| (hops.len(), tie.reader))?;
    Some(Link::Tie(tie, hops))
}

fn with_hops(facts: &Facts, link: Link) -> Link {
    match link {
        Link::Tie(tie, hops) if hops.is_empty() => Link::Tie(tie, tell::hops(facts, &tie)),
        Link::Newer {
            reader,
            writer,
            key,
            source,
            tie: Some((tie, _)),
        } => Link::Newer {
            reader,
            writer,
            key,
            source,
            tie: Some((tie, tell::hops(facts, &tie))),
        },
        link => link,
    }
}

impl View {
    /// The weakest level that excludes it.
    pub(super) fn level(self) -> Level {
        Anomaly::View(self).entry().excluded_by[0]
    }

    /// Whether a tie for one reason counts here.
    fn counts(self, why: Self) -> bool {
        use View::*;
        match self {
            Monotonic | SessionMonotonic => why == Monotonic,
            Atomic => matches!(why, Monotonic | Atomic),
            SessionAtomic => matches!(why, Monotonic | Atomic | SessionAtomic),
            Pram => why != Causal,
            Causal | Prefix => true,
        }
    }

    fn layer<'a>(
        self,
        graph: &'a Graph,
        ties: &'a Sorted<Tie>,
        newer: &'a Sorted<Newer>,
    ) -> Layer<'a> {
        let counted = Self::ALL.into_iter().filter(|why| self.counts(*why));
        Layer {
            graph,
            ties,
            newer,
            sessions: !matches!(self, Self::Monotonic | Self::Atomic),
            whys: counted.fold(0, |all, why| all | why.bit()),
            snapshots: self == Self::Prefix,
        }
    }
}
