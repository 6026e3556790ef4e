//! A bank: transfers between accounts, and reads of all balances at once. Jepsen's `bank`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::json::{key, parse, text, unknown};
use crate::{Codec, Fields, Key, Operation};

/// Accounts whose balances always have the same sum.
#[derive(Debug, Clone, PartialEq)]
pub struct Bank;

/// What a bank is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BankCall {
    /// Says what is in every account.
    Read,
    /// Moves money.
    Transfer {
        /// Whose balance shrinks.
        from: Key,
        /// Whose balance grows.
        to: Key,
        /// By how much.
        amount: i64,
    },
}

/// What a bank answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BankReturn {
    /// Moved.
    Done,
    /// What is in every account; `None` where the account is there and its balance is not.
    Balances(BTreeMap<Key, Option<i64>>),
}

#[derive(Serialize, Deserialize)]
struct Transfer {
    from: Key,
    to: Key,
    amount: i64,
}

impl Operation for Bank {
    type Call = BankCall;
    type Return = BankReturn;
}

impl Codec for Bank {
    fn encode_call(call: &BankCall) -> Fields {
        let (f, value) = match call.clone() {
            BankCall::Read => ("read", None),
            BankCall::Transfer { from, to, amount } => {
                ("transfer", Some(text(&Transfer { from, to, amount })))
            }
        };
        Fields {
            f,
            key: None,
            value,
        }
    }

    fn encode_return(_: &BankCall, ret: &BankReturn) -> Option<String> {
        match ret {
            BankReturn::Done => None,
            BankReturn::Balances(all) => {
                let named = all.iter().map(|(account, n)| (account.to_string(), n));
                Some(text(&named.collect::<BTreeMap<_, _>>()))
            }
        }
    }

    fn decode_call(f: &str, _: Option<Key>, value: Option<&RawValue>) -> Result<BankCall, String> {
        match f {
            "read" => Ok(BankCall::Read),
            "transfer" => {
                let Transfer { from, to, amount } = parse(f, value)?;
                Ok(BankCall::Transfer { from, to, amount })
            }
            other => Err(unknown("a bank", other, "read and transfer")),
        }
    }

    fn decode_return(call: &BankCall, value: Option<&RawValue>) -> Result<BankReturn, String> {
        match call {
            BankCall::Transfer { .. } => Ok(BankReturn::Done),
            BankCall::Read => {
                let all: BTreeMap<String, Option<i64>> = parse("read", value)?;
                let all = all.into_iter().map(|(name, n)| (key(&name), n));
                Ok(BankReturn::Balances(all.collect()))
            }
        }
    }

    fn key(_: &BankCall) -> Option<&Key> {
        None
    }

    fn describe_call(call: &BankCall) -> String {
        match call {
            BankCall::Read => "read all accounts".to_owned(),
            BankCall::Transfer { from, to, amount } => {
                format!("transfer {amount} from {from} to {to}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::json::tests::{refused, there_and_back};

    #[test]
    fn calls_and_returns_come_back() {
        let transfer = BankCall::Transfer {
            from: Key::Int(0),
            to: Key::Text("savings".into()),
            amount: 5,
        };
        assert_eq!(
            Bank::describe_call(&transfer),
            "transfer 5 from 0 to savings"
        );
        there_and_back::<Bank>(&transfer, &BankReturn::Done);
        let all = [(Key::Int(0), Some(-5)), (Key::Text("savings".into()), None)];
        there_and_back::<Bank>(&BankCall::Read, &BankReturn::Balances(all.into()));
        assert_eq!(
            refused::<Bank>("rob", None),
            "a bank has no call \"rob\"; it has read and transfer"
        );
    }
}
