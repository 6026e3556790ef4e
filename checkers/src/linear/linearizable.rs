//! The checker `linearizable` for registers: each key by the engine that fits it, all keys at once.
//!
//! Sound and complete, as long as the budget of the search lasts (zones need none): `pass` means that an order exists for
//! each key, `fail` that the witness alone has none. Assumes what the record says: that a call took effect between its
//! invocation and its completion, and that a failed call did not happen.

use std::cmp::Reverse;

use history::{History, Register};
use rayon::prelude::*;

use super::{
    brute,
    explain::{self, Told},
    prepare::{Kind, Op, Register1, prepare, problem, split},
    problem::Answer,
    search::search,
    shrink::{part, shrink},
    zones,
};
use crate::{Budget, Cause, Checker, Evidence, Finding, Verdict};

/// How many conflicts of one key are explained; the others are counted.
const EXPLAINED: usize = 64;
/// What a part of a history may cost while a witness is reduced, as a part of the whole budget.
const SHRINKING: u64 = 20;
/// Up to this many calls the oracle looks at a witness, too.
const ORACLE: usize = 12;

/// Judges registers with read, write and compare-and-set.
#[derive(Debug, Clone, Copy, Default)]
pub struct Linearizable {
    initial: Option<i64>,
}

impl Linearizable {
    /// For registers that hold this at first. The default is absent.
    pub fn starting_with(initial: Option<i64>) -> Self {
        Self { initial }
    }
}

/// What was concluded about one key.
struct Judged {
    reads: u64,
    writes: u64,
    cas: u64,
    info: u64,
    zones: bool,
    findings: Vec<Told>,
    more: u64,
    gave_up: Option<String>,
}

impl Checker<Register> for Linearizable {
    fn name(&self) -> &str {
        "linearizable"
    }

    fn decides(&self) -> String {
        "every call on a key seems to happen at once, at some moment between its invocation and its answer".to_owned()
    }

    fn check(&self, history: &History<Register>, budget: Budget) -> Verdict {
        let keys = split(history);
        let budget = Budget {
            steps: budget.steps,
            // All keys may be in memory at the same time.
            bytes: budget.bytes / (rayon::current_num_threads().min(keys.len()).max(1) as u64),
        };
        let judged: Vec<Judged> = keys
            .par_iter()
            .map(|(key, spans)| judge(history, &prepare(history, key, spans, self.initial), budget))
            .collect();
        conclude(judged)
    }
}

/// Everything about one key.
fn judge(history: &History<Register>, register: &Register1, budget: Budget) -> Judged {
    let count = |f: fn(&Op) -> bool| register.ops.iter().filter(|op| f(op)).count() as u64;
    let mut judged = Judged {
        reads: count(|op| op.kind == Kind::Read),
        writes: count(|op| op.kind == Kind::Write && !op.is_info()),
        cas: count(|op| matches!(op.kind, Kind::Cas(_)) && !op.is_info()),
        info: count(Op::is_info),
        zones: register.distinct,
        findings: Vec::new(),
        more: 0,
        gave_up: None,
    };
    let lean = Budget {
        steps: budget.steps / SHRINKING,
        ..budget
    };
    let fails = |ops: &[Op]| impossible(&part(register, ops), lean);
    if register.distinct {
        let mut conflicts = zones::conflicts(register, &register.ops);
        conflicts.sort_by_key(|conflict| std::cmp::Reverse(conflict.margin));
        judged.more = conflicts.len().saturating_sub(EXPLAINED) as u64;
        let makers = makers(register);
        for conflict in conflicts.iter().take(EXPLAINED) {
            let ops = with_makers(register, &makers, &conflict.ops);
            let witness = shrink(register, &ops, super::NEVER, fails);
            judged.findings.push(found(history, register, &witness));
        }
    } else {
        match search(&problem(register, &register.ops), budget) {
            Answer::Linearizable => {}
            Answer::Violation { at } => {
                let witness = shrink(register, &register.ops, at, fails);
                judged.findings.push(found(history, register, &witness));
            }
            Answer::Exhausted { at } => {
                let ended = |op: &&Op| op.end < at;
                judged.gave_up = Some(format!(
                    "the search gave up on key {} after {} of its {} calls; those have an order",
                    register.key,
                    register.ops.iter().filter(ended).count(),
                    register.ops.len(),
                ));
            }
        }
    }
    judged
}

