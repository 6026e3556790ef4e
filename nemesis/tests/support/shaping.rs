//! Plans of what happens to packets, without a network.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use control::Node;
use history::fault::FaultId;
use schism_nemesis::{Addresses, Capabilities, FaultSpec, Leaders, Means, Plan, Shaper, View};

use super::{
    Toy,
    world::{four, six},
};

/// Nodes with an address of each family, and these means.
pub fn shaping(nodes: usize, means: Means) -> Capabilities {
    let addresses = (1..=nodes).map(|i| {
        (
            four(i),
            vec![four(i).parse().unwrap(), six(i).parse().unwrap()],
        )
    });
    let addresses = Addresses::known(addresses.collect());
    let helper = (1..=nodes).map(|i| (format!("n{i}"), "/opt/schism".to_owned()));
    Capabilities {
        shaper: Some(Arc::new(Shaper::new(
            means,
            false,
            addresses,
            BTreeMap::new(),
        ))),
        helper: helper.collect(),
        ..Capabilities::default()
    }
}

/// What a fault decides about nodes without a leader, of which none is busy.
pub fn planned(
    spec: &FaultSpec,
    nodes: &[Node],
    capabilities: &Capabilities,
    fault: u32,
    seed: u64,
) -> Plan {
    let toys = tempfile::tempdir().unwrap();
    let view = View {
        fault: FaultId(fault),
        nodes,
        control_addresses: &[],
        client_port: &|_| 1,
        net: None,
        own_links: false,
        processes: None,
        system: &Toy::new(toys.path(), nodes.len()),
        capabilities,
        has_leader: false,
        leaders: &Leaders::NotAsked,
        busy: &BTreeMap::new(),
        apart: &BTreeSet::new(),
        tight: false,
    };
    spec.fault().plan(&view, seed).unwrap()
}
