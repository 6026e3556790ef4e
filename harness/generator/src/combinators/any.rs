//! Whichever has something to do.
//!
//! Children give calls away for now, never for later, so the first that has one is the soonest and the others need
//! not be asked. Who is asked first moves on with every call, so that children that are always ready take turns.

use history::{Event, Nanos, Operation};

use crate::{Context, Generator, Next};

/// See [`any`].
#[derive(Debug, Clone)]
pub struct Any<G> {
    children: Vec<G>,
    first: usize,
}

/// Calls of any of these, the soonest first; done when all are.
pub fn any<G>(children: impl IntoIterator<Item = G>) -> Any<G> {
    Any {
        children: children.into_iter().collect(),
        first: 0,
    }
}

impl<O: Operation, G: Generator<O>> Generator<O> for Any<G> {
    fn next(&mut self, cx: &Context) -> Next<O::Call> {
        let mut wait = Wait::default();
        let mut at = self.first;
        let mut unasked = self.children.len();
        while unasked > 0 {
            unasked -= 1;
            at %= self.children.len();
            match self.children[at].next(cx) {
                Next::Done => {
                    self.children.remove(at);
                }
                found @ (Next::Call(..) | Next::Log(_)) => {
                    self.first = at + 1;
                    return found;
                }
                other => {
                    wait.add(&other);
                    at += 1;
                }
            }
        }
        wait.answer()
    }
    fn update(&mut self, cx: &Context, event: &Event<O>) {
        for child in &mut self.children {
            child.update(cx, event);
        }
    }
}

/// What to answer when no child has a call: the earliest time that one names, pending if one is, done if none is left.
#[derive(Debug, Default)]
pub(crate) struct Wait {
    at: Option<Nanos>,
    pending: bool,
}

impl Wait {
    /// A child answered this.
    pub(crate) fn add<C>(&mut self, next: &Next<C>) {
        match next {
            Next::NotBefore(at) => self.at = Some(self.at.map_or(*at, |known| known.min(*at))),
            Next::Pending => self.pending = true,
            Next::Call(..) | Next::Log(_) | Next::Done => {}
        }
    }
    /// Some child was not asked, because none of its workers is free.
    pub(crate) fn busy(&mut self) {
        self.pending = true;
    }
    /// The answer for all of them.
    pub(crate) fn answer<C>(&self) -> Next<C> {
        match (self.at, self.pending) {
            (Some(at), _) => Next::NotBefore(at),
            (None, true) => Next::Pending,
            (None, false) => Next::Done,
        }
    }
}
