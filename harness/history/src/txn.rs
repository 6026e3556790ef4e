//! Transactions of small steps, as Elle (Kingsbury & Alvaro 2020) reads them: appends to lists and reads of whole lists, or
//! writes and reads of registers, each step on one key.
//!
//! Written `{"f":"txn","value":[["append",3,1],["r",4,[1,2]]]}`. What a read returned is `null` in a call. Knossos's names
//! for steps, `read` and `write`, are read, too. A million
//! transactions fit in well under a gigabyte: a call is one array, and so is a return.

use std::{borrow::Cow, fmt, sync::Arc};

use serde::{
    Deserialize,
    de::{self, Deserializer, IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{Codec, Fields, Key, Operation};

/// Transactions over lists and registers of integers. Lists are empty at first, registers absent.
#[derive(Debug, Clone, PartialEq)]
pub struct Txn;

/// What a transaction is asked to do, step by step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxnCall(pub Box<[TxnStep]>);

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxnStep {
    /// On which list or register.
    pub key: Key,
    /// What.
    pub op: TxnOp,
}

/// The three things a step can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TxnOp {
    /// Puts this at the end of a list.
    Append(i64),
    /// Makes a register hold this.
    Write(i64),
    /// Says what a list or a register holds.
    Read,
}

/// What a transaction's reads saw, in the order of its reads.
///
/// One array: per read a word, and after it the elements. The word is the number of elements of a list, or one of two
/// negative ones for a register.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TxnReturn(Box<[i64]>);

/// The word of a read that saw nothing: an absent register, or a list that was never appended to.
const NOTHING: i64 = -1;
/// The word of a read that saw one value in a register.
const VALUE: i64 = -2;

/// What one read saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen<'a> {
    /// Nothing: an absent register, or an empty list (`null`).
    Nothing,
    /// What a register held.
    Value(i64),
    /// What a list held.
    List(&'a [i64]),
}

/// What reads saw, as it becomes known.
#[derive(Debug, Default)]
pub(crate) struct Returned(Vec<i64>);

impl Returned {
    /// What the next read saw.
    pub(crate) fn push(&mut self, seen: Seen<'_>) {
        match seen {
            Seen::Nothing => self.0.push(NOTHING),
            Seen::Value(v) => self.0.extend([VALUE, v]),
            Seen::List(list) => {
                self.0.push(list.len() as i64);
                self.0.extend_from_slice(list);
            }
        }
    }

    /// The next read saw a list, if all of its elements are there; whether they are.
    pub(crate) fn push_list(&mut self, list: impl ExactSizeIterator<Item = Option<i64>>) -> bool {
        self.0.push(list.len() as i64);
        self.0.reserve(list.len());
        for element in list {
            match element {
                Some(element) => self.0.push(element),
                None => return false,
            }
        }
        true
    }

    /// All that was seen.
    pub(crate) fn finish(self) -> TxnReturn {
        TxnReturn(self.0.into())
    }
}

impl TxnReturn {
    /// From what each read saw.
    pub fn new<'a>(reads: impl IntoIterator<Item = Seen<'a>>) -> Self {
        let mut returned = Returned::default();
        reads.into_iter().for_each(|seen| returned.push(seen));
        returned.finish()
    }

    /// What each read saw.
    pub fn reads(&self) -> Reads<'_> {
        Reads(&self.0)
    }
}

/// Iterates over what the reads of a transaction saw.
#[derive(Debug, Clone)]
pub struct Reads<'a>(&'a [i64]);

impl<'a> Iterator for Reads<'a> {
    type Item = Seen<'a>;

    fn next(&mut self) -> Option<Seen<'a>> {
        let (word, rest) = self.0.split_first()?;
        let (seen, rest) = match *word {
            NOTHING => (Seen::Nothing, rest),
            VALUE => (Seen::Value(rest[0]), &rest[1..]),
            n => {
                let (list, rest) = rest.split_at(n as usize);
                (Seen::List(list), rest)
            }
        };
        self.0 = rest;
        Some(seen)
    }
}

impl Operation for Txn {
    type Call = TxnCall;
    type Return = TxnReturn;
}

