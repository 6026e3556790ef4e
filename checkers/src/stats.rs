//! The checker `stats`: how many calls of each kind ended how. It never fails; it is `unknown` when no call of some kind
//! ever succeeded, because nothing was learned about that kind then. O(n).
//!
//! What a *kind* is, is a function from calls to names given by the workload, since decoding names is the codec's
//! business and too slow for millions of calls.

use std::{collections::BTreeMap, marker::PhantomData};

use history::{History, Operation, Outcome, Register, RegisterCall, RegisterOp};

use crate::{Budget, Cause, Checker, Evidence, Verdict};

/// With fewer calls than this, that none of a kind succeeded may be chance: a handful of compare-and-sets can all guess
/// wrong.
const FEW: u64 = 10;

/// Counts calls.
#[derive(Debug, Clone, Copy)]
pub struct Stats<O: Operation> {
    kind: fn(&O::Call) -> &'static str,
    operation: PhantomData<O>,
}

impl<O: Operation> Stats<O> {
    /// With the name of each call's function: `read`, `write`, `cas`.
    pub fn by(kind: fn(&O::Call) -> &'static str) -> Self {
        Self {
            kind,
            operation: PhantomData,
        }
    }
}

impl Stats<Register> {
    /// For registers.
    pub fn register() -> Self {
        Self::by(|call: &RegisterCall| match call.op {
            RegisterOp::Read => "read",
            RegisterOp::Write(_) => "write",
            RegisterOp::Cas { .. } => "cas",
        })
    }
}

impl<O: Operation> Checker<O> for Stats<O> {
    fn name(&self) -> &str {
        "stats"
    }

    fn decides(&self) -> String {
        "some calls of each kind succeeded".to_owned()
    }

    fn limits(&self) -> &'static str {
        "never fails: it is unknown where no call of some kind succeeded, since nothing was learned about that kind"
    }

    fn check(&self, history: &History<O>, _: Budget) -> Verdict {
        let mut kinds: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
        for span in history.spans() {
            let counts = kinds.entry((self.kind)(&span.call)).or_default();
            counts[match span.outcome {
                Outcome::Ok(_) => 0,
                Outcome::Fail(_) => 1,
                Outcome::Info(_) => 2,
            }] += 1;
        }
        let never: Vec<String> = kinds
            .iter()
            .filter(|(_, counts)| counts[0] == 0 && counts.iter().sum::<u64>() >= FEW)
            .map(|(kind, [_, fail, info])| format!("{kind} ({fail} fail, {info} info)"))
            .collect();
        let any = kinds.values().any(|counts| counts[0] > 0);
        if !any || !never.is_empty() {
            let text = match (kinds.is_empty(), never.is_empty()) {
                (true, _) => "no call was made".to_owned(),
                (_, true) => "no call succeeded, of few that were made".to_owned(),
                _ => format!("no call succeeded of: {}", never.join(", ")),
            };
            return Verdict::Unknown(Cause {
                code: "stats/nothing-succeeded".to_owned(),
                text,
                remedy: "look at the errors: the target may be unreachable, or the client may ask for what it does not have".to_owned(),
            });
        }
        let counts = kinds.iter().flat_map(|(kind, counts)| {
            let named = ["ok", "fail", "info"].iter().zip(counts);
            named.map(move |(outcome, n)| (format!("{kind} {outcome}"), *n))
        });
        Verdict::Pass(Evidence {
            counts: counts.collect(),
            notes: Vec::new(),
        })
    }
}
