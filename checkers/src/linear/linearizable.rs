//! The checker `linearizable` for registers: each key by the engine that fits it, all keys at once.
//!
//! Sound and complete, as long as the budget of the search lasts (zones need none): `pass` means that an order exists for
//! each key, `fail` that the witness alone has none. Assumes what the record says: that a call took effect between its
//! invocation and its completion, and that a failed call did not happen.

use std::{cell::Cell, cmp::Reverse};

use history::{History, Register};
use rayon::prelude::*;

use super::{
    Certificate, Judge, Refusal, brute,
    certificate::{self, Order, Placed},
    explain::{self, Told},
    linearizable_as::shared,
    model::CasRegister,
    object::Object,
    prepare::{Kind, Op, Register1, prepare, problem, split},
    problem::Answer,
    search::{self, search},
    shrink::{latest, part, shrink},
    zones,
};
use crate::{Budget, Cause, Checker, Evidence, Finding, Verdict};

/// How many conflicts of one key are explained; the others are counted.
const EXPLAINED: usize = 64;
/// After witnesses of this many calls in all, before reduction, the others are counted only. Chains of compare-and-set may
/// be as long as the history.
const EFFORT: usize = 100_000;
/// What a part of a history may cost while a witness is reduced, as a part of the whole budget.
const SHRINKING: u64 = 20;
/// The same, for a part that may be impossible.
const GUESSING: u64 = 400;
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
    /// Why there is no verdict about it.
    gave_up: Option<Cause>,
}

impl Judged {
    /// A witness was found: it becomes a finding, after the oracle looked at it where it can. Nobody is accused by an
    /// engine that contradicts another.
    fn accuse(
        &mut self,
        history: &History<Register>,
        register: &Register1,
        witness: &[Op],
        minimal: bool,
    ) {
        let alone = part(register, witness);
        if witness.len() <= ORACLE && brute::linearizable(&problem(&alone, &alone.ops)) {
            self.gave_up = Some(Cause {
                code: "checker/disagreement".to_owned(),
                text: format!(
                    "two algorithms contradict each other about {} calls on key {}: a defect of schism",
                    witness.len(),
                    register.key
                ),
                remedy: "keep the history and report it, please".to_owned(),
            });
            return;
        }
        self.findings
            .push(explain::tell(history, register, witness, minimal));
    }
}

impl Checker<Register> for Linearizable {
    fn name(&self) -> &str {
        "linearizable"
    }

    fn decides(&self) -> String {
        "every call on a key seems to happen at once, at some moment between its invocation and its answer".to_owned()
    }

    fn limits(&self) -> &'static str {
        "sound and complete, as long as the budget lasts; then it is unknown. Values written once need no budget"
    }

    fn check(&self, history: &History<Register>, budget: Budget) -> Verdict {
        let keys = split(history);
        let budget = shared(budget, keys.len());
        let judged: Vec<Judged> = keys
            .par_iter()
            .map(|(key, spans)| judge(history, &prepare(history, key, spans, self.initial), budget))
            .collect();
        conclude(judged)
    }
}

impl Judge<Register> for Linearizable {
    fn certify(&self, history: &History<Register>, budget: Budget) -> Option<Certificate> {
        let keys = split(history);
        let budget = shared(budget, keys.len());
        let orders = keys.par_iter().map(|(key, spans)| {
            let register = prepare(history, key, spans, self.initial);
            let order = match register.distinct {
                true => zones::order(&register, &register.ops)?,
                false => search::ordered(&problem(&register, &register.ops), budget)?,
            };
            let placed = order.into_iter().map(|at| {
                let span = register.ops[at as usize].span;
                Placed::Call(history.spans()[span as usize].invoked)
            });
            Some(Order {
                keys: vec![register.key.clone()],
                calls: placed.collect(),
            })
        });
        let orders = orders.collect::<Option<Vec<_>>>()?;
        let found = Certificate::new(CasRegister::NAME, self.initial, orders);
        self.verify(history, &found).ok().map(|()| found)
    }

