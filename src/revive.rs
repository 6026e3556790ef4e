//! Processes of the system that ended although no fault ended them (a database may not survive a disk that is full, or too
//! few open files): for the final reads they are started again, and it is told that they were not there.

use control::{Cluster, Node, Processes, Remote, RemoteExt, System};

/// A node whose process was gone.
pub(crate) struct Ended {
    /// Its name.
    pub(crate) node: String,
    /// Why it could not be started again, if it could not.
    pub(crate) stays: Option<String>,
}

impl Ended {
    /// In words, of this system.
    pub(crate) fn sentence(&self, system: &str) -> String {
        let ended = format!(
            "{system} on {} had ended by itself, not by a fault; its log may say why",
            self.node
        );
        match &self.stays {
            None => format!("{ended}. It was started again for the final reads"),
            Some(error) => format!("{ended}. It cannot be started: {error}"),
        }
    }
}

/// Starts whatever is gone, once no fault is in force.
pub(crate) fn revive(cluster: &Cluster, system: &dyn System) -> Vec<Ended> {
    let Some(processes) = system.processes() else {
        return Vec::new();
    };
    let ended = cluster.on_each(cluster.nodes(), |node, remote| {
        let gone = is_gone(processes, node, remote);
        Ok(gone.then(|| start(processes, node, remote)))
    });
    ended.into_iter().flatten().flatten().collect()
}

/// Where nobody answers, nothing is known: the wait for a healthy cluster tells more.
fn is_gone(processes: &dyn Processes, node: &Node, remote: &dyn Remote) -> bool {
    let state = remote.run(&processes.state(node));
    state.is_ok_and(|state| state.text().trim() == "gone")
}

fn start(processes: &dyn Processes, node: &Node, remote: &dyn Remote) -> Ended {
    let started = remote.run(&processes.start(node));
    Ended {
        node: node.name.clone(),
        stays: started.err().map(|error| error.to_string()),
    }
}
