//! Wrong clocks where those of live processes cannot be rewritten: libfaketime, loaded into processes when they start, shows
//! them another time whenever they ask the C library for it.
//!
//! ```text
//! library check                        whether it is here, and a process that has it goes by a wrong clock
//! library lay ENVIRONMENT RUN          what is started with this file's variables follows the clock beside it
//! library set ENVIRONMENT MILLISECONDS makes that clock wrong; 0 mends it
//! library follow ENVIRONMENT PID_FILE  whether all processes go by it
//! library probe ENVIRONMENT PID_FILE   by how much their clock is wrong
//! library remove ENVIRONMENT
//! ```
//!
//! The library reads the clock's file at every question for the wall time (`FAKETIME_NO_CACHE`), so that an offset is in force
//! once its file has been renamed into place; without the file, the time is right. It is not read for the monotonic clock,
//! which stays as it is, and so do the time stamps of files.
//!
//! # What it cannot do
//! Programs that read the clock without the C library, such as those in Go, do not see it: [`follow`] finds them by what
//! their programs say of themselves. Some that are started with it hang (Redis with jemalloc). And a rate would count from
//! the start of each process, so that each would jump first, by another amount: there are offsets, and no drift.
//!
//! # How it is measured
//! A process that only has to say the time is started with the same variables, and asked. That the system goes by that clock,
//! too, is seen in that its file is opened while nobody else does so (inotify(7)).

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use object::{Object, read::File};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::inotify,
};

use super::{
    commands::processes,
    measure::Reading,
    shared,
    skew::{MOST_MILLISECONDS, now},
    tree::{Aim, Identity, name},
};

const LIBRARY: &str = "faketime/libfaketime.so.1";
/// It lies below one of these, or below a directory in one of these, which Debian names after the architecture.
const PLACES: [&str; 4] = [
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/local/lib64",
];
const AN_HOUR: i64 = 3_600_000;
/// As exact as a process that has to be started can be asked; what is less exact is asked again.
const EXACT: i64 = 2_000_000;
const PATIENCE: Duration = Duration::from_secs(1);
/// A process that serves asks for the time more often than this.
const SOON: Timespec = Timespec {
    tv_sec: 2,
    tv_nsec: 500_000_000,
};

/// Does what `schism node clock library ARGS` says.
pub(super) fn perform(args: &[OsString]) -> Result<String, String> {
    let words: Vec<&str> = args.iter().filter_map(|word| word.to_str()).collect();
    match words[..] {
        ["check"] => Ok(format!("{}\n", check()?.display())),
        ["lay", environment, run] => lay(Path::new(environment), run),
        ["set", environment, offset] => {
            let offset: i64 = offset
                .parse()
                .map_err(|_| format!("not a number: {offset:?}"))?;
            set(Path::new(environment), offset)
        }
        ["follow", environment, pid_file] => {
            fs::metadata(environment).map_err(|e| format!("{environment}: {e}"))?;
            let followers = follow(&tree(pid_file)?)?;
            Ok(format!("{}\n", processes(followers)))
        }
        ["probe", environment, pid_file] => probe(Path::new(environment), pid_file),
        ["remove", environment] => remove(Path::new(environment)),
        _ => Err("clock library: check, lay, set, follow, probe or remove".into()),
    }
}

/// Where the library may be.
fn candidates() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for place in PLACES {
        found.push(Path::new(place).join(LIBRARY));
        let below = fs::read_dir(place).into_iter().flatten().flatten();
        found.extend(below.map(|entry| entry.path().join(LIBRARY)));
    }
    found.retain(|file| file.is_file());
    found
}

/// The library with which a process goes by a wrong clock: found out with an environment that nobody else has.
fn check() -> Result<PathBuf, String> {
    let place = PathBuf::from(format!("/run/schism-clock-check-{}", std::process::id()));
    let io = |e: io::Error| format!("{}: {e}", place.display());
    fs::create_dir(&place).map_err(io)?;
    let environment = place.join(format!("check-{}", std::process::id()));
    let found = try_all(&environment);
    remove(&environment)?;
    found
}

