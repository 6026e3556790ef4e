//! The one list of targets. Above it nothing knows the type of a client, below it everything does.

use std::path::Path;

use adapter::AdapterFile;

/// A target that this program has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Processes of this program on loopback.
    Embedded,
    /// etcd over SSH.
    Etcd,
    /// Whatever the file of an adapter describes.
    Adapter,
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

/// What the file of an adapter describes. It has a name of its own.
static ADAPTER: Entry = Entry {
    target: Target::Adapter,
    name: "adapter",
    about: "a database of yours, as the file of an adapter describes it",
    options: &["at"],
    needs_cluster: true,
};

/// All there are, those without a name included.
pub(crate) fn all() -> impl Iterator<Item = &'static Entry> {
    TARGETS.iter().chain([&ADAPTER])
}

/// The target of this name, or of this file.
pub(crate) fn find(name: &str) -> Option<&'static Entry> {
    let named = TARGETS.iter().find(|t| t.name == name);
    named.or_else(|| is_adapter(name).then_some(&ADAPTER))
}

/// Whether this is the file of an adapter.
pub(crate) fn is_adapter(name: &str) -> bool {
    let path = Path::new(name);
    let looks_like_one = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
    looks_like_one && AdapterFile::is_meant_by(path)
}

/// What people call it: for a file, the name that stands in it.
pub(crate) fn name_of(target: &str) -> String {
    match is_adapter(target) {
        true => AdapterFile::read(Path::new(target))
            .map_or_else(|_| target.to_owned(), |file| file.name),
        false => target.to_owned(),
    }
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
    format!(
        "there is no target {name:?}, and no file of that name{hint}\ntargets:{list}\n  {:<10} {}",
        "FILE.yaml", ADAPTER.about
    )
}
