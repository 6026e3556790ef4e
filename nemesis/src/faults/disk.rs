//! Disks that fail, are full, may not be written to, or are slow: `schism node fuse` under the data answers the system's own
//! calls so, for files and with a probability that can be said. What a program does after a failed fsync is where most
//! are wrong (Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020).
//!
//! Seen by doing the same to a file of ours next to the data. Undo starts a process that could not live with it.

use control::{Command, Node};
use rand::{RngExt, SeedableRng, seq::IndexedRandom};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::{
    choice,
    on_node::{chain, effect, mark},
    process,
};
use crate::{
    Case, Kind, Probe, Time,
    at::{Aim, Place, one_or_many},
    plan::{About, Action, Expect, Fault, Plan, Skip, View},
};

/// Milliseconds, where nothing is said.
const DELAY: u64 = 100;

/// Let a disk fail.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    /// The alternatives; empty for one node or, where there is one, the leader.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub at: Vec<Aim>,
    /// The alternatives; empty for all but `read-only`.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub how: Vec<Trouble>,
    /// Only files whose path from the data directory is one of these: `member/wal/*`, `**.db`.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub path: Vec<String>,
    /// How likely each call is to fail, above 0 and up to 1; 1 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// For a slow disk: how slow; 100 ms where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Time>,
    /// Whether what could not be synced is still to be written by the next sync; usually it is not, and that sync succeeds.
    /// Always so where `how` is not said, because an etcd that has forgotten what it acknowledged does not start again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_unsynced: bool,
}

/// What is wrong with a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// Reads fail with EIO.
    EioRead,
    /// Writes fail with EIO.
    EioWrite,
    /// Syncs fail with EIO.
    EioSync,
    /// It is full.
    Full,
    /// It may not be written to.
    ReadOnly,
    /// Everything takes longer.
    Slow,
}

impl Trouble {
    const DEFAULTS: [Self; 5] = [
        Self::EioRead,
        Self::EioWrite,
        Self::EioSync,
        Self::Full,
        Self::Slow,
    ];

    fn words(self) -> &'static str {
        match self {
            Self::EioRead => "reads fail on",
            Self::EioWrite => "writes fail on",
            Self::EioSync => "syncs fail on",
            Self::Full => "full disk on",
            Self::ReadOnly => "read-only disk on",
            Self::Slow => "slow disk on",
        }
    }
    /// What it is about; the first is tried to see it.
    fn on(self) -> &'static [&'static str] {
        match self {
            Self::EioRead => &["read"],
            Self::EioWrite => &["write"],
            Self::EioSync => &["sync"],
            Self::Full | Self::ReadOnly => &["write", "create"],
            Self::Slow => &["write", "read", "sync"],
        }
    }
    fn error(self) -> Option<&'static str> {
        match self {
            Self::EioRead | Self::EioWrite | Self::EioSync => Some("eio"),
            Self::Full => Some("enospc"),
            Self::ReadOnly => Some("erofs"),
            Self::Slow => None,
        }
    }
}

impl Fault for Disk {
    fn about(&self) -> About {
        About {
            does: "lets the disk under a node's data fail reads, writes or syncs, be full, read-only or slow, for all files or some",
            needs: "root, /dev/fuse on the nodes, and a target that says where its data is",
            verified: "the same is done to a file next to the data, and fails or is late",
            healed: "nothing fails any more; the process runs",
        }
    }
    fn check(&self, case: &mut Case<'_>) {
        case.processes(&self.at);
        case.root();
        case.fuse();
        if self.probability.is_some_and(|p| !(p > 0.0 && p <= 1.0)) {
            case.refuse("`probability` is above 0 and at most 1", "leave it out");
        }
        if self
            .delay
            .is_some_and(|d| d.0.as_millis() < 1 || d.0.as_secs() > 10)
        {
            case.refuse("`delay` goes from 1 ms to 10 s", "leave it out");
        }
    }
    fn aim(&mut self, at: &str) -> bool {
        self.at.push(Aim::read(at));
        true
    }
    fn places(&self) -> String {
        choice::places(&self.at)
    }
    fn plan(&self, view: &View<'_>, seed: u64) -> Result<Plan, Skip> {
        let mut rng = Pcg64::seed_from_u64(seed ^ 0xd15c);
        let how: &[Trouble] = match self.how.as_slice() {
            [] => &Trouble::DEFAULTS,
            asked => asked,
        };
        let how = *how.choose(&mut rng).expect("there are some");
        let mut probes = Vec::new();
        let act = |node: &Node| {
            let (action, probe) = self.trouble(view, node, how, seed, rng.random())?;
            probes.extend(probe);
            Ok(action)
        };
        let plan = process::each(Kind::Disk, how.words(), &self.at, view, seed, act)?;
        Ok(Plan { probes, ..plan })
    }
    fn wants_leader(&self, _nodes: usize, has_leader: bool, seed: u64) -> bool {
        process::wants_leader(&self.at, has_leader, seed)
    }
}

