//! What becomes of one packet: decided from its rule, the link's state and the random numbers alone, so that a seed tells
//! all. Time is what has passed since the start.
//!
//! The order of events is netem's (tc-netem(8)): lost, or doubled, damaged, held back. Unlike there, packets of one link
//! stay in their order under jitter, as they would on one path through a network; those drawn for `reorder` skip the
//! delay and so overtake the others. A link of limited rate has a buffer that it empties within a second; what does not
//! fit is dropped.

use std::{f64::consts::TAU, time::Duration};

use rand::{Rng, RngExt};

use super::treatment::{Distribution, Treatment};

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Dropped,
    Delivered {
        at: Duration,
        /// Whether it arrives twice.
        twice: bool,
        damaged: bool,
    },
}

/// A link from a peer to here.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) treatment: Treatment,
    /// When the last packet that kept its place is delivered.
    last: Duration,
    /// When the link has sent all that it has.
    free: Duration,
}

const BUFFER: Duration = Duration::from_secs(1);

impl Link {
    pub(super) fn new(treatment: Treatment) -> Self {
        Self {
            treatment,
            last: Duration::ZERO,
            free: Duration::ZERO,
        }
    }

    /// Decides about a packet of this size that arrives now.
    pub(super) fn fate(&mut self, now: Duration, bytes: usize, rng: &mut impl Rng) -> Fate {
        let t = &self.treatment;
        let mut happens = |share: f64| share > 0.0 && rng.random::<f64>() < share;
        if happens(t.loss) {
            return Fate::Dropped;
        }
        let (twice, damaged) = (happens(t.duplicate), happens(t.corrupt));
        let overtakes = happens(t.reorder);
        let mut sent = now;
        if t.rate > 0 {
            let waits = self.free.max(now);
            if waits - now > BUFFER {
                return Fate::Dropped;
            }
            sent = waits + Duration::from_secs_f64(bytes as f64 * 8.0 / t.rate as f64);
            self.free = sent;
        }
        let at = if overtakes {
            sent
        } else {
            self.last = self.last.max(sent + delay(t, rng));
            self.last
        };
        Fate::Delivered { at, twice, damaged }
    }
}

