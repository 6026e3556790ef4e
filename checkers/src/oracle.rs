//! For tests: histories of an honest object, made by chance, and the oracle that tries every order.

use history::{
    Event, History, Index, Moment, Nanos, NodeId, Nodes, Operation, Outcome, Process, Reason, Span,
};
use rand::{Rng, RngExt};

use crate::Verdict;

/// How many histories a property is tried on; `SCHISM_PROPERTY_CASES` for more.
pub(crate) fn cases(usual: u64) -> u64 {
    let more = std::env::var("SCHISM_PROPERTY_CASES").ok();
    more.and_then(|n| n.parse().ok()).unwrap_or(usual)
}

/// The codes of its findings; of any other verdict, its word.
pub(crate) fn codes(verdict: Verdict) -> Vec<String> {
    match verdict {
        Verdict::Fail(found) => found.into_iter().map(|finding| finding.code).collect(),
        other => vec![other.word().to_owned()],
    }
}

/// Lets some workers call an object `calls` times. Each call takes effect by `act` at one moment between its two ends,
/// or, where its answer is lost, at any later moment or never. `act` says `None` to refuse.
pub(crate) fn play<O: Operation, R: Rng>(
    rng: &mut R,
    (workers, calls): (u32, usize),
    mut ask: impl FnMut(&mut R, u32) -> O::Call,
    mut act: impl FnMut(&mut R, &O::Call) -> Option<O::Return>,
) -> History<O> {
    enum Doing<O: Operation> {
        Nothing,
        Called(O::Call),
        Answered(Option<O::Return>),
    }
    let mut doing: Vec<Doing<O>> = (0..workers).map(|_| Doing::Nothing).collect();
    let mut process: Vec<u32> = (0..workers).collect();
    let (mut events, mut adrift, mut made) = (Vec::new(), Vec::new(), 0);
    while made < calls || doing.iter().any(|d| !matches!(d, Doing::Nothing)) {
        if !adrift.is_empty() && rng.random_bool(0.05) {
            let late = adrift.swap_remove(rng.random_range(0..adrift.len()));
            act(rng, &late);
        }
        let worker = rng.random_range(0..workers as usize);
        let who = process[worker];
        let mut push = |moment| {
            let index = events.len() as u32;
            events.push(Event {
                index: Index(index),
                time: Nanos::from_millis(u64::from(index)),
                process: Process(who),
                node: Some(NodeId(worker as u16)),
                moment,
            });
        };
        let lost = || Moment::Complete(Outcome::Info(Reason::new("timeout")));
        doing[worker] = match std::mem::replace(&mut doing[worker], Doing::Nothing) {
            Doing::Nothing if made == calls => Doing::Nothing,
            Doing::Nothing => {
                made += 1;
                let call = ask(rng, worker as u32);
                push(Moment::Invoke(call.clone()));
                Doing::Called(call)
            }
            Doing::Called(call) if rng.random_bool(0.08) => {
                push(lost());
                process[worker] += workers;
                adrift.push(call);
                Doing::Nothing
            }
            Doing::Called(call) => Doing::Answered(act(rng, &call)),
            Doing::Answered(_) if rng.random_bool(0.05) => {
                push(lost());
                process[worker] += workers;
                Doing::Nothing
            }
            Doing::Answered(ret) => {
                push(Moment::Complete(match ret {
                    Some(ret) => Outcome::Ok(ret),
                    None => Outcome::Fail(Reason::new("refused")),
                }));
                Doing::Nothing
            }
        };
    }
    let nodes = Nodes::new((1..=workers).map(|n| format!("n{n}")));
    History::new(nodes, events).expect("a history")
}

/// Whether some order of the calls, in keeping with real time, explains all results. Tries all of them.
pub(crate) fn linearizable<O: Operation, S: Clone>(
    history: &History<O>,
    state: S,
    step: &impl Fn(&S, &O::Call, Option<&O::Return>) -> Option<S>,
) -> bool {
    let happened = |span: &&Span<O>| !matches!(span.outcome, Outcome::Fail(_));
    let left: Vec<&Span<O>> = history.spans().iter().filter(happened).collect();
    explain(&left, &state, step)
}

fn explain<O: Operation, S: Clone>(
    left: &[&Span<O>],
    state: &S,
    step: &impl Fn(&S, &O::Call, Option<&O::Return>) -> Option<S>,
) -> bool {
    let end = |span: &Span<O>| match span.outcome {
        Outcome::Ok(_) => span.completed,
        _ => None,
    };
    if left.iter().all(|span| end(span).is_none()) {
        return true;
    }
    let first_end = left.iter().filter_map(|span| end(span)).min();
    left.iter().enumerate().any(|(i, span)| {
        let ret = match &span.outcome {
            Outcome::Ok(ret) => Some(ret),
            _ => None,
        };
        first_end.is_none_or(|first| span.invoked < first)
            && step(state, &span.call, ret).is_some_and(|next| {
                let mut rest = left.to_vec();
                rest.remove(i);
                explain(&rest, &next, step)
            })
    })
}
