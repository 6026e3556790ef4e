//! This program on the nodes, for what only runs there. Where a node sees our own file, as lab nodes and this machine do,
//! that is used; elsewhere a copy is put under `/var/tmp`, and removed when the run is over.

use std::{
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use control::{Cluster, Command, Node, Remote};

/// How long sending some tens of megabytes may take is the remote's to know; this is for running them.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was put on nodes, and is removed again when this is dropped.
#[derive(Default)]
pub struct Uploads {
    files: Mutex<Vec<(Cluster, String, String)>>,
}

impl Uploads {
    /// Node, and what removes what was put there: for the ledger, in case we do not live to do it.
    pub fn removals(&self) -> Vec<(String, Command)> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let removal = |(_, node, path): &(Cluster, String, String)| (node.clone(), remove(path));
        files.iter().map(removal).collect()
    }
}

impl Drop for Uploads {
    fn drop(&mut self) {
        let files = self.files.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (cluster, node, path) in files.drain(..) {
            // What cannot be removed is a file in /var/tmp, and the ledger knows of it.
            let _ = cluster.remote(&node).exec(&remove(&path));
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
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let remote = &**cluster.remote(&node.name);
    let here = exe.to_string_lossy();
    if runs(remote, &here).is_ok() {
        return Ok(here.into_owned());
    }
    let program = std::fs::read(exe).map_err(|e| format!("{}: {e}", exe.display()))?;
    let path = format!(
        "/var/tmp/schism-helper-{}-{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    );
    remote
        .upload(&program, &path, 0o755)
        .map_err(|e| e.to_string())?;
    let mut files = uploads.files.lock().unwrap_or_else(PoisonError::into_inner);
    files.push((cluster.clone(), node.name.clone(), path.clone()));
    drop(files);
    runs(remote, &path).map(|()| path)
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
