//! From an order to a plan: who leads, whose process is taken, and what exactly will be done.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use history::fault::FaultId;

use super::Injector;
use crate::{
    Among, FaultSpec,
    plan::{Leaders, Plan, Skip, View},
};

impl Injector {
    /// Plans, and enters the fault before anybody else can plan against the same state. Says what that state was.
    ///
    /// Among what was in force when it was planned before, a fault is planned as it was then.
    pub(super) fn decide(
        &self,
        fault: FaultId,
        spec: &FaultSpec,
        seed: u64,
        before: Option<&Among>,
    ) -> Result<(Arc<Plan>, Among), Skip> {
        let has_leader = self.system.primaries().is_some();
        let wants = spec
            .fault()
            .wants_leader(self.cluster.nodes().len(), has_leader, seed);
        let leaders = if wants {
            self.leaders()
        } else {
            Leaders::NotAsked
        };
        let client_port = |node: &control::Node| self.system.client_port(node);
        let mut state = self.registry.lock();
        if state.closed() {
            return Err(Skip("the run is ending".into()));
        }
        if state.has(fault) {
            return Err(Skip(format!("f{} is in force already", fault.0)));
        }
        let busy = state.busy();
        let (apart, tight) = state.apart(self.cluster.nodes().len());
        let among = before.cloned().unwrap_or(Among { busy, apart, tight });
        let plan = spec.fault().plan(
            &View {
                fault,
                nodes: self.cluster.nodes(),
                control_addresses: &self.cluster.control_addresses,
                client_port: &client_port,
                net: self.net(),
                own_links: self.system.net().is_some(),
                processes: self.system.processes(),
                system: &*self.system,
                capabilities: &self.capabilities,
                has_leader,
                leaders: &leaders,
                busy: &among.busy,
                apart: &among.apart,
                tight: among.tight,
            },
            seed,
        )?;
        if let Some((other, what)) = state.conflict(&plan) {
            return Err(Skip(format!("{what} is still under f{}", other.0)));
        }
        let plan = Arc::new(plan);
        state.enter(fault, &plan);
        Ok((plan, among))
    }

    /// Asks who leads until somebody does or the time is up.
    fn leaders(&self) -> Leaders {
        let Some(primaries) = self.system.primaries() else {
            return Leaders::NotAsked;
        };
        let until = Instant::now() + self.limits.leader;
        loop {
            let why = match primaries.primaries(&self.cluster) {
                Ok(leaders) if !leaders.is_empty() => {
                    let names = self.cluster.nodes().iter().map(|n| &n.name);
                    let said = names
                        .filter(|name| leaders.iter().any(|l| l.name == **name))
                        .cloned()
                        .collect();
                    return Leaders::Said(said, String::new());
                }
                Ok(_) => format!(", within {:?}", self.limits.leader),
                Err(error) => format!(": {error}"),
            };
            if Instant::now() >= until || self.registry.closed() {
                return Leaders::Said(Vec::new(), why);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// What is recorded of a fault that came to nothing: what was asked for.
pub(super) fn nothing(spec: &FaultSpec) -> Plan {
    Plan::new(spec.kind(), spec.to_string())
}
