//! A cluster on this machine: nodes are commands run here (perhaps inside a network namespace), and the system under test
//! is a directory of files, so that every fault can be carried out for real and looked at.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    unused_macros,
    reason = "each test binary uses a part of it"
)]

/// What every system is asked, of one that is there already: nothing has to be installed, started or stopped.
macro_rules! there_already {
    ($name:literal, $port:literal) => {
        fn name(&self) -> &str {
            $name
        }
        fn version(&self, _: &control::Cluster) -> Result<String, control::Error> {
            Ok("1".into())
        }
        fn install(&self, _: &control::Cluster) -> Result<(), control::Error> {
            Ok(())
        }
        fn start(&self, _: &control::Cluster) -> Result<(), control::Error> {
            Ok(())
        }
        fn await_healthy(
            &self,
            _: &control::Cluster,
            _: std::time::Duration,
        ) -> Result<(), control::Error> {
            Ok(())
        }
        fn stop(&self, _: &control::Cluster) -> Result<(), control::Error> {
            Ok(())
        }
        fn client_port(&self, _: &control::Node) -> u16 {
            $port
        }
    };
}
pub(crate) use there_already;

pub mod shaping;
pub mod world;

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use control::{
    Cluster, Command, Error, Net, Node, Output, Peer, Primaries, Processes, Remote, System,
};
use history::{
    Nanos,
    fault::{FaultEvent, FaultStep},
};
use schism_nemesis::{Capabilities, Clock, DeadMan, Injector, Ledger, Limits, OnStep};

/// Runs commands here, behind a prefix such as `nsenter`.
pub struct Local {
    pub node: Node,
    pub prefix: Vec<String>,
}

