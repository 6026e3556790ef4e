//! Filesystems that can fail, under the data of a system that runs: `schism node fuse`, mounted before the system starts where
//! a fault of the run needs it, and gone when the run is over, however that ends. What a mount owes the node is noted in the
//! ledger and given to the node's own timer before there is one.

use control::{Cluster, Command, DataFiles, Node, Processes, RemoteExt, System};

use crate::{
    Capabilities, DeadMan, Faults, Kind, Ledger,
    faults::on_node::{chain, line, same_login},
};

/// Does something, the third word, only if one of the directories after it has a mount of this run.
const LOOKS: &str = r#"
helper=$1 run=$2 script=$3
shift 3
for dir in "$@"; do
  "$helper" node fuse mounted "$dir" --owner "$run" 2>/dev/null && exec /bin/sh -c "$script"
done
exit 0
"#;

/// The mounts of a run; gone with [`Disks::unmount`].
pub struct Disks {
    cluster: Cluster,
    unmounts: Vec<(String, Command)>,
}

impl Disks {
    /// Mounts them on every node, if a fault of this run needs them. The system does not run yet; `run` tells our mounts from
    /// those of other runs.
    pub fn mount(
        faults: &Faults,
        cluster: &Cluster,
        system: &dyn System,
        capabilities: &Capabilities,
        (run, ledger, deadman): (&str, &Ledger, &DeadMan),
    ) -> Result<Self, String> {
        let mut disks = Self {
            cluster: cluster.clone(),
            unmounts: Vec::new(),
        };
        let needed = |kind| matches!(kind, Kind::Disk | Kind::LoseUnsynced);
        if !faults.0.iter().any(|track| needed(track.fault.kind())) {
            return Ok(disks);
        }
        let (Some(data), Some(processes)) = (system.data_files(), system.processes()) else {
            return Err(format!("{} does not say where its data is", system.name()));
        };
        let mut mounts = Vec::new();
        for node in cluster.nodes() {
            let helper = capabilities.helper.get(&node.name);
            let helper = helper.ok_or_else(|| format!("this program is not on {node}"))?;
            let release = release(helper, run, node, data, processes)?;
            deadman.arm_for_run(&node.name, "disks", &release, ledger)?;
            for dir in data.directories(node) {
                let fuse = |verb: &str| Command::new([helper, "node", "fuse", verb, &dir]).root();
                let unmount = fuse("unmount").idempotent();
                disks.unmounts.push((node.name.clone(), unmount));
                let mut mount = fuse("mount").idempotent();
                mount.argv.extend(["--owner".to_owned(), run.to_owned()]);
                mounts.push((node.name.clone(), mount));
            }
        }
        match disks.each(&mounts) {
            Ok(()) => Ok(disks),
            Err(why) => {
                // What cannot be unmounted now is in the ledger.
                let _ = disks.unmount();
                Err(why)
            }
        }
    }

    /// Unmounts them. What the system has open it can go on with until it ends; nothing that it wrote is lost.
    pub fn unmount(&self) -> Result<(), String> {
        self.each(&self.unmounts)
    }

    fn each(&self, commands: &[(String, Command)]) -> Result<(), String> {
        for (node, command) in commands {
            let done = self.cluster.remote(node).run(command);
            done.map_err(|e| e.to_string())?;
        }
        Ok(())
    }
}

/// What a node does when nobody is left to do it: the system starts again on the bare directories, with all that it wrote.
/// Nothing, where they are bare already.
fn release(
    helper: &str,
    run: &str,
    node: &Node,
    data: &dyn DataFiles,
    processes: &dyn Processes,
) -> Result<Command, String> {
    let directories = data.directories(node);
    let unmounts: Vec<Command> = directories
        .iter()
        .map(|dir| {
            Command::new([helper, "node", "fuse", "unmount", dir])
                .root()
                .idempotent()
        })
        .collect();
    let (kill, start) = (processes.kill(node), processes.start(node));
    let mut steps = vec![&kill];
    steps.extend(&unmounts);
    steps.push(&start);
    let whole = chain(&steps).map_err(|skip| skip.0)?;
    let script = line(&whole).map_err(|skip| skip.0)?;
    let words = [helper.to_owned(), run.to_owned(), script];
    let command = Command::script(LOOKS, words.into_iter().chain(directories));
    Ok(Command {
        root: same_login(&steps).map_err(|skip| skip.0)?,
        ..command.idempotent().deadline(whole.deadline)
    })
}
