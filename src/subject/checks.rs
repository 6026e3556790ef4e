//! Which checkers judge which kind of history.

use std::path::Path;

use checkers::{
    Agreement, AllOrNothing, Balances, Bounds, CausalReverse, Checker, Delivery, GuardedInserts,
    Isolation, Linearizable, LongFork, MutualExclusion, OneLeaderPerTerm, Sequential, SetFull,
    Streams, TimestampOrder, Uniqueness, txn::Level,
};
use history::{
    Codec, History, Outcome, Register, RegisterCall, RegisterOp, Txn, TxnCall, TxnOp,
    ops::{
        Bank, BankReturn, Consensus, Counter, Election, Guarded, Lock, Log, LogCall, Monotonic,
        Queue, Rows, Set, Snapshot, UniqueIds,
    },
};

use super::{
    Ask, Judged,
    read::{self, Assumed, Import},
};
use crate::{exit::Failure, judge};

/// Boxed, since an expectation may choose between checkers.
type Checks<O> = Result<Vec<Box<dyn Checker<O>>>, Failure>;

/// Reads a file as histories of one operation, and judges it.
pub(super) fn typed<O: Codec>(
    path: &Path,
    ask: &Ask,
    import: Import<O>,
    checks: fn(&History<O>, &Assumed, &Ask) -> Checks<O>,
    is_read: fn(&O::Call) -> bool,
) -> Result<Judged, Failure> {
    let read = read::read(path, ask, import)?;
    let checks = checks(&read.history, &read.assumed, ask)?;
    let report = judge::judge(
        &read.history,
        &checks,
        is_read,
        ask.circumstances.clone(),
        ask.budget,
    );
    Ok(Judged {
        report,
        told: read.told,
    })
}

pub(super) fn reads_register(call: &RegisterCall) -> bool {
    call.op == RegisterOp::Read
}

pub(super) fn reads_txn(call: &TxnCall) -> bool {
    call.0.iter().any(|step| step.op == TxnOp::Read)
}

pub(super) fn registers(_: &History<Register>, assumed: &Assumed, _: &Ask) -> Checks<Register> {
    Ok(vec![Box::new(Linearizable::starting_with(assumed.initial))])
}

pub(super) fn transactions(_: &History<Txn>, assumed: &Assumed, ask: &Ask) -> Checks<Txn> {
    let level = Level::ALL.into_iter().find(|l| l.name() == ask.expect);
    let level = level.expect("one of the subject's expectations");
    let real_time = [Level::StrictSerializable, Level::StrongSnapshotIsolation].contains(&level);
    if real_time && !assumed.real_time {
        return Err(Failure::usage(format!(
            "{level} is about real time, of which this notation says nothing; expect {} instead",
            Level::Serializable
        )));
    }
    Ok(vec![Box::new(
        Isolation::expecting(level).starting(assumed.start),
    )])
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
        Outcome::Ok(BankReturn::Balances(all)) => Some(all),
        _ => None,
    });
    let accounts = first.into_iter().flat_map(|all| all.keys().cloned());
    let total = first.map_or(0, |all| all.values().flatten().sum());
    let balances = Balances::new(accounts, total);
    Ok(vec![Box::new(if ask.expect == "no-overdraft" {
        balances
    } else {
        balances.allow_overdrafts()
    })])
}

pub(super) fn ids(_: &History<UniqueIds>, _: &Assumed, _: &Ask) -> Checks<UniqueIds> {
    Ok(vec![Box::new(Uniqueness)])
}

pub(super) fn queues(_: &History<Queue>, _: &Assumed, ask: &Ask) -> Checks<Queue> {
    Ok(vec![Box::new(match ask.expect {
        "exactly-once" => Delivery::exactly_once(),
        _ => Delivery::at_least_once(),
    })])
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
