//! Which faults are in force, and what that means for others: whose process is taken, and which links are cut.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use history::fault::FaultId;

use crate::{
    Kind,
    plan::{Plan, Probe, Role},
};

/// The faults in force.
#[derive(Default)]
pub(super) struct Registry {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    active: BTreeMap<FaultId, Active>,
    closed: bool,
}

struct Active {
    plan: Arc<Plan>,
    /// Whether somebody is injecting or healing it now.
    worked_on: bool,
}

impl State {
    /// Nodes whose process is killed or paused, and by which fault.
    pub(super) fn busy(&self) -> BTreeMap<String, FaultId> {
        self.active
            .iter()
            .flat_map(|(fault, active)| {
                let nodes = active.plan.processes();
                nodes.map(|node| (node.to_owned(), *fault))
            })
            .collect()
    }
    /// The fault in force with which this plan cannot share a node, and what both would want.
    pub(super) fn conflict(&self, plan: &Plan) -> Option<(FaultId, String)> {
        self.active
            .iter()
            .find_map(|(fault, active)| Some((*fault, plan.both_want(&active.plan)?)))
    }
    /// Nodes that partitions in force have cut off from a majority; and whether one of them is of the kind that cuts off
    /// nobody and leaves each node just a majority, so that nothing more may be taken.
    pub(super) fn apart(&self, size: usize) -> (BTreeSet<String>, bool) {
        let (mut apart, mut tight) = (BTreeSet::new(), false);
        let partitions = self
            .active
            .values()
            .filter(|a| a.plan.kind == Kind::Partition);
        for Active { plan, .. } in partitions {
            let members: usize = plan.sides.iter().map(Vec::len).sum();
            let largest = plan.sides.iter().max_by_key(|side| side.len());
            // Sides that overlap, as with a bridge, leave nobody alone.
            match largest.filter(|side| side.len() > size / 2 && members == size) {
                Some(largest) => {
                    let others = plan.sides.iter().filter(|side| *side != largest);
                    apart.extend(others.flatten().cloned());
                }
                None if plan.nodes.len() <= size.saturating_sub(1) / 2 => {
                    apart.extend(plan.nodes.iter().cloned());
                }
                None => tight = true,
            }
        }
        (apart, tight)
    }
    /// Whether new faults are refused.
    pub(super) fn closed(&self) -> bool {
        self.closed
    }
    /// Whether this number is in use.
    pub(super) fn has(&self, fault: FaultId) -> bool {
        self.active.contains_key(&fault)
    }
    /// Enters a fault that is about to be injected.
    pub(super) fn enter(&mut self, fault: FaultId, plan: &Arc<Plan>) {
        self.active.insert(
            fault,
            Active {
                plan: Arc::clone(plan),
                worked_on: true,
            },
        );
    }
}

impl Registry {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on new faults are refused, and nobody lingers over probes.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    pub(super) fn closed(&self) -> bool {
        self.lock().closed
    }

    pub(super) fn active(&self) -> Vec<FaultId> {
        self.lock().active.keys().copied().collect()
    }

    /// Waits until nobody works on a fault and takes it over. `Ok(None)` if it is not in force; `Err` if the time is up.
    pub(super) fn take(&self, fault: FaultId, until: Instant) -> Result<Option<Arc<Plan>>, ()> {
        let mut state = self.lock();
        loop {
            match state.active.get_mut(&fault) {
                None => return Ok(None),
                Some(active) if !active.worked_on => {
                    active.worked_on = true;
                    return Ok(Some(Arc::clone(&active.plan)));
                }
                Some(_) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(());
                    }
                    (state, _) = self
                        .changed
                        .wait_timeout(state, left)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// Gives a fault back: it stays in force.
    pub(super) fn give_back(&self, fault: FaultId) {
        if let Some(active) = self.lock().active.get_mut(&fault) {
            active.worked_on = false;
        }
        self.changed.notify_all();
    }

    /// Forgets a fault: it is healed, or never was.
    pub(super) fn leave(&self, fault: FaultId) {
        self.lock().active.remove(&fault);
        self.changed.notify_all();
    }

    /// Whether a probe of this fault proves nothing now, because other faults explain its answer.
    pub(super) fn moot(
        &self,
        fault: FaultId,
        plan: &Plan,
        probe: &Probe,
        node: Option<&str>,
    ) -> bool {
        let state = self.lock();
        let others = || state.active.iter().filter(|(id, _)| **id != fault);
        let cut: BTreeSet<(&str, &str)> = others()
            .flat_map(|(_, active)| &active.plan.cuts)
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        if let Some((from, to)) = &probe.link
            && (cut.contains(&(from, to)) || cut.contains(&(to, from)))
        {
            return true;
        }
        // What two faults do to the same packets cannot be told apart by measuring them.
        let shaped = |from: &String, to: &String| {
            others().any(|(_, active)| {
                let links = &active.plan.shaped;
                links
                    .iter()
                    .any(|(a, b)| (a, b) == (from, to) || (b, a) == (from, to))
            })
        };
        if let Some((from, to)) = &probe.link
            && !plan.shaped.is_empty()
            && shaped(from, to)
        {
            return true;
        }
        if probe.role == Role::Dropped
            && let Some(node) = node
            && plan
                .cuts
                .iter()
                .filter(|(_, to)| to == node)
                .all(|(from, to)| cut.contains(&(from, to)))
        {
            return true;
        }
        let down = |node: &String| {
            others().any(|(_, active)| active.plan.processes().any(|other| other == node))
        };
        probe.needs.iter().any(down)
    }
}
