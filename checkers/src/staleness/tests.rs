use std::time::Duration;

use history::{
    Event, History, Index, Key, Moment, Nanos, Nodes, Operation, Outcome, Process, Register,
    RegisterCall, RegisterOp, RegisterReturn,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{BoundedStaleness, Staleness, Versions, staleness};
use crate::{
    Budget, Checker, Verdict,
    linear::{Model, NEVER, Problem, brute},
    oracle::cases,
};

/// What was written, the latest last, of which a read may return one of the `k` last.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Recent {
    k: usize,
    last: Vec<Option<i64>>,
}

#[derive(Debug, Clone, PartialEq)]
struct Plain;
impl Operation for Plain {
    type Call = Option<i64>;
    type Return = Option<i64>;
}

impl Model for Recent {
    type Op = Plain;
    /// A call is a write, or a read if it is `None`.
    fn step(&self, write: &Option<i64>, ret: Option<&Option<i64>>) -> Option<Self> {
        let mut then = self.clone();
        match (write, ret) {
            (None, Some(seen)) if !self.last.contains(seen) => return None,
            (None, _) => {}
            (Some(v), _) => {
                then.last.push(Some(*v));
                if then.last.len() > self.k {
                    then.last.remove(0);
                }
            }
        }
        Some(then)
    }
}

/// A write, or what a read returned; start; end.
type Row = (Option<i64>, Option<i64>, u32, u32);

fn history_of(rows: &[Row]) -> History<Register> {
    let mut points = Vec::new();
    for (i, (write, seen, start, end)) in rows.iter().enumerate() {
        let op = write.map_or(RegisterOp::Read, RegisterOp::Write);
        let key = Key::Int(1);
        points.push((
            *start,
            i,
            Moment::<Register>::Invoke(RegisterCall { key, op }),
        ));
        let ret = write.map_or(RegisterReturn::Value(*seen), |_| RegisterReturn::Done);
        if *end != NEVER {
            points.push((*end, i, Moment::Complete(Outcome::Ok(ret))));
        }
    }
    points.sort_by_key(|(at, ..)| *at);
    let events = points.into_iter().enumerate();
    let events = events.map(|(index, (at, i, moment))| Event {
        index: Index(index as u32),
        time: Nanos(u64::from(at)),
        process: Process(i as u32),
        node: None,
        moment,
    });
    History::new(Nodes::new(Vec::<String>::new()), events).unwrap()
}

/// Writes and reads at random, of a register whose reads are behind now and then.
fn random(rng: &mut Pcg64Mcg) -> Vec<Row> {
    let n = rng.random_range(2..=9usize);
    let length = rng.random_range(1..=10u32);
    let mut moments = Vec::new();
    let mut used = std::collections::BTreeSet::new();
    let mut fresh = |mut at: u32| {
        while !used.insert(at) {
            at += 1;
        }
        at
    };
    for _ in 0..n {
        let start = fresh(rng.random_range(0..24u32) * 16);
        let end = fresh(start + 1 + rng.random_range(0..length) * 16);
        moments.push((rng.random_range(start..=end), start, end));
    }
    moments.sort_unstable();
    let mut written = vec![None];
    let mut rows = Vec::new();
    let stale = rng.random_range(1..=4);
    for (i, (_, start, end)) in moments.into_iter().enumerate() {
        if rng.random_bool(0.5) {
            let lost = rng.random_bool(0.1);
            written.push(Some(i as i64));
            let end = if lost { NEVER } else { end };
            rows.push((Some(i as i64), None, start, end));
        } else {
            let back = rng.random_range(1..=stale).min(written.len());
            rows.push((None, written[written.len() - back], start, end));
        }
    }
    rows.sort_by_key(|row| row.2);
    rows
}

fn possible(rows: &[Row], k: usize) -> bool {
    let mut problem = Problem::new(Recent {
        k,
        last: vec![None],
    });
    for (write, seen, start, end) in rows {
        let ret = (*end != NEVER).then_some(*seen);
        problem.call(*write, ret, *start, *end);
    }
    brute::linearizable(&problem)
}

/// With all reads made earlier; starts come before ends at the same time.
fn possible_within(rows: &[Row], delta: u32) -> bool {
    let mut rows: Vec<Row> = (rows.iter())
        .map(|(write, seen, start, end)| {
            let earlier = if write.is_none() { delta } else { 0 };
            // Twice as fine, so that an end is after every start at its time.
            let start = 2 * (start + 1000 - earlier);
            let end = if *end == NEVER {
                NEVER
            } else {
                2 * (end + 1000) + 1
            };
            (*write, *seen, start, end)
        })
        .collect();
    rows.sort_by_key(|row| row.2);
    // No two starts are the same for the oracle.
    let ranks: std::collections::BTreeSet<(u32, usize, bool)> = (rows.iter().enumerate())
        .flat_map(|(i, row)| [(row.2, i, false), (row.3, i, true)])
        .collect();
    let rank = |at, i, end| ranks.iter().position(|p| *p == (at, i, end)).unwrap() as u32;
    for (i, row) in rows.clone().into_iter().enumerate() {
        rows[i].2 = rank(row.2, i, false);
        rows[i].3 = if row.3 == NEVER {
            NEVER
        } else {
            rank(row.3, i, true)
        };
    }
    possible(&rows, 1)
}

