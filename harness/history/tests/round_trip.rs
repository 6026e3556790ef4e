//! Histories of every operation become EDN and histories again, and nothing is lost: calls, outcomes, reasons, processes,
//! places, times, nodes.
#![expect(clippy::unwrap_used, reason = "all of this file is a test")]

use schism_history::{
    Codec, Event, History, Index, Key, Moment, Nanos, NodeId, Nodes, Outcome, Process, Reason,
    Register, RegisterCall, RegisterOp, RegisterReturn, Seen, Txn, TxnCall, TxnOp, TxnReturn,
    TxnStep, edn,
    foreign::{self, Format, Imported, Keys, Notes, Reader},
    journal,
    ops::{
        Bank, BankCall, BankReturn, Consensus, ConsensusCall, ConsensusOp, ConsensusReturn,
        Counter, CounterCall, CounterOp, CounterReturn, Election, ElectionCall, ElectionReturn,
        Guarded, GuardedCall, GuardedReturn, Lock, LockCall, LockOp, LockReturn, Monotonic,
        MonotonicCall, MonotonicOp, MonotonicReturn, Queue, QueueCall, QueueOp, QueueReturn, Rows,
        RowsCall, RowsOp, RowsReturn, Set, SetCall, SetOp, SetReturn, Snapshot, SnapshotCall,
        SnapshotReturn, Stamped, UniqueIds, UniqueIdsCall, UniqueIdsReturn,
    },
};

/// Every call with every way to end: with its return, failed, of unknown outcome, and without an end. Calls overlap, and
/// nodes come in an order that is not that of their ids.
fn history<O: Codec>(calls: &[(O::Call, O::Return)]) -> History<O> {
    let ends = |ret: &O::Return| {
        [
            Some(Outcome::Ok(ret.clone())),
            Some(Outcome::Fail(Reason::new("refused"))),
            Some(Outcome::Fail(Reason::with_detail(
                "cas mismatch",
                "it is \"3\"\n",
            ))),
            Some(Outcome::Info(Reason::with_detail("timeout", "5s"))),
            None,
        ]
    };
    let spans = calls
        .iter()
        .flat_map(|(call, ret)| ends(ret).map(|end| (call, end)));
    let mut invoked = Vec::new();
    let mut ended = Vec::new();
    for (i, (call, end)) in (0_u32..).zip(spans) {
        let event = |place: u32, moment| Event {
            index: Index(place),
            time: Nanos(u64::from(place) * 1_000_003),
            process: Process(i * 7),
            node: (i % 3 > 0).then_some(NodeId((2 - i % 3) as u16)),
            moment,
        };
        invoked.push(event(3 * i + 1, Moment::Invoke(call.clone())));
        // Before the next but one begins.
        ended.extend(end.map(|end| event(3 * i + 5, Moment::Complete(end))));
    }
    let mut events: Vec<Event<O>> = invoked.into_iter().chain(ended).collect();
    events.sort_by_key(|event| event.index);
    let history = History::new(Nodes::new(["n1", "n 2"]), events.clone()).unwrap();
    assert!(history.events().eq(events));
    history
}

fn as_edn<O: Codec>(history: &History<O>) -> String {
    let mut writer = edn::Writer::new(Vec::new(), history.nodes().clone());
    for event in history.events() {
        writer.write(&event).unwrap();
    }
    String::from_utf8(writer.into_inner()).unwrap()
}

/// As ids of nodes depend on which is named first, histories are compared by their journals.
fn as_journal<O: Codec>(history: &History<O>) -> String {
    let mut writer = journal::Writer::new(Vec::new(), history.nodes().clone());
    for event in history.events() {
        writer.write(&event).unwrap();
    }
    String::from_utf8(writer.into_inner()).unwrap()
}

fn comes_back<O: Codec>(calls: &[(O::Call, O::Return)], keys: Keys) -> String {
    let ours = history::<O>(calls);
    let text = as_edn(&ours);
    let ops = Reader::new(Format::Edn, text.as_bytes());
    let Imported { history, notes } = foreign::history::<O>(ops, keys).unwrap();
    assert_eq!(as_journal(&history), as_journal(&ours), "{text}");
    assert_eq!(notes, Notes::default());
    let sniffed = foreign::open(text.as_bytes()).unwrap().0;
    assert_eq!(sniffed.format, Format::Edn);
    text
}

