//! The commands, one file each.

mod certificate;
pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod export;
mod faults;
pub(crate) mod heal;
pub(crate) mod import;
pub(crate) mod lab;
pub(crate) mod list;
mod minimal;
pub(crate) mod node;
mod reading;
pub(crate) mod run;
pub(crate) mod show;
