//! What could never work is refused before anything is deployed: what, why, and what to do instead. Only what was asked
//! for is looked at, so a run without partitions needs no packet filter.

use std::{collections::BTreeMap, fmt, path::Path, sync::Arc, time::Duration};

use control::{Cluster, Command, Net, Node, RemoteExt, System};

use crate::{
    Aim, Faults, Kind, Shape,
    at::Place,
    net::{self, NoFilter, Shaper},
    upload::{self, Uploads},
};

/// What the cluster can do beyond what the system itself can.
#[derive(Clone, Default)]
pub struct Capabilities {
    /// The nodes' packet filters: where partitions are asked for and the system does not cut its links itself.
    pub net: Option<Arc<dyn Net>>,
    /// How packets are delayed, lost and spoiled, where that is asked for.
    pub shaper: Option<Arc<Shaper>>,
    /// Where this program lies on each node, where a fault needs it there.
    pub helper: BTreeMap<String, String>,
    /// The nodes on which processes can be started with libfaketime, and shall be.
    pub faketime: BTreeMap<String, Faketime>,
    /// What was put on the nodes to find that out; gone with the last of these.
    pub uploads: Arc<Uploads>,
}

/// Why the processes of a node are started with libfaketime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Faketime {
    /// A fault asks for it in so many words; others do without.
    Asked,
    /// Their clocks cannot be rewritten while they live.
    Needed,
}

/// What a preflight came to.
#[derive(Clone)]
pub struct Prepared {
    /// The faults that are possible.
    pub faults: Faults,
    /// With what means.
    pub capabilities: Capabilities,
    /// Those that were asked for only where they are possible, and are not.
    pub left_out: Vec<Refusal>,
}

/// A fault that is impossible here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which.
    pub fault: Kind,
    /// Why.
    pub why: String,
    /// What to do instead.
    pub instead: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; instead: {}", self.fault, self.why, self.instead)
    }
}

/// The port that probes of links try: SSH listens on every node.
pub const PROBE_PORT: u16 = 22;

/// Whether all faults are possible on this cluster with this system, and with what means. All refusals are told at once.
/// `exe` is this program, for faults that need it on the nodes.
pub fn preflight(
    faults: &Faults,
    cluster: &Cluster,
    system: &dyn System,
    exe: &Path,
) -> Result<Prepared, Vec<Refusal>> {
    let mut refused = Vec::new();
    let mut left_out = Vec::new();
    let mut possible = Vec::new();
    let mut capabilities = Capabilities::default();
    for track in &faults.0 {
        let mut case = Case {
            kind: track.fault.kind(),
            cluster,
            system,
            capabilities: &mut capabilities,
            exe,
            refused: Vec::new(),
        };
        track.fault.fault().check(&mut case);
        let against = case.refused;
        if against.is_empty() {
            possible.push(track.clone());
        }
        let to = if track.optional {
            &mut left_out
        } else {
            &mut refused
        };
        to.extend(against);
    }
    if !refused.is_empty() {
        return Err(refused);
    }
    if possible.is_empty() && !left_out.is_empty() {
        return Err(left_out);
    }
    Ok(Prepared {
        faults: Faults(possible),
        capabilities,
        left_out,
    })
}

/// What a fault looks at when it says whether it is possible.
pub struct Case<'a> {
    /// The nodes.
    pub cluster: &'a Cluster,
    /// What runs on them.
    pub system: &'a dyn System,
    /// What was found out so far; to be added to.
    pub capabilities: &'a mut Capabilities,
    kind: Kind,
    exe: &'a Path,
    refused: Vec<Refusal>,
}

