//! What to do next, as data; and the one state machine that decides when.

mod generator;

pub use generator::{Context, Generator, Next, Worker, Workers};
