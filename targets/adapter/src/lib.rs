//! Databases that schism was not built with: what a file says is asked over HTTP, what a program says over its standard
//! streams.
//!
//! - [`AdapterFile`] is the file: how calls become requests and answers become outcomes, or which program knows, and how a
//!   node is started where that is wanted.
//! - [`AdapterTarget`] opens clients; [`AdapterClient`] is one, over [`http`] or [`stdio`].
//! - [`Launched`] starts the database on the nodes of a cluster, [`Attached`] only knows where it is.
//! - [`conformance`] says whether an adapter tells the truth, before any verdict rests on it.
//!
//! An adapter maps each call to `ok`, to `fail` (it certainly did not happen) or to `info` (it may have). What it does not
//! recognise is `info` for whatever writes; a read that came to nothing is `fail`, which harms nobody.

mod address;
mod client;
pub mod conformance;
mod file;
pub mod http;
mod rules;
pub mod stdio;
mod system;
mod template;

pub use address::Address;
pub use client::{AdapterClient, AdapterTarget, Asked};
pub use file::{AdapterFile, BadAdapter, Launch, Means, Ops, Request, Words};
pub use rules::{Outcomes, Symptom, Verdict};
pub use system::{Attached, Launched, Offers};
