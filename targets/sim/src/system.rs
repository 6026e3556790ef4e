//! The two traits that a simulation consists of: a system that answers, and clients that ask.

use history::{Operation, Outcome, Process};
use rand_pcg::Pcg64Mcg;

/// Where every choice comes from.
pub(crate) type Rng = Pcg64Mcg;

/// One call that a system is working on.
pub(crate) type Ticket = u64;

/// A system that answers calls step by step; steps of different calls are interleaved by the scheduler.
pub(crate) trait System<O: Operation> {
    /// Takes up a call.
    fn take(&mut self, ticket: Ticket, from: Process, call: &O::Call);

    /// Does the next step of a call.
    fn step(&mut self, ticket: Ticket, rng: &mut Rng) -> Progress<O::Return>;

    /// Gives up a call: what of it has not taken effect will not.
    fn give_up(&mut self, ticket: Ticket);

    /// A client has lost a call and with it its session; it may come back as another process.
    fn gone(&mut self, _: Process) {}

    /// What goes on without any client: replication, expiry.
    fn background(&mut self, _: &mut Rng) {}

    /// Everything that was in memory is gone. All open calls have been given up.
    fn crash(&mut self, _: &mut Rng) {}

    /// The faults are over and there is time for everything to be delivered; what clients ask now, they ask one by one.
    fn settle(&mut self) {}
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Progress<R> {
    /// There are more to do, or it has to wait.
    Going,
    /// The call took effect.
    Done(R),
    /// It did not and will not, for this reason.
    Failed(&'static str),
}

/// What the clients ask.
pub(crate) trait Clients<O: Operation> {
    /// The next call of a client.
    fn next(&mut self, of: Process, rng: &mut Rng) -> O::Call;

    /// How a call ended.
    fn ended(&mut self, _of: Process, _call: &O::Call, _outcome: &Outcome<O::Return>) {}

    /// The next call after the faults are over, until there are none: a final read, what is left in a queue.
    fn finally(&mut self) -> Option<O::Call> {
        None
    }
}