#[test]
fn agrees_with_the_oracle() {
    let mut rng = Pcg64Mcg::seed_from_u64(31);
    let mut seen = [0u64; 4];
    let n = cases(3000);
    for case in 0..n {
        let rows = random(&mut rng);
        let history = history_of(&rows);
        let told = || format!("case {case}: {rows:?}");
        let truth = (1..=10).find(|k| possible(&rows, *k)).map(|k| k as u64);
        let found = staleness(&history)[&Key::Int(1)];
        let Some(Staleness { versions, behind }) = found else {
            assert_eq!(truth, None, "{}", told());
            continue;
        };
        let truth = truth.unwrap_or_else(|| panic!("{found:?} {}", told()));
        seen[truth.min(4) as usize - 1] += 1;
        assert!(
            versions.at_least <= truth && truth <= versions.at_most,
            "{truth} but {versions:?} {}",
            told()
        );
        if truth <= 2 {
            assert_eq!(versions.at_least, versions.at_most, "{}", told());
        }
        let behind = behind.as_nanos() as u32;
        assert!(possible_within(&rows, behind), "{behind} {}", told());
        assert!(
            behind == 0 || !possible_within(&rows, behind - 1),
            "{behind} {}",
            told()
        );
        verdicts(&rows, &history, versions);
    }
    assert!(seen.iter().all(|seen| *seen > n / 200), "{seen:?}");
}

/// What is beyond the promise fails, with calls that are beyond it by themselves.
fn verdicts(rows: &[Row], history: &History<Register>, versions: Versions) {
    for k in 1..=3 {
        match BoundedStaleness::measure()
            .versions(k)
            .check(history, Budget::default())
        {
            Verdict::Pass(_) => assert!(versions.at_most <= k),
            Verdict::Unknown(_) => assert!(versions.at_least <= k && k < versions.at_most),
            Verdict::Fail(findings) => {
                assert!(versions.at_least > k);
                let witness: Vec<Row> = (history.spans().iter().zip(rows))
                    .filter(|(span, _)| findings[0].witness.contains(&span.invoked))
                    .map(|(_, row)| *row)
                    .collect();
                assert!(!possible(&witness, k as usize), "{witness:?} of {rows:?}");
            }
        }
    }
}

#[test]
fn says_by_how_much_a_read_was_behind() {
    let second = 1_000_000_000;
    // 1 is written at 0 s, 2 at 1 s, and 1 is read at 2.2 s: 1.2 s after 2 was certainly there at 1.0 s.
    let rows = [
        (Some(1), None, 1, 2),
        (Some(2), None, second / 2, second),
        (None, Some(1), second / 5 * 11, second / 5 * 12),
    ];
    let history = history_of(&rows);
    let versions = Versions {
        at_least: 2,
        at_most: 2,
    };
    let found = staleness(&history)[&Key::Int(1)].unwrap();
    let behind = Duration::from_millis(1200);
    assert_eq!(found, Staleness { versions, behind });
    let check = |checker: BoundedStaleness| checker.check(&history, Budget::default());
    let Verdict::Pass(evidence) = check(BoundedStaleness::measure().versions(2).within(behind))
    else {
        panic!()
    };
    assert_eq!(
        evidence.notes,
        [
            "no read was more than 1.2 s behind",
            "every read returned one of the last 2 values written"
        ]
    );
    let Verdict::Fail(findings) = check(BoundedStaleness::measure().within(Duration::from_secs(1)))
    else {
        panic!()
    };
    assert_eq!(findings[0].title, "read 1.2 s behind on key 1");
    assert_eq!(findings[0].witness, [0, 2, 4].map(Index));
    let Verdict::Fail(findings) = check(BoundedStaleness::measure().versions(1)) else {
        panic!()
    };
    assert_eq!(findings[0].code, "versions-behind");
    assert!(findings[0].minimal);
}

#[test]
fn repeated_values_are_not_judged_and_unfounded_ones_fail() {
    let twice = history_of(&[(Some(1), None, 0, 1), (Some(1), None, 2, 3)]);
    let verdict = BoundedStaleness::measure().check(&twice, Budget::default());
    assert!(
        matches!(verdict, Verdict::Unknown(cause) if cause.code == "staleness/repeated-values")
    );
    let early = history_of(&[(None, Some(1), 0, 1), (Some(1), None, 2, 3)]);
    let verdict = BoundedStaleness::measure().check(&early, Budget::default());
    assert!(matches!(verdict, Verdict::Fail(findings) if findings[0].code == "unfounded-read"));
}
