//! The checker `bank`: every read of all accounts shows the same total, no account is missing, unexpected or without a
//! balance, and, unless allowed, none is overdrawn.
//!
//! **Sound**, whatever became of the transfers: each moves money as a whole or not at all, so no outcome of theirs changes
//! the total. **Incomplete** for serializability: it cannot see what leaves the total alone. O(n·a) for n reads of a
//! accounts. After Kyle Kingsbury's `bank` of Jepsen, which says only the first thing that is wrong with a read, and
//! notices a missing account only by the total.

use history::{
    History, Key, Outcome,
    ops::{Bank, BankReturn},
};

use crate::{
    Budget, Cause, Checker, Verdict,
    findings::{CERTAIN, Findings, Told, evidence},
    words::{Words, capital},
};

/// Judges reads of all accounts.
#[derive(Debug, Clone)]
pub struct Balances {
    accounts: Vec<Key>,
    total: i64,
    overdrafts: bool,
}

impl Balances {
    /// For these accounts, which hold so much together.
    pub fn new(accounts: impl IntoIterator<Item = Key>, total: i64) -> Self {
        Self {
            accounts: accounts.into_iter().collect(),
            total,
            overdrafts: false,
        }
    }

    /// Balances below zero are fine.
    pub fn allow_overdrafts(mut self) -> Self {
        self.overdrafts = true;
        self
    }
}

impl Checker<Bank> for Balances {
    fn name(&self) -> &str {
        "bank"
    }

    fn decides(&self) -> String {
        if self.accounts.is_empty() {
            return "every read of all accounts shows the same total".to_owned();
        }
        format!(
            "every read of all {} accounts shows a total of {}",
            self.accounts.len(),
            self.total
        )
    }

