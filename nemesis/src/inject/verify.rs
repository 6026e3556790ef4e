//! Whether a fault is seen to be in force, or gone. Every probe is asked until it answers as hoped or the time is up.
//!
//! A probe proves something only if the fault at hand alone explains its answer. So links that another fault cuts too are
//! left out, and so are links whose ends' processes another fault has killed or paused, where the system itself would
//! have to answer. A fault of which nothing is left to see counts as not verified.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use control::Cluster;

use super::hands::{self, Answer};
use crate::plan::{Ask, Expect, Plan, Probe, Role};

/// Which answers are hoped for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    During,
    After,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) ok: bool,
    pub(super) detail: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Judged {
    /// Not asked yet.
    Open,
    Met,
    Unmet(String),
    /// Nobody could be asked.
    Unknown(String),
    /// Its answer proves nothing just now.
    Moot,
}

/// So many questions are put to one node at a time: sshd allows ten sessions a connection.
const LANES: usize = 5;
const ONE_PROBE: Duration = Duration::from_secs(5);
const ROUND: Duration = Duration::from_millis(100);

/// Asks all probes of a plan until all answer as hoped, the time is up, or `stop` says so.
pub(super) fn verify(
    cluster: &Cluster,
    plan: &Plan,
    phase: Phase,
    within: Duration,
    moot: &dyn Fn(&Probe) -> bool,
    stop: &dyn Fn() -> bool,
) -> Seen {
    let probes: Vec<&Probe> = plan
        .actions
        .iter()
        .map(|action| &action.probe)
        .chain(&plan.probes)
        .collect();
    let mut judged = vec![Judged::Open; probes.len()];
    let mut said = vec![String::new(); probes.len()];
    let until = Instant::now() + within;
    loop {
        let counting = probes.iter().zip(&judged).any(|(probe, judged)| {
            expected(probe, phase) == &Expect::Positive && *judged != Judged::Met
        });
        let open = |i: &usize| judged[*i] != Judged::Met;
        // Those that are asked for their packets go first, so that there is something to count.
        let (counts, others): (Vec<usize>, Vec<usize>) = (0..probes.len())
            .filter(open)
            .partition(|i| expected(probes[*i], phase) == &Expect::Positive);
        let others: Vec<usize> = others
            .into_iter()
            .filter(|i| counting || expected(probes[*i], phase) != &Expect::Anything)
            .collect();
        for wave in [others, counts] {
            for (i, answer) in put(cluster, &probes, &wave) {
                if let (Role::Effect, Answer::Output(output)) = (probes[i].role, &answer) {
                    said[i] = clip(&output.text());
                }
                judged[i] = if moot(probes[i]) {
                    Judged::Moot
                } else {
                    judge(expected(probes[i], phase), &answer)
                };
            }
        }
        let settled = judged.iter().zip(&probes).all(|(judged, probe)| {
            matches!(judged, Judged::Met | Judged::Moot)
                || expected(probe, phase) == &Expect::Anything
        });
        // What another fault hides may come to light when that one is healed.
        let hidden = phase == Phase::During
            && judged.contains(&Judged::Moot)
            && !probes
                .iter()
                .zip(&judged)
                .any(|(probe, judged)| bites(probe, phase, judged));
        let settled = settled && !hidden;
        if settled || stop() || Instant::now() + ROUND >= until {
            return sum_up(&probes, &judged, &said, phase);
        }
        std::thread::sleep(ROUND);
    }
}

/// Whether the actions' own probes still see the fault; what they see otherwise. One try: this is a last look before an
/// undo, not a reason to delay it.
pub(super) fn last_look(cluster: &Cluster, plan: &Plan) -> Vec<String> {
    hands::at_once(&plan.actions, |action| {
        let answer = hands::ask(cluster, &action.probe, Duration::from_secs(2));
        match judge(&action.probe.during, &answer) {
            Judged::Unmet(said) => Some(format!(
                "{} was no longer in this state before it was healed ({said})",
                action.node
            )),
            _ => None,
        }
    })
    .into_iter()
    .flatten()
    .collect()
}

