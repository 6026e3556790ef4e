//! What we ask of a system: an operation with the generator that makes its calls, the checker that judges them, and
//! the final phase that looks at what is left. One file a workload.

pub mod register;

pub use register::{RegisterWorkload, Values};
