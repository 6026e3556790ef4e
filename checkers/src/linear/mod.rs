//! Linearizability (Herlihy & Wing 1990): every call seems to happen at once, at some moment between its invocation
//! and its answer.
//!
//! [`Linearizable`] judges registers. Underneath are two engines, which agree with the oracle in [`brute`] on random
//! histories: `zones` for registers whose values are never written twice, in O(n log n); and [`search()`] for any [`Model`].

pub mod brute;
pub mod distinct;
mod explain;
mod linearizable;
mod model;
mod prepare;
mod problem;
mod search;
mod shrink;
mod zones;

#[cfg(test)]
mod agreement;

pub use linearizable::Linearizable;
pub use model::{CasRegister, Effect, Model};
pub use problem::{Answer, NEVER, Problem};
pub use search::search;
