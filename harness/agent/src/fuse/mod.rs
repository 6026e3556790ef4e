//! `schism node fuse`: a filesystem laid over a directory of a system under test, that can do what disks do: lose what was
//! not synced when the power fails, fail, be full, be late. LazyFS (Ramos et al., VLDB 2024) and CharybdeFS in one.
//!
//! What is modelled, and no more:
//!
//! - **What files hold and how long they are** is durable once fsync(2) or fdatasync(2) of that file has succeeded, or a write
//!   with O_SYNC or O_DSYNC. Until then it is in this process's memory, and `lose` (or the death of this process, as when
//!   its node loses power) takes it away; `--survive` lets a disk keep some of it. Resizing is held back in the same way.
//! - **Names, modes, owners and times** are durable at once and in order: files created, renamed or removed without a sync of
//!   their directory stay so. A file that was renamed into place without being synced is thus there, and empty.
//! - sync_file_range(2) promises nothing about durability and does nothing here; sync(2) and syncfs(2) are not passed on to
//!   FUSE filesystems by Linux, and do nothing here either.
//! - A shared writable mapping is written when its process syncs, unmaps or ends, not before.
//! - When more is held than `--most`, all is written back, as the operating system does.
//! - There are no extended attributes.
//!
//! The daemon lies over the very directory it shows, so nothing is moved, and when it is gone everything is where it was.

mod control;
mod file;
mod filesystem;
mod glob;
mod image;
mod mount;
mod nodes;
mod probe;
mod rules;
mod state;
mod survival;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use control::{Answer, Request};
use glob::Glob;
use mount::{Error, Place};
use rules::{FailedSync, Failure, Op, Rule};
use survival::Survive;

/// What is done with it.
#[derive(Debug, Parser)]
#[command(name = "schism node fuse", no_binary_name = true)]
struct Args {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// See whether filesystems can be mounted here.
    Check,
    /// Mount it over a directory, unless that is done.
    Mount {
        /// The directory.
        dir: PathBuf,
        /// How many unsynced bytes to hold at most.
        #[arg(long, default_value_t = 512 << 20)]
        most: u64,
        /// Whose it is: a word for `mounted`.
        #[arg(long, default_value = "")]
        owner: String,
    },
    /// Succeed if it is mounted over a directory, and this one's.
    Mounted {
        /// The directory.
        dir: PathBuf,
        /// Whose it is.
        #[arg(long, default_value = "")]
        owner: String,
    },
    /// Be the filesystem: what `mount` starts.
    #[command(hide = true)]
    Serve {
        /// The directory.
        dir: PathBuf,
        /// How many unsynced bytes to hold at most.
        #[arg(long)]
        most: u64,
    },
    /// Lose what was not synced, as when the power fails.
    Lose {
        /// The directory.
        dir: PathBuf,
        /// What survives.
        #[arg(long, value_enum, default_value_t)]
        survive: Survive,
        /// What decides which.
        #[arg(long, default_value_t)]
        seed: u64,
    },
    /// Let something fail, or be late, from now on.
    Fail {
        /// The directory.
        dir: PathBuf,
        /// The fault that wants it; it has one such rule.
        #[arg(long)]
        name: String,
        /// What fails; given as often as wanted.
        #[arg(long, value_enum, required = true)]
        on: Vec<Op>,
        /// With which error.
        #[arg(long, value_enum)]
        error: Option<Failure>,
        /// Or how late, in milliseconds.
        #[arg(long, default_value_t)]
        delay: u64,
        /// For which files: a glob from the top of the mount; all if not given.
        #[arg(long)]
        path: Vec<String>,
        /// How often.
        #[arg(long, default_value_t = 1.0)]
        probability: f64,
        /// What becomes of changes whose sync failed.
        #[arg(long, value_enum, default_value_t)]
        failed_sync: FailedSync,
        /// What decides when.
        #[arg(long, default_value_t)]
        seed: u64,
    },
    /// Let nothing fail any more, or nothing of one fault.
    Clear {
        /// The directory.
        dir: PathBuf,
        /// The fault.
        #[arg(long)]
        name: Option<String>,
    },
    /// Print what has happened so far, as JSON.
    Stats {
        /// The directory.
        dir: PathBuf,
    },
    /// Try something on a file below the mount, and print what it met.
    Probe {
        /// The directory.
        dir: PathBuf,
        /// The file, which is not left.
        #[arg(long)]
        file: String,
        /// What is tried.
        #[arg(long, value_enum)]
        on: Op,
        /// How often it is to fail.
        #[arg(long, default_value_t = 1.0)]
        probability: f64,
        /// Print how many milliseconds the slowest try took, where nothing failed.
        #[arg(long)]
        time: bool,
    },
    /// Write back what is held and unmount it; does no harm where it is not mounted.
    Unmount {
        /// The directory.
        dir: PathBuf,
    },
}

/// Does what it is told.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it is a program of its own"
)]
pub(crate) fn main(args: &[OsString]) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(e) => {
            // Nobody left to tell if that fails.
            let _ = e.print();
            return ExitCode::from(2);
        }
    };
    match run(args.deed) {
        Ok(answer) => {
            if let Some(answer) = answer {
                println!("{answer}");
            }
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn run(deed: Deed) -> Result<Option<String>, Error> {
    let ask = |dir: PathBuf, request: Request| {
        Ok(match Place::of(&dir)?.ask(&request)? {
            Answer::Done => None,
            Answer::Lost(lost) => Some(json(&lost)),
            Answer::Stats(stats) => Some(json(&stats)),
            Answer::Error(why) => return Err(Error::Refused(why)),
        })
    };
    match deed {
        Deed::Check => mount::check().map(|()| Some("yes".to_owned())),
        Deed::Mount { dir, most, owner } => mount::mount(&dir, most, &owner).map(|()| None),
        Deed::Mounted { dir, owner } => match mount::mounted(&dir, &owner)? {
            true => Ok(None),
            false => Err(Error::NotMounted(dir)),
        },
        Deed::Serve { dir, most } => mount::serve(&dir, most).map(|()| None),
        Deed::Lose { dir, survive, seed } => ask(dir, Request::Lose { survive, seed }),
        Deed::Fail {
            dir,
            name,
            on,
            error,
            delay,
            path,
            probability,
            failed_sync,
            seed,
        } => {
            if error.is_none() && delay == 0 {
                return Err(Error::Refused("say --error or --delay".into()));
            }
            if !(0.0..=1.0).contains(&probability) {
                return Err(Error::Refused(format!(
                    "{probability} is no probability: say 0 to 1"
                )));
            }
            let paths = path.iter().map(|p| Glob::from(p.as_str())).collect();
            let rule = Rule {
                name,
                on,
                error,
                delay,
                paths,
                probability,
                failed_sync,
                seed,
            };
            ask(dir, Request::Fail(rule))
        }
        // Where nothing is mounted nothing fails.
        Deed::Clear { dir, name } => match ask(dir, Request::Clear(name)) {
            Err(Error::NotMounted(_)) => Ok(None),
            other => other,
        },
        Deed::Stats { dir } => ask(dir, Request::Stats),
        Deed::Probe {
            dir,
            file,
            on,
            probability,
            time,
        } => Ok(Some(probe::probe(&dir, &file, on, probability, time))),
        Deed::Unmount { dir } => mount::unmount_dir(&dir).map(|()| None),
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("it has only strings for keys")
}
