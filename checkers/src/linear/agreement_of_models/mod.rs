//! Every model against the oracle on small random histories, with lost and refused calls, and what is claimed about
//! witnesses and certificates. Some of the histories are
//! those of an honest object, the others have one answer changed.

mod trials;

use std::collections::BTreeMap;

use history::{Codec, Event, History, Key, Moment, Nodes, Operation, Outcome, Reason};
use rand::{RngExt, SeedableRng, seq::IndexedRandom};
use rand_pcg::Pcg64Mcg;

use super::{
    Certificate, Judge, LinearizableAs, Model, Object, Refusal,
    asked::{One, split},
    brute,
    certificate::Placed,
    distinct::Decision,
    problem::Answer,
    reduce::{Units, reduce},
    search::search,
};
use crate::{
    Budget, Checker, Verdict,
    oracle::{cases, play},
};

type CallOf<O> = <O as Operation>::Call;
type ReturnOf<O> = <O as Operation>::Return;
type Answers<O> = fn(&CallOf<O>) -> Vec<ReturnOf<O>>;

/// How to try a model.
struct Trial<M: Object> {
    /// What workers ask.
    ask: fn(&mut Pcg64Mcg) -> CallOf<M::Recorded>,
    /// What can be answered.
    answers: Answers<M::Recorded>,
    initial: Option<i64>,
}

impl<M: Object> Clone for Trial<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Object> Copy for Trial<M> {}

/// An honest object per key: one of the answers that the model allows, or a refusal.
fn honest<O: Codec, M: Object<Recorded = O> + Model<Op = O>>(
    trial: Trial<M>,
) -> impl FnMut(&mut Pcg64Mcg, &CallOf<O>) -> Option<ReturnOf<O>> {
    let mut states: BTreeMap<Option<Key>, M> = BTreeMap::new();
    let (initial, answers) = (M::initially(trial.initial), trial.answers);
    move |rng, call| {
        let key = O::key(call).cloned();
        let state = states.entry(key).or_insert_with(|| initial.clone());
        let can: Vec<_> = answers(call)
            .into_iter()
            .filter(|ret| state.step(call, Some(ret)).is_some())
            .collect();
        let ret = can.choose(rng)?.clone();
        *state = state.step(call, Some(&ret))?;
        Some(ret)
    }
}

/// The same record with one answer changed.
fn twisted<O: Operation>(
    rng: &mut Pcg64Mcg,
    history: &History<O>,
    answers: Answers<O>,
) -> History<O> {
    let ok = |at: &usize| matches!(history.spans()[*at].outcome, Outcome::Ok(_));
    let answered: Vec<usize> = (0..history.spans().len()).filter(ok).collect();
    let chosen = answered.choose(rng).copied();
    let mut events = Vec::new();
    for (at, span) in history.spans().iter().enumerate() {
        let event = |index, time, moment| Event {
            index,
            time,
            process: span.process,
            node: span.node,
            moment,
        };
        events.push(event(
            span.invoked,
            span.start,
            Moment::Invoke(span.call.clone()),
        ));
        if let (Some(completed), Some(end)) = (span.completed, span.end) {
            let outcome = match chosen == Some(at) {
                true => answers(&span.call)
                    .choose(rng)
                    .map_or(Outcome::Info(Reason::new("lost")), |ret| {
                        Outcome::Ok(ret.clone())
                    }),
                false => span.outcome.clone(),
            };
            events.push(event(completed, end, Moment::Complete(outcome)));
        }
    }
    events.sort_by_key(|event| event.index);
    History::new(Nodes::new(["n1", "n2", "n3"].map(String::from)), events).expect("a history")
}

fn legal<M: Object>(one: &One<'_, M>, initial: &M, kept: impl Fn(usize) -> bool) -> bool {
    brute::linearizable(&one.question(initial, kept, None).problem)
}

