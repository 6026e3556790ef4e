//! The limit on open files of processes that run, lowered to what they have open: what is open stays so, the next `open`,
//! `socket` or `accept` fails with EMFILE. What the process closes meanwhile is lost to it, too, as after a leak: the limit
//! follows downwards. Only the soft limit is touched, so that setting it back needs no privilege that lowering it did not.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit, prlimit};
use serde::{Deserialize, Serialize};

use super::process::Identity;
use crate::answer::Failure;

/// How soon a process that was started anew is noticed.
const LOOK: Duration = Duration::from_millis(200);

/// How long a process that was started anew must have opened nothing more: one that could not open what it needs would not
/// start at all, and another fault that had killed it could not be healed.
const SETTLE: Duration = Duration::from_secs(3);

/// What a process's limit was, and what it was lowered to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Lowered {
    process: Identity,
    /// `None`: unlimited.
    before: Option<u64>,
    /// At first; it may have become less, never more.
    now: u64,
}

impl Lowered {
    /// Whether a limit is one that was set here, and by nobody else since.
    fn is_it(&self, current: Option<u64>) -> bool {
        current.is_some_and(|current| current <= self.now)
    }
}

/// The first of the processes.
#[derive(Debug, Clone, Copy)]
struct Head {
    process: Identity,
    /// Whether it was there when this began.
    first: bool,
    /// How much it has open, and since when.
    open: Option<u64>,
    since: Instant,
}

/// Limits kept low.
pub(super) struct Keeper {
    pid_file: PathBuf,
    spare: u64,
    /// Where the old limits are written down before they are changed.
    file: PathBuf,
    lowered: BTreeMap<Identity, Lowered>,
    /// The limits of those that run, as they were set last.
    set: BTreeMap<Identity, u64>,
    /// The process that the pid file names.
    head: Option<Head>,
}

impl Keeper {
    /// Lowers those of the process that runs now.
    pub(super) fn begin(pid_file: &Path, spare: u64, file: PathBuf) -> Result<Self, Failure> {
        let mut keeper = Self {
            pid_file: pid_file.to_owned(),
            spare,
            file,
            lowered: BTreeMap::new(),
            set: BTreeMap::new(),
            head: None,
        };
        keeper.look()?;
        if keeper.lowered.is_empty() {
            return Err(Failure(format!(
                "no process whose limit could be lowered: {} names none that runs",
                pid_file.display()
            )));
        }
        Ok(keeper)
    }

    /// Those of its descendants and of its successors, too, for good.
    pub(super) fn keep(mut self) -> ! {
        loop {
            thread::sleep(LOOK);
            // What fails now may succeed the next time; a process may end at any moment.
            let _ = self.look();
        }
    }

    fn look(&mut self) -> Result<(), Failure> {
        let Some(head) = Identity::in_file(&self.pid_file) else {
            return Ok(());
        };
        let open = enough_for(head, 0);
        let known = match self.head {
            Some(known) if known.process == head && known.open == open => known,
            before => Head {
                process: head,
                first: before.is_none_or(|before| before.first && before.process == head),
                open,
                since: Instant::now(),
            },
        };
        self.head = Some(known);
        if !known.first && known.since.elapsed() < SETTLE {
            return Ok(());
        }
        for process in head.family() {
            self.lower(process)?;
        }
        Ok(())
    }

    fn lower(&mut self, process: Identity) -> Result<(), Failure> {
        let (Some(limit), Some(now)) = (current(process), enough_for(process, self.spare)) else {
            return Ok(());
        };
        let now = limit.maximum.map_or(now, |maximum| now.min(maximum));
        match self.set.get(&process) {
            // Another has set it, or nothing was closed.
            Some(&set) if limit.current != Some(set) || now >= set => return Ok(()),
            Some(_) => {}
            None => {
                // A child may have been born with a lowered limit; what is right for it is what its parent had.
                let parent = |other: &&Lowered| {
                    let set = self.set.get(&other.process);
                    other.is_it(limit.current) && limit.current >= set.copied()
                };
                let inherited = self.lowered.values().find(parent).map(|p| p.before);
                let lowered = Lowered {
                    process,
                    before: inherited.unwrap_or(limit.current),
                    now,
                };
                self.lowered.insert(process, lowered);
                self.write_down()?;
            }
        }
        self.set.insert(process, now);
        set(process, Some(now), limit.maximum)
            .map_err(Failure::io("lowering the limit named in", &self.pid_file))
    }

