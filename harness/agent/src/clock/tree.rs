//! Which processes are meant: those named, by number or by pid file, all that descend from them, and all of the session that
//! one of them leads, so that a child whose parent has died still belongs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

/// A process, for as long as the machine is up: numbers are given away again, pairs of number and start time are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) pid: i32,
    /// Field 22 of `/proc/PID/stat` (proc_pid_stat(5)): clock ticks since boot.
    pub(super) start: u64,
}

/// What is said about the roots of a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Aim {
    /// Files with a pid and, behind it, the start time; read anew at each look. Without a start time any process of that
    /// number is meant.
    pub(super) pid_files: Vec<PathBuf>,
    /// Processes.
    pub(super) processes: Vec<Identity>,
}

struct Stat {
    parent: i32,
    session: i32,
    dead: bool,
    start: u64,
}

impl Identity {
    /// The process that has this number now.
    pub(super) fn of(pid: i32) -> Option<Self> {
        let stat = Stat::read(pid)?;
        (!stat.dead).then_some(Self {
            pid,
            start: stat.start,
        })
    }

    /// Whether it is still there.
    pub(super) fn lives(self) -> bool {
        Self::of(self.pid) == Some(self)
    }
}

/// What the process calls itself, without control characters: the name is its own choice.
pub(super) fn name(pid: i32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let plain = |c: char| if c.is_control() || c == ' ' { '_' } else { c };
    name.trim_end().chars().map(plain).collect()
}

impl Stat {
    fn read(pid: i32) -> Option<Self> {
        Self::parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name in brackets may contain anything, brackets and line ends included.
    fn parse(stat: &[u8]) -> Option<Self> {
        let behind = stat.iter().rposition(|byte| *byte == b')')? + 1;
        let rest = std::str::from_utf8(&stat[behind..]).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        Some(Self {
            dead: matches!(*fields.first()?, "Z" | "X"),
            parent: fields.get(1)?.parse().ok()?,
            session: fields.get(3)?.parse().ok()?,
            start: fields.get(19)?.parse().ok()?,
        })
    }
}

/// All processes that can be seen from here.
pub(super) fn all() -> io::Result<BTreeSet<Identity>> {
    Ok(table()?
        .into_iter()
        .map(|(pid, stat)| Identity {
            pid,
            start: stat.start,
        })
        .collect())
}

fn table() -> io::Result<BTreeMap<i32, Stat>> {
    let mut table = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        match Stat::read(pid) {
            Some(stat) if !stat.dead => drop(table.insert(pid, stat)),
            _ => {}
        }
    }
    Ok(table)
}

impl Aim {
    /// The processes that are meant now, ourselves excepted.
    pub(super) fn members(&self) -> io::Result<BTreeSet<Identity>> {
        let table = table()?;
        let mut members = BTreeSet::new();
        let mut queue: Vec<i32> = self.roots(&table);
        let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
        for (pid, stat) in &table {
            children.entry(stat.parent).or_default().push(*pid);
            // The leader of a session has its number.
            if stat.session != stat.parent && stat.session != *pid {
                children.entry(stat.session).or_default().push(*pid);
            }
        }
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        while let Some(pid) = queue.pop() {
            let Some(stat) = table.get(&pid) else {
                continue;
            };
            let start = stat.start;
            if pid != own && members.insert(Identity { pid, start }) {
                queue.extend(children.get(&pid).into_iter().flatten());
            }
        }
        Ok(members)
    }

    fn roots(&self, table: &BTreeMap<i32, Stat>) -> Vec<i32> {
        let named = self.processes.iter().copied();
        let from_files = self.pid_files.iter().filter_map(|file| {
            let text = fs::read_to_string(file).ok()?;
            let mut words = text.split_ascii_whitespace();
            let pid = words.next()?.parse().ok()?;
            let start = match words.next() {
                Some(start) => start.parse().ok()?,
                None => table.get(&pid)?.start,
            };
            Some(Identity { pid, start })
        });
        named
            .chain(from_files)
            .filter(|who| table.get(&who.pid).is_some_and(|s| s.start == who.start))
            .map(|who| who.pid)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    struct Ended(Child);
    impl Drop for Ended {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn a_name_with_brackets_hides_nothing() {
        let stat = b"7 (a) Z 1 (b)\n) S 3 4 5 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 99 1 2";
        let stat = Stat::parse(stat).unwrap();
        assert_eq!((stat.parent, stat.session, stat.start), (3, 5, 99));
        assert!(!stat.dead);
        assert!(Stat::parse(b"7 (cut").is_none());
    }

    #[test]
    fn a_tree_is_its_root_and_all_below_and_no_other() {
        let shell = "sleep 60 & (sleep 60 & wait) & wait";
        let root = Ended(Command::new("sh").args(["-c", shell]).spawn().unwrap());
        let _stranger = Ended(Command::new("sleep").arg("60").spawn().unwrap());
        let who = Identity::of(root.0.id().cast_signed()).unwrap();
        let aim = Aim {
            processes: vec![who],
            ..Aim::default()
        };
        let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while aim.members().unwrap().len() != 4 {
            assert!(std::time::Instant::now() < until, "{:?}", aim.members());
        }
        for member in aim.members().unwrap() {
            assert!(["sh", "sleep"].contains(&&*name(member.pid)));
            let _ = Command::new("kill").arg(member.pid.to_string()).status();
        }
    }

    #[test]
    fn a_pid_file_of_a_process_that_has_died_means_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("d.pid");
        let aim = Aim {
            pid_files: vec![file.clone(), dir.path().join("missing")],
            ..Aim::default()
        };
        let root = Ended(Command::new("sleep").arg("60").spawn().unwrap());
        let who = Identity::of(root.0.id().cast_signed()).unwrap();
        for (text, there) in [
            (format!("{} {}\n", who.pid, who.start), true),
            (format!("{}\n", who.pid), true),
            (format!("{} {}\n", who.pid, who.start + 1), false),
            ("no number".to_owned(), false),
        ] {
            fs::write(&file, &text).unwrap();
            assert_eq!(aim.members().unwrap().contains(&who), there, "{text}");
        }
    }
}
