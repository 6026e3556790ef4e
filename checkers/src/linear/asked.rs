//! From a history to questions for the search, one per object.
//!
//! As for registers: failed calls did not happen and are left out, and so are those of unknown outcome that never change
//! anything; time is the order of events. Keys that are named in one call, directly or by way of others, are one object.

use history::{History, Index, Key, Operation, Outcome, Span};

use super::{
    NEVER, Problem,
    model::{Effect, Model},
    object::Object,
    prepare::FastMap,
};

/// One object, and the calls that happened on it, or may have.
pub(super) struct One<'a, M: Object> {
    /// Its keys, in order of appearance; none where histories have none.
    pub(super) keys: Vec<&'a Key>,
    /// In order of invocation.
    pub(super) spans: Vec<&'a Span<M::Recorded>>,
    /// Where those are in the history.
    pub(super) places: Vec<u32>,
}

/// The objects of a history, in order of first appearance.
pub(super) fn split<M: Object>(history: &History<M::Recorded>) -> Vec<One<'_, M>> {
    let mut numbers: FastMap<&Key, u32> = FastMap::default();
    // The calls without a key are on an object of their own, the first.
    let mut leaders = vec![0];
    let mut keys = Vec::new();
    let mut of_span = Vec::with_capacity(history.spans().len());
    for span in history.spans() {
        if matches!(span.outcome, Outcome::Fail(_)) {
            of_span.push(None);
            continue;
        }
        let mut object = None;
        M::keys(&span.call, &mut |key| {
            let number = *numbers.entry(key).or_insert_with(|| {
                keys.push(key);
                leaders.push(leaders.len() as u32);
                leaders.len() as u32 - 1
            });
            let one = leader(&mut leaders, number);
            match object.map(|other| leader(&mut leaders, other)) {
                Some(other) => leaders[one.max(other) as usize] = one.min(other),
                None => object = Some(one),
            }
        });
        of_span.push(Some(object.unwrap_or(0)));
    }
    let mut place = vec![None; leaders.len()];
    let mut objects: Vec<One<'_, M>> = Vec::new();
    for (at, span) in history.spans().iter().enumerate() {
        let Some(number) = of_span[at] else { continue };
        let object = leader(&mut leaders, number) as usize;
        let slot = *place[object].get_or_insert_with(|| {
            objects.push(One {
                keys: Vec::new(),
                spans: Vec::new(),
                places: Vec::new(),
            });
            objects.len() - 1
        });
        objects[slot].spans.push(span);
        objects[slot].places.push(at as u32);
    }
    for (key, number) in keys.into_iter().zip(1..) {
        if let Some(slot) = place[leader(&mut leaders, number) as usize] {
            objects[slot].keys.push(key);
        }
    }
    objects
}

/// The least number of the object that a number belongs to.
fn leader(leaders: &mut [u32], mut number: u32) -> u32 {
    while leaders[number as usize] != number {
        let above = leaders[number as usize];
        leaders[number as usize] = leaders[above as usize];
        number = above;
    }
    number
}

/// Part of a call: the position of its span among the object's, and which of the calls it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) span: u32,
    pub(super) part: u32,
}

/// A question about calls of an object.
pub(super) struct Question<M: Model> {
    pub(super) problem: Problem<M>,
    /// Whose each call of the problem is.
    pub(super) parts: Vec<Part>,
    /// Where each moment of the problem is in the record.
    moments: Vec<Index>,
}

impl<M: Model> Question<M> {
    /// Where a moment of the problem is in the record.
    pub(super) fn index(&self, moment: u32) -> Index {
        self.moments[moment as usize]
    }
}

impl<M: Object> One<'_, M> {
    /// Whether there is an order of those calls that are `kept`, as things stood after the event `until`: what was called
    /// later is left out, and what ended later took effect with the answer that it got, or had not taken effect.
    ///
    /// If a history has an order, it has one in this form, at any time (Herlihy & Wing 1990, section 3: the property is
    /// prefix-closed): take all until the last that ended by then; none before that one in the order can have been called
    /// later.
    pub(super) fn question(
        &self,
        initial: &M,
        kept: impl Fn(usize) -> bool,
        until: Option<Index>,
    ) -> Question<M> {
        let late = |index: Index| until.is_some_and(|until| index > until);
        let mut calls: Vec<Option<(<M::Op as Operation>::Call, _)>> = Vec::new();
        let mut parts = Vec::new();
        // Of each end of each call: where it is, of which part, and whose.
        let mut ends: Vec<(Index, u32, u32, bool)> = Vec::new();
        for (at, span) in self.spans.iter().enumerate() {
            if late(span.invoked) {
                break;
            }
            if !kept(at) {
                continue;
            }
            let completed = match span.outcome {
                Outcome::Ok(_) => span.completed.filter(|end| !late(*end)),
                Outcome::Fail(_) | Outcome::Info(_) => None,
            };
            let asked = M::asked(span, self.spans.len());
            for (part, (call, ret)) in asked.into_iter().enumerate() {
                if completed.is_none() && M::effect(&call) == Effect::Observes {
                    continue;
                }
                let (part, number) = (part as u32, parts.len() as u32);
                calls.push(Some((call, ret)));
                parts.push(Part {
                    span: at as u32,
                    part,
                });
                ends.push((span.invoked, part, number, false));
                ends.extend(completed.map(|end| (end, part, number, true)));
            }
        }
        ends.sort_unstable();
        let mut known = vec![NEVER; parts.len()];
        for (moment, (.., number, end)) in (1u32..).zip(&ends) {
            if *end {
                known[*number as usize] = moment;
            }
        }
        let mut problem = Problem::new(initial.clone());
        let mut ordered = Vec::with_capacity(parts.len());
        for (moment, (.., number, end)) in (1u32..).zip(&ends) {
            if !end {
                let at = *number as usize;
                let (call, ret) = calls[at].take().expect("a call begins once");
                problem.call(call, ret, moment, known[at]);
                ordered.push(parts[at]);
            }
        }
        let moments = ends.iter().map(|(index, ..)| *index);
        Question {
            problem,
            parts: ordered,
            moments: std::iter::once(Index(0)).chain(moments).collect(),
        }
    }
}
