//! A run, as CI services are told of it: judged, or broken before it could be.

use crate::{
    Conclusion, Report, RunMeta,
    across::Ending,
    escape::{PROSE, inert},
};

/// A run that is over.
#[derive(Debug, Clone, Copy)]
pub enum Told<'a> {
    /// It was judged.
    Judged(&'a Report),
    /// It broke.
    Broken(&'a Broken),
}

/// A run that broke before it could be judged: the cluster, our access to it, or schism itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Broken {
    /// What was to be run, as far as it was known. Inert.
    pub meta: RunMeta,
    /// What broke: `infrastructure`, `bug`.
    pub class: String,
    /// In words. Inert.
    pub why: String,
}

impl Broken {
    /// Makes all of it inert.
    pub fn new(meta: RunMeta, class: &str, why: &str) -> Self {
        Self {
            meta: crate::report::clean(meta),
            class: class.to_owned(),
            why: inert(why, PROSE),
        }
    }
}

impl<'a> Told<'a> {
    /// What was run.
    pub fn meta(self) -> &'a RunMeta {
        match self {
            Self::Judged(report) => &report.meta,
            Self::Broken(broken) => &broken.meta,
        }
    }

    /// How it ended.
    pub fn ending(self) -> Ending {
        match self {
            Self::Judged(report) => match report.conclusion {
                Conclusion::Pass => Ending::Pass,
                Conclusion::Fail => Ending::Fail,
                Conclusion::Unknown => Ending::Unknown,
            },
            Self::Broken(_) => Ending::Error,
        }
    }

    /// How many violations it has.
    pub fn findings(self) -> usize {
        match self {
            Self::Judged(report) => report.findings.len(),
            Self::Broken(_) => 0,
        }
    }

    /// Of several runs, how they ended together: a violation is never masked. `pass` where there is none, as nothing was
    /// found.
    pub fn worst(runs: &[Self]) -> Ending {
        let of = |ending: &Ending| runs.iter().any(|run| run.ending() == *ending);
        Ending::ALL.into_iter().find(of).unwrap_or(Ending::Pass)
    }
}
