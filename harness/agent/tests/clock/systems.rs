//! Real systems, all at once and each under load, on live processes: a C server with a foreign allocator, a Go server, a Java
//! virtual machine, and a database that makes a process for every connection, also while its clocks change.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{
    agent::{Fault, MILLISECOND, Reader, Wrong, eventually, possible, vdso},
    java,
    space::{Beside, Space, exchange, inner, unshared},
};

/// Switches of a strobe.
const SWITCHES: u64 = 1_000;
/// Times that clocks are made wrong and right again.
const CYCLES: usize = 25;
const HALF_A_MINUTE: i64 = 30_000;

/// Something with a clock that can be asked for.
trait System {
    /// Its first process.
    fn root(&self) -> String;
    /// By how much its clock is wrong, as it says itself.
    fn wrong(&mut self) -> Wrong;
    /// Whether it and its load still run.
    fn lives(&mut self) -> bool;
    /// What it says that must not be said.
    fn complaints(&self) -> Vec<String> {
        Vec::new()
    }
}

struct Redis {
    space: Space,
    ask: TcpStream,
    load: Beside,
}

impl Redis {
    fn start(dir: &Path) -> Self {
        let words = [
            "redis-server",
            "--port",
            "6379",
            "--save",
            "",
            "--daemonize",
            "no",
        ];
        let space = Space::start(None, &dir.join("redis.log"), &words);
        space.await_port(6379);
        let ask = space.connect(6379).unwrap();
        let benchmark = [
            "redis-benchmark",
            "-t",
            "set,get",
            "-n",
            "1000000000",
            "-c",
            "10",
        ];
        let load = Beside::start(space.enter().args(benchmark));
        Self { space, ask, load }
    }
}

impl System for Redis {
    fn root(&self) -> String {
        self.space.root()
    }
    fn wrong(&mut self) -> Wrong {
        let time = || {
            let said = exchange(&mut self.ask, "TIME\r\n", "\r\n").unwrap();
            // An array of two strings: seconds and microseconds.
            let parts: Vec<i64> = said
                .lines()
                .filter(|line| !line.starts_with(['*', '$']))
                .map(|line| line.parse().unwrap())
                .collect();
            (parts[0] * 1_000_000 + parts[1]) * 1_000
        };
        Wrong::by(time, 1_000)
    }
    fn lives(&mut self) -> bool {
        self.space.lives() && self.load.runs()
    }
}

struct Etcd {
    space: Space,
    ask: TcpStream,
    load: thread::JoinHandle<std::io::Result<()>>,
    over: &'static AtomicBool,
}

/// A request by HTTP, as etcd's gateway takes it; the answer's head and body.
fn post(stream: &mut TcpStream, path: &str, body: &str) -> std::io::Result<String> {
    let mut request = format!("POST {path} HTTP/1.1\r\nHost: etcd\r\n");
    let _ = write!(request, "Content-Length: {}\r\n\r\n{body}", body.len());
    exchange(stream, &request, "}")
}

impl Etcd {
    fn start(dir: &Path) -> Self {
        static OVER: AtomicBool = AtomicBool::new(false);
        let data = dir.join("etcd").to_str().unwrap().to_owned();
        let space = Space::start(
            None,
            &dir.join("etcd.log"),
            &["etcd", "--data-dir", &data, "--log-level", "info"],
        );
        space.await_port(2379);
        let mut writer = space.connect(2379).unwrap();
        let load = thread::spawn(move || {
            while !OVER.load(Ordering::Relaxed) {
                post(
                    &mut writer,
                    "/v3/kv/put",
                    r#"{"key":"YQ==","value":"YQ=="}"#,
                )?;
            }
            Ok(())
        });
        Self {
            ask: space.connect(2379).unwrap(),
            space,
            load,
            over: &OVER,
        }
    }
}