/// Tries a model on random histories whose honest half acts by `honest`.
fn agrees<M, A>(trial: Trial<M>, honest: impl Fn(Trial<M>) -> A)
where
    M: Object,
    A: FnMut(&mut Pcg64Mcg, &CallOf<M::Recorded>) -> Option<ReturnOf<M::Recorded>>,
{
    let mut rng = Pcg64Mcg::seed_from_u64(11);
    let initial = M::initially(trial.initial);
    let checker = LinearizableAs::<M>::starting_with(trial.initial);
    let (mut good, n) = (0, cases(400));
    for case in 0..n {
        let size = (rng.random_range(2..=4), rng.random_range(1..=8));
        let mut act = honest(trial);
        let real = play::<M::Recorded, _>(&mut rng, size, |rng, _| (trial.ask)(rng), &mut act);
        let history = match rng.random_bool(0.3) {
            true => real.clone(),
            false => twisted(&mut rng, &real, trial.answers),
        };
        let objects = split::<M>(&history);
        if objects
            .iter()
            .any(|one| one.question(&initial, |_| true, None).parts.len() > 20)
        {
            continue;
        }
        let truth = objects.iter().all(|one| legal(one, &initial, |_| true));
        good += u64::from(truth);
        let verdict = checker.check(&history, Budget::default());
        let word = if truth { "pass" } else { "fail" };
        assert_eq!(
            verdict.word(),
            word,
            "case {case}: {history:#?} {verdict:#?}"
        );
        let certified = checker.certify(&history, Budget::default());
        assert_eq!(certified.is_some(), truth, "case {case}: {history:#?}");
        if let Some(certificate) = certified {
            certificates_can_be_relied_on(&mut rng, &checker, &history, certificate);
        } else if let Some(other) = checker.certify(&real, Budget::default()) {
            assert!(checker.verify(&history, &other).is_err(), "case {case}");
        }
        for one in &objects {
            match legal(one, &initial, |_| true) {
                true => what_may_go_is_not_needed(&mut rng, one, &initial),
                false => witnesses_are_impossible_and_minimal(one, &initial),
            }
        }
        if let Verdict::Fail(found) = verdict {
            let shown =
                |at: usize, one: &One<'_, M>| found[0].witness.contains(&one.spans[at].invoked);
            let mut parts = objects
                .iter()
                .map(|one| legal(one, &initial, |at| shown(at, one)));
            assert!(parts.any(|legal| !legal), "case {case}: {found:#?}");
        }
    }
    assert!(
        (n / 20..=n * 19 / 20).contains(&good),
        "{good} of {n} are legal: a poor mixture"
    );
}

/// Tries the shortcut of a model without any search behind it, wherever it decides.
fn takes_shortcuts<M, A>(trial: Trial<M>, honest: impl Fn(Trial<M>) -> A)
where
    M: Object,
    A: FnMut(&mut Pcg64Mcg, &CallOf<M::Recorded>) -> Option<ReturnOf<M::Recorded>>,
{
    let mut rng = Pcg64Mcg::seed_from_u64(12);
    let initial = M::initially(trial.initial);
    let checker = LinearizableAs::<M>::starting_with(trial.initial);
    let no_search = Budget {
        steps: 0,
        ..Budget::default()
    };
    let (mut passed, mut failed, n) = (0, 0, cases(2_000));
    for case in 0..n {
        let size = (rng.random_range(2..=4), rng.random_range(1..=9));
        let mut act = honest(trial);
        let real = play::<M::Recorded, _>(&mut rng, size, |rng, _| (trial.ask)(rng), &mut act);
        let history = match rng.random_bool(0.4) {
            true => real,
            false => twisted(&mut rng, &real, trial.answers),
        };
        let objects = split::<M>(&history);
        let decides = |one: &One<'_, M>| {
            let question = one.question(&initial, |_| true, None);
            let decision = M::shortcut(&question.problem);
            !matches!(decision, None | Some(Decision::NotApplicable(_)))
        };
        if !objects.iter().all(decides) {
            continue;
        }
        let truth = objects.iter().all(|one| legal(one, &initial, |_| true));
        match checker.check(&history, no_search) {
            Verdict::Pass(_) if truth => passed += 1,
            Verdict::Fail(found) if !truth => {
                failed += 1;
                let shown =
                    |at: usize, one: &One<'_, M>| found[0].witness.contains(&one.spans[at].invoked);
                let mut parts = objects
                    .iter()
                    .map(|one| legal(one, &initial, |at| shown(at, one)));
                assert!(parts.any(|legal| !legal), "case {case}: {found:#?}");
            }
            other => panic!("case {case}: {truth}, {other:#?} {history:#?}"),
        }
    }
    assert!(
        passed > n / 20 && failed > n / 20,
        "{passed} passed and {failed} failed of {n}: a poor mixture"
    );
}

