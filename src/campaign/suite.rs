//! The record of a campaign: what was to be run, from which seeds, and how each ended. `runs/suites/ID.json`.
//!
//! It has all that is needed to go on: the configuration of every case as it was resolved, so that neither an edited file nor
//! another day's environment makes the second half of a campaign differ from the first.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use chrono::{DateTime, Utc};
use generator::Seed;
use runner::store::{Owner, Store, run_suffix, suite_id};
use serde::{Deserialize, Serialize};

use super::{Case, Draw, Shard};
use crate::{
    config::RecordedLayers,
    exit::{Exit, Failure},
};

/// The version of [`Suite`] that this program writes.
const SCHEMA: u32 = 1;

/// A campaign.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Suite {
    /// Version of this structure.
    pub(crate) schema: u32,
    /// Its name.
    pub(crate) suite: String,
    /// When it was begun.
    pub(crate) started: DateTime<Utc>,
    /// When it ended, if it did.
    pub(crate) ended: Option<DateTime<Utc>>,
    /// How it ended.
    pub(crate) exit: Option<u8>,
    /// Who runs it, or did last.
    pub(crate) owner: Owner,
    /// How it was asked for.
    pub(crate) argv: Vec<String>,
    /// The seed that all others are derived from.
    pub(crate) seed: String,
    /// Which part of how many, where it is one.
    pub(crate) shard: Option<String>,
    /// How it is run.
    pub(crate) options: Options,
    /// The configuration of each case, by name.
    pub(crate) configs: BTreeMap<String, RecordedLayers>,
    /// The runs, in their order.
    pub(crate) cases: Vec<Planned>,
}

/// How a campaign is run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    /// How often each case is run; with `until_fail` at most, and without end where it is 0.
    pub(crate) repeat: u32,
    /// Whether a violation ends it, and nothing else does.
    pub(crate) until_fail: bool,
    /// How many seconds it may take.
    pub(crate) budget: Option<u64>,
    /// How often a case is run again that the infrastructure has broken.
    pub(crate) retry_errors: u32,
    /// How many run at once.
    pub(crate) jobs: u32,
}

/// One run of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Planned {
    /// What is asked of what.
    pub(crate) case: String,
    /// Under which faults.
    pub(crate) faults: String,
    /// Which of the case's seeds.
    pub(crate) draw: String,
    /// Which repetition, from 0.
    pub(crate) repeat: u32,
    /// The run's seed.
    pub(crate) seed: String,
    /// How long it is expected to take, in seconds; more is known as others end.
    pub(crate) expected: f64,
    /// How far it is.
    pub(crate) state: State,
    /// Who runs it, or did.
    pub(crate) owner: Option<Owner>,
    /// Its run.
    pub(crate) run: Option<String>,
    /// `pass`, `fail`, `unknown` or `error`.
    pub(crate) verdict: Option<String>,
    /// With what it ended.
    pub(crate) exit: Option<u8>,
    /// How many findings it has.
    pub(crate) findings: u64,
    /// How long all of it took.
    pub(crate) seconds: f64,
    /// What broke.
    pub(crate) error: Option<String>,
    /// What was run before and broke.
    pub(crate) reruns: Vec<Rerun>,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// Not begun.
    Planned,
    /// Begun, and not ended as far as anybody knows.
    Running,
    /// Ended, with a verdict or an error.
    Ended,
    /// Stopped before it was over.
    Interrupted,
    /// Not begun, as it would not have ended within the budget.
    LeftOut,
}

/// A run that broke and was made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rerun {
    /// Its run, if it came so far.
    pub(crate) run: Option<String>,
    /// What broke.
    pub(crate) error: String,
}

