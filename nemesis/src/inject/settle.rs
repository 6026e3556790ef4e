//! Paying what a dead run owes: every undo that its ledger still has, newest first, and then the end of the nodes' timers.
//! Idempotent, and of use whatever state the nodes are in by now: their own timers may have been faster.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, Instant},
};

use control::{Cluster, RemoteExt};
use history::fault::FaultId;

use super::{
    hands,
    verify::{self, Phase},
};
use crate::{Kind, Ledger, Owed, ledger::LedgerError, plan::Plan, upload};

/// What healing from a ledger did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HealReport {
    /// What was owed and is not any more.
    pub settled: Vec<Settled>,
    /// What is still owed.
    pub left: Vec<Left>,
}

/// An undo that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Of which fault.
    pub fault: FaultId,
    /// What sort that was.
    pub kind: Kind,
    /// What exactly, for people.
    pub what: String,
    /// Where.
    pub node: String,
    /// Whether the node was found mended: by its own timer, or because it was started anew.
    pub already: bool,
    /// Whether a probe saw that it is mended now.
    pub verified: bool,
}

/// An undo that could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Of which fault.
    pub fault: FaultId,
    /// What sort that is.
    pub kind: Kind,
    /// What exactly, for people.
    pub what: String,
    /// Where.
    pub node: String,
    /// Why.
    pub why: String,
}

/// Undoes what the ledger at this path still owes to the nodes of this cluster, all nodes at once, for at most this long
/// each. What is left stays in the ledger.
pub fn heal_ledger(
    path: &Path,
    cluster: &Cluster,
    within: Duration,
) -> Result<HealReport, LedgerError> {
    let ledger = Ledger::open(path)?;
    let until = Instant::now() + within;
    let mut by_node: BTreeMap<String, Vec<Owed>> = BTreeMap::new();
    for owed in ledger.outstanding() {
        by_node
            .entry(owed.action.node.clone())
            .or_default()
            .push(owed);
    }
    let nodes: Vec<(String, Vec<Owed>)> = by_node.into_iter().collect();
    let known = |node: &str| cluster.nodes().iter().any(|n| n.name == node);
    let programs = ledger.programs();
    let done = hands::at_once(&nodes, |(node, owed)| {
        let mut report = HealReport::default();
        if let Some(path) = programs.get(node).filter(|_| known(node)) {
            // Where it cannot be had, the undos say that they need it.
            let _ = upload::restore(&**cluster.remote(node), path);
        }
        for owed in owed {
            let outcome = if known(node) {
                settle(cluster, owed, until)
            } else {
                Err(format!("{node} is not a node of this cluster"))
            };
            let (fault, kind) = (owed.fault, owed.kind);
            let (what, node) = (owed.what.clone(), node.clone());
            match outcome {
                Ok((already, verified)) => {
                    ledger.undone(fault, &node)?;
                    report.settled.push(Settled {
                        fault,
                        kind,
                        what,
                        node,
                        already,
                        verified,
                    });
                }
                Err(why) => report.left.push(Left {
                    fault,
                    kind,
                    what,
                    node,
                    why,
                }),
            }
        }
        Ok(report)
    });
    let mut report = HealReport::default();
    for part in done {
        let part: HealReport = part?;
        report.settled.extend(part.settled);
        report.left.extend(part.left);
    }
    let owing: BTreeSet<&str> = report.left.iter().map(|l| l.node.as_str()).collect();
    // Of each node in the order in which they were noted: what unmounts needs our program there, and what removes that was
    // noted last.
    let mut timers: BTreeMap<String, Vec<control::Command>> = BTreeMap::new();
    for (node, stop) in ledger.timers() {
        if known(&node) && !owing.contains(node.as_str()) {
            timers.entry(node).or_default().push(stop);
        }
    }
    let timers: Vec<_> = timers.into_iter().collect();
    hands::at_once(&timers, |(node, stops)| {
        for stop in stops {
            // A timer that cannot be reached has nothing left to undo, and runs out by itself.
            let _ = cluster.remote(node).run(stop);
        }
    });
    Ok(report)
}

/// Whether it was mended already, and whether it is seen to be now.
fn settle(cluster: &Cluster, owed: &Owed, until: Instant) -> Result<(bool, bool), String> {
    let plan = Plan {
        nodes: vec![owed.action.node.clone()],
        actions: vec![owed.action.clone()],
        ..Plan::new(owed.kind, owed.what.clone())
    };
    let mended =
        |within| verify::verify(cluster, &plan, Phase::After, within, &|_| false, &|| false).ok;
    let already = mended(Duration::ZERO);
    hands::undo(cluster, &owed.action, until)?;
    Ok((already, mended(Duration::from_secs(5))))
}
