//! The store: where runs are kept, and how they are found again.
//!
//! ```text
//! runs/
//!   index.jsonl                   one line per sealing of a run, append-only, under a file lock
//!   latest → …  latest-fail → …   the run created last; the run sealed last whose verdict is `fail`
//!   suites/20261121T024512Z-b7kx.json   runs that were made together: which, from which seeds, and how each ended
//!   register/partition+kill/20261121T024512Z-k3f9/
//!     meta.json history.jsonl faults.jsonl events.jsonl state.json log.txt
//!     nodes/n1/…  checks/NAME.json  report.html summary.md junit.xml
//!     verdict.json                written last: its presence means that the run is complete
//! ```
//!
//! The directories are the truth, and the index is a convenience for trends: [`Store::list`] reads what is there, so a
//! run that was killed, copied in or deleted by hand needs no repair. A run without a verdict is *running* if the
//! process named in its `state.json` lives, told apart from a later process of the same number by its start time, and
//! *interrupted* otherwise.
//!
//! The store knows neither reports nor checkers. Whatever it writes is `impl Serialize`; of a verdict it asks only that
//! it be a JSON object with a string called `verdict`.

mod atomic;
mod entry;
mod name;
mod run_dir;
mod state;

use std::{
    fs,
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
pub use entry::{RunEntry, RunState};
pub use name::{is_run_id, run_suffix, safe_name, suite_id};
pub use run_dir::RunDir;
use serde::Serialize;
pub use state::{Owner, Progress, State};

/// The file whose presence means that a run is complete.
pub const VERDICT: &str = "verdict.json";
/// The file that says who runs a run, and how far it is.
pub const STATE: &str = "state.json";
/// The record of what the clients did.
pub const HISTORY: &str = "history.jsonl";
const INDEX: &str = "index.jsonl";
const INDEX_LOCK: &str = ".index.lock";

/// Why the store could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot {what} {}: {source}", .path.display())]
    Io {
        /// What was being done: `write`, `create` …
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// A name that cannot be part of a path of ours.
    #[error("{name:?} cannot be a name in a run directory: {why}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A path that leads out of the run directory.
    #[error("{} leads out of the run directory {}", .path.display(), .root.display())]
    Escape {
        /// Where it leads.
        path: PathBuf,
        /// Where it should have stayed.
        root: PathBuf,
    },
    /// A run of that name is there already.
    #[error("{} exists already; give the run another suffix", .path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// A verdict that is not an object with a string called `verdict`, or a value that cannot be JSON.
    #[error("cannot write {name}: {why}")]
    Json {
        /// The file.
        name: String,
        /// What is wrong with the value.
        why: String,
    },
    /// Nothing there answers to that name.
    #[error("no run {wanted:?} in {}: {hint}", .root.display())]
    NotFound {
        /// What was asked for.
        wanted: String,
        /// Where.
        root: PathBuf,
        /// What is there instead.
        hint: String,
    },
    /// Several runs answer to that name.
    #[error("{wanted:?} could be any of {}; give more of the id", .candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        wanted: String,
        /// The ids that begin so.
        candidates: Vec<String>,
    },
    /// A directory that is not a run's.
    #[error("{} is not a run directory: it has neither {STATE} nor {VERDICT} nor {HISTORY}", .path.display())]
    NotARun {
        /// Which.
        path: PathBuf,
    },
}

impl Error {
    fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}

/// Where records of suites are kept.
const SUITES: &str = "suites";

