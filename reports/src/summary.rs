//! `summary.md`: what a CI service shows beside a job. Small (GitHub drops a summary over 1 MiB whole; this stays
//! under 64 KiB), and made of text only.
//!
//! It is put together of blocks that are there whole or not at all, so that no table, no `<details>` and no character is ever
//! cut; whatever is left out is counted.

use crate::{
    Broken, Conclusion, FindingView, Report, Told,
    across::Ending,
    escape::{markdown, markdown_in_html, mute_commands},
    number::{count, nanos},
    text::{GLOSS, faults_line, ops_line},
};

/// The most it may be, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// What is kept free for the sentences that say what was left out.
const RESERVE: usize = 1024;
const MAX_ROWS: usize = 30;
const MAX_PROOF: usize = 20;
/// What a cell of the table of runs may take, in characters.
const MAX_CELL: usize = 120;

/// Of one run.
pub fn page(report: &Report) -> String {
    pages(&[Told::Judged(report)])
}

/// Of a run, or of many: a table of them, the worst first, and what they found.
pub fn pages(runs: &[Told<'_>]) -> String {
    let mut sorted: Vec<Told<'_>> = runs.to_vec();
    // Stable: of those that ended alike, the order is the caller's.
    let rank = |run: &Told<'_>| Ending::ALL.iter().position(|e| *e == run.ending());
    sorted.sort_by_key(rank);
    let mut page = Page::default();
    match sorted[..] {
        [Told::Judged(report)] => {
            head(&mut page, report);
            let tail = tail(report);
            page.keep(&tail);
            let all = report.findings.iter().map(|view| (report, view));
            findings(&mut page, &all.collect::<Vec<_>>(), None);
            page.push_kept(&tail);
        }
        [Told::Broken(broken)] => page.blocks(&[broken_head(broken)]),
        _ => many(&mut page, &sorted),
    }
    page.text
}

/// Text that knows how much more it may say.
#[derive(Default)]
struct Page {
    text: String,
    kept: usize,
}

impl Page {
    /// Adds a block as a whole; false if it does not fit.
    fn push(&mut self, block: &str) -> bool {
        let block = mute_commands(block);
        let fits = self.text.len() + block.len() + self.kept + RESERVE <= MAX_BYTES;
        if fits {
            self.text.push_str(&block);
        }
        fits
    }

    /// What comes before anything else; each where it fits.
    fn blocks(&mut self, blocks: &[String]) {
        for block in blocks {
            self.push(block);
        }
    }

    /// A table. Rows that do not fit, or are too many, are counted.
    fn table(&mut self, head: &str, rows: &[String], what: &str) {
        if !self.push(head) {
            return;
        }
        let fits = |row: &&String| self.push(row);
        let shown = rows.iter().take(MAX_ROWS).take_while(fits).count();
        if shown < rows.len() {
            self.text
                .push_str(&format!("\n{shown} of {} {what} shown.\n", rows.len()));
        }
    }

    /// Keeps room for something that comes last, unless it is too much.
    fn keep(&mut self, block: &str) {
        if block.len() <= MAX_BYTES / 4 {
            // Muting it can add a space a line.
            self.kept = block.len() + block.lines().count();
        }
    }

    fn push_kept(&mut self, block: &str) {
        self.kept = 0;
        self.push(block);
    }
}

fn head(page: &mut Page, report: &Report) {
    page.blocks(&[
        title(Told::Judged(report)),
        format!("{}\n\n", markdown(&report.story)),
    ]);
    for cause in &report.causes {
        page.push(&format!(
            "**{}**: {} → {}\n\n",
            markdown(&cause.code),
            markdown(&cause.text),
            markdown(&cause.remedy)
        ));
    }
    let rows: Vec<String> = report.checks.iter().map(check_row).collect();
    page.table(
        "| checker | verdict | findings | evidence |\n|---|---|---:|---|\n",
        &rows,
        "checkers",
    );
}

fn title(run: Told<'_>) -> String {
    format!(
        "## {} {} {}\n\n",
        run.ending().glyph(),
        run.ending().word().to_uppercase(),
        markdown(&run.meta().case())
    )
}

fn broken_head(broken: &Broken) -> String {
    format!(
        "{}**{}**: {}\n\nNothing was judged, so nothing is said about the target.\n",
        title(Told::Broken(broken)),
        markdown(&broken.class),
        markdown(&broken.why)
    )
}

fn check_row(check: &crate::CheckView) -> String {
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
    format!(
        "| {} | {} {word} | {} | {} |\n",
        markdown(&check.name),
        check.conclusion.glyph(),
        check.findings.len(),
        evidence.join(", ")
    )
}

/// Findings in full while there is room.
fn findings(page: &mut Page, all: &[(&Report, &FindingView)], run: Option<fn(&Report) -> String>) {
    let fits = |(report, view): &&(&Report, &FindingView)| {
        let of = run.map(|name| name(report));
        page.push(&details(report, view, of.as_deref()))
    };
    let shown = all.iter().take_while(fits).count();
    if shown < all.len() {
        let left = (all.len() - shown) as u64;
        page.text.push_str(&format!(
            "\n{} not shown here; the report has all.\n",
            count(left, "further finding is", "further findings are")
        ));
    }
}

fn many(page: &mut Page, runs: &[Told<'_>]) {
    let of = |ending: Ending| runs.iter().filter(|run| run.ending() == ending).count();
    let counts = Ending::ALL.into_iter().rev();
    let counts: Vec<String> = counts
        .filter(|e| of(*e) > 0)
        .map(|e| format!("{} {}", of(e), e.word()))
        .collect();
    let worst = Told::worst(runs);
    let said = match runs.is_empty() {
        true => "nothing was run".to_owned(),
        false => counts.join(" · "),
    };
    page.push(&format!(
        "## {} {}: {said}\n\n",
        worst.glyph(),
        count(runs.len() as u64, "case", "cases")
    ));
    let rows: Vec<String> = runs.iter().map(|run| run_row(*run)).collect();
    page.table(
        "| case | verdict | findings | what | run |\n|---|---|---:|---|---|\n",
        &rows,
        "cases",
    );
    let all: Vec<(&Report, &FindingView)> = runs
        .iter()
        .filter_map(|run| match run {
            Told::Judged(report) => Some(*report),
            Told::Broken(_) => None,
        })
        .flat_map(|report| report.findings.iter().map(move |view| (report, view)))
        .collect();
    findings(page, &all, Some(|report| report.meta.case()));
    page.push(&format!("\n<sub>{GLOSS}</sub>\n"));
}

fn run_row(run: Told<'_>) -> String {
    let what = match run {
        Told::Judged(report) => match (report.findings.first(), report.causes.first()) {
            (Some(view), _) => view.finding.title.clone(),
            (None, Some(cause)) => format!("{}: {}", cause.code, cause.text),
            (None, None) => "no violation found".to_owned(),
        },
        Told::Broken(broken) => format!("{}: {}", broken.class, broken.why),
    };
    let cell = |text: &str| markdown(&crate::escape::inert(text, MAX_CELL));
    let word = match run.ending() {
        Ending::Fail => "**FAIL**",
        other => other.word(),
    };
    format!(
        "| {} | {} {word} | {} | {} | {} |\n",
        cell(&run.meta().case()),
        run.ending().glyph(),
        run.findings(),
        cell(&what),
        cell(&run.meta().run)
    )
}

fn details(report: &Report, view: &FindingView, run: Option<&str>) -> String {
    let f = &view.finding;
    let of = run.map_or_else(String::new, |run| format!(" — {}", markdown_in_html(run)));
    let mut out = format!(
        "\n<details><summary><b>{} · {}</b> ({}){of}</summary>\n\n",
        view.number,
        markdown_in_html(&f.title),
        markdown_in_html(&f.code),
    );
    out.push_str(&proof(report, view));
    out.push_str("\n</details>\n");
    out
}

fn proof(report: &Report, view: &FindingView) -> String {
    let mut out = format!(
        "{}\n\n**When.** {}\n\n",
        markdown(&view.finding.explanation),
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
    out
}

/// One finding as a page of its own: what happened, when, and the calls that prove it.
pub fn finding(report: &Report, view: &FindingView) -> String {
    let f = &view.finding;
    let mut out = format!("# {}\n\n", markdown(&f.title));
    out.push_str(&format!(
        "**{}** ({} is violated), {}.\n\n",
        markdown(&f.code),
        markdown(&f.property),
        markdown(&report.meta.case())
    ));
    out.push_str(&proof(report, view));
    if let Some(command) = report.meta.showing(view.number) {
        out.push_str(&format!("\nAll of it: {}\n", markdown(&command)));
    }
    mute_commands(&out)
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
