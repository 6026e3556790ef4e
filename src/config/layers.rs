//! Trees of values from several sources, laid over each other.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use serde::Deserialize as _;
use serde_yaml::{Mapping, Value};

use super::{
    Config,
    complaint::{explain, said},
};
use crate::{args::RunArgs, exit::Failure};

/// What holds where nothing else is said.
pub(crate) const DEFAULTS: &str = include_str!("defaults.yaml");
/// Where the variables of this prefix are not values of the configuration but of the program or of its tests.
const NOT_VALUES: [&str; 3] = ["SCHISM_RUNS", "SCHISM_CORPORA", "SCHISM_ARTEFACTS"];

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody said otherwise.
    Defaults,
    /// A configuration file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// A flag.
    Flag(&'static str),
    /// An entry of `cases`, counted from 1.
    Case(usize),
    /// A profile.
    Profile(String),
    /// As it was told when it was recorded.
    Recorded(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Defaults => f.write_str("built-in defaults"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
            Self::Case(number) => write!(f, "cases, entry {number}"),
            Self::Profile(name) => write!(f, "profile {name}"),
            Self::Recorded(origin) => f.write_str(origin),
        }
    }
}

/// All sources so far, merged, with the origin of every value that is not a default.
#[derive(Debug, Clone)]
pub(crate) struct Layers {
    pub(super) tree: Value,
    pub(super) origins: BTreeMap<String, Origin>,
}

impl Layers {
    /// The built-in defaults.
    pub(crate) fn defaults() -> Self {
        let tree = serde_yaml::from_str(DEFAULTS).expect("the built-in defaults are YAML");
        Self {
            tree,
            origins: BTreeMap::new(),
        }
    }

