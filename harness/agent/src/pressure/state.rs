//! By how much a node is short, measured now.

use std::{fs, path::Path, thread, time::Duration};

use super::{
    holder::Files,
    limit,
    process::{Identity, Stat},
    request::Load,
};
use crate::answer::Failure;

/// How long processor time is watched: many of the kernel's ticks, of which there are a hundred a second.
const WATCH: Duration = Duration::from_millis(500);

/// Ticks burnt in half a second, MiB resident, files held open, or processes whose limit is low.
pub(super) fn state(directory: &Path, name: &str) -> Result<String, Failure> {
    let files = Files::of(directory, name)?;
    let Some(daemon) = Identity::in_file(&files.pid) else {
        // Without its keeper a limit may be low still.
        return Ok(limit::in_force(&files.limits)?.to_string());
    };
    let text = fs::read(&files.load).map_err(Failure::io("reading", &files.load))?;
    let load: Load = serde_json::from_slice(&text)
        .map_err(|error| Failure(format!("reading {}: {error}", files.load.display())))?;
    let proc = |file: &str| format!("/proc/{}/{file}", daemon.pid);
    let number = match load {
        Load::Cpu { .. } => {
            let ticks = || Stat::of(daemon.pid).map_or(0, |stat| stat.ticks);
            let before = ticks();
            thread::sleep(WATCH);
            ticks().saturating_sub(before)
        }
        Load::Memory { .. } => {
            let status = fs::read_to_string(proc("status")).unwrap_or_default();
            resident(&status).unwrap_or(0)
        }
        Load::Descriptors { .. } => fs::read_dir(proc("fd")).map_or(0, |open| open.count() as u64),
        Load::Limit { .. } => limit::in_force(&files.limits)? as u64,
    };
    Ok(number.to_string())
}

fn resident(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes >> 10)
}
