//! `schism import`: a history of another program as a journal of ours.

use std::path::Path;

use super::export;
use crate::{
    args::ImportArgs,
    exit::{Exit, Failure},
    subject::Notation,
    terminal::Terminal,
};

/// Writes it.
pub(crate) fn import(args: &ImportArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let path = Path::new(&args.file);
    if path.is_dir() {
        return Err(Failure::usage(format!(
            "{} is a directory; a run's history is written elsewhere with schism export",
            args.file
        )));
    }
    let told = args.reading.subject()?;
    export::file(path, told, &args.reading, terminal)?.write(
        Notation::Journal,
        args.output.as_deref(),
        terminal,
    )
}
