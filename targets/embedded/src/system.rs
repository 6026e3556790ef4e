//! The embedded cluster as a system under test: launched here, owned here, gone when this is dropped.

use std::{
    fs,
    io::{self, BufRead, BufReader},
    os::unix::{fs::DirBuilderExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command as OsCommand, Stdio},
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use control::{
    Clocks, Cluster, Command, Error, Measure, Net, Node, Peer, Primaries, Processes, Slow, System,
};

use crate::{
    Client, guard,
    layout::{Layout, Mode, node_dir},
    links::{CLIENTS, Links},
    peers::{Peers, Reply},
    process::Identity,
};

/// How long the guard may take to be ready.
const READY: Duration = Duration::from_secs(10);

/// What to launch.
#[derive(Debug, Clone)]
pub struct EmbeddedConfig {
    /// Where its state goes: a directory that does not exist yet, or is empty. It is made for its owner only.
    pub dir: PathBuf,
    /// A program whose `node embedded …` leads to [`node_main`](crate::node_main): schism's own binary.
    pub exe: PathBuf,
    /// How many nodes: `n1`, `n2`, …
    pub nodes: usize,
    /// How they replicate.
    pub mode: Mode,
}

/// Why there is no cluster.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The configuration makes no sense.
    #[error("embedded: {0}")]
    Config(String),
    /// The directory cannot be used.
    #[error("embedded: {path}: {reason}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// The system's words.
        reason: io::Error,
    },
    /// The guard did not come up.
    #[error("embedded: the guard of the servers did not start: {0}")]
    Guard(String),
}

/// A running guard, and the nodes that it can start. [`System::start`] starts them.
#[derive(Debug)]
pub struct Embedded {
    dir: PathBuf,
    exe: PathBuf,
    layout: Layout,
    nodes: Vec<Node>,
    guard: Option<(Identity, JoinHandle<()>)>,
}

impl Embedded {
    /// Makes the directory and starts the guard; no server yet.
    pub fn launch(config: EmbeddedConfig) -> Result<Self, LaunchError> {
        let EmbeddedConfig {
            dir,
            exe,
            nodes,
            mode,
        } = config;
        if nodes == 0 {
            return Err(LaunchError::Config("a cluster needs a node".into()));
        }
        if let Mode::Quorum { r, w } = mode
            && !((1..=nodes).contains(&r) && (1..=nodes).contains(&w))
        {
            let words = format!("r={r} and w={w} must be between 1 and the {nodes} nodes");
            return Err(LaunchError::Config(words));
        }
        let dir = prepare(&dir, mode, nodes).map_err(|reason| LaunchError::Directory {
            path: dir.clone(),
            reason,
        })?;
        let guard = spawn_guard(&exe, &dir).map_err(LaunchError::Guard)?;
        let layout = Layout::load(&dir).map_err(|e| LaunchError::Guard(e.to_string()))?;
        let nodes = layout
            .members
            .iter()
            .map(|m| Node::new(&m.name, "127.0.0.1"))
            .collect();
        Ok(Self {
            dir,
            exe,
            layout,
            nodes,
            guard: Some(guard),
        })
    }
    /// Its nodes. They share one address, and differ in [`System::client_port`].
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }
    /// How it replicates.
    pub fn mode(&self) -> Mode {
        self.layout.mode
    }
    /// A client of a node.
    pub fn client(&self, node: &Node) -> Client {
        Client::new(self.client_port(node))
    }

    fn command(&self, command: &str, args: &[&str]) -> Command {
        let exe = self.exe.to_string_lossy();
        let dir = self.dir.to_string_lossy();
        let words = [&exe, "node", "embedded", command, "--dir", &dir];
        Command::new(words.into_iter().chain(args.iter().copied()))
            .idempotent()
            .deadline(Duration::from_secs(15))
    }
    fn tell(&self, node: &str, request: &str) -> Result<(), Error> {
        guard::tell(&self.dir, request).map_err(|e| Error::Io {
            node: node.to_owned(),
            what: format!("asking the guard to {request}"),
            reason: e.to_string(),
        })
    }
    fn tell_about_all(&self, request: &str) -> Result<(), Error> {
        self.tell(&self.nodes[0].name, request)
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if let Some((identity, waiting)) = self.guard.take() {
            // Politely, so that the servers are gone when this returns; if that fails, they die with the guard.
            if guard::tell(&self.dir, "stop").is_err() {
                let _: io::Result<()> = identity.kill(READY);
            }
            let _: Result<(), _> = waiting.join();
        }
    }
}

