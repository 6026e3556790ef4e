//! The checker `dirty-read`: what was read or acknowledged is still there when everything is read.
//!
//! Rows are written once, are never taken away, and a strong read promises to see all that are committed. So each strong
//! read has every row that was certain when it began. If it lacks a row that was
//! - acknowledged, it was lost: `lost-row`;
//! - not acknowledged, and yet seen by a read of this row, that read was of something never committed: `dirty-read`;
//! - seen by another strong read and by nobody else, the two contradict each other: `divergent-reads`.
//!
//! And nobody sees a row that nobody tried to write (`phantom-value`), that only failed writes wrote (`G1a`), or that was
//! only written later (`future-read`).
//!
//! **Sound** for systems whose strong reads are linearizable. Strong reads that overlap may differ in rows whose writes have
//! unknown outcomes: these may take effect between them. **Complete** for these pairs. O(s·r log r) for s strong reads and r
//! rows. After Jepsen's `dirty-read` of Elasticsearch and Crate, which expects that strong reads come last, and has no words
//! for those that do not.

use std::collections::{BTreeMap, BTreeSet};

use history::{
    History, Index, Key, Outcome,
    ops::{Documents, DocumentsOp, DocumentsReturn},
};

use crate::{
    Budget, Cause, Checker, Verdict,
    findings::{CERTAIN, Findings, Told, UNLESS_MISREPORTED, evidence},
    words::{Words, answered, capital, on_key},
};

/// Judges reads of single rows, and acknowledgements, by strong reads.
#[derive(Debug, Clone, Copy, Default)]
pub struct CommittedReads;

/// What happened to a row.
#[derive(Default)]
struct Row {
    /// The first write of it that may have happened, and the first that failed.
    tried: Option<usize>,
    failed: Option<usize>,
    /// Where it first became certain, and by which call: a write, a read of it, a strong read.
    certain: [Option<(Index, usize)>; 3],
    /// The call that saw it and was the first to end.
    seen: Option<(Index, usize)>,
}

#[derive(Default)]
struct Collection {
    rows: BTreeMap<i64, Row>,
    strong: Vec<(usize, BTreeSet<i64>)>,
}

impl Row {
    fn is_certain(&mut self, how: usize, end: Index, at: usize) {
        keep_first(&mut self.certain[how], end, at);
        if how != ACKNOWLEDGED {
            keep_first(&mut self.seen, end, at);
        }
    }
}

const ACKNOWLEDGED: usize = 0;
const READ: usize = 1;
const READ_WITH_ALL: usize = 2;

fn keep_first(first: &mut Option<(Index, usize)>, end: Index, at: usize) {
    if first.is_none_or(|known| (end, at) < known) {
        *first = Some((end, at));
    }
}

impl Checker<Documents> for CommittedReads {
    fn name(&self) -> &str {
        "dirty-read"
    }

    fn decides(&self) -> String {
        "what was read or acknowledged is there when everything is read".to_owned()
    }

    fn limits(&self) -> &'static str {
        "sound where strong reads are linearizable, and complete for these pairs of calls"
    }

    fn check(&self, history: &History<Documents>, _: Budget) -> Verdict {
        let mut findings = Findings::new(history, "dirty-read");
        let (mut judged, mut strong, mut open) = (0, 0, 0);
        for (key, collection) in split(history) {
            strong += collection.strong.len() as u64;
            let began = collection.strong.iter().map(|(at, _)| *at).max();
            let began = began.map(|at| history.spans()[at].invoked);
            for (value, row) in &collection.rows {
                judge_source(history, key, *value, row, &mut findings);
                match row.certain.iter().flatten().min() {
                    Some((end, _)) if began.is_some_and(|began| *end < began) => judged += 1,
                    Some(_) => open += 1,
                    None => {}
                }
            }
            for (at, seen) in &collection.strong {
                judge_strong(history, key, (*at, seen), &collection.rows, &mut findings);
            }
        }
        findings.or_else(|| match judged {
            0 => Verdict::Unknown(Cause {
                code: "dirty-read/nothing-read-again".to_owned(),
                text: "no strong read came after a row was acknowledged or read".to_owned(),
                remedy: "make strong reads at the end, after all faults were healed".to_owned(),
            }),
            _ => Verdict::Pass(evidence(
                [
                    ("rows looked for again", judged),
                    ("strong reads", strong),
                    ("rows certain only after the last strong read began", open),
                ],
                Vec::new(),
            )),
        })
    }
}

