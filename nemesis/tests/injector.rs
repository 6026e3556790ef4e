//! Orders carried out on a system made of files: every step is taken, recorded and undone, and what goes wrong is owed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{sync::Arc, time::Duration};

use history::{
    Outcome,
    fault::{
        FaultId, FaultSpan,
        FaultStep::{Heal, HealVerify, Inject, Plan, Verify},
    },
};
use schism_nemesis::{
    Carried, DeadMan, FaultSpec, Injector, Ledger, Order, TrackSpec, heal_ledger,
};
use support::{Steps, Toy, cluster, eventually, injector};

fn inject(fault: u32, spec: &str) -> Order {
    inject_seeded(fault, spec, 7)
}

fn inject_seeded(fault: u32, spec: &str, seed: u64) -> Order {
    let track: TrackSpec = spec.parse().unwrap();
    let spec: FaultSpec = track.fault;
    Order::Inject {
        fault: FaultId(fault),
        spec,
        seed,
    }
}

fn heal(fault: u32) -> Order {
    Order::Heal {
        fault: FaultId(fault),
    }
}

fn verified(outcome: &Outcome<Carried>) -> bool {
    match outcome {
        Outcome::Ok(Carried::Injected { verified, .. } | Carried::Healed { verified }) => *verified,
        Outcome::Ok(Carried::Leads(_) | Carried::Ops(_)) => false,
        Outcome::Fail(_) | Outcome::Info(_) => false,
    }
}

struct Bench {
    dir: tempfile::TempDir,
    toy: Arc<Toy>,
    steps: Steps,
    injector: Injector,
}

fn bench() -> Bench {
    bench_with(DeadMan::none())
}

fn bench_with(deadman: DeadMan) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let toy = Arc::new(Toy::new(dir.path(), 5));
    let steps = Steps::default();
    let injector = injector(5, dir.path(), &toy, deadman, &steps);
    Bench {
        dir,
        toy,
        steps,
        injector,
    }
}

#[test]
fn a_kill_goes_through_all_steps() {
    let b = bench();
    let outcome = b.injector.carry_out(&inject(0, "kill@n2"));
    assert_eq!(
        outcome,
        Outcome::Ok(Carried::Injected {
            what: "kill -9 n2".into(),
            verified: true
        })
    );
    assert_eq!(b.toy.state("n2"), "gone");
    assert_eq!(b.injector.outstanding().len(), 1);
    assert_eq!(
        b.injector.carry_out(&heal(0)),
        Outcome::Ok(Carried::Healed { verified: true })
    );
    assert_eq!(b.toy.state("n2"), "running");
    assert_eq!(b.toy.log(), ["kill n2", "start n2"]);
    assert!(b.injector.outstanding().is_empty());
    assert_eq!(
        b.steps.short(),
        [
            (0, Plan, true),
            (0, Inject, true),
            (0, Verify, true),
            (0, Heal, true),
            (0, HealVerify, true)
        ]
    );
    let details: Vec<String> = b.steps.all().into_iter().map(|e| e.detail).collect();
    assert_eq!(details, ["", "", "n2: gone", "", "n2: running"]);
}

#[test]
fn a_partition_is_seen_to_bite_and_to_heal() {
    let b = bench();
    let outcome = b.injector.carry_out(&inject(3, "partition@n1+n2"));
    assert!(verified(&outcome), "{:#?}", b.steps.all());
    assert!(verified(&b.injector.carry_out(&heal(3))));
    let details: Vec<String> = b.steps.all().into_iter().map(|e| e.detail).collect();
    assert_eq!(details[2], "0/12 probes crossed; 8/8 inside passed");
    assert_eq!(details[4], "12/12 probes cross again; 8/8 inside passed");
    let span = &FaultSpan::collect(&b.steps.all())[0];
    assert_eq!(span.what, "{n1 n2} | {n3 n4 n5}");
    assert!(span.took_effect());
    assert_eq!(span.sides, [vec!["n1", "n2"], vec!["n3", "n4", "n5"]]);
}

#[test]
fn a_one_way_cut_is_proved_by_what_was_dropped() {
    let b = bench();
    assert!(verified(
        &b.injector.carry_out(&inject(0, "partition@one-way"))
    ));
    let detail = &b.steps.all()[2].detail;
    assert!(detail.contains("packets dropped on"), "{detail}");
    assert!(verified(&b.injector.carry_out(&heal(0))));
}