fn what_may_go_is_not_needed<M: Object>(rng: &mut Pcg64Mcg, one: &One<'_, M>, initial: &M) {
    let mut units = Units::new(one);
    for _ in 0..4 {
        let Some(unit) = units.left().choose(rng).copied() else {
            return;
        };
        if units.remove(&[unit]) {
            let rest: Vec<_> = (0..one.spans.len()).filter(|at| units.stays[*at]).collect();
            assert!(
                legal(one, initial, |at| units.stays[at]),
                "{:#?} is not legal, but was as part of {:#?}",
                rest.iter().map(|at| one.spans[*at]).collect::<Vec<_>>(),
                one.spans
            );
        }
        let until = one.spans.choose(rng).map(|span| span.invoked);
        let question = one.question(initial, |at| units.stays[at], until);
        assert!(
            brute::linearizable(&question.problem),
            "until {until:?}: {:#?}",
            one.spans
        );
    }
}

fn witnesses_are_impossible_and_minimal<M: Object>(one: &One<'_, M>, initial: &M) {
    let question = one.question(initial, |_| true, None);
    let Answer::Violation { at } = search(&question.problem, Budget::default()) else {
        panic!("the oracle says that it is impossible");
    };
    let until = question.index(at);
    let reduced = reduce(one, initial, until, Budget::default());
    let fails = |units: &Units| {
        let question = one.question(initial, |at| units.stays[at], Some(until));
        !brute::linearizable(&question.problem)
    };
    assert!(fails(&reduced.units), "{:#?}", one.spans);
    let witness = reduced.witness(one, initial, until);
    assert!(
        !legal(one, initial, |at| witness.contains(&at)),
        "{:#?}",
        one.spans
    );
    for unit in reduced.units.left() {
        let mut fewer = reduced.units.clone();
        if fewer.remove(&[unit]) {
            let same = reduced.units.stays == fewer.stays;
            assert!(
                same || !fails(&fewer),
                "unit {unit} may go: {:#?}",
                one.spans
            );
        }
    }
}

fn certificates_can_be_relied_on<M: Object>(
    rng: &mut Pcg64Mcg,
    checker: &LinearizableAs<M>,
    history: &History<M::Recorded>,
    certificate: Certificate,
) {
    let text = serde_json::to_string(&certificate).expect("it can be written");
    let read: Certificate = serde_json::from_str(&text).expect("it can be read");
    assert_eq!(read, certificate);
    assert_eq!(checker.verify(history, &read), Ok(()));
    let Some(order) = (0..read.objects.len())
        .collect::<Vec<_>>()
        .choose(rng)
        .copied()
    else {
        return;
    };
    let Some(place) = (0..read.objects[order].calls.len())
        .collect::<Vec<_>>()
        .choose(rng)
        .copied()
    else {
        return;
    };
    let mut twice = read.clone();
    let call = twice.objects[order].calls[place];
    twice.objects[order].calls.push(call);
    let refused = checker
        .verify(history, &twice)
        .expect_err("it is there twice");
    assert!(matches!(refused, Refusal::Twice(_)), "{refused}");
    let mut fewer = read;
    let Placed::Call(index) = fewer.objects[order].calls.remove(place) else {
        return;
    };
    let spans = history.spans().iter();
    let ended = |index| {
        let mut spans = spans.clone();
        spans.any(|s| s.invoked == index && matches!(s.outcome, Outcome::Ok(_)))
    };
    if ended(index) {
        let refused = checker.verify(history, &fewer).expect_err("one is missing");
        let why = matches!(refused, Refusal::Missing(_) | Refusal::Impossible(_));
        assert!(why, "{refused}");
    }
}
