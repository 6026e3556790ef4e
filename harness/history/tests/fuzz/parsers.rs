//! What is tried, each as a function from a text to how much was said of it.

use std::fmt::Display;

use schism_history::{
    Codec, Event, History, Index, Key, Moment, Nanos, Nodes, Outcome, Process, Reason, Register,
    RegisterCall, RegisterOp, RegisterReturn, Txn, dsl, edn,
    fault::{FaultEvent, FaultSpan},
    foreign::{self, Assumptions, Format, Keys, Reader},
    journal, ops,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{mutate::Chance, seeds};

/// How long a message may be that people are shown.
pub(crate) const MESSAGE: usize = 1024;

pub(crate) struct Parser {
    pub(crate) name: &'static str,
    pub(crate) seeds: fn() -> Vec<&'static [u8]>,
    /// How long the error is; nothing if there is none, and one if it is not meant to be shown as it is.
    pub(crate) parse: fn(&[u8], &mut Chance) -> usize,
}

impl Parser {
    pub(crate) fn salt(&self) -> u64 {
        self.name
            .bytes()
            .fold(0, |hash, byte| hash * 31 + u64::from(byte))
    }
}

pub(crate) const PARSERS: [Parser; 13] = [
    Parser {
        name: "journal",
        seeds: || seeds::REGISTER.to_vec(),
        parse: |text, _| said(journal::read::<Register>(text)),
    },
    Parser {
        name: "codecs",
        seeds: || seeds::CODECS.to_vec(),
        parse: |text, _| codec(text),
    },
    Parser {
        name: "edn",
        seeds: || seeds::DATA.to_vec(),
        parse: |text, _| datum(text),
    },
    Parser {
        name: "sniff",
        seeds: foreign_texts,
        parse: |text, _| said(foreign::sniff(text)),
    },
    Parser {
        name: "open",
        seeds: foreign_texts,
        parse: opened,
    },
    Parser {
        name: "edn-ops",
        seeds: || seeds::EDN.to_vec(),
        parse: |text, chance| read(Format::Edn, text, chance),
    },
    Parser {
        name: "json-ops",
        seeds: || seeds::JSON.to_vec(),
        parse: |text, chance| read(Format::Json, text, chance),
    },
    Parser {
        name: "log-ops",
        seeds: || seeds::LOG.to_vec(),
        parse: |text, chance| read(Format::Log, text, chance),
    },
    Parser {
        name: "plume-ops",
        seeds: || seeds::PLUME.to_vec(),
        parse: |text, chance| read(Format::Plume, text, chance),
    },
    Parser {
        name: "journal-ops",
        seeds: || seeds::REGISTER.to_vec(),
        parse: |text, chance| read(Format::Journal, text, chance),
    },
    Parser {
        name: "drawings",
        seeds: || seeds::DRAWINGS.to_vec(),
        parse: drawing,
    },
    Parser {
        name: "faults",
        seeds: || seeds::FAULTS.to_vec(),
        parse: |text, _| faults(text),
    },
    Parser {
        name: "history",
        seeds: || seeds::EVENTS.to_vec(),
        parse: |text, _| paired(text),
    },
];

fn foreign_texts() -> Vec<&'static [u8]> {
    [
        seeds::EDN,
        seeds::JSON,
        seeds::LOG,
        seeds::PLUME,
        seeds::REGISTER,
    ]
    .concat()
}

fn said<T, E: Display>(result: Result<T, E>) -> usize {
    result.err().map_or(0, |error| error.to_string().len())
}

fn datum(text: &[u8]) -> usize {
    match edn::parse(text) {
        Ok(Some(datum)) => {
            let written = datum.to_string();
            let again = edn::parse(written.as_bytes()).expect("what is written can be read");
            // NaN is not itself.
            let same = again.as_ref().map(ToString::to_string);
            assert_eq!(same.as_ref(), Some(&written));
            serde_json::from_str::<serde_json::Value>(&datum.to_json()).map_or_else(
                |error| assert!(error.to_string().contains("recursion")),
                drop,
            );
            0
        }
        Ok(None) => 0,
        Err((at, reason)) => {
            assert!(at <= text.len(), "{at} is not in the text");
            quoted(&reason, text.len())
        }
    }
}

fn opened(text: &[u8], chance: &mut Chance) -> usize {
    match foreign::open(text) {
        Ok((sniffed, reader)) => made(sniffed.format, reader, chance).min(1 << 20),
        Err(error) => error.to_string().len(),
    }
}

fn read(format: Format, text: &[u8], chance: &mut Chance) -> usize {
    made(format, Reader::new(format, text), chance)
}

/// Seeds have ops of all kinds, so not each becomes a history of each kind: errors of conversion are only looked at.
fn made<R: std::io::Read>(format: Format, reader: Reader<R>, chance: &mut Chance) -> usize {
    let mut ops = Vec::new();
    for op in reader {
        match op {
            Ok(op) => ops.push(op),
            Err(error) => return error.to_string().len(),
        }
    }
    let ops = || ops.clone().into_iter().map(Ok);
    let keys = if chance.below(2) == 0 {
        Keys::InField
    } else {
        Keys::InValue
    };
    let converted = match chance.below(5) {
        0 => said(foreign::registers(ops(), &Assumptions::of(format))),
        1 => said(foreign::transactions(ops())),
        2 => said(foreign::history::<ops::Set>(ops(), keys)),
        3 => said(foreign::history::<ops::Log>(ops(), keys)),
        _ => said(foreign::history::<Txn>(ops(), keys)),
    };
    assert!(converted <= MESSAGE, "{converted} bytes said of an op");
    0
}

