//! Nothing that an honest register can produce is ever called a violation, at any concurrency, with any share of lost
//! calls. A false "fail" costs our users' trust.

#[path = "support/honest.rs"]
mod honest;

use honest::{Case, history};
use schism_checkers::{Budget, Checker, Linearizable, Verdict};

/// How many histories; more with `SCHISM_PROPERTY_CASES`.
fn cases(usual: u64) -> u64 {
    let more = std::env::var("SCHISM_PROPERTY_CASES").ok();
    more.and_then(|n| n.parse().ok())
        .map_or(usual, |n: u64| n / 50)
        .max(usual)
}

fn never_fails(case: Case, seeds: u64) {
    for seed in 0..seeds {
        let history = history(&case, seed);
        let verdict = Linearizable::default().check(&history, Budget::default());
        assert!(
            !matches!(verdict, Verdict::Fail(_)),
            "{case:?}, seed {seed}: {verdict:#?}"
        );
    }
}

#[test]
fn an_honest_register_with_few_values_is_never_called_broken() {
    for clients in [2, 3, 5, 8, 10, 15] {
        for values in [1, 2, 3, 5] {
            let case = Case {
                ops: 120,
                clients,
                keys: 1,
                values: Some(values),
                info: 0,
                stale: false,
            };
            never_fails(case, cases(60));
            never_fails(Case { info: 50, ..case }, cases(30));
        }
    }
}

#[test]
fn an_honest_register_with_distinct_values_is_never_called_broken() {
    for clients in [2, 5, 20, 50] {
        let case = Case {
            ops: 500,
            clients,
            keys: 3,
            values: None,
            info: 50,
            stale: false,
        };
        never_fails(case, cases(60));
    }
}

#[test]
fn lost_calls_with_few_values_are_judged_within_the_budget() {
    let case = Case {
        ops: 3_000,
        clients: 5,
        keys: 1,
        values: Some(5),
        info: 20,
        stale: false,
    };
    for seed in 0..3 {
        let checker = Linearizable::default();
        let verdict = checker.check(&history(&case, seed), Budget::default());
        assert_eq!(verdict.word(), "pass", "seed {seed}: {verdict:#?}");
        let broken = history(
            &Case {
                stale: true,
                ..case
            },
            seed,
        );
        let Verdict::Fail(findings) = checker.check(&broken, Budget::default()) else {
            panic!("seed {seed}: a read of nothing at the end was not seen");
        };
        assert_eq!(findings[0].code, "stale-read", "seed {seed}");
        assert!(findings[0].witness.len() <= 4, "seed {seed}: {findings:#?}");
    }
}
