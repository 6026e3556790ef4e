//! Which unsynced changes a disk has kept when the power failed: POSIX promises nothing about any of them, and real disks
//! keep none, the first few, a part of one, or any of them in any order (Pillai et al., "All File Systems Are Not Created
//! Equal", OSDI 2014, §2). Pure: all choice comes from the generator.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::image::Change;

/// What a disk writes at once or not at all.
const SECTOR: u64 = 512;

/// What survives of a file's unsynced changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Survive {
    /// Nothing.
    #[default]
    None,
    /// All up to some moment.
    Prefix,
    /// All up to some moment, and of the next write only some sectors.
    Torn,
    /// Any of them: a later one may have reached the disk and an earlier one not.
    Any,
}

/// What has reached the disk, in the order in which it was done.
pub(super) fn survivors(log: &[Change], how: Survive, rng: &mut impl Rng) -> Vec<Change> {
    match how {
        Survive::None => Vec::new(),
        Survive::Prefix => log[..rng.random_range(0..=log.len())].to_vec(),
        Survive::Torn => {
            let whole = rng.random_range(0..log.len().max(1));
            let mut kept = log[..whole.min(log.len())].to_vec();
            kept.extend(log.get(whole).into_iter().flat_map(|c| torn(c, rng)));
            kept
        }
        Survive::Any => {
            let mut kept = log.to_vec();
            kept.retain(|_| rng.random_bool(0.5));
            kept
        }
    }
}

/// Some of a write's sectors; nothing of what is no write, for that happens at once or not at all.
fn torn(change: &Change, rng: &mut impl Rng) -> Vec<Change> {
    let Change::Write { at, data } = change else {
        return Vec::new();
    };
    let (mut kept, mut from) = (Vec::new(), 0);
    while from < data.len() {
        let here = at + from as u64;
        let to = (from + (SECTOR - here % SECTOR) as usize).min(data.len());
        if rng.random_bool(0.5) {
            kept.push(Change::Write {
                at: here,
                data: data[from..to].into(),
            });
        }
        from = to;
    }
    kept
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_pcg::Pcg64;

    use super::*;

    fn write(at: u64, len: usize, byte: u8) -> Change {
        Change::Write {
            at,
            data: vec![byte; len].into(),
        }
    }

    fn drawn(log: &[Change], how: Survive) -> Vec<Vec<Change>> {
        (0..200)
            .map(|seed| survivors(log, how, &mut Pcg64::seed_from_u64(seed)))
            .collect()
    }

    #[test]
    fn nothing_survives_unless_it_is_asked_for_and_nothing_comes_of_nothing() {
        let log = [write(0, 10, 1), Change::Resize { to: 3 }];
        assert!(drawn(&log, Survive::None).iter().all(Vec::is_empty));
        for how in [Survive::Prefix, Survive::Torn, Survive::Any] {
            assert!(drawn(&[], how).iter().all(Vec::is_empty));
        }
    }

    #[test]
    fn a_prefix_is_one_and_each_is_drawn() {
        let log = [write(0, 10, 1), Change::Resize { to: 3 }, write(3, 1, 2)];
        let mut lengths = std::collections::BTreeSet::new();
        for kept in drawn(&log, Survive::Prefix) {
            assert_eq!(kept, log[..kept.len()]);
            lengths.insert(kept.len());
        }
        assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
    }

    #[test]
    fn any_of_them_may_survive_without_those_before_it() {
        let log = [write(0, 10, 1), write(10, 10, 2)];
        let all = drawn(&log, Survive::Any);
        for kept in [&log[..0], &log[..1], &log[1..], &log[..]] {
            assert!(all.iter().any(|k| k == kept), "{kept:?}");
        }
    }

    #[test]
    fn a_torn_write_breaks_where_sectors_do() {
        let log = [write(0, 4, 9), write(500, 2000, 1)];
        let (mut holes, mut parts) = (false, false);
        for kept in drawn(&log, Survive::Torn) {
            let pieces: Vec<(u64, u64)> = kept
                .iter()
                .filter_map(|c| match c {
                    Change::Write { at, data } if data[0] == 1 => Some((*at, data.len() as u64)),
                    _ => None,
                })
                .collect();
            for (at, len) in &pieces {
                assert!(*at == 500 || at % SECTOR == 0, "{at}");
                assert!((at + len) % SECTOR == 0 || at + len == 2500, "{at}+{len}");
            }
            parts |= (1..5).contains(&pieces.len());
            holes |= pieces.windows(2).any(|w| w[0].0 + w[0].1 < w[1].0);
        }
        assert!(parts && holes);
    }
}