fn split(history: &History<Documents>) -> BTreeMap<Option<&Key>, Collection> {
    let mut collections: BTreeMap<Option<&Key>, Collection> = BTreeMap::new();
    for (at, span) in history.spans().iter().enumerate() {
        let Collection { rows, strong } = collections.entry(span.call.key.as_ref()).or_default();
        let end = answered(span);
        match (span.call.op, &span.outcome) {
            (DocumentsOp::Write(value), outcome) => {
                let row = rows.entry(value).or_default();
                let failed = matches!(outcome, Outcome::Fail(_));
                let tried = if failed {
                    &mut row.failed
                } else {
                    &mut row.tried
                };
                tried.get_or_insert(at);
                end.into_iter()
                    .for_each(|end| row.is_certain(ACKNOWLEDGED, end, at));
            }
            (DocumentsOp::Read(value), Outcome::Ok(_)) => {
                let row = rows.entry(value).or_default();
                end.into_iter()
                    .for_each(|end| row.is_certain(READ, end, at));
            }
            (DocumentsOp::StrongRead, Outcome::Ok(DocumentsReturn::Rows(all))) => {
                for value in all {
                    let row = rows.entry(*value).or_default();
                    end.into_iter()
                        .for_each(|end| row.is_certain(READ_WITH_ALL, end, at));
                }
                strong.push((at, all.iter().copied().collect()));
            }
            _ => {}
        }
    }
    collections
}

/// Whether a row that was seen was written.
fn judge_source(
    history: &History<Documents>,
    key: Option<&Key>,
    value: i64,
    row: &Row,
    findings: &mut Findings<'_, Documents>,
) {
    let Some((end, at)) = row.seen else { return };
    let words = Words(history);
    let saw = || format!("{} saw the row {value}.", capital(&words.place(at)));
    let told = |title: &str, explanation, confidence| Told {
        title: format!("{title}{}", on_key(key)),
        explanation,
        key: key.cloned(),
        confidence,
        minimal: true,
    };
    match (row.tried, row.failed) {
        (Some(tried), _) if words.span(tried).invoked < end => {}
        (_, Some(failed)) if words.span(failed).invoked < end => {
            findings.add("G1a", &[failed, at], || {
                let text = format!("{} {}", words.call(failed), saw());
                told("aborted read", text, UNLESS_MISREPORTED)
            });
        }
        (Some(later), _) | (None, Some(later)) => findings.add("future-read", &[at, later], || {
            let text = format!("{} Only later did {} write it.", saw(), words.place(later));
            told("row from the future", text, CERTAIN)
        }),
        (None, None) => findings.add("phantom-value", &[at], || {
            let text = format!("{} Nobody ever tried to write it.", saw());
            told("row from nowhere", text, CERTAIN)
        }),
    }
}

