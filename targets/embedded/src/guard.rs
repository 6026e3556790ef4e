//! The parent of the servers: `schism node embedded guard`. It exists so that servers can be started by any later command
//! and still have a parent that dies with schism: each process dies with its parent, by SIGKILL from the kernel, which
//! reaches stopped processes too. Nothing is left, however the owner ended.
//!
//! It does what it is told through a Unix socket in the cluster's directory, one line a connection: `start NODE`,
//! `reset` (kills all servers and removes their data), `stop` (the same, and ends). It answers `ok` or what went wrong.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufRead, BufReader, Write},
    os::{
        fd::AsRawFd,
        unix::{
            net::{UnixListener, UnixStream},
            process::CommandExt,
        },
    },
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    layout::{Layout, node_dir},
    process::{Identity, ProcessState, die_with},
    server::reserve,
};

/// Longer than the kernel ever takes to bury a process.
const BURIAL: Duration = Duration::from_secs(5);
/// Longer than the guard ever takes to answer.
const ANSWER: Duration = Duration::from_secs(10);

struct Guard<'a> {
    dir: &'a Path,
    layout: Layout,
    servers: BTreeMap<String, (Identity, Arc<Mutex<Child>>)>,
}

/// Is the guard until told to stop, or until the parent dies.
pub(crate) fn guard(dir: &Path, parent: i32) -> io::Result<()> {
    die_with(parent)?;
    let mut layout = Layout::load(dir)?;
    let mut reserved = Vec::new();
    for member in &mut layout.members {
        let socket = reserve(0)?;
        member.port = socket.local_addr()?.port();
        reserved.push(socket);
    }
    layout.save(dir)?;
    let listener = at_socket(dir, |path| UnixListener::bind(path))?;
    let me = Identity::of(std::process::id()).ok_or(io::ErrorKind::NotFound)?;
    me.save(&dir.join("guard.json"))?;
    writeln!(io::stdout(), "ready")?;

    let mut guard = Guard {
        dir,
        layout,
        servers: BTreeMap::new(),
    };
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        let Ok(line) = hear(&stream) else { continue };
        let result = guard.obey(&line);
        let answer = result
            .as_ref()
            .map_or_else(ToString::to_string, |()| "ok".into());
        // Whoever asked may be gone; what was asked is done.
        let _: io::Result<()> = writeln!(stream, "{answer}");
        if line == "stop" && result.is_ok() {
            break;
        }
    }
    Ok(())
}

impl Guard<'_> {
    fn obey(&mut self, line: &str) -> io::Result<()> {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("start", node) => self.start(node),
            ("reset" | "stop", "") => self.reset(),
            _ => Err(io::Error::other(format!("not understood: {line:?}"))),
        }
    }

    fn start(&mut self, node: &str) -> io::Result<()> {
        if self.layout.position(node).is_none() {
            return Err(io::Error::other(format!("no node {node:?}")));
        }
        if let Some((server, _)) = self.servers.get(node)
            && server.state() != ProcessState::Gone
        {
            return Ok(());
        }
        let home = node_dir(self.dir, node);
        fs::create_dir_all(&home)?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(home.join("server.log"))?;
        let child = Command::new(std::env::current_exe()?)
            .args(["node", "embedded", "serve", "--parent"])
            .arg(std::process::id().to_string())
            .arg("--dir")
            .args([self.dir.as_os_str(), node.as_ref()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0)
            .spawn()?;
        // Not reaped yet, so it still has its entry in /proc, dead or alive.
        let identity = Identity::of(child.id()).ok_or(io::ErrorKind::NotFound)?;
        identity.save(&home.join("pid.json"))?;
        let child = Arc::new(Mutex::new(child));
        let reaped = child.clone();
        std::thread::spawn(move || {
            let reap = || reaped.lock().unwrap_or_else(PoisonError::into_inner).wait();
            identity.wait().and_then(|()| reap())
        });
        self.servers.insert(node.to_owned(), (identity, child));
        Ok(())
    }

    fn reset(&mut self) -> io::Result<()> {
        for (server, _) in self.servers.values() {
            server.kill(BURIAL)?;
        }
        self.servers.clear();
        for member in &self.layout.members {
            match fs::remove_dir_all(node_dir(self.dir, &member.name)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => fs::create_dir_all(node_dir(self.dir, &member.name))?,
            }
        }
        Ok(())
    }
}

fn hear(stream: &UnixStream) -> io::Result<String> {
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    let mut line = String::new();
    BufReader::new(io::Read::take(stream, 4096)).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

/// Whether the guard of this directory lives.
pub(crate) fn lives(dir: &Path) -> bool {
    matches!(Identity::load(&dir.join("guard.json")), Ok(Some(guard)) if guard.state() != ProcessState::Gone)
}

/// Tells the guard of this directory to do something, and waits until it is done.
pub(crate) fn tell(dir: &Path, request: &str) -> io::Result<()> {
    let mut stream = at_socket(dir, |path| UnixStream::connect(path))?;
    writeln!(stream, "{request}")?;
    match hear(&stream)?.as_str() {
        "ok" => Ok(()),
        "" => Err(io::Error::other("the guard went away")),
        words => Err(io::Error::other(words.to_owned())),
    }
}

/// Does something with the path of the guard's socket: one that is short, as such paths must be, wherever `dir` is.
fn at_socket<T>(dir: &Path, use_it: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let dir = File::open(dir)?;
    use_it(Path::new(&format!(
        "/proc/self/fd/{}/guard.sock",
        dir.as_raw_fd()
    )))
}
