//! schism dies by SIGKILL, again and again, at any moment and under every sort of fault: each time the nodes are, within the
//! lease or by `schism heal`, as they were before.

use std::{
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use crate::{
    Lab, root,
    support::{Shell, eventually},
};

/// The lease that nodes are given here; a user's is longer.
const LEASE: &str = "3s";

/// What a node is like, as far as faults touch it: packet filter, queueing, mounts, processes but for the database's, files of
/// ours, frozen groups. Counters and pids are left out, and how a second boot mounts the same overlay.
const STATE: &str = r#"
nft list ruleset | sed 's/counter packets [0-9]* bytes [0-9]*/counter/' |
  grep -v '^table ip6* \(mangle\|raw\|filter\) {$\|^[[:space:]]chain [A-Z]* {$\|policy accept;$\|^[[:space:]]*}$\|^$'
for save in iptables-save ip6tables-save; do $save 2>/dev/null | grep '^-' | grep -v '^-P'; done
tc qdisc show
grep -v ' /proc/\| /sys/' /proc/self/mounts | sed 's/,uuid=[a-z]*//'
for p in /proc/[0-9]*; do
  words=$(tr '\0' ' ' <$p/cmdline 2>/dev/null)
  case $words in
    ''|etcd*|'sh -c '*|/bin/sh*|sshd*|*sshd:*|*/sshd\ *) ;;
    *) echo "process $words" ;;
  esac
done
find /run/schism /var/tmp /tmp -name '*schism*' 2>/dev/null
cat /sys/fs/cgroup/freezer/schism*/freezer.state 2>/dev/null
cat /proc/sys/net/ipv4/ip_forward
true
"#;

/// The state of all nodes; timers of ours that are just ending are waited for.
fn state(lab: &Lab<'_>) -> String {
    ["n1", "n2", "n3"]
        .map(|node| format!("{node}:\n{}", lab.ssh(node, &["sh", "-c", STATE])))
        .concat()
}

fn start(shell: &Shell, lab: &Lab<'_>, faults: &str, time: &str) -> Child {
    shell
        .command(&[
            "run", "etcd", "--lab", &lab.name, "--faults", faults, "--time", time, "--rate",
            "100/s",
        ])
        .env("SCHISM_CLUSTER__LEASE", LEASE)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts")
}

fn kill(mut child: Child) {
    let ended = child.try_wait().expect("it is ours");
    assert_eq!(ended, None, "the run ended before it was killed");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}

/// A state without the folder of our own, if it is empty.
fn without_folder(state: &str) -> String {
    state
        .lines()
        .filter(|line| *line != "/run/schism")
        .map(|line| format!("{line}\n"))
        .collect()
}

/// The nodes become what they were, without anybody's help.
#[track_caller]
fn heals_by_itself(lab: &Lab<'_>, before: &str, what: &str) {
    let began = Instant::now();
    let mut now = String::new();
    let healed = eventually(Duration::from_secs(100), || {
        now = state(lab);
        without_folder(&now) == before
    });
    assert!(
        healed,
        "{what} left something behind.\nbefore:\n{before}\nnow:\n{now}"
    );
    println!(
        "{what}: healed {:?} after schism was killed",
        began.elapsed()
    );
}

