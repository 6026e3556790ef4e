//! One run's directory: what may be written there, and how it is sealed.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{
    Error, Progress, STATE, State, VERDICT, append_index,
    atomic::{self, Durability},
    entry, name,
};

/// A run's directory. Names are relative to it, of safe parts joined by `/`; directories on the way are created.
#[derive(Debug, Clone)]
pub struct RunDir {
    path: PathBuf,
    store: PathBuf,
}

impl RunDir {
    pub(super) fn at(path: PathBuf, store: PathBuf) -> Self {
        Self { path, store }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its id: the name of the directory.
    pub fn id(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// The path of a file in it, checked to stay in it, with the directories it needs.
    pub fn file(&self, name: &str) -> Result<PathBuf, Error> {
        for part in name.split('/') {
            name::check(part)?;
        }
        let path = self.path.join(name);
        let parent = path.parent().expect("a file in a directory");
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        // Safe parts cannot climb, but a directory of that name may be a link to elsewhere.
        let real = parent.canonicalize().map_err(Error::io("find", parent))?;
        let root = self.path.canonicalize();
        let root = root.map_err(Error::io("find", &self.path))?;
        if !real.starts_with(&root) {
            return Err(Error::Escape { path: real, root });
        }
        Ok(path)
    }

    /// Writes a file as a whole.
    pub fn write_text(&self, name: &str, text: &str) -> Result<(), Error> {
        atomic::write(&self.file(name)?, text.as_bytes(), Durability::Synced)
    }

    /// Writes a file as a whole, as indented JSON.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), Error> {
        let mut text = serde_json::to_string_pretty(value).map_err(|e| Error::Json {
            name: name.to_owned(),
            why: e.to_string(),
        })?;
        text.push('\n');
        self.write_text(name, &text)
    }

    /// Adds a line of JSON to a file. One write, so that lines of several threads stay apart and a killed process
    /// leaves at most a torn last line.
    pub fn append_json(&self, name: &str, value: &impl Serialize) -> Result<(), Error> {
        self.append(name, &atomic::json_line(name, value)?)
    }

    /// Adds a line of text to a file. Line breaks in it become spaces.
    pub fn append_line(&self, name: &str, line: &str) -> Result<(), Error> {
        self.append(name, &(line.replace(['\n', '\r'], " ") + "\n"))
    }

    fn append(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.file(name)?;
        fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(Error::io("append to", &path))
    }

    /// Says how far the run is, and that this process, alive at `now`, is the one that runs it.
    pub fn set_state(&self, phase: &str, now: DateTime<Utc>) -> Result<(), Error> {
        self.write_state(&State::ours(phase, now))
    }

    /// Says that, and how far its clients are.
    pub fn set_progress(
        &self,
        phase: &str,
        now: DateTime<Utc>,
        progress: Progress,
    ) -> Result<(), Error> {
        self.write_state(&State {
            progress: Some(progress),
            ..State::ours(phase, now)
        })
    }

    fn write_state(&self, state: &State) -> Result<(), Error> {
        let text = atomic::json_line(STATE, state)?;
        atomic::write(&self.file(STATE)?, text.as_bytes(), Durability::Cached)
    }

    /// Writes `verdict.json`, which makes the run complete: the last file written. Then the index and `latest-fail`
    /// learn of it; they are conveniences, and a crash between the two loses nothing that [`Store::list`] needs.
    ///
    /// Sealing again, after another check, replaces the verdict and adds another line to the index.
    ///
    /// [`Store::list`]: super::Store::list
    pub fn seal(&self, verdict: &impl Serialize) -> Result<(), Error> {
        self.seal_as(verdict, None::<&()>)
    }

    /// Like [`RunDir::seal`], but with a line of the caller's in the index: one that knows more than the store does.
    pub fn seal_as(
        &self,
        verdict: &impl Serialize,
        line: Option<&impl Serialize>,
    ) -> Result<(), Error> {
        let value = serde_json::to_value(verdict).map_err(|e| Error::Json {
            name: VERDICT.to_owned(),
            why: e.to_string(),
        })?;
        if entry::verdict_word(&value).is_none() {
            return Err(Error::Json {
                name: VERDICT.to_owned(),
                why: "it must be an object with a string \"verdict\"".to_owned(),
            });
        }
        self.write_json(VERDICT, &value)?;
        let Some(entry) = entry::read(&self.path) else {
            // Copied under a name that is no run's: complete, but in no store.
            return Ok(());
        };
        if self.store != self.path {
            match line {
                Some(line) => append_index(&self.store, line)?,
                None => append_index(&self.store, &entry.index_line())?,
            }
            if entry.failed() {
                atomic::link(&self.store, "latest-fail", &self.path)?;
            }
        }
        Ok(())
    }
}
