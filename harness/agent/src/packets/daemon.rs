//! A process that goes on after the command that started it has returned. The command runs this program once more, as
//! `run`, and waits for its first line: by then the queue is there. From then on the child belongs to no session of
//! anybody's, and is known by its pid file, in the manner of `control::Daemon`: its pid, and its start in clock ticks.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Write},
    path::Path,
    process::{Command, Stdio},
};

use rustix::{process, stdio};

/// Runs this program again with these arguments, and returns its first line.
pub(super) fn start(args: &[String]) -> Result<String, String> {
    let io = |what: &'static str| move |e: io::Error| format!("{what}: {e}");
    let program = std::env::current_exe().map_err(io("this program cannot be found"))?;
    let mut child = Command::new(program)
        .args(args)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(io("this program cannot be run again"))?;
    let mut line = String::new();
    let out = child.stdout.take().expect("it was asked for");
    BufReader::new(out)
        .read_line(&mut line)
        .map_err(io("no word from the child"))?;
    if line.ends_with('\n') {
        return Ok(line.trim_end().to_owned());
    }
    let mut complaint = String::new();
    let mut errors = child.stderr.take().expect("it was asked for");
    let _ = errors.read_to_string(&mut complaint);
    let _ = child.wait();
    Err(complaint.trim().to_owned())
}

/// In the child, first of all: leaves the session and writes the pid file, so that whoever undoes this finds us.
pub(super) fn settle(pid_file: &Path) -> io::Result<()> {
    // Fails only for the leader of a group, which is in nobody's way.
    let _ = process::setsid();
    if let Some(directory) = pid_file.parent() {
        fs::create_dir_all(directory)?;
    }
    let stat = fs::read_to_string("/proc/self/stat")?;
    let start = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.split(' ').nth(19))
        .ok_or(io::ErrorKind::InvalidData)?;
    let new = pid_file.with_extension("new");
    fs::write(&new, format!("{} {start}\n", std::process::id()))?;
    fs::rename(new, pid_file)
}

/// In the child: says the line that the parent waits for, and lets go of what it shares with it.
pub(super) fn ready(line: &str) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{line}")?;
    out.flush()?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    stdio::dup2_stdout(&null)?;
    stdio::dup2_stderr(&null)?;
    Ok(())
}
