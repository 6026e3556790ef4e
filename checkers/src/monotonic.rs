//! The checker `monotonic`: rows that were inserted one after the other are in that order by the system's own timestamps.
//!
//! Each add reads the largest value of a table, and inserts the next, with the timestamp of its transaction. So
//! - in every read, values grow with timestamps: a row that is later by its timestamp and smaller by its value is
//!   `order-reversed`; rows of one timestamp may be in any order;
//! - no value is there twice (two adds that missed each other): `duplicate-value`;
//! - a row that was acknowledged before a read began is in it: `lost-row`; a row of which an add said otherwise than a
//!   read is `changed-row`;
//! - an add that began after another was acknowledged has the larger value, and no smaller timestamp:
//!   `timestamp-backwards`.
//!
//! **Sound** for serializable systems whose timestamps are commit timestamps and respect real time (Corbett et al.,
//! "Spanner", OSDI 2012, section 4: external consistency). **Complete** for these pairs. O(n·r log r) for n reads of r rows.
//! After Jepsen's `monotonic` of CockroachDB.

use std::collections::BTreeMap;

use history::{
    History, Index, Key, Outcome,
    ops::{Monotonic, MonotonicReturn, Stamped},
};

use crate::{
    Budget, Cause, Checker, Verdict,
    findings::{CERTAIN, Findings, Told, evidence},
    words::{Words, answered, capital, on_key},
};

/// Judges rows with timestamps.
#[derive(Debug, Clone, Copy, Default)]
pub struct TimestampOrder;

/// The acknowledged adds of a table, in the order in which they were acknowledged.
type Adds<'a> = BTreeMap<Option<&'a Key>, Vec<(Index, Stamped, usize)>>;

impl Checker<Monotonic> for TimestampOrder {
    fn name(&self) -> &str {
        "monotonic"
    }

    fn decides(&self) -> String {
        "rows inserted one after the other are in that order by the system's timestamps".to_owned()
    }

    fn limits(&self) -> &'static str {
        "sound where timestamps are commit timestamps that respect real time, and complete for pairs of rows"
    }

    fn check(&self, history: &History<Monotonic>, _: Budget) -> Verdict {
        let mut findings = Findings::new(history, "monotonic");
        let mut adds = Adds::new();
        let mut reads = 0;
        for (at, span) in history.spans().iter().enumerate() {
            if let (Outcome::Ok(MonotonicReturn::Inserted(row)), Some(end)) =
                (&span.outcome, answered(span))
            {
                let table = adds.entry(span.call.key.as_ref()).or_default();
                table.push((end, *row, at));
            }
        }
        for (key, table) in &mut adds {
            table.sort_unstable_by_key(|(end, ..)| *end);
            judge_adds(history, *key, table, &mut findings);
        }
        for (at, span) in history.spans().iter().enumerate() {
            if let Outcome::Ok(MonotonicReturn::Rows(rows)) = &span.outcome {
                reads += 1;
                let key = span.call.key.as_ref();
                let known = adds.get(&key).map_or(&[][..], Vec::as_slice);
                judge_read(history, (key, at), rows, known, &mut findings);
            }
        }
        let inserted = adds.values().map(|table| table.len() as u64).sum();
        findings.or_else(|| match (inserted, reads) {
            (0, _) | (_, 0) => Verdict::Unknown(Cause {
                code: "monotonic/nothing-read".to_owned(),
                text: "no row was acknowledged, or no table read".to_owned(),
                remedy: "look at the errors of the calls".to_owned(),
            }),
            _ => Verdict::Pass(evidence(
                [("ok adds", inserted), ("ok reads", reads)],
                Vec::new(),
            )),
        })
    }
}

/// Each add against the largest row that was acknowledged before it began.
fn judge_adds(
    history: &History<Monotonic>,
    key: Option<&Key>,
    table: &[(Index, Stamped, usize)],
    findings: &mut Findings<'_, Monotonic>,
) {
    let words = Words(history);
    // By value and by time, the largest so far.
    let mut largest: Vec<[(i64, usize); 2]> = Vec::with_capacity(table.len());
    for (_, row, at) in table {
        let mut most = [(row.value, *at), (row.time, *at)];
        if let Some(before) = largest.last() {
            for (most, before) in most.iter_mut().zip(before) {
                *most = (*most).max(*before);
            }
        }
        largest.push(most);
    }
    for (_, row, at) in table {
        let asked = words.span(*at).invoked;
        let before = table.partition_point(|(end, ..)| *end < asked);
        let Some([value, time]) = before.checked_sub(1).map(|i| largest[i]) else {
            continue;
        };
        let (what, was, is, first) = if row.value <= value.0 {
            ("value", value.0, row.value, value.1)
        } else if row.time < time.0 {
            ("timestamp", time.0, row.time, time.1)
        } else {
            continue;
        };
        findings.add("timestamp-backwards", &[first, *at], || Told {
            title: format!("a later row with an earlier {what}{}", on_key(key)),
            explanation: format!(
                "{} inserted a row with the {what} {was}. {} later {} asked to insert another, which got {is}.",
                capital(&words.place(first)),
                words.later(first, *at),
                words.place(*at)
            ),
            key: key.cloned(),
            confidence: CERTAIN,
            minimal: true,
        });
    }
}