impl Remote for Local {
    fn node(&self) -> &Node {
        &self.node
    }
    fn exec(&self, command: &Command) -> Result<Output, Error> {
        let words: Vec<&String> = self.prefix.iter().chain(&command.argv).collect();
        let io = |what: &str, error: std::io::Error| Error::Io {
            node: self.node.name.clone(),
            what: what.to_owned(),
            reason: error.to_string(),
        };
        let mut child = std::process::Command::new(words[0])
            .args(&words[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| io("spawn", e))?;
        let mut stdin = child.stdin.take().unwrap();
        let text = command.stdin.clone().unwrap_or_default();
        let _ = stdin.write_all(text.as_bytes());
        drop(stdin);
        let mut stdout = child.stdout.take().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let out = std::thread::spawn(move || {
            let mut all = Vec::new();
            let _ = stdout.read_to_end(&mut all);
            all
        });
        let err = std::thread::spawn(move || {
            let mut all = Vec::new();
            let _ = stderr.read_to_end(&mut all);
            all
        });
        let until = Instant::now() + command.deadline;
        let status = loop {
            if let Some(status) = child.try_wait().map_err(|e| io("wait", e))? {
                break status;
            }
            if Instant::now() >= until {
                let _ = child.kill();
                let _ = child.wait();
                return Err(Error::Deadline {
                    node: self.node.name.clone(),
                    command: command.argv[0].clone(),
                    after: command.deadline,
                });
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        Ok(Output {
            status: status.code().unwrap_or(137),
            stdout: out.join().unwrap(),
            stderr: err.join().unwrap(),
        })
    }
    fn upload(&self, _: &[u8], _: &str, _: u32) -> Result<(), Error> {
        unreachable!("faults upload nothing")
    }
    fn download(&self, _: &str, _: &Path, _: u64) -> Result<u64, Error> {
        unreachable!("faults download nothing")
    }
}

pub fn nodes(count: usize) -> Vec<Node> {
    (1..=count)
        .map(|i| Node::new(format!("n{i}"), format!("10.0.0.{i}")))
        .collect()
}

pub fn cluster(count: usize) -> Cluster {
    let remotes = nodes(count)
        .into_iter()
        .map(|node| {
            Arc::new(Local {
                node,
                prefix: Vec::new(),
            }) as Arc<dyn Remote>
        })
        .collect();
    Cluster::new(remotes, vec!["10.0.0.100".into()])
}

/// A system made of files in a directory: `n1.state` says what its process does, `n1.cut.f3` which nodes it does not
/// hear, `log` what was done in which order. `n1.broken` makes every command on n1 fail, `n1.slow` makes it wait; `leader` names the leaders.
pub struct Toy {
    pub dir: PathBuf,
    pub with_net: bool,
}

impl Toy {
    pub fn new(dir: &Path, count: usize) -> Self {
        for node in nodes(count) {
            std::fs::write(dir.join(format!("{node}.state")), "running\n").unwrap();
        }
        Self {
            dir: dir.to_owned(),
            with_net: true,
        }
    }
    pub fn state(&self, node: &str) -> String {
        let text = std::fs::read_to_string(self.dir.join(format!("{node}.state"))).unwrap();
        text.trim().to_owned()
    }
    pub fn log(&self) -> Vec<String> {
        std::fs::read_to_string(self.dir.join("log"))
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }
    pub fn breaks(&self, node: &str, broken: bool) {
        let path = self.dir.join(format!("{node}.broken"));
        if broken {
            std::fs::write(path, "").unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
    }
    pub fn leads(&self, nodes: &str) {
        std::fs::write(self.dir.join("leader"), nodes).unwrap();
    }
    fn run(&self, script: &str, node: &Node, more: &[&str]) -> Command {
        let script = format!(
            "cd \"$1\" || exit 1\nn=$2\n[ -e \"$n.broken\" ] && exit 9\nwhile [ -e \"$n.slow\" ]; do sleep 0.05; done\n{script}"
        );
        let dir = self.dir.to_str().unwrap();
        let args = [dir, node.name.as_str()]
            .into_iter()
            .chain(more.iter().copied());
        Command::script(&script, args).idempotent()
    }
}

impl Processes for Toy {
    fn kill(&self, node: &Node) -> Command {
        self.run("echo gone >$n.state; echo kill $n >>log", node, &[])
    }
    fn start(&self, node: &Node) -> Command {
        self.run("echo running >$n.state; echo start $n >>log", node, &[])
    }
    fn pause(&self, node: &Node) -> Command {
        self.run("echo paused >$n.state; echo pause $n >>log", node, &[])
    }
    fn resume(&self, node: &Node) -> Command {
        self.run(
            "grep -q paused $n.state && echo running >$n.state; echo resume $n >>log",
            node,
            &[],
        )
    }
    fn state(&self, node: &Node) -> Command {
        self.run("cat $n.state", node, &[])
    }
}

impl Primaries for Toy {
    fn primaries(&self, _: &Cluster) -> Result<Vec<Node>, Error> {
        let said = std::fs::read_to_string(self.dir.join("leader")).unwrap_or_default();
        Ok(said.split_whitespace().map(|n| Node::new(n, "")).collect())
    }
}

impl Net for Toy {
    fn means(&self) -> &str {
        "files"
    }
    fn cut(&self, fault: &str, node: &Node, from: &[Peer]) -> Command {
        let names: Vec<&str> = from
            .iter()
            .map(|peer| match peer {
                Peer::Node(node) => node.name.as_str(),
                Peer::Clients { .. } => "clients",
            })
            .collect();
        self.run(
            "echo $4 >$n.cut.$3; echo cut $n $3 >>log",
            node,
            &[fault, &names.join(" ")],
        )
    }
    fn heal(&self, fault: &str, node: &Node) -> Command {
        self.run("rm -f $n.cut.$3; echo heal $n $3 >>log", node, &[fault])
    }
    fn remaining(&self, node: &Node) -> Command {
        self.run(
            "for f in $n.cut.*; do [ -e $f ] && echo ${f##*.}; done; exit 0",
            node,
            &[],
        )
    }
    fn reaches(&self, node: &Node, to: &Node) -> Command {
        self.run(
            "for x in $n $3; do grep -q running $x.state || exit 1; done
             cat $n.cut.* 2>/dev/null | grep -qw $3 && exit 1
             cat $3.cut.* 2>/dev/null | grep -qw $n && exit 1
             exit 0",
            node,
            &[&to.name],
        )
    }
    fn dropped(&self, fault: &str, node: &Node) -> Command {
        self.run("[ -e $n.cut.$3 ] && echo 7", node, &[fault])
    }
}

impl System for Toy {
    there_already!("toy", 7000);
    fn processes(&self) -> Option<&dyn Processes> {
        Some(self)
    }
    fn primaries(&self) -> Option<&dyn Primaries> {
        self.dir.join("leader").exists().then_some(self)
    }
    fn net(&self) -> Option<&dyn Net> {
        self.with_net.then_some(self)
    }
}

/// Keeps every step, stamped by a clock that counts.
#[derive(Clone, Default)]
pub struct Steps(Arc<Mutex<(u64, Vec<FaultEvent>)>>);

impl Steps {
    pub fn clock(&self) -> Clock {
        let steps = self.clone();
        Arc::new(move || {
            let mut state = steps.0.lock().unwrap();
            state.0 += 1;
            Nanos(state.0)
        })
    }
    pub fn keep(&self) -> OnStep {
        let steps = self.clone();
        Arc::new(move |event| steps.0.lock().unwrap().1.push(event.clone()))
    }
    pub fn all(&self) -> Vec<FaultEvent> {
        self.0.lock().unwrap().1.clone()
    }
    pub fn short(&self) -> Vec<(u32, FaultStep, bool)> {
        self.all()
            .iter()
            .map(|e| (e.fault.0, e.step, e.ok))
            .collect()
    }
}

pub fn limits() -> Limits {
    Limits {
        leader: Duration::from_millis(300),
        verify: Duration::from_secs(5),
        heal: Duration::from_secs(2),
        heal_verify: Duration::from_secs(5),
    }
}

pub fn injector(
    count: usize,
    dir: &Path,
    toy: &Arc<Toy>,
    deadman: DeadMan,
    steps: &Steps,
) -> Injector {
    Injector::new(
        cluster(count),
        Arc::clone(toy) as Arc<dyn System>,
        Capabilities::default(),
        Ledger::open(&dir.join("ledger.jsonl")).unwrap(),
        deadman,
        steps.clock(),
        steps.keep(),
    )
    .limits(limits())
}

/// Polls until something is so, for at most twenty seconds.
pub fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !so() {
        assert!(Instant::now() < until, "not within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
