//! A set that only grows: at one place, linearizable; or on replicas that merge, where elements take their time to appear.

use std::collections::BTreeSet;

use history::{
    Process,
    ops::{Set, SetCall, SetOp, SetReturn},
};
use rand::RngExt;

use crate::{
    service::Service,
    system::{Clients, Progress, Rng},
};

/// What a set at one place does.
pub(crate) trait Rules {
    /// How many elements a read sees, of so many.
    fn visible(&self, all: usize, _: &mut Rng) -> usize {
        all
    }
    /// How many elements a crash leaves, of so many.
    fn durable(&self, all: usize, _: &mut Rng) -> usize {
        all
    }
    /// How often an element is put in.
    fn times(&self, _: &mut Rng) -> usize {
        1
    }
}

/// Does it right.
pub(crate) struct Honest;

impl Rules for Honest {}

/// A set at one place.
pub(crate) struct OnePlace<R> {
    rules: R,
    elements: Vec<i64>,
}

impl<R> OnePlace<R> {
    pub(crate) fn new(rules: R) -> Self {
        Self {
            rules,
            elements: Vec::new(),
        }
    }
}

impl<R: Rules> Service<Set> for OnePlace<R> {
    type Stage = ();

    fn serve(
        &mut self,
        _: Process,
        call: &SetCall,
        (): &mut (),
        rng: &mut Rng,
    ) -> Progress<SetReturn> {
        Progress::Done(match call.op {
            SetOp::Add(element) => {
                let times = self.rules.times(rng);
                self.elements.extend(std::iter::repeat_n(element, times));
                SetReturn::Done
            }
            SetOp::Read => {
                let visible = self.rules.visible(self.elements.len(), rng);
                SetReturn::Elements(self.elements[..visible].to_vec())
            }
        })
    }

    fn crash(&mut self, rng: &mut Rng) {
        let durable = self.rules.durable(self.elements.len(), rng);
        self.elements.truncate(durable);
    }
}

const REPLICAS: usize = 3;

/// A set on replicas.
#[derive(Default)]
pub(crate) struct Merging {
    replicas: [BTreeSet<i64>; REPLICAS],
}

impl Service<Set> for Merging {
    type Stage = ();

    fn serve(
        &mut self,
        _: Process,
        call: &SetCall,
        (): &mut (),
        rng: &mut Rng,
    ) -> Progress<SetReturn> {
        let replica = &mut self.replicas[rng.random_range(0..REPLICAS)];
        Progress::Done(match call.op {
            SetOp::Add(element) => {
                replica.insert(element);
                SetReturn::Done
            }
            SetOp::Read => SetReturn::Elements(replica.iter().copied().collect()),
        })
    }

    fn background(&mut self, rng: &mut Rng) {
        let from = self.replicas[rng.random_range(0..REPLICAS)].clone();
        self.replicas[rng.random_range(0..REPLICAS)].extend(from);
    }

    fn settle(&mut self) {
        let all: BTreeSet<i64> = self.replicas.iter().flatten().copied().collect();
        self.replicas.fill(all);
    }
}

/// Clients that add, read, and in the end read once more.
#[derive(Default)]
pub(crate) struct Callers {
    element: i64,
    read: bool,
}

impl Clients<Set> for Callers {
    fn next(&mut self, _: Process, rng: &mut Rng) -> SetCall {
        let op = match rng.random_bool(0.5) {
            true => SetOp::Read,
            false => {
                self.element += 1;
                SetOp::Add(self.element)
            }
        };
        SetCall { key: None, op }
    }

    fn finally(&mut self) -> Option<SetCall> {
        let first = !std::mem::replace(&mut self.read, true);
        first.then_some(SetCall {
            key: None,
            op: SetOp::Read,
        })
    }
}
