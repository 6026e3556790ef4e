//! The cases of a configuration: each entry of `cases` times its sets of faults times its seeds.

use std::{collections::BTreeMap, fmt};

use generator::Seed;
use runner::store::safe_name;

use crate::{
    config::{Config, EntryOf, LabChoice, Layers, Seeds, Sources},
    deploy,
    exit::Failure,
    registry,
};

/// Something to run, from as many seeds as were asked for.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// What is asked of what: `register-etcd`.
    pub(crate) case: String,
    /// Under which faults: `partition+kill`.
    pub(crate) faults: String,
    /// The workload's name.
    pub(crate) workload: &'static str,
    /// The sorts of fault.
    pub(crate) kinds: Vec<String>,
    /// From where its decisions come.
    pub(crate) draws: Vec<Draw>,
    /// All of it, resolved.
    pub(crate) config: Config,
    /// Who said what.
    pub(crate) layers: Layers,
}

/// One of a case's seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Draw {
    /// The nth that is derived from the campaign's.
    Nth(u32),
    /// This one.
    Fixed(Seed),
}

impl fmt::Display for Draw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nth(n) => write!(f, "{n}"),
            Self::Fixed(seed) => write!(f, "{:#x}", seed.0),
        }
    }
}

impl Draw {
    /// Depends on nothing but these: another case, shard or order changes no seed.
    pub(crate) fn seed(self, campaign: Seed, name: &str, repeat: u32) -> Seed {
        let first = match self {
            Self::Nth(n) => campaign.derive(name).nth(n.into()),
            Self::Fixed(seed) => seed,
        };
        match repeat {
            0 => first,
            again => first.derive("repeat").nth(again.into()),
        }
    }
}

impl Case {
    /// `register-etcd/partition+kill`.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.case, self.faults)
    }

    /// Whether it makes a cluster for itself, so that others may run beside it.
    pub(crate) fn has_own_cluster(&self) -> bool {
        let embedded =
            registry::find(&self.config.target.adapter).is_some_and(|t| !t.needs_cluster);
        embedded || matches!(self.config.cluster.lab, Some(LabChoice::Nodes(_)))
    }
}

/// All cases of a configuration; the configuration itself where it lists none.
pub(crate) fn expand(sources: &Sources<'_>, flags: &Flags<'_>) -> Result<Vec<Case>, Failure> {
    let (config, layers) = sources.config()?;
    if config.cases.is_empty() {
        let (case, faults) = (case_name(&config), config.faults.name());
        return Ok(vec![checked(
            case,
            &faults,
            "register",
            vec![Draw::Nth(0)],
            layers,
        )?]);
    }
    if flags.faults.is_some() {
        return Err(Failure::usage(
            "--faults: the cases say which faults; choose among them with -E 'fault(kill)', or by name",
        ));
    }
    let mut cases: Vec<Case> = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (i, said) in layers.cases().iter().enumerate() {
        let entry = EntryOf {
            number: i + 1,
            said,
        };
        for case in of_entry(sources, &config, entry)? {
            if let Some(earlier) = seen.insert(case.name(), entry.number) {
                return Err(Failure::usage(format!(
                    "cases, entries {earlier} and {}: both are called {}; give one of them a `name`",
                    entry.number,
                    case.name()
                )));
            }
            cases.push(case);
        }
    }
    Ok(cases)
}

/// What the command line says that cases say, too.
pub(crate) struct Flags<'a> {
    /// `--faults`
    pub(crate) faults: Option<&'a str>,
}

fn of_entry(
    sources: &Sources<'_>,
    base: &Config,
    entry: EntryOf<'_>,
) -> Result<Vec<Case>, Failure> {
    let said = &base.cases[entry.number - 1];
    let layers = sources.layers(Some(entry))?;
    let draws: Vec<Draw> = match &said.seeds {
        Seeds::Derived(n) => (0..*n).map(Draw::Nth).collect(),
        Seeds::Fixed(seeds) => seeds.iter().copied().map(Draw::Fixed).collect(),
    };
    let one = |set: Option<&str>| {
        let mut layers = layers.clone();
        if let Some(set) = set {
            layers.choose_faults(set, entry.number)?;
        }
        let config = Config::of(&layers)?;
        let name = said.name.clone().unwrap_or_else(|| case_name(&config));
        if name != safe_name(&name) {
            return Err(Failure::usage(format!(
                "cases, entry {}: {name:?} cannot be the name of a directory; {} can",
                entry.number,
                safe_name(&name)
            )));
        }
        let faults = set.map_or_else(|| config.faults.name(), |set| set.replace(' ', ""));
        checked(name, &faults, said.workload.word(), draws.clone(), layers)
    };
    match &said.faults.0[..] {
        [] => Ok(vec![one(None)?]),
        sets => sets.iter().map(|set| one(Some(set))).collect(),
    }
}

fn checked(
    case: String,
    faults: &str,
    workload: &'static str,
    draws: Vec<Draw>,
    layers: Layers,
) -> Result<Case, Failure> {
    let layers = layers.of_one();
    let config = Config::of(&layers)?;
    let adapter = &config.target.adapter;
    let entry =
        registry::find(adapter).ok_or_else(|| Failure::usage(registry::unknown(adapter)))?;
    deploy::refuse_foreign_options(entry, &layers)?;
    let kinds = match config.faults.name().as_str() {
        "none" => vec!["none".to_owned()],
        _ => config
            .faults
            .kinds()
            .iter()
            .map(ToString::to_string)
            .collect(),
    };
    Ok(Case {
        case,
        faults: safe_name(faults),
        workload,
        kinds,
        draws,
        config,
        layers,
    })
}

