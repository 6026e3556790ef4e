//! What tests of labs need: a lab that goes whatever happens, logins to its nodes, and an eye for what it leaves.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use schism_lab::{Lab, LabConfig, preflight};

/// The program that labs start.
pub(crate) const EXE: &str = env!("CARGO_BIN_EXE_schism-lab");
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether labs are possible here.
pub(crate) fn possible() -> bool {
    let missing = preflight();
    if missing.is_empty() {
        return true;
    }
    let required = std::env::var_os("SCHISM_REQUIRE_LAB").is_some_and(|value| value == "1");
    assert!(
        !required,
        "SCHISM_REQUIRE_LAB=1, but labs are not possible here: {missing:#?}"
    );
    eprintln!("SKIPPED, NOTHING WAS TESTED: labs are not possible here: {missing:#?}");
    false
}

/// What to ask for. The name is this test's alone.
pub(crate) fn config(test: &str, nodes: u8) -> LabConfig {
    LabConfig::new(format!("test-{}-{test}", std::process::id()), nodes, EXE)
}

/// A lab for a test. It is owned, so that it goes with the test.
pub(crate) fn lab(test: &str, nodes: u8) -> Lab {
    Lab::up(&config(test, nodes).owned()).unwrap()
}

/// Runs a shell command on a node, through the system's ssh inside the control network, which checks the pinned host key.
pub(crate) fn ssh(lab: &Lab, node: &str, script: &str) -> Output {
    let mut command = Command::new("timeout");
    command
        .args(["30", EXE, "ssh"])
        .arg(&lab.config().dir)
        .args([node, script]);
    command.stdin(Stdio::null()).output().unwrap()
}

/// The same, for what must succeed: what it printed.
pub(crate) fn run(lab: &Lab, node: &str, script: &str) -> String {
    let output = ssh(lab, node, script);
    assert!(output.status.success(), "{node}: {script}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A command that will run in the control network.
pub(crate) fn in_network(lab: &Lab) -> Command {
    let mut command = Command::new(EXE);
    command.arg("in").arg(&lab.config().dir);
    command
}

/// Looks until it is so.
pub(crate) fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// What everyone on this machine shares and a lab must not change.
pub(crate) fn host() -> Vec<String> {
    let say = |argv: &[&str]| {
        let output = Command::new(argv[0]).args(&argv[1..]).output();
        output.map_or_else(
            |error| error.to_string(),
            |out| String::from_utf8_lossy(&out.stdout).into_owned(),
        )
    };
    vec![
        say(&["ip", "-o", "link"]),
        say(&["ip", "-o", "address"]),
        say(&["ip", "route", "show", "table", "all"]),
        say(&["ip", "rule"]),
        say(&["nft", "list", "ruleset"]),
        fs::read_to_string("/proc/mounts").unwrap(),
    ]
}

/// Everything of a lab that the kernel knows: processes, their namespaces, and the paths of mounts.
#[derive(Debug)]
pub(crate) struct Traces {
    processes: BTreeSet<u32>,
    namespaces: BTreeSet<PathBuf>,
    dirs: [PathBuf; 2],
}

impl Traces {
    pub(crate) fn of(lab: &Lab) -> Self {
        Self::of_supervisor(lab.supervisor_pid(), lab.config())
    }

    pub(crate) fn of_supervisor(supervisor: u32, config: &LabConfig) -> Self {
        let mut processes = BTreeSet::from([supervisor]);
        loop {
            let children: Vec<u32> = all()
                .filter(|&pid| parent(pid).is_some_and(|p| processes.contains(&p)))
                .collect();
            let before = processes.len();
            processes.extend(children);
            if processes.len() == before {
                break;
            }
        }
        let ours: BTreeSet<PathBuf> = namespaces(std::process::id()).collect();
        let theirs = processes.iter().flat_map(|&pid| namespaces(pid));
        let namespaces = theirs
            .filter(|namespace| !ours.contains(namespace))
            .collect();
        Self {
            processes,
            namespaces,
            dirs: [config.dir.clone(), config.store.clone()],
        }
    }

    /// How many processes and namespaces it had: a lab of n nodes has 1 + 2n and 4 + 5n.
    pub(crate) fn count(&self) -> (usize, usize) {
        (self.processes.len(), self.namespaces.len())
    }

    /// What is still there: of processes those that are in a namespace of the lab, whatever their number.
    pub(crate) fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        for pid in all() {
            let inside: Vec<PathBuf> = namespaces(pid)
                .filter(|n| self.namespaces.contains(n))
                .collect();
            if !inside.is_empty() {
                left.push(format!("process {pid} in {inside:?}"));
            }
            let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
            if self
                .dirs
                .iter()
                .any(|dir| mounts.contains(&format!("{}/", dir.display())))
            {
                left.push(format!("process {pid} sees mounts in {:?}", self.dirs));
            }
        }
        left
    }

    /// Waits until the kernel has forgotten all of it.
    pub(crate) fn vanish(&self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = self.left();
            if left.is_empty() {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "left after {PATIENCE:?}: {left:#?}"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether nothing is on disk either.
    pub(crate) fn nothing_on_disk(&self) -> bool {
        !self.dirs.iter().any(|dir| dir.exists())
    }
}

fn all() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

fn namespaces(pid: u32) -> impl Iterator<Item = PathBuf> {
    ["pid", "mnt", "net", "uts", "ipc"]
        .into_iter()
        .filter_map(move |kind| {
            fs::read_link(
                Path::new("/proc")
                    .join(pid.to_string())
                    .join("ns")
                    .join(kind),
            )
            .ok()
        })
}
