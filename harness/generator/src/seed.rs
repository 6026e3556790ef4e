//! The one number from which every choice of a run comes.
//!
//! Components do not share a stream of random numbers: then a draw more in one would change all that another does
//! after it. Each derives its own seed by name, so that a run can change one part and keep the rest.

use std::fmt;

use rand::SeedableRng;

/// A seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seed(pub u64);

/// The random numbers that schism draws: the same for a seed on every machine and in every version.
pub type Rng = rand_pcg::Pcg64Mcg;

impl Seed {
    /// The seed of a part with this name. Depends on nothing but this seed and the name.
    #[must_use]
    pub fn derive(self, label: &str) -> Self {
        // FNV-1a over the name, then SplitMix64's finisher, which makes neighbours unlike each other.
        let hash = label
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        Self(mix(self.0 ^ mix(hash)))
    }
    /// The seed of the `n`th of several like parts.
    #[must_use]
    pub fn nth(self, n: u64) -> Self {
        Self(mix(mix(self.0).wrapping_add(n)))
    }
    /// Its stream of random numbers.
    pub fn rng(self) -> Rng {
        Rng::seed_from_u64(self.0)
    }
}

/// As people type it: a decimal number.
impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for Seed {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    #[test]
    fn parts_with_different_names_draw_different_numbers() {
        let run = Seed(1);
        let draw = |seed: Seed| seed.rng().random::<u64>();
        assert_eq!(draw(run.derive("mix")), draw(run.derive("mix")));
        assert_ne!(draw(run.derive("mix")), draw(run.derive("stagger")));
        assert_ne!(draw(run.nth(0)), draw(run.nth(1)));
        assert_ne!(draw(run.derive("mix")), draw(Seed(2).derive("mix")));
    }

    #[test]
    fn the_numbers_of_a_seed_never_change() {
        let mut rng = Seed(45100).derive("mix").rng();
        let drawn: Vec<u8> = (0..8).map(|_| rng.random_range(0..100)).collect();
        assert_eq!(drawn, [76, 39, 79, 90, 45, 66, 1, 49]);
    }
}