impl Case<'_> {
    /// This fault cannot work here: why, and what to do instead.
    pub fn refuse(&mut self, why: impl Into<String>, instead: impl Into<String>) {
        self.refused.push(Refusal {
            fault: self.kind,
            why: why.into(),
            instead: instead.into(),
        });
    }

    /// Sees that this program is on every node and can be run there; puts it there where it is not.
    pub fn helper(&mut self) {
        for node in self.cluster.nodes() {
            if self.capabilities.helper.contains_key(&node.name) {
                continue;
            }
            match upload::place(self.cluster, node, self.exe, &self.capabilities.uploads) {
                Ok(path) => {
                    self.capabilities.helper.insert(node.name.clone(), path);
                }
                Err(why) => self.refuse(
                    format!("{node} cannot run this program: {why}"),
                    "use nodes of the same architecture that let the login write to /var/tmp and run what is there",
                ),
            }
        }
    }

    /// Shapes that this cluster cannot have.
    pub fn shapes(&mut self, at: &[Shape]) {
        let size = self.cluster.nodes().len();
        if size < 2 {
            self.refuse(
                "a cluster of one node has no links to cut",
                "use at least two nodes, or kill and pause",
            );
            return;
        }
        for shape in at {
            match shape {
                Shape::Minority if size < 3 => self.refuse(
                    format!("{size} nodes have no minority"),
                    "use three nodes, or `at: one`",
                ),
                Shape::Bridge if size < 3 => self.refuse(
                    format!("a bridge needs three nodes, and there are {size}"),
                    "use `at: one`",
                ),
                Shape::Ring if size < 4 => self.refuse(
                    format!("a ring of majorities needs four nodes, and there are {size}"),
                    "use `at: one` or `at: halves`",
                ),
                Shape::Leader => self.leader(),
                Shape::Nodes(names) => {
                    self.names(names, Shape::words());
                    if self.cluster.nodes().iter().all(|n| names.contains(&n.name)) {
                        self.refuse(
                            "there is nobody to cut all nodes off from",
                            "name only those of one side",
                        );
                    }
                }
                _ => {}
            }
        }
    }

    /// Processes that cannot be controlled, and places that there are not.
    pub fn processes(&mut self, at: &[Aim]) {
        match self.system.processes() {
            None => self.refuse(
                format!(
                    "the processes of {} cannot be controlled from here",
                    self.system.name()
                ),
                "let schism start the system itself, or use partition",
            ),
            Some(processes) => {
                let root = |node: &Node| {
                    [processes.kill(node), processes.start(node)]
                        .iter()
                        .any(|c| c.root)
                };
                if self.cluster.nodes().iter().any(root) {
                    self.root();
                }
            }
        }
        self.aims(at);
    }

    /// Processes that cannot be told from others on their nodes.
    pub fn pid_files(&mut self) {
        let nodes = self.cluster.nodes();
        let missing = |processes: &dyn control::Processes| {
            nodes.iter().any(|node| processes.pid_file(node).is_none())
        };
        if self.system.processes().is_some_and(missing) {
            self.refuse(
                format!(
                    "{} does not say which processes on a node are its own",
                    self.system.name()
                ),
                "use kill and pause",
            );
        }
    }

    /// A system that does not say where its data is.
    pub fn data_files(&mut self) {
        if self.system.data_files().is_none() {
            self.refuse(
                format!("{} does not say where its data is", self.system.name()),
                "use a target that has its data in directories of its own",
            );
        }
    }

    /// A system that cannot be administered from here, or a node without the programs for it.
    pub fn administration(&mut self) {
        let Some(administration) = self.system.administration() else {
            self.refuse(
                format!("how {} is administered is not known", self.system.name()),
                "use a target that says so",
            );
            return;
        };
        let look = r#"for p; do command -v "$p" >/dev/null || { echo "there is no $p" >&2; exit 1; }; done"#;
        let look = Command::script(look, administration.programs().iter().copied()).idempotent();
        let nodes = self.cluster.nodes();
        let answers = self.cluster.on_each(nodes, |_, remote| remote.exec(&look));
        for (node, answer) in nodes.iter().zip(answers) {
            let why = match answer {
                Ok(output) if output.success() => continue,
                Ok(output) => output.complaint(),
                Err(error) => error.to_string(),
            };
            self.refuse(format!("{node}: {why}"), "install it there");
        }
    }

    /// Nodes on which no filesystem of ours can be laid under the data.
    pub fn fuse(&mut self) {
        self.data_files();
        self.helper();
        let helpers = self.capabilities.helper.clone();
        let nodes = self.cluster.nodes();
        let answers = self.cluster.on_each(nodes, |node, remote| {
            let Some(helper) = helpers.get(&node.name) else {
                return Ok(None);
            };
            let check = Command::new([helper, "node", "fuse", "check"]);
            let output =
                remote.exec(&check.root().idempotent().deadline(Duration::from_secs(10)))?;
            Ok((!output.success()).then(|| format!("{node}: {}", output.complaint())))
        });
        for answer in answers {
            let why = match answer {
                Ok(None) => continue,
                Ok(Some(why)) => why,
                Err(error) => error.to_string(),
            };
            self.refuse(
                why,
                "use nodes with /dev/fuse (`modprobe fuse`; containers need the device and CAP_SYS_ADMIN), or kill and corrupt",
            );
        }
    }

    /// Places that there are not.
    pub fn aims(&mut self, at: &[Aim]) {
        let size = self.cluster.nodes().len();
        for aim in at {
            match aim {
                Aim::Minority if size < 3 => self.refuse(
                    format!("{size} nodes have no minority"),
                    "use three nodes, or `at: one`",
                ),
                Aim::Leader => self.leader(),
                Aim::Nodes(names) => self.names(names, Aim::words()),
                _ => {}
            }
        }
    }

    /// Nodes on which we cannot become root.
    pub fn root(&mut self) {
        let nothing = Command::new(["true"])
            .root()
            .idempotent()
            .deadline(Duration::from_secs(10));
        let nodes = self.cluster.nodes();
        for answer in self
            .cluster
            .on_each(nodes, |_, remote| remote.run(&nothing))
        {
            if let Err(error) = answer {
                self.refuse(
                    error.to_string(),
                    "log in as root, or let the login use sudo",
                );
            }
        }
    }

    fn leader(&mut self) {
        if self.system.primaries().is_none() {
            self.refuse(
                format!(
                    "{} has no leader that could be asked for",
                    self.system.name()
                ),
                "use `at: one`",
            );
        }
    }

    /// A name that is no node's may be a mistyped word as well.
    fn names<P>(&mut self, names: &[String], words: &[(&'static str, P)]) {
        let nodes: Vec<&str> = self
            .cluster
            .nodes()
            .iter()
            .map(|n| n.name.as_str())
            .collect();
        for name in names.iter().filter(|name| !nodes.contains(&name.as_str())) {
            let words = words.iter().map(|(word, _)| *word);
            let nearest = words
                .clone()
                .chain(nodes.iter().copied())
                .map(|known| (strsim::damerau_levenshtein(name, known), known))
                .min_by_key(|(distance, _)| *distance)
                .filter(|(distance, _)| *distance <= 2)
                .map_or_else(String::new, |(_, known)| {
                    format!(" (did you mean {known}?)")
                });
            let words: Vec<_> = words.collect();
            self.refuse(
                format!("there is no node {name:?}{nearest}"),
                format!("use {}, or one of {}", words.join(", "), nodes.join(", ")),
            );
        }
    }

    /// The nodes' packet filters, unless they were found already.
    pub fn packet_filter(&mut self) {
        if self.capabilities.net.is_some() {
            return;
        }
        match net::detect(self.cluster, PROBE_PORT) {
            Ok(filter) => {
                self.probes(&filter);
                self.capabilities.net = Some(Arc::new(filter));
            }
            Err(none) => {
                for NoFilter { node, why, instead } in none {
                    self.refuse(format!("{node}: {why}"), instead);
                }
            }
        }
    }

    /// What shapes packets on the nodes, unless it was found already.
    pub fn shaper(&mut self) {
        if self.capabilities.shaper.is_some() {
            return;
        }
        if self.system.net().is_some_and(|net| net.slows()) {
            return;
        }
        if self.system.net().is_some() {
            self.refuse(
                "its nodes share the network of this machine, which is left alone",
                "use nodes with networks of their own: a lab, or machines",
            );
            return;
        }
        if self.cluster.nodes().len() < 2 {
            self.refuse("one node alone has no links", "use at least two nodes");
            return;
        }
        let before = self.refused.len();
        self.root();
        self.helper();
        if self.refused.len() > before {
            return;
        }
        match net::detect_shaper(self.cluster, &self.capabilities.helper) {
            Ok(shaper) => self.capabilities.shaper = Some(Arc::new(shaper)),
            Err(none) => {
                for NoFilter { node, why, instead } in none {
                    self.refuse(format!("{node}: {why}"), instead);
                }
            }
        }
    }

    /// A probe that never got through proves nothing by failing: each node must reach its neighbours now.
    fn probes(&mut self, net: &dyn Net) {
        let nodes = self.cluster.nodes();
        let size = nodes.len();
        let answers = self.cluster.on_each(nodes, |node, remote| {
            let at = nodes.iter().position(|n| n == node).unwrap_or_default();
            let next = &nodes[(at + 1) % size];
            let probe: Command = net.reaches(node, next).deadline(Duration::from_secs(5));
            let reached = remote.exec(&probe)?.success();
            Ok((!reached).then(|| format!("{node} does not reach {next} on port {PROBE_PORT}")))
        });
        for answer in answers {
            let why = match answer {
                Ok(None) => continue,
                Ok(Some(why)) => why,
                Err(error) => error.to_string(),
            };
            self.refuse(
                format!("{why}, so a cut could not be told from the usual state"),
                format!("let the nodes reach each other on TCP port {PROBE_PORT}"),
            );
        }
    }
}
