//! The map of a track: `every` and `for` are the track's, every other key is the fault's own. Read and written without an
//! intermediate form, so that a mistake is reported where it was made.

use std::marker::PhantomData;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, IntoDeserializer, MapAccess},
    forward_to_deserialize_any,
};

use crate::TimeRange;

/// When a fault comes and how long it stays, as far as that was said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Timing {
    pub(crate) every: Option<TimeRange>,
    pub(crate) lasting: Option<TimeRange>,
}

/// A track's map, read.
pub(crate) struct Body<F> {
    pub(crate) timing: Timing,
    pub(crate) fault: F,
}

/// A track's map, to be written.
#[derive(Serialize)]
pub(crate) struct Written<'a, F> {
    #[serde(skip_serializing_if = "Option::is_none")]
    every: Option<TimeRange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#for: Option<TimeRange>,
    #[serde(flatten)]
    fault: &'a F,
}

impl<'a, F> Written<'a, F> {
    pub(crate) fn new(timing: Timing, fault: &'a F) -> Self {
        Self {
            every: timing.every,
            r#for: timing.lasting,
            fault,
        }
    }
}

impl<'de, F: Deserialize<'de>> Deserialize<'de> for Body<F> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor<F>(PhantomData<F>);
        impl<'de, F: Deserialize<'de>> de::Visitor<'de> for Visitor<F> {
            type Value = Body<F>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map such as { every: 20s, for: 5s }")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Body<F>, A::Error> {
                let mut timing = Timing::default();
                let fault = F::deserialize(Own {
                    map,
                    timing: &mut timing,
                })?;
                Ok(Body { timing, fault })
            }
        }
        from.deserialize_map(Visitor(PhantomData))
    }
}

/// A map without the keys that are the track's.
struct Own<'t, A> {
    map: A,
    timing: &'t mut Timing,
}

impl<'de, A: MapAccess<'de>> Deserializer<'de> for Own<'_, A> {
    type Error = A::Error;

    fn deserialize_any<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        self.deserialize_struct("", &[], visitor)
    }
    fn deserialize_struct<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        visitor.visit_map(Keys { own: self, fields })
    }
    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct Keys<'t, A> {
    own: Own<'t, A>,
    fields: &'static [&'static str],
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Keys<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        let Own { map, timing } = &mut self.own;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "every" => timing.every = map.next_value()?,
                "for" => timing.lasting = map.next_value()?,
                own if self.fields.contains(&own) => {
                    return seed.deserialize(own.into_deserializer()).map(Some);
                }
                unknown => {
                    let known: Vec<String> = ["every", "for"]
                        .iter()
                        .chain(self.fields)
                        .map(|field| format!("`{field}`"))
                        .collect();
                    return Err(de::Error::custom(format!(
                        "unknown field `{unknown}`, expected one of {}",
                        known.join(", ")
                    )));
                }
            }
        }
        Ok(None)
    }
    fn next_value_seed<S: de::DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, A::Error> {
        self.own.map.next_value_seed(seed)
    }
}