    /// Lays a file over what there is.
    pub(crate) fn add_file(&mut self, path: &Path) -> Result<(), Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Failure::usage(format!("cannot read {}: {e}", path.display())))?;
        let complain = |e: serde_yaml::Error| Failure::usage(explain(path, &text, &e));
        serde_yaml::from_str::<Config>(&text).map_err(complain)?;
        let mut tree = serde_yaml::from_str(&text).map_err(complain)?;
        beside(path, &mut tree);
        self.add(tree, &Origin::File(path.to_owned()));
        Ok(())
    }

    /// Lays what a run recorded over what there is.
    pub(crate) fn add_recorded(&mut self, text: &str, path: &Path) -> Result<(), Failure> {
        let complain = |e: serde_yaml::Error| Failure::usage(explain(path, text, &e));
        let tree = serde_yaml::from_str(text).map_err(complain)?;
        self.add(tree, &Origin::File(path.to_owned()));
        Ok(())
    }

    /// Lays `SCHISM_A__B=c`, that is `a: { b: c }`, over what there is.
    pub(crate) fn add_environment(
        &mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), Failure> {
        for (name, text) in variables {
            let Some(path) = name.strip_prefix("SCHISM_") else {
                continue;
            };
            if NOT_VALUES.contains(&name.as_str())
                || path.starts_with("REQUIRE_")
                || path.starts_with("PROPERTY_")
            {
                continue;
            }
            let path = path.to_ascii_lowercase().replace("__", ".");
            let value = serde_yaml::from_str(&text).unwrap_or(Value::String(text));
            self.set(&path, value, Origin::Variable(name))?;
        }
        Ok(())
    }

    /// Lays flags over what there is.
    pub(crate) fn add_flags(
        &mut self,
        args: &RunArgs,
        target: Option<&str>,
    ) -> Result<(), Failure> {
        let mut set = |flag, path: &str, value: Option<Value>| match value {
            Some(value) => self.set(path, value, Origin::Flag(flag)),
            None => Ok(()),
        };
        let text = |s: &Option<String>| s.clone().map(Value::String);
        let path = |p: &Option<PathBuf>| p.as_ref().map(|p| Value::String(p.display().to_string()));
        let switch = |on: bool| on.then_some(Value::Bool(true));
        set(
            "the target named on the command line",
            "target.adapter",
            target.map(Value::from),
        )?;
        set("--mode", "target.mode", text(&args.mode))?;
        set(
            "--read-quorum",
            "target.read_quorum",
            args.read_quorum.map(Value::from),
        )?;
        set(
            "--write-quorum",
            "target.write_quorum",
            args.write_quorum.map(Value::from),
        )?;
        set("--nodes", "target.nodes", args.nodes.map(Value::from))?;
        set(
            "--serializable",
            "target.serializable",
            switch(args.serializable),
        )?;
        let at = (!args.at.is_empty()).then(|| Value::from(args.at.clone()));
        set("--at", "target.at", at)?;
        set("--fail-fast", "run.fail_fast", switch(args.fail_fast))?;
        let lab = args.lab.as_ref().map(|lab| match lab.parse::<u8>() {
            Ok(nodes) => Value::from(nodes),
            Err(_) => Value::from(lab.as_str()),
        });
        set("--lab", "cluster.lab", lab)?;
        let nodes = (!args.node.is_empty()).then(|| Value::from(args.node.clone()));
        set("--node", "cluster.nodes", nodes)?;
        set("--ssh-user", "cluster.ssh.user", text(&args.ssh_user))?;
        set("--ssh-key", "cluster.ssh.key", path(&args.ssh_key))?;
        set(
            "--known-hosts",
            "cluster.ssh.known_hosts",
            path(&args.known_hosts),
        )?;
        set(
            "--keys",
            "workloads.register.keys",
            args.keys.map(Value::from),
        )?;
        set("--values", "workloads.register.values", text(&args.values))?;
        set("--rate", "workloads.register.rate", text(&args.rate))?;
        set(
            "--concurrency",
            "workloads.register.concurrency",
            text(&args.concurrency),
        )?;
        set("--time", "run.time", text(&args.time))?;
        set("--op-timeout", "run.op_timeout", text(&args.op_timeout))?;
        set("--seed", "run.seed", text(&args.seed))?;
        set("--faults", "faults", text(&args.faults))?;
        set("--schedule", "schedule", text(&args.schedule))?;
        let campaign = &args.campaign;
        set("--repeat", "repeat", campaign.repeat.map(Value::from))?;
        set("--budget", "budget", text(&campaign.budget))?;
        set(
            "--retry-errors",
            "retry_errors",
            campaign.retry_errors.map(Value::from),
        )?;
        set("--jobs", "jobs", campaign.jobs.map(Value::from))?;
        if args.cut_clients {
            self.cut_clients()?;
        }
        Ok(())
    }

    /// Turns the partition that was asked for into one that cuts off our clients, too.
    fn cut_clients(&mut self) -> Result<(), Failure> {
        let flag = Origin::Flag("--cut-clients");
        let faults = self.tree.get("faults").cloned().unwrap_or_default();
        let mut map = match faults {
            Value::Mapping(map) => map,
            Value::Sequence(words) => words.into_iter().map(|w| (w, Value::Null)).collect(),
            Value::String(words) => words
                .split(',')
                .map(|w| (Value::from(w.trim()), Value::Null))
                .collect(),
            _ => Mapping::new(),
        };
        let partition = |key: &Value| key.as_str().is_some_and(|k| k.starts_with("partition"));
        let Some((_, body)) = map.iter_mut().find(|(key, _)| partition(key)) else {
            return Err(Failure::usage(format!(
                "{flag}: there is no partition among the faults"
            )));
        };
        if !body.is_mapping() {
            *body = Value::Mapping(Mapping::new());
        }
        body["clients"] = Value::Bool(true);
        self.set("faults", Value::Mapping(map), flag)
    }

    /// Sets one value.
    pub(crate) fn set(&mut self, path: &str, value: Value, origin: Origin) -> Result<(), Failure> {
        let tree = path.rsplit('.').fold(value, |value, key| {
            Value::Mapping(Mapping::from_iter([(Value::from(key), value)]))
        });
        Config::deserialize(&tree).map_err(|e| {
            let said = said(&e.to_string());
            // What follows the path of the value is what is new to the reader.
            let why = said
                .strip_prefix(path)
                .map_or(said.as_str(), |s| s.trim_start_matches(": "));
            Failure::usage(format!("{origin}: {why}"))
        })?;
        self.add(tree, &origin);
        Ok(())
    }

    pub(super) fn add(&mut self, tree: Value, origin: &Origin) {
        merge(&mut self.tree, tree, "", origin, &mut self.origins);
    }

    /// All of it, checked.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        Config::deserialize(&self.tree).map_err(|e| Failure::usage(said(&e.to_string())))
    }

    /// Where the value at this path comes from.
    pub(crate) fn origin(&self, path: &str) -> Origin {
        self.origins.get(path).cloned().unwrap_or(Origin::Defaults)
    }

    /// The whole configuration as YAML, each value that is not a default with its origin, and with the seed that was
    /// drawn. It can be run again as it is.
    pub(crate) fn to_yaml(&self, seed: &str) -> String {
        self.render(seed, false)
    }

    /// The same, also with the origin of defaults.
    pub(crate) fn to_yaml_with_origins(&self, seed: &str) -> String {
        self.render(seed, true)
    }

    fn render(&self, seed: &str, all: bool) -> String {
        let mut tree = self.tree.clone();
        tree["run"]["seed"] = Value::from(seed);
        let mut text = String::new();
        self.write(&tree, 0, "", all, &mut text);
        text
    }

    fn write(&self, tree: &Value, depth: usize, path: &str, all: bool, text: &mut String) {
        let Value::Mapping(map) = tree else { return };
        for (key, value) in map {
            let key = key.as_str().unwrap_or_default();
            let at = join(path, key);
            text.push_str(&"  ".repeat(depth));
            match value {
                Value::Mapping(inner) if !inner.is_empty() => {
                    text.push_str(&format!("{key}:\n"));
                    self.write(value, depth + 1, &at, all, text);
                }
                // JSON is YAML, and fits on a line.
                _ => {
                    let flow = serde_json::to_string(value).unwrap_or_default();
                    text.push_str(&format!("{key}: {flow}"));
                    if all || self.origins.contains_key(&at) {
                        let origin = self.origin(&at).to_string();
                        text.push_str(&format!("  # {}", origin.replace(char::is_control, " ")));
                    }
                    text.push('\n');
                }
            }
        }
    }
}

