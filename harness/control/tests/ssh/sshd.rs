//! An sshd of a test's own: keys, configuration and port in a temporary directory, gone with the test however it ends.
//!
//! As root it runs in namespaces of its own. sshd wants a directory in `/run`, and a user and rules for sudo can be made up
//! that the machine itself never sees (mounts); whatever a test has started or stopped there ends with it (pids). So pids
//! of processes on the node mean something only there, and tests ask and signal through SSH.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command as Process, Stdio},
    thread,
    time::{Duration, Instant},
};

use schism_control::{
    Auth, Command, Endpoint, HostKeys, Node, Password, Remote as _, RemoteExt as _, Ssh,
};

const SSHD: &str = "/usr/sbin/sshd";
/// How long anything that must happen is waited for.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// A user with a password and a home in the namespace of a [`Sshd`].
pub(crate) const USER: &str = "schismtest";
pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) struct Sshd {
    dir: tempfile::TempDir,
    child: Child,
    port: u16,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a test can run; says aloud if not.
fn possible(what: &str, is: bool) -> bool {
    if !is {
        let required = std::env::var_os("SCHISM_REQUIRE_SSHD").is_some_and(|v| v == "1");
        assert!(!required, "SCHISM_REQUIRE_SSHD=1, but there is no {what}");
        let said = writeln!(std::io::stderr(), "NOT RUN: there is no {what}");
        said.unwrap();
    }
    is
}

/// For what goes through root on the node.
pub(crate) fn is_root_or_not_run(_: &Sshd) -> bool {
    possible("root", is_root())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

impl Sshd {
    /// With one host key, of the usual type.
    pub(crate) fn start() -> Option<Self> {
        Self::with(&["ed25519"], "")
    }

    /// With host keys of these types, and with these rules for sudo.
    pub(crate) fn with(host_keys: &[&str], sudoers: &str) -> Option<Self> {
        let dir =
            possible("sshd", Path::new(SSHD).exists()).then(|| tempfile::tempdir().unwrap())?;
        // Made-up users, too, must be able to read their authorized_keys.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = |name: &str| dir.path().join(name);
        for name in ["user", "stranger"] {
            keygen(&path(name), "ed25519");
        }
        for kind in host_keys {
            keygen(&path(&format!("host_{kind}")), kind);
        }
        fs::copy(path("user.pub"), path("authorized_keys")).unwrap();
        make_up_user(dir.path(), sudoers);
        // A port that was free a moment ago may be another's by now.
        let (child, port) = (0..5)
            .find_map(|_| serve(dir.path(), host_keys))
            .expect("an sshd that starts");
        Some(Self { dir, child, port })
    }

    /// The same as [`Self::with`], where sudo can be had as well.
    pub(crate) fn with_sudo(sudoers: &str) -> Option<Self> {
        let there = is_root() && Path::new("/usr/bin/sudo").exists();
        possible("root with sudo", there).then(|| Self::with(&["ed25519"], sudoers))?
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The current user at this sshd, by the right key, expecting the right host.
    pub(crate) fn endpoint(&self) -> Endpoint {
        self.endpoint_of(&whoami(), HostKeys::Pinned(self.text("host_ed25519.pub")))
    }

    pub(crate) fn endpoint_of(&self, user: &str, host_keys: HostKeys) -> Endpoint {
        Endpoint::new(Node::new("n1", "127.0.0.1"), user, host_keys)
            .port(self.port)
            .auth(vec![self.key("user")])
    }

    pub(crate) fn key(&self, name: &str) -> Auth {
        Auth::Key {
            file: self.path(name),
            passphrase: None,
        }
    }

    pub(crate) fn connect(&self) -> Ssh {
        Ssh::connect(self.endpoint()).unwrap()
    }
}

pub(crate) fn whoami() -> String {
    let out = Process::new("id").arg("-un").output().unwrap();
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

fn keygen(file: &Path, kind: &str) {
    let made = Process::new("ssh-keygen")
        .args(["-q", "-N", "", "-t", kind, "-f"])
        .arg(file)
        .status()
        .unwrap();
    assert!(made.success());
}

/// The files that are laid over the machine's in the namespace.
fn make_up_user(dir: &Path, sudoers: &str) {
    let hash = Process::new("openssl")
        .args(["passwd", "-6", PASSWORD])
        .output()
        .map(|out| String::from_utf8(out.stdout).unwrap())
        .unwrap_or_default();
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let write = |name: &str, text: String, mode| {
        fs::write(dir.join(name), text).unwrap();
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    let user = format!("{USER}:x:54321:54321::/:/bin/sh");
    write("passwd", format!("{}\n{user}\n", passwd.trim_end()), 0o644);
    let shadow = format!("root:*:19000::::::\n{USER}:{}:19000::::::\n", hash.trim());
    write("shadow", shadow, 0o600);
    write("sudoers", format!("root ALL=(ALL) ALL\n{sudoers}\n"), 0o440);
}

fn serve(dir: &Path, host_keys: &[&str]) -> Option<(Child, u16)> {
    let at = dir.display();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let keys: String = host_keys
        .iter()
        .map(|k| format!("HostKey {at}/host_{k}\n"))
        .collect();
    // A home of its own: what the user's shell does at every login is slow, and may leave a lock when it is killed.
    let config = format!(
        "SetEnv HOME={at}\nPort {port}\nListenAddress 127.0.0.1\n{keys}AuthorizedKeysFile {at}/authorized_keys\nPidFile none\n\
         UsePAM no\nStrictModes no\nPasswordAuthentication yes\nPermitRootLogin yes\nMaxStartups 100\nLogLevel ERROR\n"
    );
    fs::write(dir.join("sshd_config"), config).unwrap();
    let enter = r#"
cd "$0" && mount -t tmpfs tmpfs /run && mkdir /run/sshd || exit 1
for file in passwd shadow sudoers; do
  [ ! -e "/etc/$file" ] || mount --bind "$file" "/etc/$file" || exit 1
done
exec "$@"
"#;
    // Killed too where the thread of the test ends without dropping anything.
    let leash = "setpriv --pdeathsig KILL";
    let private = "unshare --mount --pid --fork --kill-child=KILL --mount-proc --propagation private /bin/sh -c";
    let mut words: Vec<String> = leash.split(' ').map(str::to_owned).collect();
    if is_root() {
        words.extend(private.split(' ').map(str::to_owned));
        words.extend([enter.to_owned(), at.to_string()]);
    }
    words.extend([SSHD, "-D", "-E"].map(str::to_owned));
    words.extend([
        format!("{at}/sshd.log"),
        "-f".to_owned(),
        format!("{at}/sshd_config"),
    ]);
    let mut child = Process::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let until = Instant::now() + SOON;
    while Instant::now() < until && child.try_wait().unwrap().is_none() {
        if greets(port) {
            return Some((child, port));
        }
        thread::sleep(Duration::from_millis(20));
    }
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
    None
}

fn greets(port: u16) -> bool {
    let mut seen = [0; 4];
    TcpStream::connect(("127.0.0.1", port)).is_ok_and(|mut socket| {
        socket.set_read_timeout(Some(SOON)).unwrap();
        socket.read_exact(&mut seen).is_ok() && &seen == b"SSH-"
    })
}

/// A script that needs nothing.
pub(crate) fn sh<S: Into<String>>(script: &str, args: impl IntoIterator<Item = S>) -> Command {
    Command::script(script, args)
}

/// Lines of shell that set `p` to the sshd process that this runs under.
pub(crate) const FIND_SSHD: &str = r#"
p=$$
while [ "$(cat "/proc/$p/comm")" != sshd ]; do
  p=$(sed 's/.*) //' "/proc/$p/stat" | cut -d' ' -f2)
done
"#;

/// The sshd process that has the session that is used next.
pub(crate) fn serving(ssh: &Ssh) -> u32 {
    let script = format!("{FIND_SSHD}echo $p");
    ssh.run(&sh(&script, [""; 0]))
        .unwrap()
        .text()
        .parse()
        .unwrap()
}

/// Sends a signal to a process on the node.
pub(crate) fn signal(over: &Ssh, pid: u32, name: &str) {
    let kill = sh("kill -s \"$1\" \"$2\"", [name.to_owned(), pid.to_string()]);
    over.run(&kill).unwrap();
}

/// Whether there is such a process on the node.
pub(crate) fn exists(over: &Ssh, pid: u32) -> bool {
    let look = sh("test -e \"/proc/$1\"", [pid.to_string()]);
    over.exec(&look).unwrap().success()
}

/// Polls until it is so.
pub(crate) fn soon(what: &str, mut is: impl FnMut() -> bool) {
    let until = Instant::now() + SOON;
    while !is() {
        assert!(Instant::now() < until, "not in time: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn password(text: &str) -> Option<Password> {
    Some(Password::new(text))
}
