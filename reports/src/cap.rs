//! The CAP card as the report tells it: what each side of each partition was given. The checker's words, made inert.

use checkers::cap::{Access, Availability, Card, Choice, Consistency, Partition, Recovery, Role};

use crate::{
    escape::{PROSE, VALUE, inert},
    number::{grouped, nanos, percent},
};

/// Makes all text of a card inert.
pub(crate) fn clean(mut card: Card) -> Card {
    let one = |s: &str| inert(s, VALUE);
    card.sentence = inert(&card.sentence, PROSE);
    card.normal.sentence = inert(&card.normal.sentence, PROSE);
    card.properties = card.properties.iter().map(|p| one(p)).collect();
    for partition in &mut card.partitions {
        partition.what = one(&partition.what);
        partition.sentence = inert(&partition.sentence, PROSE);
        for side in &mut partition.sides {
            side.nodes = side.nodes.iter().map(|n| one(n)).collect();
            for access in [&mut side.reads, &mut side.writes] {
                if let Consistency::Violated { findings } = &mut access.consistency {
                    *findings = findings.iter().map(|f| one(f)).collect();
                }
            }
        }
    }
    card
}

/// A row of the table: one side, and reads or writes.
pub(crate) struct SideRow {
    pub(crate) side: String,
    pub(crate) role: &'static str,
    pub(crate) what: &'static str,
    pub(crate) accepted: String,
    pub(crate) availability: &'static str,
    pub(crate) outage: String,
    pub(crate) recovery: String,
    pub(crate) gave_up: &'static str,
    pub(crate) bad: bool,
}

/// What became of reads and writes on each side of a partition.
pub(crate) fn rows(partition: &Partition) -> Vec<SideRow> {
    let of_side = |side: &checkers::cap::Side| {
        let row = |what, access: &Access| SideRow {
            side: side.nodes.join(" "),
            role: role(side.role),
            what,
            accepted: match access.tried {
                0 => "nobody asked".to_owned(),
                tried => format!("{} of {}", percent(access.accepted, tried), grouped(tried)),
            },
            availability: availability(access.availability),
            outage: match access.longest_outage.0 {
                0 => "none".to_owned(),
                _ => nanos(access.longest_outage),
            },
            recovery: recovery(access.recovery),
            gave_up: gave_up(access.gave_up),
            bad: matches!(access.gave_up, Choice::Consistency | Choice::Both),
        };
        [row("reads", &side.reads), row("writes", &side.writes)]
    };
    partition.sides.iter().flat_map(of_side).collect()
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Minority => "minority",
        Role::Half => "half",
        Role::Majority => "majority",
        Role::Overlapping => "overlapping",
        Role::Targets => "targets",
        Role::Others => "others",
    }
}

fn availability(a: Availability) -> &'static str {
    match a {
        Availability::NotTried => "–",
        Availability::Available => "available",
        Availability::Interrupted => "interrupted, then available",
        Availability::Stopped => "stopped until the heal",
        Availability::Unavailable => "unavailable",
    }
}

fn recovery(r: Recovery) -> String {
    match r {
        Recovery::NotHealed => "not healed".to_owned(),
        Recovery::NotTried => "nobody asked".to_owned(),
        Recovery::Never { tried } => format!("never, in {} calls", grouped(tried)),
        Recovery::After { time } => format!("after {}", nanos(time)),
    }
}

fn gave_up(choice: Choice) -> &'static str {
    match choice {
        Choice::NotTried => "–",
        Choice::Neither => "neither was seen to be given up",
        Choice::Availability => "availability",
        Choice::Consistency => "consistency",
        Choice::Both => "consistency and availability",
        Choice::Unknown => "not known: consistency was not judged here",
    }
}
