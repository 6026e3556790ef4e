//! What packet filter each node has. Having the program is not enough: it must answer as root, which in a container
//! without `CAP_NET_ADMIN` it does not.

use std::{collections::BTreeMap, fmt, time::Duration};

use control::{Cluster, Command, Node};
use serde::{Deserialize, Serialize};

use super::{Addresses, PacketFilter};

/// A packet filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// `nft`.
    Nftables,
    /// `iptables`, with `ip6tables` where it is needed.
    Iptables,
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nftables => "nftables",
            Self::Iptables => "iptables",
        })
    }
}

/// Why links cannot be cut on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoFilter {
    /// Where.
    pub node: String,
    /// Why.
    pub why: String,
    /// What to do instead.
    pub instead: String,
}

const LOOK: &str = r#"
if command -v nft >/dev/null 2>&1; then
    # What a cut does, and its undo, in one transaction: kernels differ in what they were built with.
    if said=$(nft "add table inet schism_probe
        add chain inet schism_probe cut { type filter hook input priority -5; policy accept; }
        add rule inet schism_probe cut ip saddr 192.0.2.1 counter drop
        delete table inet schism_probe" 2>&1); then echo nftables; exit; fi
fi
if command -v iptables >/dev/null 2>&1; then
    if said=$(iptables -w 5 -S INPUT 2>&1); then echo iptables; exit; fi
fi
printf 'none %s\n' "$said" | head -n 1"#;

/// Looks at every node. Probes will try this TCP port of the others.
pub fn detect(cluster: &Cluster, probe_port: u16) -> Result<PacketFilter, Vec<NoFilter>> {
    let look = Command::script::<&str>(LOOK, [])
        .root()
        .idempotent()
        .deadline(Duration::from_secs(10));
    let answers = cluster.on_each(cluster.nodes(), |_, remote| remote.exec(&look));
    let mut filters = BTreeMap::new();
    let mut refused = Vec::new();
    for (node, answer) in cluster.nodes().iter().zip(answers) {
        match answer {
            Err(error) => refused.push(NoFilter {
                node: node.name.clone(),
                why: error
                    .to_string()
                    .trim_start_matches(&format!("{node}: "))
                    .to_owned(),
                instead: "log in as root, or let the login use sudo".into(),
            }),
            Ok(output) => match output.text().as_str() {
                "nftables" => {
                    filters.insert(node.name.clone(), Filter::Nftables);
                }
                "iptables" => {
                    filters.insert(node.name.clone(), Filter::Iptables);
                }
                said => refused.push(none(node, said.strip_prefix("none").unwrap_or(said).trim())),
            },
        }
    }
    let addresses = Addresses::resolve(cluster);
    refused.extend(unusable(cluster, &addresses));
    if refused.is_empty() {
        Ok(PacketFilter::new(filters, addresses, probe_port))
    } else {
        Err(refused)
    }
}

fn none(node: &Node, said: &str) -> NoFilter {
    if said.is_empty() {
        NoFilter {
            node: node.name.clone(),
            why: "it has neither nft nor iptables".into(),
            instead: "install nftables or iptables on it".into(),
        }
    } else {
        NoFilter {
            node: node.name.clone(),
            why: format!("its packet filter refuses us: {said}"),
            instead: "give it CAP_NET_ADMIN and a kernel with nftables or iptables".into(),
        }
    }
}

/// Cuts match addresses, so each node needs its own, and ours must not be among them: its packets carry our SSH.
pub(in crate::net) fn unusable(cluster: &Cluster, addresses: &Addresses) -> Vec<NoFilter> {
    let mut refused = Vec::new();
    for (i, node) in cluster.nodes().iter().enumerate() {
        let refuse = |why: String, instead: &str| NoFilter {
            node: node.name.clone(),
            why,
            instead: instead.into(),
        };
        let own = addresses.of(&node.address);
        if own.is_empty() || own.iter().any(std::net::IpAddr::is_loopback) {
            refused.push(refuse(
                format!(
                    "{} is no address that other nodes could be cut off from",
                    node.address
                ),
                "give the node's address in the network that it shares with the others",
            ));
            continue;
        }
        let shared = cluster.nodes()[..i].iter().find(|other| {
            addresses
                .of(&other.address)
                .iter()
                .any(|ip| own.contains(ip))
        });
        if let Some(other) = shared {
            refused.push(refuse(
                format!("it has the same address as {other}, so the two cannot be told apart"),
                "give each node an address of its own",
            ));
        }
        let ours = cluster
            .control_addresses
            .iter()
            .any(|name| addresses.of(name).iter().any(|ip| own.contains(ip)));
        if ours {
            refused.push(refuse(
                "schism runs on it: cutting it off from the others would cut our own SSH".into(),
                "run schism on a machine that is not a node",
            ));
        }
    }
    refused
}
