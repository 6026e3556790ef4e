//! The page of a run that broke on our side: nothing is said about the system under test, but what failed, where, what was
//! recorded until then, and what to type next. In the same dress as `report.html`, without any script.

use askama::Template;
use history::Nanos;

use crate::{
    NodeLog, RunMeta,
    escape::{PROSE, VALUE, inert},
    finding::rerun,
    number::{count, grouped, list},
    report::clean,
};

/// How many lines of each log are told.
const TAIL: usize = 40;
/// Of how many nodes.
const MAX_NODES: usize = 12;

/// A run that broke.
#[derive(Debug, Clone, Default)]
pub struct Aftermath {
    /// What was to be run.
    pub meta: RunMeta,
    /// What was being done: `deploy`, `ready`, `workload`.
    pub phase: String,
    /// What failed, as it was said on the terminal.
    pub message: String,
    /// How many calls were recorded before.
    pub calls: u64,
    /// Faults that were applied and not undone, as far as is on record.
    pub in_force: Vec<String>,
    /// The lines of `log.txt`.
    pub log: Vec<String>,
    /// What the nodes wrote, as far as it could be fetched.
    pub logs: Vec<NodeLog>,
}

/// What a sort of failure means, and what helps.
struct Advice {
    /// Words of our own error messages that tell the sort.
    signs: &'static [&'static str],
    means: &'static str,
    look: &'static str,
}

/// The first that fits.
const ADVICE: [Advice; 8] = [
    Advice {
        signs: &[
            "cannot reach",
            "connection refused",
            "no route",
            "timed out",
        ],
        means: "schism could not open a connection to the node: it is down, the address or port is wrong, its SSH server \
                does not run, or a firewall is in between.",
        look: "Try the same by hand: ssh to that address and port from this machine.",
    },
    Advice {
        signs: &["login as", "authentication"],
        means: "The node answered and let nobody in with the keys and passwords that schism has.",
        look: "Name the user with --ssh-user and the key with --ssh-key; what was tried is in the message.",
    },
    Advice {
        signs: &["known_hosts", "host key"],
        means: "The node showed a key that is not the one on record: another machine, a new installation, or somebody in between.",
        look: "Compare the fingerprints with those of the node before trusting the key.",
    },
    Advice {
        signs: &["no root", "sudo"],
        means: "What schism does on nodes needs root, and it could not become root there.",
        look: "Log in as root, or allow sudo without a password for the user.",
    },
    Advice {
        signs: &["did not become healthy", "not healthy"],
        means: "The system was started and did not begin to serve in time. That may be its own fault: its log says more.",
        look: "Read the end of the nodes' logs below.",
    },
    Advice {
        signs: &["is not installed", "no such file", "exit status 127"],
        means: "A program that is needed is missing, here or on the node.",
        look: "Install what the message names.",
    },
    Advice {
        signs: &["no space left", "cannot write", "read-only"],
        means: "Nothing can be written where it has to be.",
        look: "Free space, or choose another directory with --runs.",
    },
    Advice {
        signs: &["no end after"],
        means: "A command on a node did not end within its deadline.",
        look: "The node may be overloaded, or something there waits for an answer.",
    },
];

/// Renders the page.
pub fn page(broken: &Aftermath) -> String {
    let meta = clean(broken.meta.clone());
    let lower = broken.message.to_lowercase();
    let fitting = |a: &&Advice| a.signs.iter().any(|sign| lower.contains(sign));
    let advice = ADVICE.iter().find(fitting);
    let tail = |lines: Vec<&str>| -> Vec<String> {
        let skip = lines.len().saturating_sub(TAIL);
        lines[skip..]
            .iter()
            .map(|line| inert(line, VALUE))
            .collect()
    };
    Page {
        nodes: named(&meta, &broken.message),
        phase: inert(&broken.phase, VALUE),
        message: inert(&broken.message, PROSE),
        calls: broken.calls,
        in_force: broken.in_force.iter().map(|f| inert(f, VALUE)).collect(),
        next: next(&meta, broken),
        means: advice.map(|a| a.means),
        look: advice.map(|a| a.look),
        log_lines: broken.log.len() as u64,
        log: tail(broken.log.iter().map(String::as_str).collect()),
        logs: broken
            .logs
            .iter()
            .filter(|log| !log.text.trim().is_empty())
            .take(MAX_NODES)
            .map(|log| (inert(&log.file, VALUE), tail(log.text.lines().collect())))
            .collect(),
        rerun: rerun(&meta).map(|(command, _)| command),
        meta,
    }
    .render()
    .expect("the template writes to memory")
}

