//! The catalogue: what each code means that a checker can give to a finding or to a doubt. `schism explain CODE` reads it, and
//! `docs/reference/anomalies.md` is made from it.
//!
//! Anomalies of transactions have their rows in [`txn::Anomaly`](crate::txn::Anomaly), which also says which levels exclude
//! them; the others are here, by what was asked for. A code can have several rows, since a stale read of a register and of a set
//! are told apart by what is violated.

mod agreements;
mod collections;
mod doubts;
mod logs;
mod registers;
mod sessions;
mod staleness;

use std::fmt::Write;

use crate::{txn::Anomaly, words::capital};

/// What a code of a finding means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The code: `stale-read`, `G1a`.
    pub code: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub words: &'static str,
    /// Three operations or so that show it.
    pub example: &'static str,
    /// The properties or levels that exclude it; of levels the weakest, and all that imply them do, too.
    pub excluded_by: Vec<&'static str>,
    /// What usually causes it.
    pub causes: &'static str,
    /// Where it is defined.
    pub source: &'static str,
}

/// What a code of a doubt means: a verdict of `unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubt {
    /// The code: `coverage/no-faults`.
    pub code: &'static str,
    /// What it means.
    pub words: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

/// A part of the catalogue: its heading, a sentence about it, and its rows.
type Part = (&'static str, &'static str, Vec<Row>);

fn parts() -> [Part; 7] {
    let txn = Anomaly::ALL.map(|anomaly| {
        let entry = anomaly.entry();
        Row {
            code: entry.code,
            name: entry.name,
            words: entry.words,
            example: entry.example,
            excluded_by: entry.excluded_by.iter().map(|level| level.name()).collect(),
            causes: entry.causes,
            source: entry.source,
        }
    });
    [
        (
            "Single objects",
            "Registers with read, write and compare-and-set, and everything else that is judged for linearizability.",
            registers::rows(),
        ),
        (
            "Registers that may be behind",
            "By how many versions, or for how long, is what was promised.",
            staleness::rows(),
        ),
        (
            "Sessions",
            "What each process may rely on that reads and writes registers, whatever others do at the same time.",
            sessions::rows(),
        ),
        (
            "Collections, counters, accounts and locks",
            "Each is judged by what its clients were told, without an order of all calls.",
            collections::rows(),
        ),
        (
            "Elections, decisions, commits and orders",
            "Each is judged by its own rules, named after its workload.",
            agreements::rows(),
        ),
        (
            "Logs of messages",
            "Each log is judged by what is at which offset, and by what each consumer got after what.",
            logs::rows(),
        ),
        (
            "Transactions",
            "Lists with append and read, or registers with write and read. A level excludes an anomaly if it implies one of those named.",
            txn.into(),
        ),
    ]
}

/// All rows, in the order of the page.
pub fn rows() -> Vec<Row> {
    parts().into_iter().flat_map(|(.., rows)| rows).collect()
}

/// All doubts.
pub fn doubts() -> &'static [Doubt] {
    doubts::DOUBTS
}

/// What a code means, for a terminal; `None` if no checker gives it. Capitals do not matter.
pub fn explain(code: &str) -> Option<String> {
    let rows = rows();
    let same = |other: &str| other.eq_ignore_ascii_case(code);
    let mut text = String::new();
    for row in rows.iter().filter(|row| same(row.code)) {
        let Row {
            code,
            name,
            words,
            example,
            excluded_by,
            causes,
            source,
        } = row;
        let gap = if text.is_empty() { "" } else { "\n" };
        let excluded = excluded_by.join(", ");
        write!(
            text,
            "{gap}{code}: {name}\n{words}.\n  for example  {example}\n  excluded by  {excluded}\n  usual cause  {causes}\n  defined in   {source}\n"
        )
        .expect("a string takes everything");
    }
    for Doubt {
        code,
        words,
        remedy,
    } in doubts().iter().filter(|doubt| same(doubt.code))
    {
        writeln!(
            text,
            "{code}: no verdict\n{words}.\n  what to do   {remedy}"
        )
        .expect("as above");
    }
    (!text.is_empty()).then_some(text)
}

/// The reference page.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Anomalies\n\nEvery code that a finding can have: what it means, three operations that show it, which properties or levels \
         exclude it, and what usually causes it. `schism explain CODE` says the same.\n\n\
         <!-- Generated: UPDATE_DOCS=1 cargo test -p schism-checkers --test catalogue -->\n",
    );
    let mut line = |text: String| {
        page.push_str(&text);
        page.push('\n');
    };
    for (heading, about, rows) in parts() {
        line(format!("\n## {heading}\n\n{about}"));
        for row in rows {
            let excluded: Vec<String> = row.excluded_by.iter().map(|e| format!("`{e}`")).collect();
            line(format!("\n### `{}`: {}\n", row.code, row.name));
            line(format!("{}.\n", capital(row.words)));
            line(format!("    {}\n", row.example));
            line(format!("- Excluded by: {}", excluded.join(", ")));
            line(format!("- Usual causes: {}", row.causes));
            line(format!("- Source: {}", row.source));
        }
    }
    line("\n## Doubts\n\nWhy a verdict can be `unknown`, and what to do about it.\n".to_owned());
    line("| code | what it means | what to do |\n|---|---|---|".to_owned());
    for doubt in doubts() {
        line(format!(
            "| `{}` | {} | {} |",
            doubt.code, doubt.words, doubt.remedy
        ));
    }
    page
}
