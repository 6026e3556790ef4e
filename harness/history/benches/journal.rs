//! How fast a register history is written and read.
#![allow(
    missing_docs,
    reason = "criterion's macros make undocumented functions"
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use schism_history::{
    Event, Index, Key, Moment, Nanos, NodeId, Nodes, Outcome, Process, Register, RegisterCall,
    RegisterOp, RegisterReturn, journal,
};

const OPS: u32 = 100_000;

/// Twenty processes in lockstep: each makes a call, then each gets its answer.
fn events() -> Vec<Event<Register>> {
    let keys: Vec<Key> = (0..50).map(|k| Key::Text(format!("k{k}").into())).collect();
    (0..2 * OPS)
        .map(|i| {
            let (round, process) = (i / 40, i % 20);
            let read = (round + process) % 2 == 0;
            let moment = match (i % 40 < 20, read) {
                (true, read) => Moment::Invoke(RegisterCall {
                    key: keys[(round % 50) as usize].clone(),
                    op: match read {
                        true => RegisterOp::Read,
                        false => RegisterOp::Write(i64::from(i)),
                    },
                }),
                (false, true) => Moment::Complete(Outcome::Ok(RegisterReturn::Value(Some(7)))),
                (false, false) => Moment::Complete(Outcome::Ok(RegisterReturn::Done)),
            };
            Event {
                index: Index(i),
                time: Nanos(u64::from(i) * 1000),
                process: Process(process),
                node: Some(NodeId((process % 5) as u16)),
                moment,
            }
        })
        .collect()
}

fn write(events: &[Event<Register>]) -> Vec<u8> {
    let nodes = Nodes::new(["n1", "n2", "n3", "n4", "n5"]);
    let mut writer = journal::Writer::<Register, _>::new(Vec::new(), nodes);
    for event in events {
        writer.write(event).expect("into memory");
    }
    writer.into_inner()
}

fn bench(c: &mut Criterion) {
    let events = events();
    let text = write(&events);
    let mut group = c.benchmark_group("journal");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("write", |b| b.iter(|| write(&events)));
    group.bench_function("read", |b| {
        b.iter(|| journal::read::<Register>(&text[..]).expect("a good journal"));
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
