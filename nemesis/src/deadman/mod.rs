//! The dead-man's timer: a shell loop on each node that undoes what we broke there if we die.
//!
//! Before a fault is applied its undo is given to the loop. From then on a thread here renews the node's lease, every
//! quarter of it, whatever else is going on. When the renewals stop, because schism was killed, its machine lost power
//! or the network between is gone, the loop runs the undos, newest first, and removes itself. It is a dozen lines of
//! POSIX shell, so it needs nothing that a node might lack, and it belongs to no session, so it survives ours.
//!
//! Undos that need root and those that must not be root (a database started by its own user) are in the care of two
//! loops, one of each kind, in `/run/schism/RUN-NODE` and `/tmp/schism-UID-RUN-NODE`; the node's name is there for nodes
//! that share a machine.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use control::{Cluster, Command, RemoteExt};
use history::fault::FaultId;

use crate::Ledger;

const PLACE: &str = include_str!("place.sh");
const LOOP: &str = include_str!("loop.sh");
const ARM: &str = include_str!("arm.sh");

/// How long to wait for a loop that has just run out to finish, before a new one can be armed.
const LATE: Duration = Duration::from_secs(10);
const TOO_LATE: i32 = 75;
/// How the names of undos begin that are older than all faults'.
const OF_RUN: &str = "000000000-";
/// The name of the oldest, which all others may need to be still there: see loop.sh.
const LAST: &str = "00000000";

/// The timers of a run's nodes, or none.
pub struct DeadMan(Option<Arc<Timers>>);

struct Timers {
    run: String,
    lease: Duration,
    cluster: Cluster,
    state: Mutex<State>,
    /// Told when `state.over` is set.
    over: Condvar,
    /// One a node: two arms at once would start two loops.
    arming: BTreeMap<String, Mutex<()>>,
}

#[derive(Default)]
struct State {
    /// Node, and whether root's, of the loops that were started.
    loops: BTreeSet<(String, bool)>,
    /// Nodes whose lease is being renewed.
    beating: BTreeSet<String>,
    over: bool,
}

impl DeadMan {
    /// No timers: for processes on this machine that die with us.
    pub fn none() -> Self {
        Self(None)
    }

    /// Timers on the nodes of this cluster, that wait for us so long: whole seconds, at least one. Nothing happens there
    /// before the first fault.
    pub fn new(cluster: Cluster, run: &str, lease: Duration) -> Self {
        let arming = cluster
            .nodes()
            .iter()
            .map(|n| (n.name.clone(), Mutex::new(())))
            .collect();
        Self(Some(Arc::new(Timers {
            run: run.to_owned(),
            lease,
            cluster,
            state: Mutex::default(),
            over: Condvar::new(),
            arming,
        })))
    }

    /// What ends a node's timer for an undo like this, for the ledger; `None` without timers.
    pub(crate) fn stop_command(&self, node: &str, undo: &Command) -> Option<Command> {
        self.0
            .as_ref()
            .map(|timers| stop(&timers.name(node), undo.root))
    }

    /// Gives an undo into the node's care, and renews its lease from now on.
    pub(crate) fn arm(&self, node: &str, fault: FaultId, undo: &Command) -> Result<(), String> {
        self.arm_as(node, &undo_name(fault), undo)
    }

    /// The same for something that is there for the whole run; it is undone after all faults. In the ledger first.
    pub(crate) fn arm_for_run(
        &self,
        node: &str,
        what: &str,
        undo: &Command,
        ledger: &Ledger,
    ) -> Result<(), String> {
        let note = |command| ledger.timer(node, command).map_err(|e| e.to_string());
        note(undo)?;
        if let Some(stop) = self.stop_command(node, undo) {
            note(&stop)?;
        }
        self.arm_as(node, &format!("{OF_RUN}{what}"), undo)
    }

    /// The same for what is undone when nothing else is left to undo.
    pub(crate) fn arm_last(&self, node: &str, undo: &Command) -> Result<(), String> {
        self.arm_as(node, LAST, undo)
    }