impl Codec for Txn {
    fn encode_call(call: &TxnCall) -> Fields {
        Fields {
            f: "txn",
            key: None,
            value: Some(json(call, None)),
        }
    }

    fn encode_return(call: &TxnCall, ret: &TxnReturn) -> Option<String> {
        Some(json(call, Some(ret)))
    }

    fn decode_call(f: &str, _: Option<Key>, value: Option<&RawValue>) -> Result<TxnCall, String> {
        if f != "txn" {
            return Err(format!(
                "a transaction has no call {f:?}; it is called txn, and its steps are append, w and r"
            ));
        }
        let steps = steps(value)?;
        Ok(TxnCall(steps.into_iter().map(|(step, _)| step).collect()))
    }

    fn decode_return(call: &TxnCall, value: Option<&RawValue>) -> Result<TxnReturn, String> {
        let nothing = value.is_none_or(|value| value.get() == "null");
        if nothing && call.0.iter().all(|step| step.op != TxnOp::Read) {
            return Ok(TxnReturn::default());
        }
        let steps = steps(value)?;
        if steps.len() != call.0.len() {
            return Err(format!(
                "the transaction had {} steps, and {} came back",
                call.0.len(),
                steps.len()
            ));
        }
        let mut reads = Vec::new();
        for (at, ((step, read), asked)) in steps.iter().zip(&call.0).enumerate() {
            if step != asked {
                return Err(format!(
                    "step {} of the transaction came back as another",
                    at + 1
                ));
            }
            if step.op == TxnOp::Read {
                reads.push(match read {
                    Value::Nothing => Seen::Nothing,
                    Value::Int(v) => Seen::Value(*v),
                    Value::List(list) => Seen::List(list),
                });
            }
        }
        Ok(TxnReturn::new(reads))
    }

    fn name(_: &TxnCall) -> &'static str {
        "txn"
    }

    fn key(_: &TxnCall) -> Option<&Key> {
        None
    }

    fn describe_call(call: &TxnCall) -> String {
        describe(call, None)
    }

    fn describe(call: &TxnCall, ret: &TxnReturn) -> String {
        describe(call, Some(ret))
    }
}

/// For people: `append 3 1, read 4 → [1 2]`.
fn describe(call: &TxnCall, ret: Option<&TxnReturn>) -> String {
    let mut reads = ret.map(TxnReturn::reads);
    let step = |step: &TxnStep| match step.op {
        TxnOp::Append(v) => format!("append {} {v}", step.key),
        TxnOp::Write(v) => format!("write {}={v}", step.key),
        TxnOp::Read => match reads.as_mut().and_then(Iterator::next) {
            Some(seen) => format!("read {} → {seen}", step.key),
            None => format!("read {}", step.key),
        },
    };
    call.0.iter().map(step).collect::<Vec<_>>().join(", ")
}

/// `nothing`, `7`, `[1 2 3]`; of a long list the length and the end.
impl fmt::Display for Seen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        let (before, list) = match self {
            Self::Nothing => return f.write_str("nothing"),
            Self::Value(v) => return write!(f, "{v}"),
            Self::List(list) if list.len() > SHOWN => list.split_at(list.len() - SHOWN),
            Self::List(list) => (&[][..], *list),
        };
        f.write_str("[")?;
        if !before.is_empty() {
            write!(f, "({} more) ", before.len())?;
        }
        for (i, v) in list.iter().enumerate() {
            write!(f, "{}{v}", if i == 0 { "" } else { " " })?;
        }
        f.write_str("]")
    }
}

fn json(call: &TxnCall, ret: Option<&TxnReturn>) -> String {
    use std::fmt::Write as _;
    let mut reads = ret.map(TxnReturn::reads);
    let mut text = String::from("[");
    for (i, step) in call.0.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        let f = match step.op {
            TxnOp::Append(_) => "append",
            TxnOp::Write(_) => "w",
            TxnOp::Read => "r",
        };
        let key = serde_json::to_string(&step.key).expect("a key is JSON");
        write!(text, "[\"{f}\",{key},").expect("a string takes everything");
        match step.op {
            TxnOp::Append(v) | TxnOp::Write(v) => text.push_str(&v.to_string()),
            TxnOp::Read => match reads.as_mut().and_then(Iterator::next) {
                None | Some(Seen::Nothing) => text.push_str("null"),
                Some(Seen::Value(v)) => text.push_str(&v.to_string()),
                Some(Seen::List(list)) => {
                    let list = serde_json::to_string(list).expect("integers are JSON");
                    text.push_str(&list);
                }
            },
        }
        text.push(']');
    }
    text.push(']');
    text
}