fn prepare(dir: &Path, mode: Mode, nodes: usize) -> io::Result<PathBuf> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)?;
    if fs::read_dir(dir)?.next().is_some() {
        return Err(io::ErrorKind::DirectoryNotEmpty.into());
    }
    let dir = dir.canonicalize()?;
    Layout::new(mode, nodes)?.save(&dir)?;
    Ok(dir)
}

/// The guard dies when the thread that made it does. So that thread does nothing else but wait for the guard.
fn spawn_guard(exe: &Path, dir: &Path) -> Result<(Identity, JoinHandle<()>), String> {
    let (tell, told) = mpsc::channel();
    let (exe, dir) = (exe.to_owned(), dir.to_owned());
    let thread = std::thread::Builder::new().name("embedded-guard".into());
    let waiting = thread
        .spawn(move || {
            let started = start_guard(&exe, &dir);
            let (mut child, ready) = match started {
                Ok((child, stdout)) => (child, BufReader::new(stdout).lines().next()),
                Err(e) => {
                    let _: Result<(), _> = tell.send(Err(format!("{}: {e}", exe.display())));
                    return;
                }
            };
            let identity = match ready {
                Some(Ok(line)) if line == "ready" => Identity::of(child.id()),
                _ => None,
            };
            if identity.is_none() {
                let _: io::Result<()> = child.kill();
            }
            let log = || fs::read_to_string(dir.join("guard.log")).unwrap_or_default();
            let _: Result<(), _> = tell.send(identity.ok_or_else(|| log().trim().to_owned()));
            let _: Result<_, _> = child.wait();
        })
        .map_err(|e| e.to_string())?;
    match told.recv_timeout(READY) {
        Ok(Ok(identity)) => Ok((identity, waiting)),
        Ok(Err(words)) => Err(words),
        Err(_) => Err(format!("not ready after {READY:?}")),
    }
}

fn start_guard(exe: &Path, dir: &Path) -> io::Result<(Child, std::process::ChildStdout)> {
    let mut child = OsCommand::new(exe)
        .args(["node", "embedded", "guard", "--parent"])
        .arg(std::process::id().to_string())
        .arg("--dir")
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(fs::File::create(dir.join("guard.log"))?)
        // Ctrl-C is for schism: it decides what becomes of the cluster.
        .process_group(0)
        .spawn()?;
    let stdout = child.stdout.take().expect("stdout is piped");
    Ok((child, stdout))
}

