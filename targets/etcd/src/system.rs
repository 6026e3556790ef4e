//! etcd on its nodes.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use control::{
    Administration, Cluster, Command, Daemon, Daemons, DataFiles, Error, Membership, Node,
    Primaries, Processes, RemoteExt, System,
};
use serde_json::{Value, json};

use crate::gateway::Gateway;

/// Where members serve clients.
pub const CLIENT_PORT: u16 = 2379;
/// Where members serve each other.
pub const PEER_PORT: u16 = 2380;

const HOME: &str = "/var/lib/schism-etcd";
const LOG: &str = "/var/log/schism-etcd.log";
const PID_FILE: &str = "/run/schism-etcd.pid";

/// Installs Debian's package where etcd is missing. The package would start a service of its own: `policy-rc.d`
/// (Debian policy, invoke-rc.d(8)) forbids that for the moment.
const INSTALL: &str = r#"
command -v etcd >/dev/null && exit 0
command -v apt-get >/dev/null || {
  echo "etcd is not installed and there is no apt-get: put an etcd binary on the PATH of this node" >&2
  exit 1
}
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get install -y --no-install-recommends etcd-server etcd-client >/dev/null 2>&1 && exit 0
apt-get update >/dev/null && apt-get install -y --no-install-recommends etcd-server etcd-client >/dev/null
"#;

/// A cluster of etcd members, one a node, configured statically.
#[derive(Debug, Clone)]
pub struct Etcd {
    nodes: Vec<Node>,
}

impl Etcd {
    /// A member on each of these nodes.
    pub fn new(nodes: Vec<Node>) -> Self {
        Self { nodes }
    }

    /// With data of its own, a member does not care for what the cluster was when it was started; without, it is of a `new`
    /// or of an `existing` one.
    pub(crate) fn started_as(&self, node: &Node, cluster: &str) -> Daemon {
        let peer = |n: &Node| format!("http://{}:{PEER_PORT}", n.address);
        let client = format!("http://{}:{CLIENT_PORT}", node.address);
        let members: Vec<_> = self
            .nodes
            .iter()
            .map(|n| format!("{}={}", n.name, peer(n)))
            .collect();
        let (name, own, members) = (node.name.as_str(), peer(node), members.join(","));
        let data = Self::data();
        let argv = [
            "etcd",
            "--name",
            name,
            "--data-dir",
            &data,
            "--listen-peer-urls",
            &own,
            "--initial-advertise-peer-urls",
            &own,
            "--listen-client-urls",
            &client,
            "--advertise-client-urls",
            &client,
            "--initial-cluster",
            &members,
            "--initial-cluster-state",
            cluster,
            "--initial-cluster-token",
            "schism",
            // Half of the defaults: in one room, with faults that last seconds, a leader should be found within one.
            "--heartbeat-interval",
            "50",
            "--election-timeout",
            "500",
            "--logger",
            "zap",
            "--log-outputs",
            "stderr",
        ];
        Daemon {
            argv: argv.map(str::to_owned).into(),
            directory: HOME.to_owned(),
            log: LOG.to_owned(),
            pid_file: PID_FILE.to_owned(),
        }
    }

    /// Where a member keeps its data.
    pub(crate) fn data() -> String {
        format!("{HOME}/data")
    }

    /// Kills what runs and removes what it wrote.
    fn clear(&self, cluster: &Cluster) -> Result<(), Error> {
        cluster.on_all(&self.nodes, |node, remote| {
            remote.run(&self.kill(node))?;
            remote.run(&self.daemon(node).remove())
        })
    }
}

impl System for Etcd {
    fn name(&self) -> &str {
        "etcd"
    }

    fn version(&self, cluster: &Cluster) -> Result<String, Error> {
        let out = cluster
            .remote(&self.nodes[0].name)
            .run(&Command::new(["etcd", "--version"]).idempotent())?;
        let text = out.text();
        let first = text.lines().next().unwrap_or_default();
        Ok(first.trim_start_matches("etcd Version: ").to_owned())
    }

    fn install(&self, cluster: &Cluster) -> Result<(), Error> {
        let install = Command::script(INSTALL, [""; 0])
            .root()
            .idempotent()
            .deadline(Duration::from_secs(300));
        cluster.on_all(cluster.nodes(), |_, remote| remote.run(&install))
    }

    fn start(&self, cluster: &Cluster) -> Result<(), Error> {
        self.clear(cluster)?;
        cluster.on_all(&self.nodes, |node, remote| {
            remote.run(&self.daemon(node).start())
        })
    }