    fn verify(&self, history: &History<Register>, found: &Certificate) -> Result<(), Refusal> {
        certificate::verify::<CasRegister>(history, self.initial, found)
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
    if register.distinct {
        judge_by_zones(history, register, &mut judged);
    } else {
        judge_by_search(history, register, budget, &mut judged);
    }
    judged
}

fn judge_by_zones(history: &History<Register>, register: &Register1, judged: &mut Judged) {
    let mut conflicts = zones::conflicts(register, &register.ops);
    conflicts.sort_by_key(|conflict| Reverse(conflict.margin));
    let makers = makers(register);
    let mut effort = 0;
    for (explained, conflict) in conflicts.iter().enumerate() {
        if explained >= EXPLAINED || effort > EFFORT {
            judged.more = (conflicts.len() - explained) as u64;
            break;
        }
        let ops = with_makers(register, &makers, &conflict.ops);
        effort += ops.len();
        // Of its own values only: there may be very many others.
        let few = part(register, &ops);
        let fails = |ops: &[Op]| judge_part(&part(&few, ops), Budget::default()) == Some(false);
        let witness = shrink(&few, &few.ops, super::NEVER, fails);
        judged.accuse(history, register, &restored(&ops, &witness), true);
    }
}

/// Those of the `ops` that are in the witness, as they were.
fn restored(ops: &[Op], witness: &[Op]) -> Vec<Op> {
    let kept = |op: &&Op| witness.binary_search_by_key(&op.start, |w| w.start).is_ok();
    ops.iter().filter(kept).copied().collect()
}

fn judge_by_search(
    history: &History<Register>,
    register: &Register1,
    budget: Budget,
    judged: &mut Judged,
) {
    let ops = &register.ops;
    // Whether a part was too hard to judge while a witness was reduced: then there might be a smaller one.
    let gave_up = Cell::new(false);
    let within = |part_of_budget: u64| {
        let steps = budget.steps / part_of_budget;
        move |ops: &[Op]| judge_part(&part(register, ops), Budget { steps, ..budget })
    };
    let guess = within(GUESSING);
    let guess = |ops: &[Op]| guess(ops) == Some(false);
    let sure = within(SHRINKING);
    let fails = |ops: &[Op]| {
        let legal = sure(ops);
        gave_up.set(gave_up.get() || legal.is_none());
        legal == Some(false)
    };
    let whole = problem(register, ops);
    let nearby = |at: u32| {
        LOOSE.iter().find_map(|looser| {
            let loose: Vec<Op> = ops.iter().map(looser).collect();
            let few = latest(register, &loose, at, guess)?;
            gave_up.set(false);
            Some(shrink(register, &few, at, fails))
        })
    };
    let mut answer = None;
    let mut witness = None;
    let mut furthest = 0;
    for width in search::WIDTHS {
        match search::narrow(&whole, budget, width) {
            // What cannot go on is often impossible for reasons that are close by.
            Answer::Exhausted { at } if at > furthest => {
                furthest = at;
                witness = nearby(at);
            }
            Answer::Exhausted { .. } => {}
            sure => answer = Some(sure),
        }
        if witness.is_some() || answer.is_some() {
            break;
        }
    }
    if witness.is_none() {
        match answer.unwrap_or_else(|| search::wide(&whole, budget)) {
            Answer::Linearizable => {}
            Answer::Violation { at } => {
                witness = nearby(at).or_else(|| Some(shrink(register, ops, at, fails)));
            }
            Answer::Exhausted { at } => {
                let ended = |op: &&Op| op.end < at;
                judged.gave_up = Some(Cause {
                    code: "budget/search".to_owned(),
                    text: format!(
                        "the search gave up on key {} after {} of its {} calls; those have an order",
                        register.key,
                        ops.iter().filter(ended).count(),
                        ops.len(),
                    ),
                    remedy: "use values that are distinct per key, more keys or fewer clients, or raise --budget".to_owned(),
                });
            }
        }
    }
    if let Some(witness) = witness {
        judged.accuse(history, register, &witness, !gave_up.get());
    }
}

/// Ways to take some compare-and-sets for writes, loosest first. A write can do all that a compare-and-set can, so what is
/// impossible then is impossible; and what they may have observed long ago need not be in the witness.
const LOOSE: [fn(&Op) -> Op; 3] = [
    |op| match op.kind {
        Kind::Cas(_) => Op {
            kind: Kind::Write,
            ..*op
        },
        _ => *op,
    },
    |op| match op.kind {
        Kind::Cas(_) if op.is_info() => Op {
            kind: Kind::Write,
            ..*op
        },
        _ => *op,
    },
    |op| *op,
];

/// Whether a part of a history has an order. A part that is too hard to judge proves nothing.
fn judge_part(part: &Register1, budget: Budget) -> Option<bool> {
    if part.distinct {
        return Some(zones::conflicts(part, &part.ops).is_empty());
    }
    match search(&problem(part, &part.ops), budget) {
        Answer::Linearizable => Some(true),
        Answer::Violation { .. } => Some(false),
        Answer::Exhausted { .. } => None,
    }
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
    let mut gave_up = judged.iter().filter_map(|j| j.gave_up.as_ref());
    if let Some(first) = gave_up.next() {
        let others = match gave_up.count() {
            0 => String::new(),
            n => format!(" (and {n} more keys without a verdict)"),
        };
        return Verdict::Unknown(Cause {
            text: format!("{}{others}", first.text),
            ..first.clone()
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
