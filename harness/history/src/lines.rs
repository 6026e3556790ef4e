//! Events written as lines, one each, whatever they look like: every completion with the call that it ends.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use crate::{Codec, Event, Moment, Nodes, Process};

/// Where lines go, and the calls that are open.
#[derive(Debug)]
pub(crate) struct Lines<O: Codec, W> {
    out: W,
    nodes: Nodes,
    open: BTreeMap<Process, O::Call>,
    line: Vec<u8>,
}

impl<O: Codec, W: Write> Lines<O, W> {
    pub(crate) fn new(out: W, nodes: Nodes) -> Self {
        Self {
            out,
            nodes,
            open: BTreeMap::new(),
            line: Vec::with_capacity(256),
        }
    }

    /// Writes what `render` makes of an event and the call that it begins or ends, whole. A completion of a call that was
    /// never written is refused as invalid input.
    pub(crate) fn write(
        &mut self,
        event: &Event<O>,
        render: impl FnOnce(&mut Vec<u8>, &Event<O>, &O::Call, &Nodes) -> io::Result<()>,
    ) -> io::Result<()> {
        self.line.clear();
        let process = event.process;
        match &event.moment {
            Moment::Invoke(call) => {
                render(&mut self.line, event, call, &self.nodes)?;
                self.open.insert(process, call.clone());
            }
            Moment::Complete(_) => {
                let call = self.open.remove(&process).ok_or_else(|| orphan(process))?;
                render(&mut self.line, event, &call, &self.nodes)?;
            }
        }
        self.out.write_all(&self.line)
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    pub(crate) fn into_inner(self) -> W {
        self.out
    }
}

fn orphan(Process(number): Process) -> io::Error {
    let message = format!("process {number} completes a call that it never made");
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
