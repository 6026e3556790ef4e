//! What comes back from a command.

use std::{fs, thread, time::Duration};

use schism_control::{Command, Error, Remote as _, RemoteExt as _};

use crate::sshd::{Sshd, exists, sh, soon};

#[test]
fn output_input_and_status_are_those_of_the_command() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = sshd.connect();
    let out = ssh
        .exec(&sh("cat; echo \"$1\"; echo oops >&2; exit 3", ["it's $HOME"]).stdin("hello "))
        .unwrap();
    assert_eq!(
        (out.status, out.text().as_str(), out.complaint().as_str()),
        (3, "hello it's $HOME", "oops")
    );
    assert!(matches!(
        ssh.run(&Command::new(["false"])),
        Err(Error::Status { status: 1, .. })
    ));
    assert_eq!(
        ssh.exec(&Command::new(["/no/such/program"]))
            .unwrap()
            .status,
        127
    );
}

#[test]
fn a_command_ended_by_a_signal_says_so() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = sshd.connect();
    for (signal, status) in [("KILL", 137), ("TERM", 143), ("USR1", 138), ("SEGV", 139)] {
        let out = ssh
            .exec(&sh("ulimit -c 0; kill -s \"$1\" $$", [signal]))
            .unwrap();
        assert_eq!(out.status, status, "{signal}");
    }
}

#[test]
fn the_status_is_awaited_where_output_ends_early() {
    let Some(sshd) = Sshd::start() else { return };
    let out = sshd
        .connect()
        .exec(&sh("exec >&- 2>&-; sleep 0.5; exit 3", [""; 0]))
        .unwrap();
    assert_eq!(out.status, 3);
}

#[test]
fn large_output_on_both_streams_does_not_block() {
    let Some(sshd) = Sshd::start() else { return };
    let script = "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; echo end";
    let out = sshd.connect().exec(&sh(script, [""; 0])).unwrap();
    assert_eq!((out.stdout.len(), out.stderr.len()), (3_000_004, 3_000_000));
    assert!(out.stdout.ends_with(b"\0end\n"));
}

#[test]
fn large_input_that_comes_back_while_it_is_sent_does_not_block() {
    let Some(sshd) = Sshd::start() else { return };
    let text: String = (0..1_200_000).map(|n| format!("{n:06}\n")).collect();
    let out = sshd
        .connect()
        .exec(&sh("tee /dev/stderr", [""; 0]).stdin(text.clone()))
        .unwrap();
    assert!(out.stdout == text.as_bytes() && out.stderr == text.as_bytes());
}

#[test]
fn input_that_nobody_reads_is_no_error() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = sshd.connect();
    let out = ssh
        .exec(&sh("exit 4", [""; 0]).stdin("x".repeat(8_000_000)))
        .unwrap();
    assert_eq!(out.status, 4);
    assert!(ssh.exec(&Command::new(["true"])).unwrap().success());
}

#[test]
fn more_output_than_the_limit_is_an_error_and_is_not_tried_again() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = sshd.connect();
    let script = sh(
        "echo run >>\"$1\"; cat /dev/zero",
        [sshd.path("runs").display().to_string()],
    );
    let error = ssh.exec(&script.idempotent()).unwrap_err();
    assert!(error.to_string().contains("more than 16 MiB"), "{error}");
    assert_eq!(sshd.text("runs"), "run\n");
    assert!(ssh.exec(&Command::new(["true"])).unwrap().success());
}

#[test]
fn a_slow_command_does_not_delay_a_fast_one() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = sshd.connect();
    let name = |n: &str| sshd.path(n).display().to_string();
    let slow = "echo >\"$1\"; while [ ! -e \"$2\" ]; do sleep 0.05; done; echo ended";
    let slow = sh(slow, [name("began"), name("go")]);
    thread::scope(|scope| {
        let slow = scope.spawn(|| ssh.exec(&slow).unwrap());
        soon("the slow command runs", || sshd.path("began").exists());
        // It ends only after all of these have.
        for _ in 0..3 {
            assert!(ssh.exec(&Command::new(["true"])).unwrap().success());
        }
        assert!(!slow.is_finished());
        fs::write(name("go"), "").unwrap();
        assert_eq!(slow.join().unwrap().text(), "ended");
    });
}

#[test]
fn the_deadline_ends_the_command_on_the_node() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = sshd.connect();
    let script = sh(
        "echo $$ >\"$1\"; sleep 600",
        [sshd.path("pid").display().to_string()],
    )
    .idempotent()
    .deadline(Duration::from_millis(200));
    let error = ssh.exec(&script).unwrap_err();
    assert!(matches!(error, Error::Deadline { .. }), "{error}");
    let pid = sshd.text("pid").trim().parse().unwrap();
    soon("the process is gone", || !exists(&ssh, pid));
}

#[test]
fn a_nul_byte_is_refused_before_anything_is_sent() {
    let Some(sshd) = Sshd::start() else { return };
    let error = sshd
        .connect()
        .exec(&Command::new(["echo", "a\0b"]))
        .unwrap_err();
    assert!(error.to_string().contains("NUL byte"), "{error}");
}
