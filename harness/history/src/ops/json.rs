//! Arguments and results as JSON, and the words for those that are not what they should be.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::Key;

/// The argument or result of `f`.
pub(super) fn parse<T: DeserializeOwned>(f: &str, value: Option<&RawValue>) -> Result<T, String> {
    let text = value.ok_or_else(|| format!("{f} needs a \"value\""))?.get();
    serde_json::from_str(text).map_err(|_| format!("{f} cannot have the value {text}"))
}

/// The same, where nothing and `null` are nothing.
pub(super) fn parse_or_nothing<T: DeserializeOwned>(
    f: &str,
    value: Option<&RawValue>,
) -> Result<Option<T>, String> {
    match value {
        None => Ok(None),
        some => parse(f, some),
    }
}

/// As JSON.
pub(super) fn text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("numbers, strings and lists of them can be written")
}

/// What to say of a call that an operation does not have.
pub(super) fn unknown(what: &str, f: &str, has: &str) -> String {
    format!("{what} has no call {f:?}; it has {has}")
}

/// A key that stands where JSON wants a string, as in an object: a number if it looks like one.
pub(super) fn key(name: &str) -> Key {
    name.parse()
        .map_or_else(|_| Key::Text(name.into()), Key::Int)
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::value::RawValue;

    use crate::Codec;

    fn raw(text: Option<String>) -> Option<Box<RawValue>> {
        text.map(|text| RawValue::from_string(text).expect("JSON"))
    }

    /// Whether a call and what it returned come back as they were.
    pub(in crate::ops) fn there_and_back<O: Codec>(call: &O::Call, ret: &O::Return) {
        let fields = O::encode_call(call);
        let value = raw(fields.value);
        let back = O::decode_call(fields.f, fields.key, value.as_deref()).expect("a call");
        assert_eq!(&back, call);
        let value = raw(O::encode_return(call, ret));
        let back = O::decode_return(call, value.as_deref()).expect("a return");
        assert_eq!(&back, ret);
    }

    /// What is said of a call that cannot be read.
    pub(in crate::ops) fn refused<O: Codec>(f: &str, value: Option<&str>) -> String {
        let value = raw(value.map(str::to_owned));
        O::decode_call(f, None, value.as_deref()).expect_err("not a call")
    }
}