impl Suite {
    /// Of these cases, in this order: every repetition of all before the next, so that what a budget cuts off is the last.
    pub(crate) fn new(
        cases: &[Case],
        seed: Seed,
        shard: Option<Shard>,
        options: Options,
        (started, entropy): (DateTime<Utc>, u64),
    ) -> Result<Self, Failure> {
        let mut suite = Self {
            schema: SCHEMA,
            suite: suite_id(started, &run_suffix(started, entropy))?,
            started,
            ended: None,
            exit: None,
            owner: Owner::ours(),
            argv: std::env::args().collect(),
            seed: format!("{:#x}", seed.0),
            shard: shard.map(|s| s.to_string()),
            options,
            configs: BTreeMap::new(),
            cases: Vec::new(),
        };
        // A hunt makes its rounds as it goes.
        let rounds = if options.until_fail {
            1
        } else {
            options.repeat
        };
        for repeat in 0..rounds {
            for case in cases {
                let name = case.name();
                let mine = |draw: &Draw| shard.is_none_or(|s| s.has(&name, *draw, repeat));
                for draw in case.draws.iter().copied().filter(mine) {
                    suite
                        .configs
                        .entry(name.clone())
                        .or_insert_with(|| case.layers.record());
                    suite.cases.push(Planned::new(case, draw, repeat, seed));
                }
            }
        }
        Ok(suite)
    }

    /// From its file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let bad = |e: &dyn std::fmt::Display| Failure::usage(format!("{}: {e}", path.display()));
        let bytes = std::fs::read(path).map_err(|e| bad(&e))?;
        let suite: Self = serde_json::from_slice(&bytes).map_err(|e| bad(&e))?;
        match suite.schema {
            SCHEMA => Ok(suite),
            other => Err(bad(&format!(
                "version {other} of a suite is not known to this schism"
            ))),
        }
    }

    /// The one that is meant by `latest`, an id, or the beginning of one.
    pub(crate) fn find(store: &Store, wanted: &str) -> Result<Self, Failure> {
        let mut suites = store.suites()?;
        if wanted == "latest" {
            suites.truncate(1);
        } else {
            suites.retain(|(id, _)| id.starts_with(wanted) || id.ends_with(&format!("-{wanted}")));
        }
        match &suites[..] {
            [(_, path)] => Self::read(path),
            [] => Err(Failure::usage(format!(
                "no suite {wanted:?} in {}/suites; `schism run` with cases makes them",
                store.root().display()
            ))),
            several => {
                let ids: Vec<&str> = several.iter().map(|(id, _)| id.as_str()).collect();
                Err(Failure::usage(format!(
                    "{wanted:?} could be any of {}; give more of the id",
                    ids.join(", ")
                )))
            }
        }
    }

    /// Made ready to go on: what has a verdict stays, all else is to be run. Not while somebody runs it.
    pub(crate) fn resumed(mut self) -> Result<Self, Failure> {
        let runners = self
            .cases
            .iter()
            .filter(|c| c.state == State::Running)
            .filter_map(|c| c.owner);
        if let Some(owner) = runners.chain([self.owner]).find(|owner| owner.is_alive()) {
            return Err(Failure::usage(format!(
                "suite {} is still being run, or healed, by process {}; wait for its end, or stop it",
                self.suite, owner.pid
            )));
        }
        for case in &mut self.cases {
            if case.verdict_stands() {
                continue;
            }
            if case.state == State::Ended {
                let error = case.error.take().unwrap_or_default();
                case.reruns.push(Rerun {
                    run: case.run.take(),
                    error,
                });
            }
            *case = Planned {
                reruns: std::mem::take(&mut case.reruns),
                ..case.afresh(case.repeat, case.seed.clone())
            };
        }
        self.owner = Owner::ours();
        (self.ended, self.exit) = (None, None);
        Ok(self)
    }

    /// How it ends, as far as it has come: the worst of its runs. What was left out leaves it unknown.
    pub(crate) fn conclude(&self) -> Exit {
        let of = |case: &Planned| match case.state {
            State::Interrupted if case.verdict_stands() => Exit::Fail,
            State::Ended => case.exit.map_or(Exit::Infrastructure, Exit::of_case),
            State::Interrupted | State::Running => Exit::Interrupted,
            State::Planned | State::LeftOut => Exit::Unknown,
        };
        self.cases.iter().map(of).fold(Exit::Pass, Exit::worst)
    }
}

