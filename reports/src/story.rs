//! The run in a paragraph: what ran, against what, under which faults, and what came of it.

use std::collections::BTreeMap;

use history::Nanos;

use crate::{
    Conclusion, Report,
    number::{count, grouped, list, nanos},
};

/// A few plain sentences, each of them computed.
pub(crate) fn paragraph(report: &Report) -> String {
    let mut sentences = vec![what_ran(report)];
    sentences.extend(faults(report));
    sentences.extend(ended(report));
    sentences.push(result(report));
    sentences.join(" ")
}

fn what_ran(report: &Report) -> String {
    let meta = &report.meta;
    let mut subject = match (meta.target.as_str(), &meta.target_version) {
        ("", _) => "The system".to_owned(),
        (target, None) => target.to_owned(),
        (target, Some(version)) => format!("{target} {version}"),
    };
    match meta.nodes.len() {
        0 => {}
        n => subject = format!("{subject} on {}", count(n as u64, "node", "nodes")),
    }
    let c = report.stats.counts;
    if c.total() == 0 {
        return match report.meta.duration {
            Nanos(0) => format!("{subject} was asked nothing."),
            lasted => format!("{subject} was asked nothing in {}.", nanos(lasted)),
        };
    }
    let mut text = format!("{subject} was asked {}", count(c.total(), "call", "calls"));
    if report.timed {
        text.push_str(&format!(" in {}", nanos(report.meta.duration)));
    }
    if let Some(keys) = meta.keys {
        text.push_str(&format!(" on {}", count(keys, "key", "keys")));
    }
    text.push_str(&format!(
        ": {} succeeded, {} certainly did not happen, and the outcome of {} is unknown.",
        grouped(c.ok),
        grouped(c.fail),
        grouped(c.info)
    ));
    text
}

fn faults(report: &Report) -> Option<String> {
    let n = report.fault_counts;
    if n.planned == 0 {
        return (!report.meta.imported).then(|| "No fault was injected.".to_owned());
    }
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for fault in &report.faults {
        *kinds.entry(&fault.span.kind).or_default() += 1;
    }
    let kinds: Vec<String> = kinds
        .into_iter()
        .map(|(kind, n)| format!("{kind} × {}", grouped(n)))
        .collect();
    let seen = match n.verified {
        0 => "none seen to take effect".to_owned(),
        v if v == n.planned && v == 1 => "seen to take effect".to_owned(),
        v if v == n.planned => "each of them seen to take effect".to_owned(),
        v => format!("{} of them seen to take effect", grouped(v)),
    };
    let did = match (n.injected, n.planned) {
        (i, p) if i == p => format!("{} injected", count(p, "fault was", "faults were")),
        (0, p) => format!(
            "{} planned and none injected",
            count(p, "fault was", "faults were")
        ),
        (i, p) => format!(
            "{} planned and {} of them injected",
            count(p, "fault was", "faults were"),
            grouped(i)
        ),
    };
    let mut text = format!("Meanwhile {did} ({}), {seen}", list(&kinds));
    if n.healed < n.injected {
        text.push_str(&format!(
            "; {} not undone by the run itself",
            count(n.injected - n.healed, "was", "were")
        ));
    }
    text.push('.');
    Some(text)
}

fn ended(report: &Report) -> Option<String> {
    let nodes = &report.meta.ended;
    let gone = |nodes: &str| {
        format!(
            "When every fault had been undone, {} was not running on {nodes}: it had ended by itself, and its log may say why.",
            match report.meta.target.as_str() {
                "" => "the system",
                target => target,
            }
        )
    };
    (!nodes.is_empty()).then(|| gone(&list(nodes)))
}

fn result(report: &Report) -> String {
    let judged = grouped(report.stats.counts.total());
    match report.conclusion {
        Conclusion::Pass => format!(
            "No violation was found in {} calls. That is evidence, not proof.",
            judged
        ),
        Conclusion::Unknown => {
            let why = report.causes.first().map_or("", |c| c.text.as_str());
            format!("No violation was found, but that means little here: {why}.")
        }
        Conclusion::Fail => {
            let n = report.findings.len();
            let Some(first) = report.findings.first() else {
                return String::new();
            };
            let during = match first.during.iter().find(|d| d.verified) {
                Some(d) => format!(", while {} was in force", d.label),
                None => match first.during.first() {
                    Some(d) => format!(", while {} may have been in force", d.label),
                    None if report.meta.imported => String::new(),
                    None => ", while no fault was on record".to_owned(),
                },
            };
            let title = &first.finding.title;
            let mut text = if n == 1 {
                format!("One violation was found: {title}{during}.")
            } else {
                format!(
                    "{} violations were found, the first of them: {title}{during}.",
                    grouped(n as u64)
                )
            };
            if report.meta.interrupted {
                text.push_str(" The run was stopped early; a violation counts all the same.");
            }
            text
        }
    }
}