fn steps(value: Option<&RawValue>) -> Result<Vec<(TxnStep, Value)>, String> {
    let text = value.ok_or("a transaction needs a \"value\"")?.get();
    let steps: Vec<Step> = serde_json::from_str(text)
        .map_err(|error| format!("not the steps of a transaction: {error}"))?;
    Ok(steps.into_iter().map(|s| (s.0, s.1)).collect())
}

/// A step with the third thing in its array.
struct Step(TxnStep, Value);

enum Value {
    Nothing,
    Int(i64),
    List(Vec<i64>),
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Steps;
        impl<'de> Visitor<'de> for Steps {
            type Value = Step;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a step like [\"append\",KEY,VALUE], [\"w\",KEY,VALUE] or [\"r\",KEY,null]",
                )
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Step, A::Error> {
                let short = |n| de::Error::invalid_length(n, &Steps);
                let f: Cow<'de, str> = seq.next_element::<Text<'de>>()?.ok_or_else(|| short(0))?.0;
                let key = seq.next_element::<KeyText>()?.ok_or_else(|| short(1))?.0;
                let value = seq.next_element()?.unwrap_or(Value::Nothing);
                if seq.next_element::<IgnoredAny>()?.is_some() {
                    return Err(short(4));
                }
                let op = match (&*f, &value) {
                    ("r" | "read", _) => TxnOp::Read,
                    ("append", Value::Int(v)) => TxnOp::Append(*v),
                    ("w" | "write", Value::Int(v)) => TxnOp::Write(*v),
                    ("append" | "w" | "write", _) => {
                        return Err(de::Error::custom(format!("{f} needs a 64-bit integer")));
                    }
                    _ => return Err(de::Error::unknown_variant(&f, &["append", "w", "r"])),
                };
                Ok(Step(TxnStep { key, op }, value))
            }
        }
        from.deserialize_seq(Steps)
    }
}

/// A string, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A key, without the buffering of an untagged enum.
struct KeyText(Key);

