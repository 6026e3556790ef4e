//! What is made of all runs of a campaign together: `junit.xml` and `summary.md` beside its record, and what a CI service
//! is told.

use reports::{
    Broken, Packed, Report, Told,
    junit::{self, Suite as Document},
    summary,
};
use runner::store::{HISTORY, RunDir, Store};

use super::report;
use crate::{
    args::OnUnknown,
    campaign::{Planned, Rerun, Suite},
    ci::{Ci, CiRun},
    exit::{Exit, Failure},
    pages::{self, PAGE},
    terminal::Terminal,
};

/// How a run ended, without what only its own page shows.
enum Ended {
    Judged(Box<Report>, RunDir),
    Broken(Box<Broken>),
}

impl Ended {
    fn told(&self) -> Told<'_> {
        match self {
            Self::Judged(report, _) => Told::Judged(report),
            Self::Broken(broken) => Told::Broken(broken),
        }
    }

    fn attachments(&self) -> Vec<String> {
        match self {
            Self::Judged(_, dir) => [PAGE, HISTORY]
                .map(|name| pages::from_here(&dir.path().join(name)))
                .into(),
            Self::Broken(_) => Vec::new(),
        }
    }
}

/// Writes and tells all of it. What could not be.
pub(super) fn tell(
    suite: &Suite,
    store: &Store,
    ci: &Ci,
    on_unknown: OnUnknown,
    terminal: &Terminal,
) -> Vec<String> {
    let ended: Vec<(&Planned, Ended)> = suite
        .cases
        .iter()
        .filter_map(|case| Some((case, ended(case, store, terminal)?)))
        .collect();
    let told: Vec<Told<'_>> = ended.iter().map(|(_, ended)| ended.told()).collect();
    let documents: Vec<Document<'_>> = ended
        .iter()
        .map(|(case, ended)| Document {
            run: ended.told(),
            attachments: ended.attachments(),
            reruns: case.reruns.iter().map(rerun).collect(),
        })
        .collect();
    let texts = [
        ("junit.xml", junit::documents(&documents, on_unknown.into())),
        ("summary.md", summary::pages(&told)),
    ];
    let written = texts.map(|(name, text)| store.write_of_suite(&suite.suite, name, &text));
    let mut trouble: Vec<String> = written
        .into_iter()
        .filter_map(|written| Some(written.err()?.to_string()))
        .collect();
    let runs: Vec<CiRun<'_>> = told
        .iter()
        .map(|told| CiRun {
            told: *told,
            place: None,
        })
        .collect();
    let page = store.root().join("index.html");
    trouble.extend(ci.tell(&runs, Some(&page), on_unknown, terminal));
    trouble
}

fn rerun(broken: &Rerun) -> junit::Rerun<'_> {
    junit::Rerun {
        run: broken.run.as_deref(),
        why: &broken.error,
    }
}

/// `None` of one that was not begun.
fn ended(case: &Planned, store: &Store, terminal: &Terminal) -> Option<Ended> {
    let entry = case.run.as_ref().and_then(|id| store.find(id).ok()?);
    let dir = entry.and_then(|entry| store.resolve(&entry.path.display().to_string()).ok());
    let broken = |message: &str| {
        let failure = Failure {
            exit: case.exit.map_or(Exit::Infrastructure, Exit::of_case),
            message: message.to_owned(),
        };
        Some(Ended::Broken(Box::new(pages::broken(
            dir.as_ref(),
            &failure,
        ))))
    };
    match (&dir, &case.error) {
        (_, Some(error)) => broken(error),
        (None, None) => None,
        (Some(run), None) => match report::of_run(run, terminal) {
            Ok(judged) => {
                let mut of_run = judged.report;
                of_run.calls = Packed::default();
                Some(Ended::Judged(Box::new(of_run), run.clone()))
            }
            Err(failure) => broken(&failure.message),
        },
    }
}