fn judge_read(
    history: &History<Monotonic>,
    (key, at): (Option<&Key>, usize),
    rows: &[Stamped],
    adds: &[(Index, Stamped, usize)],
    findings: &mut Findings<'_, Monotonic>,
) {
    let words = Words(history);
    let place = capital(&words.place(at));
    let told = |title: &str, explanation: String| Told {
        title: format!("{title}{}", on_key(key)),
        explanation,
        key: key.cloned(),
        confidence: CERTAIN,
        minimal: true,
    };
    let mut sorted = rows.to_vec();
    sorted.sort_unstable();
    // The largest value of earlier timestamps, and of those up to this one.
    let (mut earlier, mut so_far): (Option<Stamped>, Option<Stamped>) = (None, None);
    for row in &sorted {
        if so_far.is_some_and(|last| last.time < row.time) {
            earlier = earlier.max_by_value(so_far);
        }
        if let Some(before) = earlier.filter(|before| before.value > row.value) {
            findings.add("order-reversed", &[at], || {
                told(
                    "timestamps against the order of inserts",
                    format!(
                        "{place} read a row with the value {} and the timestamp {}, and one with the larger value {} and the \
                         earlier timestamp {}.",
                        row.value, row.time, before.value, before.time
                    ),
                )
            });
        }
        so_far = Some(*row).max_by_value(so_far.filter(|last| last.time == row.time));
    }
    let mut by_value: Vec<Stamped> = rows.to_vec();
    by_value.sort_unstable_by_key(|row| (row.value, row.time));
    for pair in by_value
        .windows(2)
        .filter(|pair| pair[0].value == pair[1].value)
    {
        findings.add("duplicate-value", &[at], || {
            told(
                "one value in two rows",
                format!(
                    "{place} read the value {} twice, with the timestamps {} and {}: whoever inserted the second did not see the \
                     first.",
                    pair[0].value, pair[0].time, pair[1].time
                ),
            )
        });
    }
    let began = words.span(at).invoked;
    for (_, row, add) in &adds[..adds.partition_point(|(end, ..)| *end < began)] {
        let from = by_value.partition_point(|seen| seen.value < row.value);
        match by_value.get(from).filter(|seen| seen.value == row.value) {
            None => findings.add("lost-row", &[*add, at], || {
                told(
                    "lost row",
                    format!(
                        "{} inserted the row {}, and was told so. {} later {} read the table, and it was not there.",
                        capital(&words.place(*add)),
                        row.value,
                        words.later(*add, at),
                        words.place(at)
                    ),
                )
            }),
            Some(seen) if seen.time != row.time && by_value.get(from + 1).is_none_or(|n| n.value != row.value) => {
                findings.add("changed-row", &[*add, at], || {
                    told(
                        "row with another timestamp than it was acknowledged with",
                        format!(
                            "{} inserted the row {} with the timestamp {}. {} read it with {}.",
                            capital(&words.place(*add)),
                            row.value,
                            row.time,
                            place,
                            seen.time
                        ),
                    )
                });
            }
            Some(_) => {}
        }
    }
}

/// Of two rows, the one of the larger value.
trait Larger {
    fn max_by_value(self, other: Self) -> Self;
}

impl Larger for Option<Stamped> {
    fn max_by_value(self, other: Self) -> Self {
        match (self, other) {
            (Some(a), Some(b)) if a.value < b.value => Some(b),
            (None, b) => b,
            (a, _) => a,
        }
    }
}

#[cfg(test)]
mod tests {
    use history::{
        Nanos, dsl,
        ops::{MonotonicCall, MonotonicOp},
    };
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::{
        Finding,
        oracle::{cases, play},
    };

    fn verdict(drawing: &str) -> Verdict {
        let history = dsl::parse::<Monotonic>(drawing).expect("a drawing");
        TimestampOrder.check(&history, Budget::default())
    }

