//! What a run is to do, all values resolved.
//!
//! Each source is one YAML tree: the built-in defaults, the file, `SCHISM_…` variables (`SCHISM_RUN__TIME=5m` is
//! `run: { time: 5m }`), the flags. Later ones win, value by value. Each tree is checked on its own, so that a mistake
//! is reported where it was made, with line and column where there are any; the winner of each value is remembered as
//! its [`Origin`].

mod cases;
mod complaint;
mod layers;
mod overlays;
mod sources;
mod values;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use adapter::Address;
use nemesis::{Faults, ScheduleSpec, Time};
use serde::{Deserialize, Deserializer, Serialize, de};

pub(crate) use self::{
    cases::{CaseConfig, Seeds, WorkloadName},
    complaint::explain,
    layers::{DEFAULTS, Layers, Origin},
    overlays::RecordedLayers,
    sources::{EntryOf, Sources},
    values::{Concurrency, Rate, Secret, SeedChoice},
};
use crate::{args::RunArgs, exit::Failure, nodes::NodeSpec, registry};

/// A run, resolved.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Version of this format.
    pub(crate) version: u32,
    /// What is tested; its name alone will do.
    #[serde(deserialize_with = "name_or_map")]
    pub(crate) target: TargetConfig,
    /// Where it runs.
    pub(crate) cluster: ClusterConfig,
    /// What it is asked.
    pub(crate) workloads: Workloads,
    /// What is done to it.
    pub(crate) faults: Faults,
    /// In what order.
    pub(crate) schedule: ScheduleSpec,
    /// How long.
    pub(crate) run: RunConfig,
    /// What it promises.
    pub(crate) expect: Expect,
    /// What is run instead of just this.
    pub(crate) cases: Vec<CaseConfig>,
    /// Sets of faults that cases name.
    pub(crate) fault_sets: BTreeMap<String, Faults>,
    /// What `--profile` lays over all this.
    pub(crate) profiles: BTreeMap<String, Config>,
    /// How often each case is run, each time from another seed.
    #[serde(default = "once")]
    pub(crate) repeat: u32,
    /// How long all of them may take.
    pub(crate) budget: Option<Time>,
    /// How often a case is run again that the infrastructure has broken.
    pub(crate) retry_errors: u32,
    /// How many are run at once.
    #[serde(default = "once")]
    pub(crate) jobs: u32,
}

/// Where a single run is described, nothing is said of many.
fn once() -> u32 {
    1
}

/// What is tested. Options that a target does not have are refused where they are set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TargetConfig {
    /// Name of the target, or the file of an adapter.
    pub(crate) adapter: String,
    /// Nodes of the embedded store.
    pub(crate) nodes: u8,
    /// How the embedded store replicates.
    pub(crate) mode: Mode,
    /// Answers that a read waits for, in quorum mode.
    pub(crate) read_quorum: u8,
    /// Acknowledgements that a write waits for, in quorum mode.
    pub(crate) write_quorum: u8,
    /// Whether etcd's reads may be answered from a member's own state.
    pub(crate) serializable: bool,
    /// Where nodes of an adapter's database serve that others run.
    pub(crate) at: Vec<Address>,
}

impl Config {
    /// Whether the nodes are those of others, who can only be asked.
    pub(crate) fn is_attached(&self) -> bool {
        let cluster = &self.cluster;
        registry::is_adapter(&self.target.adapter)
            && cluster.lab.is_none()
            && cluster.nodes.is_empty()
    }
}

/// `target: etcd` is `target: { adapter: etcd }`.
fn name_or_map<'de, D: Deserializer<'de>>(from: D) -> Result<TargetConfig, D::Error> {
    struct Visitor;
    impl<'de> de::Visitor<'de> for Visitor {
        type Value = TargetConfig;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the name of a target, or a map with `adapter` and its options")
        }
        fn visit_str<E: de::Error>(self, name: &str) -> Result<TargetConfig, E> {
            Ok(TargetConfig {
                adapter: name.to_owned(),
                ..TargetConfig::default()
            })
        }
        fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<TargetConfig, A::Error> {
            TargetConfig::deserialize(de::value::MapAccessDeserializer::new(map))
        }
    }
    from.deserialize_any(Visitor)
}

