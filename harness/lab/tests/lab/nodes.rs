//! What a node is: a machine of its own, reached by SSH.

use std::{fs, path::Path};

use schism_lab::NodeState;

use crate::bench::{eventually, host, in_network, lab, possible, run, ssh};

#[test]
fn every_node_is_reached_by_ssh_and_knows_the_others_by_name() {
    if !possible() {
        return;
    }
    let lab = lab("reach", 3);
    let states: Vec<NodeState> = lab
        .status()
        .unwrap()
        .into_iter()
        .map(|node| node.state)
        .collect();
    assert_eq!(states, [NodeState::Ready; 3]);
    for node in lab.nodes() {
        assert_eq!(
            run(&lab, &node.name, "hostname; id -un"),
            format!("{node}\nroot")
        );
        for peer in ["n1", "n2", "n3", "control"] {
            assert_ne!(run(&lab, &node.name, &format!("getent hosts {peer}")), "");
        }
        run(
            &lab,
            &node.name,
            "for n in n1 n2 n3; do exec 3<>/dev/tcp/$n/22 || exit 1; done",
        );
    }
    for access in lab.ssh().unwrap() {
        let text = fs::read_to_string(&access.private_key).unwrap();
        assert!(text.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----"));
        let scan = format!(
            "ssh-keyscan -T 5 -t ed25519 {} 2>/dev/null",
            access.node.address
        );
        assert!(
            run(&lab, "n1", &scan).ends_with(&access.host_key),
            "{access:?}"
        );
        assert_eq!((access.port, access.user), (22, "root"));
    }
    lab.down().unwrap();
}

#[test]
fn what_one_node_writes_nobody_else_sees() {
    if !possible() {
        return;
    }
    let lab = lab("files", 2);
    let places = [
        "/etc", "/var/lib", "/usr/bin", "/tmp", "/root", "/run", "/dev/shm", "/opt",
    ];
    for place in places {
        let file = format!("{place}/{}", lab.config().name);
        run(&lab, "n1", &format!("echo mine > {file}"));
        run(&lab, "n2", &format!("test ! -e {file}"));
        assert!(!Path::new(&file).exists(), "{file}");
    }
    // Nor does a node see what people keep on the host, or what a lab keeps there.
    let secret = tempfile::Builder::new()
        .prefix("schism-secret")
        .tempfile_in("/tmp")
        .unwrap();
    run(
        &lab,
        "n1",
        &format!("test ! -e {}", secret.path().display()),
    );
    run(
        &lab,
        "n1",
        &format!("test ! -e {}", lab.config().dir.display()),
    );
    assert_eq!(
        run(
            &lab,
            "n1",
            "ls -A /root /home | grep -v -e : -e ^$ -e test- || true"
        ),
        ""
    );
}

#[test]
fn killing_everything_in_a_node_leaves_its_first_process_and_all_others() {
    if !possible() {
        return;
    }
    let lab = lab("killall", 2);
    let born = |node: &str, pid: u32| run(&lab, node, &format!("cut -d' ' -f22 /proc/{pid}/stat"));
    let sshd = "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline | grep -q ^sshd.*listener && basename $p; done; true";
    let (first, other) = (born("n1", 1), run(&lab, "n2", sshd));
    run(
        &lab,
        "n1",
        "nohup tail -f /dev/null > /dev/null 2>&1 < /dev/null & echo",
    );
    // It kills its own connection too.
    assert!(!ssh(&lab, "n1", "kill -9 -1; sleep 10").status.success());
    eventually("sshd is back", || ssh(&lab, "n1", "true").status.success());
    assert_eq!(born("n1", 1), first);
    assert_eq!(
        run(&lab, "n1", "cat /proc/[0-9]*/comm | grep -c ^tail || true"),
        "0"
    );
    assert_eq!(run(&lab, "n2", sshd), other);
    // Not even root there can end the first process from within.
    run(&lab, "n1", "kill -9 1; kill -TERM 1");
    assert_eq!(born("n1", 1), first);
}

#[test]
fn orphans_are_buried() {
    if !possible() {
        return;
    }
    let lab = lab("orphans", 1);
    run(&lab, "n1", "for i in 1 2 3; do (sleep 0 &) ; done");
    eventually("no zombie is left", || {
        run(
            &lab,
            "n1",
            "cat /proc/[0-9]*/stat 2>/dev/null | grep -c ' Z ' || true",
        ) == "0"
    });
}

#[test]
fn what_is_the_hosts_cannot_be_reached() {
    if !possible() {
        return;
    }
    let lab = lab("rights", 1);
    let status = run(&lab, "n1", "cat /proc/self/status");
    let bounding = status
        .lines()
        .find_map(|line| line.strip_prefix("CapBnd:"))
        .unwrap();
    let bounding = u64::from_str_radix(bounding.trim(), 16).unwrap();
    for (name, number) in [
        ("SYS_MODULE", 16),
        ("SYS_RAWIO", 17),
        ("SYS_TIME", 25),
        ("MKNOD", 27),
        ("AUDIT_CONTROL", 30),
        ("SYSLOG", 34),
        ("WAKE_ALARM", 35),
    ] {
        assert_eq!(bounding >> number & 1, 0, "CAP_{name} in {bounding:x}");
    }
    for (name, number) in [("NET_ADMIN", 12), ("SYS_PTRACE", 19), ("SYS_ADMIN", 21)] {
        assert_eq!(bounding >> number & 1, 1, "CAP_{name} in {bounding:x}");
    }
    assert_eq!(
        run(&lab, "n1", "grep CapEff /proc/1/status | cut -f2"),
        format!("{bounding:016x}")
    );
    assert!(
        !ssh(&lab, "n1", ": >> /proc/sys/vm/drop_caches")
            .status
            .success()
    );
    assert!(
        !ssh(&lab, "n1", ": >> /sys/kernel/profiling")
            .status
            .success()
    );
    run(&lab, "n1", "echo 1 > /proc/sys/net/ipv4/ip_forward");
    assert_eq!(
        run(&lab, "n1", "ip route show default; cat /etc/resolv.conf"),
        ""
    );
    // Firewall rules are a node's own affair.
    let before = host();
    run(
        &lab,
        "n1",
        "nft add table inet schism_test && nft list tables | grep -q schism_test",
    );
    assert_eq!(host(), before);
}

#[test]
fn the_control_network_is_an_island() {
    if !possible() {
        return;
    }
    let lab = lab("island", 1);
    let output = in_network(&lab)
        .args(["ip", "-o", "-4", "addr", "show", "br0"])
        .output()
        .unwrap();
    assert!(
        String::from_utf8_lossy(&output.stdout).contains(&lab.control_address().to_string()),
        "{output:?}"
    );
    let output = in_network(&lab)
        .args(["ip", "route", "show", "default"])
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(0), vec![]));
    let own = fs::read_link("/proc/self/ns/net").unwrap();
    let output = in_network(&lab)
        .args(["readlink", "/proc/self/ns/net"])
        .output()
        .unwrap();
    assert_ne!(
        String::from_utf8(output.stdout).unwrap().trim(),
        own.to_str().unwrap()
    );
    // A test has threads: half a process in another network would be worse than none.
    let refused = lab.enter_network().unwrap_err().to_string();
    assert!(refused.contains("threads already"), "{refused}");
    assert_eq!(fs::read_link("/proc/self/ns/net").unwrap(), own);
}
