//! Layers that come out of other layers: an entry of `cases`, a profile; and what is left of them for a single run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_yaml::{Mapping, Value};

use super::{
    Layers, Origin,
    cases::{self, OWN},
    sources::EntryOf,
};
use crate::exit::Failure;

/// What is said of many runs, and so of none of them.
const OF_MANY: [&str; 7] = [
    "cases",
    "fault_sets",
    "profiles",
    "repeat",
    "budget",
    "retry_errors",
    "jobs",
];

/// Layers as a file keeps them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RecordedLayers {
    tree: Value,
    origins: BTreeMap<String, String>,
}

impl Layers {
    /// Lays a profile over what there is.
    pub(super) fn add_profile(&mut self, name: &str) -> Result<(), Failure> {
        let profiles = self.tree.get("profiles");
        let Some(profile) = profiles.and_then(|p| p.get(name)).cloned() else {
            let known = profiles.and_then(Value::as_mapping);
            let known: Vec<&str> = known
                .into_iter()
                .flat_map(Mapping::keys)
                .filter_map(Value::as_str)
                .collect();
            return Err(Failure::usage(match known.is_empty() {
                true => format!("--profile {name}: the configuration has no `profiles`"),
                false => format!("--profile {name}: there are {}", known.join(", ")),
            }));
        };
        if profile.get("profiles").is_some() {
            return Err(Failure::usage(format!(
                "profile {name}: a profile has no `profiles` of its own"
            )));
        }
        self.add(profile, &Origin::Profile(name.to_owned()));
        Ok(())
    }

    /// Lays what an entry of `cases` says of the configuration over what there is.
    pub(super) fn add_case(&mut self, case: EntryOf<'_>) -> Result<(), Failure> {
        let mut tree = case.said.clone();
        if let Value::Mapping(map) = &mut tree {
            OWN.iter().for_each(|key| drop(map.remove(*key)));
        }
        let adapter = tree
            .get("target")
            .and_then(|t| t.as_str().or_else(|| t.get("adapter")?.as_str()));
        if adapter.is_some_and(|adapter| self.tree["target"]["adapter"] != adapter) {
            // The options of one target are not those of another.
            self.tree["target"] = Self::defaults().tree["target"].clone();
            self.origins.retain(|path, _| !path.starts_with("target"));
        }
        self.add(tree, &Origin::Case(case.number));
        Ok(())
    }

    /// The faults of this set, and no others.
    pub(crate) fn choose_faults(&mut self, set: &str, number: usize) -> Result<(), Failure> {
        let none = Value::Null;
        let sets = self.tree.get("fault_sets").unwrap_or(&none);
        let origin = Origin::Case(number);
        let faults = cases::faults_of(set, &self.tree["faults"], sets)
            .map_err(|e| Failure::usage(format!("{origin}: faults: {}", e.message)))?;
        self.set("faults", faults, origin)
    }

    /// The entries of `cases`, as they were written.
    pub(crate) fn cases(&self) -> Vec<Value> {
        let cases = self.tree.get("cases").and_then(Value::as_sequence);
        cases.cloned().unwrap_or_default()
    }

    /// Whether anybody said anything.
    pub(crate) fn is_silent(&self) -> bool {
        self.origins.is_empty()
    }

    /// What there is for a run of its own: nothing that is said of many.
    pub(crate) fn of_one(mut self) -> Self {
        if let Value::Mapping(map) = &mut self.tree {
            OF_MANY.iter().for_each(|key| drop(map.remove(*key)));
        }
        let of_many = |path: &str| {
            OF_MANY
                .iter()
                .any(|key| path.split('.').next() == Some(key))
        };
        self.origins.retain(|path, _| !of_many(path));
        self
    }

    /// As a file keeps them.
    pub(crate) fn record(&self) -> RecordedLayers {
        let origins = self.origins.iter();
        RecordedLayers {
            tree: self.tree.clone(),
            origins: origins
                .map(|(path, o)| (path.clone(), o.to_string()))
                .collect(),
        }
    }

    /// As they were when they were recorded.
    pub(crate) fn recorded(recorded: &RecordedLayers) -> Self {
        let origins = recorded.origins.iter();
        Self {
            tree: recorded.tree.clone(),
            origins: origins
                .map(|(path, o)| (path.clone(), Origin::Recorded(o.clone())))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn layers(yaml: &str) -> Layers {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.yaml");
        std::fs::write(&file, yaml).unwrap();
        let mut layers = Layers::defaults();
        layers.add_file(&file).unwrap();
        layers
    }

    #[test]
    fn a_profile_wins_over_a_case_and_a_case_over_the_file() {
        let mut layers = layers(
            "run: { time: 9s, settle: 3s }\nprofiles: { quick: { run: { time: 2s }, repeat: 4 } }\n\
             cases: [{ run: { time: 5s, settle: 1s }, target: { mode: quorum } }]\n",
        );
        let cases = layers.cases();
        let entry = EntryOf {
            number: 1,
            said: &cases[0],
        };
        layers.add_case(entry).unwrap();
        layers.add_profile("quick").unwrap();
        let config = Config::of(&layers).unwrap();
        assert_eq!(
            (config.run.time.to_string(), config.repeat),
            ("2s".to_owned(), 4)
        );
        assert_eq!(config.run.settle.to_string(), "1s");
        assert_eq!(layers.origin("run.time").to_string(), "profile quick");
        assert_eq!(layers.origin("run.settle").to_string(), "cases, entry 1");
        let said = layers.add_profile("quik").unwrap_err().to_string();
        assert_eq!(said, "--profile quik: there are quick");
    }

    #[test]
    fn another_target_has_none_of_the_options_of_the_first() {
        let mut layers = layers("target: { mode: quorum, nodes: 3 }\ncases: [{ target: etcd }]\n");
        let cases = layers.cases();
        layers
            .add_case(EntryOf {
                number: 1,
                said: &cases[0],
            })
            .unwrap();
        assert_eq!(layers.origin("target.mode"), Origin::Defaults);
        assert_eq!(Config::of(&layers).unwrap().target.adapter, "etcd");
    }

    #[test]
    fn a_run_of_many_is_recorded_as_one_and_read_back_as_it_was() {
        let mut layers = layers(
            "cases: [{ faults: [kill] }]\nfaults: { kill: { every: 9s } }\nrepeat: 3\nrun: { time: 30s }\n",
        );
        layers.choose_faults("kill", 1).unwrap();
        let one = layers.of_one();
        let text = serde_json::to_string(&one.record()).unwrap();
        let again = Layers::recorded(&serde_json::from_str(&text).unwrap());
        assert_eq!(again.to_yaml("0x5"), one.to_yaml("0x5"));
        let yaml = again.to_yaml("0x5");
        for word in OF_MANY {
            assert!(!yaml.contains(&format!("{word}:")), "{yaml}");
        }
        // And it can be run again by itself.
        let mut alone = Layers::defaults();
        alone
            .add_recorded(&yaml, std::path::Path::new("meta.json"))
            .unwrap();
        let (a, b) = (Config::of(&alone).unwrap(), Config::of(&again).unwrap());
        assert_eq!(a.faults, b.faults);
        assert!(a.cases.is_empty());
    }
}
