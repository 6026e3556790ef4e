//! The database on its nodes: started there as the adapter's file says, or somebody else's business.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use control::{
    Cluster, Command, Daemon, Daemons, DataFiles, Error, Node, Primaries, Processes, RemoteExt,
    System,
};
use history::{Key, Outcome, RegisterCall, RegisterOp};

use crate::{AdapterFile, AdapterTarget, Address, Launch};

/// How often a node is asked whether it serves.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a node may take to say whether it leads.
const CLAIM: Duration = Duration::from_secs(1);
/// How long it may think about that.
const ANSWER: Duration = Duration::from_secs(2);

/// What an adapter turned out to offer when its nodes were waited for.
#[derive(Debug, Clone, Default)]
pub struct Offers(Arc<AtomicBool>);

impl Offers {
    /// Whether it has compare-and-set.
    pub fn cas(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A database that is started on the nodes of a cluster.
#[derive(Debug, Clone)]
pub struct Launched {
    file: Arc<AdapterFile>,
    launch: Launch,
    nodes: Vec<Node>,
    offers: Offers,
}

impl Launched {
    /// On these nodes; `None` where the file does not say how.
    pub fn new(file: Arc<AdapterFile>, nodes: Vec<Node>) -> Option<Self> {
        let launch = file.launch.clone()?;
        Some(Self {
            file,
            launch,
            nodes,
            offers: Offers::default(),
        })
    }

    /// Known once it was seen to be healthy.
    pub fn offers(&self) -> Offers {
        self.offers.clone()
    }

    /// The program that starts a node.
    pub fn program(&self) -> String {
        self.daemon(&self.nodes[0]).argv.swap_remove(0)
    }

    /// Where each serves.
    pub fn addresses(&self) -> BTreeMap<String, Address> {
        let at = |node: &Node| Address {
            host: node.address.clone(),
            port: self.file.port,
        };
        self.nodes.iter().map(|n| (n.name.clone(), at(n))).collect()
    }

    /// For clients, and the next one for the nodes among themselves.
    fn ports(&self) -> (u16, u16) {
        (self.file.port, self.file.port.wrapping_add(1))
    }

    fn home(&self) -> String {
        format!("/var/lib/schism-{}", self.file.name)
    }

    fn data(&self) -> String {
        format!("{}/data", self.home())
    }

    fn pid(&self) -> String {
        format!("/run/schism-{}.pid", self.file.name)
    }

    fn log(&self) -> String {
        format!("/var/log/schism-{}.log", self.file.name)
    }

    /// Kills what runs and removes what it wrote.
    fn clear(&self, cluster: &Cluster) -> Result<(), Error> {
        cluster.on_all(&self.nodes, |node, remote| {
            remote.run(&self.daemon(node).kill())?;
            remote.run(&self.daemon(node).remove())
        })
    }
}

impl System for Launched {
    fn name(&self) -> &str {
        &self.file.name
    }

    fn version(&self, cluster: &Cluster) -> Result<String, Error> {
        let node = &self.nodes[0].name;
        let Some(words) = self.launch.version() else {
            return Err(Error::Io {
                node: node.clone(),
                what: "the version".to_owned(),
                reason: "the adapter's file does not say what prints it (`launch: { version: mydb --version }`)".to_owned(),
            });
        };
        let out = cluster
            .remote(node)
            .run(&Command::new(words.iter().cloned()).idempotent())?;
        Ok(out.text().lines().next().unwrap_or_default().to_owned())
    }

    fn install(&self, cluster: &Cluster) -> Result<(), Error> {
        const LOOK: &str = r#"
command -v "$1" >/dev/null && exit 0
echo "there is no $1 on this node: install it there, or name its whole path in the adapter's file" >&2
exit 1
"#;
        cluster.on_all(&self.nodes, |node, remote| {
            let program = self.daemon(node).argv.swap_remove(0);
            remote.run(&Command::script(LOOK, [program]).root().idempotent())
        })
    }

    fn start(&self, cluster: &Cluster) -> Result<(), Error> {
        self.clear(cluster)?;
        cluster.on_all(&self.nodes, |node, remote| {
            const MAKE: &str = r#"mkdir -p "$1""#;
            remote.run(&Command::script(MAKE, [self.data()]).root().idempotent())?;
            remote.run(&self.daemon(node).start())
        })
    }

    fn await_healthy(&self, _: &Cluster, within: Duration) -> Result<(), Error> {
        serving(&self.file, &self.addresses(), within, &self.offers)
    }

    fn stop(&self, cluster: &Cluster) -> Result<(), Error> {
        self.clear(cluster)
    }

    fn client_port(&self, _: &Node) -> u16 {
        self.file.port
    }

    fn processes(&self) -> Option<&dyn Processes> {
        Some(self)
    }

    fn primaries(&self) -> Option<&dyn Primaries> {
        match self.file.primary {
            Some(_) => Some(self),
            None => None,
        }
    }

    fn data_files(&self) -> Option<&dyn DataFiles> {
        match self.launch.keeps_data() {
            true => Some(self),
            false => None,
        }
    }

    fn log_files(&self, _: &Node) -> Vec<String> {
        vec![self.log()]
    }
}

impl Daemons for Launched {
    fn daemon(&self, node: &Node) -> Daemon {
        Daemon {
            argv: self
                .launch
                .argv(node, &self.nodes, self.ports(), &self.data()),
            directory: self.home(),
            log: self.log(),
            pid_file: self.pid(),
        }
    }
}

impl DataFiles for Launched {
    fn directories(&self, _: &Node) -> Vec<String> {
        vec![self.data()]
    }
}

impl Primaries for Launched {
    /// The nodes that say they lead. One that was cut off may say so until it hears of another.
    fn primaries(&self, _: &Cluster) -> Result<Vec<Node>, Error> {
        let Some(primary) = &self.file.primary else {
            return Ok(Vec::new());
        };
        let http = reqwest::Client::builder()
            .timeout(CLAIM)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("a client without TLS needs nothing from the system");
        let leads = async |node: &Node| {
            let at = Address {
                host: node.address.clone(),
                port: primary.port.unwrap_or(self.file.port),
            };
            let asked = http
                .get(format!("http://{at}{}", primary.path))
                .send()
                .await;
            match asked {
                Ok(answer) => primary.is_said_by(&answer.text().await.unwrap_or_default()),
                Err(_) => false,
            }
        };
        let each = block_on(futures::future::join_all(self.nodes.iter().map(leads)));
        let nodes = self.nodes.iter().zip(each);
        Ok(nodes
            .filter(|(_, leads)| *leads)
            .map(|(node, _)| node.clone())
            .collect())
    }
}

/// Waits for what is asked of nodes.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime needs no more than an epoll descriptor");
    runtime.block_on(work)
}

/// A database that others run: it can be asked, and nothing else.
#[derive(Debug, Clone)]
pub struct Attached {
    file: Arc<AdapterFile>,
    addresses: BTreeMap<String, Address>,
    nodes: Vec<Node>,
    offers: Offers,
}

impl Attached {
    /// At these addresses; its nodes are n1, n2 and so on.
    pub fn new(file: Arc<AdapterFile>, at: &[Address]) -> Self {
        let named = at
            .iter()
            .enumerate()
            .map(|(i, a)| (format!("n{}", i + 1), a));
        let (mut nodes, mut addresses) = (Vec::new(), BTreeMap::new());
        for (name, address) in named {
            nodes.push(Node::new(&name, &address.host));
            addresses.insert(name, address.clone());
        }
        Self {
            file,
            addresses,
            nodes,
            offers: Offers::default(),
        }
    }

