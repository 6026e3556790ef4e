//! What must be on the first screen: what the violated property means, how sure the verdict is, and what to type next.

use crate::{
    Conclusion, Report,
    finding::rerun,
    glossary,
    number::{count, list},
};

/// How many reasons to look twice are told at once.
const MAX_DOUBTS: usize = 3;

/// The properties that are violated, or were judged, in words for everyone.
pub(crate) fn meanings(r: &Report) -> Vec<glossary::Entry> {
    let mut names: Vec<&str> = match r.conclusion {
        Conclusion::Fail => {
            let findings = r.findings.iter();
            findings.map(|f| f.finding.property.as_str()).collect()
        }
        _ => vec![r.meta.expectation.as_str()],
    };
    names.dedup();
    let known = names.into_iter().filter_map(glossary::of);
    let mut known: Vec<glossary::Entry> = known.collect();
    known.dedup();
    known.truncate(2);
    known
}

/// How much weight the verdict bears, in a sentence.
pub(crate) fn sure(r: &Report) -> String {
    match r.conclusion {
        Conclusion::Fail => {
            let Some(first) = r.findings.first() else {
                return String::new();
            };
            let open: Vec<&str> = first
                .doubts
                .iter()
                .filter(|d| !d.settled)
                .map(|d| d.text.as_str())
                .collect();
            let certain = match first.finding.confidence.as_str() {
                "" => "The calls of the proof contradict each other",
                words => words,
            };
            let proof = match first.rows.len() {
                0 => String::new(),
                n => format!("; {} prove it", count(n as u64, "call", "calls")),
            };
            let mut text = sentence(&format!("{certain}{proof}. "));
            text.push_str(&match (first.doubts.len(), open.as_slice()) {
                (0, _) => "Whether the test itself could be wrong was not examined.".to_owned(),
                (n, []) => format!(
                    "Could it be the test? {} asked, and all speak against it.",
                    count(n as u64, "question was", "questions were")
                ),
                (_, open) => format!(
                    "Could it be the test? Look twice: {}.{}",
                    open[..open.len().min(MAX_DOUBTS)].join("; "),
                    match open.len().saturating_sub(MAX_DOUBTS) {
                        0 => String::new(),
                        more => format!(" And {more} more, in the finding."),
                    }
                ),
            });
            text
        }
        Conclusion::Pass => format!(
            "Evidence, not proof: {} and {} that took effect were looked at; other calls, other timing or other faults \
             may still show something.",
            count(r.stats.counts.total(), "call", "calls"),
            count(r.fault_counts.verified, "fault", "faults"),
        ),
        Conclusion::Unknown if r.meta.interrupted => {
            let judged = r.checks.iter().filter(|c| c.conclusion == Conclusion::Pass);
            let judged: Vec<&str> = judged.map(|c| c.name.as_str()).collect();
            match judged.is_empty() {
                true => "Not at all: the run was stopped before there was anything to judge.".to_owned(),
                false => format!(
                    "Not enough: the run was stopped. {} looked at {} that were made until then and found nothing; what was \
                     still to come was not looked at{}",
                    list(&judged),
                    count(r.stats.counts.total(), "call", "calls"),
                    match r.meta.phases.final_reads {
                        None => ", and nothing was read once more at the end.",
                        Some(_) => ".",
                    }
                ),
            }
        }
        Conclusion::Unknown => {
            "Not enough to say anything about the system: no violation was found, in too little evidence.".to_owned()
        }
    }
}

/// What to type now, and what it does.
pub(crate) fn next(r: &Report) -> Vec<(String, String)> {
    let meta = &r.meta;
    let known = !meta.imported && !meta.run.is_empty();
    let does = |command: String, does: &str| (command, does.to_owned());
    match r.conclusion {
        Conclusion::Fail => {
            let mut next = Vec::new();
            next.extend(
                meta.showing(1)
                    .map(|c| does(c, "shows the first finding in the terminal")),
            );
            if known {
                next.push(does(
                    format!("schism repro {} --tries 20", meta.run),
                    "says how often it happens again",
                ));
                next.push(does(
                    format!("schism shrink {}/1", meta.run),
                    "looks for the fewest faults and calls that show it",
                ));
            }
            next
        }
        Conclusion::Unknown => rerun(meta)
            .map(|(command, _)| does(command, "runs it again, to its end"))
            .into_iter()
            .collect(),
        Conclusion::Pass => rerun(meta)
            .map(|(command, _)| {
                does(
                    command,
                    "runs it again; another --seed makes other decisions",
                )
            })
            .into_iter()
            .collect(),
    }
}

/// With a capital letter.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}
