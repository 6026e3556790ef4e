//! From calls to elements: when each went in and came out, and what is impossible about one alone.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::{Call, Object, Pattern, Reason, SHOWN, Violation, What};
use crate::linear::NEVER;

/// A value with its calls. Times are *ranks*: 0 for the first start or end of all, and so on without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) value: i64,
    /// The call that put it in.
    pub(super) insertion: u32,
    /// The call that took it out.
    pub(super) removal: Option<u32>,
    pub(super) put: Interval,
    /// After all ranks if it stayed.
    pub(super) taken: Interval,
}

/// From the start of a call to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Element {
    /// Whether there is a time at which it is certainly inside: from `put.end` to `taken.start`.
    pub(super) fn is_solid(&self) -> bool {
        self.put.end < self.taken.start
    }

    fn calls(&self) -> impl Iterator<Item = usize> {
        let both = [Some(self.insertion), self.removal];
        both.into_iter().flatten().map(|call| call as usize)
    }
}

/// All elements of a history that are possible alone.
#[derive(Debug, Clone)]
pub(super) struct Elements {
    pub(super) object: Object,
    pub(super) items: Vec<Element>,
    /// The calls that were told "empty".
    pub(super) empties: Vec<(u32, Interval)>,
    /// How many ranks there are.
    pub(super) ranks: u32,
    /// Whether a removal of unknown outcome was left out.
    pub(super) lost: bool,
}

impl Elements {
    /// Pairs the calls. What is impossible about an element alone is told apart, and the element left out.
    pub(super) fn new(object: Object, calls: &[Call]) -> Result<(Self, Vec<Violation>), Reason> {
        let (intervals, ranks) = ranked(calls.iter().map(|call| (call.start, call.end)));
        let mut places: HashMap<i64, u32, RandomState> = HashMap::default();
        let mut all: Vec<Element> = Vec::new();
        let stayed = Interval {
            start: ranks,
            end: NEVER,
        };
        for (i, call) in calls.iter().enumerate() {
            let What::Insert(value) = call.what else {
                continue;
            };
            if places.insert(value, all.len() as u32).is_some() {
                return Err(Reason::Repeated(value));
            }
            all.push(Element {
                value,
                insertion: i as u32,
                removal: None,
                put: intervals[i],
                taken: stayed,
            });
        }
        let mut impossible = vec![false; all.len()];
        let mut found = Vec::new();
        let mut tell = |pattern, value, mut calls: Vec<usize>, margin| {
            calls.sort_by_key(|call| intervals[*call].start);
            found.push(Violation {
                object,
                pattern,
                values: vec![value],
                calls,
                margin,
            });
        };
        let mut empties = Vec::new();
        let mut lost = false;
        for (i, call) in calls.iter().enumerate() {
            match call.what {
                What::Insert(_) => {}
                What::Empty => empties.push((i as u32, intervals[i])),
                What::Lost => lost = true,
                What::Remove(value) => {
                    let Some(place) = places.get(&value).map(|p| *p as usize) else {
                        tell(Pattern::FromNowhere, value, vec![i], NEVER);
                        continue;
                    };
                    let element = &mut all[place];
                    if element.removal.is_some() {
                        impossible[place] = true;
                        let all = element.calls().chain([i]).collect();
                        tell(Pattern::Twice, value, all, NEVER);
                        continue;
                    }
                    (element.removal, element.taken) = (Some(i as u32), intervals[i]);
                    if element.taken.end < element.put.start {
                        impossible[place] = true;
                        let margin = element.put.start - element.taken.end;
                        tell(Pattern::TooEarly, value, element.calls().collect(), margin);
                    }
                }
            }
        }
        let mut at = 0;
        all.retain(|element| {
            at += 1;
            let unknown = element.put.end == NEVER && element.removal.is_none();
            !impossible[at - 1] && !unknown
        });
        found.truncate(SHOWN);
        let elements = Self {
            object,
            items: all,
            empties,
            ranks,
            lost,
        };
        Ok((elements, found))
    }

    /// Only what concerns these elements, and the "empty" among the calls.
    pub(super) fn part(&self, of: &Violation) -> Self {
        Self {
            object: self.object,
            items: (self.items.iter().copied())
                .filter(|item| of.calls.contains(&(item.insertion as usize)))
                .collect(),
            empties: (self.empties.iter().copied())
                .filter(|(call, _)| of.calls.contains(&(*call as usize)))
                .collect(),
            ranks: self.ranks,
            lost: self.lost,
        }
    }

    /// A violation by these elements, and perhaps an "empty".
    pub(super) fn violation(
        &self,
        pattern: Pattern,
        items: &[usize],
        empty: Option<u32>,
        margin: u32,
    ) -> Violation {
        let mut calls: Vec<(u32, usize)> = Vec::with_capacity(2 * items.len() + 1);
        for item in items.iter().map(|i| &self.items[*i]) {
            calls.push((item.put.start, item.insertion as usize));
            calls.extend(item.removal.map(|call| (item.taken.start, call as usize)));
        }
        if let Some(call) = empty {
            let found = self.empties.iter().find(|(other, _)| *other == call);
            calls.extend(found.map(|(call, when)| (when.start, *call as usize)));
        }
        calls.sort_unstable();
        Violation {
            object: self.object,
            pattern,
            values: items.iter().map(|i| self.items[*i].value).collect(),
            calls: calls.into_iter().map(|(_, call)| call).collect(),
            margin,
        }
    }
}

/// Positions become ranks; [`NEVER`] remains. Also how many there are.
pub(super) fn ranked(calls: impl ExactSizeIterator<Item = (u32, u32)>) -> (Vec<Interval>, u32) {
    let mut points: Vec<(u32, u32, bool)> = Vec::with_capacity(2 * calls.len());
    let never = Interval {
        start: NEVER,
        end: NEVER,
    };
    let mut intervals = vec![never; calls.len()];
    for (i, (start, end)) in calls.enumerate() {
        debug_assert!(start < end, "a call starts before it ends");
        points.push((start, i as u32, false));
        if end != NEVER {
            points.push((end, i as u32, true));
        }
    }
    points.sort_unstable();
    for (rank, (_, i, is_end)) in points.iter().enumerate() {
        let interval = &mut intervals[*i as usize];
        match is_end {
            true => interval.end = rank as u32,
            false => interval.start = rank as u32,
        }
    }
    (intervals, points.len() as u32)
}
