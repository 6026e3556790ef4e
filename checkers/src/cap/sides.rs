//! The sides of each partition, and what is known of them.

use history::{History, Nanos, NodeId, Operation, Span, fault::FaultSpan};

use super::{
    Cap, Partition, Role, Side, Use,
    access::{Window, access},
    blame::Blame,
    is_partition, words,
};

/// The partitions that took effect, in the order of their injection.
pub(super) fn partitions<O: Operation>(cap: &Cap<O>, history: &History<O>) -> Vec<Partition> {
    let blame = Blame::new(cap, history);
    let mut found: Vec<&FaultSpan> = cap
        .faults
        .iter()
        .filter(|fault| is_partition(fault) && fault.took_effect())
        .collect();
    found.sort_by_key(|fault| (fault.injected, fault.id));
    found
        .into_iter()
        .map(|fault| partition(cap, history, &blame, fault))
        .collect()
}

fn partition<O: Operation>(
    cap: &Cap<O>,
    history: &History<O>,
    blame: &Blame<'_, O>,
    fault: &FaultSpan,
) -> Partition {
    let from = fault.injected.unwrap_or(fault.began);
    let until = fault.healed.unwrap_or_else(|| end(history)).max(from);
    let others = || cap.faults.iter().filter(|other| other.id != fault.id);
    let first = history.spans().partition_point(|span| span.start < from);
    let sides = groups(fault, history)
        .into_iter()
        .map(|(nodes, role)| {
            let member = members(&nodes, history);
            let window = Window {
                from,
                until,
                healed: fault.healed,
                next: others()
                    .filter(|other| other.began >= until && touches(other, &nodes))
                    .map(|other| other.began)
                    .min(),
            };
            let of = |of: Use| {
                let calls = history.spans()[first..].iter().filter(|span| {
                    is_member(&member, span) && (cap.serves)(&span.call) == Some(of)
                });
                let found = blame.consistency((fault.began, until), &member, of);
                access(cap, &window, found, calls)
            };
            let (reads, writes) = (of(Use::Read), of(Use::Write));
            Side {
                nodes,
                role,
                reads,
                writes,
            }
        })
        .collect();
    let mut overlaps: Vec<_> = others()
        .filter(|other| other.overlaps(from, until))
        .map(|other| other.id)
        .collect();
    overlaps.sort_unstable();
    let mut partition = Partition {
        fault: fault.id,
        what: fault.what.clone(),
        from,
        healed: fault.healed,
        overlaps,
        sides,
        sentence: String::new(),
    };
    partition.sentence = words::partition(&partition);
    partition
}

/// Who could talk to whom; for a fault that does not say, those it hit and the rest.
fn groups<O: Operation>(fault: &FaultSpan, history: &History<O>) -> Vec<(Vec<String>, Role)> {
    if fault.sides.len() > 1 {
        let all: usize = fault.sides.iter().map(Vec::len).sum();
        let mut names: Vec<&String> = fault.sides.iter().flatten().collect();
        names.sort_unstable();
        let common = names.windows(2).any(|pair| pair[0] == pair[1]);
        let role = |nodes: usize| match (nodes * 2).cmp(&all) {
            _ if common => Role::Overlapping,
            std::cmp::Ordering::Less => Role::Minority,
            std::cmp::Ordering::Equal => Role::Half,
            std::cmp::Ordering::Greater => Role::Majority,
        };
        let sides = fault.sides.iter();
        return sides.map(|side| (side.clone(), role(side.len()))).collect();
    }
    let names = history.nodes().iter().map(|(_, name)| name.to_owned());
    let others = names.filter(|name| !fault.nodes.contains(name)).collect();
    let both = [(fault.nodes.clone(), Role::Targets), (others, Role::Others)];
    both.into_iter()
        .filter(|(nodes, _)| !nodes.is_empty())
        .collect()
}

fn touches(fault: &FaultSpan, nodes: &[String]) -> bool {
    let may_bite = fault.injected.is_some() || !fault.errors.is_empty();
    let mut hit = fault.sides.iter().flatten().chain(&fault.nodes);
    may_bite && hit.any(|node| nodes.contains(node))
}

fn members<O: Operation>(nodes: &[String], history: &History<O>) -> Vec<bool> {
    let names = history.nodes().iter();
    names
        .map(|(_, name)| nodes.iter().any(|node| node == name))
        .collect()
}

/// Whether a call was made to one of these nodes.
pub(super) fn is_member<O: Operation>(member: &[bool], span: &Span<O>) -> bool {
    let at = span.node.map(|NodeId(at)| usize::from(at));
    at.and_then(|at| member.get(at))
        .is_some_and(|member| *member)
}

/// When the last thing happened.
pub(super) fn end<O: Operation>(history: &History<O>) -> Nanos {
    let ends = history
        .spans()
        .iter()
        .map(|span| span.end.unwrap_or(span.start));
    ends.max().unwrap_or_default()
}
