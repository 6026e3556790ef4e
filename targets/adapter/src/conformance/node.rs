//! A node of our own on this machine, where the adapter's file says how to start one: it can be killed and paused.

use std::{
    fs::File,
    hash::{BuildHasher, RandomState},
    io,
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    thread::JoinHandle,
};

use control::Node;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::{AdapterFile, Address, Launch};

/// A running node; it ends with this, and with this process.
#[derive(Debug)]
pub(super) struct OwnNode {
    argv: Vec<String>,
    place: tempfile::TempDir,
    pub(super) address: Address,
    running: Option<(Pid, JoinHandle<()>)>,
}

impl OwnNode {
    /// Starts it.
    pub(super) fn start(file: &AdapterFile, launch: &Launch) -> io::Result<Self> {
        let place = tempfile::Builder::new()
            .prefix("schism-adapter-")
            .tempdir()?;
        let data = place.path().join("data");
        std::fs::create_dir(&data)?;
        let free = [held()?, held()?];
        let [port, peer] = free.map(|held| Ok::<_, io::Error>(held.local_addr()?.port()));
        let (port, peer) = (port?, peer?);
        let node = Node::new("n1", "127.0.0.1");
        let alone = std::slice::from_ref(&node);
        let argv = launch.argv(&node, alone, (port, peer), &data.to_string_lossy());
        let mut own = Self {
            argv,
            place,
            address: Address {
                host: node.address,
                port,
            },
            running: None,
        };
        own.again(&file.dir)?;
        Ok(own)
    }

    /// Starts it again with the data it has.
    pub(super) fn again(&mut self, dir: &Path) -> io::Result<()> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.place.path().join("log"))?;
        let mut command = mortal(&self.argv);
        command
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        let (tell, told) = mpsc::channel();
        // It dies when the thread that made it does: that one does nothing else but wait for it.
        let waiting = std::thread::Builder::new()
            .name("adapter-node".to_owned())
            .spawn(move || match command.spawn() {
                Err(e) => drop(tell.send(Err(e))),
                Ok(mut child) => {
                    let _ = tell.send(Ok(Pid::from_child(&child)));
                    let _ = child.wait();
                }
            })?;
        let pid = told.recv().map_err(io::Error::other)??;
        self.running = Some((pid, waiting));
        Ok(())
    }

    /// What it printed last.
    pub(super) fn last_words(&self) -> String {
        let log = std::fs::read(self.place.path().join("log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = text.lines().rev().take(3).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Kills it, and waits until it is gone.
    pub(super) fn kill(&mut self) {
        if let Some((pid, waiting)) = self.running.take() {
            // It may have ended by itself.
            let _ = kill_process_group(pid, Signal::KILL);
            let _ = waiting.join();
        }
    }

    /// Stops it, or lets it go on.
    pub(super) fn pause(&self, stopped: bool) {
        if let Some((pid, _)) = &self.running {
            let signal = if stopped { Signal::STOP } else { Signal::CONT };
            let _ = kill_process_group(*pid, signal);
        }
    }
}

impl Drop for OwnNode {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody has. None of those that the kernel gives to connections: it could give one away before the node has
/// it, or while the node is dead.
fn held() -> io::Result<TcpListener> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let first = range
        .ok()
        .and_then(|r| r.split_whitespace().next()?.parse().ok());
    let drawn = || RandomState::new().hash_one(()) as u16;
    let below = ports_below(first.unwrap_or(0), drawn);
    below
        .take(100)
        .find_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())
        .map_or_else(|| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)), Ok)
}

/// Those that need no privilege and are below this one, drawn by chance; none, where there are hardly any.
fn ports_below(first: u16, drawn: impl Fn() -> u16) -> impl Iterator<Item = u16> {
    const UNPRIVILEGED: u16 = 1024;
    let room = first.saturating_sub(UNPRIVILEGED);
    (room >= 1000)
        .then(|| std::iter::repeat_with(move || UNPRIVILEGED + drawn() % room))
        .into_iter()
        .flatten()
}

/// A command that dies with the thread that starts it, where this machine has a program that arranges it.
fn mortal(argv: &[String]) -> Command {
    let arranges = |dir: &str| Path::new(dir).join("setpriv").exists();
    let words = ["setpriv", "--pdeathsig", "KILL", "--"].map(str::to_owned);
    let mut words = match ["/usr/bin", "/bin"].into_iter().any(arranges) {
        true => words.into_iter().chain(argv.iter().cloned()).collect(),
        false => argv.to_vec(),
    };
    let mut command = Command::new(words.remove(0));
    command.args(words);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_drawn_from_below_those_that_connections_get() {
        for drawn in [0, 1, 4711, u16::MAX] {
            let ports: Vec<u16> = ports_below(32768, || drawn).take(3).collect();
            assert_eq!(ports.len(), 3);
            assert!(ports.iter().all(|port| (1024..32768).contains(port)));
        }
        assert_eq!(ports_below(1024, || 7).next(), None, "there is no room");
        assert_eq!(ports_below(0, || 7).next(), None);
        let (one, other) = (held().unwrap(), held().unwrap());
        assert_ne!(
            one.local_addr().unwrap().port(),
            other.local_addr().unwrap().port()
        );
    }
}