#[test]
fn faults_that_overlap_are_judged_and_healed_apart() {
    let b = bench();
    // The store answers for its links itself, so a killed node can prove nothing about them.
    assert!(verified(&b.injector.carry_out(&inject(0, "kill@n1"))));
    assert!(verified(
        &b.injector.carry_out(&inject(1, "partition@n1+n2"))
    ));
    assert!(verified(
        &b.injector.carry_out(&inject(2, "partition@n2+n3"))
    ));
    assert!(
        verified(&b.injector.carry_out(&heal(1))),
        "{:#?}",
        b.steps.all()
    );
    assert!(verified(&b.injector.carry_out(&heal(0))));
    assert!(verified(&b.injector.carry_out(&heal(2))));
    assert!(b.injector.outstanding().is_empty());
    // Cut off entirely by a dead process, there is nothing left to see.
    b.injector.carry_out(&inject(3, "kill@all"));
    let outcome = b.injector.carry_out(&inject(4, "partition@n1"));
    assert!(matches!(outcome, Outcome::Ok(_)));
    assert!(!verified(&outcome));
    let last = b.steps.all().pop().unwrap();
    assert!(
        last.detail.contains("nothing left that could show"),
        "{}",
        last.detail
    );
}

#[test]
fn what_another_fault_hides_is_verified_when_that_one_is_healed() {
    let b = bench();
    assert!(verified(&b.injector.carry_out(&inject(0, "kill@n1"))));
    let order = inject(1, "partition@n1");
    std::thread::scope(|scope| {
        let cutting = scope.spawn(|| b.injector.carry_out(&order));
        eventually("the cut is applied", || {
            b.steps.short().contains(&(1, Inject, true))
        });
        assert!(verified(&b.injector.carry_out(&heal(0))));
        assert!(verified(&cutting.join().unwrap()), "{:#?}", b.steps.all());
    });
}

#[test]
fn no_process_is_the_target_of_two_faults() {
    let b = bench();
    assert!(verified(&b.injector.carry_out(&inject(0, "kill@n3"))));
    let outcome = b.injector.carry_out(&inject(1, "pause@n3"));
    let Outcome::Fail(why) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        why.to_string(),
        "skipped: n3 is already under a fault (f0 on n3)"
    );
    assert_eq!(b.steps.short()[3..], [(1, Plan, false), (1, Heal, true)]);
    let span = &FaultSpan::collect(&b.steps.all())[1];
    assert!(!span.took_effect());
    for seed in 0..20 {
        let fault = 10 + seed as u32;
        assert!(verified(&b.injector.carry_out(&inject_seeded(
            fault,
            "pause@minority",
            seed
        ))));
        assert_eq!(b.toy.state("n3"), "gone");
        assert!(verified(&b.injector.carry_out(&heal(fault))));
    }
}

#[test]
fn without_a_leader_the_fault_is_skipped_and_with_two_one_is_drawn() {
    let b = bench();
    b.toy.leads("");
    let outcome = b.injector.carry_out(&inject(0, "kill@leader"));
    let Outcome::Fail(why) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        why.to_string(),
        "skipped: no node says that it leads, within 300ms"
    );
    b.toy.leads("n4 n2");
    assert!(verified(&b.injector.carry_out(&inject(1, "kill@leader"))));
    let planned = &b.steps.all()[2];
    assert!(
        planned
            .detail
            .starts_with("n2, n4 all say that they lead; "),
        "{}",
        planned.detail
    );
}

#[test]
fn what_cannot_be_applied_everywhere_is_undone_everywhere() {
    let b = bench();
    b.toy.breaks("n2", true);
    let order = inject(0, "kill@n1+n2");
    let outcome = std::thread::scope(|scope| {
        let carrying = scope.spawn(|| b.injector.carry_out(&order));
        eventually("n1 is started again", || {
            b.toy.log().contains(&"start n1".to_owned())
        });
        b.toy.breaks("n2", false);
        carrying.join().unwrap()
    });
    assert!(matches!(outcome, Outcome::Info(_)), "{outcome:?}");
    assert!(b.injector.outstanding().is_empty());
    assert_eq!(b.toy.state("n1"), "running");
    assert_eq!(
        b.steps.short(),
        [
            (0, Plan, true),
            (0, Inject, false),
            (0, Heal, true),
            (0, HealVerify, true)
        ]
    );
}

