//! The commands of tc netem, run for real on a device of a network namespace: what they catch, and that what was there before is
//! put back.
//!
//! Needs root, `unshare`, `nsenter`, `ip`, `tc` and `ping`; skipped, loudly, without them, and failed instead if
//! `SCHISM_REQUIRE_ROOT=1`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use control::Command;
use schism_nemesis::{Ask, FaultSpec, Means, TrackSpec};
use support::{
    eventually,
    shaping::{planned, shaping},
    world::{World, four, six},
};

/// Where the kernel has no netem, everything around it is still the kernel's own: `tc` is asked for another leaf then, that
/// loses everything (a token bucket smaller than any packet), so that it shows which packets go there.
#[test]
fn the_qdiscs_of_netem_catch_what_goes_to_the_peers_and_are_put_back() {
    let Some(world) = World::new(4, four) else {
        return;
    };
    let bin = tempfile::tempdir().unwrap();
    let tc = bin.path().join("tc");
    let shim = r#"#!/bin/sh
n=$#
while [ $n -gt 0 ]; do
    word=$1; shift; n=$((n - 1))
    if [ "$word" = netem ]; then shift $n; n=0; set -- "$@" tbf rate 8bit burst 1 limit 1; else set -- "$@" "$word"; fi
done
exec /usr/sbin/tc "$@"
"#;
    std::fs::write(&tc, shim).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&tc, mode).unwrap();
    let with_shim = |command: &Command| {
        let mut command = command.clone();
        let path = format!(
            "PATH={}:/usr/sbin:/usr/bin:/sbin:/bin",
            bin.path().display()
        );
        command.argv.splice(0..0, ["env".to_owned(), path]);
        command
    };
    let capabilities = shaping(4, Means::Netem);
    let nodes: Vec<_> = (1..=4).map(|i| world.node(i)).collect();
    let spec: FaultSpec = "packets@n1".parse::<TrackSpec>().unwrap().fault;
    let plan = |fault: u32| planned(&spec, &nodes, &capabilities, fault, 1);
    let action = plan(3)
        .actions
        .into_iter()
        .find(|a| a.node == "n2")
        .unwrap();
    let lost = |to: String| {
        let ping = Command::new(["ping", "-n", "-c2", "-i0.02", "-W1", &to]);
        !world.exec(2, &ping).success()
    };
    let qdiscs = || world.run(2, &Command::new(["tc", "qdisc", "show", "dev", "eth0"]));
    let Ask::On { command: state, .. } = &action.probe.ask else {
        panic!("a node is asked");
    };
    for own in [None, Some("handle 7: pfifo limit 77")] {
        if let Some(own) = own {
            world.spaces[1].run(&format!("tc qdisc add dev eth0 root {own}"));
        }
        eventually("the bridge forwards", || !lost(four(1)) && !lost(six(1)));
        let before = qdiscs();
        for _ in 0..2 {
            world.run(2, &with_shim(&action.apply));
            assert!(lost(four(1)) && lost(six(1)), "{}", qdiscs());
            assert!(!lost(four(3)) && !lost(six(3)), "{}", qdiscs());
            assert_eq!(world.run(2, state), "in force");
        }
        let second = plan(4)
            .actions
            .into_iter()
            .find(|a| a.node == "n2")
            .unwrap();
        let refused = world.exec(2, &with_shim(&second.apply));
        assert!(
            refused.complaint().contains("under another packet fault"),
            "{refused:?}"
        );
        world.run(2, &second.undo);
        assert!(lost(four(1)), "the other's undo leaves it alone");
        for _ in 0..2 {
            world.run(2, &action.undo);
            assert_eq!(qdiscs(), before, "{own:?}");
            assert_eq!(world.run(2, state), "gone");
        }
        assert!(!lost(four(1)) && !lost(six(1)));
        if own.is_some() {
            world.spaces[1].run("tc qdisc del dev eth0 root");
        }
    }
    // Classes could not be put back.
    world.spaces[1].run("tc qdisc add dev eth0 root handle 9: htb");
    world.spaces[1].run("tc class add dev eth0 parent 9: classid 9:1 htb rate 1gbit");
    let before = qdiscs();
    let refused = world.exec(2, &with_shim(&action.apply));
    assert!(
        refused.complaint().contains("could not be put back"),
        "{refused:?}"
    );
    assert_eq!(qdiscs(), before);
}