/// Whether a part of a history has no order. A part that is too hard to judge counts as possible: it proves nothing.
fn impossible(part: &Register1, budget: Budget) -> bool {
    if part.distinct {
        !zones::conflicts(part, &part.ops).is_empty()
    } else {
        matches!(
            search(&problem(part, &part.ops), budget),
            Answer::Violation { .. }
        )
    }
}

/// The finding that a witness makes, after the oracle looked at it where it can.
fn found(history: &History<Register>, register: &Register1, witness: &[Op]) -> Told {
    assert!(
        witness.len() > ORACLE || !brute::linearizable(&problem(register, witness)),
        "an engine called possible calls impossible: {witness:?}"
    );
    explain::tell(history, register, witness)
}

/// Of each value, the op that makes it.
fn makers(register: &Register1) -> Vec<Option<u32>> {
    let mut makers = vec![None; register.values.len()];
    for (i, op) in register.ops.iter().enumerate() {
        if let Some(v) = op.produces() {
            makers[v as usize] = Some(i as u32);
        }
    }
    makers
}

/// Some ops and whoever made what they observed: all that may not go while they stay.
fn with_makers(register: &Register1, makers: &[Option<u32>], some: &[u32]) -> Vec<Op> {
    let mut wanted = some.to_vec();
    let mut chosen = std::collections::BTreeSet::new();
    while let Some(i) = wanted.pop() {
        if chosen.insert(i) {
            let seen = register.ops[i as usize].observes();
            wanted.extend(seen.and_then(|v| makers[v as usize]));
        }
    }
    chosen
        .into_iter()
        .map(|i| register.ops[i as usize])
        .collect()
}

/// One verdict from those about the keys: the clearest finding of each kind.
fn conclude(judged: Vec<Judged>) -> Verdict {
    let mut clearest: Vec<(Told, u64)> = Vec::new();
    for told in judged.iter().flat_map(|j| &j.findings) {
        // Few calls, and a long time in which everybody could have known better.
        let clarity = |t: &Told| (t.finding.witness.len(), Reverse(t.lapse), t.finding.until);
        match clearest
            .iter_mut()
            .find(|(c, _)| c.finding.code == told.finding.code)
        {
            None => clearest.push((told.clone(), 0)),
            Some((clear, more)) => {
                *more += 1;
                if clarity(told) < clarity(clear) {
                    *clear = told.clone();
                }
            }
        }
    }
    let counted = |(told, more): (Told, u64)| Finding {
        more,
        ..told.finding
    };
    let mut findings: Vec<Finding> = clearest.into_iter().map(counted).collect();
    findings.sort_by(|a, b| (b.more, &a.code).cmp(&(a.more, &b.code)));
    let unexplained: u64 = judged.iter().map(|j| j.more).sum();
    if let Some(most) = findings.first_mut() {
        most.more += unexplained;
        return Verdict::Fail(findings);
    }
    let mut gave_up = judged.iter().filter_map(|j| j.gave_up.as_deref());
    if let Some(first) = gave_up.next() {
        let others = match gave_up.count() {
            0 => String::new(),
            n => format!(" (and on {n} more)"),
        };
        return Verdict::Unknown(Cause {
            code: "budget/search".to_owned(),
            text: format!("{first}{others}"),
            remedy: "use values that are distinct per key, more keys or fewer clients, or raise --budget".to_owned(),
        });
    }
    let sum = |f: fn(&Judged) -> u64| judged.iter().map(f).sum::<u64>();
    let counts = [
        ("ok ops", sum(|j| j.reads + j.writes + j.cas)),
        ("reads", sum(|j| j.reads)),
        ("writes", sum(|j| j.writes)),
        ("cas", sum(|j| j.cas)),
        ("info", sum(|j| j.info)),
        ("keys", judged.len() as u64),
        ("keys judged by zones", sum(|j| u64::from(j.zones))),
        ("keys judged by search", sum(|j| u64::from(!j.zones))),
    ];
    Verdict::Pass(Evidence {
        counts: counts.map(|(what, n)| (what.to_owned(), n)).to_vec(),
        notes: Vec::new(),
    })
}