fn expected(probe: &Probe, phase: Phase) -> &Expect {
    match phase {
        Phase::During => &probe.during,
        Phase::After => &probe.after,
    }
}

fn put(cluster: &Cluster, probes: &[&Probe], which: &[usize]) -> Vec<(usize, Answer)> {
    let mut by_node: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for i in which {
        let node = match &probes[*i].ask {
            Ask::On { node, .. } => node.as_str(),
            Ask::Connect { .. } => "",
        };
        by_node.entry(node).or_default().push(*i);
    }
    let lanes: Vec<Vec<usize>> = by_node
        .into_values()
        .flat_map(|asked| {
            (0..LANES.min(asked.len()))
                .map(move |lane| asked.iter().copied().skip(lane).step_by(LANES).collect())
        })
        .collect();
    hands::at_once(&lanes, |lane| {
        lane.iter()
            .map(|i| (*i, hands::ask(cluster, probes[*i], ONE_PROBE)))
            .collect::<Vec<_>>()
    })
    .into_iter()
    .flatten()
    .collect()
}

fn judge(expect: &Expect, answer: &Answer) -> Judged {
    let output = match answer {
        Answer::Nothing(why) => return Judged::Unknown(why.clone()),
        Answer::Connected(yes) => {
            return match (expect, yes) {
                (Expect::Succeeds, true) | (Expect::Fails, false) | (Expect::Anything, _) => {
                    Judged::Met
                }
                (_, true) => Judged::Unmet("connected".into()),
                (_, false) => Judged::Unmet("no connection".into()),
            };
        }
        Answer::Output(output) => output,
    };
    let text = output.text();
    let said = || match (text.as_str(), output.complaint()) {
        ("", complaint) if complaint.is_empty() => format!("exit status {}", output.status),
        ("", complaint) => clip(&complaint),
        (text, _) => clip(text),
    };
    let met = match expect {
        Expect::Anything => true,
        Expect::Succeeds => output.success(),
        // 126 and 127 say that the probe itself could not be run.
        Expect::Fails if matches!(output.status, 126 | 127) => {
            return Judged::Unknown(said());
        }
        Expect::Fails => !output.success(),
        _ if !output.success() => return Judged::Unknown(said()),
        Expect::Prints(line) => text == *line,
        Expect::Lists(line) => text.lines().any(|l| l.trim() == line),
        Expect::Lacks(line) => text.lines().all(|l| l.trim() != line),
        Expect::Between(least, most) => text
            .split_whitespace()
            .next()
            .and_then(|number| number.parse::<i64>().ok())
            .is_some_and(|number| (*least..=*most).contains(&number)),
        Expect::Positive => text.parse::<u64>().is_ok_and(|n| n > 0),
    };
    if met {
        Judged::Met
    } else {
        Judged::Unmet(said())
    }
}

/// What nodes print is theirs: one short line of it is enough.
fn clip(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_control())
        .take(120)
        .collect()
}

