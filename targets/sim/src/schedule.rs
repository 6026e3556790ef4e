//! The scheduler: interleaves the steps of many clients' calls, loses answers and crashes the system, all in virtual time
//! and all from one seed.
//!
//! A client that gives up waiting records `info`. Its call may be dropped by the system, or go on and take effect much
//! later; its answer may have been on the way. A crash ends all open calls: those that had taken effect have, the others
//! have not, and no client is told which. What the system refuses is recorded as `fail`.

use history::{Event, Index, Moment, Nanos, NodeId, Nodes, Operation, Outcome, Process, Reason};
use rand::{RngExt, SeedableRng};

use crate::system::{Clients, Progress, Rng, System, Ticket};

/// How much of what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// How many calls are made before the final ones.
    pub ops: usize,
    /// How many clients call at a time.
    pub concurrency: u32,
    /// Of a thousand steps of a call, before how many its client gives up.
    pub lost: u32,
    /// Of ten thousand moments, at how many the system crashes.
    pub crashes: u32,
}

/// How many nodes a system has, for what depends on which is asked.
pub(crate) const NODES: usize = 3;

/// The node that a process asks.
pub(crate) fn node_of(process: Process) -> NodeId {
    NodeId((process.0 as usize % NODES) as u16)
}

/// The names of the nodes.
pub fn nodes() -> Nodes {
    Nodes::new(["n1", "n2", "n3"])
}

/// A call that is open.
struct Open<R> {
    ticket: Ticket,
    /// What will be answered, once that is on its way.
    answer: Option<Outcome<R>>,
}

struct Client<O: Operation> {
    process: Process,
    call: Option<(O::Call, Open<O::Return>)>,
}

struct Simulation<'a, O: Operation> {
    system: &'a mut dyn System<O>,
    asker: &'a mut dyn Clients<O>,
    rng: Rng,
    load: Load,
    time: u64,
    tickets: Ticket,
    clients: Vec<Client<O>>,
    /// Calls that go on although nobody waits for them.
    orphans: Vec<Ticket>,
    events: Vec<Event<O>>,
}

/// Moments per call after which a run ends although calls are open: they wait for something that never comes.
const PATIENCE: usize = 200;

/// Runs clients against a system.
pub(crate) fn run<O: Operation>(
    system: &mut dyn System<O>,
    asker: &mut dyn Clients<O>,
    load: Load,
    seed: u64,
) -> Vec<Event<O>> {
    let client = |n| Client {
        process: Process(n),
        call: None,
    };
    let mut simulation = Simulation {
        system,
        asker,
        rng: Rng::seed_from_u64(seed),
        load,
        time: 0,
        tickets: 0,
        clients: (0..load.concurrency.max(1)).map(client).collect(),
        orphans: Vec::new(),
        events: Vec::with_capacity(load.ops * 2),
    };
    simulation.main();
    simulation.end();
    simulation.events
}

impl<O: Operation> Simulation<'_, O> {
    fn main(&mut self) {
        let mut left = self.load.ops;
        for _ in 0..self.load.ops * PATIENCE {
            if left == 0 && self.clients.iter().all(|c| c.call.is_none()) {
                return;
            }
            self.time += self.rng.random_range(1_000..1_000_000);
            if self.rng.random_range(0..10_000) < self.load.crashes {
                self.crash();
            }
            let (clients, orphans) = (self.clients.len(), self.orphans.len());
            match self.rng.random_range(0..clients + orphans + 1) {
                n if n < clients && self.clients[n].call.is_some() => self.advance(n),
                n if n < clients && left > 0 => {
                    left -= 1;
                    self.invoke(n);
                }
                n if n < clients => {}
                n if n < clients + orphans => {
                    let ticket = self.orphans[n - clients];
                    if self.system.step(ticket, &mut self.rng) != Progress::Going {
                        self.orphans.swap_remove(n - clients);
                    }
                }
                _ => self.system.background(&mut self.rng),
            }
        }
    }

    /// The final calls, each after the other, by a client that saw nothing before.
    fn end(&mut self) {
        let waiting = self.clients.iter().filter_map(|c| c.call.as_ref());
        let open = waiting.filter(|(_, open)| open.answer.is_none());
        let open: Vec<Ticket> = open.map(|(_, open)| open.ticket).collect();
        for ticket in self.orphans.drain(..).chain(open) {
            self.system.give_up(ticket);
        }
        self.system.settle();
        let process = self.fresh();
        self.clients.push(Client {
            process,
            call: None,
        });
        let n = self.clients.len() - 1;
        self.load.lost = 0;
        while let Some(call) = self.asker.finally() {
            self.time += 1_000_000;
            self.ask(n, call);
            for _ in 0..PATIENCE {
                if self.clients[n].call.is_none() {
                    break;
                }
                self.time += 1_000;
                self.advance(n);
            }
        }
    }

    fn invoke(&mut self, n: usize) {
        let call = self.asker.next(self.clients[n].process, &mut self.rng);
        self.ask(n, call);
    }

    fn ask(&mut self, n: usize, call: O::Call) {
        let (ticket, process) = (self.tickets, self.clients[n].process);
        self.tickets += 1;
        self.record(process, Moment::Invoke(call.clone()));
        self.system.take(ticket, process, &call);
        self.clients[n].call = Some((
            call,
            Open {
                ticket,
                answer: None,
            },
        ));
    }

    fn advance(&mut self, n: usize) {
        let Some((_, open)) = &mut self.clients[n].call else {
            return;
        };
        if self.rng.random_range(0..1000) < self.load.lost {
            let ticket = open.ticket;
            if open.answer.is_none() {
                match self.rng.random_bool(0.5) {
                    true => self.orphans.push(ticket),
                    false => self.system.give_up(ticket),
                }
            }
            return self.complete(n, Outcome::Info(Reason::new("timeout")));
        }
        if let Some(answer) = open.answer.take() {
            return self.complete(n, answer);
        }
        open.answer = match self.system.step(open.ticket, &mut self.rng) {
            Progress::Going => None,
            Progress::Done(ret) => Some(Outcome::Ok(ret)),
            Progress::Failed(why) => Some(Outcome::Fail(Reason::new(why))),
        };
    }

    fn crash(&mut self) {
        for ticket in std::mem::take(&mut self.orphans) {
            self.system.give_up(ticket);
        }
        for n in 0..self.clients.len() {
            if let Some((_, open)) = &self.clients[n].call {
                if open.answer.is_none() {
                    self.system.give_up(open.ticket);
                }
                self.complete(n, Outcome::Info(Reason::new("connection-reset")));
            }
        }
        self.system.crash(&mut self.rng);
    }

    fn complete(&mut self, n: usize, outcome: Outcome<O::Return>) {
        let process = self.clients[n].process;
        let (call, _) = self.clients[n].call.take().expect("it is open");
        self.asker.ended(process, &call, &outcome);
        if matches!(outcome, Outcome::Info(_)) {
            self.clients[n].process = self.fresh();
            self.system.gone(process);
        }
        self.record(process, Moment::Complete(outcome));
    }

    /// A process that was never used, since one that lost a call is never used again.
    fn fresh(&self) -> Process {
        let last = self.clients.iter().map(|c| c.process.0).max();
        Process(last.map_or(0, |p| p + 1))
    }

    fn record(&mut self, process: Process, moment: Moment<O>) {
        self.events.push(Event {
            index: Index(self.events.len() as u32),
            time: Nanos(self.time),
            process,
            node: Some(node_of(process)),
            moment,
        });
    }
}
