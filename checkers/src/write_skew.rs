//! The checker `write-skew`: of all guarded inserts into one group, at most one succeeds.
//!
//! A guarded insert looks whether its group has a row, and inserts one if it has none, in one transaction. Two that both
//! succeed each missed the row of the other: an anti-dependency cycle on a predicate, G2 (Adya, "Weak Consistency",
//! 1999, section 3.2.3), which serializability excludes and repeatable read and snapshot isolation do not, since the
//! rows are different ones.
//!
//! **Sound and complete** for this property: an insert of unknown outcome counts as none. O(n log n). After Jepsen's
//! `adya` workload.

use std::collections::BTreeMap;

use history::{History, Key, Outcome, ops::Guarded};

use crate::{
    Budget, Cause, Checker, Verdict,
    findings::{CERTAIN, Findings, Told, evidence},
    words::{Words, capital},
};

/// Judges guarded inserts.
#[derive(Debug, Clone, Copy, Default)]
pub struct GuardedInserts;

impl Checker<Guarded> for GuardedInserts {
    fn name(&self) -> &str {
        "write-skew"
    }

    fn decides(&self) -> String {
        "of the inserts into a group that must be empty, at most one succeeds".to_owned()
    }

    fn limits(&self) -> &'static str {
        "sound and complete for this property; an insert of unknown outcome counts as none"
    }

    fn check(&self, history: &History<Guarded>, _: Budget) -> Verdict {
        let words = Words(history);
        let mut findings = Findings::new(history, "serializable");
        let mut first: BTreeMap<&Key, usize> = BTreeMap::new();
        let (mut groups, mut contested) = (BTreeMap::<&Key, u64>::new(), 0);
        for (at, span) in history.spans().iter().enumerate() {
            let key = &span.call.key;
            *groups.entry(key).or_default() += 1;
            if !matches!(span.outcome, Outcome::Ok(_)) {
                continue;
            }
            let before = *first.entry(key).or_insert(at);
            if before == at {
                continue;
            }
            findings.add("predicate-write-skew", &[before, at], || Told {
                title: format!("write skew on group {key}"),
                explanation: format!(
                    "{} inserted row {} into group {key}, having seen that it was empty. {} inserted row {}, having seen the same. \
                     Whichever came first, the other must have missed its row.",
                    capital(&words.place(before)),
                    words.span(before).call.row,
                    capital(&words.place(at)),
                    words.span(at).call.row
                ),
                key: Some(key.clone()),
                confidence: CERTAIN,
                minimal: true,
            });
        }
        contested += groups.values().filter(|calls| **calls > 1).count() as u64;
        findings.or_else(|| match (first.len() as u64, contested) {
            (0, _) => Verdict::Unknown(Cause {
                code: "write-skew/nothing-inserted".to_owned(),
                text: "no insert succeeded".to_owned(),
                remedy: "look at the errors of the calls".to_owned(),
            }),
            (_, 0) => Verdict::Unknown(Cause {
                code: "write-skew/no-contest".to_owned(),
                text: "no two inserts went into the same group".to_owned(),
                remedy: "let several clients insert into each group".to_owned(),
            }),
            (inserts, contested) => Verdict::Pass(evidence(
                [("ok inserts", inserts), ("contested groups", contested)],
                Vec::new(),
            )),
        })
    }
}

#[cfg(test)]
mod tests {
    use history::{
        Index, Nanos, dsl,
        ops::{GuardedCall, GuardedReturn},
    };
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::{
        Finding,
        oracle::{cases, play},
    };

    fn verdict(drawing: &str) -> Verdict {
        let history = dsl::parse::<Guarded>(drawing).expect("a drawing");
        GuardedInserts.check(&history, Budget::default())
    }

    #[test]
    fn two_inserts_that_missed_each_other() {
        let found = verdict("p0@n1: |-insert 3 1-|\np1@n2:   |-insert 3 2-|");
        let expected = Finding {
            code: "predicate-write-skew".to_owned(),
            title: "write skew on group 3".to_owned(),
            property: "serializable".to_owned(),
            explanation: "Process 0 (n1, 0:00.000) inserted row 1 into group 3, having seen that it was empty. Process 1 \
                          (n2, 0:00.000) inserted row 2, having seen the same. Whichever came first, the other must \
                          have missed its row."
                .to_owned(),
            key: Some(Key::Int(3)),
            witness: vec![Index(0), Index(1)],
            from: Nanos(7),
            until: Nanos(22),
            minimal: true,
            confidence: "certain".to_owned(),
            more: 0,
            order: Vec::new(),
        };
        assert_eq!(found, Verdict::Fail(vec![expected]));
    }

    #[test]
    fn an_insert_that_failed_or_may_have_is_none() {
        for end in ["fail", "info"] {
            let found = verdict(&format!("p0: |-insert 3 1-|\np1:   |-insert 3 2 {end}-|"));
            assert_eq!(found.word(), "pass");
        }
        for (drawing, code) in [
            ("p0: |-insert 3 1 fail-|", "write-skew/nothing-inserted"),
            (
                "p0: |-insert 3 1-|\np1: |-insert 4 1-|",
                "write-skew/no-contest",
            ),
        ] {
            assert!(matches!(verdict(drawing), Verdict::Unknown(c) if c.code == code));
        }
    }

    #[test]
    fn an_honest_store_passes_and_one_that_looks_at_a_snapshot_is_caught() {
        let run = |seed, skewed| {
            let mut rng = Pcg64Mcg::seed_from_u64(seed);
            let (mut full, mut row) = ([false; 8], 0);
            play::<Guarded, _>(
                &mut rng,
                (4, 40),
                |rng, _| {
                    row += 1;
                    let key = Key::Int(rng.random_range(0..8));
                    GuardedCall { key, row }
                },
                |rng, call| {
                    let Key::Int(key) = call.key else {
                        unreachable!("asked above")
                    };
                    let was = full[key as usize] && !(skewed && rng.random_bool(0.3));
                    full[key as usize] = true;
                    (!was).then_some(GuardedReturn)
                },
            )
        };
        let mut caught = 0;
        for seed in 0..cases(200) {
            let honest = GuardedInserts.check(&run(seed, false), Budget::default());
            assert_ne!(honest.word(), "fail", "seed {seed}");
            let broken = GuardedInserts.check(&run(seed, true), Budget::default());
            caught += u32::from(broken.word() == "fail");
        }
        assert!(caught > 0, "none caught");
    }
}