    fn await_healthy(&self, _cluster: &Cluster, within: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + within;
        loop {
            // A linearizable read succeeds only where the member sees a leader and a quorum.
            let sick: Vec<String> = ask_all(&self.nodes, "kv/range", &json!({ "key": "AA==" }))
                .into_iter()
                .filter_map(|(node, answer)| answer.err().map(|e| format!("{node}: {e}")))
                .collect();
            if sick.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(Error::Io {
                    node: self.nodes[0].name.clone(),
                    what: format!("etcd did not become healthy within {within:?} (see {LOG})"),
                    reason: sick.join("; "),
                });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn stop(&self, cluster: &Cluster) -> Result<(), Error> {
        self.clear(cluster)
    }

    fn client_port(&self, _: &Node) -> u16 {
        CLIENT_PORT
    }

    fn processes(&self) -> Option<&dyn Processes> {
        Some(self)
    }

    fn primaries(&self) -> Option<&dyn Primaries> {
        Some(self)
    }

    fn administration(&self) -> Option<&dyn Administration> {
        Some(self)
    }

    fn membership(&self) -> Option<&dyn Membership> {
        Some(self)
    }

    fn data_files(&self) -> Option<&dyn DataFiles> {
        Some(self)
    }

    fn log_files(&self, _: &Node) -> Vec<String> {
        vec![LOG.to_owned()]
    }
}

impl Daemons for Etcd {
    fn daemon(&self, node: &Node) -> Daemon {
        self.started_as(node, "new")
    }
    fn bypasses_libc(&self) -> bool {
        // It is written in Go.
        true
    }
}

impl DataFiles for Etcd {
    fn directories(&self, _: &Node) -> Vec<String> {
        vec![Self::data()]
    }
}

impl Primaries for Etcd {
    /// The members that say they lead in the newest term that any member knows: an isolated old leader says so too
    /// until it hears of a newer term.
    fn primaries(&self, _: &Cluster) -> Result<Vec<Node>, Error> {
        let claims: Vec<(u64, Node)> = ask_all(&self.nodes, "maintenance/status", &json!({}))
            .into_iter()
            .filter_map(|(node, answer)| Some((leads_in_term(&answer.ok()?)?, node)))
            .collect();
        let newest = claims.iter().map(|(term, _)| *term).max();
        Ok(claims
            .into_iter()
            .filter(|(t, _)| Some(*t) == newest)
            .map(|(_, n)| n)
            .collect())
    }
}

/// The term in which a member leads, according to its own status.
fn leads_in_term(status: &Value) -> Option<u64> {
    let leader = status.get("leader")?.as_str()?;
    let own = status.get("header")?.get("member_id")?.as_str()?;
    if leader != own {
        return None;
    }
    status.get("raftTerm")?.as_str()?.parse().ok()
}

/// Asks all nodes the same at once. Blocking; each answer takes at most a second.
fn ask_all(nodes: &[Node], path: &'static str, body: &Value) -> Vec<(Node, Result<Value, String>)> {
    let ask = async |node: Node| {
        let answer = within_a_second(async {
            let gateway = Gateway::new(&node.address, CLIENT_PORT).map_err(|e| e.to_string())?;
            gateway.post(path, body).await.map_err(|e| e.to_string())
        })
        .await;
        (node, answer)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime needs no more than an epoll descriptor");
    runtime.block_on(async {
        let asked: Vec<_> = nodes.iter().cloned().map(ask).collect();
        futures::future::join_all(asked).await
    })
}

async fn within_a_second<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    tokio::time::timeout(Duration::from_secs(1), work)
        .await
        .unwrap_or_else(|_| Err("no answer within a second".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_leads_only_if_it_names_itself() {
        let status = |leader: &str| json!({"header": {"member_id": "42", "raft_term": "7"}, "leader": leader, "raftTerm": "7"});
        assert_eq!(leads_in_term(&status("42")), Some(7));
        assert_eq!(leads_in_term(&status("43")), None);
        assert_eq!(leads_in_term(&json!({"header": {"member_id": "42"}})), None);
    }

    #[test]
    fn members_know_each_other_by_name_and_address() {
        let nodes = vec![Node::new("n1", "10.77.0.1"), Node::new("n2", "10.77.0.2")];
        let etcd = Etcd::new(nodes.clone());
        let argv = etcd.daemon(&nodes[1]).argv;
        let after = |flag: &str| argv[argv.iter().position(|a| a == flag).unwrap() + 1].clone();
        assert_eq!(
            after("--initial-cluster"),
            "n1=http://10.77.0.1:2380,n2=http://10.77.0.2:2380"
        );
        assert_eq!(after("--listen-client-urls"), "http://10.77.0.2:2379");
    }
}
