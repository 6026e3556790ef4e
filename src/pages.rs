//! What a run directory shows, and its seal. Everything is rendered before the verdict is written, last of all; a page that
//! cannot be rendered changes no verdict.

use std::path::Path;

use reports::{
    Broken, Report, RunMeta, Told, VerdictFile, html,
    junit::{self, Suite},
    summary,
};
use runner::store::{RunDir, Store, safe_name};

use crate::{
    args::OnUnknown,
    commands::export,
    dump,
    exit::{Exit, Failure},
    flow::META,
    index,
    subject::{Judged, Notation},
    ui::Ui,
};

/// The page for people.
pub(crate) const PAGE: &str = "report.html";
/// How many findings have a folder of their own.
const MAX_FOLDERS: usize = 50;

impl From<OnUnknown> for junit::OnUnknown {
    fn from(on_unknown: OnUnknown) -> Self {
        match on_unknown {
            OnUnknown::Fail => Self::Error,
            OnUnknown::Warn | OnUnknown::Pass => Self::Skip,
        }
    }
}

/// Writes everything, the verdict last. How the program ends then.
pub(crate) fn publish(
    store: &Store,
    dir: &RunDir,
    report: &Report,
    exit: Exit,
    on_unknown: OnUnknown,
    ui: &Ui,
) -> Result<Exit, Failure> {
    let exit = render(dir, report, exit, on_unknown, ui)?;
    let verdict = serde_json::to_value(VerdictFile::new(report, exit.code()))
        .map_err(|e| Failure::infrastructure(format!("the verdict cannot be written: {e}")))?;
    index::seal(store, dir, &verdict)?;
    Ok(exit)
}

/// Writes everything but the verdict. A page that could not be rendered is a bug of ours, which is told, but masks nothing.
pub(crate) fn render(
    dir: &RunDir,
    report: &Report,
    exit: Exit,
    on_unknown: OnUnknown,
    ui: &Ui,
) -> Result<Exit, Failure> {
    for check in &report.checks {
        dir.write_json(&format!("checks/{}.json", safe_name(&check.name)), check)?;
    }
    let of_findings = findings(dir, report, ui);
    let suite = Suite {
        run: Told::Judged(report),
        attachments: vec![
            from_here(&dir.path().join(PAGE)),
            from_here(&dir.path().join(runner::store::HISTORY)),
        ],
        reruns: Vec::new(),
    };
    let pages: [(&str, &dyn Fn() -> String); 3] = [
        (PAGE, &|| html::page(report)),
        ("summary.md", &|| summary::page(report)),
        ("junit.xml", &|| {
            junit::documents(std::slice::from_ref(&suite), on_unknown.into())
        }),
    ];
    let mut exit = exit.worst(of_findings);
    for (name, render) in pages {
        exit = exit.worst(page(dir, name, render, ui));
    }
    Ok(exit)
}

/// A run that broke, for those who read JUnit and Markdown.
pub(crate) fn publish_broken(dir: &RunDir, broken: &Broken, ui: &Ui) {
    let suite = Suite {
        run: Told::Broken(broken),
        attachments: vec![from_here(&dir.path().join("log.txt"))],
        reruns: Vec::new(),
    };
    let pages: [(&str, &dyn Fn() -> String); 2] = [
        ("summary.md", &|| summary::pages(&[Told::Broken(broken)])),
        ("junit.xml", &|| {
            junit::documents(std::slice::from_ref(&suite), junit::OnUnknown::Error)
        }),
    ];
    for (name, render) in pages {
        page(dir, name, render, ui);
    }
}

/// What is known of a run that broke.
pub(crate) fn broken(dir: Option<&RunDir>, failure: &Failure) -> Broken {
    let meta = dir.and_then(|dir| std::fs::read(dir.path().join(META)).ok());
    let meta = meta.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let meta = meta.unwrap_or_else(|| RunMeta {
        started: Some(chrono::Utc::now()),
        ..RunMeta::default()
    });
    Broken::new(meta, failure.exit.class(), &failure.message)
}

/// Writes one page; a bug if it cannot be rendered.
fn page(dir: &RunDir, name: &str, render: &dyn Fn() -> String, ui: &Ui) -> Exit {
    let rendered = dump::caught(|| {
        dump::fail_point(name);
        render()
    });
    match rendered {
        Ok(text) => {
            if let Err(e) = dir.write_text(name, &text) {
                ui.warn(&e.to_string());
            }
            Exit::Pass
        }
        Err(failure) => {
            ui.warn(&format!("{name} could not be rendered; the verdict stands"));
            failure.exit
        }
    }
}

/// A folder for each finding: what it is for machines, and for people.
fn findings(dir: &RunDir, report: &Report, ui: &Ui) -> Exit {
    let all = VerdictFile::new(report, 0).findings;
    let mut exit = Exit::Pass;
    for (view, entry) in report.findings.iter().zip(all).take(MAX_FOLDERS) {
        let folder = folder(view.number, &entry.code);
        if let Err(e) = dir.write_json(&format!("{folder}/finding.json"), &entry) {
            ui.warn(&e.to_string());
        }
        let name = format!("{folder}/explain.md");
        exit = exit.worst(page(dir, &name, &|| summary::finding(report, view), ui));
    }
    exit
}

fn folder(number: usize, code: &str) -> String {
    format!("findings/{}", safe_name(&format!("{number}-{code}")))
}

/// The calls that prove each finding, alone, as `schism check` reads them.
pub(crate) fn minimal(dir: &RunDir, judged: &Judged) -> Result<(), Failure> {
    for view in judged.report.findings.iter().take(MAX_FOLDERS) {
        let folder = folder(view.number, &view.finding.code);
        let to = dir.file(&format!("{folder}/minimal.jsonl"))?;
        let part = judged.history.part(&view.finding.witness);
        export::save(&*part, Notation::Journal, &to)?;
    }
    Ok(())
}

/// A path as a CI service reads it: from the folder that it works in, if it is in there.
pub(crate) fn from_here(path: &Path) -> String {
    let here = std::env::current_dir().and_then(|here| here.canonicalize());
    let within = here.ok().and_then(|here| path.strip_prefix(here).ok());
    within.unwrap_or(path).display().to_string()
}
