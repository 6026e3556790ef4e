//! Every combinator as a list of events in virtual time: `time process what`, `+` for a call, and for its end `=` ok,
//! `!` fail, `?` info.

use std::time::Duration;

use history::{
    Event, Key, Moment, Outcome, Process, Register, RegisterCall, RegisterOp, RegisterReturn,
};
use schism_generator::*;

fn w(value: i64) -> RegisterCall {
    RegisterCall {
        key: Key::Int(0),
        op: RegisterOp::Write(value),
    }
}
fn done(_: &RegisterCall) -> RegisterReturn {
    RegisterReturn::Done
}
fn ns(n: u64) -> Duration {
    Duration::from_nanos(n)
}
fn show(events: Vec<Event<Register>>) -> String {
    let one = |e: Event<Register>| {
        let what = match e.moment {
            Moment::Invoke(RegisterCall {
                op: RegisterOp::Write(v),
                ..
            }) => format!("+{v}"),
            Moment::Invoke(other) => format!("+{other:?}"),
            Moment::Complete(Outcome::Ok(_)) => "=".to_owned(),
            Moment::Complete(Outcome::Fail(_)) => "!".to_owned(),
            Moment::Complete(Outcome::Info(_)) => "?".to_owned(),
        };
        format!("{} p{} {what}", e.time.0, e.process.0)
    };
    events.into_iter().map(one).collect::<Vec<_>>().join(", ")
}
fn on(workers: usize, generator: impl Generator<Register>) -> String {
    show(simulate(workers, generator, perfect(done)))
}
/// Calls alone, as `time:value`.
fn calls_on(workers: usize, generator: impl Generator<Register>) -> String {
    let all = on(workers, generator);
    let calls = all.split(", ").filter_map(|e| {
        let (head, value) = e.split_once(" +")?;
        Some(format!("{}:{value}", head.split(' ').next()?))
    });
    calls.collect::<Vec<_>>().join(" ")
}

