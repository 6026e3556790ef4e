//! Which checkers judge which kind of history.

use checkers::{
    Agreement, AllOrNothing, Balances, BoundedStaleness, Bounds, Budget, CausalReverse, Checker,
    CommittedReads, Delivery, GuardedInserts, Isolation, Linearizable, LongFork, MutualExclusion,
    OneLeaderPerTerm, ProducerOrder, Sequential, SetFull, Streams, TimestampOrder, Uniqueness,
    Verdict,
    linear::{Judge, LinearizableAs, Object},
    txn::Level,
    weak::{Guarantee, Sessions},
};
use history::{
    Codec, History, Index, Outcome, Register, RegisterCall, RegisterOp, Txn, TxnCall, TxnOp,
    ops::{
        Bank, BankReturn, Consensus, Counter, Documents, Election, Guarded, Lock, Log, LogCall,
        Monotonic, Queue, Rows, Set, Snapshot, UniqueIds,
    },
};

use super::{Ask, Initial, read::Assumed};
use crate::exit::Failure;

/// Boxed, since an expectation may choose between checkers.
pub(super) type Checks<O> = Result<Vec<Box<dyn Checker<O>>>, Failure>;

pub(super) fn reads_register(call: &RegisterCall) -> bool {
    call.op == RegisterOp::Read
}

pub(super) fn reads_txn(call: &TxnCall) -> bool {
    call.0.iter().any(|step| step.op == TxnOp::Read)
}

pub(super) fn registers(assumed: &Assumed, _: &Ask) -> Box<dyn Judge<Register>> {
    Box::new(Linearizable::starting_with(assumed.initial))
}

/// What is weaker than linearizability: what sessions may rely on, or that no read is more than one write behind.
pub(super) fn sessions(_: &History<Register>, assumed: &Assumed, ask: &Ask) -> Checks<Register> {
    let guarantee = Guarantee::ALL.into_iter().find(|g| g.name() == ask.expect);
    Ok(match guarantee {
        Some(guarantee) => {
            vec![Box::new(
                Sessions::expecting(guarantee).starting_with(assumed.initial),
            )]
        }
        None if assumed.initial.is_some() => {
            return Err(Failure::usage(
                "staleness is judged of registers that hold nothing at first: --initial nil",
            ));
        }
        None => vec![Box::new(BoundedStaleness::measure().versions(2))],
    })
}

/// Of a model from `checkers::linear::models`.
pub(super) fn objects<M: Object + 'static>(
    assumed: &Assumed,
    _: &Ask,
) -> Box<dyn Judge<M::Recorded>> {
    Box::new(LinearizableAs::<M>::starting_with(match assumed.told {
        Some(Initial::Value(value)) => Some(value),
        _ => None,
    }))
}

pub(super) fn transactions(_: &History<Txn>, assumed: &Assumed, ask: &Ask) -> Checks<Txn> {
    let level = Level::ALL.into_iter().find(|l| l.name() == ask.expect);
    let level = level.expect("one of the subject's expectations");
    if level.needs_real_time() && !assumed.real_time {
        return Err(Failure::usage(format!(
            "{level} is about real time, of which this notation says nothing; expect {} instead",
            Level::Serializable
        )));
    }
    let isolation = Isolation::expecting(level).starting(assumed.start);
    Ok(vec![Box::new(match assumed.real_time {
        true => isolation,
        false => isolation.without_real_time(),
    })])
}

pub(super) fn sets(_: &History<Set>, _: &Assumed, ask: &Ask) -> Checks<Set> {
    Ok(vec![Box::new(match ask.expect {
        "linearizable" => SetFull::linearizable(),
        "last-read" => SetFull::last_read(),
        _ => SetFull::eventual(),
    })])
}

pub(super) fn counters(_: &History<Counter>, _: &Assumed, _: &Ask) -> Checks<Counter> {
    Ok(vec![Box::new(Bounds)])
}

