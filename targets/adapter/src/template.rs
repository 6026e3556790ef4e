//! Texts with places for what varies: `/kv/{key}`.

use std::fmt::{self, Write as _};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// What stands for itself in a URL (RFC 3986, §2.3); everything else is escaped.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What is filled in: names and values.
pub(crate) type Places<'a> = [(&'a str, Value)];

/// A text with places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Place(String),
}

impl Template {
    /// Reads one that may have these places. Braces that hold no name are text, as in JSON; a name that is not known is a
    /// mistake.
    pub(crate) fn parse(text: &str, known: &[&str]) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            let (before, after) = rest.split_at(at);
            plain.push_str(before);
            let name = after[1..].split_once('}').map(|(name, _)| name);
            let is_name =
                |n: &&str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            match name.filter(is_name) {
                Some(name) if known.contains(&name) => {
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    pieces.push(Piece::Place(name.to_owned()));
                    rest = &after[name.len() + 2..];
                }
                Some(name) => {
                    let there: Vec<_> = known.iter().map(|k| format!("{{{k}}}")).collect();
                    return Err(format!(
                        "{text:?}: nothing is known as {{{name}}}; here there are {}",
                        there.join(", ")
                    ));
                }
                None => {
                    plain.push('{');
                    rest = &after[1..];
                }
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }

    /// Whether it has this place.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0
            .iter()
            .any(|p| matches!(p, Piece::Place(n) if n == name))
    }

    /// Filled in as it is.
    pub(crate) fn text(&self, places: &Places<'_>) -> String {
        self.filled(places, |value, text| {
            write!(text, "{value}").expect("into memory");
        })
    }

    /// Filled in so that no value can be taken for a part of the URL's own.
    pub(crate) fn url(&self, places: &Places<'_>) -> String {
        self.filled(places, |value, text| {
            text.extend(utf8_percent_encode(&value.to_string(), ESCAPED));
        })
    }

    /// Filled in as a JSON value: what is a place and nothing else keeps its type.
    pub(crate) fn value(&self, places: &Places<'_>) -> Value {
        match &self.0[..] {
            [Piece::Place(name)] => of(places, name).clone(),
            _ => Value::String(self.text(places)),
        }
    }

    fn filled(
        &self,
        places: &Places<'_>,
        write: impl Fn(&dyn fmt::Display, &mut String),
    ) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Place(name) => match of(places, name) {
                    Value::String(value) => write(value, &mut text),
                    value => write(value, &mut text),
                },
            }
        }
        text
    }
}

fn of<'a>(places: &'a Places<'_>, name: &str) -> &'a Value {
    let place = places.iter().find(|(n, _)| *n == name);
    place.map_or(&Value::Null, |(_, value)| value)
}

/// A JSON value whose texts are templates.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    Text(Template),
    Plain(Value),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl Shape {
    pub(crate) fn parse(of: &Value, known: &[&str]) -> Result<Self, String> {
        Ok(match of {
            Value::String(text) => Self::Text(Template::parse(text, known)?),
            Value::Array(list) => Self::List(
                list.iter()
                    .map(|v| Self::parse(v, known))
                    .collect::<Result<_, _>>()?,
            ),
            Value::Object(map) => {
                let entry = |(k, v): (&String, &Value)| Ok((k.clone(), Self::parse(v, known)?));
                Self::Map(map.iter().map(entry).collect::<Result<_, String>>()?)
            }
            plain => Self::Plain(plain.clone()),
        })
    }

    pub(crate) fn value(&self, places: &Places<'_>) -> Value {
        match self {
            Self::Text(template) => template.value(places),
            Self::Plain(value) => value.clone(),
            Self::List(list) => list.iter().map(|s| s.value(places)).collect(),
            Self::Map(map) => map
                .iter()
                .map(|(k, s)| (k.clone(), s.value(places)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_stay_numbers_and_text_stays_text() {
        let places = [("key", json!("a/b ü")), ("value", json!(-7))];
        let known = ["key", "value"];
        let parse = |text: &str| Template::parse(text, &known).unwrap();
        assert_eq!(
            parse("/kv/{key}?v={value}").url(&places),
            "/kv/a%2Fb%20%C3%BC?v=-7"
        );
        assert_eq!(parse("{key}={value}").text(&places), "a/b ü=-7");
        assert_eq!(parse("{value}").value(&places), json!(-7));
        assert_eq!(parse("v{value}").value(&places), json!("v-7"));
        let shape = json!({"v": "{value}", "k": ["x{key}", 1, null], "{key}": true});
        let shape = Shape::parse(&shape, &known).unwrap();
        assert_eq!(
            shape.value(&places),
            json!({"v": -7, "k": ["xa/b ü", 1, null], "{key}": true})
        );
    }

    #[test]
    fn braces_that_hold_no_name_are_text_and_names_that_nobody_knows_are_mistakes() {
        let places = [("key", json!(1))];
        let text = r#"{"a": {"b": "{key}"}} {} {"#;
        let read = Template::parse(text, &["key"]).unwrap();
        assert_eq!(read.text(&places), r#"{"a": {"b": "1"}} {} {"#);
        assert!(read.has("key"));
        let said = Template::parse("/{kye}", &["key", "value"]).unwrap_err();
        assert_eq!(
            said,
            r#""/{kye}": nothing is known as {kye}; here there are {key}, {value}"#
        );
    }
}
