//! Ops in JSON: objects, one after the other or in one array. The objects are `serde_json`'s business; what is between
//! them is ours, because it would read the whole array.

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, Visitor},
};

use super::{Draft, Field, Foreign, reader::Step};
use crate::edn::Trouble;

/// What is known between two ops.
#[derive(Default)]
pub(super) struct Ops {
    /// Whether they are in an array.
    array: bool,
}

impl Ops {
    pub(super) fn next(&mut self, text: &[u8], last: bool) -> Result<Step, Trouble> {
        let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b',');
        let begins = text.iter().position(|b| !blank(b)).unwrap_or(text.len());
        let step = |taken, op| Ok(Step { taken, begins, op });
        match (text.get(begins), self.array) {
            (None, true) if last && begins == 0 => Err(Trouble::Wrong {
                at: 0,
                reason: "the text ends before the ']' that ends the history".to_owned(),
            }),
            (None, _) => step(begins, None),
            (Some(b'['), false) => {
                self.array = true;
                step(begins + 1, None)
            }
            (Some(b']'), true) => {
                self.array = false;
                step(begins + 1, None)
            }
            (Some(b'{'), _) => {
                let (length, op) =
                    object(&text[begins..], last).map_err(|trouble| match trouble {
                        Trouble::Wrong { at, reason } => Trouble::Wrong {
                            at: begins + at,
                            reason,
                        },
                        Trouble::Incomplete => trouble,
                    })?;
                step(begins + length, Some(op))
            }
            (Some(byte), _) => Err(Trouble::Wrong {
                at: begins,
                reason: format!(
                    "an op is an object, but here is {:?}",
                    char::from((*byte).min(0x7f))
                ),
            }),
        }
    }
}

/// The op at the beginning of a text, and its length.
fn object(text: &[u8], last: bool) -> Result<(usize, Foreign), Trouble> {
    let mut ops = serde_json::Deserializer::from_slice(text).into_iter::<Written>();
    match ops.next() {
        Some(Ok(Written(op))) => Ok((ops.byte_offset(), op)),
        Some(Err(error)) if error.is_eof() && !last => Err(Trouble::Incomplete),
        Some(Err(error)) => {
            let message = error.to_string();
            let reason = message.split(" at line ").next().unwrap_or(&message);
            Err(Trouble::Wrong {
                at: offset(text, error.line(), error.column()),
                reason: reason.to_owned(),
            })
        }
        None => Err(Trouble::Incomplete),
    }
}

/// Where this line and column is, both from 1.
fn offset(text: &[u8], line: usize, column: usize) -> usize {
    let before = text
        .split_inclusive(|b| *b == b'\n')
        .take(line.saturating_sub(1));
    let start: usize = before.map(<[u8]>::len).sum();
    (start + column.saturating_sub(1)).min(text.len())
}

struct Written(Foreign);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Written;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an op")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
        let mut draft = Draft::default();
        while let Some(Name(field)) = map.next_key()? {
            match field {
                Some(field) => draft
                    .set(field, map.next_value()?)
                    .map_err(A::Error::custom)?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        draft.finish().map(Written).map_err(A::Error::custom)
    }
}

/// The name of a field, if it means something to us.
struct Name(Option<Field>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl Visitor<'_> for Names {
            type Value = Name;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a name")
            }
            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                Ok(Name(Field::named(name.as_bytes())))
            }
        }
        deserializer.deserialize_str(Names)
    }
}
