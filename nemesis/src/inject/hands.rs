//! Running what a plan says: apply, undo, ask. Everything is bounded, and several nodes are worked on at once.

use std::{
    net::{TcpStream, ToSocketAddrs},
    time::{Duration, Instant},
};

use control::{Cluster, Command, Output, RemoteExt};

use crate::plan::{Action, Ask, Probe};

/// How often an undo is tried again.
const AGAIN: Duration = Duration::from_millis(250);
/// What is left to an undo that was started at the last moment.
const LEAST: Duration = Duration::from_millis(500);

/// What a probe brought back.
pub(super) enum Answer {
    /// A command ran to its end.
    Output(Output),
    /// A connection was made or refused, which is an answer, or was not.
    Connected(bool),
    /// Nobody could be asked; why.
    Nothing(String),
}

/// Applies the actions, all at once; the errors, each beginning with its node.
pub(super) fn apply(cluster: &Cluster, actions: &[Action]) -> Vec<String> {
    at_once(actions, |action| {
        cluster
            .remote(&action.node)
            .run(&action.apply)
            .err()
            .map(|error| error.to_string())
    })
    .into_iter()
    .flatten()
    .collect()
}

/// Undoes one action, again and again until it succeeds or the time is up. The first try is always made.
pub(super) fn undo(cluster: &Cluster, action: &Action, until: Instant) -> Result<(), String> {
    let remote = cluster.remote(&action.node);
    loop {
        let left = until.saturating_duration_since(Instant::now()).max(LEAST);
        let error = match remote.run(&bounded(&action.undo, left)) {
            Ok(_) => return Ok(()),
            Err(error) => error.to_string(),
        };
        if Instant::now() + AGAIN >= until {
            return Err(error);
        }
        std::thread::sleep(AGAIN);
    }
}

/// Asks one question.
pub(super) fn ask(cluster: &Cluster, probe: &Probe, within: Duration) -> Answer {
    match &probe.ask {
        Ask::On { node, command } => match cluster.remote(node).exec(&bounded(command, within)) {
            Ok(output) => Answer::Output(output),
            Err(error) => Answer::Nothing(error.to_string()),
        },
        Ask::Connect { address, port } => match (address.as_str(), *port).to_socket_addrs() {
            Err(error) => Answer::Nothing(format!("{address}: {error}")),
            Ok(mut found) => Answer::Connected(found.any(|to| {
                match TcpStream::connect_timeout(&to, Duration::from_secs(1)) {
                    Ok(_) => true,
                    Err(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
                }
            })),
        },
    }
}

/// The same, with no more than this time.
fn bounded(command: &Command, within: Duration) -> Command {
    let deadline = command.deadline.min(within);
    command.clone().deadline(deadline)
}

/// Works on all at once; the answers are in the order of the items.
pub(super) fn at_once<I: Sync, T: Send>(items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = items
            .iter()
            .map(|item| scope.spawn(move || work(item)))
            .collect();
        threads
            .into_iter()
            .map(|t| {
                t.join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    })
}
