//! Sets with add, remove and contains. O(n log n), and linear after sorting.
//!
//! A set is one object per element (Herlihy & Wing's locality), and an element that is added once is absent, then
//! there, then absent for good, if it is removed at all. Choose the moments x of the addition and y of the removal: x
//! must be within its call, and before the end of every call that saw the element; y within its call, and after the
//! start of all those. The calls that did not see it want a moment outside of x..y, so x should be as late as
//! possible, X, and y as early as possible, Y. If Y is not after X, the element can be there for a moment only, and no
//! call is wholly within that. Otherwise it is there at least from X to Y, and a call within that should have seen it.
//!
//! **Unknown outcomes.** An addition happened iff the element was seen or removed; it then ends infinitely late. A
//! removal may have happened at any time after its start or never, which is later than all; of many, the first allows
//! most. If another is known to have removed the element, they did nothing.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::{
    Decision, Object, Pattern, Reason, SHOWN, Violation, conclude,
    elements::{Interval, ranked},
};
use crate::linear::NEVER;

/// One call on a set. Failed calls are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetCall {
    /// What it did.
    pub what: SetWhat,
    /// When it was made. All starts and ends differ from each other, [`NEVER`] apart.
    pub start: u32,
    /// When it was answered; [`NEVER`] for an addition or a removal of which nobody knows whether it happened.
    /// Questions without an answer are left out.
    pub end: u32,
}

/// What a call on a set did, and saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetWhat {
    /// Put this in, which was not there.
    Add(i64),
    /// Took this out, which was there; if it has no end, it perhaps did.
    Remove(i64),
    /// Saw this: "contains" that was true, an addition that found it there already.
    Present(i64),
    /// Did not see this: "contains" that was false, a removal that found nothing.
    Absent(i64),
}

impl SetWhat {
    fn value(self) -> i64 {
        let (Self::Add(v) | Self::Remove(v) | Self::Present(v) | Self::Absent(v)) = self;
        v
    }
}

/// Judges a set, empty at first. O(n log n).
pub fn set(calls: &[SetCall]) -> Decision {
    let (intervals, ranks) = ranked(calls.iter().map(|call| (call.start, call.end)));
    let mut places: HashMap<i64, usize, RandomState> = HashMap::default();
    let mut elements: Vec<One> = Vec::new();
    for (i, call) in calls.iter().enumerate() {
        let value = call.what.value();
        let place = *places.entry(value).or_insert_with(|| {
            elements.push(One::new(value, ranks));
            elements.len() - 1
        });
        if let Err(reason) = elements[place].take(i, call.what, intervals[i]) {
            return Decision::NotApplicable(reason);
        }
    }
    // A second pass, for what depends on where the element is for certain.
    let mut found: Vec<Violation> = Vec::new();
    let mut sides: Vec<Side> = Vec::with_capacity(elements.len());
    for element in &elements {
        let side = element.judge();
        if let Side::Impossible(pattern, involved, margin) = &side {
            found.push(tell(&intervals, *pattern, element.value, involved, *margin));
        }
        sides.push(side);
    }
    for (i, call) in calls.iter().enumerate() {
        let SetWhat::Absent(value) = call.what else {
            continue;
        };
        let place = places[&value];
        let Side::There { from, until } = sides[place] else {
            continue;
        };
        let when = intervals[i];
        if from.1 < when.start && when.end < until.1 {
            let involved = [
                elements[place].added.map(|(i, _)| i),
                from.0,
                until.0,
                Some(i),
            ];
            let involved: Vec<usize> = involved.into_iter().flatten().collect();
            let margin = (when.start - from.1).min(until.1 - when.end);
            found.push(tell(
                &intervals,
                Pattern::SaidAbsent,
                value,
                &involved,
                margin,
            ));
            // One for each element.
            sides[place] = Side::Possible;
        }
    }
    found.truncate(SHOWN);
    conclude(found)
}

fn tell(
    intervals: &[Interval],
    pattern: Pattern,
    value: i64,
    involved: &[usize],
    margin: u32,
) -> Violation {
    let mut calls = involved.to_vec();
    calls.sort_by_key(|call| intervals[*call].start);
    calls.dedup();
    Violation {
        object: Object::Set,
        pattern,
        values: vec![value],
        calls,
        margin,
    }
}