    #[test]
    fn a_later_timestamp_with_a_smaller_value() {
        let found = verdict(
            r#"
            p0@n1: |-add _ -> {"time":5,"value":1}-|
            p1@n2:    |-read _ -> [{"time":5,"value":1},{"time":6,"value":3},{"time":7,"value":2}]-|"#,
        );
        let expected = Finding {
            code: "order-reversed".to_owned(),
            title: "timestamps against the order of inserts".to_owned(),
            property: "monotonic".to_owned(),
            explanation: "Process 1 (n2, 0:00.000) read a row with the value 2 and the timestamp 7, and one with the larger \
                          value 3 and the earlier timestamp 6."
                .to_owned(),
            key: None,
            witness: vec![Index(1)],
            from: Nanos(22),
            until: Nanos(99),
            minimal: true,
            confidence: "certain".to_owned(),
            more: 0,
            order: Vec::new(),
        };
        assert_eq!(found, Verdict::Fail(vec![expected]));
    }

    #[test]
    fn each_anomaly_has_its_name() {
        let add = r#"p0: |-add _ -> {"time":5,"value":1}-|"#;
        let space = " ".repeat(40);
        for (rows, code) in [
            (r#"[{"time":5,"value":1}]"#, "pass"),
            (r#"[{"time":5,"value":1},{"time":5,"value":0}]"#, "pass"),
            (r#"[{"time":4,"value":0}]"#, "lost-row"),
            (r#"[{"time":4,"value":1}]"#, "changed-row"),
            (
                r#"[{"time":5,"value":1},{"time":6,"value":1}]"#,
                "duplicate-value",
            ),
            (
                r#"[{"time":5,"value":1},{"time":6,"value":0}]"#,
                "order-reversed",
            ),
        ] {
            let code_found = match verdict(&format!("{add}\np1: {space}|-read _ -> {rows}-|")) {
                Verdict::Fail(found) => found[0].code.clone(),
                other => other.word().to_owned(),
            };
            assert_eq!(code_found, code, "{rows}");
        }
        for (second, expected) in [
            (r#"{"time":5,"value":2}"#, "unknown"),
            (r#"{"time":4,"value":2}"#, "fail"),
            (r#"{"time":6,"value":1}"#, "fail"),
        ] {
            let found = verdict(&format!("{add}\np1: {space}|-add _ -> {second}-|"));
            assert_eq!(found.word(), expected, "{second}");
        }
    }

    /// A table under a clock; the clock of a broken one jumps back now and then.
    fn run(seed: u64, broken: bool) -> History<Monotonic> {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let (mut rows, mut clock): (Vec<Stamped>, i64) = (Vec::new(), 0);
        play::<Monotonic, _>(
            &mut rng,
            (4, 50),
            |rng, _| MonotonicCall {
                key: None,
                op: match rng.random_bool(0.5) {
                    true => MonotonicOp::Add,
                    false => MonotonicOp::Read,
                },
            },
            |rng, call| {
                clock += rng.random_range(0..3);
                if call.op == MonotonicOp::Read {
                    return Some(MonotonicReturn::Rows(rows.clone()));
                }
                let late = broken && rng.random_bool(0.2);
                let row = Stamped {
                    time: if late { clock - 20 } else { clock },
                    value: rows.len() as i64,
                };
                rows.push(row);
                Some(MonotonicReturn::Inserted(row))
            },
        )
    }

    #[test]
    fn an_honest_table_passes_and_one_whose_clock_jumps_back_is_caught() {
        let mut caught = 0;
        for seed in 0..cases(200) {
            let honest = TimestampOrder.check(&run(seed, false), Budget::default());
            assert_ne!(honest.word(), "fail", "seed {seed}: {honest:?}");
            if let Verdict::Fail(found) = TimestampOrder.check(&run(seed, true), Budget::default())
            {
                for finding in found {
                    assert!(
                        ["order-reversed", "timestamp-backwards"].contains(&&*finding.code),
                        "{finding:?}"
                    );
                }
                caught += 1;
            }
        }
        assert!(caught > 100, "{caught} caught");
    }

    /// By definition, over all pairs of rows.
    #[test]
    fn agrees_with_the_definition() {
        let mut rng = Pcg64Mcg::seed_from_u64(5);
        for _ in 0..cases(2000) {
            let rows: Vec<Stamped> = (0..rng.random_range(0..6))
                .map(|_| Stamped {
                    time: rng.random_range(0..4),
                    value: rng.random_range(0..40),
                })
                .collect();
            let pair = |test: &dyn Fn(&Stamped, &Stamped) -> bool| {
                rows.iter().any(|a| rows.iter().any(|b| test(a, b)))
            };
            let reversed = pair(&|a, b| a.time < b.time && a.value > b.value);
            let each: Vec<String> = rows
                .iter()
                .map(|row| format!(r#"{{"time":{},"value":{}}}"#, row.time, row.value))
                .collect();
            let json = format!("[{}]", each.join(","));
            let found = verdict(&format!("p0: |-read _ -> {json}-|"));
            let found = match &found {
                Verdict::Fail(found) => found.iter().any(|f| f.code == "order-reversed"),
                _ => false,
            };
            assert_eq!(found, reversed, "{json}");
        }
    }
}