    fn limits(&self) -> &'static str {
        "sound; incomplete: what leaves the total alone is not seen"
    }

    fn check(&self, history: &History<Bank>, _: Budget) -> Verdict {
        let words = Words(history);
        let mut findings = Findings::new(history, "bank");
        let (mut reads, mut transfers) = (0, 0);
        for (at, span) in history.spans().iter().enumerate() {
            let all = match &span.outcome {
                Outcome::Ok(BankReturn::Balances(all)) => all,
                Outcome::Ok(BankReturn::Done) => {
                    transfers += 1;
                    continue;
                }
                Outcome::Fail(_) | Outcome::Info(_) => continue,
            };
            reads += 1;
            let mut wrong = |code, title: &str, what: String| {
                findings.add(code, &[at], || Told {
                    title: title.to_owned(),
                    explanation: format!("{} read all accounts: {what}", capital(&words.place(at))),
                    key: None,
                    confidence: CERTAIN,
                    minimal: true,
                });
            };
            if let Some(missing) = self.accounts.iter().find(|a| !all.contains_key(a)) {
                let what = format!("account {missing} was not there.");
                wrong("missing-account", "account missing", what);
            }
            if let Some(other) = all.keys().find(|a| !self.accounts.contains(a)) {
                let what = format!("there was an account {other}, which nobody opened.");
                wrong("unexpected-account", "account from nowhere", what);
            }
            if let Some((empty, _)) = all.iter().find(|(_, n)| n.is_none()) {
                let what = format!("account {empty} had no balance.");
                wrong("missing-balance", "account without a balance", what);
            }
            let total: i128 = all.values().flatten().map(|n| i128::from(*n)).sum();
            if total != i128::from(self.total) {
                let by = total - i128::from(self.total);
                let how = if by < 0 {
                    "were missing"
                } else {
                    "were too many"
                };
                let what = format!(
                    "together they held {total} instead of {}; {} {how}. Transfers only move money, so at no moment can that have been the total.",
                    self.total,
                    by.abs()
                );
                wrong("wrong-total", "wrong total", what);
            }
            let negative = all.iter().find(|(_, n)| n.is_some_and(|n| n < 0));
            if let Some((account, Some(n))) = negative.filter(|_| !self.overdrafts) {
                let what = format!("account {account} held {n}, and overdrafts are not allowed.");
                wrong("negative-balance", "overdrawn account", what);
            }
        }
        findings.or_else(|| match reads {
            0 => Verdict::Unknown(Cause {
                code: "bank/never-read".to_owned(),
                text: "the accounts were never read".to_owned(),
                remedy: "look at the errors of the reads, or add reads to the workload".to_owned(),
            }),
            _ => Verdict::Pass(evidence(
                [("ok reads", reads), ("ok transfers", transfers)],
                Vec::new(),
            )),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use history::{Index, Nanos, dsl, ops::BankCall};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::{
        Finding,
        oracle::{self, cases, play},
    };

    fn two() -> Balances {
        Balances::new([Key::Int(0), Key::Int(1)], 10)
    }

    fn codes(checker: &Balances, read: &str) -> Vec<String> {
        let drawing = format!("p0@n1: |-read -> {read}-|");
        let history = dsl::parse::<Bank>(&drawing).expect("a drawing");
        oracle::codes(checker.check(&history, Budget::default()))
    }

    #[test]
    fn each_wrong_thing_about_a_read_is_said() {
        for (read, expected) in [
            (r#"{"0":3,"1":7}"#, vec!["pass"]),
            (r#"{"0":10}"#, vec!["missing-account"]),
            (r#"{"0":3,"1":5,"2":2}"#, vec!["unexpected-account"]),
            (r#"{"0":10,"1":null}"#, vec!["missing-balance"]),
            (r#"{"0":-3,"1":13}"#, vec!["negative-balance"]),
            (r#"{"0":-3,"1":4}"#, vec!["negative-balance", "wrong-total"]),
        ] {
            assert_eq!(codes(&two(), read), expected);
        }
        assert_eq!(
            codes(&two().allow_overdrafts(), r#"{"0":-3,"1":13}"#),
            ["pass"]
        );
    }

    #[test]
    fn wrong_total() {
        let drawing = r#"p0@n1: |-read -> {"0":3,"1":5}-|"#;
        let history = dsl::parse::<Bank>(drawing).expect("a drawing");
        let expected = Finding {
            code: "wrong-total".to_owned(),
            title: "wrong total".to_owned(),
            property: "bank".to_owned(),
            explanation: "Process 0 (n1, 0:00.000) read all accounts: together they held 8 instead of 10; 2 were missing. Transfers only move money, so at no moment can that have been the total.".to_owned(),
            key: None,
            witness: vec![Index(0)],
            from: Nanos(7),
            until: Nanos(31),
            minimal: true,
            confidence: "certain".to_owned(),
            more: 0,
            order: Vec::new(),
        };
        let verdict = two().check(&history, Budget::default());
        assert_eq!(verdict, Verdict::Fail(vec![expected]));
    }

    #[test]
    fn accounts_that_were_never_read_are_unknown() {
        let drawing = r#"p0: |-transfer {"from":0,"to":1,"amount":2} info-|"#;
        let history = dsl::parse::<Bank>(drawing).expect("a drawing");
        match two().check(&history, Budget::default()) {
            Verdict::Unknown(cause) => assert_eq!(cause.code, "bank/never-read"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_honest_bank_passes_and_one_that_forgets_the_second_half_is_caught() {
        for seed in 0..cases(100) {
            for broken in [false, true] {
                let key = |n| Key::Int(n);
                let mut all: BTreeMap<Key, Option<i64>> =
                    (0..4).map(|n| (key(n), Some(25))).collect();
                let history = play::<Bank, _>(
                    &mut Pcg64Mcg::seed_from_u64(seed),
                    (5, 80),
                    |rng, _| match rng.random_bool(0.5) {
                        true => BankCall::Read,
                        false => BankCall::Transfer {
                            from: key(rng.random_range(0..2)),
                            to: key(rng.random_range(2..4)),
                            amount: rng.random_range(1..6),
                        },
                    },
                    |_, call| match call {
                        BankCall::Read => Some(BankReturn::Balances(all.clone())),
                        BankCall::Transfer { from, to, amount } => {
                            let rest = all[from].filter(|n| n >= amount)?;
                            all.insert(from.clone(), Some(rest - amount));
                            if !broken {
                                all.insert(to.clone(), all[to].map(|n| n + amount));
                            }
                            Some(BankReturn::Done)
                        }
                    },
                );
                let checker = Balances::new((0..4).map(key), 100);
                let verdict = checker.check(&history, Budget::default());
                assert_eq!(verdict.word() == "fail", broken, "seed {seed}: {verdict:?}");
            }
        }
    }
}
