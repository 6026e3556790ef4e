//! Services of single objects: no checker accuses an honest one, and each finds the bug of its broken ones by its name.

mod cases;

use std::collections::BTreeSet;

use cases::cases;
use checkers::{
    Agreement, AllOrNothing, Balances, Bounds, Budget, CausalReverse, Checker, Delivery,
    GuardedInserts, Linearizable, LongFork, MutualExclusion, OneLeaderPerTerm, Sequential, SetFull,
    Uniqueness, Verdict,
};
use history::{History, Key, Operation};
use schism_sim::{
    ACCOUNTS, BALANCE, Promise, Simulated, banks, counters, decisions, elections, guarded_inserts,
    locks, nodes, queues, registers, sets, snapshots, tables, unique_ids,
};

/// What a checker says of many runs: the codes of all findings, and how many runs passed.
fn codes<O: Operation>(system: &Simulated<O>, checker: &dyn Checker<O>) -> (BTreeSet<String>, u64) {
    let (mut codes, mut passed) = (BTreeSet::new(), 0);
    for seed in 0..cases(200) {
        let concurrency = [2, 3, 5, 8, 12][seed as usize % 5];
        let events = system.run(seed, 80, concurrency);
        let history = History::new(nodes(), events).expect("well formed");
        match checker.check(&history, Budget::default()) {
            Verdict::Pass(_) => passed += 1,
            Verdict::Fail(findings) => codes.extend(findings.into_iter().map(|f| f.code)),
            Verdict::Unknown(_) => {}
        }
    }
    (codes, passed)
}

/// What a bug may look like besides its name; most have one face.
fn besides(name: &str) -> &'static [&'static str] {
    match name {
        "stale-follower" | "sloppy-quorum" => {
            &["lost-write", "non-linearizable", "non-monotonic-read"]
        }
        "unsynced-log" => &[
            "forked-cas",
            "lost-update",
            "non-linearizable",
            "non-monotonic-read",
            "stale-read",
        ],
        // Of a value that two have replaced, one of the new values comes back.
        "compare-then-set" => &["lost-update", "non-linearizable", "non-monotonic-read"],
        // A regular register (Lamport 1986): what is acknowledged is read, but two reads may see a write and miss it.
        "no-write-back" => &["non-linearizable"],
        "forgotten-token" => &["fencing-token-reused"],
        // Who is in a term for the second time votes in it for the second time.
        "forgotten-term" => &["two-leaders"],
        // It may be the last to read.
        "stale-set" => &["causal-reverse", "lost-element"],
        _ => &[],
    }
}

/// Holds each system against the checker of what it promises.
fn judged<O: Operation>(systems: Vec<Simulated<O>>, checker: impl Fn(&str) -> Box<dyn Checker<O>>) {
    for system in systems {
        match system.promise {
            Promise::Honest(promise) => {
                let (codes, passed) = codes(&system, &*checker(promise));
                assert_eq!(codes, BTreeSet::new(), "{}", system.name);
                assert!(passed > cases(200) / 2, "{}: {passed} passed", system.name);
            }
            Promise::Broken(bug) => {
                let (codes, _) = codes(&system, &*checker(bug.promised));
                assert!(codes.contains(bug.code), "{}: {codes:?}", system.name);
                let besides = besides(system.name);
                let known = |code: &String| code == bug.code || besides.contains(&code.as_str());
                assert!(codes.iter().all(known), "{}: {codes:?}", system.name);
            }
        }
    }
}

#[test]
fn registers_are_judged_by_linearizability() {
    let linearizable = |s: &Simulated<_>| s.promise != Promise::Honest("sequential");
    let systems = registers().into_iter().filter(linearizable).collect();
    judged(systems, |_| Box::new(Linearizable::default()));
}

#[test]
fn a_sequential_register_is_stale_and_nothing_worse() {
    for system in registers() {
        if system.promise == Promise::Honest("sequential") {
            let (codes, _) = codes(&system, &Linearizable::default());
            let expected = ["non-linearizable", "non-monotonic-read", "stale-read"];
            assert_eq!(codes.iter().collect::<Vec<_>>(), expected);
        }
    }
}

#[test]
fn sets_are_judged_by_what_became_of_each_element() {
    judged(sets(), |promise| {
        Box::new(match promise {
            "linearizable" => SetFull::linearizable(),
            _ => SetFull::eventual(),
        })
    });
}

#[test]
fn counters_are_judged_by_bounds() {
    judged(counters(), |_| Box::new(Bounds));
}

#[test]
fn banks_are_judged_by_their_total() {
    judged(banks(), |_| {
        let accounts = (0..ACCOUNTS).map(Key::Int);
        Box::new(Balances::new(accounts, ACCOUNTS * BALANCE))
    });
}

#[test]
fn queues_are_judged_by_what_comes_out() {
    judged(queues(), |promise| {
        Box::new(match promise {
            "exactly-once" => Delivery::exactly_once(),
            _ => Delivery::at_least_once(),
        })
    });
}

#[test]
fn locks_are_judged_by_their_owners() {
    judged(locks(), |_| Box::new(MutualExclusion::default()));
}

#[test]
fn ids_are_judged_by_being_unique() {
    judged(unique_ids(), |_| Box::new(Uniqueness));
}

#[test]
fn elections_are_judged_by_their_terms() {
    judged(elections(), |_| Box::new(OneLeaderPerTerm));
}

#[test]
fn decisions_are_judged_by_agreement() {
    judged(decisions(), |_| Box::new(Agreement));
}

#[test]
fn guarded_inserts_are_judged_by_what_got_in() {
    judged(guarded_inserts(), |_| Box::new(GuardedInserts));
}

#[test]
fn tables_are_judged_by_all_or_nothing() {
    judged(tables(), |_| Box::new(AllOrNothing));
}

/// What each of the three checkers of such reads makes of a system.
fn reads(system: &Simulated<history::ops::Snapshot>) -> BTreeSet<String> {
    let checkers: [&dyn Checker<_>; 3] = [&LongFork, &CausalReverse, &Sequential];
    checkers.iter().flat_map(|c| codes(system, *c).0).collect()
}

#[test]
fn reads_of_several_registers_are_judged_by_the_order_of_writes() {
    for system in snapshots() {
        let found = reads(&system);
        let expected: &[&str] = match system.name {
            "snapshot" => &[],
            // Each client's writes are in order.
            "forked-reads" => &["causal-reverse", "long-fork"],
            _ => &["causal-reverse", "long-fork", "sequential-violation"],
        };
        assert_eq!(
            found.iter().collect::<Vec<_>>(),
            expected,
            "{}",
            system.name
        );
    }
}
