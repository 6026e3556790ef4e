//! The card in sentences.

use std::{collections::BTreeMap, time::Duration};

use history::Nanos;

use super::{
    Access, Availability, Choice, Consistency, Latency, Normal, Partition, Recovery, Role, Side,
    Use,
};
use crate::words::{capital, duration};

fn time(of: Nanos) -> String {
    duration(Duration::from_nanos(of.0))
}

fn what(of: Use, n: u64) -> &'static str {
    match (of, n) {
        (Use::Read, 1) => "read",
        (Use::Read, _) => "reads",
        (Use::Write, 1) => "write",
        (Use::Write, _) => "writes",
    }
}

/// `the minority {n1 n2}`.
fn side(side: &Side) -> String {
    let role = match side.role {
        Role::Minority => "the minority",
        Role::Half => "the half",
        Role::Majority => "the majority",
        Role::Overlapping => "the side",
        Role::Targets => "the nodes that were hit,",
        Role::Others => "the other nodes,",
    };
    format!("{role} {{{}}}", side.nodes.join(" "))
}

/// One partition, side by side.
pub(super) fn partition(partition: &Partition) -> String {
    let mut said: Vec<String> = Vec::new();
    for one in &partition.sides {
        let both = [Use::Read, Use::Write].map(|of| answered(of, one.access(of)));
        let both = both.join("; ");
        said.push(format!("{}: {both}.", capital(&side(one))));
        let chosen = match (one.reads.gave_up, one.writes.gave_up) {
            (reads, writes) if reads == writes => choice(reads).map(|c| format!("It {c}.")),
            (reads, writes) => {
                let each = [("for reads", reads), ("for writes", writes)];
                let each = each.map(|(of, chosen)| choice(chosen).map(|c| format!("{of} it {c}")));
                let each: Vec<String> = each.into_iter().flatten().collect();
                (!each.is_empty()).then(|| format!("{}.", capital(&each.join(", "))))
            }
        };
        said.extend(chosen);
        said.extend(
            [Use::Read, Use::Write]
                .into_iter()
                .filter_map(|of| back(of, one.access(of))),
        );
    }
    if partition.healed.is_none() {
        said.push("It was not healed in this run.".to_owned());
    }
    match partition.overlaps.len() {
        0 => {}
        1 => said.push(
            "Another fault was in force meanwhile and may be the cause of some of this.".to_owned(),
        ),
        n => said.push(format!(
            "{n} other faults were in force meanwhile and may be the cause of some of this."
        )),
    }
    said.join(" ")
}

/// `12 of 40 writes were answered, none in the last 8.0 s`.
fn answered(of: Use, access: &Access) -> String {
    let Access {
        tried, accepted, ..
    } = access;
    let calls = what(of, *tried);
    let outage = time(access.longest_outage);
    let mut said = match access.availability {
        Availability::NotTried => return format!("no {} were tried", what(of, 0)),
        Availability::Unavailable if *tried == 1 => format!("the one {calls} was not answered"),
        Availability::Unavailable => format!("none of {tried} {calls} was answered"),
        Availability::Available if (*tried, *accepted) == (1, 1) => {
            format!("the one {calls} was answered")
        }
        Availability::Available if accepted == tried => {
            format!("all of {tried} {calls} were answered")
        }
        Availability::Available => {
            format!("{accepted} of {tried} {calls} were answered, with no gap over {outage}")
        }
        Availability::Interrupted => {
            format!("{accepted} of {tried} {calls} were answered, after an outage of {outage}")
        }
        Availability::Stopped => {
            format!("{accepted} of {tried} {calls} were answered, and none at the end")
        }
    };
    if access.late > 0 {
        said.push_str(&format!(", {} more only after the heal", access.late));
    }
    if let Consistency::Violated { findings } = &access.consistency {
        said.push_str(&format!(" ({})", findings.join("; ")));
    }
    said
}