impl Disk {
    fn trouble(
        &self,
        view: &View<'_>,
        node: &Node,
        how: Trouble,
        seed: u64,
        own_seed: u64,
    ) -> Result<(Action, Vec<Probe>), Skip> {
        let processes = process::controlled(view)?;
        let data = view
            .system
            .data_files()
            .ok_or_else(|| Skip("this target does not say where its data is".into()))?;
        let (mark, helper) = (mark(view, node, seed), view.helper(node)?);
        let file = format!(".schism-{mark}");
        let probability = self.probability.unwrap_or(1.0).to_string();
        let delay = self.delay.map_or(DELAY, |d| d.0.as_millis() as u64);
        let fuse = |verb: &str, dir: &str, more: Vec<String>| {
            let words = [helper, "node", "fuse", verb, dir].map(str::to_owned);
            Command::new(words.into_iter().chain(more))
                .root()
                .idempotent()
        };
        let option = |name: &str, value: &str| format!("--{name}={value}");
        let mut rule = vec![
            option("name", &mark),
            option("probability", &probability),
            option("seed", &own_seed.to_string()),
        ];
        rule.extend(how.on().iter().map(|on| option("on", on)));
        match how.error() {
            Some(error) => rule.push(option("error", error)),
            None => rule.push(option("delay", &delay.to_string())),
        }
        // What a failed sync forgets may be more than the system survives: only who asks for that gets it.
        if self.keep_unsynced || self.how.is_empty() {
            rule.push(option("failed-sync", "keep"));
        }
        if !self.path.is_empty() {
            rule.extend(self.path.iter().map(|p| option("path", p)));
            rule.push(option("path", &file));
        }
        let tries = |timed: bool| {
            let on = option("on", how.on()[0]);
            let mut words = vec![
                option("file", &file),
                on,
                option("probability", &probability),
            ];
            words.extend(timed.then(|| "--time".to_owned()));
            words
        };
        let (during, after) = match how.error() {
            Some(error) => (Expect::Prints(error.into()), Expect::Prints("well".into())),
            None => (
                Expect::Between(delay as i64, i64::MAX),
                Expect::Between(0, delay as i64 - 1),
            ),
        };
        let directories = data.directories(node);
        let start = processes.start(node);
        let applies: Vec<Command> = directories
            .iter()
            .map(|dir| fuse("fail", dir, rule.clone()))
            .collect();
        let mut undos: Vec<Command> = directories
            .iter()
            .map(|dir| fuse("clear", dir, vec![option("name", &mark)]))
            .collect();
        undos.push(start);
        let action = Action {
            node: node.name.clone(),
            apply: chain(&applies.iter().collect::<Vec<_>>())?,
            undo: chain(&undos.iter().collect::<Vec<_>>())?,
            probe: process::state(processes, node, Expect::Anything),
        };
        let probes = directories
            .iter()
            .map(|dir| {
                let probe = fuse("probe", dir, tries(how.error().is_none()));
                effect(node, probe, during.clone(), after.clone())
            })
            .collect();
        Ok((action, probes))
    }
}
