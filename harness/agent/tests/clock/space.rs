//! A system under test in network and process namespaces of its own, which end with it and with this test.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::TcpStream,
    os::fd::AsFd,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::agent::eventually;

pub(crate) struct Space {
    outer: Child,
    pub(crate) log: std::path::PathBuf,
}

/// Before the words of a program that is to run in new namespaces.
pub(crate) fn unshared(user: Option<&str>) -> Vec<String> {
    let words =
        "setpriv --pdeathsig KILL unshare --net --pid --fork --kill-child --mount-proc sh -c";
    let mut words: Vec<String> = words.split(' ').map(String::from).collect();
    words.push("ip link set lo up && exec \"$@\"".into());
    words.push("sh".into());
    if let Some(user) = user {
        let other = [
            "setpriv",
            "--reuid",
            user,
            "--regid",
            user,
            "--clear-groups",
        ];
        words.extend(other.map(String::from));
    }
    words
}

/// The process that `unshare` waits for.
pub(crate) fn inner(unshare: &str) -> String {
    let children = format!("/proc/{unshare}/task/{unshare}/children");
    fs::read_to_string(children).unwrap().trim().to_owned()
}

impl Space {
    pub(crate) fn start(user: Option<&str>, log: &std::path::Path, words: &[&str]) -> Self {
        let before = unshared(user);
        let file = File::create(log).unwrap();
        let outer = Command::new(&before[0])
            .args(&before[1..])
            .args(words)
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let space = Self {
            outer,
            log: log.to_owned(),
        };
        space.await_namespace();
        space
    }

    fn await_namespace(&self) {
        let net = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/net")).unwrap();
        eventually("the namespace exists", || {
            net(self.outer.id()) != net(std::process::id()) && !self.root().is_empty()
        });
    }

    /// The first process in the namespaces, as it is known outside.
    pub(crate) fn root(&self) -> String {
        inner(&self.outer.id().to_string())
    }

    pub(crate) fn lives(&mut self) -> bool {
        self.outer.try_wait().unwrap().is_none()
    }

    /// Words before those of a program that is to run in its network, for as long as this test.
    pub(crate) fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args([
            "-t",
            &self.root(),
            "-n",
            "--",
            "setpriv",
            "--pdeathsig",
            "KILL",
        ]);
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn connect(&self, port: u16) -> std::io::Result<TcpStream> {
        let path = format!("/proc/{}/ns/net", self.outer.id());
        // The thread ends with the namespace that it has entered; the connection stays.
        let stream = thread::scope(|scope| {
            let connect = scope.spawn(|| {
                let namespace = File::open(path)?;
                move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
                TcpStream::connect(("127.0.0.1", port))
            });
            connect.join().unwrap()
        })?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    pub(crate) fn await_port(&self, port: u16) {
        eventually("it listens", || self.connect(port).is_ok());
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = self.outer.kill();
        let _ = self.outer.wait();
    }
}

/// A program that runs beside a test and ends with it.
pub(crate) struct Beside(Child);

impl Beside {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(
            command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }
    pub(crate) fn runs(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends this and reads until the answer ends like that.
pub(crate) fn exchange(stream: &mut TcpStream, send: &str, end: &str) -> std::io::Result<String> {
    stream.write_all(send.as_bytes())?;
    let mut said = Vec::new();
    while !said.ends_with(end.as_bytes()) {
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            n => said.extend_from_slice(&bytes[..n]),
        }
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}