/// How long one packet is held back.
fn delay(t: &Treatment, rng: &mut impl Rng) -> Duration {
    if t.jitter.is_zero() {
        return t.delay;
    }
    let spread = match t.distribution {
        Distribution::Uniform => rng.random::<f64>() * 2.0 - 1.0,
        // Box and Muller 1958.
        Distribution::Normal => {
            let (u, v) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
            (-2.0 * u.ln()).sqrt() * (TAU * v).cos()
        }
        // Of shape 3, moved and scaled to mean 0 and deviation 1.
        Distribution::Pareto => {
            let u = 1.0 - rng.random::<f64>();
            (u.powf(-1.0 / 3.0) - 1.5) / 0.75_f64.sqrt()
        }
    };
    // Four deviations, as far as netem's tables go: one packet in a million should not decide how long a test takes.
    let spread = spread.clamp(-4.0, 4.0) * t.jitter.as_secs_f64();
    Duration::from_secs_f64((t.delay.as_secs_f64() + spread).max(0.0))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_pcg::Pcg64;

    use super::*;

    fn link(text: &str) -> Link {
        let rule: super::super::treatment::Rule = format!("::1 {text}").parse().unwrap();
        Link::new(rule.treatment)
    }

    /// The fates of packets of 1000 bytes, one every 10 ms: long enough that none waits for another.
    fn fates(text: &str, seed: u64, count: u32) -> Vec<(Duration, Fate)> {
        let (mut link, mut rng) = (link(text), Pcg64::seed_from_u64(seed));
        (0..count)
            .map(|i| {
                let now = Duration::from_millis(10) * i;
                (now, link.fate(now, 1000, &mut rng))
            })
            .collect()
    }

    fn delays(text: &str) -> Vec<f64> {
        fates(text, 5, 20_000)
            .into_iter()
            .map(|(now, fate)| match fate {
                Fate::Delivered { at, .. } => (at - now).as_secs_f64() * 1e3,
                Fate::Dropped => panic!("nothing is lost"),
            })
            .collect()
    }

    fn moments(values: &[f64]) -> (f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        (mean, variance.sqrt())
    }

    #[test]
    fn delays_spread_as_asked() {
        let fixed = delays("delay=50000");
        assert!(fixed.iter().all(|d| (*d - 50.0).abs() < 1e-6));
        // Jitter so small that no packet waits for the one before it. Pareto's is what is left of 1 without its far tail.
        for (name, deviation) in [
            ("uniform", 1.0 / 3_f64.sqrt()),
            ("normal", 1.0),
            ("pareto", 0.74),
        ] {
            let drawn = delays(&format!("delay=50000 jitter=1000 distribution={name}"));
            let (mean, sd) = moments(&drawn);
            assert!((mean - 50.0).abs() < 0.05, "{name}: mean {mean}");
            assert!((sd - deviation).abs() < 0.05, "{name}: deviation {sd}");
            assert!(drawn.iter().all(|d| (46.0..=54.0).contains(d)), "{name}");
        }
        // The tail is what pareto is for.
        let late = |name: &str| {
            let drawn = delays(&format!("delay=50000 jitter=1000 distribution={name}"));
            drawn.iter().filter(|d| **d > 53.0).count()
        };
        assert!(
            late("pareto") > 3 * late("normal"),
            "{} {}",
            late("pareto"),
            late("normal")
        );
    }

    #[test]
    fn shares_are_kept() {
        let (mut lost, mut twice, mut damaged) = (0, 0, 0);
        for (_, fate) in fates("loss=20 duplicate=50 corrupt=10", 3, 10_000) {
            match fate {
                Fate::Dropped => lost += 1,
                Fate::Delivered {
                    twice: t,
                    damaged: d,
                    ..
                } => {
                    twice += u32::from(t);
                    damaged += u32::from(d);
                }
            }
        }
        assert!((1_800..2_200).contains(&lost), "{lost}");
        assert!((3_700..4_300).contains(&twice), "{twice}");
        assert!((700..900).contains(&damaged), "{damaged}");
    }

    #[test]
    fn packets_keep_their_order_unless_they_shall_not() {
        let order = |text: &str| {
            let (mut link, mut rng) = (link(text), Pcg64::seed_from_u64(1));
            let at: Vec<Duration> = (0..1000)
                .map(
                    |i| match link.fate(Duration::from_micros(i), 100, &mut rng) {
                        Fate::Delivered { at, .. } => at,
                        Fate::Dropped => panic!("nothing is lost"),
                    },
                )
                .collect();
            at.windows(2).filter(|w| w[1] < w[0]).count()
        };
        assert_eq!(order("delay=5000 jitter=4000"), 0);
        let overtook = order("delay=5000 reorder=10");
        assert!((60..140).contains(&overtook), "{overtook}");
    }

    #[test]
    fn a_slow_link_takes_its_time_and_drops_what_does_not_fit() {
        let (mut link, mut rng) = (link("rate=80000"), Pcg64::seed_from_u64(1));
        let fates: Vec<Fate> = (0..20)
            .map(|_| link.fate(Duration::ZERO, 1000, &mut rng))
            .collect();
        for (i, fate) in fates.iter().enumerate() {
            let at = Duration::from_millis(100) * (i as u32 + 1);
            let delivered = Fate::Delivered {
                at,
                twice: false,
                damaged: false,
            };
            assert_eq!(
                *fate,
                if i <= 10 { delivered } else { Fate::Dropped },
                "{i}"
            );
        }
    }

    #[test]
    fn the_same_seed_decides_the_same() {
        let text = "delay=1000 jitter=500 loss=10 duplicate=10 corrupt=10 reorder=10";
        assert_eq!(fates(text, 9, 500), fates(text, 9, 500));
        assert_ne!(fates(text, 9, 500), fates(text, 10, 500));
    }
}
