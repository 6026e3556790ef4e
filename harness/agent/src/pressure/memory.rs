//! Memory taken by writing to it, and kept by writing to it again.

use std::{fs, thread, time::Duration};

use crate::answer::Failure;

/// What is left to everybody else, in MiB, in any case: the node shall be short of memory, not dead.
const LEFT: u64 = 256;
/// The smallest page that there is.
const PAGE: usize = 4096;
/// After how long a page that nobody has used would look idle.
const AGAIN: Duration = Duration::from_secs(1);

/// What was taken.
pub(super) struct Held(Vec<u8>);

impl Held {
    /// Takes so many MiB, or what is free if that is less.
    pub(super) fn take(megabytes: u64) -> Result<Self, Failure> {
        let free = free()?;
        let room = free.saturating_sub(LEFT.max(free / 20));
        let megabytes = megabytes.min(room);
        if megabytes == 0 {
            return Err(Failure(format!(
                "only {free} MiB of memory are free, and {LEFT} are left in any case"
            )));
        }
        // If it is too much nevertheless, the kernel shall choose this process and not the system's.
        let _ = fs::write("/proc/self/oom_score_adj", "1000");
        let refused = || Failure(format!("{megabytes} MiB of memory cannot be had"));
        let bytes = usize::try_from(megabytes << 20).map_err(|_| refused())?;
        let mut memory: Vec<u8> = Vec::new();
        memory.try_reserve_exact(bytes).map_err(|_| refused())?;
        memory.resize(bytes, 0);
        let mut held = Self(memory);
        held.touch(1);
        Ok(held)
    }

    /// How much, in MiB.
    pub(super) fn megabytes(&self) -> usize {
        self.0.len() >> 20
    }

    fn touch(&mut self, round: u64) {
        for (number, page) in self.0.chunks_mut(PAGE).enumerate() {
            // No two pages alike, or the kernel might keep them once.
            let mark = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ round;
            if let Some(start) = page.first_chunk_mut() {
                *start = mark.to_ne_bytes();
            }
        }
    }

    /// Keeps it for good.
    pub(super) fn keep(mut self) -> ! {
        let mut round = 2;
        loop {
            thread::sleep(AGAIN);
            self.touch(round);
            std::hint::black_box(&self.0);
            round += 1;
        }
    }
}

/// What the kernel could hand out without swapping, in MiB.
fn free() -> Result<u64, Failure> {
    let path = "/proc/meminfo";
    let text = fs::read_to_string(path).map_err(Failure::io("reading", path.as_ref()))?;
    available(&text).ok_or_else(|| Failure(format!("{path} does not say what is available")))
}

fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes >> 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_available_is_read_in_mebibytes() {
        let text = "MemTotal:       24567 kB\nMemFree: 1 kB\nMemAvailable:   10240000 kB\n";
        assert_eq!(available(text), Some(10_000));
        assert_eq!(available("MemTotal: 3 kB\n"), None);
    }
}