fn try_all(environment: &Path) -> Result<PathBuf, String> {
    let mut why = "libfaketime is not installed".to_owned();
    place(&clock(environment), &offset(AN_HOUR))?;
    share(environment)?;
    for library in candidates() {
        match read(&variables(&library, environment)) {
            Ok(reading) if (reading.offset / 1_000_000 - AN_HOUR).abs() <= 1000 => {
                return Ok(library);
            }
            Ok(reading) => {
                why = format!(
                    "a process with {} that was set an hour ahead sees {} ms",
                    library.display(),
                    reading.offset / 1_000_000
                );
            }
            Err(said) => why = said,
        }
    }
    Err(why)
}

fn share(environment: &Path) -> Result<(), String> {
    shared::make(environment).map_err(|e| format!("what processes share in /dev/shm: {e}"))
}

/// What a process must have in its environment.
fn variables(library: &Path, environment: &Path) -> Vec<(String, String)> {
    let named = [
        ("LD_PRELOAD", library.display().to_string()),
        (
            "FAKETIME_TIMESTAMP_FILE",
            clock(environment).display().to_string(),
        ),
        ("FAKETIME_SHARED", shared::words(environment)),
        ("FAKETIME_NO_CACHE", "1".into()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ("NO_FAKE_STAT", "1".into()),
    ];
    named.map(|(name, value)| (name.into(), value)).into()
}

/// The file that says how wrong the clock is.
fn clock(environment: &Path) -> PathBuf {
    environment.with_added_extension("clock")
}

/// Milliseconds, as the library reads them.
fn offset(milliseconds: i64) -> String {
    let sign = if milliseconds < 0 { '-' } else { '+' };
    let size = milliseconds.unsigned_abs();
    format!("{sign}{}.{:03}\n", size / 1000, size % 1000)
}

/// Puts a file into its place, for all users to read: a database is seldom root's.
fn place(file: &Path, text: &str) -> Result<(), String> {
    let new = file.with_added_extension("new");
    let whole = || {
        fs::write(&new, text)?;
        fs::set_permissions(&new, fs::Permissions::from_mode(0o644))?;
        fs::rename(&new, file)
    };
    whole().map_err(|e: io::Error| format!("{}: {e}", file.display()))
}

/// The clock is right. The file says whose it is in a line that is no variable.
fn lay(environment: &Path, run: &str) -> Result<String, String> {
    let library = check()?;
    let above = environment.parent().unwrap_or(Path::new("/"));
    let made = fs::create_dir_all(above)
        .and_then(|()| fs::set_permissions(above, fs::Permissions::from_mode(0o755)));
    made.map_err(|e| format!("{}: {e}", above.display()))?;
    place(&clock(environment), &offset(0))?;
    share(environment)?;
    let lines = variables(&library, environment);
    let lines = lines
        .iter()
        .map(|(name, value)| format!("{name}={value}\n"));
    place(
        environment,
        &format!("run {run}\n{}", lines.collect::<String>()),
    )?;
    Ok(format!("{}\n", library.display()))
}

fn set(environment: &Path, milliseconds: i64) -> Result<String, String> {
    if milliseconds.unsigned_abs() > MOST_MILLISECONDS.unsigned_abs() {
        return Err("at most fifty years either way".into());
    }
    let clock = clock(environment);
    if !clock.exists() {
        // Whoever was started with it sees the right time again.
        return match milliseconds {
            0 => Ok("nothing to mend\n".into()),
            _ => Err(format!(
                "there is no {}: nothing follows it",
                clock.display()
            )),
        };
    }
    place(&clock, &offset(milliseconds))?;
    Ok(format!("{milliseconds} ms\n"))
}

fn remove(environment: &Path) -> Result<String, String> {
    for file in [environment, &clock(environment)] {
        match fs::remove_file(file) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(format!("{}: {e}", file.display()));
            }
            _ => {}
        }
    }
    shared::remove(environment).map_err(|e| format!("/dev/shm: {e}"))?;
    // It may be in use for another system.
    let _ = environment.parent().map(fs::remove_dir);
    Ok(String::new())
}