    fn write_down(&self) -> Result<(), Failure> {
        let all: Vec<&Lowered> = self.lowered.values().collect();
        let text = serde_json::to_vec(&all).expect("numbers are JSON");
        let new = self.file.with_extension("limits-new");
        fs::write(&new, text)
            .and_then(|()| fs::rename(&new, &self.file))
            .map_err(Failure::io("writing", &self.file))
    }
}

/// Sets back what is written down, as far as it is still what it was set to; and forgets it.
pub(super) fn restore(file: &Path) -> Result<(), Failure> {
    for lowered in written(file)? {
        let Some(limit) = current(lowered.process) else {
            continue;
        };
        if lowered.is_it(limit.current) {
            match set(lowered.process, lowered.before, limit.maximum) {
                Err(error) if lowered.process.is_alive() => {
                    return Err(Failure::io("setting back the limits in", file)(error));
                }
                _ => {}
            }
        }
    }
    for path in [&file.with_extension("limits-new"), file] {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Failure::io("removing", path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// How many processes have a limit that was lowered.
pub(super) fn in_force(file: &Path) -> Result<usize, Failure> {
    let lowered = written(file)?.into_iter();
    let holds = |l: &Lowered| current(l.process).is_some_and(|limit| l.is_it(limit.current));
    Ok(lowered.filter(holds).count())
}

fn written(file: &Path) -> Result<Vec<Lowered>, Failure> {
    match fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Failure::io("reading", file)(error)),
        Ok(text) => serde_json::from_slice(&text)
            .map_err(|error| Failure(format!("reading {}: {error}", file.display()))),
    }
}

/// The limit of a process; `None` if it has ended.
fn current(process: Identity) -> Option<Rlimit> {
    let text = fs::read_to_string(format!("/proc/{}/limits", process.pid)).ok()?;
    let limit = parse(&text)?;
    process.is_alive().then_some(limit)
}

fn parse(limits: &str) -> Option<Rlimit> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    let mut words = line.split_whitespace();
    let mut number = || match words.next()? {
        "unlimited" => Some(None),
        word => word.parse().ok().map(Some),
    };
    Some(Rlimit {
        current: number()?,
        maximum: number()?,
    })
}

fn set(process: Identity, current: Option<u64>, maximum: Option<u64>) -> io::Result<()> {
    let limit = Rlimit { current, maximum };
    prlimit(process.pid(), Resource::Nofile, limit)?;
    Ok(())
}

/// The limit that leaves so many to be opened. It is on their numbers, of which the lowest free one is always given out.
fn enough_for(process: Identity, spare: u64) -> Option<u64> {
    let open = fs::read_dir(format!("/proc/{}/fd", process.pid)).ok()?;
    let numbers = open
        .flatten()
        .filter_map(|fd| fd.file_name().to_str()?.parse().ok());
    Some(free_number(&numbers.collect(), spare))
}

/// The lowest number that is free when so many free ones have been given out.
fn free_number(taken: &BTreeSet<u64>, spare: u64) -> u64 {
    let mut number = spare;
    // All taken ones up to here have pushed it up by one each.
    for taken in taken {
        if *taken <= number {
            number += 1;
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_numbers_are_given_out_first() {
        let taken = BTreeSet::from([0, 1, 2, 5, 255]);
        let numbers: Vec<u64> = (0..4).map(|spare| free_number(&taken, spare)).collect();
        assert_eq!(numbers, [3, 4, 6, 7]);
        assert_eq!(free_number(&BTreeSet::new(), 2), 2);
    }

    #[test]
    fn limits_are_read_as_the_kernel_writes_them() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
                    Max open files            1024                 unlimited            files     \n";
        let limit = parse(text).unwrap();
        assert_eq!((limit.current, limit.maximum), (Some(1024), None));
        assert!(parse("Max cpu time 1 2\n").is_none());
    }
}
