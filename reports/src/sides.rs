//! What each side of each partition was given while it was in force, over time.

use checkers::cap::Use;
use history::{Codec, History, Nanos, Outcome};
use serde::Serialize;

use crate::{
    FaultView, Report,
    escape::{VALUE, inert},
};

/// How many partitions are drawn.
const MAX_PARTITIONS: usize = 100;
/// Into how many steps the time of a run is cut.
const STEPS: u64 = 130;

/// Calls made in a stretch of time: how many were `ok`, of how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Those that were `ok`.
    pub ok: u64,
    /// All of them.
    pub of: u64,
}

impl Share {
    fn add(&mut self, ok: bool) {
        self.ok += u64::from(ok);
        self.of += 1;
    }

    /// All stretches together.
    pub(crate) fn sum(all: &[Self]) -> Self {
        all.iter().fold(Self::default(), |sum, one| Self {
            ok: sum.ok + one.ok,
            of: sum.of + one.of,
        })
    }
}

/// One side of one partition. Sides of one size stand together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SideUseOverTime {
    /// The partition's number on the page.
    pub fault: usize,
    /// `majority`, `half`, `minority`; `overlap` where nodes are on several sides.
    pub role: &'static str,
    /// From when on it was in force.
    pub from: Nanos,
    /// Until when.
    pub until: Nanos,
    /// How long a step is.
    pub width: Nanos,
    /// Reads, step by step.
    pub reads: Vec<Share>,
    /// Writes, step by step.
    pub writes: Vec<Share>,
}

/// In the order in which they are drawn.
pub(crate) const ROLES: [&str; 4] = ["majority", "half", "minority", "overlap"];

impl Report {
    /// The same, with what each side of each partition was given. O(calls during partitions).
    pub fn with_sides<O: Codec>(
        mut self,
        history: &History<O>,
        serves: &dyn Fn(&O::Call) -> Option<Use>,
    ) -> Self {
        let cut = self.faults.iter().enumerate().filter(|(_, fault)| {
            fault.span.sides.len() > 1 && fault.span.injected.is_some() && self.timed
        });
        self.sides = cut
            .take(MAX_PARTITIONS)
            .flat_map(|(i, fault)| of_fault(i + 1, fault, self.series.until, history, serves))
            .collect();
        self
    }
}

fn of_fault<O: Codec>(
    number: usize,
    fault: &FaultView,
    end: Nanos,
    history: &History<O>,
    serves: &dyn Fn(&O::Call) -> Option<Use>,
) -> Vec<SideUseOverTime> {
    let from = fault.span.injected.unwrap_or(fault.span.began);
    let until = fault.end(end).max(from);
    let width = Nanos((end.0 / STEPS).max(1));
    let steps = (until.0 - from.0) / width.0 + 1;
    let names: Vec<String> = history
        .nodes()
        .iter()
        .map(|(_, name)| inert(name, VALUE))
        .collect();
    let role_of: Vec<Option<&'static str>> = names.iter().map(|name| role(fault, name)).collect();
    let mut sides: Vec<SideUseOverTime> = ROLES
        .into_iter()
        .filter(|role| role_of.contains(&Some(role)))
        .map(|role| SideUseOverTime {
            fault: number,
            role,
            from,
            until,
            width,
            reads: vec![Share::default(); steps as usize],
            writes: vec![Share::default(); steps as usize],
        })
        .collect();
    let spans = history.spans();
    let spans = &spans[spans.partition_point(|span| span.start < from)..];
    for span in spans.iter().take_while(|span| span.start <= until) {
        let node = span.node.and_then(|id| role_of.get(usize::from(id.0)));
        let (Some(Some(role)), Some(used)) = (node, serves(&span.call)) else {
            continue;
        };
        let step = ((span.start.0 - from.0) / width.0) as usize;
        let ok = matches!(span.outcome, Outcome::Ok(_));
        if let Some(side) = sides.iter_mut().find(|side| side.role == *role) {
            match used {
                Use::Read => side.reads[step].add(ok),
                Use::Write => side.writes[step].add(ok),
            }
        }
    }
    sides
}

/// On which side of a partition a node is.
fn role(fault: &FaultView, node: &str) -> Option<&'static str> {
    let sides = &fault.span.sides;
    let all: usize = sides.iter().map(Vec::len).sum();
    let mut names: Vec<&String> = sides.iter().flatten().collect();
    names.sort_unstable();
    let mut with = sides.iter().filter(|side| side.iter().any(|n| n == node));
    let side = with.next()?;
    Some(match names.windows(2).any(|pair| pair[0] == pair[1]) {
        true => "overlap",
        false => match (side.len() * 2).cmp(&all) {
            std::cmp::Ordering::Less => "minority",
            std::cmp::Ordering::Equal => "half",
            std::cmp::Ordering::Greater => "majority",
        },
    })
}
