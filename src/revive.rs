//! Processes of the system that ended although no fault ended them (a database may not survive a disk that is full, or too
//! few open files): for the final reads they are started again, and it is told that they were not there.

use control::{Cluster, Node, Processes, Remote, RemoteExt, System};

/// Starts whatever is gone, once no fault is in force; a sentence for each node where something was.
pub(crate) fn revive(cluster: &Cluster, system: &dyn System) -> Vec<String> {
    let Some(processes) = system.processes() else {
        return Vec::new();
    };
    let sentences = cluster.on_each(cluster.nodes(), |node, remote| {
        let gone = is_gone(processes, node, remote);
        Ok(gone.then(|| start(system.name(), processes, node, remote)))
    });
    sentences.into_iter().flatten().flatten().collect()
}

/// Where nobody answers, nothing is known: the wait for a healthy cluster tells more.
fn is_gone(processes: &dyn Processes, node: &Node, remote: &dyn Remote) -> bool {
    let state = remote.run(&processes.state(node));
    state.is_ok_and(|state| state.text().trim() == "gone")
}

fn start(name: &str, processes: &dyn Processes, node: &Node, remote: &dyn Remote) -> String {
    let ended = format!(
        "{name} on {} had ended, and no fault was in force that ends it; its log may say why",
        node.name
    );
    match remote.run(&processes.start(node)) {
        Ok(_) => format!("{ended}. It was started again for the final reads"),
        Err(error) => format!("{ended}. It cannot be started: {error}"),
    }
}
