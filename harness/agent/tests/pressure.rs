//! Nodes short of something, measured in `/proc`, for a directory and processes of the test's own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A directory of daemons, all of which end with the test.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    fn directory(&self) -> PathBuf {
        self.0.path().join("pressure")
    }
    fn try_start(&self, name: &str, seconds: u64, load: &Value) -> Output {
        let request = json!({
            "directory": self.directory(), "name": name, "seconds": seconds, "load": load,
        });
        pressure(&["start", &request.to_string()])
    }
    fn start(&self, name: &str, load: &Value) -> String {
        text(&self.try_start(name, 60, load))
    }
    fn stop(&self, name: &str) -> String {
        text(&pressure(&[
            "stop",
            self.directory().to_str().unwrap(),
            name,
        ]))
    }
    fn state(&self, name: &str) -> u64 {
        let out = pressure(&["state", self.directory().to_str().unwrap(), name]);
        text(&out).parse().unwrap()
    }
    fn pid(&self, name: &str) -> u32 {
        let text = fs::read_to_string(self.directory().join(format!("{name}.pid"))).unwrap();
        text.split(' ').next().unwrap().parse().unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for entry in fs::read_dir(self.directory())
            .into_iter()
            .flatten()
            .flatten()
        {
            if let Some(name) = entry.path().file_stem().and_then(|name| name.to_str()) {
                pressure(&["stop", self.directory().to_str().unwrap(), name]);
            }
        }
    }
}

fn pressure(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_schism-node"))
        .args(["node", "pressure"])
        .args(words)
        .output()
        .unwrap()
}

fn complaint(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).trim().to_owned()
}

fn text(out: &Output) -> String {
    assert!(out.status.success(), "{}", complaint(out));
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The fields of `/proc/PID/stat` from the third on; `None` if there is no such process.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split(' ').map(str::to_owned).collect())
}

fn gone(pid: u32) -> bool {
    stat(pid).is_none_or(|fields| fields[0] == "Z")
}

#[test]
fn processor_time_is_burnt_until_it_is_stopped() {
    let place = Place::new();
    assert_eq!(place.state("f1"), 0);
    let load = json!({"cpu": {"threads": 2, "nice": 19}});
    place.start("f1", &load);
    let pid = place.pid("f1");
    assert!(place.start("f1", &load).contains("already"));
    assert_eq!(
        place.pid("f1"),
        pid,
        "a start that is repeated starts nothing"
    );

    let ticks = || stat(pid).unwrap()[11].parse::<u64>().unwrap();
    let before = ticks();
    eventually("half a second of processor time is used", || {
        ticks() >= before + 50
    });
    assert_eq!(
        fs::read_dir(format!("/proc/{pid}/task")).unwrap().count(),
        4
    );
    for task in fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let text = fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
        let (_, rest) = text.rsplit_once(") ").unwrap();
        if rest.starts_with('R') {
            assert_eq!(rest.split(' ').nth(16), Some("19"), "its nice value");
        }
    }
    eventually("it is seen to burn", || place.state("f1") > 0);

    for _ in 0..2 {
        place.stop("f1");
        assert!(gone(pid));
        assert!(!place.directory().exists(), "nothing outlives the stop");
    }
    assert_eq!(place.state("f1"), 0);
}

#[test]
fn memory_is_taken_for_real_and_never_more_than_is_free() {
    let place = Place::new();
    let resident = |pid: u32| -> u64 {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
            >> 10
    };
    assert_eq!(
        place.start("f1", &json!({"memory": {"megabytes": 100}})),
        "100 of 100 MiB"
    );
    let pid = place.pid("f1");
    assert!((100..130).contains(&resident(pid)), "{}", resident(pid));
    assert!(place.state("f1") >= 100);
    let first = fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap();
    assert_eq!(first.trim(), "1000", "the kernel takes it first");
    place.stop("f1");
    assert!(gone(pid));
}

