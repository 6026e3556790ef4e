//! The handle on a lab: how the program finds, uses and destroys one.

use std::{
    fs::{self, File},
    io::{self, Write},
    net::Ipv4Addr,
    os::{fd::AsFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    process::{ChildStdin, Command},
    thread,
    time::{Duration, Instant},
};

use control::Node;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{
    LABS, LabConfig, LabError, NodeState,
    config::{CONTROL, address, check_name},
    creation::{self, Created},
    machine::{BOOT, CRASH},
    process::Identity,
    protocol::{Answer, Lines, Request, line, parse},
    rundir::{Charter, RunDir},
    sshd,
};

/// How long everything may take to be gone.
pub(crate) const GONE: Duration = Duration::from_secs(10);
/// How long a request may take: the longest is to boot a node, perhaps behind a crash of it.
const REQUEST: Duration = BOOT
    .saturating_add(CRASH)
    .saturating_add(Duration::from_secs(5));
/// A lab that is up. An owned one is destroyed when this is dropped (and when the process that has it dies, however it
/// does); a detached one stays.
#[derive(Debug)]
pub struct Lab {
    dir: RunDir,
    charter: Charter,
    supervisor: Identity,
    /// Held by the owner of an owned lab: its closing is the lab's end.
    lifeline: Option<ChildStdin>,
}

/// A node and how it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// Which.
    pub node: Node,
    /// How it is.
    pub state: NodeState,
}

/// How to log in to a node, once in the control network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshAccess {
    /// Which node, with its address.
    pub node: Node,
    /// The port of its sshd.
    pub port: u16,
    /// The login.
    pub user: &'static str,
    /// The file with the private key (ed25519, OpenSSH's format, without passphrase).
    pub private_key: PathBuf,
    /// Its host key, to be pinned: `ssh-ed25519 AAAA…`.
    pub host_key: String,
}

impl Lab {
    /// Creates one; returns when every node's sshd answers. Starts no threads. After a failure nothing is left.
    pub fn up(config: &LabConfig) -> Result<Self, LabError> {
        let Created {
            dir,
            charter,
            supervisor,
            lifeline,
        } = creation::create(config)?;
        Ok(Self {
            dir,
            charter,
            supervisor,
            lifeline,
        })
    }

    /// The lab of this name in the usual place.
    pub fn find(name: &str) -> Result<Self, LabError> {
        check_name(name)?;
        Self::open(&Path::new(LABS).join(name))
    }

    /// The lab with this run directory. If it is dead, what it left is removed.
    pub fn open(dir: &Path) -> Result<Self, LabError> {
        let name = dir
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let not_up = Err(LabError::NotUp { name });
        let dir = RunDir::new(dir);
        if !dir.is_one() {
            return not_up;
        }
        let Some(_lock) = dir.lock()? else {
            return not_up;
        };
        let Some(supervisor) = dir.supervisor()? else {
            dir.remove()?;
            return not_up;
        };
        let charter = dir.charter()?;
        Ok(Self {
            dir,
            charter,
            supervisor,
            lifeline: None,
        })
    }

    /// All labs that are up in the usual place, by name. What dead ones left is removed.
    pub fn list() -> Result<Vec<Self>, LabError> {
        let entries = match fs::read_dir(LABS) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(LabError::io("reading", LABS))?,
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        // Whatever else is there is not ours, and `open` leaves it alone.
        let labs = paths.iter().map(|path| Self::open(path));
        labs.filter(|lab| !matches!(lab, Err(LabError::NotUp { .. })))
            .collect()
    }

    /// Destroys it and everything in it.
    pub fn down(mut self) -> Result<(), LabError> {
        let destroyed = self.destroy();
        // Not once more in `drop`.
        self.lifeline = None;
        destroyed
    }

    fn destroy(&self) -> Result<(), LabError> {
        let Some(_lock) = self.dir.lock()? else {
            return Ok(());
        };
        // Another one may have taken its place.
        if self
            .dir
            .supervisor()?
            .is_some_and(|present| present != self.supervisor)
        {
            return Ok(());
        }
        self.supervisor
            .kill(GONE)
            .map_err(LabError::io("killing the supervisor of", self.dir.path()))?;
        self.dir.remove()
    }

    /// What it is: what was asked for, with what could not be had replaced (see [`Lab::notes`]).
    pub fn config(&self) -> &LabConfig {
        &self.charter.config
    }

    /// What could not be had as it was asked for, and what there is instead. For the user to read.
    pub fn notes(&self) -> &[String] {
        &self.charter.notes
    }

    /// The process that everything hangs on.
    pub fn supervisor_pid(&self) -> u32 {
        self.supervisor.pid
    }

    /// Its nodes: n1 to nN.
    pub fn nodes(&self) -> Vec<Node> {
        self.config().members()
    }

    /// The address of this side in the control network. Not to be cut off from nodes.
    pub fn control_address(&self) -> Ipv4Addr {
        CONTROL
    }

