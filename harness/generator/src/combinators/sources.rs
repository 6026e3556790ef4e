//! Where calls come from: lists, iterators, functions; and two that make none, sleep and log.

use std::time::Duration;

use history::{Nanos, Operation};

use crate::{Context, Generator, Next};

/// See [`calls`].
#[derive(Debug, Clone)]
pub struct Calls<I>(Option<I>);

/// These calls in this order. Any iterator will do; it is asked only when a call is wanted, so it may be endless.
pub fn calls<I: IntoIterator>(calls: I) -> Calls<I::IntoIter> {
    Calls(Some(calls.into_iter()))
}

/// One call, once.
pub fn once<C>(call: C) -> Calls<std::option::IntoIter<C>> {
    calls(Some(call))
}

impl<O: Operation, I: Iterator<Item = O::Call> + Send> Generator<O> for Calls<I> {
    fn next(&mut self, cx: &Context) -> Next<O::Call> {
        match self.0.as_mut().and_then(Iterator::next) {
            Some(call) => Next::Call(call, cx.workers),
            None => {
                self.0 = None;
                Next::Done
            }
        }
    }
}

/// See [`repeat`].
#[derive(Debug, Clone)]
pub struct Repeat<C>(C);

/// One call, for ever.
pub fn repeat<C: Clone>(call: C) -> Repeat<C> {
    Repeat(call)
}

impl<O: Operation<Call = C>, C: Clone + Send> Generator<O> for Repeat<C> {
    fn next(&mut self, cx: &Context) -> Next<C> {
        Next::Call(self.0.clone(), cx.workers)
    }
}

/// See [`from_fn`].
#[derive(Debug, Clone)]
pub struct FromFn<F>(Option<F>);

/// A function that makes the next call; done when it first returns `None`.
pub fn from_fn<C, F: FnMut(&Context) -> Option<C>>(function: F) -> FromFn<F> {
    FromFn(Some(function))
}

impl<O: Operation, F: FnMut(&Context) -> Option<O::Call> + Send> Generator<O> for FromFn<F> {
    fn next(&mut self, cx: &Context) -> Next<O::Call> {
        match self.0.as_mut().and_then(|function| function(cx)) {
            Some(call) => Next::Call(call, cx.workers),
            None => {
                self.0 = None;
                Next::Done
            }
        }
    }
}

/// See [`sleep`].
#[derive(Debug, Clone)]
pub struct Sleep {
    length: Duration,
    until: Option<Nanos>,
}

/// Nothing for this long, counted from when it is first asked. No worker is kept busy by it.
pub fn sleep(length: Duration) -> Sleep {
    Sleep {
        length,
        until: None,
    }
}

impl<O: Operation> Generator<O> for Sleep {
    fn next(&mut self, cx: &Context) -> Next<O::Call> {
        let until = *self.until.get_or_insert(after(cx.now, self.length));
        match cx.now < until {
            true => Next::NotBefore(until),
            false => Next::Done,
        }
    }
}

/// See [`log`].
#[derive(Debug, Clone)]
pub struct Log(Option<String>);

/// A line for people, once.
pub fn log(line: impl Into<String>) -> Log {
    Log(Some(line.into()))
}

impl<O: Operation> Generator<O> for Log {
    fn next(&mut self, _: &Context) -> Next<O::Call> {
        self.0.take().map_or(Next::Done, Next::Log)
    }
}

/// The time so long after another.
pub(crate) fn after(time: Nanos, length: Duration) -> Nanos {
    Nanos(
        time.0
            .saturating_add(u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)),
    )
}
