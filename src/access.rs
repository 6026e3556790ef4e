//! How the nodes of a run are reached, in a form that outlives the run: `cluster.json` in the run directory is what
//! `schism heal` needs besides the ledger. No secret is in it, only where secrets are.

use std::{
    collections::BTreeSet,
    net::{ToSocketAddrs, UdpSocket},
    path::PathBuf,
    sync::Arc,
};

use control::{Auth, Cluster, Endpoint, HostKeys, Local, Node, Password, Remote, Ssh};
use serde::{Deserialize, Serialize};

use crate::{
    config::{Secret, SshConfig},
    exit::Failure,
    nodes::NodeSpec,
};

/// A way to all nodes of a cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum Access {
    /// Processes of the embedded store, which die with the run.
    Embedded {
        /// The names of its nodes.
        nodes: Vec<Node>,
        /// Where their files are.
        place: PathBuf,
    },
    /// Nodes that others run, and on which nothing can be done.
    Attached {
        /// Which.
        nodes: Vec<Node>,
    },
    /// A lab.
    Lab {
        /// Its name.
        name: String,
        /// Whether it dies with the run.
        owned: bool,
    },
    /// Real hosts.
    Hosts {
        /// Each with its own login, port and name.
        nodes: Vec<NodeSpec>,
        /// What they share.
        ssh: SshConfig,
    },
}

/// The nodes that could be reached, and why the others could not.
pub(crate) struct Reached {
    /// Those that could.
    pub(crate) cluster: Cluster,
    /// The others.
    pub(crate) failures: Vec<control::Error>,
}

impl Access {
    /// Opens a connection to every node, all at once. A lab's network must have been entered before.
    pub(crate) fn connect(&self) -> Result<Cluster, Failure> {
        let Reached {
            cluster,
            mut failures,
        } = self.reach()?;
        match failures.is_empty() {
            true => Ok(cluster),
            false => Err(failures.swap_remove(0).into()),
        }
    }

    /// The same, where some may be out of reach.
    pub(crate) fn reach(&self) -> Result<Reached, Failure> {
        match self {
            Self::Embedded { nodes, .. } | Self::Attached { nodes } => {
                let local = |node: &Node| Arc::new(Local::new(node.clone())) as Arc<dyn Remote>;
                let cluster = Cluster::new(nodes.iter().map(local).collect(), Vec::new());
                Ok(Reached {
                    cluster,
                    failures: Vec::new(),
                })
            }
            Self::Lab { name, .. } => {
                let lab = lab::Lab::find(name)?;
                let control = lab.control_address().to_string();
                let endpoints = lab.ssh()?.into_iter().map(lab_endpoint).collect();
                Ok(connect_all(endpoints, vec![control]))
            }
            Self::Hosts { nodes, ssh } => {
                let endpoints: Vec<_> = nodes
                    .iter()
                    .enumerate()
                    .map(|(place, spec)| endpoint(place, spec, ssh))
                    .collect::<Result<_, Failure>>()?;
                let hosts: Vec<_> = nodes.iter().map(|n| (n.host.clone(), n.port)).collect();
                let control = own_addresses(&hosts);
                Ok(connect_all(endpoints, control))
            }
        }
    }
}

fn lab_endpoint(to: lab::SshAccess) -> Endpoint {
    let key = Auth::Key {
        file: to.private_key,
        passphrase: None,
    };
    Endpoint::new(to.node, to.user, HostKeys::Pinned(to.host_key))
        .port(to.port)
        .auth(vec![key])
}

