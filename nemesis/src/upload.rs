//! This program on the nodes, for what only runs there. A node that has the very file that runs here is not sent another:
//! nodes on this machine see it where it is, and a lab's nodes at a place of their own ([`LAB`]). Elsewhere a copy is put
//! under `/var/tmp` for this run alone: whatever is found there, or at our own path on another machine, may be another
//! program or another version, and is never run.
//!
//! The copy is gone with the run, however that ends. Before it is sent, its removal is given to a timer of the node's own;
//! later to the run's, where it comes after all undos, since they may need the program; and the ledger has it for `heal`.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use control::{Cluster, Command, Node, Remote};

use crate::{DeadMan, Ledger, LedgerError};

/// Where a lab's nodes have the program that made them. The same words are in the lab's own `root.rs`.
const LAB: &str = "/usr/lib/schism/schism";
/// How long sending some tens of megabytes may take is the remote's to know; this is for running them.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a node keeps a copy that nobody asks for any more, before the run's own timer has it.
const LEASE: Duration = Duration::from_secs(30);
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// What was put on nodes, and is removed again when this is dropped.
#[derive(Default)]
pub struct Uploads {
    files: Mutex<Vec<Copy>>,
}

/// A copy on a node.
struct Copy {
    cluster: Cluster,
    node: String,
    path: String,
    /// Removes it if we die before the run has timers.
    timer: DeadMan,
}

impl Uploads {
    /// Gives the removals to the run's timers, before anything is given to those that needs the program: nothing is left for
    /// timers of our own to do.
    pub fn guard(&self, deadman: &DeadMan) -> Result<(), String> {
        if deadman.is_none() {
            return Ok(());
        }
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        for copy in files.iter_mut() {
            // By root, like every undo that needs the program: one timer knows in which order they are due.
            deadman.arm_last(&copy.node, &remove(&copy.path).root())?;
            std::mem::replace(&mut copy.timer, DeadMan::none()).stop(&BTreeSet::new());
        }
        Ok(())
    }

    /// Notes the removals in the ledger, for `heal`: after what else is noted there for the whole run.
    pub(crate) fn note(&self, ledger: &Ledger) -> Result<(), LedgerError> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.iter().try_for_each(|copy| {
            ledger.program(&copy.node, &copy.path)?;
            ledger.timer(&copy.node, &remove(&copy.path))
        })
    }

    /// Leaves the copies where something is still owed: who pays it needs them, and removes them.
    pub(crate) fn leave(&self, owing: &BTreeSet<String>) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.retain(|copy| !owing.contains(&copy.node));
    }
}

impl Drop for Uploads {
    fn drop(&mut self) {
        let files = self.files.get_mut().unwrap_or_else(PoisonError::into_inner);
        for copy in files.drain(..) {
            // What cannot be removed is a file in /var/tmp, and the ledger knows of it.
            let _ = copy.cluster.remote(&copy.node).exec(&remove(&copy.path));
            copy.timer.stop(&BTreeSet::new());
        }
    }
}

/// Where this program can be run on a node. Why not, otherwise.
pub(crate) fn place(
    cluster: &Cluster,
    node: &Node,
    exe: &Path,
    uploads: &Uploads,
) -> Result<String, String> {
    let remote = &**cluster.remote(&node.name);
    let here = exe.to_string_lossy();
    if let Some(identity) = identity(exe) {
        for path in [&*here, LAB] {
            if is(remote, path, &identity) && runs(remote, path).is_ok() {
                return Ok(path.to_owned());
            }
        }
    }
    let program = fs::read(exe).map_err(|e| format!("{}: {e}", exe.display()))?;
    let path = format!("/var/tmp/schism-helper-{}", unique());
    let name = path.rsplit('/').next().unwrap_or_default();
    let timer = DeadMan::new(cluster.clone(), name, LEASE);
    timer.arm_last(&node.name, &remove(&path))?;
    let copy = Copy {
        cluster: cluster.clone(),
        node: node.name.clone(),
        path: path.clone(),
        timer,
    };
    let mut files = uploads.files.lock().unwrap_or_else(PoisonError::into_inner);
    files.push(copy);
    drop(files);
    remote
        .upload(&program, &path, 0o755)
        .map_err(|e| e.to_string())?;
    runs(remote, &path).map(|()| path)
}

/// Puts this program back where undos look for it. A node's own timer takes it away when it has undone all that it knows; who
/// heals after that runs the undos once more, to be sure.
pub(crate) fn restore(remote: &dyn Remote, path: &str) -> Result<(), String> {
    if runs(remote, path).is_ok() {
        return Ok(());
    }
    let own = "/proc/self/exe";
    let program = fs::read(own).map_err(|e| format!("{own}: {e}"))?;
    remote
        .upload(&program, path, 0o755)
        .map_err(|e| e.to_string())
}

/// A name that no other run on any machine has, which may have the same nodes.
fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    format!(
        "{}-{}-{:x}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed),
        since.map_or(0, |since| since.as_nanos())
    )
}

/// What tells a file from all others that this kernel has, and from what it was before it was last changed: the lines that
/// [`is`] prints on a node with the very same file.
fn identity(exe: &Path) -> Option<String> {
    let file = fs::metadata(exe).ok()?;
    let boot = fs::read_to_string(BOOT_ID).ok()?;
    Some(format!(
        "{}\n{} {} {} {}.{:09} {}.{:09}",
        boot.trim(),
        file.dev(),
        file.ino(),
        file.size(),
        file.mtime(),
        file.mtime_nsec(),
        file.ctime(),
        file.ctime_nsec()
    ))
}

/// Whether a node has this file at this path.
fn is(remote: &dyn Remote, path: &str, identity: &str) -> bool {
    let look = Command::script(
        r#"cat "$2" && stat -L -c '%d %i %s %.9Y %.9Z' "$1""#,
        [path, BOOT_ID],
    );
    let said = remote.exec(&look.idempotent().deadline(PATIENCE));
    said.is_ok_and(|output| output.success() && output.text() == identity)
}

fn runs(remote: &dyn Remote, path: &str) -> Result<(), String> {
    let ping = Command::new([path, "node", "ping"])
        .idempotent()
        .deadline(PATIENCE);
    let output = remote.exec(&ping).map_err(|e| e.to_string())?;
    match output.success() && output.text() == "pong" {
        true => Ok(()),
        false => Err(format!("{path}: {}", output.complaint())),
    }
}

fn remove(path: &str) -> Command {
    Command::new(["rm", "-f", path])
        .idempotent()
        .deadline(PATIENCE)
}