fn tree(pid_file: &str) -> Result<Vec<Identity>, String> {
    let aim = Aim {
        pid_files: vec![pid_file.into()],
        ..Aim::default()
    };
    let members = aim.members().map_err(|e| format!("/proc: {e}"))?;
    Ok(members.into_iter().collect())
}

/// How many processes ask the library for the time; or which does not, and why.
fn follow(tree: &[Identity]) -> Result<usize, String> {
    let mut programs = BTreeMap::new();
    let mut count = 0;
    for who in tree {
        let why = match obstacle(who.pid, &mut programs) {
            Ok(why) => why,
            Err(_) if !who.lives() => continue,
            Err(error) => Some(format!("does not let itself be looked at: {error}")),
        };
        match why {
            Some(why) if who.lives() => {
                return Err(format!("process {} ({}) {why}", who.pid, name(who.pid)));
            }
            Some(_) => {}
            None => count += 1,
        }
    }
    Ok(count)
}

/// Why a process does not. Remembers which programs are in Go.
fn obstacle(pid: i32, programs: &mut BTreeMap<PathBuf, bool>) -> io::Result<Option<String>> {
    let maps = fs::read(format!("/proc/{pid}/maps"))?;
    let maps = String::from_utf8_lossy(&maps);
    let loaded = maps.lines().any(|line| line.ends_with(LIBRARY));
    let link = format!("/proc/{pid}/exe");
    let program = fs::read_link(&link)?;
    let in_go = match programs.get(&program) {
        Some(known) => *known,
        None => {
            let in_go = is_go(&fs::read(&link)?);
            programs.insert(program, in_go);
            in_go
        }
    };
    Ok(if in_go {
        Some("is a Go program, which reads the clock without the C library".into())
    } else if !loaded {
        Some("runs without libfaketime: its program is static, or was started without the environment that it was to have".into())
    } else {
        None
    })
}

/// Whether the linker was Go's: it says so in a section of its own (`debug/buildinfo`).
fn is_go(program: &[u8]) -> bool {
    File::parse(program).is_ok_and(|file| file.section_by_name(".go.buildinfo").is_some())
}

/// `5000 ms, give or take 0.4 ms (3 processes)`, if all follow and one was seen to; otherwise words that do not begin with a
/// number.
fn probe(environment: &Path, pid_file: &str) -> Result<String, String> {
    let tree = tree(pid_file)?;
    let clock = clock(environment);
    let wrong = fs::read_to_string(&clock).is_ok_and(|text| text != offset(0));
    let mut who = processes(tree.len());
    if wrong && !tree.is_empty() {
        match follow(&tree) {
            Ok(followers) => who = processes(followers),
            Err(why) => return Ok(format!("{why}\n")),
        }
        let asked = is_opened(&clock).map_err(|e| format!("{}: {e}", clock.display()))?;
        if !asked {
            return Ok("none of them has asked for the time\n".into());
        }
    }
    let reading = read(&own_variables(environment)?)?;
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let [shown, uncertainty] =
        [reading.offset, reading.uncertainty].map(|nanoseconds| nanoseconds as f64 / 1e6);
    // Zero has no sign.
    let shown = shown.round() + 0.0;
    Ok(format!(
        "{shown} ms, give or take {uncertainty:.1} ms ({who})\n"
    ))
}