fn drawing(text: &[u8], _: &mut Chance) -> usize {
    match std::str::from_utf8(text) {
        Ok(text) => said(dsl::parse::<Register>(text)),
        Err(_) => 0,
    }
}

fn faults(text: &[u8]) -> usize {
    let events = serde_json::Deserializer::from_slice(text).into_iter::<FaultEvent>();
    let events: Result<Vec<FaultEvent>, _> = events.collect();
    match events {
        Ok(events) => {
            let spans = FaultSpan::collect(&events);
            assert!(spans.len() <= events.len());
            0
        }
        Err(_) => 1,
    }
}

/// Events of registers, from four bytes each: what, how far on, whose, and how it ended.
fn paired(bytes: &[u8]) -> usize {
    let (mut index, mut time) = (0u32, 0u64);
    let events = bytes.chunks_exact(4).map(|word| {
        index = match word[0] {
            255 => u32::MAX,
            step => index.wrapping_add(u32::from(step)),
        };
        time = match word[1] {
            255 => u64::MAX,
            step => time.wrapping_add(u64::from(step)),
        };
        let process = match word[2] {
            byte @ 0..200 => u32::from(byte % 8),
            byte => u32::MAX - u32::from(byte % 3),
        };
        let moment = match word[3] % 5 {
            0 => Moment::Invoke(RegisterCall {
                key: Key::Int(i64::from(word[3])),
                op: RegisterOp::Read,
            }),
            1 => Moment::Complete(Outcome::Ok(RegisterReturn::Value(None))),
            2 => Moment::Complete(Outcome::Fail(Reason::new("no"))),
            3 => Moment::Complete(Outcome::Info(Reason::new("lost"))),
            _ => Moment::Complete(Outcome::Ok(RegisterReturn::Done)),
        };
        Event {
            index: Index(index),
            time: Nanos(time),
            process: Process(process),
            node: None,
            moment,
        }
    });
    match History::<Register>::new(Nodes::default(), events) {
        Ok(history) => {
            for span in history.spans() {
                assert!(span.completed.is_none_or(|end| end > span.invoked));
                assert_eq!(span.completed.is_some(), span.end.is_some());
            }
            0
        }
        Err(malformed) => malformed.to_string().len(),
    }
}

/// A reason that whoever reports it will shorten: it quotes the text, and little more.
fn quoted(reason: &str, text: usize) -> usize {
    assert!(
        reason.len() <= MESSAGE + 8 * text,
        "{} bytes of {text}",
        reason.len()
    );
    1
}

/// A call as it stands in a line of its own.
#[derive(Deserialize)]
struct Line<'a> {
    f: String,
    key: Option<Key>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

/// The name of an operation, a call, and a return.
fn codec(text: &[u8]) -> usize {
    let Some((name, rest)) = std::str::from_utf8(text)
        .ok()
        .and_then(|t| t.split_once(' '))
    else {
        return 0;
    };
    let mut parts = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
    let (Some(Ok(call)), Some(Ok(ret))) = (parts.next(), parts.next()) else {
        return 0;
    };
    match name {
        "register" => there_and_back::<Register>(call, ret),
        "txn" => there_and_back::<Txn>(call, ret),
        "bank" => there_and_back::<ops::Bank>(call, ret),
        "consensus" => there_and_back::<ops::Consensus>(call, ret),
        "counter" => there_and_back::<ops::Counter>(call, ret),
        "election" => there_and_back::<ops::Election>(call, ret),
        "guarded" => there_and_back::<ops::Guarded>(call, ret),
        "lock" => there_and_back::<ops::Lock>(call, ret),
        "log" => there_and_back::<ops::Log>(call, ret),
        "monotonic" => there_and_back::<ops::Monotonic>(call, ret),
        "queue" => there_and_back::<ops::Queue>(call, ret),
        "rows" => there_and_back::<ops::Rows>(call, ret),
        "set" => there_and_back::<ops::Set>(call, ret),
        "snapshot" => there_and_back::<ops::Snapshot>(call, ret),
        "unique-ids" => there_and_back::<ops::UniqueIds>(call, ret),
        _ => 0,
    }
}

/// What is read is written so that it is read as the same.
fn there_and_back<O: Codec>(call: &RawValue, ret: &RawValue) -> usize {
    let Ok(Line { f, key, value }) = serde_json::from_str(call.get()) else {
        return 0;
    };
    let raw = |text: Option<String>| text.map(|t| RawValue::from_string(t).expect("JSON"));
    let call = match O::decode_call(&f, key, value) {
        Ok(call) => call,
        Err(reason) => return quoted(&reason, call.get().len()),
    };
    let fields = O::encode_call(&call);
    let again = raw(fields.value);
    let again = O::decode_call(fields.f, fields.key, again.as_deref());
    assert_eq!(again.as_ref(), Ok(&call));
    drop(O::describe_call(&call));
    let length = ret.get().len() + value.map_or(0, |value| value.get().len());
    let ret = Some(ret).filter(|ret| ret.get() != "null");
    match O::decode_return(&call, ret) {
        Ok(ret) => {
            let value = raw(O::encode_return(&call, &ret));
            assert_eq!(O::decode_return(&call, value.as_deref()).as_ref(), Ok(&ret));
            drop(O::describe(&call, &ret));
            0
        }
        Err(reason) => quoted(&reason, length),
    }
}
