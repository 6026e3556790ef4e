//! What the programs of adapters complain of, told while the run goes on: their files in the run's directory are read as they
//! grow.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use reports::escape::{PROSE, inert};

use crate::{exit::Failure, ui::Ui};

/// How often the files are looked at.
const BEAT: Duration = Duration::from_millis(100);
/// How much of a file is read at once.
const MOST: u64 = 64 << 10;
/// How many lines of a file are told at once.
const LINES: usize = 20;

/// Tells until it is dropped.
pub(crate) struct Complaints {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Complaints {
    /// Of the files in this directory, which may not be there yet.
    pub(crate) fn follow(directory: PathBuf, ui: &Arc<Ui>) -> Result<Self, Failure> {
        let (ui, (end, ended)) = (Arc::clone(ui), channel::<()>());
        let work = move || {
            let mut read = BTreeMap::new();
            loop {
                let over = ended.recv_timeout(BEAT) != Err(RecvTimeoutError::Timeout);
                for line in news(&directory, &mut read) {
                    ui.aloud(&line);
                }
                if over {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("schism-complaints".to_owned())
            .spawn(work)
            .map_err(|e| Failure::infrastructure(format!("cannot start a thread: {e}")))?;
        Ok(Self {
            end: Some(end),
            thread: Some(thread),
        })
    }
}

impl Drop for Complaints {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            // It only reads and tells; if it panicked, the hook has told it.
            let _ = thread.join();
        }
    }
}

/// The lines that are new since `read`, which says how far each file was read.
fn news(directory: &Path, read: &mut BTreeMap<PathBuf, u64>) -> Vec<String> {
    let there = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = there
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "log"))
        .collect();
    files.sort();
    let mut told = Vec::new();
    for path in files {
        let from = read.entry(path.clone()).or_default();
        // What cannot be read now may be next time; the files stay.
        let Ok(bytes) = grown(&path, *from) else {
            continue;
        };
        // A line that is not ended yet is told when it is, unless it never seems to end.
        let whole = match bytes.iter().rposition(|b| *b == b'\n') {
            Some(last) => last + 1,
            None if bytes.len() as u64 == MOST => bytes.len(),
            None => 0,
        };
        *from += whole as u64;
        let node = path.file_stem().unwrap_or_default().to_string_lossy();
        let text = String::from_utf8_lossy(&bytes[..whole]);
        let lines: Vec<&str> = text.lines().collect();
        let shown = lines.iter().take(LINES);
        told.extend(shown.map(|line| inert(&format!("adapter of {node}: {line}"), PROSE)));
        if lines.len() > LINES {
            let more = lines.len() - LINES;
            told.push(format!(
                "adapter of {node}: {more} lines more, in {}",
                inert(&path.display().to_string(), PROSE)
            ));
        }
    }
    told
}

fn grown(path: &Path, from: u64) -> std::io::Result<Vec<u8>> {
    let mut file = fs::File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn lines_are_told_once_each_when_they_are_whole() {
        let dir = tempfile::tempdir().unwrap();
        let mut read = BTreeMap::new();
        assert_eq!(news(&dir.path().join("nowhere"), &mut read), [""; 0]);
        let mut file = fs::File::create(dir.path().join("n1.log")).unwrap();
        fs::write(dir.path().join("other.txt"), "no complaint\n").unwrap();
        write!(file, "no rou").unwrap();
        assert_eq!(news(dir.path(), &mut read), [""; 0]);
        write!(file, "te\n\u{1b}[31mred\nthi").unwrap();
        let told = news(dir.path(), &mut read);
        assert_eq!(told[0], "adapter of n1: no route");
        assert!(told.len() == 2 && !told[1].contains('\u{1b}'), "{told:?}");
        writeln!(file, "rd").unwrap();
        assert_eq!(news(dir.path(), &mut read), ["adapter of n1: third"]);
        assert_eq!(news(dir.path(), &mut read), [""; 0]);
    }

    #[test]
    fn a_program_that_complains_without_end_is_cut_short_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let mut read = BTreeMap::new();
        fs::write(dir.path().join("n2.log"), "again\n".repeat(LINES + 5)).unwrap();
        let told = news(dir.path(), &mut read);
        assert_eq!(told.len(), LINES + 1);
        assert!(told[LINES].contains("5 lines more, in "), "{told:?}");
        // One line that never ends is told in pieces.
        fs::write(dir.path().join("n3.log"), vec![b'x'; MOST as usize + 1]).unwrap();
        assert_eq!(news(dir.path(), &mut read).len(), 1);
    }
}
