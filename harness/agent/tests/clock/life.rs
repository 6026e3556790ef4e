//! What a keeper does in its life, with the smallest of processes.

use std::{fs, process::Command};

use crate::agent::{Fault, Reader, clock, eventually, possible, vdso};

fn state(pid: &str) -> char {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
}

fn signal(name: &str, pid: &str) {
    assert!(
        Command::new("kill")
            .args([name, pid])
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn this_machine_can_do_it() {
    if possible() {
        assert_eq!(clock(&["check"]), Ok("ok".into()));
    }
}

#[test]
fn a_clock_is_wrong_as_asked_and_right_again_byte_for_byte() {
    if !possible() {
        return;
    }
    let (mut reader, mut stranger) = (Reader::new(&[]), Reader::new(&[]));
    let fault = Fault::new("offset");
    let before = vdso(&reader.pid());
    assert!(reader.wrong().is(0));
    for (offset, milliseconds) in [("3600000", 3_600_000), ("-86400000", -86_400_000)] {
        fault
            .apply(&["--pid", &reader.pid(), "--offset", offset])
            .unwrap();
        assert!(reader.wrong().is(milliseconds), "{:?}", reader.wrong());
        let probe = fault.probe();
        assert!(
            probe.starts_with(&format!("{offset} ms, give or take")),
            "{probe}"
        );
        assert!(stranger.wrong().is(0));
    }
    for _ in 0..2 {
        fault.undo();
        assert!(reader.wrong().is(0), "{:?}", reader.wrong());
        assert_eq!(fault.probe(), "0 ms (no process)");
    }
    assert_eq!(vdso(&reader.pid()), before);
}

#[test]
fn a_drifting_clock_drifts() {
    if !possible() {
        return;
    }
    let mut reader = Reader::new(&[]);
    let fault = Fault::new("drift");
    fault
        .apply(&["--pid", &reader.pid(), "--drift", "-100000"])
        .unwrap();
    let (true_start, start) = (crate::agent::now(), reader.says());
    eventually("half a second", || {
        crate::agent::now() - true_start > 500_000_000
    });
    let (shown, passed) = (reader.says() - start, crate::agent::now() - true_start);
    // Nine tenths, as far as two looks at once can tell.
    let ninth = passed / 10 * 9;
    assert!(
        (ninth - 20_000_000..=ninth + 20_000_000).contains(&shown),
        "{shown} of {passed}"
    );
}

#[test]
fn a_strobe_is_read_when_it_is_away_from_the_true_time() {
    if !possible() {
        return;
    }
    let mut reader = Reader::new(&[]);
    let fault = Fault::new("strobe");
    let strobe = ["--offset", "-9000", "--strobe-to", "0", "--period", "150"];
    fault
        .apply(&[&["--pid", &*reader.pid()][..], &strobe].concat())
        .unwrap();
    for _ in 0..3 {
        let probe = fault.probe();
        assert!(probe.starts_with("-9000 ms"), "{probe}");
    }
    eventually("the clock is right", || reader.wrong().is(0));
    eventually("the clock is wrong", || reader.wrong().is(-9_000));
}

#[test]
fn it_follows_restarts_and_new_programs_and_ends_with_them() {
    if !possible() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("d.pid");
    let path = file.to_str().unwrap();
    let fault = Fault::new("restart");
    // Nothing runs yet, and nothing ever did.
    fault
        .apply(&["--pid-file", path, "--offset", "60000"])
        .unwrap();
    for _ in 0..2 {
        // The shell stays, and what it starts is not what it was.
        let mut reader = Reader::new(&["sh", "-c", "\"$@\"; :", "sh"]);
        let stat = fs::read_to_string(format!("/proc/{}/stat", reader.pid())).unwrap();
        let start = stat
            .rsplit_once(") ")
            .unwrap()
            .1
            .split(' ')
            .nth(19)
            .unwrap();
        fs::write(&file, format!("{} {start}\n", reader.pid())).unwrap();
        eventually("the new process has the wrong clock", || {
            reader.wrong().is(60_000)
        });
    }
    fault.undo();
}

#[test]
fn what_a_dead_keeper_leaves_is_mended_by_its_name_alone() {
    if !possible() {
        return;
    }
    let mut reader = Reader::new(&[]);
    let before = vdso(&reader.pid());
    let fault = Fault::new("orphan");
    fault
        .apply(&["--pid", &reader.pid(), "--offset", "7000"])
        .unwrap();
    signal("-KILL", &fault.keeper());
    fs::remove_dir_all(format!("/run/schism/clock/{}", fault.0)).unwrap();
    assert!(reader.wrong().is(7_000));
    fault.undo();
    assert!(reader.wrong().is(0));
    assert_eq!(vdso(&reader.pid()), before);
}

#[test]
fn a_paused_process_gets_its_wrong_clock_and_stays_paused() {
    if !possible() {
        return;
    }
    let mut reader = Reader::new(&[]);
    let fault = Fault::new("paused");
    signal("-STOP", &reader.pid());
    eventually("it has stopped", || state(&reader.pid()) == 'T');
    fault
        .apply(&["--pid", &reader.pid(), "--offset", "5000"])
        .unwrap();
    eventually("it is still stopped", || state(&reader.pid()) == 'T');
    signal("-CONT", &reader.pid());
    assert!(reader.wrong().is(5_000));
    signal("-STOP", &reader.pid());
    fault.undo();
    eventually("it is still stopped", || state(&reader.pid()) == 'T');
    signal("-CONT", &reader.pid());
    assert!(reader.wrong().is(0));
}

#[test]
fn one_clock_is_held_by_one_fault_at_a_time() {
    if !possible() {
        return;
    }
    let mut reader = Reader::new(&[]);
    let (one, other) = (Fault::new("one"), Fault::new("other"));
    one.apply(&["--pid", &reader.pid(), "--offset", "1000"])
        .unwrap();
    let refused = other.apply(&["--pid", &reader.pid(), "--offset", "2000"]);
    assert!(refused.unwrap_err().contains("undo it first"));
    other.undo();
    assert!(reader.wrong().is(1_000));
}

#[test]
fn a_keeper_of_processes_by_number_ends_with_them() {
    if !possible() {
        return;
    }
    let reader = Reader::new(&[]);
    let fault = Fault::new("last");
    fault
        .apply(&["--pid", &reader.pid(), "--offset", "1000"])
        .unwrap();
    let keeper = format!("/proc/{}", fault.keeper());
    drop(reader);
    eventually("the keeper ends", || {
        let stat = fs::read_to_string(format!("{keeper}/stat"));
        stat.map_or(true, |stat| stat.contains(") Z "))
    });
    assert!(!fs::exists(format!("/run/schism/clock/{}", fault.0)).unwrap());
}

#[test]
fn what_makes_no_sense_is_refused_with_the_reason() {
    for (args, reason) in [
        (&["apply", "--name", "../x", "--pid", "1"][..], "--name"),
        (&["apply", "--name", "x"], "--pid-file or --pid"),
        (&["apply", "--name", "x", "--pid", "0"], "no process 0"),
        (
            &[
                "apply",
                "--name",
                "x",
                "--pid",
                "1",
                "--offset",
                "9999999999999",
            ],
            "fifty years",
        ),
        (
            &["apply", "--name", "x", "--pid", "1", "--drift", "1e9"],
            "500000 ppm",
        ),
        (
            &["apply", "--name", "x", "--pid", "1", "--period", "5"],
            "belong together",
        ),
        (
            &[
                "apply",
                "--name",
                "x",
                "--pid",
                "1",
                "--period",
                "0",
                "--strobe-to",
                "5",
            ],
            "--period",
        ),
        (&["apply", "--name"], "needs a value"),
        (&["set"], "no command"),
    ] {
        let words = clock(args).unwrap_err();
        assert!(words.contains(reason), "{args:?}: {words}");
    }
}