    /// Known once it was seen to be healthy.
    pub fn offers(&self) -> Offers {
        self.offers.clone()
    }

    /// Its nodes.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Where each serves.
    pub fn addresses(&self) -> &BTreeMap<String, Address> {
        &self.addresses
    }
}

impl System for Attached {
    fn name(&self) -> &str {
        &self.file.name
    }
    fn version(&self, _: &Cluster) -> Result<String, Error> {
        Err(Error::Io {
            node: self.nodes[0].name.clone(),
            what: "the version".to_owned(),
            reason: "others run it".to_owned(),
        })
    }
    fn install(&self, _: &Cluster) -> Result<(), Error> {
        Ok(())
    }
    fn start(&self, _: &Cluster) -> Result<(), Error> {
        Ok(())
    }
    fn await_healthy(&self, _: &Cluster, within: Duration) -> Result<(), Error> {
        serving(&self.file, &self.addresses, within, &self.offers)
    }
    fn stop(&self, _: &Cluster) -> Result<(), Error> {
        Ok(())
    }
    fn client_port(&self, node: &Node) -> u16 {
        self.addresses
            .get(&node.name)
            .map_or(self.file.port, |a| a.port)
    }
}

/// Waits until every node answers a read through the adapter.
pub(crate) fn serving(
    file: &Arc<AdapterFile>,
    addresses: &BTreeMap<String, Address>,
    within: Duration,
    offers: &Offers,
) -> Result<(), Error> {
    let deadline = Instant::now() + within;
    let target = AdapterTarget::new(Arc::clone(file), addresses.clone(), ANSWER);
    let until_it_serves = async |node: Node| {
        loop {
            let reason = match reads(&target, &node).await {
                Ok(cas) => {
                    offers.0.store(cas, Ordering::Relaxed);
                    return Ok(());
                }
                Err(reason) => reason,
            };
            if Instant::now() >= deadline {
                return Err(Error::Io {
                    node: node.name,
                    what: format!("{} did not answer a read within {within:?}", file.name),
                    reason,
                });
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let nodes = addresses.iter().map(|(name, at)| Node::new(name, &at.host));
    let all: Vec<_> = nodes.map(until_it_serves).collect();
    let each = block_on(futures::future::join_all(all));
    each.into_iter().collect()
}

/// Whether it has compare-and-set, if it answers.
async fn reads(target: &AdapterTarget, node: &Node) -> Result<bool, String> {
    let call = RegisterCall {
        key: Key::Int(0),
        op: RegisterOp::Read,
    };
    let asked = async {
        let mut client = target.open(node).await?;
        match client.ask(&call).await.outcome {
            Outcome::Ok(_) => Ok(client.has_cas()),
            Outcome::Fail(why) | Outcome::Info(why) => Err(why.to_string()),
        }
    };
    tokio::time::timeout(ANSWER + crate::stdio::READY, asked)
        .await
        .unwrap_or_else(|_| Err("no answer".to_owned()))
}
