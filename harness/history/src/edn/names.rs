//! One copy of each name: a small cache in front of the allocator.

use std::sync::Arc;

/// How many names are remembered.
const SLOTS: usize = 512;
/// Longer names are not remembered; they seldom come twice.
const LONGEST: usize = 32;

/// Remembers the names that were seen last. Of fixed size, whatever the text: two names that want the same slot displace
/// each other.
pub(crate) struct Names(Box<[Option<Arc<str>>]>);

impl Default for Names {
    fn default() -> Self {
        Self(vec![None; SLOTS].into())
    }
}

impl Names {
    /// A shared copy of this name; `None` if it is not UTF-8.
    pub(crate) fn get(&mut self, name: &[u8]) -> Option<Arc<str>> {
        if name.len() > LONGEST {
            return std::str::from_utf8(name).ok().map(Arc::from);
        }
        // FNV-1a. Collisions made on purpose cost time only.
        let hash = name.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
        });
        let slot = &mut self.0[(hash >> 32) as usize % SLOTS];
        match slot {
            Some(known) if known.as_bytes() == name => Some(Arc::clone(known)),
            _ => {
                let fresh: Arc<str> = Arc::from(std::str::from_utf8(name).ok()?);
                *slot = Some(Arc::clone(&fresh));
                Some(fresh)
            }
        }
    }
}
