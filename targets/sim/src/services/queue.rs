//! A queue of which each message comes out once; or, in the manner of a broker that waits for an acknowledgement, at least
//! once: a message whose consumer is gone, or was slow to ask for the next, is delivered again.

use std::collections::{BTreeMap, VecDeque};

use history::{
    Process,
    ops::{Queue, QueueCall, QueueOp, QueueReturn},
};
use rand::RngExt;

use crate::{
    service::Service,
    system::{Clients, Progress, Rng},
};

/// What a queue does.
pub(crate) trait Rules {
    /// Whether a message is delivered again that was not acknowledged in time.
    fn redelivers(&self) -> bool {
        false
    }
    /// How many of so many messages a crash leaves.
    fn durable(&self, all: usize, _: &mut Rng) -> usize {
        all
    }
}

/// Each message once.
pub(crate) struct Once;

impl Rules for Once {}

/// Each message at least once.
pub(crate) struct AtLeastOnce;

impl Rules for AtLeastOnce {
    fn redelivers(&self) -> bool {
        true
    }
}

/// A queue.
pub(crate) struct Broker<R> {
    rules: R,
    messages: VecDeque<i64>,
    /// What was delivered to whom and not acknowledged.
    delivered: BTreeMap<Process, i64>,
}

impl<R> Broker<R> {
    pub(crate) fn new(rules: R) -> Self {
        Self {
            rules,
            messages: VecDeque::new(),
            delivered: BTreeMap::new(),
        }
    }
}

impl<R: Rules> Service<Queue> for Broker<R> {
    type Stage = ();

    fn serve(
        &mut self,
        from: Process,
        call: &QueueCall,
        (): &mut (),
        _: &mut Rng,
    ) -> Progress<QueueReturn> {
        // Whoever asks for the next has got the last.
        self.delivered.remove(&from);
        Progress::Done(match call.op {
            QueueOp::Enqueue(value) => {
                self.messages.push_back(value);
                QueueReturn::Done
            }
            QueueOp::Dequeue => {
                let message = self.messages.pop_front();
                if let Some(value) = message.filter(|_| self.rules.redelivers()) {
                    self.delivered.insert(from, value);
                }
                QueueReturn::Message(message)
            }
            QueueOp::Drain => QueueReturn::Messages(self.messages.drain(..).collect()),
        })
    }

    fn gone(&mut self, process: Process) {
        self.messages.extend(self.delivered.remove(&process));
    }

    /// Somebody is slow.
    fn background(&mut self, rng: &mut Rng) {
        if rng.random_bool(0.05)
            && let Some((_, value)) = self.delivered.pop_first()
        {
            self.messages.push_front(value);
        }
    }

    fn crash(&mut self, rng: &mut Rng) {
        let durable = self.rules.durable(self.messages.len(), rng);
        self.messages.truncate(durable);
    }
}

/// Clients that enqueue and dequeue, and in the end take out what is left.
#[derive(Default)]
pub(crate) struct Callers {
    value: i64,
    drained: bool,
}

impl Clients<Queue> for Callers {
    fn next(&mut self, _: Process, rng: &mut Rng) -> QueueCall {
        let op = match rng.random_bool(0.45) {
            true => QueueOp::Dequeue,
            false => {
                self.value += 1;
                QueueOp::Enqueue(self.value)
            }
        };
        QueueCall { key: None, op }
    }

    fn finally(&mut self) -> Option<QueueCall> {
        let first = !std::mem::replace(&mut self.drained, true);
        first.then_some(QueueCall {
            key: None,
            op: QueueOp::Drain,
        })
    }
}
