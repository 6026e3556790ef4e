//! `summary.md`: what a CI service shows beside a job. Small (GitHub drops a summary over 1 MiB whole; this stays
//! under 64 KiB), and made of text only.

use crate::{
    Conclusion, FindingView, Report,
    escape::{markdown, mute_commands},
    number::{count, nanos},
    text::{GLOSS, faults_line, ops_line},
};

/// The most it may be, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;
const MAX_ROWS: usize = 30;
const MAX_PROOF: usize = 20;

/// Renders it. Whatever is left out for size is counted.
pub fn page(report: &Report) -> String {
    let mut out = head(report);
    let tail = tail(report);
    let room = MAX_BYTES - tail.len() - 200;
    for (shown, view) in report.findings.iter().enumerate() {
        let text = details(report, view);
        if out.len() + text.len() > room {
            out.push_str(&format!(
                "\n{} not shown here; the report has all.\n",
                count(
                    (report.findings.len() - shown) as u64,
                    "further finding is",
                    "further findings are"
                )
            ));
            break;
        }
        out.push_str(&text);
    }
    out.push_str(&tail);
    mute_commands(&out)
}

fn head(report: &Report) -> String {
    let mut out = format!(
        "## {} {} {}\n\n{}\n\n",
        report.conclusion.glyph(),
        report.conclusion.loud(),
        markdown(&report.meta.case()),
        markdown(&report.story)
    );
    for cause in &report.causes {
        out.push_str(&format!(
            "**{}**: {} → {}\n\n",
            markdown(&cause.code),
            markdown(&cause.text),
            markdown(&cause.remedy)
        ));
    }
    out.push_str("| checker | verdict | findings | evidence |\n|---|---|---:|---|\n");
    for check in report.checks.iter().take(MAX_ROWS) {
        let evidence: Vec<String> = check
            .evidence
            .counts
            .iter()
            .take(4)
            .map(|(what, n)| format!("{} {}", crate::number::grouped(*n), markdown(what)))
            .collect();
        let word = match check.conclusion {
            Conclusion::Fail => "**FAIL**",
            other => other.word(),
        };
        out.push_str(&format!(
            "| {} | {} {word} | {} | {} |\n",
            markdown(&check.name),
            check.conclusion.glyph(),
            check.findings.len(),
            evidence.join(", ")
        ));
    }
    if report.checks.len() > MAX_ROWS {
        out.push_str(&format!(
            "\n{} of {} checkers shown.\n",
            MAX_ROWS,
            report.checks.len()
        ));
    }
    out
}

fn details(report: &Report, view: &FindingView) -> String {
    let f = &view.finding;
    let mut out = format!(
        "\n<details><summary><b>{} · {}</b> ({})</summary>\n\n{}\n\n**When.** {}\n\n",
        view.number,
        markdown(&f.title),
        markdown(&f.code),
        markdown(&f.explanation),
        markdown(&view.when)
    );
    for during in view.during.iter().take(10) {
        out.push_str(&format!("**During.** {}\n\n", markdown(&during.sentence)));
    }
    out.push_str(&format!(
        "**Smallest proof.** {}.\n\n| index | process | node | call | outcome | time |\n|---:|---|---|---|---|---|\n",
        view.size(report.stats.counts)
    ));
    for row in view.rows.iter().take(MAX_PROOF) {
        let outcome = match row.reason.as_str() {
            "" => row.outcome.word().to_owned(),
            reason => format!("{} ({})", row.outcome.word(), markdown(reason)),
        };
        out.push_str(&format!(
            "| {} | p{} | {} | {} | {outcome} | {} |\n",
            row.index,
            row.process,
            markdown(&row.node),
            markdown(&row.text),
            markdown(&row.when())
        ));
    }
    if view.rows.len() > MAX_PROOF {
        out.push_str(&format!(
            "\n{MAX_PROOF} of {} calls shown.\n",
            view.rows.len()
        ));
    }
    out.push_str("\n</details>\n");
    out
}

fn tail(report: &Report) -> String {
    let mut out = String::from("\n");
    if !report.meta.imported {
        out.push_str(&format!("faults: {}  \n", faults_line(report)));
    }
    out.push_str(&format!("ops: {}  \n", markdown(&ops_line(report))));
    if let Some(seed) = &report.meta.seed {
        out.push_str(&format!("seed: {}  \n", markdown(seed)));
    }
    if report.timed {
        out.push_str(&format!("duration: {}  \n", nanos(report.meta.duration)));
    }
    out.push('\n');
    out.push_str(&format!("<sub>{GLOSS}</sub>\n"));
    out
}