/// A call that sets a limit, if it is one, and the limit.
type Limit = (Option<usize>, u32);

/// Everything about one element.
struct One {
    value: i64,
    added: Option<(usize, Interval)>,
    removed: Option<(usize, Interval)>,
    /// A second removal, by which it is certain that something is wrong.
    again: Option<usize>,
    /// The first of the removals of unknown outcome.
    perhaps: Option<(usize, Interval)>,
    /// Of those that saw it: which ended first, and which started last.
    first_end: Limit,
    last_start: Limit,
    /// After all ranks.
    ranks: u32,
}

/// What is known of one element, the calls that did not see it apart.
enum Side {
    Impossible(Pattern, Vec<usize>, u32),
    /// It need be there for a moment at most.
    Possible,
    /// It is there at least between these.
    There {
        from: Limit,
        until: Limit,
    },
}

impl One {
    fn new(value: i64, ranks: u32) -> Self {
        Self {
            value,
            added: None,
            removed: None,
            again: None,
            perhaps: None,
            first_end: (None, NEVER),
            last_start: (None, 0),
            ranks,
        }
    }

    fn take(&mut self, i: usize, what: SetWhat, when: Interval) -> Result<(), Reason> {
        match what {
            SetWhat::Add(value) => {
                if self.added.replace((i, when)).is_some() {
                    return Err(Reason::Repeated(value));
                }
            }
            SetWhat::Remove(_) if when.end == NEVER => {
                let first = self.perhaps.filter(|(_, other)| other.start < when.start);
                self.perhaps = first.or(Some((i, when)));
            }
            SetWhat::Remove(_) if self.removed.is_some() => self.again = Some(i),
            SetWhat::Remove(_) => self.removed = Some((i, when)),
            SetWhat::Present(_) => {
                if when.end < self.first_end.1 {
                    self.first_end = (Some(i), when.end);
                }
                if self.last_start.0.is_none() || when.start > self.last_start.1 {
                    self.last_start = (Some(i), when.start);
                }
            }
            SetWhat::Absent(_) => {}
        }
        Ok(())
    }

    fn judge(&self) -> Side {
        let (seen, removed) = (self.first_end.0, self.removed);
        let Some((adder, added)) = self.added else {
            return match seen.or(removed.map(|(i, _)| i)) {
                Some(i) => Side::Impossible(Pattern::FromNowhere, vec![i], NEVER),
                None => Side::Possible,
            };
        };
        if let (Some((one, _)), Some(two)) = (removed, self.again) {
            return Side::Impossible(Pattern::Twice, vec![adder, one, two], NEVER);
        }
        if added.end == NEVER && seen.is_none() && removed.is_none() {
            return Side::Possible;
        }
        // The earliest end of what comes after the addition.
        let remover = removed.map(|(i, _)| i);
        let removal_end = removed.map_or(NEVER, |(_, when)| when.end);
        let early = earlier(self.first_end, (remover, removal_end));
        if let (Some(i), end) = early
            && end < added.start
        {
            return Side::Impossible(Pattern::TooEarly, vec![adder, i], added.start - end);
        }
        if let (Some(i), start) = self.last_start
            && removal_end < start
        {
            let calls = [Some(adder), remover, Some(i)];
            let calls = calls.into_iter().flatten().collect();
            return Side::Impossible(Pattern::TooLate, calls, start - removal_end);
        }
        let from = earlier((Some(adder), added.end), self.first_end);
        let gone = removed.or(self.perhaps);
        let gone = gone.map_or((None, self.ranks), |(i, when)| (Some(i), when.start));
        let until = match self.last_start.0.is_some() && self.last_start.1 > gone.1 {
            true => self.last_start,
            false => gone,
        };
        match from.1 < until.1 {
            true => Side::There { from, until },
            false => Side::Possible,
        }
    }
}

/// The earlier of two limits.
fn earlier(a: Limit, b: Limit) -> Limit {
    if b.1 < a.1 { b } else { a }
}