#[test]
fn calls_go_round_the_workers() {
    assert_eq!(
        on(2, calls([w(1), w(2), w(3)])),
        "0 p0 +1, 0 p1 +2, 10 p0 =, 10 p1 =, 10 p0 +3, 20 p0 ="
    );
}
#[test]
fn a_lost_call_renews_the_process() {
    let seen = show(simulate(
        2,
        calls([w(1), w(2), w(3), w(4)]),
        imperfect(done),
    ));
    assert_eq!(
        seen,
        "0 p0 +1, 0 p1 +2, 10 p0 !, 10 p1 ?, 10 p0 +3, 10 p3 +4, 20 p0 =, 20 p3 !"
    );
}
#[test]
fn quick_systems_take_no_time() {
    assert_eq!(
        show(simulate(1, once(w(1)), quick(done))),
        "0 p0 +1, 0 p0 ="
    );
}
#[test]
fn limit_counts_calls() {
    assert_eq!(calls_on(1, repeat(w(1)).limit(3)), "0:1 10:1 20:1");
}
#[test]
fn time_limit_ends_calls_and_sleep() {
    assert_eq!(
        calls_on(1, repeat(w(1)).time_limit(ns(25))),
        "0:1 10:1 20:1"
    );
    assert_eq!(
        calls_on(1, sleep(ns(100)).time_limit(ns(25)).then(once(w(1)))),
        "25:1"
    );
}
#[test]
fn delay_is_a_least_gap() {
    assert_eq!(
        calls_on(9, repeat(w(1)).delay(ns(7)).limit(3)),
        "0:1 7:1 14:1"
    );
    assert_eq!(
        calls_on(1, repeat(w(1)).delay(ns(7)).limit(3)),
        "0:1 10:1 20:1"
    );
}
#[test]
fn stagger_has_the_asked_mean() {
    let events: Vec<Event<Register>> = simulate(
        100,
        repeat(w(1)).stagger(ns(1000), Seed(1)).limit(10_001),
        quick(done),
    );
    let last = events.last().expect("events").time.0;
    assert!((9_800_000..10_200_000).contains(&last), "{last}");
}
#[test]
fn then_and_phases_wait_for_open_calls() {
    assert_eq!(
        on(2, once(w(1)).then(once(w(2)))),
        "0 p0 +1, 10 p0 =, 10 p1 +2, 20 p1 ="
    );
    let three = phases([
        once(w(1)).boxed(),
        sleep(ns(5)).boxed(),
        log("x").boxed(),
        once(w(2)).boxed(),
    ]);
    assert_eq!(on(2, three), "0 p0 +1, 10 p0 =, 15 p1 +2, 25 p1 =");
}
#[test]
fn cycle_and_times_start_again() {
    assert_eq!(calls_on(9, calls([w(1), w(2)]).times(2)), "0:1 0:2 0:1 0:2");
    assert_eq!(
        calls_on(9, calls([w(1), w(2)]).cycle().limit(3)),
        "0:1 0:2 0:1"
    );
    assert_eq!(calls_on(9, calls([w(1)]).times(0)), "");
    assert_eq!(calls_on(9, calls([w(1)]).limit(0).cycle()), "");
}
#[test]
fn flip_flop_takes_turns_until_one_is_done() {
    assert_eq!(
        calls_on(9, flip_flop(repeat(w(1)), calls([w(2), w(3)]))),
        "0:1 0:2 0:1 0:3 0:1"
    );
}
#[test]
fn any_takes_the_soonest_and_ready_ones_in_turn() {
    let sleeper = sleep(ns(5)).then(once(w(9))).boxed::<Register>();
    assert_eq!(
        calls_on(1, any([sleeper, calls([w(1), w(2)]).boxed()])),
        "0:1 10:9 20:2"
    );
    assert_eq!(
        calls_on(9, any([calls([w(1), w(2)]), calls([w(3), w(4)])])),
        "0:1 0:3 0:2 0:4"
    );
}
#[test]
fn mix_does_not_stall_on_a_pending_child() {
    let children = [
        sleep(ns(50)).then(once(w(9))).boxed::<Register>(),
        calls([w(1), w(2)]).boxed(),
    ];
    assert_eq!(calls_on(1, mix(children, Seed(3))), "0:1 10:2 50:9");
}
#[test]
fn weights_are_kept() {
    let drawn: Vec<Event<Register>> = simulate(
        50,
        weighted(
            [(3, repeat(w(1))), (1, repeat(w(2))), (0, repeat(w(3)))],
            Seed(5),
        )
        .limit(4000),
        quick(done),
    );
    let count = |v| {
        drawn
            .iter()
            .filter(|e| e.moment == Moment::Invoke(w(v)))
            .count()
    };
    assert!((2900..3100).contains(&count(1)), "{}", count(1));
    assert_eq!((count(1) + count(2), count(3)), (4000, 0));
}
#[test]
fn reserve_keeps_lanes_apart() {
    let lanes = reserve([
        (Some(1), calls([w(1), w(2)]).boxed()),
        (None, calls([w(3), w(4), w(5)]).boxed()),
    ]);
    assert_eq!(
        on(3, lanes),
        "0 p0 +1, 0 p1 +3, 0 p2 +4, 10 p0 =, 10 p1 =, 10 p2 =, 10 p0 +2, 10 p1 +5, 20 p0 =, 20 p1 ="
    );
}
#[test]
fn on_keeps_to_its_workers() {
    assert_eq!(
        on(3, calls([w(1), w(2)]).on(Workers::one(2))),
        "0 p2 +1, 10 p2 =, 10 p2 +2, 20 p2 ="
    );
}
#[test]
fn each_process_has_its_own_even_after_a_loss() {
    let each = each_process(|p: Process| once(w(i64::from(p.0)))).limit(3);
    assert_eq!(
        show(simulate(2, each, imperfect(done))),
        "0 p0 +0, 0 p1 +1, 10 p0 !, 10 p1 ?, 10 p3 +3, 20 p3 ="
    );
}
#[test]
fn per_key_gives_every_group_the_next_key() {
    let keys = per_key(2, 1..=3, |k| calls([w(k * 10), w(k * 10 + 1)]));
    assert_eq!(
        on(4, keys),
        "0 p0 +10, 0 p2 +20, 0 p1 +11, 0 p3 +21, 10 p0 =, 10 p2 =, 10 p1 =, 10 p3 =, 10 p0 +30, 10 p1 +31, 20 p0 =, 20 p1 ="
    );
}
#[test]
fn until_ok_stops_at_its_own_success() {
    assert_eq!(
        show(simulate(1, repeat(w(1)).until_ok(), imperfect(done))),
        "0 p0 +1, 10 p0 !, 10 p0 +1, 20 p0 ?, 20 p1 +1, 30 p1 ="
    );
}
#[test]
fn from_fn_sees_the_time() {
    assert_eq!(
        calls_on(
            1,
            from_fn(|cx: &Context| (cx.now.0 < 20).then(|| w(cx.now.0 as i64)))
        ),
        "0:0 10:10"
    );
}
#[test]
fn a_resumed_scheduler_keeps_its_processes_and_a_stopped_one_drains() {
    let mut s = Scheduler::<Register, _>::new(1, repeat(w(1)));
    let t = history::Nanos(1);
    assert_eq!(s.poll(t), Step::Start(0, Process(0), w(1)));
    s.stop();
    assert_eq!(s.poll(t), Step::WaitForCompletion);
    s.complete(t, 0, Outcome::Info(history::Reason::new("timeout")));
    assert_eq!(s.poll(t), Step::Finished);
    let mut s = s.resume(log("last").then(once(w(2))));
    assert_eq!(s.poll(t), Step::Log("last".to_owned()));
    assert_eq!(s.poll(t), Step::Start(0, Process(1), w(2)));
}

proptest::proptest! {
    #[test]
    fn no_busy_worker_is_given_a_call_and_a_seed_gives_one_sequence(seed: u64, workers in 1..12usize, n in 0..200u64) {
        let make = || {
            let seed = Seed(seed);
            let lanes = [
                mix([repeat(w(1)), repeat(w(2))], seed.derive("mix")).stagger(ns(3), seed.derive("a")).boxed::<Register>(),
                per_key(2, 0.., |k| repeat(w(k)).limit(3)).boxed(),
                each_process(|p: Process| repeat(w(i64::from(p.0))).until_ok()).boxed(),
            ];
            simulate(workers, any(lanes).limit(n), imperfect(done))
        };
        let events = make();
        proptest::prop_assert_eq!(&events, &make());
        // Pairing refuses a call by a process that is busy or has ended.
        let history = history::History::<Register>::new(history::Nodes::default(), events);
        proptest::prop_assert_eq!(history.expect("well formed").spans().len() as u64, n);
    }
}
