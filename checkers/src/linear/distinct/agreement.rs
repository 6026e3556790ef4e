//! The log-linear algorithms against the oracle on small random histories, and what is claimed about witnesses.

use history::Operation;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{
    Call, Decision, Object, Pattern, Reason, SetCall, SetWhat, Violation, What, priority_queue,
    queue, set, stack,
};
use crate::{
    Budget,
    linear::{Answer, NEVER, Problem, brute, model::Model, search},
    oracle::cases,
};

/// The sequential specifications, with calls as they are written here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Contents {
    object: Object,
    values: Vec<i64>,
}

#[derive(Debug, Clone, PartialEq)]
struct Ordered;
impl Operation for Ordered {
    type Call = What;
    type Return = ();
}

impl Contents {
    fn new(object: Object) -> Self {
        let values = Vec::new();
        Self { object, values }
    }

    /// Where the next one to come out is.
    fn next(&self) -> Option<usize> {
        let all = 0..self.values.len();
        match self.object {
            Object::Queue => all.min(),
            Object::Stack => all.max(),
            Object::PriorityQueue | Object::Set => all.min_by_key(|i| self.values[*i]),
        }
    }
}

impl Model for Contents {
    type Op = Ordered;
    fn step(&self, what: &What, _: Option<&()>) -> Option<Self> {
        let mut then = self.clone();
        match *what {
            What::Insert(v) => then.values.push(v),
            What::Empty if !self.values.is_empty() => return None,
            What::Empty => {}
            What::Remove(v) => {
                if then.values.remove(self.next()?) != v {
                    return None;
                }
            }
            What::Lost => {
                if let Some(next) = self.next() {
                    then.values.remove(next);
                }
            }
        }
        Some(then)
    }
}

