//! Open files held by the thousand: entries of the one table that all processes of a kernel share.

use std::fs::{self, File};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::answer::Failure;

const TABLE: &str = "/proc/sys/fs/file-nr";
/// What this process needs for itself.
const OWN: u64 = 16;

/// Opens so many; fewer if that would leave less than a tenth of the table to others.
pub(super) fn take(count: u64) -> Result<Vec<File>, Failure> {
    let text = fs::read_to_string(TABLE).map_err(Failure::io("reading", TABLE.as_ref()))?;
    let room = room(&text).ok_or_else(|| Failure(format!("{TABLE} is not understood")))?;
    let count = count.min(room);
    if count == 0 {
        return Err(Failure(
            "nine tenths of the kernel's table of open files are in use already".into(),
        ));
    }
    raise(count + OWN)?;
    // Each opening is an entry of its own; duplicates of a descriptor would share one.
    (0..count)
        .map(|_| File::open("/dev/null").map_err(Failure::io("opening", "/dev/null".as_ref())))
        .collect()
}

fn raise(wanted: u64) -> Result<(), Failure> {
    let now = getrlimit(Resource::Nofile);
    if now.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    let higher = Rlimit {
        current: Some(wanted),
        maximum: now.maximum.map(|maximum| maximum.max(wanted)),
    };
    setrlimit(Resource::Nofile, higher).map_err(|errno| {
        Failure(format!(
            "one process may not hold {wanted} open files here: {errno}"
        ))
    })
}

/// How many may be taken: "allocated, unused, maximum" in proc_sys_fs(5).
fn room(text: &str) -> Option<u64> {
    let numbers: Vec<u64> = text
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    let [allocated, unused, maximum] = numbers[..] else {
        return None;
    };
    let used = allocated.saturating_sub(unused);
    Some((maximum - maximum / 10).saturating_sub(used))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_the_table_is_left() {
        assert_eq!(room("500\t0\t1000\n"), Some(400));
        assert_eq!(room("950\t0\t1000\n"), Some(0));
        assert_eq!(
            room("700\t100\t9223372036854775807\n"),
            Some(8_301_034_833_169_297_627)
        );
        assert_eq!(room("1 2\n"), None);
    }
}