    /// Whether there are no timers.
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    fn arm_as(&self, node: &str, undo_name: &str, undo: &Command) -> Result<(), String> {
        let Some(timers) = &self.0 else {
            return Ok(());
        };
        let remote = timers.cluster.remote(node);
        let arm = arm(&timers.name(node), timers.lease, undo_name, undo);
        let _one = timers.arming[node]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let until = Instant::now() + LATE;
        loop {
            let output = remote.exec(&arm).map_err(|error| error.to_string())?;
            if output.success() {
                break;
            }
            let why = format!("{node}: dead-man's timer: {}", output.complaint());
            if output.status != TOO_LATE || Instant::now() >= until {
                return Err(why);
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        let mut state = timers.state();
        state.loops.insert((node.to_owned(), undo.root));
        if state.beating.insert(node.to_owned()) {
            let (timers, node) = (Arc::clone(timers), node.to_owned());
            // Detached: it ends with the run, and there is nothing to wait for.
            std::thread::spawn(move || timers.renew(&node));
        }
        Ok(())
    }

    /// Takes an undo out of the node's care. If the node cannot be told it will undo once more: that does no harm.
    pub(crate) fn disarm(&self, node: &str, fault: FaultId, undo: &Command) {
        if let Some(timers) = &self.0 {
            let command = disarm(&timers.name(node), fault, undo.root);
            let _ = timers.cluster.remote(node).exec(&command);
        }
    }

    /// Ends the timers, but on nodes that still owe something: those must run out.
    pub(crate) fn stop(&self, owing: &BTreeSet<String>) {
        let Some(timers) = &self.0 else {
            return;
        };
        let loops: BTreeSet<(String, bool)> = {
            let mut state = timers.state();
            let (keep, end) = std::mem::take(&mut state.loops)
                .into_iter()
                .partition(|(node, _)| owing.contains(node));
            state.loops = keep;
            end
        };
        std::thread::scope(|scope| {
            for (node, root) in &loops {
                scope.spawn(move || {
                    let _ = timers
                        .cluster
                        .remote(node)
                        .run(&stop(&timers.name(node), *root));
                });
            }
        });
    }
}

impl Drop for DeadMan {
    /// Renews no lease any more.
    fn drop(&mut self) {
        if let Some(timers) = &self.0 {
            timers.state().over = true;
            timers.over.notify_all();
        }
    }
}

impl Timers {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a node's timer is called there.
    fn name(&self, node: &str) -> String {
        file_name(&format!("{}-{node}", self.run))
    }

    fn renew(&self, node: &str) {
        let pause = self.lease / 4;
        loop {
            let state = self.state();
            if state.over {
                return;
            }
            let (state, _) = self
                .over
                .wait_timeout(state, pause)
                .unwrap_or_else(PoisonError::into_inner);
            if state.over {
                return;
            }
            let roots: Vec<bool> = state
                .loops
                .iter()
                .filter(|(n, _)| n == node)
                .map(|(_, root)| *root)
                .collect();
            drop(state);
            for root in roots {
                // A lost beat is what the lease allows for.
                let _ = self.cluster.remote(node).exec(
                    &beat(&self.name(node), root).deadline(pause.max(Duration::from_secs(1))),
                );
            }
        }
    }
}

fn arm(name: &str, lease: Duration, undo_name: &str, undo: &Command) -> Command {
    let lease = lease.as_secs().max(1).to_string();
    let script = format!("{PLACE}{ARM}");
    as_user(
        Command::script(&script, [name, &lease, undo_name, LOOP]).stdin(render(undo)),
        undo.root,
    )
}

fn disarm(name: &str, fault: FaultId, root: bool) -> Command {
    let script = format!("{PLACE}rm -f \"$dir/undo/$2\"");
    as_user(Command::script(&script, [name, &undo_name(fault)]), root)
}

fn beat(name: &str, root: bool) -> Command {
    let script = format!("{PLACE}[ -d \"$dir\" ] && [ ! -e \"$dir/expired\" ] || late\nbeat");
    as_user(Command::script(&script, [name]), root)
}

fn stop(name: &str, root: bool) -> Command {
    let script = format!(
        "{PLACE}\
         [ -d \"$dir\" ] || exit 0\n\
         : >\"$dir/stop\"\n\
         i=0\n\
         while [ -d \"$dir\" ] && [ $i -lt 5 ]; do sleep 1; i=$((i + 1)); done\n\
         rm -rf \"$dir\"\n\
         rmdir /run/schism 2>/dev/null\n\
         exit 0"
    );
    as_user(Command::script(&script, [name]), root)
}

fn as_user(command: Command, root: bool) -> Command {
    let command = command.idempotent().deadline(Duration::from_secs(10));
    if root { command.root() } else { command }
}

/// A fault's undo among the others: names sort as faults do.
fn undo_name(fault: FaultId) -> String {
    format!("{:010}", fault.0)
}

/// The name of a run and a node as part of a path.
fn file_name(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect()
}

/// A command as a shell script.
fn render(command: &Command) -> String {
    let words = shlex::Quoter::new()
        .allow_nul(true)
        .join(command.argv.iter().map(String::as_str))
        .expect("NUL is allowed");
    match &command.stdin {
        None => format!("exec {words}\n"),
        Some(text) => {
            let text = shlex::Quoter::new()
                .allow_nul(true)
                .quote(text)
                .expect("NUL is allowed");
            format!("printf %s {text} | {words}\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_undo_becomes_a_script_that_a_shell_reads_back() {
        let plain = Command::new(["start", "it's", "$HOME"]);
        assert_eq!(render(&plain), "exec start \"it's\" '$HOME'\n");
        let fed = Command::new(["nft", "-f", "-"]).stdin("add table x\n");
        assert_eq!(render(&fed), "printf %s 'add table x\n' | nft -f -\n");
    }

    #[test]
    fn a_run_is_a_plain_file_name() {
        assert_eq!(file_name("../etc/x y"), "---etc-x-y");
        assert!(undo_name(FaultId(10)) > undo_name(FaultId(9)));
        assert!(*undo_name(FaultId(0)) > *format!("{OF_RUN}disks") && OF_RUN > LAST);
        // Which holds for bytes, and not in every language.
        assert!(LOOP.contains("LC_ALL=C ls -r"));
        assert!(LOOP.contains(&format!("= {LAST} ]")));
    }

    #[test]
    fn root_undos_are_in_the_care_of_root() {
        let undo = Command::new(["nft"]).root();
        let dead = DeadMan::new(
            Cluster::new(Vec::new(), Vec::new()),
            "r",
            Duration::from_secs(15),
        );
        assert!(dead.stop_command("n1", &undo).unwrap().root);
        assert!(
            !dead
                .stop_command("n1", &Command::new(["start"]))
                .unwrap()
                .root
        );
        assert_eq!(DeadMan::none().stop_command("n1", &undo), None);
    }
}