#[test]
fn what_cannot_be_undone_stays_owed_until_it_can() {
    let b = bench();
    assert!(verified(&b.injector.carry_out(&inject(0, "pause@n1+n2"))));
    b.toy.breaks("n2", true);
    let left = b.injector.heal_all(Duration::from_millis(300));
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].nodes, ["n2"]);
    assert!(left[0].why.contains("its undo stays in"), "{}", left[0].why);
    assert_eq!(b.toy.state("n1"), "running");
    assert!(matches!(
        b.injector.carry_out(&inject(1, "kill@n4")),
        Outcome::Fail(_)
    ));

    let path = b.dir.path().join("ledger.jsonl");
    let report = heal_ledger(&path, &cluster(5), Duration::from_millis(300)).unwrap();
    assert_eq!(report.left.len(), 1);
    b.toy.breaks("n2", false);
    let report = heal_ledger(&path, &cluster(5), Duration::from_secs(5)).unwrap();
    assert!(report.left.is_empty());
    assert_eq!(report.settled.len(), 1);
    assert!(!report.settled[0].already && report.settled[0].verified);
    assert_eq!(b.toy.state("n2"), "running");
    let again = heal_ledger(&path, &cluster(5), Duration::from_secs(5)).unwrap();
    assert_eq!(again, schism_nemesis::HealReport::default());
}

#[test]
fn healing_everything_heals_what_several_tracks_did() {
    let b = bench();
    for (fault, spec) in ["kill@n1", "pause@n2", "partition@n3", "partition@ring"]
        .iter()
        .enumerate()
    {
        b.injector.carry_out(&inject(fault as u32, spec));
    }
    assert!(b.injector.heal_all(Duration::from_secs(10)).is_empty());
    for node in ["n1", "n2", "n3", "n4", "n5"] {
        assert_eq!(b.toy.state(node), "running");
    }
    let cuts = std::fs::read_dir(b.dir.path())
        .unwrap()
        .filter(|f| {
            f.as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .contains(".cut.")
        })
        .count();
    assert_eq!(cuts, 0);
}

#[test]
fn a_slow_kill_delays_no_heal() {
    let b = bench();
    assert!(verified(&b.injector.carry_out(&inject(0, "pause@n2"))));
    let slow = b.dir.path().join("n1.slow");
    std::fs::write(&slow, "").unwrap();
    let order = inject(1, "kill@n1");
    std::thread::scope(|scope| {
        let killing = scope.spawn(|| b.injector.carry_out(&order));
        eventually("the kill is under way", || {
            b.injector.outstanding().len() == 2
        });
        assert!(verified(&b.injector.carry_out(&heal(0))));
        assert!(!killing.is_finished());
        assert_eq!(b.toy.state("n2"), "running");
        std::fs::remove_file(&slow).unwrap();
        assert!(verified(&killing.join().unwrap()));
    });
}

#[test]
fn a_fault_that_ends_early_is_noticed_when_it_is_healed() {
    let b = bench();
    assert!(verified(&b.injector.carry_out(&inject(0, "kill@n2"))));
    // Somebody else, a supervisor perhaps, starts it again.
    std::fs::write(b.dir.path().join("n2.state"), "running\n").unwrap();
    assert!(verified(&b.injector.carry_out(&heal(0))));
    assert_eq!(
        b.steps.all()[3].detail,
        "n2 was no longer in this state before it was healed (running)"
    );
}

#[test]
fn what_an_earlier_run_left_cut_is_cleared_before_the_first_order() {
    let b = bench();
    std::fs::write(b.dir.path().join("n2.cut.f9"), "n1\n").unwrap();
    let cleared = b.injector.clear_leftovers().unwrap();
    assert_eq!(cleared, [("n2".to_owned(), "f9".to_owned())]);
    assert_eq!(b.injector.clear_leftovers().unwrap(), []);
}

fn timer_dir(run: &str) -> std::path::PathBuf {
    timer_dir_of(run, "n1")
}

