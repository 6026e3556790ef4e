//! The pull: a buffer, what has been read of it, and where that is in the text.

use std::io::Read;

use super::{Foreign, ForeignError, Format, Place, Sniffed, edn, json, log, plume, sniff};
use crate::{brief::brief, edn::Trouble};

/// How many bytes are read at a time.
pub const BUFFER: usize = 256 << 10;
/// How long one op may be.
pub const LONGEST: usize = 64 << 20;

/// What a notation made of the beginning of a slice.
pub(super) struct Step {
    /// How many bytes it took. Zero with no op says that nothing is left.
    pub(super) taken: usize,
    /// Where in them the op begins.
    pub(super) begins: usize,
    /// The op, if it was one.
    pub(super) op: Option<Foreign>,
}

/// What was pulled.
pub(super) enum Pulled {
    Op(Foreign),
    /// Of Plume's text: it has no ops.
    Txn(plume::Ended, Place),
    /// There is no more.
    Nothing,
}

/// A notation's state between two ops.
enum Notation {
    Edn(edn::Ops),
    Json(json::Ops),
    Log(log::Ops),
    Plume(plume::Ops),
}

/// Reads ops, one at a time. After an error it has nothing more to say.
pub struct Reader<R> {
    input: R,
    notation: Notation,
    buffer: Vec<u8>,
    /// What of the buffer is taken.
    at: usize,
    /// Whether the input has ended.
    last: bool,
    /// The place of `at`.
    place: Place,
    /// The op that was read together with the last one.
    ready: Option<Foreign>,
    done: bool,
}

/// Recognizes a text, and reads it.
pub fn open<R: Read>(mut input: R) -> Result<(Sniffed, Reader<R>), ForeignError> {
    let mut buffer = Vec::new();
    let last = fill(&mut input, &mut buffer)?;
    let sniffed = sniff(&buffer)?;
    let mut reader = Reader::new(sniffed.format, input);
    reader.buffer = buffer;
    reader.last = last;
    Ok((sniffed, reader))
}

/// Reads up to [`BUFFER`] bytes more; whether that was all there is.
fn fill(input: &mut impl Read, buffer: &mut Vec<u8>) -> Result<bool, ForeignError> {
    let read = input.take(BUFFER as u64).read_to_end(buffer)?;
    Ok(read < BUFFER)
}

impl<R: Read> Reader<R> {
    /// Reads a text of this format. The input needs no buffer of its own.
    pub fn new(format: Format, input: R) -> Self {
        Self {
            input,
            notation: match format {
                Format::Edn => Notation::Edn(edn::Ops::default()),
                Format::Json | Format::Journal => Notation::Json(json::Ops::default()),
                Format::Log => Notation::Log(log::Ops::default()),
                Format::Plume => Notation::Plume(plume::Ops::default()),
            },
            buffer: Vec::new(),
            at: 0,
            last: false,
            place: Place { line: 1, column: 1 },
            ready: None,
            done: false,
        }
    }

    fn step(&mut self) -> Result<Option<Foreign>, ForeignError> {
        if let Some(op) = self.ready.take() {
            return Ok(Some(op));
        }
        Ok(match self.pull()? {
            Pulled::Op(op) => Some(op),
            Pulled::Txn(ended, place) => {
                let [invoked, completed] = self.written(ended, place);
                self.ready = Some(completed);
                Some(invoked)
            }
            Pulled::Nothing => None,
        })
    }

    /// The next op, or the next transaction where these are not written as ops.
    pub(super) fn pull(&mut self) -> Result<Pulled, ForeignError> {
        loop {
            let text = &self.buffer[self.at..];
            let (last, mut ended) = (self.last, None);
            let step = match &mut self.notation {
                Notation::Edn(ops) => ops.next(text, last),
                Notation::Json(ops) => ops.next(text, last),
                Notation::Log(ops) => ops.next(text, last),
                Notation::Plume(ops) => ops.next(text, last, &mut ended),
            };
            match step {
                Ok(Step { taken, begins, op }) => {
                    self.advance(begins);
                    let place = self.place;
                    self.advance(taken - begins);
                    if let Some(ended) = ended {
                        return Ok(Pulled::Txn(ended, place));
                    }
                    if let Some(op) = op {
                        return Ok(Pulled::Op(Foreign { place, ..op }));
                    }
                    if taken > 0 {
                        continue;
                    }
                    if self.last {
                        return Ok(Pulled::Nothing);
                    }
                    self.refill()?;
                }
                Err(Trouble::Incomplete) => self.refill()?,
                Err(Trouble::Wrong { at, reason }) => {
                    self.advance(at);
                    let place = self.place;
                    let reason = brief(reason);
                    return Err(ForeignError::Wrong { place, reason });
                }
            }
        }
    }

    /// A transaction as ops.
    pub(super) fn written(&self, ended: plume::Ended, place: Place) -> [Foreign; 2] {
        match &self.notation {
            Notation::Plume(ops) => ops.written(ended, place),
            Notation::Edn(_) | Notation::Json(_) | Notation::Log(_) => {
                unreachable!("these have ops")
            }
        }
    }

    /// Reads more. Twice as much each time, so that a long op is not begun too often.
    fn refill(&mut self) -> Result<(), ForeignError> {
        self.buffer.drain(..self.at);
        self.at = 0;
        if self.buffer.len() >= LONGEST {
            return Err(ForeignError::Wrong {
                place: self.place,
                reason: format!("one op is longer than {LONGEST} bytes"),
            });
        }
        let wanted = self.buffer.len() * 2;
        while !self.last && self.buffer.len() <= wanted {
            self.last = fill(&mut self.input, &mut self.buffer)?;
        }
        Ok(())
    }

    fn advance(&mut self, bytes: usize) {
        let taken = &self.buffer[self.at..self.at + bytes];
        let lines = taken.iter().filter(|byte| **byte == b'\n').count();
        // Most ops are on one line, and then looking for its end is for nothing.
        let feed = (lines > 0).then(|| taken.iter().rposition(|byte| *byte == b'\n'));
        match feed.flatten() {
            Some(feed) => {
                self.place.line += lines as u64;
                self.place.column = (bytes - feed) as u64;
            }
            None => self.place.column += bytes as u64,
        }
        self.at += bytes;
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Foreign, ForeignError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let step = self.step().transpose();
        self.done = !matches!(step, Some(Ok(_)));
        step
    }
}
