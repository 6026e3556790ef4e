//! What a witness promises, on small random histories: its transactions alone show the anomaly, and without any one of them
//! they do not; and the rule by which it shrank never makes an illegal history of a legal one.

use history::{History, Index, Txn};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{
    Anomaly, Level,
    agreement::{cases, judged, oracle, random, shown},
    levels::{read_committed_allows, snapshot_allows},
    project,
};

/// The levels that are about orders.
const ORDERS: [Level; 10] = [
    Level::ReadUncommitted,
    Level::ReadCommitted,
    Level::ParallelSnapshotIsolation,
    Level::RepeatableRead,
    Level::SnapshotIsolation,
    Level::StrongSessionSnapshotIsolation,
    Level::StrongSnapshotIsolation,
    Level::Serializable,
    Level::StrongSessionSerializable,
    Level::StrictSerializable,
];

fn shows(history: &History<Txn>, anomaly: Anomaly) -> bool {
    judged(history).found.iter().any(|f| f.anomaly == anomaly)
}

#[test]
fn every_witness_is_a_proof_and_none_is_without_any_one_of_its_transactions() {
    let mut rng = Pcg64Mcg::seed_from_u64(21);
    let (mut total, mut whole) = (0u64, 0u64);
    let mut seen = std::collections::BTreeMap::new();
    for case in 0..cases(3_000) {
        let history = random(&mut rng, case % 2 == 0);
        for found in judged(&history).found {
            let (witness, anomaly) = (&found.finding.witness, found.anomaly);
            *seen.entry(anomaly).or_insert(0) += 1;
            let told = || {
                let (history, code) = (shown(&history), &found.finding.code);
                format!("case {case}, {code} of {witness:?}:\n{history}")
            };
            total += 1;
            if !found.finding.minimal {
                // Alone, its transactions may prove something worse, where reads that contradict all others hid that.
                whole += 1;
                continue;
            }
            let alone = project(&history, witness);
            assert_eq!(alone.spans().len(), witness.len(), "{}", told());
            assert!(
                shows(&alone, anomaly),
                "no proof: {}{}",
                told(),
                shown(&alone)
            );
            for left_out in witness {
                let rest: Vec<Index> = witness.iter().copied().filter(|i| i != left_out).collect();
                let rest = project(&history, &rest);
                assert!(!shows(&rest, anomaly), "without {left_out:?}: {}", told());
            }
        }
    }
    assert!(whole * 1000 <= total, "{whole} of {total} not shrunk");
    assert!(seen.len() >= 20, "only these were seen: {seen:?}");
}

#[test]
fn any_part_of_a_legal_history_is_legal() {
    let mut rng = Pcg64Mcg::seed_from_u64(22);
    let mut legal = 0u64;
    for case in 0..cases(10_000) {
        let lists = case % 2 == 0;
        let history = random(&mut rng, lists);
        let all = history.spans().iter().map(|span| span.invoked);
        let part: Vec<Index> = all.filter(|_| rng.random_bool(0.6)).collect();
        let part = project(&history, &part);
        let told = || format!("case {case}:\n{}\n{}", shown(&history), shown(&part));
        for ((level, before), (_, after)) in oracle(&history).into_iter().zip(oracle(&part)) {
            legal += u64::from(before);
            assert!(after || !before, "{level}, {}", told());
        }
        for allows in [snapshot_allows, read_committed_allows] {
            assert!(
                allows(&part, lists) || !allows(&history, lists),
                "{}",
                told()
            );
        }
        let (whole, part) = (judged(&history), judged(&part));
        for level in ORDERS {
            let accused =
                |judgement: &super::Judgement| super::agreement::violates(judgement, level);
            // Where the checker is complete, this follows; where it is not, it must be so all the same.
            assert!(accused(&whole) || !accused(&part), "{level}, {}", told());
        }
    }
    assert!(legal > cases(10_000) / 2, "{legal} legal");
}
