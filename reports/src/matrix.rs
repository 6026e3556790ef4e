//! The consistency matrix: models against what was going on, and in each cell what was found. An observation, not a proof.
//!
//! A violation counts for every kind of fault that may have been in force while it came about, and for "no fault" only if
//! none was. Checkers tell the clearest violation of a kind and count the others; where those may lie nobody knows, so that
//! no cell of a model with untold violations is called clear.

use std::collections::BTreeSet;

use history::{Codec, History, Nanos};
use serde::Serialize;

use crate::{
    CheckView, Conclusion, FaultView, FindingView, RunMeta,
    models::{Family, Says, words},
};

/// What was found of each model under each kind of fault.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Matrix {
    /// What was going on.
    pub columns: Vec<Column>,
    /// The models, the strongest first.
    pub rows: Vec<Row>,
}

/// What was going on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Column {
    /// `no fault`, `partition`, `whole run`.
    pub name: String,
    /// Calls that were open at some moment of it; of a kind of fault, while one was in force that was seen to take effect.
    pub calls: u64,
    /// Whether it was seen to be so: at least one fault of the kind took effect.
    pub seen: bool,
}

/// One model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub model: String,
    /// Whether the target is expected to be that.
    pub expected: bool,
    /// Whether that, or something that implies it, was expected: a violation is a bug.
    pub promised: bool,
    /// A cell a column.
    pub cells: Vec<Cell>,
}

/// What was found of one model under one kind of fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cell {
    /// These findings break it.
    Broken(Vec<usize>),
    /// These findings break something that it implies.
    Implied(Vec<usize>),
    /// None was found, in this many calls.
    Clear(u64),
    /// There are violations that were only counted, and some may lie here.
    Untold,
    /// It was judged without a conclusion.
    Inconclusive,
    /// Nobody judged it.
    NotTested,
}

impl Cell {
    /// Its sign.
    pub fn glyph(&self) -> &'static str {
        match self {
            Self::Broken(_) | Self::Implied(_) => "✗",
            Self::Clear(_) => "○",
            Self::Untold | Self::Inconclusive => "?",
            Self::NotTested => "·",
        }
    }

    /// The findings that speak against the model.
    pub fn findings(&self) -> &[usize] {
        match self {
            Self::Broken(n) | Self::Implied(n) => n,
            _ => &[],
        }
    }

    /// What the sign says, for those who cannot see it.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Broken(_) => "violated",
            Self::Implied(_) => "impossible, since something it implies is violated",
            Self::Clear(_) => "no violation found",
            Self::Untold => "not known: further violations were counted and not told one by one",
            Self::Inconclusive => "judged without a conclusion",
            Self::NotTested => "not tested",
        }
    }
}

/// What makes a matrix.
pub(crate) struct Known<'a> {
    pub(crate) family: Family,
    pub(crate) findings: &'a [FindingView],
    pub(crate) checks: &'a [CheckView],
    pub(crate) faults: &'a [FaultView],
    pub(crate) meta: &'a RunMeta,
}

impl Matrix {
    /// O(n · k · log f) for n calls, k kinds of faults, and f faults.
    pub(crate) fn new<O: Codec>(known: &Known<'_>, history: &History<O>) -> Self {
        let judged = Judged::new(known);
        let models = judged.models();
        if models.is_empty() {
            return Self::default();
        }
        let kinds: BTreeSet<&str> = known
            .faults
            .iter()
            .filter(|f| f.span.overlaps(Nanos(0), Nanos(u64::MAX)))
            .map(|f| f.span.kind.as_str())
            .collect();
        let columns = columns(&kinds, known.faults, history);
        let rows = models
            .iter()
            .map(|model| Row {
                model: words(model),
                expected: judged.expected == *model,
                promised: known.family.implies(&judged.expected, model),
                cells: columns
                    .iter()
                    .map(|column| judged.cell(model, column, &kinds))
                    .collect(),
            })
            .collect();
        Self { columns, rows }
    }
}

/// Between the names of kinds of faults these two stand.
const CALM: &str = "no fault";
const ALL: &str = "whole run";

fn columns<O: Codec>(
    kinds: &BTreeSet<&str>,
    faults: &[FaultView],
    history: &History<O>,
) -> Vec<Column> {
    let calls = history.spans();
    let whole = Column {
        name: ALL.to_owned(),
        calls: calls.len() as u64,
        seen: true,
    };
    if kinds.is_empty() {
        return vec![whole];
    }
    let windows = |kind: Option<&str>| {
        let of_kind = faults.iter().filter(|f| match kind {
            Some(kind) => kind == f.span.kind && f.span.took_effect(),
            None => f.span.overlaps(Nanos(0), Nanos(u64::MAX)),
        });
        merged(of_kind.map(|f| (f.span.began, f.end(Nanos(u64::MAX)))))
    };
    let during = |windows: &[(Nanos, Nanos)]| {
        let open = calls.iter().filter(|call| {
            let until = call.end.unwrap_or(call.start);
            let after = windows.partition_point(|w| w.1 < call.start);
            windows.get(after).is_some_and(|w| w.0 <= until)
        });
        open.count() as u64
    };
    let calm = Column {
        name: CALM.to_owned(),
        calls: calls.len() as u64 - during(&windows(None)),
        seen: true,
    };
    let of_kinds = kinds.iter().map(|kind| {
        let windows = windows(Some(kind));
        Column {
            name: (*kind).to_owned(),
            calls: during(&windows),
            seen: !windows.is_empty(),
        }
    });
    [calm].into_iter().chain(of_kinds).chain([whole]).collect()
}

