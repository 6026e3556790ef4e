//! Hosts that are not as they should be: each is refused before anything is deployed, by name, with what to do. The
//! hosts are a lab's nodes, addressed as real hosts are.

use std::process::Command;

use crate::{
    Lab, root,
    support::{Ended, Shell, ended},
};

/// The program, run where a lab's nodes can be reached, as if they were hosts of ours.
fn near(shell: &Shell, lab: &Lab<'_>, args: &[&str]) -> Ended {
    let state = std::fs::read_to_string(format!("/run/schism/labs/{}/supervisor.json", lab.name))
        .expect("it is up");
    let state: serde_json::Value = serde_json::from_str(&state).expect("JSON");
    let program = shell.command(args);
    let mut command = Command::new("nsenter");
    command
        .arg(format!("--net=/proc/{}/ns/net", state["pid"]))
        .arg(program.get_program())
        .args(program.get_args())
        .current_dir(shell.path());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    ended(command.output().expect("nsenter starts"))
}

fn key_file(lab: &Lab<'_>, name: &str) -> String {
    format!("/run/schism/labs/{}/{name}", lab.name)
}

/// A known_hosts file with the lab's own key for each node.
fn known_hosts(shell: &Shell, lab: &Lab<'_>) -> String {
    let key = std::fs::read_to_string(key_file(lab, "host_key.pub")).expect("it is up");
    let key: Vec<_> = key.split_whitespace().take(2).collect();
    let lines: String = (1..=3)
        .map(|i| format!("10.77.0.{i} {}\n", key.join(" ")))
        .collect();
    shell.write("known_hosts", &lines);
    shell.path().join("known_hosts").display().to_string()
}

#[test]
fn hosts_that_cannot_be_trusted_entered_or_used_are_refused_by_name() {
    let Some(_alone) = root::or_skip() else {
        return;
    };
    let shell = Shell::new();
    let lab = Lab::up(&shell, "refuse", "3");
    let known = known_hosts(&shell, &lab);
    let key = key_file(&lab, "client_key");
    let nodes = [
        "--node",
        "10.77.0.1",
        "--node",
        "10.77.0.2",
        "--node",
        "10.77.0.3",
    ];
    let run = |rest: &[&str]| near(&shell, &lab, &[&["run", "etcd"][..], &nodes, rest].concat());
    let as_root = ["--ssh-user", "root", "--ssh-key", &key];

    // A host key that is not known, and one that has changed.
    shell.write("nobody_known", "");
    let empty = shell.path().join("nobody_known").display().to_string();
    let said = run(&[&as_root[..], &["--known-hosts", &empty]].concat()).code(4);
    said.says("n1").says("10.77.0.1").says("ssh-keyscan");
    let other = std::fs::read_to_string(key_file(&lab, "client_key.pub")).expect("it is up");
    let other: Vec<_> = other.split_whitespace().take(2).collect();
    let lines: String = (1..=3)
        .map(|i| format!("10.77.0.{i} {}\n", other.join(" ")))
        .collect();
    shell.write("changed", &lines);
    let changed = shell.path().join("changed").display().to_string();
    run(&[&as_root[..], &["--known-hosts", &changed]].concat())
        .code(4)
        .says("HAS CHANGED");

    // A key that the hosts do not accept.
    let stranger = shell.path().join("stranger").display().to_string();
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f", &stranger])
        .status();
    assert!(made.expect("ssh-keygen runs").success());
    let wrong = [
        "--ssh-user",
        "root",
        "--ssh-key",
        &stranger,
        "--known-hosts",
        &known,
    ];
    run(&wrong)
        .code(4)
        .says("login as root refused")
        .says("--ssh-key");

    // A login that cannot become root.
    for node in ["n1", "n2", "n3"] {
        lab.ssh(
            node,
            &["useradd", "-m", "-p", "*", "-s", "/bin/sh", "tester"],
        );
    }
    let tester = [
        "--ssh-user",
        "tester",
        "--ssh-key",
        &key,
        "--known-hosts",
        &known,
    ];
    run(&tester).code(4).says("no root").says("sudo");

    // A node that has no packet filter.
    let hide = "for f in /usr/sbin/nft /usr/sbin/*tables*; do mv \"$f\" \"$f.hidden\"; done";
    lab.ssh("n2", &["sh", "-c", hide]);
    let partition = [
        &as_root[..],
        &["--known-hosts", &known, "--faults", "partition"],
    ]
    .concat();
    run(&partition)
        .code(2)
        .says("n2")
        .says("neither nft nor iptables")
        .says("install nftables or iptables");

    // And nothing was deployed anywhere.
    assert_eq!(
        lab.ssh("n1", &["sh", "-c", "ls /var/lib | grep -c schism-etcd"])
            .trim(),
        "0"
    );

    // The same hosts, used as they should be.
    let well = [
        &as_root[..],
        &["--known-hosts", &known, "--faults", "kill", "--time", "8s"],
    ]
    .concat();
    run(&well).code(0).says("PASS");
    near(
        &shell,
        &lab,
        &[
            &["doctor", "etcd"][..],
            &nodes,
            &as_root,
            &["--known-hosts", &known],
        ]
        .concat(),
    )
    .code(4)
    .says("n2: no packet filter");
}