#[derive(Template)]
#[template(path = "broken.html")]
struct Page {
    meta: RunMeta,
    nodes: Vec<String>,
    phase: String,
    message: String,
    means: Option<&'static str>,
    look: Option<&'static str>,
    calls: u64,
    in_force: Vec<String>,
    next: Vec<(String, String)>,
    log: Vec<String>,
    log_lines: u64,
    logs: Vec<(String, Vec<String>)>,
    rerun: Option<String>,
}

impl Page {
    fn doing(&self) -> String {
        match self.phase.as_str() {
            "" | "deploy" => "while it was being set up".to_owned(),
            "ready" => "while the system was being started".to_owned(),
            "workload" => "while clients were at work".to_owned(),
            "heal" => "while faults were being undone".to_owned(),
            "final reads" => "while everything was read once more".to_owned(),
            "logs" => "while logs were being fetched".to_owned(),
            "check" => "while the record was being judged".to_owned(),
            other => format!("in the phase “{other}”"),
        }
    }

    fn story(&self) -> String {
        let target = match self.meta.target.as_str() {
            "" => "the system",
            target => target,
        };
        let mut text = format!(
            "The run broke {}. That is a failure of the test's own surroundings, so nothing follows from it for {target}: no \
             violation was looked for, and none was ruled out.",
            self.doing()
        );
        match self.calls {
            0 => text.push_str(" No call had been made."),
            n => text.push_str(&format!(
                " {} recorded before and not judged.",
                match n {
                    1 => "1 call was".to_owned(),
                    n => format!("{} calls were", grouped(n)),
                }
            )),
        }
        text
    }

    fn on(&self) -> String {
        match self.nodes.as_slice() {
            [] => "this machine, or a node that the message does not name".to_owned(),
            nodes => list(nodes),
        }
    }

    fn time(&self, n: &Nanos) -> String {
        crate::number::nanos(*n)
    }

    fn started(&self) -> Option<String> {
        self.meta
            .started
            .map(|t| t.format("%-d %B %Y, %H:%M:%S UTC").to_string())
    }

    fn left(&self) -> String {
        count(self.log_lines, "line", "lines")
    }
}

/// The nodes that a message is about: those whose names stand in it as words.
fn named(meta: &RunMeta, message: &str) -> Vec<String> {
    let words: Vec<&str> = message
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.')))
        .collect();
    let nodes = meta.nodes.iter();
    nodes
        .filter(|node| words.contains(&node.as_str()))
        .cloned()
        .collect()
}

fn next(meta: &RunMeta, broken: &Aftermath) -> Vec<(String, String)> {
    let mut next = Vec::new();
    let mut add = |command: String, does: &str| next.push((command, does.to_owned()));
    if !broken.in_force.is_empty() {
        add(
            format!("schism heal {}", meta.run),
            "undoes the faults that may still be in force",
        );
    }
    if broken.calls > 0 {
        add(
            format!("schism check {}", meta.run),
            "judges what was recorded before it broke",
        );
    }
    if let Some(command) = doctor(meta) {
        add(command, "says what is missing, and how to get it");
    }
    if let Some((command, _)) = rerun(meta) {
        add(command, "runs it again with the same decisions");
    }
    next
}

/// `schism doctor` with what says which nodes and how to log in.
fn doctor(meta: &RunMeta) -> Option<String> {
    const ABOUT_NODES: [&str; 4] = ["--node", "--ssh-user", "--ssh-key", "--known-hosts"];
    let mut words = vec![
        "schism".to_owned(),
        "doctor".to_owned(),
        meta.target.clone(),
    ];
    let mut args = meta.argv.iter();
    while let Some(arg) = args.next() {
        let name = arg.split('=').next().unwrap_or_default();
        if !ABOUT_NODES.contains(&name) {
            continue;
        }
        words.push(arg.clone());
        if name == arg {
            words.extend(args.next().cloned());
        }
    }
    words.retain(|word| !word.is_empty());
    shlex::try_join(words.iter().map(String::as_str)).ok()
}
