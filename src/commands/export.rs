//! `schism export`: a history in another notation.

use std::{
    fs,
    io::{self, BufWriter, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use runner::store::HISTORY;

use crate::{
    args::{ExportArgs, ExportTo, ReadingArgs},
    commands::check,
    exit::{Exit, Failure},
    record::Record,
    subject::{self, Notation, Reading, Subject, Typed},
    terminal::Terminal,
};

/// Writes it.
pub(crate) fn export(args: &ExportArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let told = args.reading.subject()?;
    let path = Path::new(&args.what);
    let source = if path.is_file() {
        file(path, told, &args.reading, terminal)?
    } else {
        let dir = terminal.store()?.resolve(&args.what)?;
        if let Some(option) = args.reading.given() {
            return Err(Failure::usage(format!(
                "a run knows what it recorded, and {option} is for files"
            )));
        }
        let workload = Record::read(dir.path())?.meta.workload;
        let subject = subject::named(&workload)?;
        Source::open(
            subject,
            &dir.path().join(HISTORY),
            &Reading::default(),
            terminal,
        )?
    };
    let to = match args.to {
        ExportTo::Edn => Notation::Edn,
        ExportTo::Journal => Notation::Journal,
    };
    source.write(to, args.output.as_deref(), terminal)
}

/// A history file, of the kind that somebody says it is, or else that it looks like.
pub(super) fn file(
    path: &Path,
    told: Option<&'static Subject>,
    reading: &ReadingArgs,
    terminal: &Terminal,
) -> Result<Source, Failure> {
    let subject = match told {
        Some(subject) => subject,
        None => {
            let (subject, why) = subject::recognize(path)?;
            terminal.say(&format!("{why}\n"));
            subject
        }
    };
    Source::open(subject, path, &reading.told(), terminal)
}

/// What is to be written.
pub(super) struct Source {
    subject: &'static Subject,
    history: Box<dyn Typed>,
    path: PathBuf,
}

impl Source {
    fn open(
        subject: &'static Subject,
        path: &Path,
        how: &Reading,
        terminal: &Terminal,
    ) -> Result<Self, Failure> {
        let history = subject.open(path, how)?;
        for line in history.told() {
            terminal.say(&format!("{line}\n"));
        }
        Ok(Self {
            subject,
            history,
            path: path.to_owned(),
        })
    }

    /// Writes it whole, or not at all where that is a file.
    pub(super) fn write(
        &self,
        to: Notation,
        output: Option<&Path>,
        terminal: &Terminal,
    ) -> Result<Exit, Failure> {
        if !self.history.assumed().real_time {
            return Err(Failure::usage(format!(
                "{}: this notation says nothing of real time, and in any other the order of the lines would",
                self.path.display()
            )));
        }
        let Some(output) = output else {
            let mut out = BufWriter::new(io::stdout().lock());
            return match self.history.write(to, &mut out).and_then(|()| out.flush()) {
                // A reader that has seen enough is no error of ours.
                Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
                    Err(Failure::infrastructure(format!("cannot write: {e}")))
                }
                _ => Ok(Exit::Pass),
            };
        };
        if is_same(output, &self.path) {
            return Err(Failure::usage(format!(
                "{} is the history itself; give another name",
                output.display()
            )));
        }
        save(&*self.history, to, output)?;
        let name = output.display();
        let reading = self.subject.reading(self.history.assumed(), to);
        let command = check::again(output, self.subject, None, &reading);
        let command = shlex::try_join(command.iter().map(String::as_str));
        let judged = command.map_or_else(|_| String::new(), |c| format!("; to judge it: {c}"));
        let calls = self.history.calls();
        terminal.say(&format!("{name}: {calls} calls{judged}\n"));
        Ok(Exit::Pass)
    }
}

/// Whether two paths are one file.
pub(super) fn is_same(a: &Path, b: &Path) -> bool {
    match (fs::canonicalize(a), fs::canonicalize(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

/// Writes a history into a file, whole or not at all.
pub(crate) fn save(history: &dyn Typed, to: Notation, output: &Path) -> Result<(), Failure> {
    let cannot = |e: io::Error| Failure::usage(format!("cannot write {}: {e}", output.display()));
    let dir = output.parent().filter(|dir| !dir.as_os_str().is_empty());
    let mut file = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(dir.unwrap_or(Path::new(".")))
        .map_err(cannot)?;
    let mut out = BufWriter::with_capacity(1 << 20, file.as_file_mut());
    let written = history.write(to, &mut out).and_then(|()| out.flush());
    drop(out);
    written.map_err(cannot)?;
    file.persist(output).map_err(|e| cannot(e.error))?;
    Ok(())
}
