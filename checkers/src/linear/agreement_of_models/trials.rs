//! The models on trial: what workers ask of each, and what can be answered.

use history::{
    Key, Outcome, Seen, Txn, TxnCall, TxnOp, TxnReturn, TxnStep,
    ops::{
        CounterCall, CounterOp, CounterReturn, KvCall, KvOp, KvReturn, Lock, LockCall, LockOp,
        LockReturn, MembersCall, MembersOp, MembersReturn, OffsetLogCall, OffsetLogOp,
        OffsetLogReturn, Queue, QueueCall, QueueOp, QueueReturn, SemaphoreCall, SemaphoreOp,
        SetCall, SetOp, SetReturn, StackCall, StackOp, StackReturn, VersionedCall, VersionedOp,
        VersionedReturn,
    },
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{
    super::{
        Model, Object,
        asked::{One, split},
        models::{
            Bag, Cells, Count, Elements, FencedMutex, Fifo, LastInFirstOut, LeastFirst, Membership,
            Mutex, Offsets, OwnerMutex, Permits, ReentrantMutex, Text, VersionedRegister,
        },
    },
    Trial, agrees, honest, legal, takes_shortcuts, twisted,
};
use crate::oracle::{cases, play};

fn key(rng: &mut Pcg64Mcg) -> Option<Key> {
    rng.random_bool(0.3).then_some(Key::Int(1))
}

fn small(rng: &mut Pcg64Mcg) -> i64 {
    rng.random_range(1..=3)
}

fn queue(rng: &mut Pcg64Mcg) -> QueueCall {
    let op = match rng.random_range(0..20) {
        0..10 => QueueOp::Enqueue(small(rng)),
        10..19 => QueueOp::Dequeue,
        _ => QueueOp::Drain,
    };
    QueueCall { key: key(rng), op }
}

fn messages(call: &QueueCall) -> Vec<QueueReturn> {
    match call.op {
        QueueOp::Enqueue(_) => vec![QueueReturn::Done],
        QueueOp::Dequeue => [None, Some(1), Some(2), Some(3)]
            .map(QueueReturn::Message)
            .to_vec(),
        QueueOp::Drain => {
            let all = [vec![], vec![1], vec![2], vec![1, 2], vec![2, 1], vec![3, 3]];
            all.map(QueueReturn::Messages).to_vec()
        }
    }
}

/// A queue that drains, whatever the order of its messages.
fn drained<M: Object<Recorded = Queue> + Model<Op = Queue>>(
    trial: Trial<M>,
) -> impl FnMut(&mut Pcg64Mcg, &QueueCall) -> Option<QueueReturn> {
    let mut one = honest(trial);
    move |rng, call| match call.op {
        QueueOp::Drain => {
            let dequeue = QueueCall {
                key: call.key.clone(),
                op: QueueOp::Dequeue,
            };
            let mut all = Vec::new();
            while let Some(QueueReturn::Message(Some(v))) = one(rng, &dequeue) {
                all.push(v);
            }
            Some(QueueReturn::Messages(all))
        }
        _ => one(rng, call),
    }
}

fn queues<M: Object<Recorded = Queue> + Model<Op = Queue>>() {
    let trial = Trial::<M> {
        ask: queue,
        answers: messages,
        initial: None,
    };
    agrees(trial, drained);
}

#[test]
fn fifo_queues() {
    queues::<Fifo>();
}

#[test]
fn unordered_queues() {
    queues::<Bag>();
}

#[test]
fn priority_queues() {
    queues::<LeastFirst>();
}

#[test]
fn stacks() {
    let trial = Trial::<LastInFirstOut> {
        ask: |rng| StackCall {
            key: key(rng),
            op: match rng.random_bool(0.5) {
                true => StackOp::Push(small(rng)),
                false => StackOp::Pop,
            },
        },
        answers: |call| match call.op {
            StackOp::Push(_) => vec![StackReturn::Done],
            StackOp::Pop => [None, Some(1), Some(2), Some(3)]
                .map(StackReturn::Item)
                .to_vec(),
        },
        initial: None,
    };
    agrees(trial, honest);
}

#[test]
fn sets() {
    let trial = Trial::<Elements> {
        ask: |rng| SetCall {
            key: key(rng),
            op: match rng.random_bool(0.5) {
                true => SetOp::Add(small(rng)),
                false => SetOp::Read,
            },
        },
        answers: |call| match call.op {
            SetOp::Add(_) => vec![SetReturn::Done],
            SetOp::Read => {
                let subset = |bits: i64| (1..=3).filter(|v| bits & 1 << v != 0).collect();
                (0..8)
                    .map(|n| SetReturn::Elements(subset(n << 1)))
                    .collect()
            }
        },
        initial: None,
    };
    agrees(trial, honest);
}

#[test]
fn members_of_sets() {
    let trial = Trial::<Membership> {
        ask: |rng| MembersCall {
            key: key(rng),
            op: match rng.random_range(0..3) {
                0 => MembersOp::Add(small(rng)),
                1 => MembersOp::Remove(small(rng)),
                _ => MembersOp::Contains(small(rng)),
            },
        },
        answers: |call| match call.op {
            MembersOp::Contains(_) => [Some(true), Some(false)].map(MembersReturn).to_vec(),
            _ => [Some(true), Some(false), None].map(MembersReturn).to_vec(),
        },
        initial: None,
    };
    agrees(trial, honest);
}

#[test]
fn counters() {
    let trial = Trial::<Count> {
        ask: |rng| CounterCall {
            key: key(rng),
            op: match rng.random_bool(0.6) {
                true => CounterOp::Add(small(rng) - 2),
                false => CounterOp::Read,
            },
        },
        answers: |call| {
            let values = (-2..=4).map(CounterReturn::Value);
            let done = (call.op != CounterOp::Read).then_some(CounterReturn::Done);
            values.chain(done).collect()
        },
        initial: Some(1),
    };
    agrees(trial, honest);
}

#[test]
fn versioned_registers() {
    let trial = Trial::<VersionedRegister> {
        ask: |rng| VersionedCall {
            key: key(rng),
            op: match rng.random_range(0..4) {
                0 => VersionedOp::Write(small(rng)),
                1 => VersionedOp::Cas {
                    from: small(rng),
                    to: small(rng),
                },
                _ => VersionedOp::Read,
            },
        },
        answers: |call| {
            let values = match call.op {
                VersionedOp::Read => vec![None, Some(1), Some(2), Some(3)],
                _ => vec![None],
            };
            let versions = (0..=4).map(Some).chain([None]);
            let all = versions.flat_map(|version| {
                let ret = move |value| VersionedReturn { version, value };
                values.clone().into_iter().map(ret)
            });
            all.collect()
        },
        initial: None,
    };
    agrees(trial, honest);
}

#[test]
fn strings() {
    let trial = Trial::<Text> {
        ask: |rng| {
            let text = if rng.random_bool(0.6) { "a" } else { "b" };
            KvCall {
                key: key(rng),
                op: match rng.random_range(0..5) {
                    0 => KvOp::Put(text.into()),
                    1 | 2 => KvOp::Append(text.into()),
                    _ => KvOp::Get,
                },
            }
        },
        answers: |call| match call.op {
            KvOp::Get => {
                let mut all = vec![String::new()];
                for at in 0..15 {
                    all.push(format!("{}a", all[at]));
                    all.push(format!("{}b", all[at]));
                }
                all.into_iter()
                    .map(|text| KvReturn::Text(text.into()))
                    .collect()
            }
            _ => vec![KvReturn::Done],
        },
        initial: None,
    };
    agrees(trial, honest);
}

#[test]
fn logs() {
    let trial = Trial::<Offsets> {
        ask: |rng| OffsetLogCall {
            key: key(rng),
            op: match rng.random_bool(0.5) {
                true => OffsetLogOp::Send(small(rng)),
                false => OffsetLogOp::Poll(rng.random_range(0..3)),
            },
        },
        answers: |call| match call.op {
            OffsetLogOp::Send(_) => {
                let offsets = (0..4).map(OffsetLogReturn::Offset);
                offsets.chain([OffsetLogReturn::Done]).collect()
            }
            OffsetLogOp::Poll(from) => {
                let mut all = vec![vec![]];
                for v in 1..=3 {
                    all.push(vec![(from, v)]);
                    all.extend((1..=3).map(|w| vec![(from, v), (from + 1, w)]));
                }
                all.into_iter().map(OffsetLogReturn::Messages).collect()
            }
        },
        initial: None,
    };
    agrees(trial, honest);
}

fn step(rng: &mut Pcg64Mcg) -> TxnStep {
    TxnStep {
        key: Key::Int(rng.random_range(0..3)),
        op: match rng.random_range(0..6) {
            0 => TxnOp::Write(small(rng)),
            1 => TxnOp::Append(small(rng)),
            _ => TxnOp::Read,
        },
    }
}

fn reads(call: &TxnCall) -> Vec<TxnReturn> {
    let reads = call.0.iter().filter(|step| step.op == TxnOp::Read).count();
    let one = [
        Seen::Nothing,
        Seen::Value(1),
        Seen::Value(2),
        Seen::Value(3),
        Seen::List(&[1]),
        Seen::List(&[2]),
        Seen::List(&[2, 1]),
        Seen::List(&[3, 2]),
        Seen::List(&[]),
    ];
    match reads {
        0 => vec![TxnReturn::default()],
        1 => one.iter().map(|seen| TxnReturn::new([*seen])).collect(),
        _ => {
            let pairs = one.iter().flat_map(|a| one.iter().map(move |b| [*a, *b]));
            pairs.map(TxnReturn::new).collect()
        }
    }
}

#[test]
fn registers_and_lists_of_transactions() {
    let trial = Trial::<Cells> {
        ask: |rng| TxnCall((0..rng.random_range(1..=2)).map(|_| step(rng)).collect()),
        answers: reads,
        initial: None,
    };
    agrees(trial, honest);
    let from_one = Trial::<Cells> {
        initial: Some(1),
        ..trial
    };
    agrees(from_one, honest);
}

#[test]
fn keys_that_no_transaction_joins_may_be_judged_apart() {
    let mut rng = Pcg64Mcg::seed_from_u64(12);
    let initial = Cells::initially(None);
    for case in 0..cases(400) {
        let ask =
            |rng: &mut Pcg64Mcg| TxnCall((0..rng.random_range(1..=2)).map(|_| step(rng)).collect());
        let trial = Trial::<Cells> {
            ask,
            answers: reads,
            initial: None,
        };
        let mut act = honest(trial);
        let real = play::<Txn, _>(&mut rng, (3, 6), |rng, _| ask(rng), &mut act);
        let history = twisted(&mut rng, &real, reads);
        let apart = split::<Cells>(&history);
        let together = One::<Cells> {
            keys: Vec::new(),
            spans: history
                .spans()
                .iter()
                .filter(|s| !matches!(s.outcome, Outcome::Fail(_)))
                .collect(),
            places: Vec::new(),
        };
        assert_eq!(
            apart.iter().all(|one| legal(one, &initial, |_| true)),
            legal(&together, &initial, |_| true),
            "case {case}: {history:#?}"
        );
    }
}

fn lock(rng: &mut Pcg64Mcg) -> LockCall {
    let op = match rng.random_bool(0.5) {
        true => LockOp::Acquire,
        false => LockOp::Release,
    };
    LockCall { key: None, op }
}

fn locked(call: &LockCall) -> Vec<LockReturn> {
    match call.op {
        LockOp::Acquire => (1..=4)
            .map(LockReturn::Token)
            .chain([LockReturn::Done])
            .collect(),
        LockOp::Release => vec![LockReturn::Done],
    }
}

/// Whoever asks gets the lock now and then, and may give it back.
fn careless<M: Object<Recorded = Lock>>(
    _: Trial<M>,
) -> impl FnMut(&mut Pcg64Mcg, &LockCall) -> Option<LockReturn> {
    let (mut held, mut token) = (0, 0);
    move |rng, call| match call.op {
        LockOp::Acquire if held > 0 && rng.random_bool(0.8) => None,
        LockOp::Acquire => {
            held += 1;
            token += 1;
            Some(LockReturn::Token(token))
        }
        LockOp::Release if held == 0 || rng.random_bool(0.3) => None,
        LockOp::Release => {
            held -= 1;
            Some(LockReturn::Done)
        }
    }
}

fn locks<M: Object<Recorded = Lock>>() {
    let trial = Trial::<M> {
        ask: lock,
        answers: locked,
        initial: None,
    };
    agrees(trial, careless);
}

#[test]
fn mutexes() {
    locks::<Mutex>();
}

#[test]
fn mutexes_with_owners() {
    locks::<OwnerMutex>();
}

#[test]
fn reentrant_mutexes() {
    locks::<ReentrantMutex>();
}

#[test]
fn fenced_mutexes() {
    locks::<FencedMutex>();
}

#[test]
fn semaphores() {
    let trial = Trial::<Permits> {
        ask: |rng| SemaphoreCall {
            key: None,
            op: match rng.random_bool(0.6) {
                true => SemaphoreOp::Acquire(rng.random_range(1..=2)),
                false => SemaphoreOp::Release(1),
            },
        },
        answers: |_| vec![()],
        initial: Some(2),
    };
    // One too many, now and then.
    let generous = |_: Trial<Permits>| {
        let more = Trial::<Permits> {
            ask: trial.ask,
            answers: trial.answers,
            initial: Some(3),
        };
        honest(more)
    };
    agrees(trial, generous);
}

/// Values of which most histories put none in twice.
fn rare(rng: &mut Pcg64Mcg) -> i64 {
    rng.random_range(1..=12)
}

fn with_rare<T>(of: impl Fn(Option<i64>) -> T) -> Vec<T> {
    let some = (1..=12).map(Some);
    std::iter::once(None).chain(some).map(of).collect()
}

fn distinct_queues<M: Object<Recorded = Queue> + Model<Op = Queue>>() {
    let trial = Trial::<M> {
        ask: |rng| QueueCall {
            key: key(rng),
            op: match rng.random_bool(0.5) {
                true => QueueOp::Enqueue(rare(rng)),
                false => QueueOp::Dequeue,
            },
        },
        answers: |call| match call.op {
            QueueOp::Enqueue(_) => vec![QueueReturn::Done],
            QueueOp::Dequeue | QueueOp::Drain => with_rare(QueueReturn::Message),
        },
        initial: None,
    };
    takes_shortcuts(trial, honest);
}

#[test]
fn distinct_values_in_fifo_queues() {
    distinct_queues::<Fifo>();
}

#[test]
fn distinct_values_in_priority_queues() {
    distinct_queues::<LeastFirst>();
}

#[test]
fn distinct_values_on_stacks() {
    let trial = Trial::<LastInFirstOut> {
        ask: |rng| StackCall {
            key: key(rng),
            op: match rng.random_bool(0.5) {
                true => StackOp::Push(rare(rng)),
                false => StackOp::Pop,
            },
        },
        answers: |call| match call.op {
            StackOp::Push(_) => vec![StackReturn::Done],
            StackOp::Pop => with_rare(StackReturn::Item),
        },
        initial: None,
    };
    takes_shortcuts(trial, honest);
}

#[test]
fn distinct_values_in_members() {
    let trial = Trial::<Membership> {
        ask: |rng| MembersCall {
            key: key(rng),
            op: match rng.random_range(0..3) {
                0 => MembersOp::Add(small(rng)),
                1 => MembersOp::Remove(small(rng)),
                _ => MembersOp::Contains(small(rng)),
            },
        },
        answers: |_| [Some(true), Some(false)].map(MembersReturn).to_vec(),
        initial: None,
    };
    takes_shortcuts(trial, honest);
}
