//! Until it worked once.

use history::{Event, Moment, Operation, Outcome};

use crate::{Context, Generator, Next, generator::Own};

/// See [`GeneratorExt::until_ok`](crate::GeneratorExt::until_ok). Only its own calls count, not those that others make
/// on the same workers.
#[derive(Debug, Clone)]
pub struct UntilOk<G> {
    inner: G,
    own: Own,
    done: bool,
}

impl<G> UntilOk<G> {
    pub(crate) fn new(inner: G) -> Self {
        Self {
            inner,
            own: Own::default(),
            done: false,
        }
    }
}

impl<O: Operation, G: Generator<O>> Generator<O> for UntilOk<G> {
    fn next(&mut self, cx: &Context) -> Next<O::Call> {
        if self.done {
            return Next::Done;
        }
        let next = self.inner.next(cx);
        self.own.gave(&next);
        next
    }
    fn update(&mut self, cx: &Context, event: &Event<O>) {
        self.inner.update(cx, event);
        if self.own.ends(event) && matches!(event.moment, Moment::Complete(Outcome::Ok(_))) {
            self.done = true;
        }
    }
}
