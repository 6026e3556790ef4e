//! The commands, one file each.

pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod heal;
pub(crate) mod lab;
pub(crate) mod list;
pub(crate) mod node;
pub(crate) mod run;
pub(crate) mod show;