/// A directory of runs.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The store at `root`, which is created if it is missing.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let root = root.into();
        fs::create_dir_all(&root).map_err(Error::io("create", &root))?;
        let root = root.canonicalize().map_err(Error::io("find", &root))?;
        Ok(Self { root })
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A new run directory, owned by this process, with its `state.json` in it. `case`, `faults` and `suffix` must be
    /// safe names already (see [`safe_name`] and [`run_suffix`]).
    pub fn create(
        &self,
        case: &str,
        faults: &str,
        started: DateTime<Utc>,
        suffix: &str,
    ) -> Result<RunDir, Error> {
        for part in [case, faults, suffix] {
            name::check(part)?;
        }
        let id = name::run_id(started, suffix)?;
        let parent = self.root.join(case).join(faults);
        fs::create_dir_all(&parent).map_err(Error::io("create", &parent))?;
        let path = parent.join(&id);
        // Made beside its place and moved there whole, so that nobody ever sees a run without its state. `rename` does
        // replace an empty directory, but no run directory is empty.
        let nascent = parent.join(format!(".{id}.{}", std::process::id()));
        fs::create_dir(&nascent).map_err(Error::io("create", &nascent))?;
        let made = RunDir::at(nascent.clone(), self.root.clone())
            .set_state("starting", started)
            .and_then(|()| {
                fs::rename(&nascent, &path).map_err(|source| match source.kind() {
                    io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists => {
                        Error::Exists { path: path.clone() }
                    }
                    _ => Error::Io {
                        what: "create",
                        path: path.clone(),
                        source,
                    },
                })
            });
        if let Err(error) = made {
            // Best effort: the error that is reported is the first one.
            let _ = fs::remove_dir_all(&nascent);
            return Err(error);
        }
        atomic::link(&self.root, "latest", &path)?;
        Ok(RunDir::at(path, self.root.clone()))
    }

    /// All runs, the newest first. Directories that are not runs are passed over.
    pub fn list(&self) -> Result<Vec<RunEntry>, Error> {
        self.list_only(|_| true)
    }

    /// Those whose directories are wanted, the newest first; nothing is read of the others.
    pub fn list_only(&self, wanted: impl Fn(&Path) -> bool) -> Result<Vec<RunEntry>, Error> {
        let mut entries = Vec::new();
        for case in directories(&self.root)? {
            for faults in directories(&case)? {
                let runs = directories(&faults)?.into_iter();
                entries.extend(
                    runs.filter(|run| wanted(run))
                        .filter_map(|run| entry::read(&run)),
                );
            }
        }
        entries.sort_by(|a, b| (b.started, &b.id).cmp(&(a.started, &a.id)));
        Ok(entries)
    }

    /// The run of exactly this id. Unlike [`Store::resolve`] it takes no paths, so strangers may ask.
    pub fn find(&self, id: &str) -> Result<Option<RunEntry>, Error> {
        let found = self.list_only(|run| run.file_name().is_some_and(|name| name == id))?;
        Ok(found.into_iter().next())
    }

    /// Finds a run by `latest`, `latest-fail`, `-1` (the newest) and `-2` …, the beginning of its id or of its suffix,
    /// or the path of its directory.
    pub fn resolve(&self, wanted: &str) -> Result<RunDir, Error> {
        if wanted.contains('/') || Path::new(wanted).is_dir() {
            return self.at_path(Path::new(wanted));
        }
        let mut entries = self.list()?;
        let found = match wanted {
            "latest" => entries.into_iter().next(),
            "latest-fail" => entries.into_iter().find(RunEntry::failed),
            _ => match wanted.strip_prefix('-').map(str::parse::<usize>) {
                Some(Ok(back)) => entries.into_iter().nth(back.wrapping_sub(1)),
                _ => {
                    entries.retain(|e| e.answers_to(wanted));
                    if entries.len() > 1 {
                        return Err(Error::Ambiguous {
                            wanted: wanted.to_owned(),
                            candidates: entries.into_iter().map(|e| e.id).collect(),
                        });
                    }
                    entries.pop()
                }
            },
        };
        match found {
            Some(entry) => Ok(RunDir::at(entry.path, self.root.clone())),
            None => Err(self.not_found(wanted)),
        }
    }

    /// Removes a run that is over, and everything in it; `latest` and `latest-fail` then lead to what is left. Its line in the
    /// index stays: it took place.
    pub fn discard(&self, run: &RunDir) -> Result<(), Error> {
        fs::remove_dir_all(run.path()).map_err(Error::io("remove", run.path()))?;
        let entries = self.list()?;
        let newest = entries.first();
        let failed = entries.iter().find(|entry| entry.failed());
        for (name, leads_to) in [("latest", newest), ("latest-fail", failed)] {
            let link = self.root.join(name);
            // Only what leads nowhere now; `exists` follows links.
            if link.is_symlink() && !link.exists() {
                match leads_to {
                    Some(entry) => atomic::link(&self.root, name, &entry.path)?,
                    None => fs::remove_file(&link).map_err(Error::io("remove", &link))?,
                }
            }
        }
        Ok(())
    }

    /// The text of the index; empty where there is none.
    pub fn index(&self) -> Result<String, Error> {
        let path = self.root.join(INDEX);
        match fs::read(&path) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(String::new()),
            Err(e) => Err(Error::io("read", &path)(e)),
        }
    }

    /// Replaces the index by what `make` makes of it. Runs that end meanwhile wait, and are added after.
    pub fn replace_index(&self, make: impl FnOnce(String) -> String) -> Result<(), Error> {
        let _lock = lock_index(&self.root)?;
        let text = make(self.index()?);
        let path = self.root.join(INDEX);
        atomic::write(&path, text.as_bytes(), atomic::Durability::Synced)
    }

    /// Writes a file beside the index, as a whole.
    pub fn write_text(&self, name: &str, text: &str) -> Result<PathBuf, Error> {
        name::check(name)?;
        let path = self.root.join(name);
        atomic::write(&path, text.as_bytes(), atomic::Durability::Cached)?;
        Ok(path)
    }

    /// Writes the record of a suite, as a whole. Its id is as a run's: see [`suite_id`].
    pub fn write_suite(&self, id: &str, record: &impl Serialize) -> Result<PathBuf, Error> {
        name::check(id)?;
        let dir = self.root.join(SUITES);
        fs::create_dir_all(&dir).map_err(Error::io("create", &dir))?;
        let path = dir.join(format!("{id}.json"));
        let text = atomic::json_line(id, record)?;
        atomic::write(&path, text.as_bytes(), atomic::Durability::Synced)?;
        Ok(path)
    }

    /// Writes a text about a suite, beside its record: `suites/ID.NAME`.
    pub fn write_of_suite(&self, id: &str, name: &str, text: &str) -> Result<PathBuf, Error> {
        name::check(id)?;
        name::check(name)?;
        let dir = self.root.join(SUITES);
        fs::create_dir_all(&dir).map_err(Error::io("create", &dir))?;
        let path = dir.join(format!("{id}.{name}"));
        atomic::write(&path, text.as_bytes(), atomic::Durability::Synced)?;
        Ok(path)
    }

    /// The records of suites, the newest first.
    pub fn suites(&self) -> Result<Vec<(String, PathBuf)>, Error> {
        let dir = self.root.join(SUITES);
        let mut found = Vec::new();
        let entries = match fs::read_dir(&dir) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(found),
            entries => entries.map_err(Error::io("list", &dir))?,
        };
        for entry in entries {
            let path = entry.map_err(Error::io("list", &dir))?.path();
            let id = path
                .file_name()
                .and_then(|n| n.to_str()?.strip_suffix(".json"));
            if let Some(id) = id.filter(|id| name::parse_run_id(id).is_some()) {
                found.push((id.to_owned(), path.clone()));
            }
        }
        found.sort_by(|a, b| b.cmp(a));
        Ok(found)
    }

    /// Deletes the record of a suite and what was written about it, the record last.
    pub fn remove_suite(&self, id: &str) -> Result<(), Error> {
        name::check(id)?;
        let dir = self.root.join(SUITES);
        let (record, about) = (format!("{id}.json"), format!("{id}."));
        let mut files = Vec::new();
        for entry in fs::read_dir(&dir).map_err(Error::io("list", &dir))? {
            let path = entry.map_err(Error::io("list", &dir))?.path();
            let name = path.file_name().and_then(|n| n.to_str());
            if name.is_some_and(|n| n.starts_with(&about) && n != record) {
                files.push(path);
            }
        }
        for path in files.into_iter().chain([dir.join(record)]) {
            fs::remove_file(&path).map_err(Error::io("delete", &path))?;
        }
        Ok(())
    }

    /// Deletes a run of this store, its verdict first, so that half a run is never taken for a whole one.
    pub fn remove(&self, entry: &RunEntry) -> Result<(), Error> {
        let path = &entry.path;
        if !path.starts_with(&self.root) || path == &self.root {
            return Err(Error::Escape {
                path: path.clone(),
                root: self.root.clone(),
            });
        }
        match fs::remove_file(path.join(VERDICT)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io("delete", path)(e));
            }
            _ => {}
        }
        fs::remove_dir_all(path).map_err(Error::io("delete", path))?;
        // Its parents stay while other runs are in them.
        for parent in path.ancestors().skip(1).take(2) {
            if fs::remove_dir(parent).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn at_path(&self, path: &Path) -> Result<RunDir, Error> {
        let path = path.canonicalize().map_err(Error::io("open", path))?;
        if ![STATE, VERDICT, HISTORY]
            .iter()
            .any(|f| path.join(f).is_file())
        {
            return Err(Error::NotARun { path });
        }
        // A run that was copied elsewhere is a store of its own: sealing it must not touch this one's index.
        let store = if path.starts_with(&self.root) {
            self.root.clone()
        } else {
            path.clone()
        };
        Ok(RunDir::at(path, store))
    }

    fn not_found(&self, wanted: &str) -> Error {
        let newest: Vec<String> = self
            .list()
            .unwrap_or_default()
            .into_iter()
            .take(3)
            .map(|e| e.id)
            .collect();
        let hint = if newest.is_empty() {
            "there are no runs yet".to_owned()
        } else {
            format!("the newest are {}", newest.join(", "))
        };
        Error::NotFound {
            wanted: wanted.to_owned(),
            root: self.root.clone(),
            hint,
        }
    }
}

