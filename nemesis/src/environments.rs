//! What processes are started with for the sake of a fault: libfaketime, where clocks cannot be made wrong otherwise. Laid
//! before the system starts, and gone when the run is over, however that ends. What is laid is noted in the ledger and given to
//! the node's own timer before it is there.

use control::{Cluster, Command, Node, Processes, RemoteExt, System};

use crate::{
    Capabilities, DeadMan, Faults, Kind, Ledger, TrackSpec,
    faults::on_node::{chain, line, same_login},
};

/// Does something, the third word, only if the file is there and is this run's.
const LOOKS: &str = r#"
file=$1 run=$2 script=$3
grep -qxF "run $run" "$file" 2>/dev/null || exit 0
exec /bin/sh -c "$script"
"#;

/// The environments of a run; gone with [`Environments::remove`].
pub struct Environments {
    cluster: Cluster,
    laid: Vec<Laid>,
}

/// What is where on a node.
struct Laid {
    node: String,
    helper: String,
    file: String,
    pid_file: String,
}

impl Environments {
    /// Lays them on the nodes where preflight has found that a fault of this run needs them. The system does not run yet; `run`
    /// tells ours from those of other runs.
    pub fn lay(
        faults: &Faults,
        cluster: &Cluster,
        system: &dyn System,
        capabilities: &Capabilities,
        (run, ledger, deadman): (&str, &Ledger, &DeadMan),
    ) -> Result<Self, String> {
        let mut environments = Self {
            cluster: cluster.clone(),
            laid: Vec::new(),
        };
        let power = |track: &TrackSpec| track.fault.kind() == Kind::Power;
        if !capabilities.faketime.is_empty() && faults.0.iter().any(power) {
            return Err(
                "what libfaketime keeps in memory is gone when a node loses its power: leave `power` or `clock` out".into(),
            );
        }
        let wanted = |node: &&Node| capabilities.faketime.contains_key(&node.name);
        for node in cluster.nodes().iter().filter(wanted) {
            let helper = capabilities.helper.get(&node.name);
            let helper = helper.ok_or_else(|| format!("this program is not on {node}"))?;
            let processes = system.processes();
            let files = processes.and_then(|p| p.environment_file(node).zip(p.pid_file(node)));
            let (Some(processes), Some((file, pid_file))) = (processes, files) else {
                return Err(format!("{} is not started by schism", system.name()));
            };
            let laid = Laid {
                node: node.name.clone(),
                helper: helper.clone(),
                file,
                pid_file,
            };
            let release = laid.release(run, node, processes)?;
            deadman.arm_for_run(&node.name, "environment", &release, ledger)?;
            let lay = laid.command(["lay", &laid.file, run]);
            environments.laid.push(laid);
            if let Err(why) = environments.run(&node.name, &lay) {
                // What cannot be removed now is in the ledger.
                let _ = environments.remove();
                return Err(why);
            }
        }
        Ok(environments)
    }

    /// Whether the system, which serves by now, was started with them to any effect.
    pub fn take_effect(&self) -> Result<(), String> {
        for laid in &self.laid {
            let follow = laid.command(["follow", &laid.file, &laid.pid_file]);
            self.run(&laid.node, &follow)
                .map_err(|why| format!("libfaketime has no effect: {why}"))?;
        }
        Ok(())
    }

    /// What may be the matter with a system that does not serve, if it is started with one.
    pub fn suspect(&self) -> Option<&'static str> {
        let suspect = "it was started with libfaketime, under which some programs hang, such as Redis with jemalloc";
        (!self.laid.is_empty()).then_some(suspect)
    }

    /// Removes them. What was started with them sees the right time, and goes on.
    pub fn remove(&self) -> Result<(), String> {
        let each = self.laid.iter();
        each.map(|laid| self.run(&laid.node, &laid.command(["remove", &laid.file])))
            .fold(Ok(()), Result::and)
    }

    fn run(&self, node: &str, command: &Command) -> Result<(), String> {
        let done = self.cluster.remote(node).run(command);
        done.map(drop).map_err(|e| e.to_string())
    }
}

impl Laid {
    fn command<const N: usize>(&self, words: [&str; N]) -> Command {
        let program = [&self.helper, "node", "clock", "library"];
        Command::new(program.into_iter().chain(words))
            .root()
            .idempotent()
    }

    /// What a node does when nobody is left to do it: the system starts again without. Nothing, where it does already.
    fn release(
        &self,
        run: &str,
        node: &Node,
        processes: &dyn Processes,
    ) -> Result<Command, String> {
        let (kill, start) = (processes.kill(node), processes.start(node));
        let steps = [&kill, &self.command(["remove", &self.file]), &start];
        let whole = chain(&steps).map_err(|skip| skip.0)?;
        let script = line(&whole).map_err(|skip| skip.0)?;
        let command = Command::script(LOOKS, [self.file.clone(), run.to_owned(), script]);
        Ok(Command {
            root: same_login(&steps).map_err(|skip| skip.0)?,
            ..command.idempotent().deadline(whole.deadline)
        })
    }
}
