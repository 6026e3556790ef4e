//! Strings that can be read, replaced, and appended to.

use std::sync::Arc;

use history::{
    Key, Outcome, Span,
    ops::{Kv, KvCall, KvOp, KvReturn},
};

use crate::linear::{Calls, Effect, Marks, Model, Names, Object, once};

/// What one key of a store has.
///
/// A put or append of `s` may leave a witness if no get of its key that stays saw a text with `s` in it. As long as what
/// it put is there, the text has `s` in it; so in any order nobody looks before the next put, and without it everybody
/// sees the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Text(Arc<str>);

impl Model for Text {
    type Op = Kv;

    fn step(&self, call: &KvCall, ret: Option<&KvReturn>) -> Option<Self> {
        match (&call.op, ret) {
            (KvOp::Get, Some(KvReturn::Text(seen))) if *seen != self.0 => None,
            (KvOp::Get, _) => Some(self.clone()),
            (KvOp::Put(text), _) => Some(Self(Arc::clone(text))),
            (KvOp::Append(text), _) => Some(Self([&*self.0, &**text].concat().into())),
        }
    }

    fn effect(call: &KvCall) -> Effect {
        match call.op {
            KvOp::Get => Effect::Observes,
            KvOp::Put(_) => Effect::Overwrites,
            KvOp::Append(_) => Effect::Updates,
        }
    }
}

impl Object for Text {
    const NAME: &'static str = "kv-append";
    type Recorded = Kv;

    fn initially(_: Option<i64>) -> Self {
        Self::default()
    }

    fn asked(span: &Span<Kv>, _: usize) -> Calls<Self::Op> {
        once(span)
    }

    fn marks(spans: &[&Span<Kv>]) -> Vec<Marks> {
        let mut names: Names<(Option<&Key>, &str)> = Names::default();
        for span in spans {
            if let KvOp::Put(text) | KvOp::Append(text) = &span.call.op {
                names.number((span.call.key.as_ref(), text));
            }
        }
        let texts = names.all();
        let marks = spans.iter().map(|span| {
            let key = span.call.key.as_ref();
            let mut marks = Marks::alone();
            match (&span.call.op, &span.outcome) {
                (KvOp::Get, Outcome::Ok(KvReturn::Text(seen))) => {
                    for ((on, text), number) in &texts {
                        if *on == key && seen.contains(*text) {
                            marks.sees(*number);
                        }
                    }
                }
                (KvOp::Get, _) => {}
                (KvOp::Put(text) | KvOp::Append(text), _) => {
                    marks.makes(names.number((key, text)));
                }
            }
            marks
        });
        marks.collect()
    }
}
