//! Two faults of different sorts on one node of a lab with a real etcd: the second comes while the first is in force, and
//! they go in either order. What is in force is measured by something other than the faults' own code.

use crate::{
    nodes::{World, apart, soon},
    root,
};

/// The faults, by their places here, each with a question to `n1` or `n2` that is answered with `yes` while it is in force.
const FAULTS: [(&str, &str, &str); 9] = [
    (
        "partition: { at: [[n2]] }",
        "n1",
        "ping -c1 -W1 n2 >/dev/null || echo yes",
    ),
    (
        "pause: { at: n2 }",
        "n2",
        "grep -q '^State:.T' /proc/$(cut -d' ' -f1 /run/schism-etcd.pid)/status && echo yes",
    ),
    (
        "kill: { at: n2 }",
        "n2",
        "for p in /proc/[0-9]*; do [ \"$(cat $p/comm 2>/dev/null)\" = etcd ] && exit 0; done; echo yes",
    ),
    (
        "cpu: { at: n2, threads: 1 }",
        "n2",
        "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -aq 'node [p]ressure' &&
           a=$(cut -d' ' -f14 $p/stat) && sleep 0.5 && b=$(cut -d' ' -f14 $p/stat) && [ $((b - a)) -ge 5 ] && echo yes && break; done",
    ),
    (
        "read-only: { at: n2 }",
        "n2",
        "touch /var/lib/schism-etcd/data/.try 2>/dev/null || echo yes; rm -f /var/lib/schism-etcd/data/.try 2>/dev/null",
    ),
    (
        "descriptors: { at: n2 }",
        "n2",
        "l=$(sed -n 's/^Max open files *\\([0-9]*\\) .*/\\1/p' /proc/$(cut -d' ' -f1 /run/schism-etcd.pid)/limits)
         [ \"$l\" -lt 200 ] && echo yes",
    ),
    (
        "memory: { at: n2, megabytes: 64 }",
        "n2",
        "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -aq 'node [p]ressure' &&
           r=$(sed -n 's/^VmRSS:[[:space:]]*\\([0-9]*\\) .*/\\1/p' $p/status) && [ \"${r:-0}\" -gt 60000 ] && echo yes && break; done",
    ),
    (
        "packets: { at: [[n2]], delay: 60ms }",
        "n1",
        // User to user: the kernel stamps what comes in before it is held back.
        "t=$(ping -U -c2 -i0.2 -W1 n2 | sed -n 's/^rtt.*= \\([0-9]*\\)\\..*/\\1/p'); [ \"${t:-0}\" -ge 100 ] && echo yes",
    ),
    (
        "clock: { at: n2, how: [ahead], by: 100s..200s }",
        "n2",
        "[ -n \"$(ls /run/schism/clock 2>/dev/null)\" ] && echo yes",
    ),
];

/// Pairs that meet.
const PAIRS: [(usize, usize); 7] = [(0, 1), (3, 5), (4, 6), (5, 2), (7, 4), (8, 1), (7, 8)];

impl World {
    fn in_force(&self, fault: usize) -> bool {
        let (_, node, question) = FAULTS[fault];
        self.on(node, &format!("{question}\nexit 0")) == "yes"
    }

    /// Everything that these faults could leave, but for the node's own timer; and nothing was sent to it.
    fn leftovers(&self) -> Vec<String> {
        let mut all = self.all_traces();
        all.extend(self.on_each(
            // Chains that iptables makes for itself when it is first used stay, and are empty.
            "nft list tables | grep schism; iptables-save | grep ^-A; ip6tables-save | grep ^-A; find /run/schism -mindepth 1 2>/dev/null | grep -v /run/schism/nodes-n; ls /var/tmp
             cat /proc/$(cut -d' ' -f1 /run/schism-etcd.pid)/cgroup; exit 0",
        ));
        all
    }
}

#[test]
fn faults_of_different_sorts_on_one_node_heal_alone_and_in_either_order() {
    let Some(_alone) = root::or_skip() else {
        return;
    };
    apart(faults_of_different_sorts_on_one_node_heal_alone_in_a_lab);
}

fn faults_of_different_sorts_on_one_node_heal_alone_in_a_lab() {
    let list = FAULTS.map(|(fault, ..)| fault).join(", ");
    let world = World::new("overlaps", &format!("{{ {list} }}"));
    let none = |what: &str| {
        for (fault, (name, ..)) in FAULTS.iter().enumerate() {
            assert!(!world.in_force(fault), "{what}: {name}");
        }
    };
    none("before");
    let before = world.leftovers();
    for (a, b) in PAIRS {
        for (goes, stays) in [(a, b), (b, a)] {
            let what = format!("{}, {}", FAULTS[goes].0, FAULTS[stays].0);
            world.inject(a);
            soon(&format!("{what}: the first"), || world.in_force(a));
            world.inject(b);
            // Memory takes a moment to be filled.
            soon(&format!("{what}: the second"), || world.in_force(b));
            world.heal(goes);
            soon(&format!("{what}: one is gone"), || !world.in_force(goes));
            soon(&format!("{what}: the other stays"), || {
                world.in_force(stays)
            });
            world.heal(stays);
            soon(&format!("{what}: both are gone"), || !world.in_force(stays));
            world.healthy();
            let after = world.leftovers();
            assert_eq!(after, before, "{what}");
        }
    }
    none("after");
    world.lab.down().expect("it goes");
}