impl<'de> Deserialize<'de> for KeyText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Keys;
        impl Visitor<'_> for Keys {
            type Value = KeyText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key: a string or a 64-bit integer")
            }
            fn visit_i64<E: de::Error>(self, n: i64) -> Result<KeyText, E> {
                Ok(KeyText(Key::Int(n)))
            }
            fn visit_u64<E: de::Error>(self, n: u64) -> Result<KeyText, E> {
                let n = i64::try_from(n).map_err(|_| E::custom("a key beyond 64 signed bits"))?;
                Ok(KeyText(Key::Int(n)))
            }
            fn visit_str<E: de::Error>(self, s: &str) -> Result<KeyText, E> {
                Ok(KeyText(Key::Text(Arc::from(s))))
            }
        }
        from.deserialize_any(Keys)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Values;
        impl<'de> Visitor<'de> for Values {
            type Value = Value;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("null, a 64-bit integer or a list of them")
            }
            fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
                Ok(Value::Nothing)
            }
            fn visit_i64<E: de::Error>(self, n: i64) -> Result<Value, E> {
                Ok(Value::Int(n))
            }
            fn visit_u64<E: de::Error>(self, n: u64) -> Result<Value, E> {
                let n = i64::try_from(n).map_err(|_| E::custom("a value beyond 64 signed bits"))?;
                Ok(Value::Int(n))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
                let mut list = Vec::new();
                while let Some(v) = seq.next_element()? {
                    list.push(v);
                }
                Ok(Value::List(list))
            }
        }
        from.deserialize_any(Values)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).expect("JSON")
    }

    fn call(json: &str) -> Result<TxnCall, String> {
        Txn::decode_call("txn", None, Some(&raw(json)))
    }

    #[test]
    fn knossos_spells_steps_out() {
        let long = call(r#"[["read","x",null],["write","y",2]]"#);
        assert_eq!(long, call(r#"[["r","x",null],["w","y",2]]"#));
    }

    #[test]
    fn a_transaction_is_written_as_jepsen_writes_it() {
        let asked = call(r#"[["append",3,1],["r","x"],["r",4,null],["w",5,-7],["r",5,null]]"#)
            .expect("a transaction");
        let done = r#"[["append",3,1],["r","x",[1,2]],["r",4,null],["w",5,-7],["r",5,-7]]"#;
        let ret = Txn::decode_return(&asked, Some(&raw(done))).expect("its return");
        assert_eq!(Txn::encode_return(&asked, &ret).expect("reads"), done);
        assert_eq!(
            Txn::describe(&asked, &ret),
            "append 3 1, read x → [1 2], read 4 → nothing, write 5=-7, read 5 → -7"
        );
        let long: Vec<i64> = (1..=11).collect();
        assert_eq!(
            Seen::List(&long).to_string(),
            "[(3 more) 4 5 6 7 8 9 10 11]"
        );
    }

    #[test]
    fn what_is_not_a_transaction_is_refused_in_words() {
        for (json, message) in [
            ("[[\"append\",3]]", "append needs a 64-bit integer"),
            ("[[\"cas\",3,1]]", "unknown variant `cas`"),
            ("[[\"w\",true,1]]", "a key: a string or a 64-bit integer"),
            ("[[\"r\"]]", "invalid length 1"),
            ("[[\"r\",1,null,2]]", "invalid length 4"),
            ("[[\"w\",1,9223372036854775808]]", "beyond 64 signed bits"),
        ] {
            let error = call(json).expect_err(json);
            assert!(error.contains(message), "{json}: {error}");
        }
        let asked = call("[[\"w\",1,1]]").expect("a transaction");
        for (json, message) in [
            ("[]", "the transaction had 1 steps, and 0 came back"),
            (
                "[[\"w\",1,2]]",
                "step 1 of the transaction came back as another",
            ),
        ] {
            let error = Txn::decode_return(&asked, Some(&raw(json))).expect_err(json);
            assert_eq!(error, message);
        }
        assert!(Txn::decode_call("read", None, None).is_err());
    }

    #[test]
    fn a_step_is_two_keys_wide() {
        assert!(size_of::<TxnStep>() <= 32, "{}", size_of::<TxnStep>());
    }

    fn step() -> impl Strategy<Value = (TxnStep, Option<Vec<i64>>)> {
        let key = prop_oneof![
            any::<i64>().prop_map(Key::Int),
            any::<String>().prop_map(|s| Key::Text(s.into()))
        ];
        let op = prop_oneof![
            any::<i64>().prop_map(TxnOp::Append),
            any::<i64>().prop_map(TxnOp::Write),
            Just(TxnOp::Read)
        ];
        let seen = proptest::option::of(proptest::collection::vec(any::<i64>(), 0..4));
        (key, op, seen).prop_map(|(key, op, seen)| (TxnStep { key, op }, seen))
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(steps in proptest::collection::vec(step(), 0..6)) {
            let call = TxnCall(steps.iter().map(|(s, _)| s.clone()).collect());
            let reads = steps.iter().filter(|(s, _)| s.op == TxnOp::Read);
            let seen = reads.map(|(_, seen)| match seen.as_deref() {
                None => Seen::Nothing,
                Some([v]) => Seen::Value(*v),
                Some(list) => Seen::List(list),
            });
            let ret = TxnReturn::new(seen);
            let fields = Txn::encode_call(&call);
            let value = fields.value.map(|v| raw(&v));
            prop_assert_eq!(Txn::decode_call(fields.f, fields.key, value.as_deref()), Ok(call.clone()));
            let value = Txn::encode_return(&call, &ret).map(|v| raw(&v));
            prop_assert_eq!(Txn::decode_return(&call, value.as_deref()), Ok(ret));
        }
    }
}
