//! Histories as drawings, for tests: time runs to the right, a line is a process.
//!
//! ```text
//! p0@n1: |--write x 1--|         |--read x -> 2--|
//! p1@n2:      |--write x 2 info--|
//! p2:            |--cas x [1,2] fail--|  |--read y ...
//! ```
//!
//! - `pN:` is the process, with `@node` where the node matters. A process may have several lines.
//! - `|` begins an op and `|` ends it; their columns are its times. What begins in the column in which another ends is
//!   concurrent with it.
//! - Inside: the function, the key (`_` for none), the value as JSON. A second word that begins with `[`, `{` or `"` is
//!   the value of a call without a key. Dashes and blanks around it are ornament.
//! - Then how it ended: nothing or `ok`; `-> RETURN` with JSON, or `nil`; `fail`, `info`, with a class if wanted
//!   (`fail:refused`); or `...` and no `|` for a call that nobody saw end.
//! - Blank lines, and lines that begin with `#`, are for people.

use serde_json::value::RawValue;

use crate::{
    Codec, Event, History, Index, Key, Malformed, Moment, Nanos, NodeId, Nodes, Outcome, Process,
    Reason, brief::brief,
};

/// Why a drawing is not a history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DrawingError {
    /// A line that cannot be understood.
    #[error("line {line}: {reason}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// Ops that cannot have happened in this way.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// Reads a drawing.
///
/// ```
/// use schism_history::{Register, dsl::parse};
///
/// let history = parse::<Register>("
///     p0: |--write x 1--|
///     p1:        |--read x -> 1--|
/// ")?;
/// assert_eq!(history.spans().len(), 2);
/// # Ok::<(), schism_history::dsl::DrawingError>(())
/// ```
pub fn parse<O: Codec>(drawing: &str) -> Result<History<O>, DrawingError> {
    let mut nodes = Vec::new();
    let mut events: Vec<(usize, bool, Event<O>)> = Vec::new();
    for (number, text) in drawing.lines().enumerate() {
        line(text, &mut nodes, &mut events).map_err(|reason| DrawingError::Line {
            line: number + 1,
            reason: brief(reason),
        })?;
    }
    // Invocations first on a tie: what touches is concurrent.
    events.sort_by_key(|(column, ends, _)| (*column, *ends));
    let events = events
        .into_iter()
        .enumerate()
        .map(|(i, (.., event))| Event {
            index: Index(i as u32),
            ..event
        });
    Ok(History::new(Nodes::new(nodes), events)?)
}

fn line<O: Codec>(
    text: &str,
    nodes: &mut Vec<String>,
    events: &mut Vec<(usize, bool, Event<O>)>,
) -> Result<(), String> {
    if text.trim().is_empty() || text.trim().starts_with('#') {
        return Ok(());
    }
    let (head, _) = text
        .split_once(':')
        .ok_or("a line begins with its process, like p0: or p0@n1:")?;
    let (process, node) = match head.trim().split_once('@') {
        Some((process, node)) => (process, Some(node)),
        None => (head.trim(), None),
    };
    let process = process
        .strip_prefix('p')
        .and_then(|n| n.parse().ok())
        .map(Process)
        .ok_or_else(|| format!("{process:?} is not a process; write p0, p1 …"))?;
    let node = node.map(|name| {
        let at = nodes.iter().position(|n| n == name).unwrap_or_else(|| {
            nodes.push(name.to_owned());
            nodes.len() - 1
        });
        NodeId(at as u16)
    });
    let mut column = head.chars().count() + 1;
    let mut rest = &text[head.len() + 1..];
    let mut add = |column: usize, moment: Moment<O>| {
        let ends = matches!(moment, Moment::Complete(_));
        let event = Event {
            index: Index(0),
            time: Nanos(column as u64),
            process,
            node,
            moment,
        };
        events.push((column, ends, event));
    };
    while let Some((before, after)) = rest.split_once('|') {
        if !before.trim().is_empty() {
            return Err(format!("{:?} stands outside of an op", before.trim()));
        }
        let start = column + before.chars().count();
        let (body, tail) = match after.split_once('|') {
            Some((body, tail)) => (body, Some(tail)),
            None => (after, None),
        };
        let (call, outcome) = op::<O>(body, tail.is_some())?;
        add(start, Moment::Invoke(call));
        column = start + 1 + body.chars().count();
        if let Some(outcome) = outcome {
            add(column, Moment::Complete(outcome));
        }
        column += 1;
        rest = tail.unwrap_or("");
    }
    match rest.trim() {
        "" => Ok(()),
        stray => Err(format!("{stray:?} stands outside of an op")),
    }
}

type Op<O> = (
    <O as crate::Operation>::Call,
    Option<Outcome<<O as crate::Operation>::Return>>,
);

