//! Runs against a database of the user's: one that others run, and one that is started in a lab and harmed.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use super::{Shell, have, support::eventually, with};

/// A Redis that is somebody else's.
struct Redis {
    child: Child,
    at: String,
}

impl Redis {
    fn start(shell: &Shell) -> Self {
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
        let up = || std::net::TcpStream::connect(&at).is_ok();
        assert!(
            eventually(Duration::from_secs(10), up),
            "Redis does not serve"
        );
        Self { child, at }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it ends");
    }
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
    assert!(verdict["ops"]["ok"].as_u64() > Some(300), "{verdict}");
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
