//! How labs come, and how nodes go and come back.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use schism_lab::{Lab, LabError, NodeState, Storage};

use crate::bench::{EXE, Traces, config, host, lab, possible, run, ssh};

fn states(lab: &Lab) -> Vec<NodeState> {
    lab.status()
        .unwrap()
        .into_iter()
        .map(|node| node.state)
        .collect()
}

#[test]
fn a_crashed_node_comes_back_with_its_disk_and_without_its_memory() {
    if !possible() {
        return;
    }
    for storage in [Storage::Disk, Storage::Tmpfs] {
        let lab = Lab::up(&config("crash", 3).owned().storage(storage)).unwrap();
        assert_eq!(lab.config().storage, storage, "{:?}", lab.notes());
        run(
            &lab,
            "n2",
            "echo data > /var/lib/kept; echo data > /tmp/kept; echo data > /run/lost; echo 9.9.9.9 x >> /etc/hosts",
        );
        run(
            &lab,
            "n2",
            "nohup sleep 1000 > /dev/null 2>&1 < /dev/null & echo",
        );
        lab.crash("n2").unwrap();
        assert_eq!(
            states(&lab),
            [NodeState::Ready, NodeState::Down, NodeState::Ready]
        );
        assert!(!ssh(&lab, "n2", "true").status.success());
        // Once more is fine.
        lab.crash("n2").unwrap();
        lab.boot("n2").unwrap();
        assert_eq!(states(&lab), [NodeState::Ready; 3]);
        assert_eq!(
            run(
                &lab,
                "n2",
                "cat /var/lib/kept /tmp/kept; ls /run/lost 2>/dev/null; tail -n 1 /etc/hosts"
            ),
            "data\ndata\n9.9.9.9 x"
        );
        assert_eq!(
            run(&lab, "n2", "cat /proc/[0-9]*/comm | grep -c ^sleep || true"),
            "0"
        );
        // Neighbours still know its hardware address.
        run(&lab, "n1", "exec 3<>/dev/tcp/n2/22");
        lab.down().unwrap();
    }
}

#[test]
fn requests_that_cannot_be_met_are_refused_with_the_reason() {
    if !possible() {
        return;
    }
    let lab = Lab::up(&config("refuse", 2).owned().storage(Storage::Disk)).unwrap();
    let refusal = |result: Result<(), LabError>| result.unwrap_err().to_string();
    assert_eq!(
        refusal(lab.boot("n1")),
        "n1: is up already: crash it before booting it"
    );
    assert!(refusal(lab.crash("n3")).starts_with("no node n3 in lab "));
    // A broken disk: the error names the node and quotes its log.
    lab.crash("n1").unwrap();
    std::fs::remove_dir_all(lab.config().store.join("n1/upper")).unwrap();
    let refused = refusal(lab.boot("n1"));
    assert!(
        refused.starts_with("n1: ") && refused.contains("mounting the overlay"),
        "{refused}"
    );
    assert_eq!(states(&lab), [NodeState::Down, NodeState::Ready]);
}

#[test]
fn a_name_is_taken_once_and_names_do_not_disturb_each_other() {
    if !possible() {
        return;
    }
    let (one, two) = (lab("one", 1), lab("two", 2));
    assert!(
        matches!(Lab::up(one.config()), Err(LabError::AlreadyUp { pid, .. }) if pid == one.supervisor_pid())
    );
    // The same addresses, different machines.
    run(&one, "n1", "echo one > /etc/which");
    run(&two, "n1", "test ! -e /etc/which");
    let names: Vec<String> = Lab::list()
        .unwrap()
        .iter()
        .map(|lab| lab.config().name.clone())
        .collect();
    assert!(
        names.contains(&one.config().name) && names.contains(&two.config().name),
        "{names:?}"
    );
    let name = two.config().name.clone();
    let found = Lab::find(&name).unwrap();
    assert_eq!(found.supervisor_pid(), two.supervisor_pid());
    found.down().unwrap();
    assert!(matches!(Lab::find(&name), Err(LabError::NotUp { .. })));
    assert!(matches!(two.status(), Err(LabError::NotUp { .. })));
    assert_eq!(states(&one), [NodeState::Ready]);
}

#[test]
fn a_detached_lab_outlives_its_handle() {
    if !possible() {
        return;
    }
    let config = config("detached", 1);
    drop(Lab::up(&config).unwrap());
    let lab = Lab::find(&config.name).unwrap();
    assert_eq!(states(&lab), [NodeState::Ready]);
    let traces = Traces::of(&lab);
    lab.down().unwrap();
    traces.vanish();
    assert!(traces.nothing_on_disk());
}

#[test]
fn a_lab_that_cannot_start_says_why_and_leaves_nothing() {
    if !possible() {
        return;
    }
    let before = host();
    let mut config = config("stillborn", 1).storage(Storage::Disk);
    for (exe, words) in [
        ("/bin/true", "ended early"),
        ("/bin/echo", "does not run labs"),
        ("/no/such/program", "/no/such/program"),
    ] {
        config.exe = PathBuf::from(exe);
        let failed = Lab::up(&config).unwrap_err().to_string();
        assert!(failed.contains(words), "{failed}");
        assert!(!config.dir.exists() && !config.store.exists());
    }
    assert_eq!(host(), before);
}

#[test]
fn on_an_overlay_the_disk_is_replaced_by_memory_and_the_user_is_told() {
    if !possible() {
        return;
    }
    // A node's root is an overlay: a lab within a lab.
    let lab = lab("outer", 1);
    let program = std::fs::read(EXE).unwrap();
    let mut copy = Command::new(EXE)
        .arg("ssh")
        .arg(&lab.config().dir)
        .args([
            "n1",
            "cat > /usr/local/bin/inner && chmod +x /usr/local/bin/inner",
        ])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    copy.stdin.take().unwrap().write_all(&program).unwrap();
    assert!(copy.wait().unwrap().success());
    let said = run(&lab, "n1", "inner up /run/inner 2 disk /var/inner");
    assert!(
        said.contains("nodes keep their data in memory: /var is on an overlay itself"),
        "{said}"
    );
    assert_eq!(run(&lab, "n1", "inner ssh /run/inner n2 hostname"), "n2");
    run(
        &lab,
        "n1",
        "inner down /run/inner && test ! -e /run/inner -a ! -e /var/inner",
    );
}

#[test]
fn a_machine_that_cannot_have_labs_is_told_what_to_do() {
    if !possible() {
        return;
    }
    let config = config("preflight", 1);
    let output = Command::new("setpriv")
        .args(["--bounding-set=-sys_admin", EXE, "up"])
        .arg(&config.dir)
        .arg("1")
        .output();
    let output = output.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        said.contains("CAP_SYS_ADMIN") && said.contains("--privileged"),
        "{said}"
    );
    assert!(!config.dir.exists());
}