fn op<O: Codec>(body: &str, closed: bool) -> Result<Op<O>, String> {
    let body = body.trim_matches([' ', '-']);
    let (body, ends) = match body.strip_suffix("...") {
        Some(body) => (body, false),
        None => (body, true),
    };
    match (closed, ends) {
        (true, false) => return Err("an op that ends in ... has no second |".to_owned()),
        (false, true) => return Err(format!("the op {body:?} needs a second |, or ...")),
        _ => {}
    }
    let (asked, returned) = match body.split_once("->").or_else(|| body.split_once('→')) {
        Some((asked, returned)) => (asked.trim(), Some(returned.trim())),
        None => (body.trim(), None),
    };
    let (asked, last) = match asked.rsplit_once(' ') {
        Some((front, last)) if is_outcome(last) => (front.trim(), Some(last)),
        _ => (asked, None),
    };
    let (f, rest) = asked.split_once(' ').unwrap_or((asked, ""));
    let rest = rest.trim();
    let (key, value) = match rest.starts_with(['[', '{', '"']) || rest.is_empty() {
        true => (None, rest),
        false => {
            let (key, value) = rest.split_once(' ').unwrap_or((rest, ""));
            (Some(key).filter(|key| *key != "_"), value.trim())
        }
    };
    let key = key.map(|key| key.parse().map_or_else(|_| Key::Text(key.into()), Key::Int));
    let value = match value {
        "" => None,
        json => Some(raw(json)?),
    };
    let call = O::decode_call(f, key, value.as_deref())?;
    if !closed {
        return Ok((call, None));
    }
    let outcome = match (last.unwrap_or("ok"), returned) {
        ("ok", returned) => {
            let returned = match returned {
                None => None,
                Some("nil") => Some(raw("null")?),
                Some(json) => Some(raw(json)?),
            };
            Outcome::Ok(O::decode_return(&call, returned.as_deref())?)
        }
        (end, Some(_)) => return Err(format!("an op that ends in {end} returns nothing")),
        (end, None) => {
            let (kind, class) = end.split_once(':').unwrap_or((end, end));
            match kind {
                "fail" => Outcome::Fail(Reason::new(class)),
                _ => Outcome::Info(Reason::new(class)),
            }
        }
    };
    Ok((call, Some(outcome)))
}

fn is_outcome(word: &str) -> bool {
    let kind = word.split(':').next().unwrap_or(word);
    word == "ok" || kind == "fail" || kind == "info"
}

fn raw(json: &str) -> Result<Box<RawValue>, String> {
    RawValue::from_string(json.to_owned()).map_err(|_| format!("{json} is not JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Register;

    fn shown(drawing: &str) -> Vec<String> {
        let history = parse::<Register>(drawing).expect("a good drawing");
        let show = |span: &crate::Span<Register>| {
            let end = span.completed.map(|c| c.0.to_string()).unwrap_or_default();
            let what = match &span.outcome {
                Outcome::Ok(ret) => Register::describe(&span.call, ret),
                Outcome::Fail(r) => format!("{} fail {r}", Register::describe_call(&span.call)),
                Outcome::Info(r) => format!("{} info {r}", Register::describe_call(&span.call)),
            };
            let node = history.node_name(span);
            format!(
                "p{} {node} {}..{end} {what}",
                span.process.0, span.invoked.0
            )
        };
        history.spans().iter().map(show).collect()
    }

    #[test]
    fn a_drawing_shows_what_overlaps_and_how_it_ended() {
        let drawing = "
            # Two processes on nodes, one without.
            p0@n1: |--write x 1--|            |--read x -> 2--|
            p1@n2:      |--write x 2 info:timeout--|
            p2:            |--cas x [1,-2] fail--|   |--read 7 ...";
        let expected = [
            "p0 n1 0..3 write x=1",
            "p1 n2 1..6 write x=2 info timeout",
            "p2 ? 2..5 cas x: 1→-2 fail fail",
            "p0 n1 4..8 read x → 2",
            "p2 ? 7.. read 7 info no-completion",
        ];
        assert_eq!(shown(drawing), expected);
    }

    #[test]
    fn what_touches_is_concurrent_and_what_has_a_gap_is_not() {
        assert_eq!(
            shown("p0: |-write x -1-|\np1:              |-read x -> nil-|"),
            ["p0 ? 0..2 write x=-1", "p1 ? 1..3 read x → nothing"]
        );
        assert_eq!(
            shown("p0: |-write x 1-||-read x -> -1-|"),
            ["p0 ? 0..1 write x=1", "p0 ? 2..3 read x → -1"]
        );
    }

    #[test]
    fn errors_say_which_line_and_what() {
        for (drawing, message) in [
            (
                "\nx",
                "line 2: a line begins with its process, like p0: or p0@n1:",
            ),
            (
                "q: |-read x-|",
                "line 1: \"q\" is not a process; write p0, p1 …",
            ),
            (
                "p0: |-read x",
                "line 1: the op \"read x\" needs a second |, or ...",
            ),
            (
                "p0: |-read x ...-|",
                "line 1: an op that ends in ... has no second |",
            ),
            (
                "p0: hi |-read x-|",
                "line 1: \"hi\" stands outside of an op",
            ),
            (
                "p0: |-read x-| hi",
                "line 1: \"hi\" stands outside of an op",
            ),
            ("p0: |-write x y-|", "line 1: y is not JSON"),
            (
                "p0: |-read x fail -> 1-|",
                "line 1: an op that ends in fail returns nothing",
            ),
            (
                "p0: |-read x info-| |-read x-|",
                "event 2: process 0 makes a call after the outcome of its last one was lost (info ends a process)",
            ),
        ] {
            let error = parse::<Register>(drawing).expect_err(drawing);
            assert_eq!(error.to_string(), message);
        }
    }
}
