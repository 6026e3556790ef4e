//! Calls that each prove their violation alone, as a read of all accounts of a bank does: every one is given to the checker
//! by itself. As exact as the checker is for single calls; holds nothing.

use history::{Event, History, Index, Moment, Nodes, Operation};

use super::{Ended, Watch};
use crate::{Budget, Checker, Verdict};

/// Watches calls with a checker that needs no other.
pub struct Alone<C> {
    name: &'static str,
    checker: C,
}

impl<C> Alone<C> {
    /// With this checker, under this name.
    pub fn new(name: &'static str, checker: C) -> Self {
        Self { name, checker }
    }
}

impl<O: Operation, C: Checker<O>> Watch<O> for Alone<C> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn ended(&mut self, ended: &Ended<'_, O>) -> Option<(String, Vec<Index>)> {
        let event = |index, time, moment: Moment<O>| Event {
            index,
            time,
            process: ended.process,
            node: None,
            moment,
        };
        let events = [
            event(
                ended.invoked,
                ended.start,
                Moment::Invoke(ended.call.clone()),
            ),
            event(
                ended.completed,
                ended.end,
                Moment::Complete(ended.outcome.clone()),
            ),
        ];
        let history = History::new(Nodes::default(), events).ok()?;
        match self.checker.check(&history, Budget::default()) {
            Verdict::Fail(found) => Some((found.first()?.explanation.clone(), vec![ended.invoked])),
            Verdict::Pass(_) | Verdict::Unknown(_) => None,
        }
    }
}
