//! The checker `atomic-commit`: a write of all rows of a table is seen as a whole or not at all, and never if it failed.
//!
//! Each write gives all rows one value, in one transaction; each read reads all rows, in one transaction. A read that
//! sees two values, or a value here and nothing there, has seen part of a commit (a fractured read: Bailis et al., RAMP,
//! 2014). A value that only failed writes wrote was seen before its abort, or its abort was not one (G1a: Adya, "Weak
//! Consistency", 1999, section 3.1). A value that nobody wrote, or only later, comes from nowhere.
//!
//! **Sound** at read atomic and above, where no value is written twice to a table; of the aborted reads at read committed
//! and above. **Complete** for these anomalies. O(n·r) for n calls and r rows. After Jepsen's `dirty-reads` of Galera.

use std::collections::BTreeMap;

use history::{
    History, Key, Outcome,
    ops::{Rows, RowsOp, RowsReturn},
};

use crate::{
    Budget, Cause, Checker, Verdict,
    findings::{CERTAIN, Findings, Told, UNLESS_MISREPORTED, evidence},
    words::{Words, capital, on_key},
};

/// Judges reads of rows that are written together.
#[derive(Debug, Clone, Copy, Default)]
pub struct AllOrNothing;

/// Per table and value: the first write of it that may have happened, and the first that failed.
type Writes<'a> = BTreeMap<(Option<&'a Key>, i64), [Option<usize>; 2]>;

impl Checker<Rows> for AllOrNothing {
    fn name(&self) -> &str {
        "atomic-commit"
    }

    fn decides(&self) -> String {
        "rows that are written together are seen together, and never if the write failed".to_owned()
    }

    fn limits(&self) -> &'static str {
        "sound where no value is written twice to a table, and complete for fractured and aborted reads"
    }

    fn check(&self, history: &History<Rows>, _: Budget) -> Verdict {
        let mut findings = Findings::new(history, "atomic-commit");
        let (mut writes, mut reads, mut empty) = (Writes::new(), 0, 0);
        for (at, span) in history.spans().iter().enumerate() {
            if let RowsOp::Write(value) = span.call.op {
                let failed = matches!(span.outcome, Outcome::Fail(_));
                let known = writes.entry((span.call.key.as_ref(), value)).or_default();
                known[usize::from(failed)].get_or_insert(at);
            }
        }
        for (at, span) in history.spans().iter().enumerate() {
            let Outcome::Ok(RowsReturn::Rows(rows)) = &span.outcome else {
                continue;
            };
            reads += 1;
            empty += u64::from(rows.iter().all(Option::is_none));
            let key = span.call.key.as_ref();
            judge_whole(history, key, at, rows, &writes, &mut findings);
            let mut values: Vec<i64> = rows.iter().flatten().copied().collect();
            values.sort_unstable();
            values.dedup();
            for value in values {
                judge_value(history, key, at, value, &writes, &mut findings);
            }
        }
        let committed = history
            .spans()
            .iter()
            .filter(|s| matches!((&s.outcome, s.call.op), (Outcome::Ok(_), RowsOp::Write(_))));
        let committed = committed.count() as u64;
        findings.or_else(|| match reads {
            0 => Verdict::Unknown(Cause {
                code: "atomic-commit/never-read".to_owned(),
                text: "no table was ever read".to_owned(),
                remedy: "look at the errors of the reads".to_owned(),
            }),
            n if n == empty => Verdict::Unknown(Cause {
                code: "atomic-commit/nothing-seen".to_owned(),
                text: "no read ever saw a row".to_owned(),
                remedy: "look at the errors of the writes".to_owned(),
            }),
            _ => Verdict::Pass(evidence(
                [
                    ("ok reads", reads),
                    ("ok writes", committed),
                    ("reads of empty tables", empty),
                ],
                Vec::new(),
            )),
        })
    }
}

/// Whether all rows are of one write.
fn judge_whole(
    history: &History<Rows>,
    key: Option<&Key>,
    at: usize,
    rows: &[Option<i64>],
    writes: &Writes<'_>,
    findings: &mut Findings<'_, Rows>,
) {
    let Some(other) = rows.iter().position(|row| *row != rows[0]) else {
        return;
    };
    let words = Words(history);
    let value = |row: Option<i64>| row.map_or("nothing".to_owned(), |v| v.to_string());
    let writer = |row: Option<i64>| {
        let known = writes.get(&(key, row?))?;
        known[0].or(known[1])
    };
    let mut calls: Vec<usize> = [rows[0], rows[other]]
        .into_iter()
        .filter_map(writer)
        .collect();
    calls.push(at);
    findings.add("fractured-read", &calls, || Told {
        title: format!("part of a commit{}", on_key(key)),
        explanation: format!(
            "{} read all {} rows in one transaction, and got {} from the first and {} from number {}. Each write gives all \
             rows the same value in one transaction.",
            capital(&words.place(at)),
            rows.len(),
            value(rows[0]),
            value(rows[other]),
            other + 1
        ),
        key: key.cloned(),
        confidence: CERTAIN,
        minimal: true,
    });
}