/// How the embedded store replicates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// Raft.
    #[default]
    Consensus,
    /// Leaderless, last write wins.
    Quorum,
}

/// Where the target runs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClusterConfig {
    /// A lab: so many nodes for this run, or the one of this name.
    pub(crate) lab: Option<LabChoice>,
    /// Real hosts.
    pub(crate) nodes: Vec<NodeSpec>,
    /// How to log in to them.
    pub(crate) ssh: SshConfig,
    /// How long nodes wait for us before they undo their faults themselves.
    pub(crate) lease: Time,
}

/// A lab, new or existing.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum LabChoice {
    /// One that is made for the run, with so many nodes, and removed after it.
    Nodes(u8),
    /// One that `schism lab up` made.
    Name(String),
}

/// How to log in.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SshConfig {
    /// As whom; the name of the local user if it is not said.
    pub(crate) user: Option<String>,
    /// A private key.
    pub(crate) key: Option<PathBuf>,
    /// The private key's passphrase.
    pub(crate) passphrase: Option<Secret>,
    /// A password to log in with.
    pub(crate) password: Option<Secret>,
    /// A password for sudo.
    pub(crate) sudo_password: Option<Secret>,
    /// The file of trusted host keys.
    pub(crate) known_hosts: Option<PathBuf>,
}

/// What the target is asked.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Workloads {
    /// Registers.
    pub(crate) register: RegisterConfig,
}

/// The register workload.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RegisterConfig {
    /// Independent keys.
    pub(crate) keys: u32,
    /// Which values are written.
    pub(crate) values: ValuesConfig,
    /// Clients.
    pub(crate) concurrency: Concurrency,
    /// Calls started a second.
    pub(crate) rate: Rate,
}

/// Which values are written to a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ValuesConfig {
    /// Each once.
    #[default]
    Distinct,
    /// A few, again and again.
    Small,
}

/// How long, and with which decisions.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RunConfig {
    /// How long clients and faults run.
    pub(crate) time: Time,
    /// After which a call's outcome counts as unknown.
    pub(crate) op_timeout: Time,
    /// How long the cluster may take to recover once everything is healed.
    pub(crate) settle: Time,
    /// Where all decisions come from.
    pub(crate) seed: SeedChoice,
    /// Whether the first violation that shows ends the workload.
    pub(crate) fail_fast: bool,
}

/// What the target promises: verdicts are relative to it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Expect {
    /// Of registers.
    pub(crate) register: RegisterPromise,
}

/// What registers may promise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RegisterPromise {
    /// Every call takes effect at one instant between its start and its end.
    #[default]
    Linearizable,
}

/// The configuration file that is used when none is named.
pub(crate) const DEFAULT_FILE: &str = "schism.yaml";

impl Config {
    /// From everything that was said.
    pub(crate) fn resolve(args: &RunArgs) -> Result<(Self, Layers), Failure> {
        let sources = Sources::of(args)?;
        match sources.names {
            // Where one thing is meant, a name of no target is no name of a case.
            [name, ..] => Err(Failure::usage(crate::registry::unknown(name))),
            [] => sources.config(),
        }
    }

    /// From everything that was said, however it was.
    pub(crate) fn of(layers: &Layers) -> Result<Self, Failure> {
        let mut config = layers.config()?;
        config.validate(layers)?;
        if config.is_attached() {
            config.leave_alone(layers)?;
        }
        config.schedule.settle(&mut config.faults);
        Ok(config)
    }

