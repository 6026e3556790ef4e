//! The commands, one file each.

pub(crate) mod accept;
mod certificate;
pub(crate) mod check;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod export;
mod faults;
pub(crate) mod gc;
pub(crate) mod heal;
pub(crate) mod import;
pub(crate) mod index;
pub(crate) mod lab;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod merge;
mod minimal;
pub(crate) mod node;
mod reading;
pub(crate) mod repro;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod show;
pub(crate) mod shrink;
