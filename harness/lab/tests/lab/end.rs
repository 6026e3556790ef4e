//! How labs end: whoever dies, and however, nothing is left.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use schism_lab::{Lab, LabError, Storage};

use crate::bench::{EXE, Traces, config, eventually, host, lab, possible, run};

#[test]
fn down_leaves_nothing() {
    if !possible() {
        return;
    }
    let before = host();
    let lab = Lab::up(&config("down", 3).owned().storage(Storage::Disk)).unwrap();
    let traces = Traces::of(&lab);
    let (processes, namespaces) = traces.count();
    // At least: an sshd may still be busy with the connection by which it was seen to answer.
    assert!(processes > 2 * 3, "{processes}");
    assert_eq!(namespaces, 4 + 5 * 3);
    assert_eq!(host(), before);
    // Something busy, with files open.
    run(
        &lab,
        "n1",
        "nohup sh -c 'while :; do echo x; done' > /var/lib/busy 2>&1 < /dev/null & echo",
    );
    lab.down().unwrap();
    assert!(traces.nothing_on_disk());
    traces.vanish();
    assert_eq!(host(), before);
}

#[test]
fn killing_the_supervisor_leaves_nothing() {
    if !possible() {
        return;
    }
    let before = host();
    let config = config("supervisor", 2).storage(Storage::Disk);
    let lab = Lab::up(&config).unwrap();
    let traces = Traces::of(&lab);
    kill("-KILL", lab.supervisor_pid());
    traces.vanish();
    assert_eq!(host(), before);
    assert!(matches!(lab.crash("n1"), Err(LabError::NotUp { .. })));
    // What is on disk is removed by whoever looks next.
    assert!(matches!(
        Lab::find(&config.name),
        Err(LabError::NotUp { .. })
    ));
    assert!(traces.nothing_on_disk());
}

#[test]
fn killing_the_owner_leaves_nothing() {
    if !possible() {
        return;
    }
    let before = host();
    let config = config("owner", 2);
    let store = config.store.clone();
    let mut owner = Command::new(EXE)
        .arg("own")
        .arg(&config.dir)
        .args(["2", "disk"])
        .arg(&store)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(owner.stdout.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    assert!(said.starts_with("up in "), "{said}");
    let lab = Lab::find(&config.name).unwrap();
    run(
        &lab,
        "n1",
        "nohup sleep 1000 > /dev/null 2>&1 < /dev/null & echo",
    );
    let traces = Traces::of(&lab);
    owner.kill().unwrap();
    owner.wait().unwrap();
    traces.vanish();
    eventually("nothing is on disk", || traces.nothing_on_disk());
    assert_eq!(host(), before);
}

#[test]
fn an_owner_that_dies_during_the_start_leaves_nothing() {
    if !possible() {
        return;
    }
    // Even of a lab that was to be detached. Many nodes, so that there is time to stop its creator before it lets go.
    let config = config("early", 20);
    let mut owner = Command::new(EXE)
        .arg("up")
        .arg(&config.dir)
        .arg("20")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let signed = config.dir.join("supervisor.json");
    eventually("there is a supervisor", || signed.exists());
    kill("-STOP", owner.id());
    let signature = fs::read_to_string(signed).unwrap();
    let digits = signature.split_once("\"pid\": ").unwrap().1;
    let supervisor = digits.split_once(',').unwrap().0.parse().unwrap();
    let traces = Traces::of_supervisor(supervisor, &config);
    owner.kill().unwrap();
    let output = owner.wait_with_output().unwrap();
    assert!(
        output.stdout.is_empty(),
        "too late to test anything: {output:?}"
    );
    traces.vanish();
    assert!(matches!(
        Lab::open(&config.dir),
        Err(LabError::NotUp { .. })
    ));
    assert!(traces.nothing_on_disk());
}

fn kill(signal: &str, pid: u32) {
    let killed = Command::new("kill")
        .args([signal, &pid.to_string()])
        .status();
    assert!(killed.unwrap().success());
}

#[test]
fn nothing_that_its_creator_had_open_lives_on_in_a_lab() {
    if !possible() {
        return;
    }
    // Behind a shell that has a pipe open as descriptor 7: the pipe ends with the command, not with the lab.
    let config = config("inherit", 1);
    let script = "exec 7>&1; exec \"$0\" up \"$1\" 1 > /dev/null";
    let output = Command::new("timeout")
        .args(["30", "sh", "-c", script, EXE])
        .arg(&config.dir)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    Lab::open(&config.dir).unwrap().down().unwrap();
}

#[test]
fn dropping_an_owned_lab_is_its_end() {
    if !possible() {
        return;
    }
    let lab = lab("drop", 1);
    let traces = Traces::of(&lab);
    drop(lab);
    assert!(traces.nothing_on_disk());
    traces.vanish();
}

#[test]
fn ten_labs_one_after_the_other_leave_nothing() {
    if !possible() {
        return;
    }
    let before = host();
    let mut traces = Vec::new();
    for _ in 0..10 {
        let lab = Lab::up(&config("ten", 2)).unwrap();
        traces.push(Traces::of(&lab));
        lab.down().unwrap();
    }
    for trace in &traces {
        trace.vanish();
        assert!(trace.nothing_on_disk());
    }
    assert_eq!(host(), before);
}
