//! Whether an adapter tells the truth: looked at before any verdict rests on it.
//!
//! Most early findings are mistakes of adapters, and one mistake is the worst: `fail` for a call that took effect. A node that
//! answers is not enough to find it, so there is a relay between, that loses answers to calls which the node certainly carried
//! out. What the adapter makes of that is held against what a read shows later.

mod bench;
mod checks;
mod drills;
mod node;
mod proxy;

use std::{path::PathBuf, sync::Arc, time::Duration};

pub use self::checks::NAMES;
use self::{bench::Bench, node::OwnNode};
use crate::{AdapterFile, Address, Attached, system::serving};

/// How long the node may take to answer at all.
const SERVES: Duration = Duration::from_secs(30);
/// How long it may take to answer reads after that.
const SETTLES: Duration = Duration::from_secs(10);

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// As it should be.
    Good,
    /// Not wrong, and yet better otherwise.
    Advice,
    /// Verdicts on this adapter would not count.
    Bad,
    /// Not looked at.
    Skipped,
}

/// A check that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Which.
    pub name: &'static str,
    /// What became of it.
    pub mark: Mark,
    /// What was seen.
    pub saw: String,
    /// What to do about it; empty where there is nothing to do.
    pub fix: String,
}

/// What to try, and how.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The adapter.
    pub file: Arc<AdapterFile>,
    /// A node that runs; where there is none, one is started as the file says.
    pub at: Option<Address>,
    /// How long a call may take.
    pub deadline: Duration,
    /// Where programs complain: a directory.
    pub complaints: PathBuf,
}

/// Makes all checks; each is told when it is done. `Err` if there is no node to try it with.
pub fn conduct(trial: &Trial, tell: &mut dyn FnMut(&Checked)) -> Result<Vec<Checked>, String> {
    let Trial {
        file,
        at,
        deadline,
        complaints,
    } = trial;
    let mut own = None;
    let at = match (at, &file.launch) {
        (Some(at), _) => at.clone(),
        (None, Some(launch)) => {
            let node =
                OwnNode::start(file, launch).map_err(|e| format!("cannot start a node: {e}"))?;
            own.insert(node).address.clone()
        }
        (None, None) => file.here(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("cannot start threads: {e}"))?;
    listens(&runtime, &at, own.is_some()).map_err(|why| match &own {
        Some(node) => format!("the node that was started does not serve: {why}\n{}", node.last_words()),
        None => format!("nobody serves at {at}: {why}\nstart a node there, name another with --at HOST:PORT, or say in the adapter's file how one is started (`launch`)"),
    })?;
    let bench = Bench::new(Arc::clone(file), at.clone(), *deadline, complaints.clone());
    if own.is_some() {
        // It accepts connections; until it has settled, what it says would be held against the adapter.
        let alone = Attached::new(Arc::clone(file), &[at]);
        // An adapter that cannot read will be told so.
        let _ = serving(file, alone.addresses(), SETTLES, &alone.offers());
    }
    Ok(runtime.block_on(checks::all(&bench, own, tell)))
}

fn listens(runtime: &tokio::runtime::Runtime, at: &Address, started: bool) -> Result<(), String> {
    let patience = if started {
        SERVES
    } else {
        Duration::from_secs(2)
    };
    let connect = async {
        loop {
            match tokio::net::TcpStream::connect((at.host.as_str(), at.port)).await {
                Ok(_) => return Ok(()),
                Err(e) if !started => return Err(e.to_string()),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    };
    let bounded = async { tokio::time::timeout(patience, connect).await };
    runtime
        .block_on(bounded)
        .unwrap_or_else(|_| Err(format!("no connection within {patience:?}")))
}