/// How runs of this configuration are called where nobody says.
pub(crate) fn case_name(config: &Config) -> String {
    let target = &config.target;
    let name = registry::name_of(&target.adapter);
    safe_name(&match name.as_str() {
        "embedded" => format!("register-embedded-{:?}", target.mode).to_lowercase(),
        name if target.serializable => format!("register-{name}-serializable"),
        name => format!("register-{name}"),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::args::{CampaignArgs, RunArgs};

    /// Of a configuration file that says this.
    pub(crate) fn cases(yaml: &str) -> Result<Vec<Case>, Failure> {
        with(yaml, RunArgs::default())
    }

    fn with(yaml: &str, args: RunArgs) -> Result<Vec<Case>, Failure> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.yaml");
        std::fs::write(&file, yaml).unwrap();
        let args = RunArgs {
            what: vec![file.display().to_string()],
            ..args
        };
        let flags = Flags {
            faults: args.faults.as_deref(),
        };
        expand(&Sources::of(&args)?, &flags)
    }

    fn names(cases: &[Case]) -> Vec<String> {
        cases.iter().map(Case::name).collect()
    }

    const NIGHTLY: &str = "
run: { time: 9s }
faults:
  partition: { every: 3s, for: 1s }
cases:
  - { workload: register, faults: [none, partition, partition+kill] }
  - { name: loose, target: { mode: quorum }, faults: storm, seeds: [7, 8], run: { time: 5s } }
fault_sets:
  storm: { pause: }
profiles:
  quick: { run: { time: 2s } }
";

    #[test]
    fn each_entry_is_multiplied_by_its_faults() {
        let cases = cases(NIGHTLY).unwrap();
        assert_eq!(
            names(&cases),
            [
                "register-embedded-consensus/none",
                "register-embedded-consensus/partition",
                "register-embedded-consensus/partition+kill",
                "loose/storm"
            ]
        );
        assert_eq!(cases[0].kinds, ["none"]);
        assert_eq!(cases[2].kinds, ["partition", "kill"]);
        let every = |case: &Case| case.config.faults.0[0].every.map(|t| t.to_string());
        assert_eq!(every(&cases[2]), Some("3s".to_owned()));
        assert_eq!(cases[3].draws, [Draw::Fixed(Seed(7)), Draw::Fixed(Seed(8))]);
        assert_eq!(cases[3].config.run.time.to_string(), "5s");
        assert!(cases.iter().all(Case::has_own_cluster));
    }

    #[test]
    fn a_profile_and_flags_win_over_what_a_case_says() {
        let quick = |time: Option<&str>| RunArgs {
            time: time.map(str::to_owned),
            campaign: CampaignArgs {
                profile: Some("quick".to_owned()),
                ..CampaignArgs::default()
            },
            ..RunArgs::default()
        };
        let times = |args| {
            let cases = with(NIGHTLY, args).unwrap();
            let times = cases.iter().map(|c| c.config.run.time.to_string());
            times.collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(times(quick(None)), ["2s".to_owned()].into());
        assert_eq!(times(quick(Some("3s"))), ["3s".to_owned()].into());
        let faults = RunArgs {
            faults: Some("kill".to_owned()),
            ..RunArgs::default()
        };
        assert!(with(NIGHTLY, faults).unwrap_err().message.contains("-E"));
    }

    #[test]
    fn without_cases_the_configuration_is_the_only_one() {
        let cases = cases("target: { mode: quorum }\nfaults: kill\n").unwrap();
        assert_eq!(names(&cases), ["register-embedded-quorum/kill"]);
    }

    #[test]
    fn what_cannot_be_run_is_refused_before_anything_is() {
        let complaint = |yaml: &str| cases(yaml).unwrap_err().message;
        let twice = "cases: [{ faults: kill }, { faults: [none, kill], workloads: { register: { keys: 3 } } }]\n";
        assert_eq!(
            complaint(twice),
            "cases, entries 1 and 2: both are called register-embedded-consensus/kill; give one of them a `name`"
        );
        assert!(
            complaint("cases: [{ faults: [kil] }]")
                .contains("cases, entry 1: unknown fault \"kil\"")
        );
        assert!(complaint("cases: [{ name: a/b }]").contains("a-b can"));
        assert!(complaint("cases: [{ target: etdc }]").contains("etcd"));
        assert!(
            complaint("cases:\n  - { fault: kill }\n")
                .contains(":2:7: cases[0]: unknown key `fault`; did you mean `faults`?")
        );
        assert!(
            complaint("cases: [{ target: etcd }]\ntarget: { mode: quorum }\nversion: 2")
                .contains("version")
        );
    }

    #[test]
    fn a_seed_depends_on_the_campaigns_and_on_the_case_alone() {
        let seed = |name, draw: Draw, repeat| draw.seed(Seed(5), name, repeat).0;
        let all = [
            seed("a/kill", Draw::Nth(0), 0),
            seed("a/kill", Draw::Nth(1), 0),
            seed("a/kill", Draw::Nth(0), 1),
            seed("a/none", Draw::Nth(0), 0),
            seed("a/none", Draw::Fixed(Seed(9)), 0),
            seed("a/none", Draw::Fixed(Seed(9)), 2),
        ];
        let different: std::collections::BTreeSet<u64> = all.into();
        assert_eq!(different.len(), all.len());
        assert_eq!(all[4], 9);
        // For ever, or no recorded campaign could be run again.
        assert_eq!(all[0], Draw::Nth(0).seed(Seed(5), "a/kill", 0).0);
    }
}
