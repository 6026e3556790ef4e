//! How long the log-linear algorithms take for queues, stacks, priority queues and sets with distinct values, at 100 k
//! and 1 M calls, and what the search takes for small ones.
//!
//! `cargo bench -p schism-checkers --bench distinct`.

use std::{hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput};
use history::Operation;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use schism_checkers::{
    Budget,
    linear::{
        Answer, Model, Problem,
        distinct::{Call, Decision, SetCall, SetWhat, What, priority_queue, queue, set, stack},
        search,
    },
};

/// Calls that were under way at once.
const AT_ONCE: u32 = 20;
/// And where the search takes part, for which more are too many.
const AT_ONCE_SMALL: u32 = 5;

/// When each of `n` calls took effect, in that order, and around it its start and its end.
fn intervals(rng: &mut Pcg64Mcg, n: u32, at_once: u32) -> Vec<(u32, u32)> {
    let mut points = Vec::with_capacity(2 * n as usize);
    for i in 0..n {
        let at = (i + at_once) * 4;
        points.push((at - rng.random_range(1..2 * at_once), i, false));
        points.push((at + rng.random_range(1..2 * at_once), i, true));
    }
    points.sort_unstable();
    let mut when = vec![(0, 0); n as usize];
    for (rank, (_, i, is_end)) in points.iter().enumerate() {
        match is_end {
            false => when[*i as usize].0 = rank as u32,
            true => when[*i as usize].1 = rank as u32,
        }
    }
    when
}

/// What an honest object answers; `next` says which of its values comes out.
fn honest(
    n: u32,
    at_once: u32,
    next: fn(&std::collections::BTreeMap<u32, i64>) -> Option<u32>,
) -> Vec<Call> {
    let mut rng = Pcg64Mcg::seed_from_u64(1);
    let mut inside = std::collections::BTreeMap::new();
    let mut calls = Vec::new();
    for (i, (start, end)) in intervals(&mut rng, n, at_once).into_iter().enumerate() {
        let what = match (rng.random_bool(0.5), next(&inside)) {
            // Mixed, and each once.
            (true, _) => What::Insert(i64::from((i as u32).wrapping_mul(2_654_435_761))),
            (false, Some(at)) => What::Remove(inside[&at]),
            (false, None) => What::Empty,
        };
        match what {
            What::Insert(v) => {
                inside.insert(i as u32, v);
            }
            What::Remove(_) => {
                let at = next(&inside).expect("it was there");
                inside.remove(&at);
            }
            What::Empty | What::Lost => {}
        }
        calls.push(Call { what, start, end });
    }
    calls.sort_unstable_by_key(|call| call.start);
    calls
}

fn honest_priority_queue(n: u32) -> Vec<Call> {
    let mut rng = Pcg64Mcg::seed_from_u64(1);
    let mut inside = std::collections::BTreeSet::new();
    let mut calls = Vec::new();
    for (i, (start, end)) in intervals(&mut rng, n, AT_ONCE).into_iter().enumerate() {
        let what = match rng.random_bool(0.5) {
            true => What::Insert(i64::from((i as u32).wrapping_mul(2_654_435_761))),
            false => inside.pop_first().map_or(What::Empty, What::Remove),
        };
        if let What::Insert(v) = what {
            inside.insert(v);
        }
        calls.push(Call { what, start, end });
    }
    calls.sort_unstable_by_key(|call| call.start);
    calls
}

/// Four calls for each of `n / 4` elements, far apart.
fn honest_set(n: u32) -> Vec<SetCall> {
    let mut rng = Pcg64Mcg::seed_from_u64(1);
    let step = n / 4;
    let calls = intervals(&mut rng, n, AT_ONCE).into_iter().enumerate();
    let mut calls: Vec<_> = calls
        .map(|(i, (start, end))| {
            let v = i64::from(i as u32 % step);
            let what = match i as u32 / step {
                0 => SetWhat::Add(v),
                1 => SetWhat::Present(v),
                2 => SetWhat::Remove(v),
                _ => SetWhat::Absent(v),
            };
            SetCall { what, start, end }
        })
        .collect();
    calls.sort_unstable_by_key(|call| call.start);
    calls
}

/// A queue for the search.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Fifo(std::collections::VecDeque<i64>);

#[derive(Debug, Clone, PartialEq)]
struct FifoOp;
impl Operation for FifoOp {
    type Call = What;
    type Return = ();
}

impl Model for Fifo {
    type Op = FifoOp;
    fn step(&self, what: &What, _: Option<&()>) -> Option<Self> {
        let mut then = self.clone();
        match *what {
            What::Insert(v) => then.0.push_back(v),
            What::Remove(v) => return (then.0.pop_front()? == v).then_some(then),
            What::Empty => return self.0.is_empty().then_some(then),
            What::Lost => {
                then.0.pop_front();
            }
        }
        Some(then)
    }
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let first = |inside: &std::collections::BTreeMap<u32, i64>| inside.keys().next().copied();
    let last = |inside: &std::collections::BTreeMap<u32, i64>| inside.keys().next_back().copied();
    let mut group = criterion.benchmark_group("distinct");
    for n in [100_000u32, 1_000_000] {
        group.throughput(Throughput::Elements(u64::from(n)));
        for (name, calls, judge) in [
            (
                "queue",
                honest(n, AT_ONCE, first),
                queue as fn(&[Call]) -> Decision,
            ),
            ("stack", honest(n, AT_ONCE, last), stack),
            ("priority-queue", honest_priority_queue(n), priority_queue),
        ] {
            assert_eq!(judge(&calls), Decision::Linearizable);
            group.bench_function(BenchmarkId::new(name, n), |b| {
                b.iter(|| judge(black_box(&calls)))
            });
        }
        let calls = honest_set(n);
        assert_eq!(set(&calls), Decision::Linearizable);
        group.bench_function(BenchmarkId::new("set", n), |b| {
            b.iter(|| set(black_box(&calls)))
        });
    }
    for n in [30u32, 60, 120] {
        let calls = honest(n, AT_ONCE_SMALL, first);
        group.throughput(Throughput::Elements(u64::from(n)));
        group.bench_function(BenchmarkId::new("queue", n), |b| {
            b.iter(|| queue(black_box(&calls)))
        });
        let mut problem = Problem::new(Fifo(std::collections::VecDeque::new()));
        for call in &calls {
            problem.call(call.what, Some(()), call.start, call.end);
        }
        let budget = Budget {
            steps: 200_000,
            ..Budget::default()
        };
        if search(&problem, budget) == Answer::Linearizable {
            group.bench_function(BenchmarkId::new("queue by search", n), |b| {
                b.iter(|| search(black_box(&problem), budget));
            });
        }
    }
    group.finish();
    criterion.final_summary();
}