/// What was laid; nothing where nothing is.
fn own_variables(environment: &Path) -> Result<Vec<(String, String)>, String> {
    let text = match fs::read_to_string(environment) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
        text => text.map_err(|e| format!("{}: {e}", environment.display()))?,
    };
    let lines = text.lines().filter_map(|line| line.split_once('='));
    Ok(lines
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

/// Whether somebody opens the file soon.
fn is_opened(file: &Path) -> io::Result<bool> {
    let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
    let watch = inotify::init(flags)?;
    inotify::add_watch(&watch, file, inotify::WatchFlags::OPEN)?;
    let mut ready = [PollFd::new(&watch, PollFlags::IN)];
    Ok(poll(&mut ready, Some(&SOON))? > 0)
}

/// What a process with these variables takes for the time.
fn read(variables: &[(String, String)]) -> Result<Reading, String> {
    let until = Instant::now() + PATIENCE;
    let mut best: Option<Reading> = None;
    loop {
        let reading = read_once(variables)?;
        if best.is_none_or(|best| reading.uncertainty < best.uncertainty) {
            best = Some(reading);
        }
        match best {
            Some(best) if best.uncertainty <= EXACT || Instant::now() >= until => return Ok(best),
            _ => {}
        }
    }
}

fn read_once(variables: &[(String, String)]) -> Result<Reading, String> {
    // The variables are not for `timeout`, which ends what hangs.
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", "3", "env"]);
    command.args(
        variables
            .iter()
            .map(|(name, value)| format!("{name}={value}")),
    );
    command.args(["date", "+%s %N"]);
    let before = now();
    let output = command.output().map_err(|e| format!("timeout: {e}"))?;
    let after = now();
    let said = String::from_utf8_lossy(&output.stdout);
    let shown = said.trim().split_once(' ').and_then(|(seconds, rest)| {
        let [seconds, rest] = [seconds, rest].map(|number| number.parse::<i64>().ok());
        Some(seconds? * 1_000_000_000 + rest?)
    });
    let shown = shown.ok_or("`date` does not say the nanoseconds, or hangs with libfaketime")?;
    Ok(Reading {
        offset: shown - i64::midpoint(before, after),
        uncertainty: (after - before) / 2 + 1,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn offsets_are_written_as_the_library_reads_them() {
        for (milliseconds, text) in [
            (0, "+0.000\n"),
            (20, "+0.020\n"),
            (-20, "-0.020\n"),
            (-86_400_250, "-86400.250\n"),
        ] {
            assert_eq!(offset(milliseconds), text);
        }
    }

    #[test]
    fn a_clock_is_laid_set_and_removed_and_a_late_undo_does_no_harm() {
        let dir = tempfile::tempdir().unwrap();
        let environment = dir.path().join("db");
        assert!(
            set(&environment, 5)
                .unwrap_err()
                .contains("nothing follows")
        );
        assert!(set(&environment, 0).is_ok());
        place(&clock(&environment), &offset(0)).unwrap();
        place(&environment, "run x\nLD_PRELOAD=/l.so\n").unwrap();
        let one = ("LD_PRELOAD".to_owned(), "/l.so".to_owned());
        assert_eq!(own_variables(&environment).unwrap(), [one]);
        set(&environment, -1500).unwrap();
        let text = fs::read_to_string(clock(&environment)).unwrap();
        assert_eq!(text, "-1.500\n");
        for file in [&environment, &clock(&environment)] {
            let mode = fs::metadata(file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o644);
        }
        for _ in 0..2 {
            remove(&environment).unwrap();
        }
        assert!(!dir.path().exists());
    }

    #[test]
    fn a_file_is_seen_to_be_opened_and_not_to_be() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("clock");
        fs::write(&file, offset(0)).unwrap();
        assert!(!is_opened(&file).unwrap());
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    drop(fs::read(&file));
                }
            });
            let seen = is_opened(&file);
            over.store(true, Ordering::Relaxed);
            assert!(seen.unwrap());
        });
    }

    #[test]
    fn this_program_is_not_in_go() {
        assert!(!is_go(&fs::read("/proc/self/exe").unwrap()));
        assert!(!is_go(b"#!/bin/sh\n"));
    }
}
