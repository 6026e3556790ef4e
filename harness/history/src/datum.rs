//! Data of others: whatever stands in a history that schism did not write.
//!
//! The vocabulary is EDN's, because Jepsen's histories are EDN and every other format we read is poorer. A [`Datum`] lives
//! only between a reader and the conversion to a typed operation, one op at a time. It is three words wide; names are
//! shared, since a history says `:append` a million times.

use std::{fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, SeqAccess, Visitor},
    ser::{SerializeMap, SerializeSeq},
};

/// A value of EDN, or of JSON.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Datum {
    /// `nil`, or JSON's `null`.
    #[default]
    Nil,
    /// `true` or `false`.
    Bool(bool),
    /// An integer of 64 bits.
    Int(i64),
    /// A finite or symbolic floating-point number.
    Float(f64),
    /// A number that neither of these can represent, as it was written: `1/3`, `2.50M`, `36893488147419103232`.
    Number(Arc<str>),
    /// A character, `\a`.
    Char(char),
    /// A string.
    Text(Arc<str>),
    /// A keyword, without its colon.
    Keyword(Arc<str>),
    /// A symbol.
    Symbol(Arc<str>),
    /// `(1 2)`.
    List(Vec<Datum>),
    /// `[1 2]`, or a JSON array.
    Vector(Vec<Datum>),
    /// `#{1 2}`, in the order of the text.
    Set(Vec<Datum>),
    /// `{:a 1}`, or a JSON object, in the order of the text.
    Map(Vec<(Datum, Datum)>),
    /// `#inst "2026-01-01"`: the tag without its `#`, and what it is on.
    Tagged(Box<(Arc<str>, Datum)>),
}

impl Datum {
    /// A vector.
    pub fn vector(items: impl IntoIterator<Item = Self>) -> Self {
        Self::Vector(items.into_iter().collect())
    }
    /// A keyword.
    pub fn keyword(name: &str) -> Self {
        Self::Keyword(name.into())
    }
    /// A string.
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }
    /// Whether it is nil.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }
    /// As an integer.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            _ => None,
        }
    }
    /// The name of a keyword or symbol, or the text of a string: JSON has one word for all three.
    pub fn as_name(&self) -> Option<&Arc<str>> {
        match self {
            Self::Text(s) | Self::Keyword(s) | Self::Symbol(s) => Some(s),
            _ => None,
        }
    }
    /// The items of a vector or list.
    pub fn as_seq(&self) -> Option<&[Self]> {
        match self {
            Self::Vector(items) | Self::List(items) => Some(items),
            _ => None,
        }
    }
    /// The items of a set, or of a vector or list that stands for one.
    pub fn as_set(&self) -> Option<&[Self]> {
        match self {
            Self::Set(items) => Some(items),
            other => other.as_seq(),
        }
    }
    /// The entries of a map.
    pub fn as_map(&self) -> Option<&[(Self, Self)]> {
        match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        }
    }
    /// What a map has under a name.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let entries = self.as_map()?.iter();
        entries
            .rev()
            .find(|(key, _)| key.as_name().is_some_and(|key| &**key == name))
            .map(|(_, value)| value)
    }
    /// As JSON text: keywords, symbols and characters become strings, sets and lists arrays, keys of maps strings; tags
    /// are left out.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("keys are strings, and strings cannot fail")
    }
}

/// As EDN.
impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Int(n) => write!(f, "{n}"),
            Self::Float(x) if x.is_nan() => f.write_str("##NaN"),
            Self::Float(x) if x.is_infinite() && *x > 0.0 => f.write_str("##Inf"),
            Self::Float(x) if x.is_infinite() => f.write_str("##-Inf"),
            // With a point or an exponent always, or it would be read as an integer.
            Self::Float(x) => write!(f, "{x:?}"),
            Self::Number(text) | Self::Symbol(text) => f.write_str(text),
            Self::Char(c) => character(f, *c),
            Self::Text(text) => string(f, text),
            Self::Keyword(name) => write!(f, ":{name}"),
            Self::List(items) => sequence(f, "(", items, ")"),
            Self::Vector(items) => sequence(f, "[", items, "]"),
            Self::Set(items) => sequence(f, "#{", items, "}"),
            Self::Map(entries) => {
                f.write_str("{")?;
                for (i, (key, value)) in entries.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    write!(f, "{comma}{key} {value}")?;
                }
                f.write_str("}")
            }
            Self::Tagged(tagged) => write!(f, "#{} {}", tagged.0, tagged.1),
        }
    }
}

fn sequence(f: &mut fmt::Formatter<'_>, open: &str, items: &[Datum], close: &str) -> fmt::Result {
    f.write_str(open)?;
    for (i, item) in items.iter().enumerate() {
        let blank = if i > 0 { " " } else { "" };
        write!(f, "{blank}{item}")?;
    }
    f.write_str(close)
}

fn character(f: &mut fmt::Formatter<'_>, c: char) -> fmt::Result {
    match c {
        '\n' => f.write_str("\\newline"),
        '\r' => f.write_str("\\return"),
        ' ' => f.write_str("\\space"),
        '\t' => f.write_str("\\tab"),
        c if c.is_control() && u32::from(c) < 0x10000 => write!(f, "\\u{:04x}", u32::from(c)),
        c => write!(f, "\\{c}"),
    }
}

fn string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '\\' || c.is_control()) {
        let (plain, tail) = rest.split_at(at);
        f.write_str(plain)?;
        let mut chars = tail.chars();
        match chars.next().expect("found above") {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            // Control characters are all below U+00A0.
            c => write!(f, "\\u{:04x}", u32::from(c))?,
        }
        rest = chars.as_str();
    }
    f.write_str(rest)?;
    f.write_str("\"")
}

impl Serialize for Datum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nil => serializer.serialize_unit(),
            Self::Bool(b) => serializer.serialize_bool(*b),
            Self::Int(n) => serializer.serialize_i64(*n),
            Self::Float(x) if x.is_finite() => serializer.serialize_f64(*x),
            Self::Float(_) | Self::Number(_) => serializer.collect_str(self),
            Self::Char(c) => serializer.serialize_char(*c),
            Self::Text(s) | Self::Keyword(s) | Self::Symbol(s) => serializer.serialize_str(s),
            Self::List(items) | Self::Vector(items) | Self::Set(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    match key.as_name() {
                        Some(name) => map.serialize_entry(&**name, value)?,
                        None => map.serialize_entry(&key.to_string(), value)?,
                    }
                }
                map.end()
            }
            Self::Tagged(tagged) => tagged.1.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Datum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FromJson)
    }
}

struct FromJson;

impl<'de> Visitor<'de> for FromJson {
    type Value = Datum;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<Datum, E> {
        Ok(Datum::Nil)
    }
    fn visit_bool<E>(self, b: bool) -> Result<Datum, E> {
        Ok(Datum::Bool(b))
    }
    fn visit_i64<E>(self, n: i64) -> Result<Datum, E> {
        Ok(Datum::Int(n))
    }
    fn visit_u64<E>(self, n: u64) -> Result<Datum, E> {
        Ok(i64::try_from(n).map_or_else(|_| Datum::Number(n.to_string().into()), Datum::Int))
    }
    fn visit_f64<E>(self, x: f64) -> Result<Datum, E> {
        Ok(Datum::Float(x))
    }
    fn visit_str<E>(self, text: &str) -> Result<Datum, E> {
        Ok(Datum::text(text))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Datum, A::Error> {
        // The length is the text's claim; nothing is reserved on its word.
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Datum::Vector(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Datum, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Datum::Map(entries))
    }
}
