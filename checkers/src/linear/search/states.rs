//! The states of a model as numbers, with their transitions remembered: a model is asked once per state and class.

use hashbrown::HashMap;

use super::{
    super::{model::Model, prepare::FastMap, problem::Problem},
    NONE,
};

const UNASKED: u32 = u32::MAX - 1;
/// With more classes than this, transitions are computed anew each time.
const REMEMBERED_CLASSES: usize = 512;

/// The states met so far and what leads from one to another.
pub(super) struct States<'a, M: Model> {
    problem: &'a Problem<M>,
    pub(super) states: Vec<M>,
    numbers: FastMap<M, u32>,
    /// `states.len()` rows of one number a class, if there are few classes.
    next: Vec<u32>,
    remembers: bool,
}

impl<'a, M: Model> States<'a, M> {
    pub(super) fn new(problem: &'a Problem<M>) -> Self {
        let mut states = Self {
            problem,
            states: Vec::new(),
            numbers: HashMap::default(),
            next: Vec::new(),
            remembers: problem.classes.len() <= REMEMBERED_CLASSES,
        };
        states.number(problem.foreseen());
        states
    }

    fn number(&mut self, state: M) -> u32 {
        if let Some(number) = self.numbers.get(&state) {
            return *number;
        }
        let number = self.states.len() as u32;
        self.states.push(state.clone());
        self.numbers.insert(state, number);
        if self.remembers {
            let rows = self.states.len() * self.problem.classes.len();
            self.next.resize(rows, UNASKED);
        }
        number
    }

    /// The state after a call of this class, or [`NONE`].
    pub(super) fn next(&mut self, state: u32, class: u32) -> u32 {
        let at = state as usize * self.problem.classes.len() + class as usize;
        if self.remembers && self.next[at] != UNASKED {
            return self.next[at];
        }
        let next = self.problem.classes[class as usize].step(&self.states[state as usize]);
        let next = next.map_or(NONE, |state| self.number(state));
        if self.remembers {
            self.next[at] = next;
        }
        next
    }
}