/// The faults that etcd can take in this lab.
fn possible(shell: &Shell, lab: &Lab<'_>) -> Vec<String> {
    let listed = shell.schism(&["list", "faults", "etcd", "--lab", &lab.name, "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed.code(0).out).expect("JSON");
    listed["faults"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|fault| fault["possible"] == true)
        .map(|fault| fault["fault"].as_str().expect("a name").to_owned())
        .collect()
}

#[test]
fn under_each_fault_the_nodes_heal_within_the_lease() {
    let Some(_alone) = root::or_skip() else {
        return;
    };
    let shell = Shell::new();
    let lab = Lab::up(&shell, "deaths", "3");
    let before = state(&lab);
    let faults = possible(&shell, &lab);
    assert!(faults.len() >= 3, "{faults:?}");
    // Each takes a while: all of them where root is demanded, and otherwise those that most runs have.
    let few = std::env::var_os("SCHISM_REQUIRE_ROOT").is_none();
    let only = std::env::var("SCHISM_PROPERTY_FAULT")
        .ok()
        .or_else(|| few.then(|| "partition,kill,pause".to_owned()));
    for fault in faults {
        if only
            .as_ref()
            .is_some_and(|only| !only.split(',').any(|o| o == fault))
        {
            continue;
        }
        let run = start(&shell, &lab, &fault, "25s");
        let record = shell.path().join("runs/latest/faults.jsonl");
        let bites = || {
            let text = std::fs::read_to_string(&record).unwrap_or_default();
            let of_it = |line: &&str| line.contains(&format!("\"kind\":\"{fault}\""));
            text.lines()
                .filter(of_it)
                .any(|line| line.contains("\"verify\"") && line.contains("\"ok\":true"))
        };
        let bitten = eventually(Duration::from_secs(90), bites);
        kill(run);
        assert!(
            bitten,
            "{fault} was not seen to bite: {:?}",
            std::fs::read_to_string(&record)
        );
        heals_by_itself(&lab, &before, &fault);
        shell.schism(&["heal"]).code(0);
        assert_eq!(state(&lab), before, "after heal of {fault}");
    }
}

#[test]
fn killed_at_any_moment_nothing_is_left_behind() {
    let Some(_alone) = root::or_skip() else {
        return;
    };
    let kills: u64 = std::env::var("SCHISM_PROPERTY_KILLS")
        .map(|n| n.parse().expect("SCHISM_PROPERTY_KILLS is a number"))
        .unwrap_or(4);
    // Most of the time something is waited for: several labs at once.
    const LABS: u64 = 3;
    let injected: usize = std::thread::scope(|scope| {
        let labs: Vec<_> = (0..LABS)
            .map(|lab| scope.spawn(move || kill_again_and_again(lab, kills.div_ceil(LABS))))
            .collect();
        labs.into_iter()
            .map(|lab| {
                lab.join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .sum()
    });
    println!("{injected} faults had been injected before {kills} kills");
    assert!(
        injected as u64 >= kills / 2,
        "{injected} faults in {kills} kills"
    );
}

/// How many faults had been injected.
fn kill_again_and_again(seed: u64, kills: u64) -> usize {
    let shell = Shell::new();
    let lab = Lab::up(&shell, &format!("kills{seed}"), "3");
    let before = state(&lab);
    let (mut random, mut injected) = (0x5eed_u64 + seed, 0);
    for i in 0..kills {
        let run = start(&shell, &lab, "all", "15s");
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let (early, wait) = (i % 5 == 4, Duration::from_millis((random >> 33) % 6_000));
        // Most of them not while it still deploys.
        let history = shell.path().join("runs/latest/history.jsonl");
        let old = std::fs::canonicalize(&history).ok();
        let working = || history.exists() && std::fs::canonicalize(&history).ok() != old;
        assert!(early || eventually(Duration::from_secs(60), working));
        std::thread::sleep(wait);
        kill(run);
        let record = std::fs::read_to_string(shell.path().join("runs/latest/faults.jsonl"));
        injected += record.unwrap_or_default().matches("\"inject\"").count();
        if i % 2 == 0 {
            heals_by_itself(&lab, &before, &format!("kill {i}"));
        }
        shell.schism(&["heal"]);
        // What was being done on a node at that moment, such as restarting one after the other, comes to its end by itself.
        heals_by_itself(&lab, &before, &format!("kill {i} and heal"));
    }
    injected
}

/// Looks like our program, but is another one: it notes that it was run.
const FOREIGN: &str = r#"
umount /usr/lib/schism/schism
printf '#!/bin/sh\necho run >/var/lib/foreign\necho pong\n' >/usr/lib/schism/schism
chmod 755 /usr/lib/schism/schism
"#;

#[test]
fn a_program_that_was_sent_to_the_nodes_is_gone_whenever_schism_dies() {
    let Some(_alone) = root::or_skip() else {
        return;
    };
    let shell = Shell::new();
    let lab = Lab::up(&shell, "sent", "3");
    for node in ["n1", "n2", "n3"] {
        lab.ssh(node, &["sh", "-c", FOREIGN]);
    }
    let before = state(&lab);
    let sent = |node: &str| lab.ssh(node, &["sh", "-c", "ls /var/tmp; true"]);
    let all_sent = || {
        ["n1", "n2", "n3"]
            .iter()
            .all(|n| sent(n).contains("schism-helper-"))
    };

    // While it deploys: there is no ledger yet, and no timer but that of the program itself.
    let run = start(&shell, &lab, "cpu", "60s");
    assert!(eventually(Duration::from_secs(60), || sent("n1")
        .contains("schism-helper-")));
    kill(run);
    heals_by_itself(&lab, &before, "a death while the program is sent");

    // Under a fault: the node's timer is the run's.
    let faulty = || {
        let run = start(&shell, &lab, "cpu", "60s");
        assert!(
            eventually(Duration::from_secs(200), all_sent),
            "nothing was sent"
        );
        let record = shell.path().join("runs/latest/faults.jsonl");
        let injected = || {
            let record = std::fs::read_to_string(&record).unwrap_or_default();
            record.contains("\"step\":\"verify\"")
        };
        assert!(
            eventually(Duration::from_secs(60), injected),
            "no fault came"
        );
        kill(run);
    };
    faulty();
    heals_by_itself(&lab, &before, "a death under a fault");
    // The ledger here does not know that: it is done once more, and the program with it.
    shell.schism(&["heal"]).code(0);
    heals_by_itself(&lab, &before, "a death under a fault and heal");
    std::fs::remove_file(shell.path().join("runs/latest/faults.jsonl")).expect("it was there");

    // And `heal` does not wait for it.
    faulty();
    assert!(all_sent(), "it was needed until now");
    shell.schism(&["heal"]).code(0);
    assert!(
        !["n1", "n2", "n3"]
            .iter()
            .any(|n| sent(n).contains("schism-helper-"))
    );
    heals_by_itself(&lab, &before, "a death and heal");
    for node in ["n1", "n2", "n3"] {
        let ran = lab.ssh(node, &["sh", "-c", "cat /var/lib/foreign; true"]);
        assert_eq!(ran, "", "a program that is not ours was run on {node}");
    }
}
