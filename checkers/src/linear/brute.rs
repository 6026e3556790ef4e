//! The oracle: tries every order. Sound and complete; exponential in the number of calls, so for a dozen of them.
//!
//! Not clever on purpose. The engines are tested against it, and a small witness is looked at by it once more before
//! it is shown to anyone.

use super::{NEVER, Problem, model::Model};

/// Whether some order of the calls respects real time and the model. At most 32 calls.
pub fn linearizable<M: Model>(problem: &Problem<M>) -> bool {
    let ops = &problem.ops;
    assert!(ops.len() <= 32, "the oracle is for small histories");
    let known = ops.iter().enumerate().filter(|(_, op)| op.end != NEVER);
    let goal: u32 = known.fold(0, |mask, (i, _)| mask | 1 << i);
    let mut seen = hashbrown::HashSet::new();
    let mut stack = vec![(0u32, problem.initial.clone())];
    while let Some((done, state)) = stack.pop() {
        if done & goal == goal {
            return true;
        }
        if !seen.insert((done, state.clone())) {
            continue;
        }
        let left = || (0..ops.len()).filter(|i| done & 1 << i == 0);
        let deadline = left().map(|i| ops[i].end).min().unwrap_or(NEVER);
        for i in left().filter(|i| ops[*i].start < deadline) {
            if let Some(next) = problem.classes[ops[i].class as usize].step(&state) {
                stack.push((done | 1 << i, next));
            }
        }
    }
    false
}
