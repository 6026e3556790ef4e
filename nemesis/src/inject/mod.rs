//! Carrying out orders. This is the only place that touches a node on behalf of a fault, and it goes through the same
//! steps with every one of them:
//!
//! 1. *plan*: decide what exactly; write every undo to the ledger, synced, and give it to the node's own timer;
//! 2. *inject*: apply, on all nodes at once; if that fails anywhere, undo what was done;
//! 3. *verify*: probe until the fault is seen to bite, or say that it was not;
//! 4. *heal*: undo, on all nodes at once, again and again; what cannot be undone stays in the ledger;
//! 5. *heal-verify*: probe until everything is seen to be as before.
//!
//! Orders are carried out on the threads that bring them, several at a time, and no lock is held while a node works: a
//! slow kill delays no heal. Two faults never have the same process as their target; links may be cut by any number.

mod decide;
mod hands;
mod registry;
mod settle;
mod verify;
mod watch;

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use control::{Cluster, Net, RemoteExt, System};
use history::{
    Nanos, Outcome, Reason,
    fault::{FaultEvent, FaultId, FaultStep},
};
use registry::Registry;
pub use settle::{HealReport, Left, Settled, heal_ledger};
use verify::{Phase, Seen};
pub use watch::CallsSoFar;

use crate::{
    Among, Capabilities, Carried, DeadMan, FaultSpec, Ledger, Order, Owed,
    plan::{Action, Ask, Plan, Skip},
};

/// How long the steps may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// To find out who leads.
    pub leader: Duration,
    /// To see a fault bite.
    pub verify: Duration,
    /// To undo one.
    pub heal: Duration,
    /// To see that everything is as before.
    pub heal_verify: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            leader: Duration::from_secs(3),
            verify: Duration::from_secs(5),
            heal: Duration::from_secs(30),
            heal_verify: Duration::from_secs(10),
        }
    }
}

/// Tells the time since the run began.
pub type Clock = Arc<dyn Fn() -> Nanos + Send + Sync>;
/// Is told of every step.
pub type OnStep = Arc<dyn Fn(&FaultEvent) + Send + Sync>;

/// Carries out orders. Shared by threads that may block.
pub struct Injector {
    cluster: Cluster,
    system: Arc<dyn System>,
    capabilities: Capabilities,
    ledger: Ledger,
    deadman: DeadMan,
    clock: Clock,
    on_step: OnStep,
    limits: Limits,
    calls: CallsSoFar,
    registry: Registry,
}

/// A fault that could not be undone, or not in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unhealed {
    /// Which.
    pub fault: FaultId,
    /// What exactly, for people.
    pub what: String,
    /// The nodes that still owe an undo.
    pub nodes: Vec<String>,
    /// Why.
    pub why: String,
}

impl Injector {
    /// From what `preflight` found.
    pub fn new(
        cluster: Cluster,
        system: Arc<dyn System>,
        capabilities: Capabilities,
        ledger: Ledger,
        deadman: DeadMan,
        clock: Clock,
        on_step: OnStep,
    ) -> Self {
        Self {
            cluster,
            system,
            capabilities,
            ledger,
            deadman,
            clock,
            on_step,
            limits: Limits::default(),
            calls: Arc::new(|| (0, 0)),
            registry: Registry::default(),
        }
    }

    /// The same, with other limits.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same, with somebody who counts the calls of clients, for faults that wait for them.
    pub fn counting(mut self, calls: CallsSoFar) -> Self {
        self.calls = calls;
        self
    }

    /// Notes in the ledger what was put on the nodes, so that `heal` can remove it if we do not live to do it. To be called
    /// before the first order.
    pub fn note_uploads(&self) -> Result<(), crate::LedgerError> {
        self.capabilities.uploads.note(&self.ledger)
    }

    /// Carries out an order to its end. `Fail` means that nothing was done to any node; `Info` that something may still
    /// be in force.
    pub fn carry_out(&self, order: &Order) -> Outcome<Carried> {
        match order {
            Order::Inject { fault, spec, seed } => self.inject(*fault, spec, *seed, None),
            Order::Repeat {
                fault,
                spec,
                seed,
                among,
            } => self.inject(*fault, spec, *seed, Some(among)),
            Order::Watch { event, .. } => self.watch(event),
            Order::Heal { fault } => self.heal(*fault, Instant::now() + self.limits.heal),
        }
    }

