//! Systems whose calls are short: a service answers each in a few stages, and remembers between two stages where it is.

use std::collections::BTreeMap;

use history::{Operation, Process};

use crate::system::{Progress, Rng, System, Ticket};

/// Answers calls.
pub(crate) trait Service<O: Operation> {
    /// What is remembered of a call from one stage to the next.
    type Stage: Default;

    /// Does the next stage of a call. A service that has a single one answers at once.
    fn serve(
        &mut self,
        from: Process,
        call: &O::Call,
        stage: &mut Self::Stage,
        rng: &mut Rng,
    ) -> Progress<O::Return>;

    /// A client has lost its session.
    fn gone(&mut self, _: Process) {}

    /// What goes on by itself.
    fn background(&mut self, _: &mut Rng) {}

    /// What was only in memory is gone.
    fn crash(&mut self, _: &mut Rng) {}

    /// The faults are over.
    fn settle(&mut self) {}
}

struct Job<C, S> {
    from: Process,
    call: C,
    /// Nothing while the call is on its way.
    stage: Option<S>,
}

/// A service behind the calls of a history. A call is on its way for a moment before it is served.
pub(crate) struct Served<O: Operation, S: Service<O>> {
    service: S,
    jobs: BTreeMap<Ticket, Job<O::Call, S::Stage>>,
}

impl<O: Operation, S: Service<O>> Served<O, S> {
    pub(crate) fn new(service: S) -> Self {
        Self {
            service,
            jobs: BTreeMap::new(),
        }
    }
}

impl<O: Operation, S: Service<O>> System<O> for Served<O, S> {
    fn take(&mut self, ticket: Ticket, from: Process, call: &O::Call) {
        let job = Job {
            from,
            call: call.clone(),
            stage: None,
        };
        self.jobs.insert(ticket, job);
    }

    fn step(&mut self, ticket: Ticket, rng: &mut Rng) -> Progress<O::Return> {
        let job = self.jobs.get_mut(&ticket).expect("it was taken up");
        let Some(stage) = &mut job.stage else {
            job.stage = Some(S::Stage::default());
            return Progress::Going;
        };
        let progress = self.service.serve(job.from, &job.call, stage, rng);
        if progress != Progress::Going {
            self.jobs.remove(&ticket);
        }
        progress
    }

    fn give_up(&mut self, ticket: Ticket) {
        self.jobs.remove(&ticket);
    }

    fn gone(&mut self, process: Process) {
        self.service.gone(process);
    }

    fn background(&mut self, rng: &mut Rng) {
        self.service.background(rng);
    }

    fn crash(&mut self, rng: &mut Rng) {
        self.service.crash(rng);
    }

    fn settle(&mut self) {
        self.service.settle();
    }
}
