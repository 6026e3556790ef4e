use history::{Index, Nanos, dsl};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::*;
use crate::{
    Budget, Checker, Finding,
    oracle::{cases, play},
};

fn verdict(checker: &dyn Checker<Snapshot>, drawing: &str) -> Verdict {
    let history = dsl::parse::<Snapshot>(drawing).expect("a drawing");
    checker.check(&history, Budget::default())
}

fn words(drawing: &str) -> [&'static str; 3] {
    let checkers: [&dyn Checker<Snapshot>; 3] = [&LongFork, &CausalReverse, &Sequential];
    checkers.map(|checker| verdict(checker, drawing).word())
}

#[test]
fn long_fork() {
    let found = verdict(
        &LongFork,
        "
        p0: |-write x 1-|
        p1: |-write y 1-|
        p2@n1:   |-read [\"x\",\"y\"] -> [1,null]-|
        p3@n2:   |-read [\"x\",\"y\"] -> [null,1]-|",
    );
    let expected = Finding {
        code: "long-fork".to_owned(),
        title: "long fork of key y and key x".to_owned(),
        property: "snapshot-isolation".to_owned(),
        explanation: "Process 2 (n1, 0:00.000) read both keys in one transaction, and saw what was written to key x and nothing \
                      in key y. Process 3 (n2, 0:00.000) saw what was written to key y and nothing in key x. So each write \
                      would have to come before the other."
            .to_owned(),
        key: None,
        witness: vec![Index(0), Index(1), Index(2), Index(3)],
        from: Nanos(12),
        until: Nanos(46),
        minimal: true,
        confidence: "certain".to_owned(),
        more: 0,
        order: Vec::new(),
    };
    assert_eq!(found, Verdict::Fail(vec![expected]));
}

#[test]
fn causal_reverse() {
    let found = verdict(
        &CausalReverse,
        "
        p0@n1: |-write x 1-|
        p1@n2:               |-write y 1-|
        p2@n3:                      |-read [\"x\",\"y\"] -> [null,1]-|",
    );
    let Verdict::Fail(found) = found else {
        panic!("{found:?}")
    };
    let [finding] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(
        (finding.code.as_str(), finding.title.as_str()),
        ("causal-reverse", "key y seen without the earlier key x")
    );
    assert_eq!(
        finding.explanation,
        "n1 acknowledged write x 1 to process 0 at 0:00.000. 0 µs later process 1 wrote key y. Process 2 (n3, 0:00.000) read \
         both in one transaction, and saw what was written to key y and nothing in key x."
    );
}

/// What each of the three says of the same histories.
#[test]
fn each_sees_what_is_its_own() {
    let read = "read [\"x\",\"y\"] -> [null,1]";
    // Another client's write, later: only real time is violated.
    let reversed = format!("p0: |-write x 1-|\np1:               |-write y 1-|\np2:    |-{read}-|");
    assert_eq!(words(&reversed), ["pass", "fail", "pass"]);
    // Its own write, later: the session, too.
    let own = format!("p0: |-write x 1-| |-write y 1-|\np2:    |-{read}-|");
    assert_eq!(words(&own), ["pass", "fail", "fail"]);
    // At the same time: nothing.
    let concurrent = format!("p0: |-write x 1-|\np1: |-write y 1-|\np2:    |-{read}-|");
    assert_eq!(words(&concurrent), ["pass", "pass", "pass"]);
    // Unknown whether it happened at all.
    let lost =
        format!("p0: |-write x 1 info-|\np1:                    |-write y 1-|\np2:    |-{read}-|");
    assert_eq!(words(&lost), ["pass", "pass", "pass"]);
    // Written twice, so that nobody knows what nothing means.
    let twice = format!("{own}\np3: |-write x 2-|\np4: |-write y 3-|");
    assert_eq!(words(&twice), ["unknown", "unknown", "unknown"]);
}

/// Groups of three keys, each written once by whoever comes first, and read as wholes. A broken store shows a read one
/// write too few now and then, and not the last one.
fn run(seed: u64, broken: bool) -> History<Snapshot> {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut store: BTreeMap<Key, i64> = BTreeMap::new();
    let mut next = 0;
    play(
        &mut rng,
        (5, 60),
        |rng, _| {
            if rng.random_bool(0.4) {
                next += 1;
                SnapshotCall::Write {
                    key: Key::Int(next),
                    value: 1,
                }
            } else {
                let group = next / 3 * 3;
                SnapshotCall::Read((group..group + 3).map(Key::Int).collect())
            }
        },
        |rng, call| match call {
            SnapshotCall::Write { key, value } => {
                store.insert(key.clone(), *value);
                Some(SnapshotReturn::Done)
            }
            SnapshotCall::Read(keys) => {
                let mut values: Vec<_> = keys.iter().map(|k| store.get(k).copied()).collect();
                if broken && rng.random_bool(0.5) {
                    let hidden = rng.random_range(0..values.len());
                    values[hidden] = None;
                }
                Some(SnapshotReturn::Values(values))
            }
        },
    )
}

#[test]
fn an_honest_store_passes_and_one_that_hides_writes_is_caught_by_each() {
    let checkers: [&dyn Checker<Snapshot>; 3] = [&LongFork, &CausalReverse, &Sequential];
    let mut caught = [0; 3];
    for seed in 0..cases(300) {
        let (honest, broken) = (run(seed, false), run(seed, true));
        for (checker, caught) in checkers.iter().zip(&mut caught) {
            let verdict = checker.check(&honest, Budget::default());
            assert_ne!(verdict.word(), "fail", "seed {seed}: {verdict:?}");
            *caught += u32::from(checker.check(&broken, Budget::default()).word() == "fail");
        }
    }
    assert!(caught.iter().all(|n| *n > 0), "{caught:?}");
}

/// By definition, over all pairs of reads and writes.
#[test]
fn agrees_with_the_definitions() {
    for seed in 0..cases(300) {
        let history = run(seed, seed % 2 == 0);
        let spans = history.spans();
        let looks = Looks::of(&history);
        let forked = looks.all.iter().any(|a| {
            looks.all.iter().any(|b| {
                a.has.iter().any(|x| b.lacks.contains(x))
                    && a.lacks.iter().any(|y| b.has.contains(y))
            })
        });
        let any = |order: &dyn Fn(usize, usize) -> bool| {
            let has = |look: &Look, x| look.has.iter().any(|y| order(x, *y));
            looks
                .all
                .iter()
                .any(|look| look.lacks.iter().any(|x| has(look, *x)))
        };
        let acknowledged = |x: usize| matches!(spans[x].outcome, Outcome::Ok(_));
        let reversed = any(&|x, y| acknowledged(x) && spans[x].completed < Some(spans[y].invoked));
        let unordered =
            any(&|x, y| acknowledged(x) && x < y && spans[x].process == spans[y].process);
        let fails = |checker: &dyn Checker<Snapshot>| {
            checker.check(&history, Budget::default()).word() == "fail"
        };
        assert_eq!(fails(&LongFork), forked, "seed {seed}");
        assert_eq!(fails(&CausalReverse), reversed, "seed {seed}");
        assert_eq!(fails(&Sequential), unordered, "seed {seed}");
    }
}