/// Adds a line to a store's index. The lock keeps lines of concurrent runs apart even on file systems whose appends
/// are not atomic, and keeps them from being lost where the index is being replaced. A line that was torn by the death of
/// its writer is ended first, so that it spoils no other.
fn append_index(root: &Path, line: &impl Serialize) -> Result<(), Error> {
    let _lock = lock_index(root)?;
    let path = root.join(INDEX);
    let mut file = fs::OpenOptions::new()
        .create(true)
        .read(true)
        .append(true)
        .open(&path)
        .map_err(Error::io("open", &path))?;
    let mut text = atomic::json_line(INDEX, line)?;
    if is_torn(&mut file).map_err(Error::io("read", &path))? {
        text.insert(0, '\n');
    }
    file.write_all(text.as_bytes())
        .map_err(Error::io("write", &path))
}

/// A file of its own is locked, as the index may be replaced by another file. The lock ends with the value.
fn lock_index(root: &Path) -> Result<fs::File, Error> {
    let path = root.join(INDEX_LOCK);
    let file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(Error::io("open", &path))?;
    file.lock().map_err(Error::io("lock", &path))?;
    Ok(file)
}

fn is_torn(file: &mut fs::File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(io::SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

fn directories(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(Error::io("list", path))? {
        let entry = entry.map_err(Error::io("list", path))?;
        // Not following links: `latest` would show its run twice. Names that we never give are none of ours, whatever is in
        // them, and may be anything.
        let is_dir = entry.file_type().is_ok_and(|t| t.is_dir());
        let name = entry.file_name();
        if is_dir && name.to_str().is_some_and(|name| name::check(name).is_ok()) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
