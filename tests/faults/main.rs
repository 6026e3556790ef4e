//! What faults promise, when schism itself dies: the nodes heal themselves within the lease, and `schism heal` finishes.
//! In a lab, against a real etcd. Needs root, sshd, nftables, and etcd;
//! one test PostgreSQL and libfaketime, too.
#![expect(
    clippy::print_stdout,
    reason = "how long nodes take to heal is worth knowing, and never asserted"
)]

#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod databases;
mod deaths;
mod libfaketime;
mod nodes;
mod overlaps;
mod refusals;
#[path = "../support/root.rs"]
mod root;
#[path = "../../harness/agent/tests/fuse/space.rs"]
#[expect(
    clippy::unwrap_used,
    dead_code,
    reason = "a test that cannot go on has failed; what else it can do is for the agent's own tests"
)]
mod space;
#[path = "../support/mod.rs"]
mod support;

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use support::{Shell, eventually};

/// What has the helpers.
const PROGRAM: &str = env!("CARGO_BIN_EXE_schism");

/// A lab that outlives the runs in it, and not the test.
struct Lab<'a> {
    shell: &'a Shell,
    name: String,
}

impl<'a> Lab<'a> {
    fn up(shell: &'a Shell, name: &str, nodes: &str) -> Self {
        let name = format!("{name}-{}", std::process::id());
        shell
            .schism(&["lab", "up", "-n", nodes, "--name", &name])
            .code(0);
        // Whatever becomes of the test, the lab goes with it.
        let goes = "tail --pid=\"$1\" -f /dev/null; exec \"$2\" lab down --name \"$3\"";
        let words = [
            "setsid",
            "--fork",
            "sh",
            "-c",
            goes,
            "goes",
            &std::process::id().to_string(),
            PROGRAM,
            &name,
        ];
        Command::new(words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("util-linux is installed");
        Self { shell, name }
    }

    fn ssh(&self, node: &str, command: &[&str]) -> String {
        self.shell
            .schism(&[&["lab", "ssh", "--name", &self.name, node][..], command].concat())
            .out
    }
}

impl Drop for Lab<'_> {
    fn drop(&mut self) {
        self.shell.schism(&["lab", "down", "--name", &self.name]);
    }
}

fn tables(lab: &Lab<'_>) -> String {
    ["n1", "n2", "n3"]
        .map(|n| lab.ssh(n, &["nft", "list", "tables"]))
        .concat()
}

/// Starts a run, and kills it with SIGKILL as soon as a fault was seen to bite.
fn kill_during_a_fault(shell: &Shell, lab: &str, faults: &str) {
    let mut child = shell
        .command(&[
            "run", "etcd", "--lab", lab, "--faults", faults, "--time", "120s", "--rate", "100/s",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let record = shell.path().join("runs/latest/faults.jsonl");
    let verified = || std::fs::read_to_string(&record).is_ok_and(|t| t.contains("\"verify\""));
    assert!(
        eventually(Duration::from_secs(60), verified),
        "no fault was injected"
    );
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}

#[test]
fn a_killed_run_heals_by_itself_within_the_lease_and_heal_finishes_the_rest() {
    let Some(_alone) = root::or_skip() else {
        return;
    };
    let shell = Shell::new();
    let lab = Lab::up(&shell, "lease", "3");
    kill_during_a_fault(&shell, &lab.name, "partition");
    assert!(
        tables(&lab).contains("schism"),
        "the partition was not in force when schism died"
    );
    let began = Instant::now();
    let healed = eventually(Duration::from_secs(40), || !tables(&lab).contains("schism"));
    assert!(healed, "no node healed itself: {}", tables(&lab));
    println!(
        "the nodes healed themselves {:?} after schism was killed",
        began.elapsed()
    );

    shell.schism(&["list"]).code(0).says("interrupted");
    shell.schism(&["heal"]).code(0).says("partition");
    shell.schism(&["heal"]).code(0).says("nothing");
    shell
        .schism(&["check", "latest"])
        .says("interrupted")
        .says("ok");
}

#[test]
fn heal_does_not_wait_for_the_lease() {
    let Some(_alone) = root::or_skip() else {
        return;
    };
    let shell = Shell::new();
    let lab = Lab::up(&shell, "heal", "3");
    kill_during_a_fault(&shell, &lab.name, "partition");
    shell.schism(&["heal"]).code(0).says("partition");
    assert!(!tables(&lab).contains("schism"), "{}", tables(&lab));
}

#[test]
fn a_killed_run_takes_the_lab_that_it_made_with_it() {
    let Some(_alone) = root::or_skip() else {
        return;
    };
    let shell = Shell::new();
    kill_during_a_fault(&shell, "3", "partition,pause");
    root::assert_nothing_left(shell.path());
    shell.schism(&["heal"]).code(0).says("gone");
    shell.schism(&["check", "latest"]).says("interrupted");
}
