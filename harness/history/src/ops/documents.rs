//! Documents: rows that are written one at a time, looked for one at a time, and read all at once by a search that promises
//! to miss none. Jepsen's `dirty-read` of Elasticsearch and of Crate.

use serde_json::value::RawValue;

use super::json::{parse, text, unknown};
use crate::{Codec, Fields, Key, Operation};

/// Independent collections of rows, each empty at first.
#[derive(Debug, Clone, PartialEq)]
pub struct Documents;

/// What a collection is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentsCall {
    /// Which collection; `None` where there is only one.
    pub key: Option<Key>,
    /// What to do with it.
    pub op: DocumentsOp,
}

/// What one can do with a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentsOp {
    /// Puts this row in.
    Write(i64),
    /// Looks for this row. [`Outcome::Fail`](crate::Outcome::Fail) if it is not there.
    Read(i64),
    /// Makes the search see all that was written before.
    Refresh,
    /// Says which rows there are: every one that was committed.
    StrongRead,
}

/// What a collection answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentsReturn {
    /// It was written, or found, or made visible.
    Done,
    /// These rows are there.
    Rows(Vec<i64>),
}

impl Operation for Documents {
    type Call = DocumentsCall;
    type Return = DocumentsReturn;
}

impl Codec for Documents {
    fn encode_call(call: &DocumentsCall) -> Fields {
        let (f, value) = match call.op {
            DocumentsOp::Write(row) => ("write", Some(row.to_string())),
            DocumentsOp::Read(row) => ("read", Some(row.to_string())),
            DocumentsOp::Refresh => ("refresh", None),
            DocumentsOp::StrongRead => ("strong-read", None),
        };
        Fields {
            f,
            key: call.key.clone(),
            value,
        }
    }

    fn encode_return(_: &DocumentsCall, ret: &DocumentsReturn) -> Option<String> {
        match ret {
            DocumentsReturn::Done => None,
            DocumentsReturn::Rows(rows) => Some(text(rows)),
        }
    }

    fn decode_call(
        f: &str,
        key: Option<Key>,
        value: Option<&RawValue>,
    ) -> Result<DocumentsCall, String> {
        let op = match f {
            "write" => DocumentsOp::Write(parse(f, value)?),
            "read" => DocumentsOp::Read(parse(f, value)?),
            "refresh" => DocumentsOp::Refresh,
            "strong-read" => DocumentsOp::StrongRead,
            other => {
                let has = "write, read, refresh and strong-read";
                return Err(unknown("a collection of documents", other, has));
            }
        };
        Ok(DocumentsCall { key, op })
    }

    fn decode_return(
        call: &DocumentsCall,
        value: Option<&RawValue>,
    ) -> Result<DocumentsReturn, String> {
        match call.op {
            DocumentsOp::StrongRead => Ok(DocumentsReturn::Rows(parse("strong-read", value)?)),
            _ => Ok(DocumentsReturn::Done),
        }
    }

    fn key(call: &DocumentsCall) -> Option<&Key> {
        call.key.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::json::tests::{refused, there_and_back};

    #[test]
    fn calls_and_returns_come_back() {
        let call = |op| DocumentsCall { key: None, op };
        for op in [
            DocumentsOp::Write(3),
            DocumentsOp::Read(3),
            DocumentsOp::Refresh,
        ] {
            there_and_back::<Documents>(&call(op), &DocumentsReturn::Done);
        }
        let rows = DocumentsReturn::Rows(vec![3, 4]);
        there_and_back::<Documents>(&call(DocumentsOp::StrongRead), &rows);
        assert_eq!(
            refused::<Documents>("drop", None),
            "a collection of documents has no call \"drop\"; it has write, read, refresh and strong-read"
        );
    }
}