fn name(text: &str) -> Key {
    Key::Text(text.into())
}

/// No key, a number, a name, and a name that nobody should have given.
fn keys() -> [Option<Key>; 3] {
    [Key::Int(-3), name("x"), name("a \"b\"\n] :c")].map(Some)
}

/// Calls without a key, and the same with one: for operations that need none.
fn with_and_without<O: Codec>(
    calls: impl Fn(Option<Key>) -> Vec<(O::Call, O::Return)>,
) -> [String; 2] {
    let without = comes_back::<O>(&calls(None), Keys::InField);
    let keyed: Vec<_> = keys().into_iter().flat_map(calls).collect();
    [without, comes_back::<O>(&keyed, Keys::InValue)]
}

#[test]
fn registers_come_back() {
    let calls: Vec<_> = keys()
        .into_iter()
        .flatten()
        .flat_map(|key| {
            [
                (RegisterOp::Read, RegisterReturn::Value(Some(i64::MIN))),
                (RegisterOp::Read, RegisterReturn::Value(None)),
                (RegisterOp::Write(7), RegisterReturn::Done),
                (RegisterOp::Cas { from: 7, to: -1 }, RegisterReturn::Done),
            ]
            .map(|(op, ret)| {
                let key = key.clone();
                (RegisterCall { key, op }, ret)
            })
        })
        .collect();
    comes_back::<Register>(&calls, Keys::InValue);
}

