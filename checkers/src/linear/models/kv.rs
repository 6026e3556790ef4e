//! Strings that can be read, replaced, and appended to.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

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
///
/// In a search, all texts with which no text that was seen begins are one: nobody sees any of them, nor what is appended to
/// it, before the next put. So the orders of appends that nobody saw are not told apart, and the others are places in
/// the texts that were seen.
#[derive(Debug, Clone)]
pub struct Text {
    has: Has,
    /// What gets returned, sorted, each once.
    seen: Arc<[Arc<str>]>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Has {
    Whole(Arc<str>),
    /// The first `length` bytes of each of the texts from `first` to before `end`, and of no other.
    Begins {
        first: u32,
        end: u32,
        length: u32,
    },
    /// A text that no text begins with.
    Unseen,
}

impl Default for Text {
    fn default() -> Self {
        Self {
            has: Has::Whole("".into()),
            seen: Arc::new([]),
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.has == other.has
    }
}

impl Eq for Text {}

impl Hash for Text {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.has.hash(hasher);
    }
}

impl Text {
    fn is(&self, text: &str) -> bool {
        match &self.has {
            Has::Whole(whole) => **whole == *text,
            Has::Begins { first, length, .. } => {
                *length as usize == text.len() && *self.seen[*first as usize] == *text
            }
            Has::Unseen => false,
        }
    }

    fn appended(&self, text: &str) -> Has {
        match &self.has {
            Has::Whole(whole) => Has::Whole([whole, text].concat().into()),
            Has::Begins { first, end, length } => self.among(*first, *end, *length, text),
            Has::Unseen => Has::Unseen,
        }
    }

    fn replaced(&self, text: &Arc<str>) -> Has {
        match &self.has {
            Has::Whole(_) => Has::Whole(Arc::clone(text)),
            Has::Begins { .. } | Has::Unseen => self.among(0, self.seen.len() as u32, 0, text),
        }
    }

    /// Which of some texts, equal in their first `length` bytes, go on with `more`.
    fn among(&self, first: u32, end: u32, length: u32, more: &str) -> Has {
        let more = more.as_bytes();
        let skipped = length as usize;
        let texts = &self.seen[first as usize..end as usize];
        let before = texts.partition_point(|text| &text.as_bytes()[skipped..] < more);
        let begins = |text: &Arc<str>| text.as_bytes()[skipped..].starts_with(more);
        let having = texts[before..].partition_point(begins);
        match having {
            0 => Has::Unseen,
            _ => Has::Begins {
                first: first + before as u32,
                end: first + (before + having) as u32,
                length: length + more.len() as u32,
            },
        }
    }
}

impl Model for Text {
    type Op = Kv;

    fn step(&self, call: &KvCall, ret: Option<&KvReturn>) -> Option<Self> {
        let has = match (&call.op, ret) {
            (KvOp::Get, Some(KvReturn::Text(seen))) if !self.is(seen) => return None,
            (KvOp::Get, _) => self.has.clone(),
            (KvOp::Put(text), _) => self.replaced(text),
            (KvOp::Append(text), _) => self.appended(text),
        };
        Some(Self {
            has,
            seen: Arc::clone(&self.seen),
        })
    }

    fn foreseeing<'a>(self, answers: impl Iterator<Item = &'a KvReturn>) -> Self {
        let Has::Whole(whole) = self.has else {
            return self;
        };
        let texts = answers.filter_map(|answer| match answer {
            KvReturn::Text(seen) => Some(Arc::clone(seen)),
            KvReturn::Done => None,
        });
        let mut texts: Vec<Arc<str>> = texts.collect();
        texts.sort_unstable();
        texts.dedup();
        let mut told = Self {
            has: Has::Unseen,
            seen: texts.into(),
        };
        told.has = told.replaced(&whole);
        told
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

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::oracle::cases;

    fn text(rng: &mut Pcg64Mcg, longest: usize) -> Arc<str> {
        let length = rng.random_range(0..=longest);
        let letters = (0..length).map(|_| if rng.random() { 'a' } else { 'b' });
        letters.collect::<String>().into()
    }

    /// Two texts that are told what will be seen, and the same two in full, go the same way through the same calls: a call
    /// is possible told or not told, and two that were once equal stay equal.
    #[test]
    fn a_text_that_foresees_the_answers_allows_what_one_does_that_does_not() {
        let mut rng = Pcg64Mcg::seed_from_u64(27);
        let (mut met, mut possible) = (0, 0);
        for _ in 0..cases(20_000) {
            let seen: Vec<KvReturn> = (0..rng.random_range(0..5))
                .map(|_| KvReturn::Text(text(&mut rng, 4)))
                .collect();
            let mut whole = [(); 2].map(|()| Text {
                has: Has::Whole(text(&mut rng, 2)),
                seen: Arc::new([]),
            });
            let mut told = whole.clone().map(|text| text.foreseeing(seen.iter()));
            for _ in 0..6 {
                let (op, ret) = match rng.random_range(0..5) {
                    0 => (KvOp::Put(text(&mut rng, 2)), None),
                    1 | 2 => (KvOp::Append(text(&mut rng, 2)), None),
                    _ if seen.is_empty() => continue,
                    _ => (KvOp::Get, Some(&seen[rng.random_range(0..seen.len())])),
                };
                let call = KvCall { op, key: None };
                let equal = told[0] == told[1];
                let next = |texts: &[Text; 2]| [0, 1].map(|i| texts[i].step(&call, ret));
                let (fully, knowingly) = (next(&whole), next(&told));
                assert_eq!(
                    fully.each_ref().map(Option::is_some),
                    knowingly.each_ref().map(Option::is_some),
                    "{call:?} {ret:?} of {whole:?}, seen {seen:?}"
                );
                if equal {
                    met += 1;
                    assert_eq!(knowingly[0], knowingly[1], "{call:?} {ret:?} of {told:?}");
                }
                for (i, (fully, knowingly)) in fully.into_iter().zip(knowingly).enumerate() {
                    if let Some((fully, knowingly)) = fully.zip(knowingly) {
                        possible += usize::from(ret.is_some());
                        (whole[i], told[i]) = (fully, knowingly);
                    }
                }
            }
        }
        assert!(
            met > 1000 && possible > 1000,
            "{met} equal, {possible} seen"
        );
    }
}