fn choice(of: Choice) -> Option<&'static str> {
    match of {
        Choice::NotTried => None,
        Choice::Neither => Some("was seen to give up neither consistency nor availability"),
        Choice::Availability => Some("gave up availability"),
        Choice::Consistency => Some("gave up consistency"),
        Choice::Both => Some("gave up both consistency and availability"),
        Choice::Unknown => Some("stayed available, and nobody knows how consistent it was"),
    }
}

/// Recovery, where there was something to recover from.
fn back(of: Use, access: &Access) -> Option<String> {
    if !matches!(
        access.availability,
        Availability::Stopped | Availability::Unavailable
    ) {
        return None;
    }
    match access.recovery {
        Recovery::NotHealed => None,
        Recovery::NotTried => Some(format!("No {} were tried after the heal.", what(of, 0))),
        Recovery::Never { tried } => {
            let calls = what(of, tried);
            Some(format!(
                "None of {tried} {calls} after the heal was answered."
            ))
        }
        Recovery::After { time: took } => {
            let call = what(of, 1);
            Some(format!(
                "The first {call} was answered {} after the heal.",
                time(took)
            ))
        }
    }
}

/// All partitions, by the part of the cluster.
pub(super) fn card(partitions: &[Partition], unproven: u64) -> String {
    let unseen = match unproven {
        0 => String::new(),
        1 => " One partition was injected and not seen to bite: nothing is said of it.".to_owned(),
        n => {
            format!(" {n} partitions were injected and not seen to bite: nothing is said of them.")
        }
    };
    if partitions.is_empty() {
        return format!("No partition took effect, so nothing was forced to a choice.{unseen}");
    }
    let mut chosen: BTreeMap<(Role, Use), Choice> = BTreeMap::new();
    for side in partitions.iter().flat_map(|p| &p.sides) {
        for of in [Use::Read, Use::Write] {
            let so_far = chosen.entry((side.role, of)).or_insert(Choice::NotTried);
            *so_far = so_far.and(side.access(of).gave_up);
        }
    }
    let roles: Vec<Role> = chosen.keys().map(|(role, _)| *role).collect();
    let mut said: Vec<String> = Vec::new();
    let mut before = None;
    for role in roles {
        if before.replace(role) == Some(role) {
            continue;
        }
        let who = match role {
            Role::Minority => "the minority",
            Role::Half => "each half",
            Role::Majority => "the majority",
            Role::Overlapping => "each side",
            Role::Targets => "what was hit",
            Role::Others => "the rest",
        };
        let tell = |of: Use| choice(chosen[&(role, of)]).unwrap_or("was not tried");
        let (reads, writes) = (tell(Use::Read), tell(Use::Write));
        said.push(match reads == writes {
            true => format!("{who} {reads}"),
            false => format!("{who} {reads} for reads, and {writes} for writes"),
        });
    }
    let under = match partitions.len() {
        1 => "a partition".to_owned(),
        n => format!("{n} partitions"),
    };
    format!("Observed under {under}: {}.{unseen}", said.join("; "))
}

/// The normal case.
pub(super) fn normal(normal: &Normal, judged: bool) -> String {
    let latency = |of: Use, latency: Option<Latency>| {
        let Latency { median, p99, .. } = latency?;
        let calls = what(of, 2);
        Some(format!(
            "half of the {calls} took no longer than {}, 99 % no longer than {}",
            time(median),
            time(p99)
        ))
    };
    let both = [
        latency(Use::Read, normal.reads),
        latency(Use::Write, normal.writes),
    ];
    let both: Vec<String> = both.into_iter().flatten().collect();
    if both.is_empty() {
        return "No call was answered while no fault was in force.".to_owned();
    }
    let behind = match (normal.staleness, normal.findings) {
        (Some(Nanos(0)), 0) => "No read was seen to be behind.".to_owned(),
        (Some(most), _) => format!("Reads were behind by up to {}.", time(most)),
        (None, 0) if judged => "No violation was found then.".to_owned(),
        (None, 0) => "Nobody judged whether they were consistent.".to_owned(),
        (None, 1) => "One violation was found even then.".to_owned(),
        (None, n) => format!("{n} violations were found even then."),
    };
    format!("While no fault was in force, {}. {behind}", both.join("; "))
}