/// Whether somebody wrote a value that was seen.
fn judge_value(
    history: &History<Rows>,
    key: Option<&Key>,
    at: usize,
    value: i64,
    writes: &Writes<'_>,
    findings: &mut Findings<'_, Rows>,
) {
    let words = Words(history);
    let [made, failed] = writes.get(&(key, value)).copied().unwrap_or_default();
    let saw = format!("{} read {value}.", capital(&words.place(at)));
    let ended = words.span(at).completed;
    match (made, failed) {
        (Some(made), _) if ended.is_none_or(|end| words.span(made).invoked < end) => {}
        (Some(made), _) => findings.add("future-read", &[at, made], || Told {
            title: format!("value from the future{}", on_key(key)),
            explanation: format!("{saw} It was written only later, by {}.", words.place(made)),
            key: key.cloned(),
            confidence: CERTAIN,
            minimal: true,
        }),
        (None, Some(failed)) => findings.add("aborted-read", &[failed, at], || Told {
            title: format!("aborted read{}", on_key(key)),
            explanation: format!("{} {saw}", words.call(failed)),
            key: key.cloned(),
            confidence: UNLESS_MISREPORTED,
            minimal: true,
        }),
        (None, None) => findings.add("phantom-value", &[at], || Told {
            title: format!("value from nowhere{}", on_key(key)),
            explanation: format!("{saw} Nobody ever tried to write it."),
            key: key.cloned(),
            confidence: CERTAIN,
            minimal: true,
        }),
    }
}

#[cfg(test)]
mod tests {
    use history::{Index, Nanos, dsl, ops::RowsCall};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::{
        Finding,
        oracle::{self, cases, play},
    };

    fn verdict(drawing: &str) -> Verdict {
        let history = dsl::parse::<Rows>(drawing).expect("a drawing");
        AllOrNothing.check(&history, Budget::default())
    }

    fn codes(drawing: &str) -> Vec<String> {
        oracle::codes(verdict(drawing))
    }

    #[test]
    fn part_of_a_commit() {
        let found = verdict(
            "
            p0@n1: |-write _ 1-| |---write _ 2---|
            p1@n2:                   |-read _ -> [2,1,1]-|",
        );
        let expected = Finding {
            code: "fractured-read".to_owned(),
            title: "part of a commit".to_owned(),
            property: "atomic-commit".to_owned(),
            explanation: "Process 1 (n2, 0:00.000) read all 3 rows in one transaction, and got 2 from the first and 1 from \
                          number 2. Each write gives all rows the same value in one transaction."
                .to_owned(),
            key: None,
            witness: vec![Index(0), Index(2), Index(3)],
            from: Nanos(19),
            until: Nanos(57),
            minimal: true,
            confidence: "certain".to_owned(),
            more: 0,
            order: Vec::new(),
        };
        assert_eq!(found, Verdict::Fail(vec![expected]));
    }

    #[test]
    fn values_that_should_not_be_there() {
        let reads = "p1:                |-read _ -> [1,1]-|";
        for (write, code) in [
            ("p0: |-write _ 1-|", "pass"),
            ("p0: |-write _ 1 info-|", "pass"),
            ("p0: |-write _ 1 fail-|", "aborted-read"),
            ("p0: |-write _ 2-|", "phantom-value"),
            (
                "p0:                                        |-write _ 1-|",
                "future-read",
            ),
        ] {
            assert_eq!(codes(&format!("{write}\n{reads}")), [code], "{write}");
        }
        assert_eq!(codes("p0: |-read _ -> [null,null]-|"), ["unknown"]);
        assert_eq!(codes("p0: |-write _ 1-|"), ["unknown"]);
    }

    /// A table that is written row by row where it is `torn`.
    fn run(seed: u64, torn: bool) -> History<Rows> {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let (mut rows, mut fresh) = ([None; 4], 0);
        play::<Rows, _>(
            &mut rng,
            (4, 60),
            |rng, _| RowsCall {
                key: None,
                op: if rng.random_bool(0.5) {
                    fresh += 1;
                    RowsOp::Write(fresh)
                } else {
                    RowsOp::Read
                },
            },
            |rng, call| match call.op {
                RowsOp::Read => Some(RowsReturn::Rows(rows.to_vec())),
                RowsOp::Write(_) if rng.random_bool(0.1) => None,
                RowsOp::Write(value) => {
                    let until = if torn && rng.random_bool(0.1) { 2 } else { 4 };
                    rows[..until].fill(Some(value));
                    Some(RowsReturn::Done)
                }
            },
        )
    }

    #[test]
    fn an_honest_table_passes_and_one_that_commits_in_part_is_caught() {
        let mut caught = 0;
        for seed in 0..cases(200) {
            let honest = AllOrNothing.check(&run(seed, false), Budget::default());
            assert_ne!(honest.word(), "fail", "seed {seed}: {honest:?}");
            if let Verdict::Fail(found) = AllOrNothing.check(&run(seed, true), Budget::default()) {
                assert!(
                    found.iter().all(|f| f.code == "fractured-read"),
                    "{found:?}"
                );
                caught += 1;
            }
        }
        assert!(caught > 0, "none caught");
    }
}
