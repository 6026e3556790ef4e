//! This machine, as a node.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::Path,
    process::{Child, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::{Command, Error, Node, Output, Remote, remote::OUTPUT_LIMIT, sudo};

/// How often a command that runs is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// How long the last of its output is waited for after a command has ended.
const AFTERMATH: Duration = Duration::from_secs(2);
/// The program of a command without words.
static NOTHING: String = String::new();

/// Runs commands on this machine, as the user that schism runs as; those that need root go through `sudo -n` unless
/// that user is root.
#[derive(Debug, Clone)]
pub struct Local {
    node: Node,
}

impl Local {
    /// This machine, under the name of this node.
    pub fn new(node: Node) -> Self {
        Self { node }
    }

    fn io(&self, what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
        let (node, what) = (self.node.name.clone(), what.into());
        move |e| Error::Io {
            node,
            what,
            reason: e.to_string(),
        }
    }

    /// Waits for the end; kills the whole process group at the deadline. What sudo runs is not ours to kill: it has a timer.
    fn wait(&self, mut child: Child, command: &Command) -> Result<std::process::ExitStatus, Error> {
        let until = Instant::now() + command.deadline;
        let mut nap = Duration::from_micros(200);
        loop {
            if let Some(status) = child.try_wait().map_err(self.io("waiting for a command"))? {
                return Ok(status);
            }
            if Instant::now() >= until {
                let group = rustix::process::Pid::from_child(&child);
                // The group is gone if it ended just now, and lives on for a moment if it is root's.
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
                thread::spawn(move || child.wait());
                return Err(Error::Deadline {
                    node: self.node.name.clone(),
                    command: crate::remote::brief(&command.argv),
                    after: command.deadline,
                });
            }
            thread::sleep(nap);
            nap = (nap * 2).min(LOOK);
        }
    }
}

impl Remote for Local {
    fn node(&self) -> &Node {
        &self.node
    }

    fn exec(&self, command: &Command) -> Result<Output, Error> {
        let sudo = command.root && !rustix::process::geteuid().is_root();
        let (words, prefix) = match sudo {
            true => sudo::wrap(command.under_timer(), None),
            false => (command.argv.clone(), String::new()),
        };
        let (program, words) = words.split_first().unwrap_or((&NOTHING, &[]));
        let input = match (&command.stdin, sudo) {
            (None, false) => None,
            (text, _) => Some(prefix + text.as_deref().unwrap_or_default()),
        };
        let mut child = std::process::Command::new(program)
            .args(words)
            .stdin(match input {
                Some(_) => Stdio::piped(),
                None => Stdio::null(),
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(self.io(format!("starting {program}")))?;
        if let Some((mut pipe, text)) = child.stdin.take().zip(input) {
            // A command that does not read its input is no error.
            thread::spawn(move || drop(pipe.write_all(text.as_bytes())));
        }
        let out = reader(child.stdout.take());
        let err = reader(child.stderr.take());
        let status = self.wait(child, command)?;
        let reading = || self.io(format!("reading the output of {program}"));
        // A process that it left behind may still have its output open; what that one says is not waited for.
        let take =
            |from: mpsc::Receiver<std::io::Result<Vec<u8>>>| match from.recv_timeout(AFTERMATH) {
                Ok(bytes) => bytes.map_err(reading()),
                Err(_) => Err(reading()(std::io::Error::other(
                    "it ended, but something that it started keeps its output open",
                ))),
            };
        let mut output = Output {
            status: status
                .code()
                .unwrap_or_else(|| 128 + status.signal().unwrap_or_default()),
            stdout: take(out)?,
            stderr: take(err)?,
        };
        if sudo {
            sudo::admitted(&mut output.stderr, &self.node.name, "yourself")?;
        }
        Ok(output)
    }

    fn upload(&self, contents: &[u8], to: &str, mode: u32) -> Result<(), Error> {
        let directory = match Path::new(to).parent() {
            Some(directory) if directory != Path::new("") => directory,
            _ => Path::new("."),
        };
        let write = || {
            // A name that nobody can foresee, gone again if it is not renamed.
            let mut file = tempfile::NamedTempFile::new_in(directory)?;
            file.write_all(contents)?;
            let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
            file.as_file().set_permissions(mode)?;
            file.as_file().sync_all()?;
            file.persist(to).map_err(std::io::Error::from).map(drop)
        };
        write().map_err(self.io(format!("writing {to}")))
    }

    fn download(&self, from: &str, to: &Path, limit: u64) -> Result<u64, Error> {
        let copy = || {
            let mut file = File::open(from)?;
            let size = file.metadata()?.len();
            file.seek(SeekFrom::Start(size.saturating_sub(limit)))?;
            std::io::copy(&mut file.take(limit), &mut File::create(to)?)?;
            Ok(size)
        };
        copy().map_err(self.io(format!("reading {from}")))
    }
}

/// Reads all of it on a thread of its own. More than the limit is an error, and dropped, so that the writer never blocks.
fn reader(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<std::io::Result<Vec<u8>>> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.map_or(Ok(()), |mut pipe| {
            pipe.by_ref().take(OUTPUT_LIMIT).read_to_end(&mut bytes)?;
            match std::io::copy(&mut pipe, &mut std::io::sink())? {
                0 => Ok(()),
                _ => Err(std::io::Error::other(format!(
                    "it is more than {} MiB",
                    OUTPUT_LIMIT >> 20
                ))),
            }
        });
        // Whoever waited may have given up.
        let _ = send.send(read.map(|()| bytes));
    });
    receive
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::RemoteExt;

    fn here() -> Local {
        Local::new(Node::new("here", "127.0.0.1"))
    }

    #[test]
    fn output_input_and_status_are_those_of_the_command() {
        let out = here()
            .exec(&Command::script("cat; echo oops >&2; exit 3", [""; 0]).stdin("hello"))
            .unwrap();
        assert_eq!(
            (out.status, out.text().as_str(), out.complaint().as_str()),
            (3, "hello", "oops")
        );
        let killed = here()
            .exec(&Command::script("kill -9 $$", [""; 0]))
            .unwrap();
        assert_eq!(killed.status, 137);
        assert!(matches!(
            here().run(&Command::new(["false"])),
            Err(Error::Status { status: 1, .. })
        ));
        assert!(matches!(
            here().exec(&Command::new(["/no/such/program"])),
            Err(Error::Io { .. })
        ));
    }

    #[test]
    fn large_output_on_both_streams_does_not_block() {
        let script = "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; echo end";
        let out = here().exec(&Command::script(script, [""; 0])).unwrap();
        assert_eq!((out.stdout.len(), out.stderr.len()), (3_000_004, 3_000_000));
    }

    #[test]
    fn more_output_than_the_limit_is_an_error_and_not_cut_short() {
        let much = Command::script("head -c 17000000 /dev/zero", [""; 0]);
        let error = here().exec(&much).unwrap_err();
        assert!(error.to_string().contains("more than 16 MiB"), "{error}");
    }

    #[test]
    fn the_deadline_ends_the_whole_process_group() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("pid").display().to_string();
        let script = Command::script("sleep 50 & echo $! >\"$1\"; wait", [mark.clone()])
            .deadline(Duration::from_millis(300));
        assert!(matches!(here().exec(&script), Err(Error::Deadline { .. })));
        let pid = fs::read_to_string(&mark).unwrap();
        let stat = format!("/proc/{}/stat", pid.trim());
        let gone = || fs::read_to_string(&stat).map_or(true, |s| s.contains(") Z "));
        let until = Instant::now() + Duration::from_secs(5);
        while !gone() && Instant::now() < until {
            thread::sleep(LOOK);
        }
        assert!(gone());
    }

    #[test]
    fn a_file_is_written_whole_with_its_mode_and_read_from_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = |n: &str| dir.path().join(n).display().to_string();
        here().upload(b"0123456789", &path("a b"), 0o640).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &fs::metadata(path("a b")).unwrap().permissions(),
        );
        assert_eq!(mode & 0o7777, 0o640);
        assert_eq!(
            here()
                .download(&path("a b"), Path::new(&path("c")), 4)
                .unwrap(),
            10
        );
        assert_eq!(fs::read(path("c")).unwrap(), b"6789");
        assert!(here().upload(b"x", &path("no/such/dir"), 0o600).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