/// The adapter that a configuration file names is a file beside it, wherever the program is run.
fn beside(config: &Path, tree: &mut Value) {
    let named = match tree.get_mut("target") {
        Some(name @ Value::String(_)) => Some(name),
        Some(Value::Mapping(target)) => target.get_mut("adapter"),
        _ => None,
    };
    let Some(Value::String(name)) = named else {
        return;
    };
    let file = config.parent().unwrap_or(Path::new("")).join(&*name);
    if file.extension().is_some_and(|e| e == "yaml" || e == "yml")
        && let Ok(whole) = file.canonicalize()
    {
        *name = whole.display().to_string();
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// Values that are maps.
const WHOLE: [&str; 2] = ["faults", "schedule"];

/// Lays `over` over `tree`. A list, and all of `faults` or `schedule`, is one value: half of one list and half of another is
/// nobody's wish. The same goes for a lab and nodes. Who repeats what holds anyway has not changed it.
fn merge(
    tree: &mut Value,
    over: Value,
    path: &str,
    origin: &Origin,
    origins: &mut BTreeMap<String, Origin>,
) {
    let over = match over {
        Value::String(name) if path == "target" => Value::Mapping(Mapping::from_iter([(
            Value::from("adapter"),
            Value::String(name),
        )])),
        over => over,
    };
    match (tree, over) {
        (Value::Mapping(tree), Value::Mapping(over)) if !WHOLE.contains(&path) => {
            for (key, value) in over {
                let name = key.as_str().unwrap_or_default().to_owned();
                match (path, name.as_str()) {
                    ("cluster", "lab") => drop(tree.remove("nodes")),
                    ("cluster", "nodes") => drop(tree.remove("lab")),
                    _ => {}
                }
                let place = tree.entry(key).or_insert(Value::Null);
                merge(place, value, &join(path, &name), origin, origins);
            }
        }
        (tree, over) if *tree == over => {}
        (tree, over) => {
            if let Value::Mapping(map) = &over
                && !WHOLE.contains(&path)
            {
                for key in map.keys().filter_map(Value::as_str) {
                    origins.insert(join(path, key), origin.clone());
                }
            }
            origins.insert(path.to_owned(), origin.clone());
            *tree = over;
        }
    }
}
