//! What happens to packets, as plans, as text, and refused: no network, no root.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{collections::BTreeSet, path::Path};

use control::Node;
use schism_nemesis::{Faults, Means, Role, TrackSpec, preflight};
use support::{
    Toy,
    shaping::{planned, shaping},
    world::four,
};

#[test]
fn a_seed_decides_the_effect_and_every_effect_is_measured() {
    let nodes: Vec<Node> = (1..=5)
        .map(|i| Node::new(format!("n{i}"), four(i)))
        .collect();
    let spec = "packets".parse::<TrackSpec>().unwrap().fault;
    for means in [Means::Delayer, Means::Netem] {
        let capabilities = shaping(5, means);
        let mut drawn = BTreeSet::new();
        for seed in 0..60 {
            let plan = planned(&spec, &nodes, &capabilities, 3, seed);
            assert_eq!(plan, planned(&spec, &nodes, &capabilities, 3, seed));
            // A link is shaped at one of its ends, and what is shaped is measured.
            let ends = |(from, to): &(String, String)| match means {
                Means::Delayer => to.clone(),
                Means::Netem => from.clone(),
            };
            let there: BTreeSet<String> = plan.shaped.iter().map(ends).collect();
            let acted: BTreeSet<String> = plan.actions.iter().map(|a| a.node.clone()).collect();
            assert_eq!(acted, there);
            assert!(plan.probes.iter().any(|p| p.role == Role::Effect), "{plan}");
            for probe in &plan.probes {
                let (from, to) = probe.link.clone().unwrap();
                let struck = plan.shaped.contains(&(from.clone(), to.clone()))
                    || plan.shaped.contains(&(to, from));
                assert_eq!(struck, probe.role == Role::Effect, "{plan}");
            }
            drawn.insert(plan.what.split(", to and from").next().unwrap().to_owned());
        }
        assert!(drawn.len() > 7, "{drawn:?}");
    }
}

/// Why these faults cannot be had by three nodes that nobody can reach.
fn refusals(faults: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    // Its links are its own: nothing is tried on any network.
    let toy = Toy::new(dir.path(), 3);
    let faults: Faults = serde_yaml::from_str(faults).unwrap();
    match preflight(
        &faults,
        &support::cluster(3),
        &toy,
        Path::new("/nowhere/schism"),
    ) {
        Ok(_) => Vec::new(),
        Err(refused) => refused.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_what_to_write_instead() {
    for (fault, word) in [
        ("packets: { loss: 120 }", "loss is a share in percent"),
        (
            "packets: { delay: 3s }",
            "held back for a second, not longer",
        ),
        (
            "packets: { delay: 9ms, distribution: pareto }",
            "say `jitter`, too",
        ),
        (
            "packets: { loss: 1, undetected: true }",
            "say `corrupt`, too",
        ),
        ("packets: { at: n7 }", "there is no node"),
        ("packets:", "its nodes share the network of this machine"),
        (
            "wan: { regions: [us-east, atlantis] }",
            "not known how far atlantis is from us-east",
        ),
        ("wan: { regions: [us-east] }", "name at least two regions"),
        (
            "wan: { regions: [a, b], round-trips: { a: { b: 9s } } }",
            "more than two seconds apart",
        ),
        ("partition: { how: reject }", "cuts its links itself"),
        ("partition: { flap: 1ms }", "write `flap: 500ms`"),
        ("partition: { ports: [22] }", "name the ports of the system"),
    ] {
        let said = refusals(fault);
        assert!(said.iter().any(|s| s.contains(word)), "{fault}: {said:?}");
    }
    assert!(refusals("partition: { at: one }").is_empty());
}

#[test]
fn what_was_asked_of_packets_is_read_and_written_again() {
    let text = "packets: { at: leader, delay: 50ms, jitter: 10ms, distribution: normal, loss: 2.5, rate: 1mbit, one-way: true }
wan: { preset: fibre, regions: [a, b], round-trips: { a: { b: 80ms } } }
partition: { how: reject, ports: [2380], flap: 500ms }";
    let faults: Faults = serde_yaml::from_str(text).unwrap();
    let written = serde_yaml::to_string(&faults).unwrap();
    let again: Faults = serde_yaml::from_str(&written).unwrap();
    assert_eq!(again, faults, "{written}");
    let bad = serde_yaml::from_str::<Faults>("packets: { rate: fast }").unwrap_err();
    assert!(
        bad.to_string().contains("write, for example, 500kbit"),
        "{bad}"
    );
}
