//! The shards of a campaign, put together again.

use std::collections::BTreeMap;

use generator::Seed;
use runner::store::{Owner, run_suffix, suite_id};

use super::suite::Suite;

/// Of these suites, those that are all shards of one campaign, as one; and the rest as they are. What makes shards one
/// campaign is the seed that they share.
pub(crate) fn join(suites: Vec<Suite>) -> (Vec<Suite>, Vec<Suite>) {
    let mut campaigns: BTreeMap<(String, String), BTreeMap<String, Suite>> = BTreeMap::new();
    let mut others = Vec::new();
    for suite in suites {
        let Some((part, of)) = suite.shard.as_deref().and_then(|s| s.split_once('/')) else {
            others.push(suite);
            continue;
        };
        let (part, of) = (part.to_owned(), of.to_owned());
        let shards = campaigns.entry((suite.seed.clone(), of)).or_default();
        // A shard that was made twice counts as it was made last.
        let newer = shards
            .get(&part)
            .is_none_or(|there| there.started <= suite.started);
        let outdone = match newer {
            true => shards.insert(part, suite),
            false => Some(suite),
        };
        others.extend(outdone);
    }
    let mut joined = Vec::new();
    for ((_, of), shards) in campaigns {
        let shards: Vec<Suite> = shards.into_values().collect();
        match of.parse() == Ok(shards.len()) {
            true => joined.extend(whole(shards)),
            false => others.extend(shards),
        }
    }
    (joined, others)
}

/// Its name follows from theirs, so that joining again makes the same.
fn whole(shards: Vec<Suite>) -> Option<Suite> {
    let first = shards.iter().min_by_key(|shard| shard.started)?;
    let names: Vec<&str> = shards.iter().map(|shard| shard.suite.as_str()).collect();
    let suffix = run_suffix(first.started, Seed(0).derive(&names.join(" ")).0);
    let mut whole = Suite {
        suite: suite_id(first.started, &suffix).ok()?,
        shard: None,
        owner: Owner::ours(),
        // As long as one of them has not ended, neither has the whole.
        ended: shards.iter().map(|shard| shard.ended).min().flatten(),
        configs: shards
            .iter()
            .flat_map(|shard| shard.configs.clone())
            .collect(),
        cases: shards
            .iter()
            .flat_map(|shard| shard.cases.clone())
            .collect(),
        ..first.clone()
    };
    if whole.ended.is_some() {
        whole.ended = shards.iter().filter_map(|shard| shard.ended).max();
    }
    whole
        .cases
        .sort_by_key(|case| (case.repeat, case.name(), case.draw.clone()));
    whole.exit = Some(whole.conclude().code());
    Some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::suite::tests::suite;

    fn seeds(suite: &Suite) -> Vec<String> {
        let mut seeds: Vec<String> = suite.cases.iter().map(|c| c.seed.clone()).collect();
        seeds.sort();
        seeds
    }

    #[test]
    fn all_shards_are_the_whole_and_fewer_stay_what_they_are() {
        let shards: Vec<Suite> = ["1/3", "2/3", "3/3"].map(|s| suite(3, Some(s))).into();
        let (joined, others) = join(shards.clone());
        assert_eq!((joined.len(), others.len()), (1, 0));
        assert_eq!(seeds(&joined[0]), seeds(&suite(3, None)));
        assert_eq!(joined[0].exit, Some(3), "none of it was begun");
        assert_eq!(join(shards.clone()).0[0].suite, joined[0].suite);

        let (joined, others) = join(shards[..2].to_vec());
        assert_eq!((joined.len(), others.len()), (0, 2));
        // Nor does another campaign's shard make it whole.
        let mut other = shards[2].clone();
        other.seed = "0x6".to_owned();
        let (joined, others) = join(vec![shards[0].clone(), shards[1].clone(), other]);
        assert_eq!((joined.len(), others.len()), (0, 3));
    }

    #[test]
    fn of_a_shard_that_was_made_twice_the_last_counts() {
        let (one, two) = (suite(1, Some("1/2")), suite(1, Some("2/2")));
        let mut again = one.clone();
        again.started += chrono::Duration::seconds(9);
        again.cases[0].findings = 7;
        let (joined, others) = join(vec![again, one, two]);
        assert_eq!((joined.len(), others.len()), (1, 1));
        assert!(joined[0].cases.iter().any(|case| case.findings == 7));
    }
}
