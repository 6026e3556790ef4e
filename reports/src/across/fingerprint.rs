//! A name for a finding that is the same in every run that shows it.
//!
//! It hashes the case (target, its mode, the workload), the checker's property, the anomaly and the kinds of fault that
//! were seen to bite while it happened. It knows no value, time, node or seed: those differ from run to run. Of a cycle
//! of transactions the anomaly *is* the shape: the catalogue tells `G0`, `G1c`, `G-single` and `G2` apart by the edges.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Twelve hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(String);

const DIGITS: usize = 12;

impl Fingerprint {
    /// Of a violation of `property` in `case`, named `code` in the catalogue, while faults of these kinds were in force.
    pub fn new<'a>(
        case: &str,
        property: &str,
        code: &str,
        faults: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut kinds: Vec<&str> = faults.into_iter().collect();
        kinds.sort_unstable();
        kinds.dedup();
        let mut hash = Fnv::new();
        for part in [case, property, code].into_iter().chain(kinds) {
            // The length first, so that no two lists of parts run together into the same bytes.
            hash.write(&(part.len() as u64).to_le_bytes());
            hash.write(part.as_bytes());
        }
        Self(format!("{:012x}", hash.0 >> 16))
    }

    /// As it is typed and printed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Fingerprint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if text.len() == DIGITS && text.chars().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "{text:?} is not a fingerprint: {DIGITS} digits of 0-9 and a-f"
            ))
        }
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.0
    }
}

/// FNV-1a, 64 bits: the same on every machine and in every version of this program, which no hasher of the standard
/// library promises. Its upper bits, which are the better mixed, are kept.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(faults: &[&str]) -> Fingerprint {
        Fingerprint::new(
            "register-etcd",
            "linearizable",
            "stale-read",
            faults.iter().copied(),
        )
    }

    #[test]
    fn it_never_changes_because_baselines_keep_it() {
        assert_eq!(of(&["partition"]).as_str(), "08aa5b27ff97");
    }

    #[test]
    fn the_order_and_number_of_faults_do_not_matter_but_their_kinds_do() {
        assert_eq!(
            of(&["kill", "partition"]),
            of(&["partition", "kill", "kill"])
        );
        assert_ne!(of(&["kill"]), of(&["partition"]));
        assert_ne!(of(&[]), of(&["partition"]));
    }

    #[test]
    fn parts_do_not_run_together() {
        let a = Fingerprint::new("a", "bc", "d", []);
        let b = Fingerprint::new("ab", "c", "d", []);
        assert_ne!(a, b);
    }

    #[test]
    fn only_its_own_form_is_read_back() {
        assert_eq!(of(&[]).as_str().parse(), Ok(of(&[])));
        for odd in ["", "abc", "ABCDEF012345", "../../../etc", "0123456789abc"] {
            assert!(odd.parse::<Fingerprint>().is_err(), "{odd}");
        }
    }
}