    /// The nodes of others are not harmed: the usual faults are none here, and those that were asked for are refused.
    fn leave_alone(&mut self, layers: &Layers) -> Result<(), Failure> {
        if layers.origin("faults") == Origin::Defaults {
            self.faults = Faults::default();
        }
        if self.faults.0.is_empty() {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "{}: faults: nodes that others run can only be asked: --lab 5 builds five on this machine (as root), --node HOST \
             names one of yours, and the adapter's `launch` says how a node is started; or --faults none",
            layers.origin("faults")
        )))
    }

    /// What no single value can say.
    fn validate(&self, layers: &Layers) -> Result<(), Failure> {
        let bad = |path: &str, why: String| {
            Err(Failure::usage(format!(
                "{}: {path}: {why}",
                layers.origin(path)
            )))
        };
        if self.version != 1 {
            return bad(
                "version",
                format!("{} is not known; this schism reads version 1", self.version),
            );
        }
        if self.run.time.0.is_zero() {
            return bad(
                "run.time",
                "a run takes some time, 60s for example".to_owned(),
            );
        }
        if self.run.op_timeout.0.is_zero() {
            return bad(
                "run.op_timeout",
                "every call needs a deadline, 5s for example".to_owned(),
            );
        }
        if self.cluster.lease.0 < Duration::from_secs(2) {
            return bad(
                "cluster.lease",
                "nodes count whole seconds, and a heartbeat may be late: at least 2s".to_owned(),
            );
        }
        if self.workloads.register.keys == 0 {
            return bad(
                "workloads.register.keys",
                "there must be at least one key".to_owned(),
            );
        }
        if !self.target.at.is_empty() && !self.is_attached() {
            return bad(
                "target.at",
                "is for the file of an adapter without a cluster; nodes of a cluster are known"
                    .to_owned(),
            );
        }
        if self.cluster.lab.is_some() && !self.cluster.nodes.is_empty() {
            return bad("cluster", "either `lab` or `nodes`, not both".to_owned());
        }
        for (path, n) in [("repeat", self.repeat), ("jobs", self.jobs)] {
            if n == 0 {
                return bad(path, "at least 1".to_owned());
            }
        }
        for track in &self.faults.0 {
            if let Err(e) = track.timing(self.run.time.0) {
                return bad("faults", e.to_string());
            }
        }
        if let Err(e) = self.schedule.check(&self.faults, self.run.time.0) {
            return bad("schedule", e.to_string());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_a_whole_configuration() {
        let config = Layers::defaults().config().unwrap();
        config.validate(&Layers::defaults()).unwrap();
        assert_eq!(config.target.adapter, "embedded");
        assert_eq!(config.faults.name(), "partition+kill+pause");
    }

    #[test]
    fn flags_win_over_variables_win_over_the_file_value_by_value() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.yaml");
        std::fs::write(
            &file,
            "run: { time: 10s, settle: 2s }\nfaults: { kill: { every: 9s, for: 1s } }\n",
        )
        .unwrap();
        let mut layers = Layers::defaults();
        layers.add_file(&file).unwrap();
        layers
            .add_environment([("SCHISM_RUN__TIME".to_owned(), "20s".to_owned())])
            .unwrap();
        let args = RunArgs {
            rate: Some("7/s".to_owned()),
            ..RunArgs::default()
        };
        layers.add_flags(&args, Some("etcd")).unwrap();
        let config = layers.config().unwrap();
        assert_eq!(config.run.time.to_string(), "20s");
        assert_eq!(config.run.settle.to_string(), "2s");
        assert_eq!(config.run.op_timeout.to_string(), "5s");
        assert_eq!(config.faults.name(), "kill");
        assert_eq!(config.target.adapter, "etcd");
        assert_eq!(layers.origin("run.time").to_string(), "SCHISM_RUN__TIME");
        assert_eq!(
            layers.origin("run.settle").to_string(),
            file.display().to_string()
        );
        assert_eq!(
            layers.origin("workloads.register.rate").to_string(),
            "--rate"
        );
        assert_eq!(
            layers.origin("run.op_timeout").to_string(),
            "built-in defaults"
        );
    }

    fn complaint(yaml: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.yaml");
        std::fs::write(&file, yaml).unwrap();
        let mut layers = Layers::defaults();
        let said = layers.add_file(&file).unwrap_err().to_string();
        said.replace(dir.path().to_str().unwrap(), "DIR")
    }

    #[test]
    fn an_unknown_key_is_an_error_with_line_column_and_a_suggestion() {
        assert_eq!(
            complaint("version: 1\nrun:\n  tyme: 5s\n"),
            "DIR/x.yaml:3:3: run: unknown key `tyme`; did you mean `time`?\n\n  3 |   tyme: 5s\n    |   ^\n\n\
             keys here: time, op_timeout, settle, seed, fail_fast"
        );
    }

    #[test]
    fn a_bad_duration_says_what_to_write() {
        let said = complaint("run:\n  time: 90\n");
        assert!(
            said.starts_with("DIR/x.yaml:2:9: run.time: 90 has no unit: write 90s"),
            "{said}"
        );
    }

    #[test]
    fn a_duplicate_key_and_broken_yaml_are_errors_with_a_place() {
        let said = complaint("run: { time: 5s }\nrun: { time: 6s }\n");
        assert!(said.starts_with("DIR/x.yaml:2:1: "), "{said}");
        assert!(said.contains("duplicate"), "{said}");
        assert!(complaint("run: [\n").starts_with("DIR/x.yaml:1:6: run: "));
    }

    #[test]
    fn a_script_names_its_faults_and_a_line_that_cannot_be_is_told() {
        let mut layers = Layers::defaults();
        let script = "schedule: { script: [{ at: 1s, inject: kill, for: 1s }, { at: 2s, inject: kill@n2, for: 1s }] }\n\
                      faults: { kill: { at: n1 } }\n";
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.yaml");
        std::fs::write(&file, script).unwrap();
        layers.add_file(&file).unwrap();
        let config = Config::of(&layers).unwrap();
        let each: Vec<_> = config
            .faults
            .0
            .iter()
            .map(|t| t.fault.to_string())
            .collect();
        assert_eq!(each, ["kill@n1", "kill@n2"]);
        assert_eq!(config.faults.name(), "kill");
        // What a run recorded is the same configuration again.
        let mut again = Layers::defaults();
        again.add_recorded(&layers.to_yaml("0x5"), &file).unwrap();
        let again = Config::of(&again).unwrap();
        assert_eq!(again.schedule, config.schedule);
        assert_eq!(again.faults, config.faults);

        std::fs::write(&file, "schedule: { script: [{ at: 90s, inject: kill }] }\n").unwrap();
        layers.add_file(&file).unwrap();
        let said = Config::of(&layers).unwrap_err().to_string();
        assert!(
            said.ends_with("x.yaml: schedule: line 1 of the script: 1m30s is not within the run, which takes 1m"),
            "{said}"
        );
    }

    #[test]
    fn a_secret_is_never_written_into_the_file() {
        let said = complaint("cluster: { ssh: { password: hunter2 } }\n");
        assert!(said.contains("${env:NAME}"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }

    #[test]
    fn an_unknown_variable_is_an_error_and_other_tools_variables_are_not_ours() {
        let mut layers = Layers::defaults();
        let set = |n: &str| [(n.to_owned(), "1".to_owned())];
        let said = layers
            .add_environment(set("SCHISM_RUN__TYME"))
            .unwrap_err()
            .to_string();
        assert!(
            said.contains("SCHISM_RUN__TYME") && said.contains("`time`"),
            "{said}"
        );
        layers.add_environment(set("SCHISM_RUNS")).unwrap();
        layers.add_environment(set("PATH")).unwrap();
    }
}
