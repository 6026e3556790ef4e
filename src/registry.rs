//! The one list of targets. Above it nothing knows the type of a client, below it everything does.

/// A target that this program has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Processes of this program on loopback.
    Embedded,
    /// etcd over SSH.
    Etcd,
}

/// A target with what people are told of it.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Which.
    pub(crate) target: Target,
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is, in a line.
    pub(crate) about: &'static str,
    /// The options of `target:` that it has, besides `adapter`.
    pub(crate) options: &'static [&'static str],
    /// Whether it runs on the nodes of a cluster, rather than on this machine.
    pub(crate) needs_cluster: bool,
}

/// All of them.
pub(crate) const TARGETS: [Entry; 2] = [
    Entry {
        target: Target::Embedded,
        name: "embedded",
        about: "a small replicated store, real processes on this machine; needs nothing",
        options: &["nodes", "mode", "read_quorum", "write_quorum"],
        needs_cluster: false,
    },
    Entry {
        target: Target::Etcd,
        name: "etcd",
        about: "etcd from Debian's package, over SSH; needs a lab (root) or hosts",
        options: &["serializable"],
        needs_cluster: true,
    },
];

/// The target of this name.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    TARGETS.iter().find(|t| t.name == name)
}

/// That there is no such target, and which there are.
pub(crate) fn unknown(name: &str) -> String {
    let nearest = TARGETS
        .iter()
        .map(|t| (strsim::damerau_levenshtein(name, t.name), t.name))
        .filter(|(distance, _)| *distance <= 2)
        .min();
    let hint = nearest.map_or_else(String::new, |(_, name)| format!("; did you mean {name}?"));
    let list: String = TARGETS
        .iter()
        .map(|t| format!("\n  {:<10} {}", t.name, t.about))
        .collect();
    format!("there is no target {name:?}, and no file of that name{hint}\ntargets:{list}")
}
