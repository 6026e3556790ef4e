//! How fast the histories of others are read: `cargo bench -p schism-history --bench foreign`. With
//! `SCHISM_BENCH_EDN=FILE` that file is read, instead of a generated history of some 20 MB.
#![allow(
    missing_docs,
    reason = "criterion's macros make undocumented functions"
)]

use std::fmt::Write;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use schism_history::foreign::{self, Assumptions, Format, Reader};

const OPS: u32 = 100_000;

/// Keyed reads, writes and compare-and-sets by fifty processes, one after the other.
fn edn() -> String {
    let mut text = String::new();
    for i in 0..OPS {
        let (process, key) = (i % 50, i % 97);
        let (f, asked, got) = match i % 3 {
            0 => ("read", "nil".to_owned(), i.to_string()),
            1 => ("write", i.to_string(), i.to_string()),
            _ => (
                "cas",
                format!("[{i} {}]", i + 1),
                format!("[{i} {}]", i + 1),
            ),
        };
        for (at, kind, value) in [(0, "invoke", asked), (1, "ok", got)] {
            let index = 2 * i + at;
            writeln!(
                text,
                "{{:index {index}, :type :{kind}, :process {process}, :f :{f}, :value [{key} {value}], :time {}}}",
                u64::from(index) * 1000
            )
            .expect("into memory");
        }
    }
    text
}

fn bench(c: &mut Criterion) {
    let text = match std::env::var_os("SCHISM_BENCH_EDN") {
        Some(path) => std::fs::read(path).expect("SCHISM_BENCH_EDN is a file that can be read"),
        None => edn().into_bytes(),
    };
    let ops = || Reader::new(Format::Edn, &text[..]);
    let mut group = c.benchmark_group("edn");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("ops", |b| b.iter(|| ops().filter(Result::is_ok).count()));
    let are_registers = foreign::registers(ops(), &Assumptions::of(Format::Edn)).is_ok();
    if are_registers {
        group.bench_function("registers", |b| {
            b.iter(|| foreign::registers(ops(), &Assumptions::of(Format::Edn)));
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
