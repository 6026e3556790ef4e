//! Looking for what a fault waits for, for a moment.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use history::{Outcome, Reason};

use super::Injector;
use crate::{Awaited, Carried};

/// How many calls of clients have ended so far, and how many of them succeeded.
pub type CallsSoFar = Arc<dyn Fn() -> (u64, u64) + Send + Sync>;

/// How long is looked: a run that ends waits for no longer.
const LOOK: Duration = Duration::from_millis(500);
/// The time between two looks.
const ROUND: Duration = Duration::from_millis(20);

impl Injector {
    /// Looks, and says what was seen; `Fail` if it has not happened.
    pub(super) fn watch(&self, event: &Awaited) -> Outcome<Carried> {
        let until = Instant::now() + LOOK;
        loop {
            if let Some(seen) = self.seen(event) {
                return Outcome::Ok(seen);
            }
            if Instant::now() + ROUND >= until || self.registry.closed() {
                return Outcome::Fail(Reason::new("not-yet"));
            }
            std::thread::sleep(ROUND);
        }
    }

    fn seen(&self, event: &Awaited) -> Option<Carried> {
        match event {
            Awaited::Ops { at_least, ok } => {
                let (any, succeeded) = (self.calls)();
                let calls = if *ok { succeeded } else { any };
                (calls >= *at_least).then_some(Carried::Ops(calls))
            }
            Awaited::Leader { besides } => {
                // A system that cannot say now may say soon.
                let leaders = self.system.primaries()?.primaries(&self.cluster).ok()?;
                let names: Vec<String> = leaders.into_iter().map(|node| node.name).collect();
                let new = names.iter().any(|name| !besides.contains(name));
                new.then_some(Carried::Leads(names))
            }
        }
    }
}
