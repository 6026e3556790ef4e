//! `baseline.yaml`: what is accepted for now, and what that makes of a run's exit code.

use std::{io::Write, path::Path};

use chrono::NaiveDate;
use reports::{
    Report, VerdictFile,
    across::{BASELINE_VERSION, Baseline, Board, Index, Standing},
};
use runner::store::Store;

use crate::{
    exit::{Exit, Failure},
    index,
};

/// Where it is if nothing else is said.
pub(crate) const DEFAULT_FILE: &str = "baseline.yaml";

/// Reads it; a file that is not there accepts nothing.
pub(crate) fn read(path: &Path) -> Result<Baseline, Failure> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Baseline::default()),
        Err(e) => {
            return Err(Failure::usage(format!(
                "cannot read {}: {e}",
                path.display()
            )));
        }
    };
    let baseline: Baseline = serde_yaml::from_str(&text)
        .map_err(|e| Failure::usage(format!("{}: {e}", path.display())))?;
    if baseline.version != BASELINE_VERSION {
        return Err(Failure::usage(format!(
            "{}: version {} is not known; this schism reads version {BASELINE_VERSION}",
            path.display(),
            baseline.version
        )));
    }
    Ok(baseline)
}

/// Writes it as a whole, beside its place first.
pub(crate) fn write(path: &Path, baseline: &Baseline) -> Result<(), Failure> {
    let failed = |e: &dyn std::fmt::Display| {
        Failure::infrastructure(format!("cannot write {}: {e}", path.display()))
    };
    let yaml = serde_yaml::to_string(baseline).map_err(|e| failed(&e))?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let mut file = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder.unwrap_or(Path::new(".")))
        .map_err(|e| failed(&e))?;
    let head = "# Findings that are known. Written by `schism accept`; a run that shows only these exits with 0.\n";
    file.write_all(format!("{head}{yaml}").as_bytes())
        .map_err(|e| failed(&e))?;
    file.persist(path).map_err(|e| failed(&e.error))?;
    Ok(())
}

/// Today, where this program runs.
pub(crate) fn today() -> NaiveDate {
    chrono::Local::now().date_naive()
}

/// What the baseline says of a run, line by line, and whether it knows everything that the run found.
pub(crate) struct Verdict {
    /// A line a finding.
    pub(crate) lines: Vec<String>,
    /// Whether there are findings, and all are known.
    pub(crate) all_known: bool,
    /// Whether an accepted finding of the case is out of date.
    pub(crate) drifted: bool,
    /// The fingerprints that are known.
    pub(crate) known: Vec<String>,
}

impl Verdict {
    /// The exit code that it makes of another.
    pub(crate) fn apply(&self, exit: Exit, strict: bool) -> Exit {
        let exit = match exit {
            Exit::Fail if self.all_known => Exit::Pass,
            exit => exit,
        };
        match strict && self.drifted {
            true => exit.worst(Exit::Drift),
            false => exit,
        }
    }
}

/// Looks a run's findings up. `None` for a report of no run of this store.
pub(crate) fn look_up(
    store: &Store,
    path: &Path,
    report: &Report,
) -> Result<Option<Verdict>, Failure> {
    let baseline = read(path)?;
    let Some(entry) = index::of_report(store, &VerdictFile::new(report, 0), &report.meta.run)
    else {
        return Ok(None);
    };
    // With this run in it, whether or not it has been sealed.
    let others = index::read(store)?.entries;
    let board = Board::new(&Index::new(others.into_iter().chain([entry.clone()])));
    let today = today();
    let mut lines = Vec::new();
    let mut all_known = !entry.findings.is_empty();
    let mut known = Vec::new();
    for found in &entry.findings {
        let rate = board.find(&found.fingerprint).map(|row| row.rate);
        let standing = baseline.standing(&found.fingerprint, today, rate);
        all_known &= standing.is_known();
        if standing.is_known() {
            known.push(found.fingerprint.to_string());
        }
        let print = &found.fingerprint;
        let title = &found.title;
        let accepted = baseline.find(print).map(|a| a.words()).unwrap_or_default();
        lines.push(match standing {
            Standing::Known => format!("✗ known    {print}  {title}: {accepted}"),
            Standing::New if baseline.findings.is_empty() => continue,
            Standing::New => format!("✗ new      {print}  {title}"),
            Standing::Expired(day) => {
                format!("✗ expired  {print}  {title}: was known until {day}")
            }
            Standing::TooOften(most) => format!(
                "✗ too often  {print}  {title}: seen in {}, accepted in {:.0} % of runs",
                rate.map_or_else(String::new, |r| r.text()),
                most * 100.0
            ),
        });
    }
    let stale = baseline.stale(today, &board);
    let stale: Vec<_> = stale
        .into_iter()
        .filter(|(accepted, _)| accepted.case == entry.case && !entry.shows(&accepted.fingerprint))
        .collect();
    for (accepted, why) in &stale {
        lines.push(format!(
            "! baseline  {}  {}: {why}; schism accept --remove {}",
            accepted.fingerprint, accepted.title, accepted.fingerprint
        ));
    }
    Ok(Some(Verdict {
        lines,
        all_known,
        drifted: !stale.is_empty(),
        known,
    }))
}
