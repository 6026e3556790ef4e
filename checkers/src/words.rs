//! How findings speak of calls: who asked whom for what, when, and how it ended.

use std::time::Duration;

use history::{Codec, History, Index, Outcome, Span};

/// Speaks of the calls of one history, by their positions.
pub(crate) struct Words<'a, O: Codec>(pub(crate) &'a History<O>);

impl<O: Codec> Words<'_, O> {
    pub(crate) fn span(&self, at: usize) -> &Span<O> {
        &self.0.spans()[at]
    }

    /// ` on n1`, where that is known.
    pub(crate) fn on(&self, at: usize) -> String {
        let span = self.span(at);
        span.node
            .map_or(String::new(), |_| format!(" on {}", self.0.node_name(span)))
    }

    /// `process 9`.
    pub(crate) fn who(&self, at: usize) -> String {
        format!("process {}", self.span(at).process.0)
    }

    /// A sentence: what was asked, and how it ended.
    pub(crate) fn call(&self, at: usize) -> String {
        let span = self.span(at);
        let what = O::describe_call(&span.call);
        let (process, on) = (span.process.0, self.on(at));
        match (&span.outcome, span.end) {
            (Outcome::Ok(_), Some(end)) if span.node.is_some() => format!(
                "{} acknowledged {what} to process {process} at {end}.",
                self.0.node_name(span)
            ),
            (Outcome::Ok(_), Some(end)) => {
                format!("The {what} of process {process} was acknowledged at {end}.")
            }
            (Outcome::Fail(why), Some(end)) => {
                format!(
                    "Process {process} called {what}{on}, and was told at {end} that it failed ({why})."
                )
            }
            _ => format!(
                "Process {process} called {what}{on} at {} and never learned whether it happened.",
                span.start
            ),
        }
    }

    /// `process 9 (on n1, 0:31.611)`: whose call, where, and when it ended.
    pub(crate) fn place(&self, at: usize) -> String {
        let span = self.span(at);
        let when = span.end.unwrap_or(span.start);
        match span.node {
            Some(_) => format!(
                "process {} ({}, {when})",
                span.process.0,
                self.0.node_name(span)
            ),
            None => format!("process {} ({when})", span.process.0),
        }
    }

    /// How long after the end of one call another was made.
    pub(crate) fn later(&self, first: usize, second: usize) -> String {
        let first = self.span(first);
        let end = first.end.unwrap_or(first.start);
        duration(self.span(second).start.since(end))
    }
}

/// Where a call is known to have happened: the place of its answer. Nothing precedes by an answer that nobody got.
pub(crate) fn answered<O: history::Operation>(span: &Span<O>) -> Option<Index> {
    match span.outcome {
        Outcome::Ok(_) => span.completed,
        Outcome::Fail(_) | Outcome::Info(_) => None,
    }
}

/// ` on key 17`, where there is one.
pub(crate) fn on_key(key: Option<&history::Key>) -> String {
    key.map_or(String::new(), |key| format!(" on key {key}"))
}

/// `850 µs`, `407 ms`, `12.4 s`.
pub(crate) fn duration(d: Duration) -> String {
    match d.as_micros() {
        us if us < 1000 => format!("{us} µs"),
        us if us < 10_000 => format!("{:.1} ms", us as f64 / 1e3),
        us if us < 1_000_000 => format!("{} ms", us / 1000),
        us => format!("{:.1} s", us as f64 / 1e6),
    }
}

/// With a capital.
pub(crate) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