#[test]
fn transactions_come_back() {
    let step = |key: Key, op| TxnStep { key, op };
    let call = TxnCall(Box::new([
        step(Key::Int(1), TxnOp::Append(5)),
        step(name("x"), TxnOp::Read),
        step(name("y z"), TxnOp::Write(-2)),
        step(Key::Int(1), TxnOp::Read),
        step(Key::Int(2), TxnOp::Read),
    ]));
    let ret = TxnReturn::new([Seen::Nothing, Seen::List(&[1, 5]), Seen::Value(3)]);
    let calls = [(call, ret), (TxnCall(Box::new([])), TxnReturn::default())];
    let text = comes_back::<Txn>(&calls, Keys::InField);
    assert!(
        text.contains(r#":value [[:append 1 5] [:r "x" nil] [:w "y z" -2] [:r 1 [1 5]] [:r 2 3]]"#),
        "{text}"
    );
    let ops = Reader::new(Format::Edn, text.as_bytes());
    let read = foreign::transactions(ops).unwrap().history;
    assert_eq!(as_journal(&read), as_journal(&history::<Txn>(&calls)));
}

#[test]
fn sets_come_back() {
    with_and_without::<Set>(|key| {
        let call = |op| SetCall {
            key: key.clone(),
            op,
        };
        vec![
            (call(SetOp::Add(4)), SetReturn::Done),
            (call(SetOp::Read), SetReturn::Elements(vec![4, 4, -1])),
            (call(SetOp::Read), SetReturn::Elements(vec![])),
        ]
    });
}

#[test]
fn counters_come_back_though_jepsens_repeat_what_was_added() {
    with_and_without::<Counter>(|key| {
        let call = |op| CounterCall {
            key: key.clone(),
            op,
        };
        vec![
            (call(CounterOp::Add(4)), CounterReturn::Done),
            (call(CounterOp::Add(4)), CounterReturn::Value(4)),
            (call(CounterOp::Add(-4)), CounterReturn::Value(11)),
            (call(CounterOp::Read), CounterReturn::Value(11)),
        ]
    });
    let text = "{:type :invoke, :process 0, :f :add, :value 1}
                {:type :ok, :process 0, :f :add, :value 1}";
    let ops = Reader::new(Format::Edn, text.as_bytes());
    let theirs = foreign::history::<Counter>(ops, Keys::InField).unwrap();
    let [one] = theirs.history.spans() else {
        panic!("one addition")
    };
    assert_eq!(one.outcome, Outcome::Ok(CounterReturn::Done));
}

#[test]
fn banks_come_back_with_numbers_and_names_of_accounts() {
    let transfer = BankCall::Transfer {
        from: Key::Int(0),
        to: name("savings account"),
        amount: 5,
    };
    let all = [
        (Key::Int(0), Some(-5)),
        (name("savings account"), Some(5)),
        (name("closed"), None),
    ];
    let calls = [
        (transfer, BankReturn::Done),
        (BankCall::Read, BankReturn::Balances(all.into())),
    ];
    let text = comes_back::<Bank>(&calls, Keys::InField);
    assert!(
        text.contains(r#"{:from 0, :to "savings account", :amount 5}"#),
        "{text}"
    );
    assert!(
        text.contains(r#"{0 -5, :closed nil, "savings account" 5}"#),
        "{text}"
    );
}

#[test]
fn queues_come_back() {
    with_and_without::<Queue>(|key| {
        let call = |op| QueueCall {
            key: key.clone(),
            op,
        };
        vec![
            (call(QueueOp::Enqueue(1)), QueueReturn::Done),
            (call(QueueOp::Dequeue), QueueReturn::Message(Some(1))),
            (call(QueueOp::Dequeue), QueueReturn::Message(None)),
            (call(QueueOp::Drain), QueueReturn::Messages(vec![2, 3])),
        ]
    });
}

#[test]
fn locks_come_back() {
    with_and_without::<Lock>(|key| {
        let call = |op| LockCall {
            key: key.clone(),
            op,
        };
        vec![
            (call(LockOp::Acquire), LockReturn::Done),
            (call(LockOp::Acquire), LockReturn::Token(9)),
            (call(LockOp::Release), LockReturn::Done),
        ]
    });
}

#[test]
fn decisions_come_back() {
    with_and_without::<Consensus>(|key| {
        let call = |op| ConsensusCall {
            key: key.clone(),
            op,
        };
        vec![
            (
                call(ConsensusOp::Propose(1)),
                ConsensusReturn::Decided(Some(2)),
            ),
            (
                call(ConsensusOp::Propose(1)),
                ConsensusReturn::Decided(None),
            ),
            (call(ConsensusOp::Learn), ConsensusReturn::Decided(Some(2))),
        ]
    });
}

#[test]
fn elections_come_back() {
    with_and_without::<Election>(|key| {
        let led = |leader| {
            let call = ElectionCall { key: key.clone() };
            (call, ElectionReturn { term: 4, leader })
        };
        vec![led(Some(name("n1"))), led(Some(Key::Int(2))), led(None)]
    });
}

#[test]
fn rows_come_back() {
    with_and_without::<Rows>(|key| {
        let call = |op| RowsCall {
            key: key.clone(),
            op,
        };
        vec![
            (call(RowsOp::Write(3)), RowsReturn::Done),
            (call(RowsOp::Read), RowsReturn::Rows(vec![Some(3), None])),
        ]
    });
}

#[test]
fn guarded_inserts_come_back() {
    let calls = keys()
        .into_iter()
        .flatten()
        .map(|key| (GuardedCall { key, row: 2 }, GuardedReturn));
    comes_back::<Guarded>(&calls.collect::<Vec<_>>(), Keys::InValue);
}

#[test]
fn snapshots_come_back_though_their_reads_are_of_pairs() {
    let write = SnapshotCall::Write {
        key: name("x"),
        value: 3,
    };
    let read = SnapshotCall::Read(vec![name("x"), Key::Int(1)]);
    let calls = [
        (write, SnapshotReturn::Done),
        (read, SnapshotReturn::Values(vec![Some(3), None])),
    ];
    comes_back::<Snapshot>(&calls, Keys::InValue);
}

#[test]
fn tables_of_timestamps_come_back() {
    let rows = [3, 4].map(|value| Stamped { time: 17, value });
    let mut text = String::new();
    with_and_without::<Monotonic>(|key| {
        let call = |op| MonotonicCall {
            key: key.clone(),
            op,
        };
        vec![
            (call(MonotonicOp::Add), MonotonicReturn::Inserted(rows[0])),
            (
                call(MonotonicOp::Read),
                MonotonicReturn::Rows(rows.to_vec()),
            ),
        ]
    })
    .into_iter()
    .for_each(|each| text.push_str(&each));
    assert!(
        text.contains(":value [{:time 17, :value 3} {:time 17, :value 4}]"),
        "{text}"
    );
}

#[test]
fn ids_come_back() {
    let calls = [Key::Int(7), name("n1-7")].map(|id| (UniqueIdsCall, UniqueIdsReturn(id)));
    comes_back::<UniqueIds>(&calls, Keys::InField);
}