#[derive(Debug, Clone, PartialEq)]
struct OfSet;
impl Operation for OfSet {
    type Call = SetWhat;
    type Return = ();
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Members(u64);
impl Model for Members {
    type Op = OfSet;
    fn step(&self, what: &SetWhat, ret: Option<&()>) -> Option<Self> {
        let has = |v: i64| self.0 & 1 << v != 0;
        match *what {
            SetWhat::Add(v) => (ret.is_none() || !has(v)).then_some(Self(self.0 | 1 << v)),
            SetWhat::Remove(v) => (ret.is_none() || has(v)).then_some(Self(self.0 & !(1 << v))),
            SetWhat::Present(v) => has(v).then_some(self.clone()),
            SetWhat::Absent(v) => (!has(v)).then_some(self.clone()),
        }
    }
}

/// Random intervals with all ends apart, and who takes effect when.
fn intervals(rng: &mut Pcg64Mcg, n: usize) -> (Vec<(u32, u32)>, Vec<usize>) {
    let lengths = rng.random_range(1..=10u32);
    // More calls take longer, so that no more are under way at once.
    let span = 16.max(2 * n as u32);
    let (mut points, mut moments) = (Vec::new(), Vec::new());
    for i in 0..n {
        let start = rng.random_range(0..span) * 64 + rng.random_range(0..64);
        let length = rng.random_range(0..lengths) * 64 + rng.random_range(1..64);
        points.push((start, i, false));
        points.push((start + length, i, true));
        moments.push((start + rng.random_range(0..=length), i));
    }
    points.sort_unstable();
    let mut when = vec![(0, 0); n];
    for (at, (_, i, end)) in points.iter().enumerate() {
        // Gaps, as where other keys were called.
        let at = 3 * at as u32 + 1;
        match end {
            false => when[*i].0 = at,
            true => when[*i].1 = at,
        }
    }
    moments.sort_unstable();
    (when, moments.into_iter().map(|(_, i)| i).collect())
}

/// What an honest object would say, with lost answers, and then perhaps two removals exchanged, an end moved, or an
/// answer replaced.
fn random(rng: &mut Pcg64Mcg, object: Object, most: usize) -> Vec<Call> {
    let n = rng.random_range(most / 2..=most);
    let (when, moments) = intervals(rng, n);
    let mut names: Vec<i64> = (0..n as i64).collect();
    for i in (1..n).rev() {
        names.swap(i, rng.random_range(0..=i));
    }
    let loses = rng.random_bool(0.4);
    let inserts = rng.random_range(4..=6);
    let mut now = Contents::new(object);
    let mut calls = Vec::new();
    for i in moments {
        let lost = loses && rng.random_bool(0.15);
        let inserting = rng.random_range(0..10) < inserts;
        let what = match (inserting, now.next()) {
            (true, _) => What::Insert(names[i]),
            (false, _) if lost => What::Lost,
            (false, Some(next)) => What::Remove(now.values[next]),
            (false, None) => What::Empty,
        };
        if !lost || rng.random_bool(0.6) {
            now = now.step(&what, Some(&())).unwrap();
        }
        let (start, end) = when[i];
        let end = if lost { NEVER } else { end };
        calls.push(Call { what, start, end });
    }
    for _ in 0..rng.random_range(0..7) {
        let (a, b) = (rng.random_range(0..n), rng.random_range(0..n));
        let (x, y) = (calls[a].what, calls[b].what);
        let inserts = |w| matches!(w, What::Insert(_));
        match rng.random_range(0..6) {
            // The same kind: the object was dishonest.
            0..4 if inserts(x) == inserts(y) && x != What::Lost && y != What::Lost => {
                (calls[a].what, calls[b].what) = (y, x);
            }
            4 if matches!(x, What::Remove(_)) => calls[a].what = What::Empty,
            5 if matches!(x, What::Empty) && rng.random_bool(0.3) => {
                calls[a].what = What::Remove(rng.random_range(0..n as i64));
            }
            _ => {}
        }
    }
    calls.sort_unstable_by_key(|call| call.start);
    calls
}

fn truth(object: Object, calls: &[Call]) -> bool {
    brute::linearizable(&problem(object, calls))
}

fn problem(object: Object, calls: &[Call]) -> Problem<Contents> {
    let mut problem = Problem::new(Contents::new(object));
    for call in calls {
        let ret = (call.end != NEVER).then_some(());
        problem.call(call.what, ret, call.start, call.end);
    }
    problem
}

fn among<T: Copy>(calls: &[T], chosen: &[usize]) -> Vec<T> {
    chosen.iter().map(|i| calls[*i]).collect()
}

/// Compares; says how many were legal, illegal, undecided.
fn agree(object: Object, judge: fn(&[Call]) -> Decision, seed: u64) {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let (mut legal, mut illegal, mut open) = (0, 0, 0);
    let n = cases(4000);
    for case in 0..n {
        let calls = random(&mut rng, object, if case % 8 == 0 { 11 } else { 8 });
        let possible = truth(object, &calls);
        match judge(&calls) {
            Decision::Linearizable => {
                legal += 1;
                assert!(possible, "{object:?}, case {case}: not legal: {calls:#?}");
            }
            Decision::Violation(violations) => {
                illegal += 1;
                assert!(
                    !possible,
                    "{object:?}, case {case}: legal: {calls:#?} {violations:#?}"
                );
                for violation in &violations {
                    witness(object, &calls, violation);
                }
            }
            Decision::NotApplicable(Reason::LostRemoval) => open += 1,
            Decision::NotApplicable(reason) => panic!("{reason}: {calls:#?}"),
        }
    }
    assert!(
        legal > n / 5 && illegal > n / 5 && open < n / 10,
        "{object:?}: {legal} legal, {illegal} not, {open} undecided, of {n}"
    );
}

/// Histories too large for the oracle, against the search.
fn agree_with_the_search(object: Object, judge: fn(&[Call]) -> Decision, seed: u64) {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let budget = Budget {
        steps: 20_000,
        ..Budget::default()
    };
    let (mut legal, n) = (0, cases(200));
    for case in 0..n {
        let calls = random(&mut rng, object, 30);
        let answer = search(&problem(object, &calls), budget);
        if matches!(answer, Answer::Exhausted { .. }) {
            continue;
        }
        match judge(&calls) {
            Decision::Linearizable => {
                legal += 1;
                assert_eq!(
                    answer,
                    Answer::Linearizable,
                    "{object:?}, case {case}: {calls:#?}"
                );
            }
            Decision::Violation(violations) => {
                let no = matches!(answer, Answer::Violation { .. });
                assert!(no, "{object:?}, case {case}: {calls:#?} {violations:#?}");
                for violation in violations.iter().filter(|v| v.calls.len() <= 8) {
                    witness(object, &calls, violation);
                }
            }
            Decision::NotApplicable(_) => {}
        }
    }
    assert!(n / 20 < legal && legal < n * 9 / 10, "{legal} of {n}");
}

/// The witness alone is impossible; without any of its elements, or without its "empty", it is possible.
fn witness(object: Object, calls: &[Call], violation: &Violation) {
    let told = || format!("{violation:#?} of {calls:#?}");
    assert!(
        !truth(object, &among(calls, &violation.calls)),
        "{}",
        told()
    );
    assert!(!violation.title().is_empty() && !violation.explanation().is_empty());
    if violation.margin == NEVER {
        return;
    }
    let without = |gone: &dyn Fn(What) -> bool| {
        let rest = among(calls, &violation.calls).into_iter();
        rest.filter(|call| !gone(call.what)).collect::<Vec<_>>()
    };
    for v in &violation.values {
        let rest = without(&|what| what == What::Insert(*v) || what == What::Remove(*v));
        assert!(truth(object, &rest), "without {v}: {}", told());
    }
    let empties = without(&|what| what == What::Empty);
    assert_eq!(
        violation.pattern == Pattern::NotEmpty,
        empties.len() < violation.calls.len()
    );
    if violation.pattern == Pattern::NotEmpty {
        assert!(truth(object, &empties), "without \"empty\": {}", told());
    }
}

#[test]
fn queues_agree_with_the_oracle() {
    agree(Object::Queue, queue, 11);
    agree_with_the_search(Object::Queue, queue, 21);
}

#[test]
fn stacks_agree_with_the_oracle() {
    agree(Object::Stack, stack, 12);
    agree_with_the_search(Object::Stack, stack, 22);
}

#[test]
fn priority_queues_agree_with_the_oracle() {
    agree(Object::PriorityQueue, priority_queue, 13);
    agree_with_the_search(Object::PriorityQueue, priority_queue, 23);
}

fn random_set(rng: &mut Pcg64Mcg) -> Vec<SetCall> {
    let n = rng.random_range(1..=8);
    let (when, moments) = intervals(rng, n);
    let values = rng.random_range(1..=3);
    let mut now = Members(0);
    let mut tried = Members(0);
    let mut calls = Vec::new();
    for i in moments {
        let v = rng.random_range(0..values);
        let there = now.0 & 1 << v != 0;
        let fresh = tried.0 & 1 << v == 0;
        let what = match rng.random_range(0..4) {
            0..2 if fresh => SetWhat::Add(v),
            0 if there => SetWhat::Remove(v),
            _ if there => SetWhat::Present(v),
            _ => SetWhat::Absent(v),
        };
        let changes = matches!(what, SetWhat::Add(_) | SetWhat::Remove(_));
        if matches!(what, SetWhat::Add(_)) {
            tried.0 |= 1 << v;
        }
        let lost = changes && rng.random_bool(0.2);
        if !(lost && rng.random_bool(0.5)) {
            now = now.step(&what, Some(&())).unwrap();
        }
        let (start, end) = when[i];
        let end = if lost { NEVER } else { end };
        calls.push(SetCall { what, start, end });
    }
    for _ in 0..rng.random_range(0..4) {
        let call = &mut calls[rng.random_range(0..n)];
        call.what = match call.what {
            SetWhat::Present(v) if rng.random_bool(0.2) => SetWhat::Remove(v),
            SetWhat::Present(v) => SetWhat::Absent(v),
            SetWhat::Absent(v) => SetWhat::Present(v),
            other => other,
        };
    }
    calls.sort_unstable_by_key(|call| call.start);
    calls
}

fn truth_of_set(calls: &[SetCall]) -> bool {
    let mut problem = Problem::new(Members(0));
    for call in calls {
        let ret = (call.end != NEVER).then_some(());
        problem.call(call.what, ret, call.start, call.end);
    }
    brute::linearizable(&problem)
}

#[test]
fn sets_agree_with_the_oracle() {
    let mut rng = Pcg64Mcg::seed_from_u64(14);
    let (mut legal, n) = (0, cases(4000));
    for case in 0..n {
        let calls = random_set(&mut rng);
        let truth = truth_of_set(&calls);
        legal += u64::from(truth);
        match set(&calls) {
            Decision::Linearizable => assert!(truth, "case {case}: {calls:#?}"),
            Decision::Violation(violations) => {
                assert!(!truth, "case {case}: {violations:#?} {calls:#?}");
                for violation in violations {
                    let alone = among(&calls, &violation.calls);
                    assert!(!truth_of_set(&alone), "{violation:#?} of {calls:#?}");
                    assert!(alone.len() <= 4 && !violation.explanation().is_empty());
                }
            }
            Decision::NotApplicable(reason) => panic!("{reason}"),
        }
    }
    assert!(n / 4 < legal && legal < n * 3 / 4, "{legal} of {n}");
}
