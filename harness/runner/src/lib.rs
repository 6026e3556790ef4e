//! Doing it for real.

mod client;

pub use client::{Client, Target};