fn endpoint(place: usize, spec: &NodeSpec, ssh: &SshConfig) -> Result<Endpoint, Failure> {
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .unwrap_or_default();
    let known = ssh
        .known_hosts
        .clone()
        .unwrap_or_else(|| home.join(".ssh/known_hosts"));
    let user = spec
        .user
        .clone()
        .or_else(|| ssh.user.clone())
        .or_else(|| std::env::var("USER").ok());
    let user =
        user.ok_or_else(|| Failure::usage(format!("{spec}: log in as whom? say --ssh-user NAME")))?;
    let passphrase = secret(&ssh.passphrase)?;
    let mut auth = Vec::new();
    match &ssh.key {
        Some(file) if !file.is_file() => {
            return Err(Failure::usage(format!(
                "there is no private key {}",
                file.display()
            )));
        }
        Some(file) => auth.push(Auth::Key {
            file: file.clone(),
            passphrase,
        }),
        None => {
            auth.push(Auth::Agent);
            let usual =
                ["id_ed25519", "id_ecdsa", "id_rsa"].map(|name| home.join(".ssh").join(name));
            let there = usual.into_iter().filter(|file| file.is_file());
            auth.extend(there.map(|file| Auth::Key {
                file,
                passphrase: passphrase.clone(),
            }));
        }
    }
    auth.extend(secret(&ssh.password)?.map(Auth::Password));
    let node = Node::new(name_of(place, spec), spec.host.clone());
    let sudo = secret(&ssh.sudo_password)?;
    Ok(Endpoint::new(node, user, HostKeys::Known(known))
        .port(spec.port)
        .auth(auth)
        .sudo_password(sudo))
}

/// The text of a secret.
fn secret(of: &Option<Secret>) -> Result<Option<Password>, Failure> {
    let Some(of) = of else { return Ok(None) };
    secret_text(of).map(|text| Some(Password::new(&text)))
}

/// The texts of all secrets that can be had now, for those who must hide them.
pub(crate) fn secrets(ssh: &SshConfig) -> Vec<String> {
    let all = [&ssh.passphrase, &ssh.password, &ssh.sudo_password];
    let texts = all.into_iter().flatten().map(secret_text);
    texts.filter_map(Result::ok).collect()
}

fn secret_text(of: &Secret) -> Result<String, Failure> {
    let text = match of {
        Secret::Env(name) => {
            std::env::var(name).map_err(|_| format!("the variable {name} is not set"))
        }
        Secret::File(path) => {
            std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
        }
    };
    match text {
        Ok(text) => Ok(text.trim_end_matches(['\n', '\r']).to_owned()),
        Err(why) => Err(Failure::usage(format!(
            "the secret {of} cannot be had: {why}"
        ))),
    }
}

/// Our own addresses on the ways to these hosts: what "the clients" are to their packet filters. Connecting a UDP
/// socket sends nothing; it asks the kernel which address it would use.
fn own_addresses(hosts: &[(String, u16)]) -> Vec<String> {
    let ask = |(host, port): &(String, u16)| -> std::io::Result<String> {
        let to = (host.as_str(), *port)
            .to_socket_addrs()?
            .next()
            .ok_or(std::io::ErrorKind::NotFound)?;
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any)?;
        socket.connect(to)?;
        Ok(socket.local_addr()?.ip().to_string())
    };
    let addresses: BTreeSet<String> = hosts.iter().filter_map(|h| ask(h).ok()).collect();
    addresses.into_iter().collect()
}

fn connect_all(endpoints: Vec<Endpoint>, control_addresses: Vec<String>) -> Reached {
    let results: Vec<Result<Ssh, control::Error>> = std::thread::scope(|scope| {
        let opening: Vec<_> = endpoints
            .into_iter()
            .map(|to| scope.spawn(move || Ssh::connect(to)))
            .collect();
        let wait = |h: std::thread::ScopedJoinHandle<'_, _>| {
            h.join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        opening.into_iter().map(wait).collect()
    });
    let mut remotes: Vec<Arc<dyn Remote>> = Vec::new();
    let mut failures = Vec::new();
    for result in results {
        match result {
            Ok(ssh) => remotes.push(Arc::new(ssh)),
            Err(e) => failures.push(e),
        }
    }
    Reached {
        cluster: Cluster::new(remotes, control_addresses),
        failures,
    }
}

/// The name of the node at this place, where it was given none.
pub(crate) fn name_of(place: usize, spec: &NodeSpec) -> String {
    spec.name
        .clone()
        .unwrap_or_else(|| format!("n{}", place + 1))
}
