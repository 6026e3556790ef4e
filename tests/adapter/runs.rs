//! Runs against a database of the user's: one that others run, and one that is started in a lab and harmed.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use super::{Shell, have, support::eventually, tested, with};

/// A Redis that is somebody else's.
struct Redis {
    child: Child,
    at: String,
}

impl Redis {
    fn start(shell: &Shell) -> Self {
        // Somebody else may get the port before it does.
        let started = (0..5).find_map(|_| Self::try_to_start(shell));
        started.expect("Redis serves")
    }

    fn try_to_start(shell: &Shell) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0")
            .expect("a port")
            .local_addr()
            .expect("bound")
            .port();
        let child = Command::new("setpriv")
            .args([
                "--pdeathsig",
                "KILL",
                "--",
                "redis-server",
                "--bind",
                "127.0.0.1",
                "--port",
            ])
            .arg(port.to_string())
            .args(["--save", "", "--dir"])
            .arg(shell.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("it is installed");
        let at = format!("127.0.0.1:{port}");
        let mut redis = Self { child, at };
        let mut ended = false;
        eventually(Duration::from_secs(10), || {
            ended = redis.child.try_wait().expect("a child").is_some();
            ended || std::net::TcpStream::connect(&redis.at).is_ok()
        });
        (!ended).then_some(redis)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait().expect("it ends");
    }
}

/// A run of the embedded store that lets others ask its nodes: it is what the folder's adapter is made for.
struct Toy(Child);

impl Toy {
    /// Starts it. Where its first node serves, too.
    fn start(shell: &Shell) -> (Self, String) {
        let args = [
            "run", "embedded", "--nodes", "3", "--faults", "none", "--rate", "1/m", "--time", "90s",
        ];
        let mut command = shell.command(&[&args[..], &["--progress", "none"]].concat());
        let toy = Self(
            command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("it starts"),
        );
        let port = || {
            let places = std::fs::read_dir(shell.path()).ok()?.flatten();
            let layouts = places.map(|place| place.path().join("store/cluster.json"));
            let text = layouts
                .filter_map(|path| std::fs::read_to_string(path).ok())
                .next()?;
            let layout: Value = serde_json::from_str(&text).ok()?;
            layout["members"][0]["port"].as_u64()
        };
        let up = || {
            port().is_some_and(|port| {
                std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_ok()
            })
        };
        assert!(
            eventually(Duration::from_secs(20), up),
            "the store does not serve"
        );
        (toy, format!("127.0.0.1:{}", port().expect("it serves")))
    }
}

impl Drop for Toy {
    fn drop(&mut self) {
        self.0.kill().expect("it is ours");
        self.0.wait().expect("it ends");
    }
}

#[test]
fn what_new_makes_runs_as_it_is() {
    let shell = Shell::new();
    let (_toy, at) = Toy::start(&shell);
    let url = format!("http://{at}");
    let new = ["new", "toy", "--http", &url];
    shell.schism(&new).code(0).says("cd toy && schism run");
    shell.schism(&new).code(2).says("toy is there already");
    let file = "toy/toy.yaml";
    let (ended, checks) = tested(&shell, file, &["--at", &at]);
    assert_eq!(ended.code, Some(0), "{checks:#?}");
    let run = [
        "run",
        "toy/schism.yaml",
        "--time",
        "2s",
        "--progress",
        "none",
    ];
    shell.schism(&run).code(0).says("register × none × toy");
    for made in ["schism.yaml", ".github/workflows/nightly.yml"] {
        assert!(shell.path().join("toy").join(made).exists(), "{made}");
    }
    shell
        .schism(&["new", "Toy Two", "--stdio", "python3 x.py"])
        .code(2)
        .says("small letters");
    shell
        .schism(&["new", "toy-two", "--stdio", "'unfinished"])
        .code(2)
        .says("does not end");
    assert!(!shell.path().join("toy-two").exists());
    shell
        .schism(&["new", "toy-two", "--stdio", "python3 x.py"])
        .code(0);
    shell.schism(&["new", "toy-three"]).code(2);
}

#[test]
fn nodes_that_others_run_are_asked_and_nothing_else() {
    if !have(&["redis-server", "python3", "setpriv"]) {
        return;
    }
    let shell = Shell::new();
    with(&shell, &[]);
    let redis = Redis::start(&shell);
    let call = |words: &[&str]| {
        let args = [
            &["adapter", "try", "redis.yaml"],
            words,
            &["--at", &redis.at],
        ]
        .concat();
        shell.schism(&args).code(0)
    };
    call(&["write", "key=7", "value=93"]).says("outcome  ok\n");
    call(&["cas", "key=7", "from=1", "to=2"])
        .says("outcome  fail: it certainly did not happen (cas-mismatch)");
    call(&["read", "key=7"])
        .says("outcome  ok 93\n")
        .says("rule     it says ok\n");
    call(&["read", "key=8"]).says("outcome  ok, absent\n");

    // Twice: what the first run left must not be taken for a violation by the second.
    shell.write(
        "schism.yaml",
        &format!("target: {{ adapter: redis.yaml, at: ['{}'] }}\n", redis.at),
    );
    for tested in [false, true] {
        let args = [
            "run",
            "--time",
            "2s",
            "--rate",
            "300/s",
            "--progress",
            "none",
        ];
        let said = shell
            .schism(&args)
            .code(0)
            .says("is run by others: no faults");
        let warned = said.err.contains("redis, as it is now, never passed here");
        assert_eq!(warned, !tested, "{said:?}");
        let test = [
            "adapter",
            "test",
            "redis.yaml",
            "--op-timeout",
            "2s",
            "--at",
            &redis.at,
        ];
        shell.schism(&test).code(0);
    }
    let verdict = std::fs::read_to_string(shell.path().join("runs/latest/verdict.json"))
        .expect("it is there");
    let verdict: Value = serde_json::from_str(&verdict).expect("JSON");
    assert_eq!(verdict["case"], "register × none × redis", "{verdict}");
    // Four clients read sixteen keys at the end.
    assert!(verdict["ops"]["ok"].as_u64() > Some(64), "{verdict}");
    let calls = std::fs::read_to_string(shell.path().join("runs/latest/history.jsonl"))
        .expect("it is there");
    assert!(calls.contains("\"cas\""), "what the program offers is used");

    let refused = shell.schism(&["run", "--faults", "kill", "--time", "2s"]);
    refused.code(2).says("can only be asked").says("--lab 5");
    shell
        .schism(&["run", "redis.yaml", "--at", "localhost"])
        .code(2)
        .says("write localhost:7000");
    shell
        .schism(&["run", "etcd", "--at", &redis.at])
        .code(2)
        .says("target.at");
}