#[test]
fn open_files_are_taken_from_the_table_that_all_share() {
    let place = Place::new();
    assert_eq!(
        place.start("f1", &json!({"descriptors": {"count": 3000}})),
        "3000 of 3000 open files"
    );
    let pid = place.pid("f1");
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let null = |fd: &fs::DirEntry| fs::read_link(fd.path()).is_ok_and(|to| to.ends_with("null"));
    assert!(open.flatten().filter(null).count() >= 3000);
    let table = fs::read_to_string("/proc/sys/fs/file-nr").unwrap();
    let used: u64 = table.split_whitespace().next().unwrap().parse().unwrap();
    assert!(used >= 3000, "{table}");
    place.stop("f1");
    assert!(gone(pid));
}

/// A shell that opens a file when it is told to, and says whether it could.
struct Opener {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Opener {
    fn new() -> Self {
        let script =
            r#"while read line; do if true </dev/null; then echo yes; else echo no; fi; done"#;
        let mut child = Command::new("bash")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, answers }
    }
    fn opens(&mut self) -> bool {
        writeln!(self.child.stdin.as_mut().unwrap(), "go").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim() == "yes"
    }
    fn limits(&self) -> String {
        let text = fs::read_to_string(format!("/proc/{}/limits", self.child.id())).unwrap();
        text.lines()
            .find(|line| line.starts_with("Max open files"))
            .unwrap()
            .to_owned()
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_process_can_open_nothing_more_and_its_successor_neither() {
    let place = Place::new();
    let pid_file = place.0.path().join("pid");
    let (mut one, mut other) = (Opener::new(), Opener::new());
    assert!(one.opens() && other.opens());
    let before = one.limits();
    let load = json!({"limit": {"pid_file": pid_file}});
    assert!(complaint(&place.try_start("f1", 60, &load)).contains("no process"));
    assert!(!place.directory().exists());

    fs::write(&pid_file, format!("{}\n", one.child.id())).unwrap();
    place.start("f1", &load);
    assert!(!one.opens());
    assert!(other.opens(), "another process is not concerned");
    assert_eq!(place.state("f1"), 1);

    let mut successor = Opener::new();
    fs::write(&pid_file, format!("{}\n", successor.child.id())).unwrap();
    eventually("its successor is short, too", || !successor.opens());

    // Whoever held it is gone: stop does not need it.
    let keeper = place.pid("f1");
    assert!(
        Command::new("kill")
            .args(["-9", &keeper.to_string()])
            .status()
            .unwrap()
            .success()
    );
    eventually("the keeper is gone", || gone(keeper));
    assert_eq!(place.state("f1"), 2, "the limits are low still");
    place.stop("f1");
    assert!(one.opens() && successor.opens());
    assert_eq!(one.limits(), before);
    assert_eq!(successor.limits(), before);
    assert!(!place.directory().exists());
}

#[test]
fn it_ends_by_itself_when_its_time_is_up() {
    let place = Place::new();
    let pid_file = place.0.path().join("pid");
    let mut one = Opener::new();
    let before = one.limits();
    fs::write(&pid_file, format!("{}\n", one.child.id())).unwrap();
    text(&place.try_start("f1", 1, &json!({"limit": {"pid_file": pid_file}})));
    text(&place.try_start("f2", 1, &json!({"cpu": {"threads": 1}})));
    eventually("all of it is gone", || !place.directory().exists());
    assert_eq!(one.limits(), before);
    assert!(one.opens());
}

#[test]
fn two_at_once_end_independently() {
    let place = Place::new();
    let load = json!({"cpu": {"threads": 1, "nice": 19}});
    place.start("f1", &load);
    place.start("f2", &load);
    place.stop("f1");
    assert_eq!(place.state("f1"), 0);
    eventually("the other one goes on", || place.state("f2") > 0);
    place.stop("f2");
    assert!(!place.directory().exists());
}

#[test]
fn bad_requests_are_refused_with_what_is_wrong() {
    let place = Place::new();
    let complains = |load: Value, of: &str| {
        let said = complaint(&place.try_start("f1", 60, &load));
        assert!(said.contains(of), "{said}");
        assert!(!place.directory().exists());
    };
    complains(json!({"cpu": {"threads": 0}}), "threads");
    complains(json!({"gravity": {}}), "gravity");
    assert!(
        complaint(&place.try_start("../x", 60, &json!({"cpu": {"threads": 1}})))
            .contains("no name")
    );
    assert!(complaint(&pressure(&["stop"])).contains("usage"));
}
