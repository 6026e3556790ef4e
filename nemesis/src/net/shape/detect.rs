//! What each node has to shape packets with, and how long a round trip takes between them.

use std::{collections::BTreeMap, time::Duration};

use control::{Cluster, Command};

use super::{Means, Shaper};
use crate::net::{Addresses, NoFilter, detect::unusable};

/// Looks at every node; `helper` says where this program lies on each.
pub(crate) fn detect(
    cluster: &Cluster,
    helper: &BTreeMap<String, String>,
) -> Result<Shaper, Vec<NoFilter>> {
    let addresses = Addresses::resolve(cluster);
    // Before anything is tried: a node at a loopback address shares the network of this machine.
    let refused = unusable(cluster, &addresses);
    if !refused.is_empty() {
        return Err(refused);
    }
    let (means, delayer) = means(cluster)?;
    let round_trips = round_trips(cluster, helper, &addresses)?;
    Ok(Shaper::new(means, delayer, addresses, round_trips))
}

fn means(cluster: &Cluster) -> Result<(Means, bool), Vec<NoFilter>> {
    let script = format!(
        "{}{}\nlook_netem\nlook_delayer",
        Means::LOOK_NETEM,
        Means::LOOK_DELAYER
    );
    let look = Command::script::<&str>(&script, [])
        .root()
        .idempotent()
        .deadline(Duration::from_secs(20));
    let answers = cluster.on_each(cluster.nodes(), |_, remote| remote.exec(&look));
    let (mut netem, mut delayer) = (true, true);
    let mut refused = Vec::new();
    for (node, answer) in cluster.nodes().iter().zip(answers) {
        let (no_netem, no_delayer) = match answer {
            Err(error) => (error.to_string(), error.to_string()),
            Ok(output) => {
                let text = output.text();
                let mut lines = text.lines().map(|l| l.trim().to_owned());
                let mut line = || lines.next().unwrap_or_else(|| output.complaint());
                (line(), line())
            }
        };
        netem &= no_netem == "yes";
        delayer &= no_delayer == "yes";
        if no_netem != "yes" && no_delayer != "yes" {
            refused.push(NoFilter {
                node: node.name.clone(),
                why: format!("it has neither netem ({no_netem}) nor NFQUEUE ({no_delayer})"),
                instead: "use a kernel with NET_SCH_NETEM, or with NETFILTER_XT_TARGET_NFQUEUE and iptables"
                    .into(),
            });
        }
    }
    match (netem, delayer) {
        (true, _) => Ok((Means::Netem, delayer)),
        (false, true) => Ok((Means::Delayer, true)),
        (false, false) if refused.is_empty() => Err(vec![NoFilter {
            node: "these nodes".into(),
            why: "some have only netem and others only NFQUEUE".into(),
            instead: "use nodes with the same kernel".into(),
        }]),
        (false, false) => Err(refused),
    }
}

const ROUND_TRIPS: &str = r#"
helper=$1; shift
for to; do printf '%s %s\n' "$to" "$("$helper" node packets measure delay "$to" 5 2000 64 1000 2>&1)"; done"#;

/// An echo that does not come back now could not show later that it is late.
fn round_trips(
    cluster: &Cluster,
    helper: &BTreeMap<String, String>,
    addresses: &Addresses,
) -> Result<BTreeMap<(String, String), Duration>, Vec<NoFilter>> {
    let nodes = cluster.nodes();
    let first = |address: &str| addresses.of(address).first().map(ToString::to_string);
    let answers = cluster.on_each(nodes, |node, remote| {
        let others = nodes.iter().filter(|other| other.name != node.name);
        let to = others.filter_map(|other| first(&other.address));
        let helper = helper.get(&node.name).cloned().unwrap_or_default();
        let ask = Command::script(ROUND_TRIPS, std::iter::once(helper).chain(to))
            .root()
            .idempotent();
        remote.exec(&ask)
    });
    let (mut found, mut refused) = (BTreeMap::new(), Vec::new());
    for (node, answer) in nodes.iter().zip(answers) {
        let text = match &answer {
            Ok(output) => output.text(),
            Err(error) => error.to_string(),
        };
        for other in nodes.iter().filter(|other| other.name != node.name) {
            let to = first(&other.address).unwrap_or_default();
            let said = text
                .lines()
                .find_map(|line| line.strip_prefix(&to)?.strip_prefix(' '));
            let micros = said.and_then(|said| said.split(' ').next()?.parse().ok());
            match micros {
                Some(micros) => {
                    let link = (node.name.clone(), other.name.clone());
                    found.insert(link, Duration::from_micros(micros));
                }
                None => refused.push(NoFilter {
                    node: node.name.clone(),
                    why: format!(
                        "it gets no answer to a ping of {other}, by which effects are measured ({})",
                        said.unwrap_or_else(|| text.lines().next().unwrap_or("it said nothing"))
                    ),
                    instead: "let ICMP echo requests through between the nodes".into(),
                }),
            }
        }
    }
    if refused.is_empty() {
        Ok(found)
    } else {
        Err(refused)
    }
}