fn sum_up(probes: &[&Probe], judged: &[Judged], said: &[String], phase: Phase) -> Seen {
    let mut parts = Vec::new();
    let mut wrong = Vec::new();
    let mut bitten = false;
    let mut moot = 0;
    let mut counts: BTreeMap<Role, (usize, usize)> = BTreeMap::new();
    let mut states: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for ((probe, judged), said) in probes.iter().zip(judged).zip(said) {
        let expect = expected(probe, phase);
        if *expect == Expect::Anything {
            continue;
        }
        let place = place(probe);
        let (met, asked) = counts.entry(probe.role).or_default();
        match judged {
            Judged::Moot => {
                moot += 1;
                continue;
            }
            Judged::Met => {
                *met += 1;
                bitten |= bites(probe, phase, judged);
                if let (Expect::Prints(state), Ask::On { node, .. }) = (expect, &probe.ask) {
                    states.entry(state).or_default().push(node);
                } else if probe.role == Role::Effect && !said.is_empty() {
                    parts.push(format!("{place}: {said}"));
                }
            }
            Judged::Unmet(said) => wrong.push(format!("{place}: {said}")),
            Judged::Unknown(why) => wrong.push(format!("{place}: could not be asked: {why}")),
            Judged::Open => wrong.push(format!("{place}: not asked")),
        }
        *asked += 1;
    }
    for (state, nodes) in states {
        parts.push(format!("{}: {state}", nodes.join(" ")));
    }
    for (role, (met, asked)) in counts.into_iter().filter(|(_, (_, asked))| *asked > 0) {
        match (role, phase) {
            (Role::Across, Phase::During) => {
                parts.push(format!("{}/{asked} probes crossed", asked - met));
            }
            (Role::Across, Phase::After) => {
                parts.push(format!("{met}/{asked} probes cross again"));
            }
            (Role::Inside, _) => parts.push(format!("{met}/{asked} inside passed")),
            (Role::Dropped, _) => parts.push(format!("packets dropped on {met}/{asked} nodes")),
            (Role::Client, Phase::During) => parts.push(format!(
                "clients connected to {}/{asked} isolated nodes",
                asked - met
            )),
            (Role::Client, Phase::After) => {
                parts.push(format!("clients connect to {met}/{asked} nodes again"));
            }
            (Role::State | Role::Rules | Role::Effect, _) => {}
        }
    }
    if moot > 0 {
        parts.push(format!(
            "{moot} left out: another fault is in force there too"
        ));
    }
    let mut ok = wrong.is_empty();
    if phase == Phase::During && ok && !bitten {
        ok = false;
        parts.push("nothing left that could show whether it bites".into());
    }
    let more = wrong.len().saturating_sub(3);
    wrong.truncate(3);
    parts.append(&mut wrong);
    if more > 0 {
        parts.push(format!("and {more} more"));
    }
    Seen {
        ok,
        detail: parts.join("; "),
    }
}

/// Whether this answer shows that a fault is in force: rules that are in place, and links that are whole, do not.
fn bites(probe: &Probe, phase: Phase, judged: &Judged) -> bool {
    *judged == Judged::Met
        && *expected(probe, phase) != Expect::Anything
        && !matches!(probe.role, Role::Rules | Role::Inside)
}

fn place(probe: &Probe) -> String {
    match (&probe.link, &probe.ask) {
        (Some((from, to)), _) => format!("{from} to {to}"),
        (None, Ask::On { node, .. }) => node.clone(),
        (None, Ask::Connect { address, .. }) => address.clone(),
    }
}

#[cfg(test)]
mod tests {
    use control::Output;

    use super::*;

    fn output(status: i32, stdout: &str) -> Answer {
        Answer::Output(Output {
            status,
            stdout: stdout.into(),
            stderr: Vec::new(),
        })
    }

    #[test]
    fn a_probe_that_could_not_run_proves_no_cut() {
        assert_eq!(judge(&Expect::Fails, &output(1, "")), Judged::Met);
        assert!(matches!(
            judge(&Expect::Fails, &output(127, "")),
            Judged::Unknown(_)
        ));
        assert!(matches!(
            judge(&Expect::Fails, &Answer::Nothing("no route".into())),
            Judged::Unknown(_)
        ));
    }

    #[test]
    fn lines_are_compared_whole() {
        assert_eq!(
            judge(&Expect::Lists("f3".into()), &output(0, "f2\nf3\n")),
            Judged::Met
        );
        assert_eq!(
            judge(&Expect::Lacks("f3".into()), &output(0, "f33\n")),
            Judged::Met
        );
        assert_eq!(
            judge(&Expect::Prints("gone".into()), &output(0, "running\n")),
            Judged::Unmet("running".into())
        );
        assert!(matches!(
            judge(&Expect::Lacks("f3".into()), &output(1, "")),
            Judged::Unknown(_)
        ));
    }

    #[test]
    fn counts_must_be_numbers_above_zero() {
        assert_eq!(judge(&Expect::Positive, &output(0, "7\n")), Judged::Met);
        assert!(matches!(
            judge(&Expect::Positive, &output(0, "0")),
            Judged::Unmet(_)
        ));
        assert!(matches!(
            judge(&Expect::Positive, &output(0, "many")),
            Judged::Unmet(_)
        ));
    }
}