/// A strong read against all that was certain when it began.
fn judge_strong(
    history: &History<Documents>,
    key: Option<&Key>,
    (at, seen): (usize, &BTreeSet<i64>),
    rows: &BTreeMap<i64, Row>,
    findings: &mut Findings<'_, Documents>,
) {
    let words = Words(history);
    let began = words.span(at).invoked;
    for (value, row) in rows {
        if seen.contains(value) {
            continue;
        }
        let before = |how: usize| row.certain[how].filter(|(end, _)| *end < began);
        let Some((how, (_, proof))) = [ACKNOWLEDGED, READ, READ_WITH_ALL]
            .into_iter()
            .find_map(|how| Some((how, before(how)?)))
        else {
            continue;
        };
        let (code, title) = match how {
            ACKNOWLEDGED => ("lost-row", "lost row"),
            READ => ("dirty-read", "read of a row that was never committed"),
            _ => ("divergent-reads", "strong reads that contradict each other"),
        };
        let mut calls = vec![proof, at];
        if how != ACKNOWLEDGED {
            calls.extend(row.tried);
        }
        findings.add(code, &calls, || {
            let first = match how {
                ACKNOWLEDGED => words.call(proof),
                READ => format!("{} found the row {value}.", capital(&words.place(proof))),
                _ => format!(
                    "{} read all rows, and {value} was among them.",
                    capital(&words.place(proof))
                ),
            };
            Told {
                title: format!("{title}{}", on_key(key)),
                explanation: format!(
                    "{first} {} later {} read all rows, and {value} was not among them.",
                    words.later(proof, at),
                    words.place(at)
                ),
                key: key.cloned(),
                confidence: CERTAIN,
                minimal: true,
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use history::{Nanos, dsl, ops::DocumentsCall};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::{
        Finding,
        oracle::{self, cases, play},
    };

    fn verdict(drawing: &str) -> Verdict {
        let history = dsl::parse::<Documents>(drawing).expect("a drawing");
        CommittedReads.check(&history, Budget::default())
    }

    fn codes(drawing: &str) -> Vec<String> {
        oracle::codes(verdict(drawing))
    }

    #[test]
    fn a_read_of_what_was_never_committed() {
        let found = verdict(
            "
            p0@n1: |-write _ 3 info-|
            p1@n1:   |-read _ 3-|
            p2@n2:                     |-strong-read _ -> [1]-|
            p3@n2: |-write _ 1-|",
        );
        let expected = Finding {
            code: "dirty-read".to_owned(),
            title: "read of a row that was never committed".to_owned(),
            property: "dirty-read".to_owned(),
            explanation: "Process 1 (n1, 0:00.000) found the row 3. 0 µs later process 2 (n2, 0:00.000) read all rows, and 3 \
                          was not among them."
                .to_owned(),
            key: None,
            witness: [0, 2, 6].map(Index).to_vec(),
            from: Nanos(19),
            until: Nanos(62),
            minimal: true,
            confidence: "certain".to_owned(),
            more: 0,
            order: Vec::new(),
        };
        assert_eq!(found, Verdict::Fail(vec![expected]));
    }

    #[test]
    fn what_is_missing_is_named_by_what_was_known_of_it() {
        let strong = "|-strong-read _ -> []-|";
        for (drawing, expected) in [
            (format!("p0: |-write _ 3-| {strong}"), "lost-row"),
            (
                format!("p0: |-write _ 3 info-|\np1:   |-strong-read _ -> [3]-| {strong}"),
                "divergent-reads",
            ),
            (
                "p0: |-write _ 3 fail-| |-strong-read _ -> [3]-|".to_owned(),
                "G1a",
            ),
            (
                "p0: |-strong-read _ -> [3]-| |-write _ 3-|".to_owned(),
                "future-read",
            ),
            ("p0: |-read _ 3-|".to_owned(), "phantom-value"),
        ] {
            assert_eq!(codes(&drawing), [expected], "{drawing}");
        }
    }

    #[test]
    fn what_is_not_certain_may_be_missing() {
        for (drawing, expected) in [
            // One of two reads that overlap has a row that is being written.
            (
                "
                 p0: |-write _ 1-| |-write _ 3 info-|
                 p1:                 |-strong-read _ -> [1,3]-|
                 p2:                   |-strong-read _ -> [1]-|",
                "pass",
            ),
            (
                "
                 p0: |-write _ 1-|
                 p1:   |-strong-read _ -> []-|",
                "unknown",
            ),
            (
                "p0: |-write _ 1-| |-read _ 2 fail-| |-refresh _-| |-strong-read _ -> [1]-|",
                "pass",
            ),
        ] {
            assert_eq!(codes(drawing), [expected], "{drawing}");
        }
    }

    /// Rows that are looked for while they are written. A broken store shows a row before it takes it, and drops some.
    fn run(seed: u64, broken: bool) -> History<Documents> {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let (mut asked, mut rows, mut dirty) = (0, BTreeSet::new(), BTreeSet::new());
        play::<Documents, _>(
            &mut rng,
            (4, 40),
            |rng, _| {
                asked += 1;
                let op = match rng.random_range(0..10) {
                    0..4 if asked < 36 => DocumentsOp::Write(asked),
                    4..9 if asked < 36 => DocumentsOp::Read(rng.random_range(1..=asked)),
                    _ => DocumentsOp::StrongRead,
                };
                DocumentsCall { key: None, op }
            },
            |rng, call| match call.op {
                DocumentsOp::Write(row) => {
                    if broken && rng.random_bool(0.2) {
                        dirty.insert(row);
                        return rng.random_bool(0.3).then_some(DocumentsReturn::Done);
                    }
                    rows.insert(row);
                    Some(DocumentsReturn::Done)
                }
                DocumentsOp::Read(row) => {
                    let there = rows.contains(&row) || dirty.contains(&row);
                    there.then_some(DocumentsReturn::Done)
                }
                DocumentsOp::Refresh => Some(DocumentsReturn::Done),
                DocumentsOp::StrongRead => {
                    let mut all = rows.clone();
                    all.extend(dirty.iter().filter(|_| rng.random_bool(0.2)));
                    Some(DocumentsReturn::Rows(all.into_iter().collect()))
                }
            },
        )
    }

    /// By definition, over all pairs of calls; every row is written once.
    fn impossible(history: &History<Documents>) -> bool {
        let spans = history.spans();
        let shows = |at: usize, row: i64| match (&spans[at].outcome, spans[at].call.op) {
            (Outcome::Ok(DocumentsReturn::Rows(all)), _) => all.contains(&row),
            (Outcome::Ok(_), DocumentsOp::Write(v) | DocumentsOp::Read(v)) => v == row,
            _ => false,
        };
        let all = 0..spans.len();
        all.clone().any(|a| {
            (1..=40).filter(|row| shows(a, *row)).any(|row| {
                let lacking = all.clone().any(|b| {
                    let strong = matches!(spans[b].outcome, Outcome::Ok(DocumentsReturn::Rows(_)));
                    strong && !shows(b, row) && spans[a].completed < Some(spans[b].invoked)
                });
                let written = all.clone().any(|b| {
                    spans[b].call.op == DocumentsOp::Write(row)
                        && !matches!(spans[b].outcome, Outcome::Fail(_))
                        && Some(spans[b].invoked) < spans[a].completed
                });
                lacking || !written
            })
        })
    }

    #[test]
    fn agrees_with_the_definition_and_never_fails_an_honest_store() {
        let mut found = BTreeSet::new();
        for seed in 0..cases(300) {
            let honest = CommittedReads.check(&run(seed, false), Budget::default());
            assert_ne!(honest.word(), "fail", "seed {seed}: {honest:?}");
            let broken = run(seed, true);
            let verdict = CommittedReads.check(&broken, Budget::default());
            assert_eq!(verdict.word() == "fail", impossible(&broken), "seed {seed}");
            if let Verdict::Fail(all) = verdict {
                found.extend(all.into_iter().map(|finding| finding.code));
            }
        }
        let expected = ["G1a", "dirty-read", "divergent-reads", "lost-row"];
        assert!(found.iter().eq(expected), "{found:?}");
    }
}
