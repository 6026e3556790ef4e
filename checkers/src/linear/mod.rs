//! Linearizability (Herlihy & Wing 1990): every call seems to happen at once, at some moment between its invocation
//! and its answer.
//!
//! [`Linearizable`] judges registers, and [`LinearizableAs`] anything that is an [`Object`]: a [`Model`] with what is needed
//! to judge records against it. Those that come with schism are in [`models`], by name. Underneath are two engines, which
//! agree with the oracle in [`brute`] on random histories: `zones` for registers whose values are never written twice, in
//! O(n log n); and [`search()`] for any [`Model`]. Queues, stacks and sets have a `shortcut` past the search, where their values are
//! [`distinct`]. A pass of either can be had with a [`certificate`].

mod accuse;
mod asked;
pub mod brute;
pub mod certificate;
pub mod distinct;
mod explain;
mod linearizable;
mod linearizable_as;
mod model;
pub mod models;
mod object;
mod prepare;
mod problem;
mod reduce;
mod search;
mod shortcut;
mod shrink;
mod story;
mod telling;
mod zones;

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod agreement_of_models;

pub use certificate::{Certificate, Refusal};
pub use linearizable::Linearizable;
pub use linearizable_as::{Judge, LinearizableAs};
pub use model::{CasRegister, Effect, Model};
pub use object::{Calls, Marks, Names, Object, once};
pub use problem::{Answer, NEVER, Problem};
pub use search::search;
