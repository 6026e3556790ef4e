//! The kernel's freezer, for real: processes of the test's own in a control group of the fault's own, measured by the
//! processor time that they use.
//!
//! Needs root and writable control groups; skipped, loudly, without them, and failed instead if `SCHISM_REQUIRE_ROOT=1`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use control::{Daemon, Daemons, Node, Processes, RemoteExt, System};
use history::{Outcome, fault::FaultId};
use schism_nemesis::{Capabilities, Carried, DeadMan, Faults, Injector, Ledger, Order, preflight};
use support::{Steps, cluster, eventually, limits, nodes};

/// Daemons that do nothing but run, each with a child that does the same.
struct Busy(PathBuf);

impl Busy {
    fn pid(&self, node: &str, kind: &str) -> u32 {
        let text = fs::read_to_string(self.0.join(format!("{node}.{kind}"))).unwrap_or_default();
        text.split_whitespace()
            .next()
            .map_or(0, |pid| pid.parse().unwrap())
    }
    fn ticks(&self, node: &str, kind: &str) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid(node, kind))).unwrap();
        let (_, rest) = stat.rsplit_once(") ").unwrap();
        rest.split(' ').nth(11).unwrap().parse().unwrap()
    }
    fn groups(&self, node: &str, kind: &str) -> String {
        fs::read_to_string(format!("/proc/{}/cgroup", self.pid(node, kind))).unwrap()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for node in nodes(2) {
            for kind in ["child", "pid"] {
                let pid = self.pid(&node.name, kind);
                if pid != 0 {
                    let _ = std::process::Command::new("kill")
                        .args(["-9", &pid.to_string()])
                        .status();
                }
            }
        }
    }
}

impl Daemons for Busy {
    fn daemon(&self, node: &Node) -> Daemon {
        let path = |kind: &str| self.0.join(format!("{node}.{kind}")).display().to_string();
        let busy = "while :; do :; done & echo $! >\"$1\"; while :; do :; done";
        let argv = ["nice", "sh", "-c", busy, "busy", &path("child")];
        Daemon {
            argv: argv.map(str::to_owned).into(),
            directory: self.0.display().to_string(),
            log: path("log"),
            pid_file: path("pid"),
        }
    }
}

impl System for Busy {
    support::there_already!("busy", 7000);
    fn processes(&self) -> Option<&dyn Processes> {
        Some(self)
    }
}

fn possible(faults: &Faults, busy: &Busy) -> bool {
    let Err(refused) = preflight(faults, &cluster(2), busy, Path::new("/nowhere")) else {
        return true;
    };
    let why = refused[0].to_string();
    assert!(
        std::env::var_os("SCHISM_REQUIRE_ROOT").is_none_or(|v| v != "1"),
        "{why}, and SCHISM_REQUIRE_ROOT=1"
    );
    // Not `eprintln!`, which the test runner would swallow: a skipped test must not look like a passed one.
    let _ = writeln!(std::io::stderr(), "SKIPPED: nothing was frozen: {why}");
    false
}

#[test]
fn a_frozen_process_uses_no_time_nor_do_its_children_and_thaws_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let busy = Arc::new(Busy(dir.path().to_owned()));
    let faults: Faults = "freeze@n1".parse().unwrap();
    if !possible(&faults, &busy) {
        return;
    }
    for node in nodes(2) {
        cluster(2)
            .remote(&node.name)
            .run(&Processes::start(&*busy, &node))
            .unwrap();
        eventually("it has a child", || busy.pid(&node.name, "child") != 0);
    }
    let all = [
        ("n1", "pid"),
        ("n1", "child"),
        ("n2", "pid"),
        ("n2", "child"),
    ];
    let before = all.map(|(node, kind)| busy.groups(node, kind));
    let steps = Steps::default();
    let injector = Injector::new(
        cluster(2),
        Arc::clone(&busy) as Arc<dyn System>,
        Capabilities::default(),
        Ledger::open(&dir.path().join("ledger.jsonl")).unwrap(),
        DeadMan::none(),
        steps.clock(),
        steps.keep(),
    )
    .limits(limits());
    let fault = FaultId(0);
    let injected = injector.carry_out(&Order::Inject {
        fault,
        spec: faults.0[0].fault.clone(),
        seed: u64::from(std::process::id()),
    });
    assert!(
        matches!(
            injected,
            Outcome::Ok(Carried::Injected { verified: true, .. })
        ),
        "{:#?}",
        steps.all()
    );
    let frozen = [busy.ticks("n1", "pid"), busy.ticks("n1", "child")];
    let other = busy.ticks("n2", "child");
    eventually("n2 is not concerned", || {
        busy.ticks("n2", "child") > other + 20
    });
    assert_eq!([busy.ticks("n1", "pid"), busy.ticks("n1", "child")], frozen);

    let healed = injector.carry_out(&Order::Heal { fault });
    assert_eq!(
        healed,
        Outcome::Ok(Carried::Healed { verified: true }),
        "{:#?}",
        steps.all()
    );
    eventually("both go on", || {
        busy.ticks("n1", "pid") > frozen[0] && busy.ticks("n1", "child") > frozen[1]
    });
    assert_eq!(all.map(|(node, kind)| busy.groups(node, kind)), before);
}
