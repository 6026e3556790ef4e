//! `cases:`: what is run under which faults from which seeds, as a configuration lists it.
//!
//! ```yaml
//! cases:
//!   - { workload: register, faults: [none, partition, partition+kill] }
//!   - { name: loose, target: { mode: quorum }, faults: storm, seeds: 3, run: { time: 2m } }
//! fault_sets:
//!   storm: { partition: { every: 5s }, wan: { loss: 5% } }
//! ```
//! A set of faults is `none`, a name of `fault_sets`, or names joined by `+`: each a key of `faults`, with what that says of
//! it, or any fault there is.

use nemesis::{Kind, ScheduleSpec};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_yaml::{Mapping, Value};

use super::{ClusterConfig, Expect, RunConfig, SeedChoice, TargetConfig, Workloads, name_or_map};
use crate::exit::Failure;

/// One entry. What it says beyond its own keys is laid over the rest of the configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CaseConfig {
    /// How its runs are called; from workload and target where it is not said.
    pub(crate) name: Option<String>,
    /// What is asked.
    pub(crate) workload: WorkloadName,
    /// The sets of faults, one run each; those of the rest of the configuration where none are said.
    pub(crate) faults: Sets,
    /// From which seeds.
    pub(crate) seeds: Seeds,
    // Read again as a layer; here its mistakes get a place.
    #[serde(deserialize_with = "name_or_map")]
    target: TargetConfig,
    cluster: ClusterConfig,
    workloads: Workloads,
    schedule: ScheduleSpec,
    run: RunConfig,
    expect: Expect,
}

/// The keys of an entry that are about the entry itself.
pub(super) const OWN: [&str; 4] = ["name", "workload", "faults", "seeds"];

/// The workloads there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WorkloadName {
    /// Registers.
    #[default]
    Register,
}

impl WorkloadName {
    /// All of them.
    pub(crate) const ALL: [Self; 1] = [Self::Register];

    /// As it is written.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Register => "register",
        }
    }
}

/// Sets of faults by name: one, or a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sets(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for Sets {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Sets;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("sets of faults: [none, partition, partition+kill]")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<Sets, E> {
                Ok(Sets(vec![name.to_owned()]))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Sets, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = seq.next_element()? {
                    names.push(name);
                }
                Ok(Sets(names))
            }
        }
        from.deserialize_any(Visitor)
    }
}

/// Where the decisions of an entry's runs come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seeds {
    /// So many, derived from the campaign's.
    Derived(u32),
    /// These.
    Fixed(Vec<generator::Seed>),
}

impl Default for Seeds {
    fn default() -> Self {
        Self::Derived(1)
    }
}

impl<'de> Deserialize<'de> for Seeds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Seeds;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number of seeds, 3, or a list of them, [0x5eed, 7]")
            }
            fn visit_u64<E: de::Error>(self, n: u64) -> Result<Seeds, E> {
                match u32::try_from(n) {
                    Ok(n @ 1..=10_000) => Ok(Seeds::Derived(n)),
                    _ => Err(E::custom(format!("{n} seeds: write 1 to 10000, or a list"))),
                }
            }
            fn visit_i64<E: de::Error>(self, n: i64) -> Result<Seeds, E> {
                self.visit_u64(n.max(0).unsigned_abs())
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Seeds, A::Error> {
                let mut seeds = Vec::new();
                while let Some(choice) = seq.next_element::<SeedChoice>()? {
                    match choice {
                        SeedChoice::Fixed(seed) => seeds.push(seed),
                        SeedChoice::Random => {
                            return Err(de::Error::custom(
                                "a list names seeds; for random ones write how many",
                            ));
                        }
                    }
                }
                match seeds.is_empty() {
                    true => Err(de::Error::custom("the list of seeds is empty")),
                    false => Ok(Seeds::Fixed(seeds)),
                }
            }
        }
        from.deserialize_any(Visitor)
    }
}

/// The faults of a set, as `faults:` has them. `definitions` is what `faults:` says, `sets` what `fault_sets:` does.
pub(crate) fn faults_of(set: &str, definitions: &Value, sets: &Value) -> Result<Value, Failure> {
    match set {
        "none" | "all" => return Ok(Value::from(set)),
        _ => {}
    }
    if let Some(whole) = sets.get(set) {
        return Ok(whole.clone());
    }
    let mut faults = Mapping::new();
    for word in words(set, definitions) {
        let said = definitions.as_mapping().and_then(|map| map.get(&*word));
        if faults
            .insert(word.clone().into(), said.cloned().unwrap_or(Value::Null))
            .is_some()
        {
            return Err(Failure::usage(format!("{word} stands twice in {set}")));
        }
    }
    Ok(Value::Mapping(faults))
}

/// The names that are joined by `+`. So are the nodes of a place, `kill@n1+n2`: what is no fault, behind a name with a place,
/// belongs to that.
fn words(set: &str, definitions: &Value) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for part in set.split('+').map(str::trim) {
        let kind = part.split('@').next().unwrap_or_default();
        let is_fault = kind.parse::<Kind>().is_ok() || definitions.get(part).is_some();
        match words.last_mut() {
            Some(last) if !is_fault && last.contains('@') => {
                last.push('+');
                last.push_str(part);
            }
            _ => words.push(part.to_owned()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(set: &str) -> String {
        let definitions =
            serde_yaml::from_str("{ partition: { every: 9s }, kill@leader: { for: 1s } }").unwrap();
        let sets = serde_yaml::from_str("{ storm: [pause, kill] }").unwrap();
        let faults = faults_of(set, &definitions, &sets).unwrap();
        serde_json::to_string(&faults).unwrap()
    }

    #[test]
    fn a_set_is_made_of_what_the_configuration_says_of_its_faults() {
        assert_eq!(faults("none"), r#""none""#);
        assert_eq!(faults("storm"), r#"["pause","kill"]"#);
        assert_eq!(
            faults("partition+kill"),
            r#"{"partition":{"every":"9s"},"kill":null}"#
        );
        assert_eq!(
            faults("kill@leader + pause"),
            r#"{"kill@leader":{"for":"1s"},"pause":null}"#
        );
    }

    #[test]
    fn nodes_of_a_place_are_no_faults() {
        assert_eq!(
            faults("pause@n1+n2+partition"),
            r#"{"pause@n1+n2":null,"partition":{"every":"9s"}}"#
        );
        let none = Value::Null;
        let twice = faults_of("kill+kill", &none, &none).unwrap_err();
        assert!(twice.message.contains("twice"), "{twice}");
    }

    #[test]
    fn seeds_are_a_number_or_a_list() {
        let read = |yaml: &str| serde_yaml::from_str::<Seeds>(yaml);
        assert_eq!(read("3").unwrap(), Seeds::Derived(3));
        let fixed = Seeds::Fixed(vec![generator::Seed(7), generator::Seed(255)]);
        assert_eq!(read("[7, 0xff]").unwrap(), fixed);
        assert_eq!(read("['0x7', 255]").unwrap(), fixed);
        for bad in ["0", "-1", "[]", "[random]", "99999"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
