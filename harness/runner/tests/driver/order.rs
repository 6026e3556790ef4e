//! The order of the record is an order in which it can have happened, and its windows contain the true ones.

use std::{collections::BTreeMap, time::Duration};

use history::{History, RegisterCall};
use proptest::prelude::*;

use super::{Manner, Rig, paused};
use crate::fake::Window;

fn manner() -> impl Strategy<Value = Manner> {
    prop_oneof![
        Just(Manner::Honest),
        Just(Manner::Hangs),
        Just(Manner::Panics),
        Just(Manner::Refuses),
        (1..9000_u64).prop_map(|ms| Manner::Slow(Duration::from_millis(ms))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_prefix_of_the_record_is_a_history(
        manners in prop::collection::vec(manner(), 1..6),
        workers in 1..9_usize,
        writes in 0..60_i64,
        stop_after in prop::option::of(0..30_000_u64),
    ) {
        let mut result = Ok(());
        paused(async {
            let mut rig = Rig::new(workers, &manners);
            if let Some(ms) = stop_after {
                let stop = rig.stop.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    stop.stop();
                });
            }
            rig.writes(writes).await;
            // The clock stands still between timers: stamps are ahead of it by a nanosecond an event.
            result = check(&rig, 1_000);
        });
        result?;
    }
}

/// With real threads, whose interleavings nobody chose.
#[test]
fn windows_contain_the_true_ones_under_real_concurrency() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut rig = Rig::new(16, &[Manner::Honest, Manner::Honest, Manner::Panics]);
        let summary = rig.writes(5_000).await;
        assert_eq!(summary.outcomes.total(), 5_000);
        check(&rig, 0).unwrap();
    });
}

/// `slack` is how many nanoseconds a stamp may be ahead of the clock.
fn check(rig: &Rig, slack: u64) -> Result<(), TestCaseError> {
    let events = rig.seen.events();
    for pair in events.windows(2) {
        prop_assert!(pair[0].time < pair[1].time);
        prop_assert_eq!(pair[0].index.0 + 1, pair[1].index.0);
    }
    // Long records in a few places, short ones everywhere.
    let step = events.len() / 200 + 1;
    for end in (0..events.len()).step_by(step) {
        let prefix = events[..end].to_vec();
        prop_assert!(History::new(rig.nodes.clone(), prefix).is_ok());
    }
    let history = History::new(rig.nodes.clone(), events);
    prop_assert!(history.is_ok());
    let history = history.expect("just seen");
    prop_assert!(history.spans().iter().all(|s| s.completed.is_some()));

    // Values are distinct within a phase, so a call names its span.
    let name = |call: &RegisterCall| format!("{call:?}");
    let spans: BTreeMap<_, _> = history.spans().iter().map(|s| (name(&s.call), s)).collect();
    for Window { call, from, to } in rig.fake.windows.lock().unwrap().iter() {
        let span = spans[&name(call)];
        prop_assert!(span.start.0 <= from + slack, "stamped after it was sent");
        prop_assert!(
            span.end.is_some_and(|end| end.0 >= *to),
            "stamped before the answer"
        );
    }
    Ok(())
}
