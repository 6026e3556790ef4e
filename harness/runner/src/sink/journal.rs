//! The journal on disk: `history.jsonl`, while it happens.
//!
//! Written on the recorder's thread, so that a slow disk holds up neither workers nor driver (see `log.rs` for what
//! happens when it stays slow). Flushed to the operating system at every tick, which is every 20 ms: what was flushed
//! survives the death of this process, and the end of the run is synced to the disk.

use std::{
    fs::{File, OpenOptions},
    io::BufWriter,
    path::{Path, PathBuf},
};

use history::{Codec, Event, Nanos, Nodes, journal};

use super::{Sink, SinkError};

/// How much is written at once.
const BUFFER: usize = 256 * 1024;

/// Writes every event to a file.
pub struct JournalSink<O: Codec> {
    path: PathBuf,
    /// The same file as under the writer, to sync it.
    file: File,
    writer: journal::Writer<O, BufWriter<File>>,
    /// The first error; nothing is written after it, since a journal with a hole is no history.
    broken: Option<std::io::Error>,
}

impl<O: Codec> JournalSink<O> {
    /// A new journal at `path`, where no file may be.
    pub fn create(path: &Path, nodes: Nodes) -> Result<Self, SinkError> {
        let (file, out) = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
            .and_then(|file| Ok((file.try_clone()?, file)))
            .map_err(|e| SinkError::io(format!("cannot create {}", path.display()), e))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            writer: journal::Writer::new(BufWriter::with_capacity(BUFFER, out), nodes),
            broken: None,
        })
    }

    fn check(&mut self, result: std::io::Result<()>) -> Result<(), SinkError> {
        match self.broken.take().map_or(result, Err) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.broken = Some(std::io::Error::from(error.kind()));
                let what = format!("cannot write {}", self.path.display());
                Err(SinkError::io(what, error))
            }
        }
    }
}

impl<O: Codec> Sink<O> for JournalSink<O> {
    fn event(&mut self, event: &Event<O>) {
        if self.broken.is_none() {
            self.broken = self.writer.write(event).err();
        }
    }

    fn tick(&mut self, _now: Nanos) -> Result<(), SinkError> {
        let flushed = match self.broken {
            None => self.writer.flush(),
            Some(_) => Ok(()),
        };
        self.check(flushed)
    }

    fn close(&mut self, now: Nanos) -> Result<(), SinkError> {
        self.tick(now)?;
        let synced = self.file.sync_data();
        self.check(synced)
    }
}
