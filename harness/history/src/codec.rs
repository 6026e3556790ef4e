//! How an operation is written down: the only place where calls are strings.

use serde_json::value::RawValue;

use crate::{Key, Operation};

/// A call or a return in the journal's terms: `{"f":"write","key":"x","value":17}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Fields {
    /// Name of the function, as in Jepsen's `:f`.
    pub f: &'static str,
    /// The object it is about, where calls are about one.
    pub key: Option<Key>,
    /// Its argument or result as JSON text, `None` where there is none.
    pub value: Option<String>,
}

/// Writes and reads an operation's calls and returns.
///
/// `decode_call(encode_call(c)) == c`, and likewise for returns; the conformance of a codec is a property test.
pub trait Codec: Operation {
    /// The call in the journal's terms.
    fn encode_call(call: &Self::Call) -> Fields;
    /// What `call` returned, as JSON text; `None` where success says it all.
    fn encode_return(call: &Self::Call, ret: &Self::Return) -> Option<String>;
    /// The call that these fields name. `Err` says in a lowercase fragment what is wrong with them.
    fn decode_call(
        f: &str,
        key: Option<Key>,
        value: Option<&RawValue>,
    ) -> Result<Self::Call, String>;
    /// The return that this value is, for a completion of `call`. `Err` as above.
    fn decode_return(call: &Self::Call, value: Option<&RawValue>) -> Result<Self::Return, String>;
    /// What an `ok` says where completions repeat what was asked, as Jepsen's do: the return, or without one the argument.
    fn encode_repeating(call: &Self::Call, ret: &Self::Return) -> Option<String> {
        Self::encode_return(call, ret).or_else(|| Self::encode_call(call).value)
    }
    /// The return that such an `ok` tells. To be overridden together with the above where an argument could be taken for a
    /// return.
    fn decode_repeating(
        call: &Self::Call,
        value: Option<&RawValue>,
    ) -> Result<Self::Return, String> {
        Self::decode_return(call, value)
    }
    /// Whether calls of a function are about one key. Where keys stand in values, as `[key value]`, a pair in the value of
    /// any other function is just a pair.
    fn takes_key(_f: &str) -> bool {
        true
    }
    /// The object a call is about, where its operation has independent objects: linearizability is then judged key by
    /// key (Herlihy & Wing 1990, locality).
    fn key(call: &Self::Call) -> Option<&Key>;
    /// The name of a call's function, as in Jepsen's `:f`. Worth its own method where millions are asked and values are
    /// long to write.
    fn name(call: &Self::Call) -> &'static str {
        Self::encode_call(call).f
    }
    /// A call for people, `write 17=93`.
    fn describe_call(call: &Self::Call) -> String {
        let fields = Self::encode_call(call);
        let mut text = fields.f.to_owned();
        for part in [fields.key.map(|k| k.to_string()), fields.value]
            .into_iter()
            .flatten()
        {
            text.push(' ');
            text.push_str(&part);
        }
        text
    }
    /// A call with what it returned, for people: `read 17 → 88`.
    fn describe(call: &Self::Call, ret: &Self::Return) -> String {
        match Self::encode_return(call, ret) {
            Some(value) => format!("{} → {value}", Self::describe_call(call)),
            None => Self::describe_call(call),
        }
    }
}
