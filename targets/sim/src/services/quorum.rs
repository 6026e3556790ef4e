//! Registers on five replicas without a leader (Attiya, Bar-Noy & Dolev 1995; for many writers, Lynch & Shvartsman 1997): a
//! write asks a quorum for the highest timestamp and gives a quorum a higher one; a read asks a quorum, and writes what it
//! is about to return back to one. Linearizable, as any two quorums meet. Each message is a step of its own.

use std::collections::BTreeMap;

use history::{Key, Process, Register, RegisterCall, RegisterOp, RegisterReturn};
use rand::RngExt;

use crate::{
    service::Service,
    system::{Progress, Rng},
};

const REPLICAS: usize = 5;

/// How many replicas are asked.
pub(crate) trait Rules {
    /// How many make a quorum.
    fn quorum(&self) -> usize {
        REPLICAS / 2 + 1
    }
    /// Whether a read writes back.
    fn writes_back(&self) -> bool {
        true
    }
}

/// Majorities.
pub(crate) struct Majority;

impl Rules for Majority {}

/// A timestamp, with the process for the sake of order, and a value.
type Version = ((i64, Process), Option<i64>);

/// What is remembered of a call.
#[derive(Default)]
pub(crate) struct Stage {
    /// The highest version among those that have answered.
    highest: Option<Version>,
    /// Which replicas have answered in this round.
    answered: Vec<usize>,
    /// Whether this is the second round.
    writing: bool,
}

/// Registers on replicas.
pub(crate) struct Quorum<R> {
    rules: R,
    replicas: Vec<BTreeMap<Key, Version>>,
}

impl<R> Quorum<R> {
    pub(crate) fn new(rules: R) -> Self {
        Self {
            rules,
            replicas: vec![BTreeMap::new(); REPLICAS],
        }
    }
}

impl<R: Rules> Service<Register> for Quorum<R> {
    type Stage = Stage;

    fn serve(
        &mut self,
        from: Process,
        call: &RegisterCall,
        stage: &mut Stage,
        rng: &mut Rng,
    ) -> Progress<RegisterReturn> {
        let nothing = ((0, Process(0)), None);
        let silent = (0..REPLICAS).filter(|n| !stage.answered.contains(n));
        let silent: Vec<usize> = silent.collect();
        let at = silent[rng.random_range(0..silent.len())];
        stage.answered.push(at);
        let held = self.replicas[at].entry(call.key.clone()).or_insert(nothing);
        let highest = stage.highest.get_or_insert(nothing);
        match stage.writing {
            true => *held = (*held).max(*highest),
            false => *highest = (*held).max(*highest),
        }
        if stage.answered.len() < self.rules.quorum() {
            return Progress::Going;
        }
        let read = RegisterReturn::Value(highest.1);
        let (write, ret) = match call.op {
            RegisterOp::Read => (self.rules.writes_back(), read),
            RegisterOp::Write(value) | RegisterOp::Cas { to: value, .. } => {
                if !stage.writing {
                    *highest = ((highest.0.0 + 1, from), Some(value));
                }
                (true, RegisterReturn::Done)
            }
        };
        if stage.writing || !write {
            return Progress::Done(ret);
        }
        stage.writing = true;
        stage.answered.clear();
        Progress::Going
    }
}