    /// Refuses new faults from now on, heals all that are in force, and ends the nodes' own timers. Says what could not be
    /// healed in time: that stays in the ledger, and with the timers of those nodes. Looking whether what was healed is as
    /// before takes up to [`Limits::heal_verify`] more.
    pub fn heal_all(&self, within: Duration) -> Vec<Unhealed> {
        self.registry.close();
        let until = Instant::now() + within;
        let why: Vec<(FaultId, Outcome<Carried>)> =
            hands::at_once(&self.registry.active(), |fault| {
                (*fault, self.heal(*fault, until))
            });
        let owed = self.outstanding();
        let owing: BTreeSet<String> = owed.iter().map(|o| o.action.node.clone()).collect();
        self.deadman.stop(&owing);
        self.capabilities.uploads.leave(&owing);
        let mut unhealed: Vec<Unhealed> = Vec::new();
        for Owed {
            fault,
            what,
            action,
            ..
        } in owed
        {
            match unhealed.iter_mut().find(|u| u.fault == fault) {
                Some(known) => known.nodes.push(action.node),
                None => unhealed.push(Unhealed {
                    fault,
                    what,
                    nodes: vec![action.node],
                    why: why
                        .iter()
                        .find(|(id, _)| *id == fault)
                        .and_then(|(_, outcome)| match outcome {
                            Outcome::Info(reason) | Outcome::Fail(reason) => {
                                Some(reason.to_string())
                            }
                            Outcome::Ok(_) => None,
                        })
                        .unwrap_or_else(|| "left by an earlier part of the run".into()),
                }),
            }
        }
        unhealed
    }

    /// What the nodes still owe, newest fault first.
    pub fn outstanding(&self) -> Vec<Owed> {
        self.ledger.outstanding()
    }

    /// Heals links that a run before this one left cut, where we have the means to: names of node and fault. To be called
    /// before the first order.
    pub fn clear_leftovers(&self) -> Result<Vec<(String, String)>, control::Error> {
        let Some(net) = self.net() else {
            return Ok(Vec::new());
        };
        let cleared = self.cluster.on_each(self.cluster.nodes(), |node, remote| {
            let said = remote.run(&net.remaining(node))?.text();
            let left: Vec<String> = said.lines().map(|l| l.trim().to_owned()).collect();
            for fault in &left {
                remote.run(&net.heal(fault, node))?;
            }
            Ok(left
                .into_iter()
                .map(|fault| (node.name.clone(), fault))
                .collect::<Vec<_>>())
        });
        let each: Vec<Vec<_>> = cleared.into_iter().collect::<Result<_, _>>()?;
        Ok(each.into_iter().flatten().collect())
    }

    fn net(&self) -> Option<&dyn Net> {
        self.system.net().or(self.capabilities.net.as_deref())
    }

    fn inject(
        &self,
        fault: FaultId,
        spec: &FaultSpec,
        seed: u64,
        before: Option<&Among>,
    ) -> Outcome<Carried> {
        let began = (self.clock)();
        let (plan, among) = match self.decide(fault, spec, seed, before) {
            Ok(decided) => decided,
            Err(Skip(why)) => {
                let none = decide::nothing(spec);
                return self.not_injected(fault, &none, began, "skipped", &why);
            }
        };
        // The ledger has the order with which the same can be done again.
        let order = Order::Repeat {
            fault,
            spec: spec.clone(),
            seed,
            among,
        };
        if let Err(why) = self.secure(fault, &order, &plan) {
            self.registry.leave(fault);
            return self.not_injected(fault, &plan, began, "not-secured", &why);
        }
        self.tell(
            fault,
            &plan,
            FaultStep::Plan,
            began,
            true,
            plan.notes.join("; "),
        );

        let began = (self.clock)();
        let errors = hands::apply(&self.cluster, &plan.actions);
        let applied = errors.is_empty();
        self.tell(
            fault,
            &plan,
            FaultStep::Inject,
            began,
            applied,
            errors.join("; "),
        );
        if !applied {
            self.undo(fault, &plan, Instant::now() + self.limits.heal, Vec::new());
            return Outcome::Info(Reason::with_detail("not-applied", &errors.join("; ")));
        }

        let seen = self.look(fault, &plan, Phase::During, self.limits.verify);
        self.registry.give_back(fault);
        Outcome::Ok(Carried::Injected {
            what: plan.what.clone(),
            verified: seen.ok,
        })
    }

