//! Connections that break under a command, before it, or instead of it.

use std::{io::Write as _, net::TcpListener, sync::mpsc, thread, time::Duration};

use schism_control::{Command, Endpoint, Error, Remote as _, Ssh};

use crate::sshd::{FIND_SSHD, Sshd, exists, serving, sh, signal, soon};

/// Writes a line; the first time it is run, it kills the connection that it came by.
fn deadly(sshd: &Sshd) -> Command {
    let script = format!(
        "echo run >>\"$1\"\n[ \"$(wc -l <\"$1\")\" -eq 1 ] || exit 0\n{FIND_SSHD}\nkill -9 $p; sleep 600"
    );
    sh(&script, [sshd.path("runs").display().to_string()])
}

#[test]
fn an_idempotent_command_is_run_again_on_a_new_connection() {
    let Some(sshd) = Sshd::start() else { return };
    let out = sshd.connect().exec(&deadly(&sshd).idempotent()).unwrap();
    assert_eq!((out.status, sshd.text("runs").as_str()), (0, "run\nrun\n"));
}

#[test]
fn any_other_command_is_not_and_may_have_run() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = sshd.connect();
    let error = ssh.exec(&deadly(&sshd)).unwrap_err();
    assert!(
        error.to_string().contains("may have done its work"),
        "{error}"
    );
    assert_eq!(sshd.text("runs"), "run\n");
    assert!(ssh.exec(&Command::new(["true"])).unwrap().success());
    assert_eq!(sshd.text("runs"), "run\n");
}

#[test]
fn a_command_that_was_not_sent_is_sent_on_a_new_connection() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = sshd.connect();
    let (other, pid) = (sshd.connect(), serving(&ssh));
    signal(&other, pid, "KILL");
    soon("it is gone", || !exists(&other, pid));
    let once = sh(
        "echo run >>\"$1\"",
        [sshd.path("runs").display().to_string()],
    );
    assert!(ssh.exec(&once).unwrap().success());
    assert_eq!(sshd.text("runs"), "run\n");
}

#[test]
fn a_server_process_that_does_not_react_is_left_for_another() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = Ssh::connect(sshd.endpoint().patience(Duration::from_secs(3))).unwrap();
    let pid = serving(&ssh);
    signal(&sshd.connect(), pid, "STOP");
    assert!(ssh.exec(&Command::new(["true"])).unwrap().success());
    assert_ne!(pid, serving(&ssh));
}

#[test]
fn a_server_process_that_stops_under_a_command_is_given_up_and_nothing_is_run_twice() {
    let Some(sshd) = Sshd::start() else { return };
    let ssh = sshd.connect();
    let script = format!("echo run >>\"$1\"\n{FIND_SSHD}\necho $p >\"$2\"; kill -STOP $p; exit 0");
    let name = |n: &str| sshd.path(n).display().to_string();
    let stop = sh(&script, [name("runs"), name("pid")])
        .idempotent()
        .deadline(Duration::from_millis(200));
    let result = ssh.exec(&stop);
    assert!(matches!(result, Err(Error::Deadline { .. })), "{result:?}");
    assert_eq!(sshd.text("runs"), "run\n");
    assert!(ssh.exec(&Command::new(["true"])).unwrap().success());
}

fn refused(endpoint: Endpoint) -> String {
    let error = Ssh::connect(endpoint).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    error.to_string()
}

#[test]
fn a_port_where_nobody_listens_is_unreachable() {
    let Some(sshd) = Sshd::start() else { return };
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let error = refused(sshd.endpoint().port(nobody));
    assert!(error.contains("Connection refused"), "{error}");
}

#[test]
fn something_else_than_ssh_is_named_with_its_words_made_harmless() {
    let Some(sshd) = Sshd::start() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        client.write_all(b"220 mail\x1b[2J ready\r\n").unwrap();
    });
    let error = refused(sshd.endpoint().port(port));
    server.join().unwrap();
    assert!(
        error.contains(r"something else than SSH answers there"),
        "{error}"
    );
    assert!(error.contains(r"220 mail\u{1b}[2J"), "{error}");
}

/// A server that accepts, says this much, and then nothing, for as long as the test lasts.
fn silent(words: &'static [u8]) -> (u16, mpsc::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (end, ended) = mpsc::channel();
    thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        client.write_all(words).unwrap();
        // Ends when the other end is dropped.
        let _ = ended.recv();
    });
    (port, end)
}

#[test]
fn patience_ends_with_a_server_that_says_nothing() {
    let Some(sshd) = Sshd::start() else { return };
    for (words, complaint) in [
        (&b""[..], "says nothing in time"),
        (b"SS", "says nothing in time"),
        (b"SSH-2.0-x\r\n", "no agreement on SSH"),
    ] {
        let (port, _end) = silent(words);
        let error = refused(
            sshd.endpoint()
                .port(port)
                .patience(Duration::from_millis(300)),
        );
        assert!(error.contains(complaint), "{error}");
    }
}
