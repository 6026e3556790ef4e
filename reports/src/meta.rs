//! What a run was: the part of a report that the history does not know. The program writes it as `meta.json`.

use chrono::{DateTime, Utc};
use history::Nanos;
use serde::{Deserialize, Serialize};

/// The version of [`RunMeta`] that this program writes.
pub const META_SCHEMA: u32 = 1;

/// What was run, against what, how, when. Everything that is not known (a history that came from elsewhere) is empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunMeta {
    /// Version of this structure, [`META_SCHEMA`].
    pub schema: u32,
    /// The run's id: `20261121T024512Z-k3f9`.
    pub run: String,
    /// The workload's name: `register`.
    pub workload: String,
    /// The kinds of fault that were asked for: `["partition", "kill"]`.
    pub faults: Vec<String>,
    /// The target's name: `etcd`.
    pub target: String,
    /// Its version, as it says itself.
    pub target_version: Option<String>,
    /// The names of the nodes.
    pub nodes: Vec<String>,
    /// How many objects the workload used.
    pub keys: Option<u64>,
    /// What the target is expected to be: `linearizable`.
    pub expectation: String,
    /// The seed of all decisions: `0x5eed1a7c`.
    pub seed: Option<String>,
    /// Wall clock at the start.
    pub started: Option<DateTime<Utc>>,
    /// Wall clock of the control node at zero of the run's own clock: calls, faults and findings count from it.
    pub zero: Option<DateTime<Utc>>,
    /// From the start of the run to its end.
    pub duration: Nanos,
    /// The command that ran it, program first; for a file, the one that judges it.
    pub argv: Vec<String>,
    /// The configuration after all defaults, files and flags, as YAML with the origin of each value in a comment.
    pub config: String,
    /// Whether the run was stopped before it was over.
    pub interrupted: bool,
    /// Whether the history came in a file, from a clock and connections that we cannot vouch for. Nothing is known of its
    /// faults then, and `run` is the file.
    pub imported: bool,
    /// What a reader must know before blaming the target: `reads are serializable, which etcd documents as possibly
    /// stale`.
    pub caveats: Vec<String>,
    /// The nodes on which the target was not running when every fault had been undone: it had ended by itself.
    pub ended: Vec<String>,
    /// The control node's name.
    pub host: String,
    /// Its kernel.
    pub kernel: String,
    /// The version of schism.
    pub schism: String,
    /// When the phases of the run began and ended.
    pub phases: Phases,
}

impl RunMeta {
    /// The case: `register × partition+kill × etcd`. Of an imported history no more is said than is known.
    pub fn case(&self) -> String {
        let faults = match self.faults.as_slice() {
            [] if self.imported || self.workload.is_empty() => String::new(),
            _ => self.faults_text(),
        };
        let parts: Vec<&str> = [self.workload.as_str(), &faults, &self.target]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect();
        match parts.as_slice() {
            [] => "history".to_owned(),
            parts => parts.join(" × "),
        }
    }

    /// The command that judges it again, if it has a name.
    pub fn judging(&self) -> Option<String> {
        match (self.run.as_str(), self.imported, self.argv.as_slice()) {
            ("", ..) => None,
            (_, true, [_, args @ ..]) => {
                let args = args.iter().map(String::as_str);
                shlex::try_join(std::iter::once("schism").chain(args)).ok()
            }
            (run, ..) => Some(format!("schism check {run}")),
        }
    }

    /// The command that shows one finding, if the run or file has a name.
    pub fn showing(&self, finding: usize) -> Option<String> {
        match self.imported {
            true => Some(format!("{} --finding {finding}", self.judging()?)),
            false if self.run.is_empty() => None,
            false => Some(format!("schism show {}/{finding}", self.run)),
        }
    }

    /// The faults asked for: `partition+kill`; `none`.
    pub fn faults_text(&self) -> String {
        match self.faults.as_slice() {
            [] => "none".to_owned(),
            faults => faults.join("+"),
        }
    }
}

/// A stretch of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its beginning.
    pub from: Nanos,
    /// Its end.
    pub until: Nanos,
}

/// When the phases of a run began and ended; `None` for those it never reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Phases {
    /// Clients at work, faults coming and going.
    pub workload: Option<Window>,
    /// Everything is undone and the cluster recovers.
    pub heal: Option<Window>,
    /// Every object is read once more.
    pub final_reads: Option<Window>,
}