impl System for Etcd {
    fn root(&self) -> String {
        self.space.root()
    }
    fn wrong(&mut self) -> Wrong {
        let log = || fs::read_to_string(&self.space.log).unwrap();
        let begun = |text: &str| text.matches("starting to defragment").count();
        let before = begun(&log());
        Wrong::by(
            || {
                post(&mut self.ask, "/v3/maintenance/defragment", "{}").unwrap();
                let mut text = String::new();
                eventually("it is in the log", || {
                    text = log();
                    begun(&text) > before
                });
                let line = text.lines().rfind(|l| l.contains("starting to defragment"));
                stamp(line.unwrap())
            },
            1_000,
        )
    }
    fn lives(&mut self) -> bool {
        self.space.lives() && !self.load.is_finished()
    }
    fn complaints(&self) -> Vec<String> {
        let log = fs::read_to_string(&self.space.log).unwrap();
        let bad = |line: &&str| line.contains("panic") || line.contains("fatal error");
        log.lines().filter(bad).map(String::from).collect()
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// Nanoseconds since 1970 of `2026-11-21 12:15:05.601514 N | …`, in UTC.
fn stamp(line: &str) -> i64 {
    let numbers: Vec<i64> = line[..26]
        .split(|c: char| !c.is_ascii_digit())
        .map(|n| n.parse().unwrap())
        .collect();
    let [year, month, day, hour, minute, second, micros] = numbers[..] else {
        panic!("no time stamp: {line}");
    };
    // Days from the civil calendar, in years that begin in March.
    let year = if month < 3 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468;
    (((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000_000 + micros * 1_000
}

struct Java(Reader);

impl Java {
    fn start(dir: &Path) -> Self {
        fs::write(dir.join("Clock.class"), java::clock_class()).unwrap();
        let before = unshared(None);
        let mut command = Command::new(&before[0]);
        command.args(&before[1..]).args(["java", "-Xmx64m"]);
        // A stop of all threads each five milliseconds, with the signals and traps that go with it.
        command.args([
            "-XX:+UnlockDiagnosticVMOptions",
            "-XX:GuaranteedSafepointInterval=5",
        ]);
        command.args(["-cp", dir.to_str().unwrap(), "Clock"]);
        Self(Reader::of(&mut command))
    }
}

impl System for Java {
    fn root(&self) -> String {
        inner(&self.0.pid())
    }
    fn wrong(&mut self) -> Wrong {
        // Each line makes it allocate, and there is no other reason to collect garbage.
        for _ in 0..20 {
            self.0.says();
        }
        Wrong::by(|| self.0.says() * MILLISECOND, MILLISECOND)
    }
    fn lives(&mut self) -> bool {
        self.0.child.try_wait().unwrap().is_none()
    }
}

struct Postgres {
    space: Space,
    load: Beside,
}

const BIN: &str = "/usr/lib/postgresql/15/bin";

impl Postgres {
    fn start(dir: &Path) -> Self {
        let data = dir.join("postgres");
        fs::create_dir(&data).unwrap();
        let data = data.to_str().unwrap();
        let chown = Command::new("chown")
            .args(["-R", "postgres:", data])
            .status();
        assert!(chown.unwrap().success());
        let user = [
            "--reuid",
            "postgres",
            "--regid",
            "postgres",
            "--clear-groups",
        ];
        let init = Command::new("setpriv")
            .args(user)
            .arg(format!("{BIN}/initdb"))
            .args(["-D", data, "-A", "trust", "--no-sync"])
            .current_dir("/")
            .output()
            .unwrap();
        assert!(
            init.status.success(),
            "{}",
            String::from_utf8_lossy(&init.stderr)
        );
        let server = format!("{BIN}/postgres");
        let words = [&*server, "-D", data, "-k", "", "-h", "127.0.0.1"];
        let space = Space::start(Some("postgres"), &dir.join("postgres.log"), &words);
        space.await_port(5432);
        let bench = || {
            let mut pgbench = space.enter();
            pgbench.arg(format!("{BIN}/pgbench"));
            pgbench.args(["-h", "127.0.0.1", "-U", "postgres"]);
            pgbench
        };
        eventually("it has its tables", || {
            let mut tables = bench();
            tables
                .args(["-i", "-q", "postgres"])
                .output()
                .unwrap()
                .status
                .success()
        });
        // A connection for every transaction, so a process for every transaction.
        let load = Beside::start(bench().args(["-C", "-c", "2", "-T", "600", "postgres"]));
        Self { space, load }
    }
}

impl System for Postgres {
    fn root(&self) -> String {
        self.space.root()
    }
    fn wrong(&mut self) -> Wrong {
        let query = "select (extract(epoch from clock_timestamp()) * 1e6)::bigint";
        let mut psql = self.space.enter();
        psql.arg(format!("{BIN}/psql")).args([
            "-h",
            "127.0.0.1",
            "-U",
            "postgres",
            "-Atc",
            query,
            "postgres",
        ]);
        let ask = || {
            let out = psql.output().unwrap();
            let text = String::from_utf8(out.stdout).unwrap();
            text.trim().parse::<i64>().unwrap() * 1_000
        };
        Wrong::by(ask, 1_000)
    }
    fn lives(&mut self) -> bool {
        self.space.lives() && self.load.runs()
    }
    fn complaints(&self) -> Vec<String> {
        let log = fs::read_to_string(&self.space.log).unwrap();
        let bad = |line: &&str| line.contains("PANIC") || line.contains("terminated by signal");
        log.lines().filter(bad).map(String::from).collect()
    }
}

/// The clocks of one system, through everything. Returns for how long its processes were stopped, in microseconds.
fn through_everything(name: &str, system: &mut dyn System) -> Vec<u64> {
    let fault = Fault::new(name);
    let root = system.root();
    let aim = ["--pid", &*root];
    let asks = |more: &[&'static str]| [&aim[..], more].concat();
    let before = vdso(&root);
    let wrong = system.wrong();
    assert!(wrong.is(0), "{name}: {wrong:?}");
    let mut pauses = Vec::new();
    let mut stopped = |fault: &Fault| {
        let all = fault.done()["pauses"].as_array().unwrap().clone();
        pauses.extend(all.iter().map(|pause| pause.as_u64().unwrap()));
    };
    for (offset, milliseconds) in [("3600000", 3_600_000), ("-86400000", -86_400_000)] {
        fault.apply(&asks(&["--offset", offset])).unwrap();
        let wrong = system.wrong();
        assert!(
            wrong.is(milliseconds),
            "{name}: {wrong:?} for {milliseconds}"
        );
        stopped(&fault);
    }
    fault.undo();
    let wrong = system.wrong();
    assert!(wrong.is(0), "{name}: {wrong:?} after it was mended");

    fault
        .apply(&asks(&[
            "--offset",
            "30000",
            "--strobe-to",
            "-30000",
            "--period",
            "10",
        ]))
        .unwrap();
    let (mut ahead, mut behind) = (0, 0);
    let until = Instant::now() + Duration::from_secs(60);
    while fault.done()["switches"].as_u64().unwrap() < SWITCHES || ahead == 0 || behind == 0 {
        assert!(
            Instant::now() < until,
            "{name}: {} ahead, {behind} behind",
            ahead
        );
        let wrong = system.wrong();
        let (is_ahead, is_behind) = (wrong.is(HALF_A_MINUTE), wrong.is(-HALF_A_MINUTE));
        assert!(is_ahead || is_behind, "{name}: {wrong:?}");
        ahead += u32::from(is_ahead);
        behind += u32::from(is_behind);
        thread::sleep(Duration::from_millis(7));
    }
    stopped(&fault);
    fault.undo();

    for _ in 0..CYCLES {
        fault.apply(&asks(&["--offset", "-1000"])).unwrap();
        stopped(&fault);
        fault.undo();
    }
    let wrong = system.wrong();
    assert!(wrong.is(0), "{name}: {wrong:?} at the end");
    assert!(system.lives(), "{name} or its load has ended");
    assert_eq!(system.complaints(), [""; 0]);
    assert_eq!(vdso(&root), before, "{name}");
    pauses
}

fn report(name: &str, pauses: &mut [u64]) -> String {
    pauses.sort_unstable();
    let at = |part: usize| pauses[(pauses.len() - 1) * part / 100];
    format!(
        "{name}: {} stops, median {} µs, p99 {} µs, longest {} µs\n",
        pauses.len(),
        at(50),
        at(99),
        at(100)
    )
}

/// A program that these tests need and that is not here, where it may be missing.
fn missing() -> Option<&'static str> {
    let programs = [
        "redis-server",
        "etcd",
        "java",
        "/usr/lib/postgresql/15/bin/postgres",
    ];
    let here = |program: &&str| {
        let found = Command::new("sh")
            .args(["-c", "command -v \"$1\"", "sh", program])
            .output();
        found.unwrap().status.success()
    };
    let missing = programs.into_iter().find(|program| !here(program))?;
    assert!(
        std::env::var_os("SCHISM_REQUIRE_ROOT").is_none(),
        "SCHISM_REQUIRE_ROOT is set, and there is no {missing}"
    );
    Some(missing)
}

type Start = fn(&Path) -> Box<dyn System>;

#[test]
fn live_systems_under_load_see_the_clock_asked_for_and_none_crashes() {
    if !possible() {
        return;
    }
    if let Some(missing) = missing() {
        println!("skipped: {missing} is missing");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let all_may = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(dir.path(), all_may).unwrap();
    let dir: &Path = dir.path();
    let starts: [(&str, Start); 4] = [
        ("redis", |dir| Box::new(Redis::start(dir))),
        ("etcd", |dir| Box::new(Etcd::start(dir))),
        ("java", |dir| Box::new(Java::start(dir))),
        ("postgres", |dir| Box::new(Postgres::start(dir))),
    ];
    let text: String = thread::scope(|scope| {
        let each = starts.map(|(name, start)| {
            let run = move || report(name, &mut through_everything(name, &mut *start(dir)));
            scope.spawn(run)
        });
        each.map(|system| system.join().unwrap()).concat()
    });
    println!("{text}");
    if let Some(artefacts) = std::env::var_os("SCHISM_ARTEFACTS") {
        let file = PathBuf::from(artefacts).join("clock-pauses.txt");
        fs::File::create(file)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }
}
