//! Orders that repeat what was, and orders that look, carried out on processes that are real and systems that are toys.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use history::{Outcome, fault::FaultId};
use schism_nemesis::{Among, Awaited, Carried, DeadMan, FaultSpec, Injector, Order, TrackSpec};
use support::{Steps, Toy, injector};

struct Bench {
    _dir: tempfile::TempDir,
    toy: Arc<Toy>,
    injector: Injector,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let toy = Arc::new(Toy::new(dir.path(), 5));
    let injector = injector(5, dir.path(), &toy, DeadMan::none(), &Steps::default());
    Bench {
        _dir: dir,
        toy,
        injector,
    }
}

fn spec(text: &str) -> FaultSpec {
    text.parse::<TrackSpec>().unwrap().fault
}

fn met(outcome: Outcome<Carried>) -> String {
    match outcome {
        Outcome::Ok(Carried::Injected { what, .. }) => what,
        Outcome::Ok(other) => format!("{other:?}"),
        Outcome::Fail(why) | Outcome::Info(why) => why.to_string(),
    }
}

/// Kills the nodes one after the other, each among those before, and then each alone.
#[test]
fn a_fault_meets_the_same_node_although_the_others_are_not_there() {
    let order = |fault: u32, seed: u64| Order::Inject {
        fault: FaultId(fault),
        spec: spec("pause@one"),
        seed,
    };
    let first = bench();
    let mut among = Among::default();
    let mut before = Vec::new();
    for fault in 0..2 {
        let what = met(first.injector.carry_out(&order(fault, 9)));
        let node = what.rsplit(' ').next().unwrap().to_owned();
        before.push((what, among.clone()));
        among.busy.insert(node, FaultId(fault));
    }
    assert_ne!(
        before[0].0, before[1].0,
        "one seed, another state, another node"
    );
    drop(first);

    let again = bench();
    let (what, among) = before.pop().unwrap();
    let repeat = |fault| Order::Repeat {
        fault: FaultId(fault),
        spec: spec("pause@one"),
        seed: 9,
        among: among.clone(),
    };
    assert_eq!(met(again.injector.carry_out(&repeat(0))), what);
    // Whoever is still under a fault is spared, whatever was then.
    let node = what.rsplit(' ').next().unwrap();
    assert_eq!(
        met(again.injector.carry_out(&repeat(1))),
        format!("skipped: the process of {node} is still under f0")
    );
}

#[test]
fn a_look_says_who_leads_besides_and_how_many_calls_there_were() {
    let bench = bench();
    let calls = Arc::new(AtomicU64::new(7));
    let counted = Arc::clone(&calls);
    let count = move || {
        let all = counted.load(Ordering::SeqCst);
        (all, all / 2)
    };
    let injector = bench.injector.counting(Arc::new(count));
    let look = |event| {
        injector.carry_out(&Order::Watch {
            fault: FaultId(0),
            event,
        })
    };
    let besides = |names: &[&str]| Awaited::Leader {
        besides: names.iter().map(|n| (*n).to_owned()).collect(),
    };
    bench.toy.leads("n4");
    let n4 = Outcome::Ok(Carried::Leads(vec!["n4".to_owned()]));
    assert_eq!(look(besides(&[])), n4);
    assert_eq!(met(look(besides(&["n4"]))), "not-yet");
    assert_eq!(look(besides(&["n1"])), n4);
    let ops = |at_least, ok| Awaited::Ops { at_least, ok };
    assert_eq!(look(ops(7, false)), Outcome::Ok(Carried::Ops(7)));
    assert_eq!(met(look(ops(7, true))), "not-yet");
    calls.store(15, Ordering::SeqCst);
    assert_eq!(look(ops(7, true)), Outcome::Ok(Carried::Ops(7)));
}