    /// Puts every undo on disk here and into the care of its node. On an error nothing was applied, and nothing is owed.
    fn secure(&self, fault: FaultId, order: &Order, plan: &Plan) -> Result<(), String> {
        let known = self.ledger.timers();
        for action in &plan.actions {
            if let Some(stop) = self.deadman.stop_command(&action.node, &action.undo) {
                let timer = (action.node.clone(), stop);
                if !known.contains(&timer) {
                    self.ledger
                        .timer(&timer.0, &timer.1)
                        .map_err(|e| e.to_string())?;
                }
            }
        }
        self.ledger
            .planned(fault, order, plan)
            .map_err(|e| e.to_string())?;
        let errors: Vec<String> = hands::at_once(&plan.actions, |Action { node, undo, .. }| {
            self.deadman.arm(node, fault, undo).err()
        })
        .into_iter()
        .flatten()
        .collect();
        if errors.is_empty() {
            return Ok(());
        }
        hands::at_once(&plan.actions, |action| self.settled(fault, action));
        Err(errors.join("; "))
    }

    /// A node owes nothing more for a fault.
    fn settled(&self, fault: FaultId, action: &Action) {
        self.deadman.disarm(&action.node, fault, &action.undo);
        // If this cannot be written, `heal` will undo once more, which does no harm.
        let _ = self.ledger.undone(fault, &action.node);
    }

    fn heal(&self, fault: FaultId, until: Instant) -> Outcome<Carried> {
        match self.registry.take(fault, until) {
            Ok(None) => Outcome::Ok(Carried::Healed { verified: true }),
            Ok(Some(plan)) => {
                // At the end of a run healing is more urgent than knowing whether the fault lasted.
                let said = if self.registry.closed() {
                    Vec::new()
                } else {
                    verify::last_look(&self.cluster, &plan)
                };
                self.undo(fault, &plan, until, said)
            }
            Err(()) => Outcome::Info(Reason::with_detail("busy", "it is still being injected")),
        }
    }

    /// Undoes a fault that nobody else works on; what was seen of it before goes into the record.
    fn undo(
        &self,
        fault: FaultId,
        plan: &Plan,
        until: Instant,
        mut said: Vec<String>,
    ) -> Outcome<Carried> {
        let began = (self.clock)();
        let errors: Vec<String> = hands::at_once(&plan.actions, |action| {
            match hands::undo(&self.cluster, action, until) {
                Ok(()) => {
                    self.settled(fault, action);
                    None
                }
                Err(why) => Some(format!(
                    "{why}; its undo stays in {}",
                    self.ledger.path().display()
                )),
            }
        })
        .into_iter()
        .flatten()
        .collect();
        let healed = errors.is_empty();
        said.extend(errors.iter().cloned());
        self.tell(fault, plan, FaultStep::Heal, began, healed, said.join("; "));
        if !healed {
            self.registry.give_back(fault);
            return Outcome::Info(Reason::with_detail("not-healed", &errors.join("; ")));
        }
        let seen = self.look(fault, plan, Phase::After, self.limits.heal_verify);
        self.registry.leave(fault);
        Outcome::Ok(Carried::Healed { verified: seen.ok })
    }

    fn look(&self, fault: FaultId, plan: &Plan, phase: Phase, within: Duration) -> Seen {
        let began = (self.clock)();
        let moot = |probe: &crate::Probe| {
            let node = match &probe.ask {
                Ask::On { node, .. } => Some(node.as_str()),
                Ask::Connect { .. } => None,
            };
            self.registry.moot(fault, plan, probe, node)
        };
        // Whoever wants the run to end does not want to wait for proof that a fault bites.
        let stop = || phase == Phase::During && self.registry.closed();
        let seen = verify::verify(&self.cluster, plan, phase, within, &moot, &stop);
        let step = match phase {
            Phase::During => FaultStep::Verify,
            Phase::After => FaultStep::HealVerify,
        };
        self.tell(fault, plan, step, began, seen.ok, seen.detail.clone());
        seen
    }

    /// Records that nothing was done: a plan that came to nothing, and, so that nobody takes it for still in force, a heal
    /// at the same moment.
    fn not_injected(
        &self,
        fault: FaultId,
        plan: &Plan,
        began: Nanos,
        class: &str,
        why: &str,
    ) -> Outcome<Carried> {
        let detail = format!("not injected: {why}");
        self.tell(fault, plan, FaultStep::Plan, began, false, detail);
        let now = (self.clock)();
        let detail = "nothing was applied".to_owned();
        self.tell(fault, plan, FaultStep::Heal, now, true, detail);
        Outcome::Fail(Reason::with_detail(class, why))
    }

    fn tell(
        &self,
        fault: FaultId,
        plan: &Plan,
        step: FaultStep,
        time: Nanos,
        ok: bool,
        detail: String,
    ) {
        (self.on_step)(&FaultEvent {
            time,
            until: (self.clock)(),
            fault,
            step,
            ok,
            kind: plan.kind.to_string(),
            what: plan.what.clone(),
            nodes: plan.nodes.clone(),
            sides: plan.sides.clone(),
            detail,
        });
    }
}