fn timer_dir_of(run: &str, node: &str) -> std::path::PathBuf {
    // The place that place.sh chooses for undos that do not need root.
    let uid = std::process::Command::new("id").arg("-u").output().unwrap();
    let uid = String::from_utf8(uid.stdout).unwrap().trim().to_owned();
    if uid == "0" && std::path::Path::new("/run").is_dir() {
        format!("/run/schism/{run}-{node}").into()
    } else {
        format!("/tmp/schism-{uid}-{run}-{node}").into()
    }
}

fn run_name(test: &str) -> String {
    format!("test-{test}-{}", std::process::id())
}

#[test]
fn when_we_die_the_node_undoes_newest_first_and_once() {
    let run = run_name("dies");
    let b = bench_with(DeadMan::new(cluster(5), &run, Duration::from_secs(2)));
    assert!(verified(&b.injector.carry_out(&inject(0, "kill@n1"))));
    assert!(verified(
        &b.injector.carry_out(&inject(1, "partition@n1+n2"))
    ));
    assert!(verified(&b.injector.carry_out(&inject(2, "pause@n3"))));
    assert!(verified(&b.injector.carry_out(&heal(2))));
    let before = b.toy.log().len();
    assert!(timer_dir(&run).join("undo").is_dir());
    let Bench {
        dir, toy, injector, ..
    } = b;
    drop(injector);
    for node in ["n1", "n2", "n3", "n4", "n5"] {
        eventually("the timers remove themselves", || {
            !timer_dir_of(&run, node).exists()
        });
    }
    let undone = |node: &str| -> Vec<String> {
        let all = toy.log()[before..].to_vec();
        all.into_iter().filter(|l| l.contains(node)).collect()
    };
    assert_eq!(undone("n1"), ["heal n1 f1", "start n1"]);
    assert_eq!(undone("n3"), ["heal n3 f1"]);
    assert_eq!(toy.state("n1"), "running");

    // `heal` still pays every node's part, and sees what was paid already.
    let path = dir.path().join("ledger.jsonl");
    let report = heal_ledger(&path, &cluster(5), Duration::from_secs(5)).unwrap();
    assert!(report.left.is_empty());
    let kill = report
        .settled
        .iter()
        .find(|s| s.fault == FaultId(0))
        .unwrap();
    assert!(kill.already && kill.verified);
}

#[test]
fn a_timer_that_is_told_to_stop_removes_its_files_and_undoes_nothing() {
    let run = run_name("stops");
    let b = bench_with(DeadMan::new(cluster(5), &run, Duration::from_secs(60)));
    assert!(verified(&b.injector.carry_out(&inject(0, "kill@n1"))));
    assert!(timer_dir(&run).exists());
    assert!(b.injector.heal_all(Duration::from_secs(10)).is_empty());
    assert!(!timer_dir(&run).exists());
    assert_eq!(b.toy.log(), ["kill n1", "start n1"]);
}

#[test]
fn the_lease_is_renewed_while_we_live() {
    let run = run_name("lives");
    let b = bench_with(DeadMan::new(cluster(5), &run, Duration::from_secs(2)));
    assert!(verified(&b.injector.carry_out(&inject(0, "kill@n1"))));
    let beat = timer_dir(&run).join("beat");
    let first = std::fs::read_to_string(&beat).unwrap();
    // Six seconds of uptime are three leases.
    let later = first.trim().parse::<u64>().unwrap() + 6;
    eventually("beats go on", || {
        std::fs::read_to_string(&beat)
            .is_ok_and(|b| b.trim().parse::<u64>().is_ok_and(|b| b >= later))
    });
    assert_eq!(b.toy.state("n1"), "gone");
    assert!(b.injector.heal_all(Duration::from_secs(10)).is_empty());
}

#[test]
fn a_fault_whose_undo_cannot_be_secured_is_not_applied() {
    let run = run_name("foreign");
    let place = timer_dir(&run);
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::fs::write(&place, "in the way").unwrap();
    let b = bench_with(DeadMan::new(cluster(5), &run, Duration::from_secs(60)));
    let outcome = b.injector.carry_out(&inject(0, "kill@n1"));
    std::fs::remove_file(&place).unwrap();
    let Outcome::Fail(why) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(why.to_string().contains("is not ours"), "{why}");
    assert_eq!(b.toy.state("n1"), "running");
    assert!(b.injector.outstanding().is_empty());
    assert!(
        Ledger::open(&b.dir.path().join("ledger.jsonl"))
            .unwrap()
            .outstanding()
            .is_empty()
    );
}