/// Which accounts there are, and what they hold together, is what the first read shows: reads that differ from it differ
/// from each other, and one of them is wrong.
pub(super) fn banks(history: &History<Bank>, _: &Assumed, ask: &Ask) -> Checks<Bank> {
    let first = history.spans().iter().find_map(|span| match &span.outcome {
        Outcome::Ok(BankReturn::Balances(all)) => Some((span.invoked, all)),
        _ => None,
    });
    let accounts = first.into_iter().flat_map(|(_, all)| all.keys().cloned());
    let total = first.map_or(0, |(_, all)| all.values().flatten().sum());
    let balances = Balances::new(accounts, total);
    Ok(vec![Box::new(AsFirstRead {
        first: first.map(|(at, _)| at),
        balances: match ask.expect {
            "no-overdraft" => balances,
            _ => balances.allow_overdrafts(),
        },
    })])
}

/// A bank of which nobody said what it holds. Whatever is proved of it is proved by its first read, too.
struct AsFirstRead {
    first: Option<Index>,
    balances: Balances,
}

impl Checker<Bank> for AsFirstRead {
    fn name(&self) -> &str {
        self.balances.name()
    }

    fn decides(&self) -> String {
        self.balances.decides()
    }

    fn limits(&self) -> &'static str {
        self.balances.limits()
    }

    fn check(&self, history: &History<Bank>, budget: Budget) -> Verdict {
        let mut verdict = self.balances.check(history, budget);
        if let Verdict::Fail(findings) = &mut verdict {
            for finding in findings {
                finding.witness.extend(self.first);
                finding.witness.sort_unstable();
                finding.witness.dedup();
            }
        }
        verdict
    }
}

pub(super) fn ids(_: &History<UniqueIds>, _: &Assumed, _: &Ask) -> Checks<UniqueIds> {
    Ok(vec![Box::new(Uniqueness)])
}

pub(super) fn queues(_: &History<Queue>, _: &Assumed, ask: &Ask) -> Checks<Queue> {
    Ok(match ask.expect {
        "producer-order" => vec![Box::new(Delivery::at_least_once()), Box::new(ProducerOrder)],
        "exactly-once" => vec![Box::new(Delivery::exactly_once())],
        _ => vec![Box::new(Delivery::at_least_once())],
    })
}

pub(super) fn locks(_: &History<Lock>, _: &Assumed, _: &Ask) -> Checks<Lock> {
    Ok(vec![Box::new(MutualExclusion::default())])
}

pub(super) fn elections(_: &History<Election>, _: &Assumed, _: &Ask) -> Checks<Election> {
    Ok(vec![Box::new(OneLeaderPerTerm)])
}

pub(super) fn decisions(_: &History<Consensus>, _: &Assumed, _: &Ask) -> Checks<Consensus> {
    Ok(vec![Box::new(Agreement)])
}

pub(super) fn rows(_: &History<Rows>, _: &Assumed, _: &Ask) -> Checks<Rows> {
    Ok(vec![Box::new(AllOrNothing)])
}

pub(super) fn snapshots(_: &History<Snapshot>, _: &Assumed, ask: &Ask) -> Checks<Snapshot> {
    Ok(match ask.expect {
        "sequential" => vec![Box::new(Sequential)],
        "strict-serializable" => vec![Box::new(LongFork), Box::new(CausalReverse)],
        _ => vec![Box::new(LongFork)],
    })
}

pub(super) fn guarded(_: &History<Guarded>, _: &Assumed, _: &Ask) -> Checks<Guarded> {
    Ok(vec![Box::new(GuardedInserts)])
}

pub(super) fn timestamps(_: &History<Monotonic>, _: &Assumed, _: &Ask) -> Checks<Monotonic> {
    Ok(vec![Box::new(TimestampOrder)])
}

pub(super) fn logs(_: &History<Log>, _: &Assumed, _: &Ask) -> Checks<Log> {
    Ok(vec![Box::new(Streams::default())])
}

pub(super) fn polls(call: &LogCall) -> bool {
    Log::name(call) == "poll"
}

pub(super) fn documents(_: &History<Documents>, _: &Assumed, _: &Ask) -> Checks<Documents> {
    Ok(vec![Box::new(CommittedReads)])
}
