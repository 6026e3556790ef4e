//! From names to addresses. Packet filters match addresses; people write names; and a name may mean another address on a
//! node than here (a Debian host knows itself as 127.0.1.1). So names are looked up here and on every node, loopback
//! addresses are left out, and whatever is found counts.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, ToSocketAddrs},
    time::Duration,
};

use control::{Cluster, Command};

/// What each name means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses(BTreeMap<String, Vec<IpAddr>>);

impl Addresses {
    /// From what is known already.
    pub fn known(addresses: BTreeMap<String, Vec<IpAddr>>) -> Self {
        Self(addresses)
    }

    /// Looks up the nodes' and the clients' names. Names that mean nothing anywhere are left without addresses.
    pub fn resolve(cluster: &Cluster) -> Self {
        let mut found: BTreeMap<String, BTreeSet<IpAddr>> = BTreeMap::new();
        let mut names = Vec::new();
        let nodes = cluster.nodes().iter().map(|n| &n.address);
        for name in nodes.chain(&cluster.control_addresses) {
            match name.parse::<IpAddr>() {
                Ok(ip) => {
                    found.entry(name.clone()).or_default().insert(ip);
                }
                Err(_) => {
                    let here = (name.as_str(), 0).to_socket_addrs();
                    found
                        .entry(name.clone())
                        .or_default()
                        .extend(here.into_iter().flatten().map(|a| a.ip()).filter(usable));
                    names.push(name.clone());
                }
            }
        }
        if !names.is_empty() {
            let ask = Command::script(
                r#"for name; do
                       getent ahosts "$name" | while read -r ip _; do printf '%s\t%s\n' "$name" "$ip"; done
                   done"#,
                names,
            )
            .idempotent()
            .deadline(Duration::from_secs(10));
            for said in cluster.on_each(cluster.nodes(), |_, remote| remote.exec(&ask)) {
                // What a node cannot tell, another can.
                for (name, ip) in said.iter().flat_map(|o| parse(&o.stdout)) {
                    if let Some(ips) = found.get_mut(&name) {
                        ips.insert(ip);
                    }
                }
            }
        }
        Self(
            found
                .into_iter()
                .map(|(name, ips)| (name, ips.into_iter().collect()))
                .collect(),
        )
    }

    /// What a name means.
    pub fn of(&self, name: &str) -> &[IpAddr] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}

fn parse(stdout: &[u8]) -> Vec<(String, IpAddr)> {
    String::from_utf8_lossy(stdout)
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(name, ip)| Some((name.to_owned(), ip.parse().ok()?)))
        .filter(|(_, ip)| usable(ip))
        .collect()
}

fn usable(ip: &IpAddr) -> bool {
    !ip.is_loopback() && !ip.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_nonsense_from_a_node_are_left_out() {
        let said = b"db1\t127.0.1.1\ndb1\t10.0.0.1\ndb1\t10.0.0.1; rm\nnoise\n";
        assert_eq!(
            parse(said),
            [("db1".to_owned(), "10.0.0.1".parse().unwrap())]
        );
    }
}
