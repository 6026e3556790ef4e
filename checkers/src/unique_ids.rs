//! The checker `unique-ids`: no id was handed out twice.
//!
//! Sound and complete for what was answered; an id whose answer was lost is not judged, since nobody has it. O(n log n).
//! After Kyle Kingsbury's `checker/unique-ids` of Jepsen.

use history::{
    History, Key, Outcome,
    ops::{UniqueIds, UniqueIdsReturn},
};

use crate::{
    Budget, Cause, Checker, Verdict,
    findings::{CERTAIN, Findings, Told, evidence},
    words::{Words, capital},
};

/// Judges a generator of ids.
#[derive(Debug, Clone, Copy, Default)]
pub struct Uniqueness;

impl Checker<UniqueIds> for Uniqueness {
    fn name(&self) -> &str {
        "unique-ids"
    }

    fn decides(&self) -> String {
        "no id was handed out twice".to_owned()
    }

    fn limits(&self) -> &'static str {
        "sound and complete for what was answered; an id whose answer was lost is not judged"
    }

    fn check(&self, history: &History<UniqueIds>, _: Budget) -> Verdict {
        let words = Words(history);
        let mut findings = Findings::new(history, "unique-ids");
        let mut ids: Vec<(&Key, usize)> = Vec::new();
        for (at, span) in history.spans().iter().enumerate() {
            if let Outcome::Ok(UniqueIdsReturn(id)) = &span.outcome {
                ids.push((id, at));
            }
        }
        ids.sort_unstable();
        for same in ids.chunk_by(|a, b| a.0 == b.0) {
            for pair in same.windows(2) {
                let (id, first, second) = (pair[0].0, pair[0].1, pair[1].1);
                findings.add("duplicate-id", &[first, second], || Told {
                    title: format!("id {id} handed out twice"),
                    explanation: format!(
                        "{} was given the id {id}, and so was {}.",
                        capital(&words.place(first)),
                        words.place(second)
                    ),
                    key: None,
                    confidence: CERTAIN,
                    minimal: true,
                });
            }
        }
        findings.or_else(|| match ids.len() as u64 {
            0 => Verdict::Unknown(Cause {
                code: "unique-ids/none".to_owned(),
                text: "no id was handed out".to_owned(),
                remedy: "look at the errors of the calls".to_owned(),
            }),
            n => Verdict::Pass(evidence(
                [("ids", n), ("calls", history.spans().len() as u64)],
                Vec::new(),
            )),
        })
    }
}

#[cfg(test)]
mod tests {
    use history::{
        Index, Nanos, dsl,
        ops::{UniqueIdsCall, UniqueIdsReturn},
    };
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::{
        Finding,
        oracle::{cases, play},
    };

    fn verdict(drawing: &str) -> Verdict {
        let history = dsl::parse::<UniqueIds>(drawing).expect("a drawing");
        Uniqueness.check(&history, Budget::default())
    }

    #[test]
    fn lost_answers_and_refusals_have_no_id() {
        let drawing = "
            p0: |-generate -> 1-| |-generate info-|
            p1: |-generate -> \"1\"-| |-generate fail-|";
        assert_eq!(verdict(drawing).word(), "pass");
        match verdict("p0: |-generate info-|") {
            Verdict::Unknown(cause) => assert_eq!(cause.code, "unique-ids/none"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn duplicate_id() {
        let drawing = "
            p0@n1: |-generate -> 1-|   |-generate -> 2-|
            p1@n2: |-generate -> 1-|   |-generate -> 1-|";
        let expected = Finding {
            code: "duplicate-id".to_owned(),
            title: "id 1 handed out twice".to_owned(),
            property: "unique-ids".to_owned(),
            explanation:
                "Process 0 (n1, 0:00.000) was given the id 1, and so was process 1 (n2, 0:00.000)."
                    .to_owned(),
            key: None,
            witness: vec![Index(0), Index(1)],
            from: Nanos(19),
            until: Nanos(35),
            minimal: true,
            confidence: "certain".to_owned(),
            more: 1,
            order: Vec::new(),
        };
        assert_eq!(verdict(drawing), Verdict::Fail(vec![expected]));
    }

    #[test]
    fn an_honest_generator_passes_and_one_that_repeats_is_caught() {
        for seed in 0..cases(100) {
            for broken in [false, true] {
                let mut next = 0;
                let history = play::<UniqueIds, _>(
                    &mut Pcg64Mcg::seed_from_u64(seed),
                    (5, 60),
                    |_, _| UniqueIdsCall,
                    |rng, _| {
                        next += i64::from(!broken || rng.random_bool(0.5));
                        Some(UniqueIdsReturn(Key::Int(next)))
                    },
                );
                let verdict = Uniqueness.check(&history, Budget::default());
                assert_eq!(verdict.word() == "fail", broken, "seed {seed}: {verdict:?}");
            }
        }
    }
}
