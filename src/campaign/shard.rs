//! Parts of a campaign for several machines.
//!
//! Where a run belongs depends on its case's name and on which of the case's seeds it is, and on nothing else: not on the
//! order, on what else is chosen, or on the number that a seed happens to be, so that shards fit together whatever else they
//! were told. As it is a hash that decides, they are of about the same size, not of the same.

use std::{fmt, str::FromStr};

use generator::Seed;

use super::Draw;

/// The ith of n.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shard {
    part: u32,
    of: u32,
}

impl Shard {
    /// Whether this run is in it.
    pub(crate) fn has(self, case: &str, draw: Draw, repeat: u32) -> bool {
        let hash = Seed(0).derive(&format!("{case} {draw} {repeat}")).0;
        hash % u64::from(self.of) == u64::from(self.part - 1)
    }
}

impl FromStr for Shard {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('/').and_then(|(part, of)| {
            let (part, of) = (part.parse().ok()?, of.parse().ok()?);
            (1..=of).contains(&part).then_some(Self { part, of })
        });
        parsed.ok_or_else(|| format!("--shard {text}: write 1/4, 2/4, 3/4 or 4/4"))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs() -> Vec<(String, Draw, u32)> {
        let mut runs = Vec::new();
        for case in 0..20 {
            for draw in [Draw::Nth(0), Draw::Nth(1), Draw::Fixed(Seed(7))] {
                runs.extend((0..3).map(|repeat| (format!("register-{case}/kill"), draw, repeat)));
            }
        }
        runs
    }

    #[test]
    fn every_run_is_in_exactly_one_shard_however_many_there_are() {
        for of in 1..=40 {
            for (case, draw, repeat) in runs() {
                let shards = (1..=of).map(|part| Shard { part, of });
                let has = shards.filter(|s| s.has(&case, draw, repeat)).count();
                assert_eq!(has, 1, "{case} {draw} {repeat} of {of}");
            }
        }
    }

    #[test]
    fn shards_are_of_about_the_same_size_and_never_change() {
        let size = |part, of| {
            let shard = Shard { part, of };
            runs()
                .iter()
                .filter(|(c, d, r)| shard.has(c, *d, *r))
                .count()
        };
        let sizes: Vec<usize> = (1..=4).map(|part| size(part, 4)).collect();
        assert!(sizes.iter().all(|n| (25..=65).contains(n)), "{sizes:?}");
        // As a campaign of another day and version has dealt them.
        let first = Shard { part: 1, of: 2 };
        let dealt: Vec<bool> = (0..8)
            .map(|r| first.has("register-etcd/kill", Draw::Nth(0), r))
            .collect();
        assert_eq!(dealt, DEALT);
    }

    const DEALT: [bool; 8] = [false, true, false, true, true, true, false, false];

    #[test]
    fn a_shard_is_read_as_it_is_written() {
        let shard: Shard = "2/4".parse().unwrap();
        assert_eq!(shard.to_string(), "2/4");
        for bad in ["", "2", "0/4", "5/4", "1/0", "a/b", "1/4/5", "-1/4"] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
    }
}
