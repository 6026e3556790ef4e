//! What goes wrong for which file: the rules in force, each known by the name of the fault that brought it, so that faults
//! which overlap are taken away one by one.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::glob::Glob;

/// Something that processes ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Op {
    /// Reading what the page cache does not have.
    Read,
    /// Writing, resizing, reserving space.
    Write,
    /// fsync(2), fdatasync(2), and each write with O_SYNC or O_DSYNC.
    Sync,
    /// New files, directories and links.
    Create,
}

/// An error that processes are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Failure {
    /// The disk does not work.
    Eio,
    /// The disk is full.
    Enospc,
    /// The disk may not be written to any more.
    Erofs,
}

impl Failure {
    fn errno(self) -> Errno {
        match self {
            Self::Eio => Errno::IO,
            Self::Enospc => Errno::NOSPC,
            Self::Erofs => Errno::ROFS,
        }
    }
}

/// What becomes of changes that could not be synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FailedSync {
    /// They are seen until the power fails, and no later sync writes them, although it succeeds: Linux's page cache
    /// over ext4 (Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020).
    #[default]
    Forget,
    /// They are still unsynced, and the next sync tries again.
    Keep,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    /// The fault that brought it.
    pub(super) name: String,
    /// What goes wrong.
    pub(super) on: Vec<Op>,
    /// With which error; `None` if it is only late.
    pub(super) error: Option<Failure>,
    /// How late, in milliseconds.
    pub(super) delay: u64,
    /// For which files; empty for all.
    pub(super) paths: Vec<Glob>,
    /// How often.
    pub(super) probability: f64,
    /// What a failed sync leaves.
    pub(super) failed_sync: FailedSync,
    /// What decides when.
    pub(super) seed: u64,
}

/// What a rule decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Blow {
    /// The error to answer with.
    pub(super) errno: Errno,
    /// What becomes of what was to be synced.
    pub(super) failed_sync: FailedSync,
}

impl From<Blow> for io::Error {
    fn from(blow: Blow) -> Self {
        blow.errno.into()
    }
}

/// The rules in force.
#[derive(Default)]
pub(super) struct Rules {
    all: Mutex<Vec<(Rule, Pcg64)>>,
    /// How many: most of the time none, and then nothing is locked.
    count: AtomicUsize,
    /// By rule, how often it has struck; not forgotten with the rule.
    struck: Mutex<BTreeMap<String, u64>>,
}

impl Rules {
    /// One more rule; a fault has one.
    pub(super) fn add(&self, rule: Rule) {
        let rng = Pcg64::seed_from_u64(rule.seed);
        let mut all = lock(&self.all);
        all.retain(|(r, _)| r.name != rule.name);
        all.push((rule, rng));
        self.count.store(all.len(), Ordering::Relaxed);
    }

    /// Takes this fault's rule away, or all.
    pub(super) fn clear(&self, name: Option<&str>) {
        let mut all = lock(&self.all);
        all.retain(|(r, _)| name.is_some_and(|n| n != r.name));
        self.count.store(all.len(), Ordering::Relaxed);
    }

    /// The names of the rules in force.
    pub(super) fn names(&self) -> Vec<String> {
        lock(&self.all)
            .iter()
            .map(|(r, _)| r.name.clone())
            .collect()
    }

    /// How often each has struck.
    pub(super) fn struck(&self) -> BTreeMap<String, u64> {
        lock(&self.struck).clone()
    }

    /// Lets the rules decide about something asked of a file; waits first, where one makes it late. `path` is asked for
    /// only where it matters.
    pub(super) fn strike(&self, op: Op, path: impl FnOnce() -> String) -> Result<(), Blow> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        let (delay, blow) = self.decide(op, &path());
        if !delay.is_zero() {
            std::thread::sleep(delay);
        }
        blow.map_or(Ok(()), Err)
    }

    fn decide(&self, op: Op, path: &str) -> (Duration, Option<Blow>) {
        let (mut delay, mut blow) = (Duration::ZERO, None);
        for (rule, rng) in lock(&self.all).iter_mut() {
            let about = rule.on.contains(&op)
                && (rule.paths.is_empty() || rule.paths.iter().any(|g| g.matches(path)));
            if !about || !rng.random_bool(rule.probability.clamp(0.0, 1.0)) {
                continue;
            }
            *lock(&self.struck).entry(rule.name.clone()).or_default() += 1;
            delay += Duration::from_millis(rule.delay);
            blow = blow.or(rule.error.map(|failure| Blow {
                errno: failure.errno(),
                failed_sync: rule.failed_sync,
            }));
        }
        (delay, blow)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str, on: Op, paths: &[&str], probability: f64) -> Rule {
        Rule {
            name: name.into(),
            on: vec![on],
            error: Some(Failure::Eio),
            delay: 0,
            paths: paths.iter().map(|p| Glob::from(*p)).collect(),
            probability,
            failed_sync: FailedSync::Forget,
            seed: 7,
        }
    }

    fn strikes(rules: &Rules, op: Op, path: &str) -> usize {
        (0..1000)
            .filter(|_| rules.strike(op, || path.to_owned()).is_err())
            .count()
    }

    #[test]
    fn a_rule_strikes_what_it_is_about_and_is_taken_away_alone() {
        let rules = Rules::default();
        assert_eq!(strikes(&rules, Op::Write, "a/b"), 0);
        rules.add(rule("f1", Op::Write, &["a/*"], 1.0));
        rules.add(rule("f2", Op::Sync, &[], 1.0));
        assert_eq!(strikes(&rules, Op::Write, "a/b"), 1000);
        assert_eq!(strikes(&rules, Op::Write, "c"), 0);
        assert_eq!(strikes(&rules, Op::Sync, "c"), 1000);
        assert_eq!(strikes(&rules, Op::Read, "a/b"), 0);
        rules.clear(Some("f1"));
        assert_eq!(strikes(&rules, Op::Write, "a/b"), 0);
        assert_eq!(rules.names(), ["f2"]);
        rules.clear(None);
        assert_eq!(strikes(&rules, Op::Sync, "c"), 0);
        assert_eq!(rules.struck()["f1"], 1000);
    }

    #[test]
    fn the_seed_decides_when() {
        let outcomes = |seed| {
            let rules = Rules::default();
            rules.add(Rule {
                seed,
                ..rule("f", Op::Read, &[], 0.3)
            });
            (0..1000)
                .map(|_| rules.strike(Op::Read, String::new).is_err())
                .collect::<Vec<_>>()
        };
        assert_eq!(outcomes(1), outcomes(1));
        assert_ne!(outcomes(1), outcomes(2));
        let struck = outcomes(1).iter().filter(|s| **s).count();
        assert!((200..400).contains(&struck), "{struck}");
    }
}