    /// How to log in to each node.
    pub fn ssh(&self) -> Result<Vec<SshAccess>, LabError> {
        let host_key = sshd::public_key(&self.dir.host_key())?;
        let access = |node| SshAccess {
            node,
            port: sshd::PORT,
            user: "root",
            private_key: self.dir.client_key(),
            host_key: host_key.clone(),
        };
        Ok(self.nodes().into_iter().map(access).collect())
    }

    /// The system's ssh client for a node; more arguments are what it is to run there. For people; to be run in the control
    /// network.
    pub fn ssh_command(&self, node: &str) -> Result<Command, LabError> {
        let number = self.config().number(node)?;
        let mut command = Command::new("ssh");
        // Nothing of the caller's: neither configuration, nor agent, nor known hosts.
        command.args([
            "-F",
            "none",
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "IdentityAgent=none",
        ]);
        command.args([
            "-o",
            "StrictHostKeyChecking=yes",
            "-o",
            "GlobalKnownHostsFile=/dev/null",
            "-o",
        ]);
        command.arg(format!(
            "UserKnownHostsFile={}",
            self.dir.known_hosts().display()
        ));
        command.args([
            "-o",
            "ConnectTimeout=5",
            "-p",
            &sshd::PORT.to_string(),
            "-i",
        ]);
        command
            .arg(self.dir.client_key())
            .arg(format!("root@{}", address(number)));
        Ok(command)
    }

    /// How each node is.
    pub fn status(&self) -> Result<Vec<NodeStatus>, LabError> {
        let states = match self.ask(&Request::Status)? {
            Answer::Status(states) => states,
            other => return Err(self.confused(&other)),
        };
        let nodes = self.nodes().into_iter().zip(states);
        Ok(nodes
            .map(|(node, state)| NodeStatus { node, state })
            .collect())
    }

    /// Power loss: every process of the node ends at once. What it wrote to its disk stays, since the disk's cache is the
    /// host's. Fine if it is down already.
    pub fn crash(&self, node: &str) -> Result<(), LabError> {
        self.order(node, Request::Crash)
    }

    /// Starts a node that is down, with its old disk; returns when its sshd answers.
    pub fn boot(&self, node: &str) -> Result<(), LabError> {
        self.order(node, Request::Boot)
    }

    /// Moves this process into the lab's control network, where nodes can be reached and nothing else can. To be called
    /// while the process has no other thread, since a network namespace belongs to each thread; those that are just ending
    /// are waited for, up to a second. Connections made before stay where they were.
    pub fn enter_network(&self) -> Result<(), LabError> {
        let refuse = |reason: String| LabError::Enter {
            name: self.config().name.clone(),
            reason,
        };
        let threads = threads_after(Duration::from_secs(1))?;
        if threads > 1 {
            return Err(refuse(format!(
                "this process has {threads} threads already, which would stay outside"
            )));
        }
        let path = format!("/proc/{}/ns/net", self.supervisor.pid);
        let namespace = File::open(&path).map_err(LabError::io("opening", path))?;
        // Opened first, checked afterwards: the number could be another process's by now.
        if !self.supervisor.is_alive() {
            return Err(LabError::NotUp {
                name: self.config().name.clone(),
            });
        }
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(|errno| refuse(io::Error::from(errno).to_string()))
    }

    fn order(&self, node: &str, request: fn(u8) -> Request) -> Result<(), LabError> {
        match self.ask(&request(self.config().number(node)?))? {
            Answer::Done => Ok(()),
            Answer::Failed(reason) => Err(LabError::Refused { reason }),
            other => Err(self.confused(&other)),
        }
    }

    fn ask(&self, request: &Request) -> Result<Answer, LabError> {
        if !self.supervisor.is_alive() {
            return Err(LabError::NotUp {
                name: self.config().name.clone(),
            });
        }
        let path = self.dir.socket();
        let answer = UnixStream::connect(&path).and_then(|mut stream| {
            stream.write_all(&line(request))?;
            Lines::new(stream).next(Instant::now() + REQUEST)
        });
        match answer {
            Ok(Some(answer)) => parse(&answer).map_err(LabError::io("understanding", path)),
            Ok(None) => Err(LabError::io("asking", path)(io::Error::from(
                io::ErrorKind::UnexpectedEof,
            ))),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(LabError::Deadline {
                what: format!("waiting for the supervisor of lab {}", self.config().name),
                after: REQUEST,
            }),
            Err(error) => Err(LabError::io("asking", path)(error)),
        }
    }

    fn confused(&self, answer: &Answer) -> LabError {
        LabError::Refused {
            reason: format!(
                "the supervisor of lab {} said {answer:?}",
                self.config().name
            ),
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.lifeline.is_some() {
            // If this fails, the closing of the lifeline does it.
            let _ = self.destroy();
        }
    }
}

/// How many threads this process has; waits for others to end, for so long.
fn threads_after(patience: Duration) -> Result<usize, LabError> {
    let deadline = Instant::now() + patience;
    loop {
        let tasks =
            fs::read_dir("/proc/self/task").map_err(LabError::io("reading", "/proc/self/task"))?;
        let threads = tasks.count();
        if threads <= 1 || Instant::now() >= deadline {
            return Ok(threads);
        }
        thread::sleep(Duration::from_millis(5));
    }
}