/// Stretches of time that have no moment in common, in order.
fn merged(windows: impl Iterator<Item = (Nanos, Nanos)>) -> Vec<(Nanos, Nanos)> {
    let mut windows: Vec<_> = windows.collect();
    windows.sort_unstable();
    let mut merged: Vec<(Nanos, Nanos)> = Vec::new();
    for (from, until) in windows {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            _ => merged.push((from, until)),
        }
    }
    merged
}

/// What was judged, and how.
struct Judged<'a> {
    known: &'a Known<'a>,
    /// The strongest model that was judged.
    expected: String,
}

impl<'a> Judged<'a> {
    fn new(known: &'a Known<'a>) -> Self {
        let models = known.family.models();
        let is_model = |name: &str| models.contains(&name);
        let of_meta = known.meta.expectation.trim().replace(' ', "-");
        let of_checks = known.checks.iter().map(|c| c.name.as_str());
        let of_findings = known.findings.iter().map(|f| f.finding.property.as_str());
        let expected = [of_meta.as_str()]
            .into_iter()
            .chain(of_checks)
            .chain(of_findings)
            .find(|name| is_model(name))
            .unwrap_or_default();
        Self {
            known,
            expected: expected.to_owned(),
        }
    }

    fn models(&self) -> Vec<String> {
        if self.known.family != Family::Others {
            let models = self.known.family.models().into_iter();
            return models.map(str::to_owned).collect();
        }
        let mut properties: Vec<String> = Vec::new();
        for check in self.checks() {
            let of_findings: BTreeSet<&str> = self
                .known
                .findings
                .iter()
                .filter(|f| check.findings.contains(&f.number))
                .map(|f| f.finding.property.as_str())
                .collect();
            match of_findings.is_empty() {
                true => properties.push(check.name.clone()),
                false => properties.extend(of_findings.into_iter().map(str::to_owned)),
            }
        }
        properties
    }

    /// The checks of what was returned; the others judge the run.
    fn checks(&self) -> impl Iterator<Item = &'a CheckView> {
        let of_the_run = |name: &str| matches!(name, "coverage" | "cap" | "stats");
        self.known
            .checks
            .iter()
            .filter(move |c| !of_the_run(&c.name))
    }

    fn cell(&self, model: &str, column: &Column, kinds: &BTreeSet<&str>) -> Cell {
        let family = self.known.family;
        let numbers = |says: Says, here: bool| -> Vec<usize> {
            let findings = self.known.findings.iter().filter(|f| {
                family.says(&f.finding, model) == says && (!here || self.lies_in(f, column, kinds))
            });
            findings.map(|f| f.number).collect()
        };
        let broken = numbers(Says::Broken, true);
        if !broken.is_empty() {
            return Cell::Broken(broken);
        }
        let implied = numbers(Says::Implied, true);
        if !implied.is_empty() {
            return Cell::Implied(implied);
        }
        let elsewhere = [numbers(Says::Broken, false), numbers(Says::Implied, false)].concat();
        let untold = |f: &&FindingView| f.finding.more > 0 && elsewhere.contains(&f.number);
        if self.known.findings.iter().any(|f| untold(&f)) {
            return Cell::Untold;
        }
        match self.judging(model) {
            None => Cell::NotTested,
            Some(Conclusion::Unknown) => Cell::Inconclusive,
            Some(_) if column.calls == 0 => Cell::NotTested,
            Some(_) => Cell::Clear(column.calls),
        }
    }

    fn lies_in(&self, finding: &FindingView, column: &Column, kinds: &BTreeSet<&str>) -> bool {
        let mut during = finding
            .during
            .iter()
            .filter_map(|d| self.known.faults.get(d.number - 1))
            .map(|f| f.span.kind.as_str())
            .filter(|kind| kinds.contains(kind));
        match column.name.as_str() {
            ALL => true,
            CALM => during.next().is_none(),
            kind => during.any(|k| k == kind),
        }
    }

    /// How a check that speaks of a model went; `None` if none does. That of linearizability says nothing of what is weaker
    /// where it fails, since it stops there.
    fn judging(&self, model: &str) -> Option<Conclusion> {
        let family = self.known.family;
        let speaks = |check: &CheckView| match (family, check.name.as_str()) {
            (Family::Transactions, "isolation") => family.implies(&self.expected, model),
            (Family::Registers, "linearizable") => match check.conclusion {
                Conclusion::Pass | Conclusion::Unknown => family.implies(&check.name, model),
                Conclusion::Fail => check.name == model,
            },
            (Family::Registers, "sessions") => family.implies(&self.expected, model),
            (Family::Others, name) => {
                name == model || {
                    let of_it = |f: &&FindingView| check.findings.contains(&f.number);
                    let mut findings = self.known.findings.iter().filter(of_it);
                    findings.any(|f| f.finding.property == model)
                }
            }
            _ => false,
        };
        let checks = self.checks().filter(|c| speaks(c));
        checks.map(|c| c.conclusion).min()
    }
}
