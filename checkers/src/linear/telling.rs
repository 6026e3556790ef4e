//! Says in words what the witness of any object shows. What kind of thing went wrong is not known: its calls are told.

use history::{Codec, History, Index, Key, Outcome};

use super::{asked::One, object::Object};
use crate::words::{Words, on_key};

/// Up to this many calls of a witness are told one by one.
const TOLD: usize = 12;

/// ` on key 17`, for an object of one key.
pub(super) fn place<M: Object>(one: &One<'_, M>) -> (Option<Key>, String) {
    let key = match one.keys[..] {
        [only] => Some(only.clone()),
        _ => None,
    };
    let text = on_key(key.as_ref());
    (key, text)
}

/// The calls of a witness, one a sentence.
pub(super) fn told<M: Object>(
    history: &History<M::Recorded>,
    one: &One<'_, M>,
    witness: &[usize],
) -> Vec<String> {
    let words = Words(history);
    let line = |at: &usize| {
        let span = one.spans[*at];
        let place = one.places[*at] as usize;
        let what = match &span.outcome {
            Outcome::Ok(ret) => M::Recorded::describe(&span.call, ret),
            Outcome::Fail(_) | Outcome::Info(_) => M::Recorded::describe_call(&span.call),
        };
        let until = match (&span.outcome, span.end) {
            (Outcome::Ok(_), Some(end)) => format!("to {end}"),
            _ => "with unknown outcome".to_owned(),
        };
        let (process, on) = (span.process.0, words.on(place));
        format!("Process {process}{on}: {what}, {} {until}.", span.start)
    };
    let hidden = witness.len().saturating_sub(TOLD);
    let mut sentences = Vec::new();
    if hidden > 0 {
        sentences.push(format!(
            "These are the last {TOLD} of {} calls.",
            witness.len()
        ));
    }
    sentences.extend(witness[hidden..].iter().map(line));
    sentences
}

/// The calls of a witness, and how far there was an order.
pub(super) fn explain<M: Object>(
    history: &History<M::Recorded>,
    one: &One<'_, M>,
    witness: &[usize],
    until: Index,
    ordered: usize,
) -> String {
    let mut sentences = told(history, one, witness);
    let last = one.spans.iter().find(|span| span.completed == Some(until));
    if let Some(last) = last {
        let end = last.end.unwrap_or_default();
        let what = M::Recorded::describe_call(&last.call);
        sentences.push(format!(
            "Each must take effect at one moment between its start and its end, and no choice of moments explains all answers. The {ordered} calls{} that had ended before {end} have an order; with the answer of process {} to {what} at {end} none is left.",
            place(one).1,
            last.process.0,
        ));
    }
    sentences.join(" ")
}
