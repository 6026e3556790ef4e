//! Turn by turn.

use history::{Event, Operation};

use crate::{Context, Generator, Next};

/// See [`flip_flop`].
#[derive(Debug, Clone)]
pub struct FlipFlop<A, B> {
    a: A,
    b: B,
    second: bool,
    done: bool,
}

/// A call of the first, a call of the second, and so on; done when the one whose turn it is is done.
pub fn flip_flop<A, B>(a: A, b: B) -> FlipFlop<A, B> {
    FlipFlop {
        a,
        b,
        second: false,
        done: false,
    }
}

impl<O: Operation, A: Generator<O>, B: Generator<O>> Generator<O> for FlipFlop<A, B> {
    fn next(&mut self, cx: &Context) -> Next<O::Call> {
        if self.done {
            return Next::Done;
        }
        let next = match self.second {
            false => self.a.next(cx),
            true => self.b.next(cx),
        };
        match next {
            Next::Call(..) => self.second = !self.second,
            Next::Done => self.done = true,
            _ => {}
        }
        next
    }
    fn update(&mut self, cx: &Context, event: &Event<O>) {
        self.a.update(cx, event);
        self.b.update(cx, event);
    }
}
