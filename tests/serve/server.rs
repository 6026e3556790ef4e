//! A server as a process, and requests as they come over the wire: a client would tidy paths before it sends them.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use super::support::Shell;

/// How long anything may take, on a machine that does much else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) at: SocketAddr,
    /// The line that it printed.
    pub(crate) said: String,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Server {
    /// Of the shell's `runs`, on a port that is free.
    pub(crate) fn start(shell: &Shell) -> Self {
        Self::start_with(shell, &[], &[])
    }

    pub(crate) fn start_with(shell: &Shell, more: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = shell.command(&["serve", "runs", "--port", "0"]);
        let mut child = command
            .args(more)
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut said = String::new();
        let out = child.stdout.as_mut().expect("it is piped");
        BufReader::new(out).read_line(&mut said).expect("a line");
        let Some(at) = said.trim().strip_prefix("http://") else {
            let mut why = String::new();
            let err = child.stderr.as_mut().expect("it is piped");
            let _ = err.read_to_string(&mut why);
            panic!("no address: {said:?}, {why}");
        };
        let at = at.split('/').next().expect("a socket");
        let at = at.parse().expect("a socket");
        Self { child, at, said }
    }

    /// Sends exactly this, and reads what comes until the end.
    pub(crate) fn send(&self, request: &str) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).expect("it listens");
        let mut all = Vec::new();
        stream.read_to_end(&mut all).expect("it answers");
        parse(&all)
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.at).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a bound");
        stream
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[])
    }

    pub(crate) fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            request.push_str(&format!("Host: {}\r\n", self.at));
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        self.send(&(request + "\r\n"))
    }

    pub(crate) fn interrupt(&self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::INT).expect("it is ours");
    }

    /// What it still says until it ends.
    pub(crate) fn last_words(&mut self) -> (String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        let (stdout, stderr) = (self.child.stdout.as_mut(), self.child.stderr.as_mut());
        let _ = stdout.expect("it is piped").read_to_string(&mut out);
        let _ = stderr.expect("it is piped").read_to_string(&mut err);
        let _ = self.child.wait();
        (out, err)
    }

    /// The most memory that it ever had, in kilobytes.
    pub(crate) fn peak(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("it runs");
        let line = status.lines().find(|l| l.starts_with("VmHWM:"));
        let line = line.expect("a peak");
        let number = line.split_ascii_whitespace().nth(1);
        number.and_then(|n| n.parse().ok()).expect("a number")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parse(all: &[u8]) -> Answer {
    let end = all.windows(4).position(|w| w == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no head: {:?}", String::from_utf8_lossy(all)));
    let head = String::from_utf8_lossy(&all[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|l| l.split(' ').nth(1));
    let headers: BTreeMap<String, String> = lines
        .filter_map(|l| l.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let body = &all[end + 4..];
    let chunked = headers
        .get("transfer-encoding")
        .is_some_and(|v| v == "chunked");
    Answer {
        status: status.and_then(|s| s.parse().ok()).expect("a status"),
        body: if chunked {
            dechunked(body)
        } else {
            body.to_vec()
        },
        headers,
    }
}

fn dechunked(mut body: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let end = body.windows(2).position(|w| w == b"\r\n").expect("a size");
        let size = std::str::from_utf8(&body[..end]).expect("a size");
        let size = usize::from_str_radix(size, 16).expect("a size");
        if size == 0 {
            return all;
        }
        all.extend_from_slice(&body[end + 2..end + 2 + size]);
        body = &body[end + 4 + size..];
    }
}

/// A run as it lies there; `live`: as if this process were running it.
pub(crate) fn a_run(shell: &Shell, place: &str, live: bool) {
    let dir = shell.path().join("runs").join(place);
    std::fs::create_dir_all(dir.join("nodes/n1")).expect("writable");
    let write = |name: &str, text: &str| std::fs::write(dir.join(name), text).expect("writable");
    let (pid, started) = if live { ours() } else { (1, 0) };
    write(
        "state.json",
        &format!(
            "{{\"phase\":\"workload\",\"pid\":{pid},\"pid_start\":{started},\"heartbeat\":\"2026-11-21T02:45:12Z\"}}\n"
        ),
    );
    write("log.txt", "02:45:12 workload\n");
    write(
        "events.jsonl",
        "{\"v\":1,\"t\":0.1,\"type\":\"phase\",\"name\":\"workload\"}\n",
    );
    write(
        "history.jsonl",
        "{\"index\":0,\"time\":5,\"process\":0,\"type\":\"invoke\",\"f\":\"read\"}\n",
    );
    write("nodes/n1/db.log", "started\n");
    if !live {
        write("report.html", "<!doctype html><title>a report</title>\n");
        write("verdict.json", "{\"verdict\":\"pass\"}\n");
    }
}

fn ours() -> (u32, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("there is one");
    let (_, rest) = stat.rsplit_once(')').expect("a name");
    let started = rest.split_ascii_whitespace().nth(22 - 3);
    let started = started.and_then(|s| s.parse().ok());
    (std::process::id(), started.expect("a number"))
}

/// Everything in a folder: what each is, and its bytes.
pub(crate) fn contents(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable") {
            let path = entry.expect("readable").path();
            let name = path.strip_prefix(root).expect("below");
            let name = name.to_string_lossy().into_owned();
            if path.is_symlink() {
                all.insert(name, b"link".to_vec());
            } else if path.is_dir() {
                folders.push(path);
            } else {
                all.insert(name, std::fs::read(&path).expect("readable"));
            }
        }
    }
    all
}