/// Deletes the records of suites that ended and of whose runs none is left. Their names.
pub(crate) fn forget(store: &Store) -> Result<Vec<String>, Failure> {
    let there: BTreeSet<String> = store.list()?.into_iter().map(|run| run.id).collect();
    let mut gone = Vec::new();
    for (id, path) in store.suites()? {
        // What cannot be read may be another version's.
        let Ok(suite) = Suite::read(&path) else {
            continue;
        };
        let mut runs = suite.cases.iter().filter_map(|case| case.run.as_ref());
        let is_over = suite.ended.is_some() && !suite.owner.is_alive();
        let had_runs = suite.cases.iter().any(|case| case.run.is_some());
        if is_over && had_runs && !runs.any(|run| there.contains(run)) {
            store.remove_suite(&id)?;
            gone.push(id);
        }
    }
    Ok(gone)
}

impl Planned {
    fn new(case: &Case, draw: Draw, repeat: u32, campaign: Seed) -> Self {
        let run = &case.config.run;
        Self {
            case: case.case.clone(),
            faults: case.faults.clone(),
            draw: draw.to_string(),
            repeat,
            seed: format!("{:#x}", draw.seed(campaign, &case.name(), repeat).0),
            expected: (run.time.0 + run.op_timeout.0).as_secs_f64(),
            state: State::Planned,
            owner: None,
            run: None,
            verdict: None,
            exit: None,
            findings: 0,
            seconds: 0.0,
            error: None,
            reruns: Vec::new(),
        }
    }

    /// The same, not begun, from this seed.
    pub(crate) fn afresh(&self, repeat: u32, seed: String) -> Self {
        Self {
            case: self.case.clone(),
            faults: self.faults.clone(),
            draw: self.draw.clone(),
            repeat,
            seed,
            expected: self.expected,
            state: State::Planned,
            owner: None,
            run: None,
            verdict: None,
            exit: None,
            findings: 0,
            seconds: 0.0,
            error: None,
            reruns: Vec::new(),
        }
    }

