//! `schism node clock`, from outside.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;

pub(crate) const MILLISECOND: i64 = 1_000_000;

/// Whether these tests can be run.
pub(crate) fn possible() -> bool {
    let root = rustix::process::geteuid().is_root();
    assert!(
        root || env::var_os("SCHISM_REQUIRE_ROOT").is_none(),
        "SCHISM_REQUIRE_ROOT is set, and this is not root"
    );
    if !root {
        println!("skipped: clocks of processes need root");
    }
    root
}

/// What it prints; or what it complains.
pub(crate) fn clock(args: &[&str]) -> Result<String, String> {
    let out = Command::new(env!("CARGO_BIN_EXE_schism-node"))
        .args(["node", "clock"])
        .args(args)
        .output()
        .unwrap();
    match out.status.success() {
        true => Ok(String::from_utf8(out.stdout).unwrap().trim().to_owned()),
        false => Err(String::from_utf8(out.stderr).unwrap().trim().to_owned()),
    }
}

/// A name that no other test has, whose clocks are right again at the end.
pub(crate) struct Fault(pub(crate) String);

impl Fault {
    pub(crate) fn new(name: &str) -> Self {
        Self(format!("test{}-{name}", std::process::id()))
    }
    pub(crate) fn apply(&self, args: &[&str]) -> Result<String, String> {
        clock(&[&["apply", "--name", &self.0], args].concat())
    }
    pub(crate) fn undo(&self) {
        clock(&["undo", "--name", &self.0]).unwrap();
    }
    pub(crate) fn probe(&self) -> String {
        clock(&["probe", "--name", &self.0]).unwrap()
    }
    /// What its keeper says it has done.
    pub(crate) fn done(&self) -> Value {
        let file = Path::new("/run/schism/clock")
            .join(&self.0)
            .join("done.json");
        serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
    }
    pub(crate) fn keeper(&self) -> String {
        let file = Path::new("/run/schism/clock").join(&self.0).join("pid");
        let text = fs::read_to_string(file).unwrap();
        text.split(' ').next().unwrap().to_owned()
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        let _ = clock(&["undo", "--name", &self.0]);
    }
}

/// Nanoseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_nanos().try_into().unwrap()
}

pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < until, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// By how much a clock is wrong, at least and at most, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wrong(pub(crate) i64, pub(crate) i64);

impl Wrong {
    /// From a question whose answer shows the clock in steps of this.
    pub(crate) fn by(ask: impl FnOnce() -> i64, step: i64) -> Self {
        let before = now();
        let shown = ask();
        Self(shown - now(), shown + step - before)
    }
    /// Whether it may be this, give or take the error that the fault promises.
    pub(crate) fn is(self, milliseconds: i64) -> bool {
        let asked = milliseconds * MILLISECOND;
        self.0 - MILLISECOND <= asked && asked <= self.1 + MILLISECOND
    }
}

/// A process that says what time it thinks it is.
pub(crate) struct Reader {
    pub(crate) child: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
}

impl Reader {
    /// The program in front must pass its standard input and output on.
    pub(crate) fn new(before: &[&str]) -> Self {
        let words = [
            before,
            &[
                env!("CARGO_BIN_EXE_schism-node"),
                "node",
                "clock",
                "witness",
            ],
        ]
        .concat();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).args(words);
        Self::of(&mut command)
    }
    /// Any program that prints a number for a line.
    pub(crate) fn of(command: &mut Command) -> Self {
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        let mut reader = Self {
            ask: child.stdin.take().unwrap(),
            answer: BufReader::new(child.stdout.take().unwrap()),
            child,
        };
        // From now on it is the program that it is to be.
        reader.says();
        reader
    }
    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }
    pub(crate) fn says(&mut self) -> i64 {
        self.ask.write_all(b"\n").unwrap();
        let mut line = String::new();
        self.answer.read_line(&mut line).unwrap();
        line.trim().parse().unwrap()
    }
    pub(crate) fn wrong(&mut self) -> Wrong {
        Wrong::by(|| self.says(), 1)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Its vDSO, byte for byte.
pub(crate) fn vdso(pid: &str) -> Vec<u8> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let line = maps.lines().find(|l| l.ends_with("[vdso]")).unwrap();
    let (low, high) = line.split(' ').next().unwrap().split_once('-').unwrap();
    let [low, high] = [low, high].map(|n| u64::from_str_radix(n, 16).unwrap());
    let mut image = vec![0; (high - low).try_into().unwrap()];
    let memory = fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    std::os::unix::fs::FileExt::read_exact_at(&memory, &mut image, low).unwrap();
    image
}