impl System for Embedded {
    fn name(&self) -> &str {
        "embedded"
    }
    fn version(&self, _: &Cluster) -> Result<String, Error> {
        Ok(env!("CARGO_PKG_VERSION").to_owned())
    }
    fn install(&self, _: &Cluster) -> Result<(), Error> {
        Ok(())
    }
    fn start(&self, _: &Cluster) -> Result<(), Error> {
        self.tell_about_all("reset")?;
        for node in &self.nodes {
            self.tell(&node.name, &format!("start {node}"))?;
        }
        Ok(())
    }
    fn await_healthy(&self, _: &Cluster, within: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + within;
        let serves = |node: &Node| {
            let mut client = self.client(node);
            let node = node.name.clone();
            async move {
                loop {
                    let read = tokio::time::timeout(within, client.read("health")).await;
                    let reason = match read {
                        Ok(Ok(_)) => return Ok(()),
                        Ok(Err(e)) => e.to_string(),
                        Err(_) => "no answer".to_owned(),
                    };
                    if Instant::now() > deadline {
                        let what = format!("does not serve after {within:?}");
                        return Err(Error::Io { node, what, reason });
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        };
        let each = on_each(self.nodes.iter().map(serves).collect());
        each.into_iter().collect()
    }
    fn stop(&self, _: &Cluster) -> Result<(), Error> {
        self.tell_about_all("reset")
    }
    fn client_port(&self, node: &Node) -> u16 {
        let position = self.layout.position(&node.name);
        self.layout.members[position.expect("a node of this cluster")].port
    }
    fn processes(&self) -> Option<&dyn Processes> {
        Some(self)
    }
    fn primaries(&self) -> Option<&dyn Primaries> {
        match self.layout.mode {
            Mode::Consensus => Some(self),
            Mode::Quorum { .. } => None,
        }
    }
    fn net(&self) -> Option<&dyn Net> {
        Some(self)
    }
    /// In the other mode nobody looks at one.
    fn clocks(&self) -> Option<&dyn Clocks> {
        match self.layout.mode {
            Mode::Quorum { .. } => Some(self),
            Mode::Consensus => None,
        }
    }
    fn log_files(&self, node: &Node) -> Vec<String> {
        let home = node_dir(&self.dir, &node.name);
        ["server.log", "log.jsonl"]
            .map(|file| home.join(file).to_string_lossy().into_owned())
            .to_vec()
    }
}

impl Processes for Embedded {
    fn kill(&self, node: &Node) -> Command {
        self.command("kill", &[&node.name])
    }
    fn start(&self, node: &Node) -> Command {
        self.command("start", &[&node.name])
    }
    fn pause(&self, node: &Node) -> Command {
        self.command("pause", &[&node.name])
    }
    fn resume(&self, node: &Node) -> Command {
        self.command("resume", &[&node.name])
    }
    fn state(&self, node: &Node) -> Command {
        self.command("state", &[&node.name])
    }
    fn terminate(&self, node: &Node) -> Option<Command> {
        Some(self.command("terminate", &[&node.name]))
    }
}

impl Primaries for Embedded {
    /// Those that lead with a majority's consent: a leader that is cut off only believes that it leads.
    fn primaries(&self, _: &Cluster) -> Result<Vec<Node>, Error> {
        let leads = |me: usize| {
            let links = Links::new(&node_dir(&self.dir, &self.nodes[me].name));
            let peers = Peers::new(self.layout.clone(), me, Arc::new(links));
            async move {
                let reply = peers
                    .call(me, "/admin/leads", &(), Duration::from_secs(1))
                    .await;
                matches!(reply, Ok(Reply { status: 200, body }) if body == b"true")
            }
        };
        let each = on_each((0..self.nodes.len()).map(leads).collect());
        let leaders = self.nodes.iter().zip(each).filter(|(_, leads)| *leads);
        Ok(leaders.map(|(node, _)| node.clone()).collect())
    }
}

impl Clocks for Embedded {
    fn set(&self, node: &Node, milliseconds: i64) -> Command {
        let offset = milliseconds.to_string();
        self.command("clock", &["--offset", &offset, &node.name])
    }
    fn wrong_by(&self, node: &Node) -> Command {
        self.command("wrong-by", &[&node.name])
    }
}

impl Net for Embedded {
    fn means(&self) -> &str {
        "the store's own links"
    }
    fn cut(&self, fault: &str, node: &Node, from: &[Peer]) -> Command {
        let from = from.iter().map(|peer| match peer {
            Peer::Node(node) => node.name.as_str(),
            Peer::Clients { .. } => CLIENTS,
        });
        let args: Vec<_> = ["--fault", fault, &node.name]
            .into_iter()
            .chain(from)
            .collect();
        self.command("cut", &args)
    }
    fn heal(&self, fault: &str, node: &Node) -> Command {
        self.command("heal", &["--fault", fault, &node.name])
    }
    fn remaining(&self, node: &Node) -> Command {
        self.command("remaining", &[&node.name])
    }
    fn reaches(&self, node: &Node, to: &Node) -> Command {
        self.command("reaches", &[&node.name, &to.name])
    }
    fn slows(&self) -> bool {
        true
    }
    fn slow(&self, fault: &str, node: &Node, from: &[(Node, Slow)], seed: u64) -> Option<Command> {
        let seed = seed.to_string();
        let from = from.iter().map(|(peer, slow)| {
            let Slow {
                delay,
                jitter,
                loss,
            } = slow;
            format!("{peer}={delay},{jitter},{loss}")
        });
        let words = ["--fault", fault, "--seed", &seed, &node.name].map(String::from);
        let words: Vec<String> = words.into_iter().chain(from).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Some(self.command("slow", &words))
    }
    fn measure(&self, what: Measure, node: &Node, to: &Node) -> Option<Command> {
        let command = match what {
            Measure::RoundTrip => "round-trip",
            Measure::Loss => "loss",
        };
        Some(self.command(command, &[&node.name, &to.name]))
    }
    fn dropped(&self, fault: &str, node: &Node) -> Command {
        self.command("dropped", &["--fault", fault, &node.name])
    }
}

/// Runs futures at once and waits for all, from a thread of its own: the caller may or may not be inside a runtime.
fn on_each<T: Send + 'static>(futures: Vec<impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime needs a few file descriptors");
        let started: Vec<_> = futures.into_iter().map(|f| runtime.spawn(f)).collect();
        runtime.block_on(async {
            let mut results = Vec::new();
            for task in started {
                results.push(task.await.expect("the futures do not panic"));
            }
            results
        })
    };
    std::thread::spawn(run)
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