    /// `register-etcd/partition+kill`.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.case, self.faults)
    }

    /// Whether it ended with something that another run would only repeat.
    pub(crate) fn verdict_stands(&self) -> bool {
        let judged = self.verdict.as_deref().is_some_and(|word| word != "error");
        // A violation stands, however its run ended.
        judged && (self.state == State::Ended || self.verdict.as_deref() == Some("fail"))
    }

    /// Whether it found a violation that nobody has accepted.
    pub(crate) fn is_violation(&self) -> bool {
        self.exit == Some(Exit::Fail.code())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::campaign::case::tests::cases;

    pub(crate) fn suite(repeat: u32, shard: Option<&str>) -> Suite {
        let cases = cases("cases: [{ faults: [none, kill, partition], seeds: 2 }]\n").unwrap();
        let options = Options {
            repeat,
            jobs: 1,
            ..Options::default()
        };
        let shard = shard.map(|s| s.parse().unwrap());
        Suite::new(&cases, Seed(5), shard, options, (Utc::now(), 7)).unwrap()
    }

    /// Until a violation.
    pub(crate) fn hunt() -> Suite {
        let mut hunt = suite(1, None);
        hunt.options.until_fail = true;
        hunt.options.repeat = 0;
        hunt
    }

    fn runs(suite: &Suite) -> Vec<(String, String, u32, String)> {
        let runs = suite.cases.iter();
        runs.map(|c| (c.name(), c.draw.clone(), c.repeat, c.seed.clone()))
            .collect()
    }

    #[test]
    fn shards_together_are_the_whole_with_the_same_seeds() {
        let whole = suite(4, None);
        assert_eq!(whole.cases.len(), 3 * 2 * 4);
        let mut parts: Vec<_> = (1..=3)
            .flat_map(|i| runs(&suite(4, Some(&format!("{i}/3")))))
            .collect();
        let mut all = runs(&whole);
        parts.sort();
        all.sort();
        assert_eq!(parts, all);
    }

    #[test]
    fn what_was_recorded_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let suite = suite(2, None);
        let path = store.write_suite(&suite.suite, &suite).unwrap();
        let again = Suite::read(&path).unwrap();
        assert_eq!(again.cases, suite.cases);
        for name in [
            "latest",
            &suite.suite,
            &suite.suite[..8],
            &suite.suite[suite.suite.len() - 5..],
        ] {
            assert_eq!(Suite::find(&store, name).unwrap().suite, suite.suite);
        }
        assert!(
            Suite::find(&store, "nope")
                .unwrap_err()
                .message
                .contains("no suite")
        );
    }

    #[test]
    fn resuming_keeps_verdicts_and_runs_all_else_again() {
        let mut suite = suite(1, None);
        let mut end = |i: usize, state, verdict: Option<&str>, error: Option<&str>| {
            let case = &mut suite.cases[i];
            case.state = state;
            case.verdict = verdict.map(str::to_owned);
            case.error = error.map(str::to_owned);
            case.run = verdict.map(|_| format!("run{i}"));
        };
        end(0, State::Ended, Some("pass"), None);
        end(1, State::Ended, Some("error"), Some("no node"));
        end(2, State::Interrupted, Some("unknown"), None);
        end(3, State::Interrupted, Some("fail"), None);
        end(4, State::Running, None, None);
        end(5, State::LeftOut, None, None);
        assert!(
            suite
                .clone()
                .resumed()
                .unwrap_err()
                .message
                .contains("still being run")
        );
        suite.owner = Owner {
            pid: 1,
            pid_start: 1,
        };
        let before = runs(&suite);
        let suite = suite.resumed().unwrap();
        assert_eq!(runs(&suite), before);
        let planned: Vec<bool> = suite
            .cases
            .iter()
            .map(|c| c.state == State::Planned)
            .collect();
        assert_eq!(planned, [false, true, true, false, true, true]);
        assert_eq!(
            suite.cases[1].reruns,
            [Rerun {
                run: Some("run1".to_owned()),
                error: "no node".to_owned()
            }]
        );
    }

    #[test]
    fn the_worst_case_is_how_a_suite_ends() {
        use State::{Ended, Interrupted, LeftOut, Planned};
        type Ends = &'static [(State, Option<u8>)];
        let table: [(Ends, u8); 12] = [
            (&[], 0),
            (&[(Ended, Some(0)), (Ended, Some(0))], 0),
            (&[(Ended, Some(0)), (Ended, Some(6))], 6),
            (&[(Ended, Some(6)), (Ended, Some(3))], 3),
            (&[(Ended, Some(3)), (Ended, Some(4))], 4),
            (&[(Ended, Some(4)), (Ended, Some(70))], 70),
            (&[(Ended, Some(70)), (Ended, Some(1)), (Ended, Some(4))], 1),
            // What the target could not take was refused by the run, not by the suite.
            (&[(Ended, Some(2)), (Ended, Some(3))], 4),
            (&[(Ended, Some(0)), (LeftOut, None)], 3),
            (&[(Ended, Some(0)), (Planned, None)], 3),
            (&[(Ended, Some(1)), (LeftOut, None)], 1),
            (&[(Interrupted, Some(130)), (Planned, None)], 130),
        ];
        for (ends, code) in table {
            let mut suite = suite(1, None);
            suite.cases.truncate(ends.len());
            for (case, (state, exit)) in suite.cases.iter_mut().zip(ends) {
                (case.state, case.exit) = (*state, *exit);
            }
            assert_eq!(suite.conclude().code(), code, "{ends:?}");
        }
    }
}
