//! G1c: transactions each of which polled what another sent, so that each would have to be committed before itself.
//!
//! Edges are certain: from who sent a message to who polled it. Orders of sends (ww) are left out, since Kafka does not
//! isolate them from each other. Adya, "Weak Consistency", 1999, section 4.2.3, with read dependencies alone.

use std::collections::{BTreeMap, VecDeque};

use history::{
    History, Outcome,
    ops::{Log, LogCall, LogSeen, LogStep},
};
use petgraph::{csr::Csr, visit::NodeIndexable};

use super::orders::{Logs, did};
use crate::{
    findings::{CERTAIN, Findings, Told},
    txn::components,
    words::Words,
};

/// In how many calls of a component a short circle is looked for. In one that is no larger the shortest is found.
const STARTS: usize = 16;

/// Judges transactions that both send and poll.
pub(super) fn judge(logs: &Logs<'_>, history: &History<Log>, findings: &mut Findings<'_, Log>) {
    let edges = edges(logs, history);
    let Ok(graph) = Csr::<(), (), _, usize>::from_sorted_edges(&edges) else {
        return;
    };
    let (component, _) = components(&graph);
    let mut members: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for &(from, to) in &edges {
        if component[from] == component[to] {
            let of = members.entry(component[from]).or_default();
            if of.last() != Some(&from) {
                of.push(from);
            }
        }
    }
    let words = Words(history);
    for of in members.values() {
        let starts = of.iter().take(STARTS);
        let Some(circle) = starts
            .filter_map(|at| circle(&graph, *at))
            .min_by_key(Vec::len)
        else {
            continue;
        };
        findings.add("G1c", &circle, || {
            let calls: Vec<String> = circle.iter().map(|at| words.call(*at)).collect();
            Told {
                title: "transactions that polled each other's sends".to_owned(),
                explanation: format!(
                    "{} Each of them polled what the one before it sent, and the first what the last sent: \
                     each would have to be committed before itself.",
                    calls.join(" ")
                ),
                key: None,
                confidence: CERTAIN,
                minimal: of.len() <= STARTS,
            }
        });
    }
}

/// From senders to pollers, sorted, each once.
fn edges(logs: &Logs<'_>, history: &History<Log>) -> Vec<(usize, usize)> {
    let both = |at: usize| match (&history.spans()[at].call, &history.spans()[at].outcome) {
        (LogCall::Do(steps), Outcome::Ok(_)) => {
            let polls = steps.iter().filter(|step| **step == LogStep::Poll).count();
            polls > 0 && polls < steps.len()
        }
        _ => false,
    };
    let mut edges = Vec::new();
    for at in (0..history.spans().len()).filter(|at| both(*at)) {
        for (_, seen) in did(&history.spans()[at]) {
            let LogSeen::Polled(polled) = seen else {
                continue;
            };
            for (log, records) in polled {
                let Some(key) = logs.find(log) else {
                    continue;
                };
                for record in records {
                    match logs.senders(key, record.value) {
                        [sent] if sent.at != at && both(sent.at) => edges.push((sent.at, at)),
                        _ => {}
                    }
                }
            }
        }
    }
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// The shortest way from a call back to it, in breadth: its calls in order.
fn circle(graph: &Csr<(), (), petgraph::Directed, usize>, start: usize) -> Option<Vec<usize>> {
    let mut from: BTreeMap<usize, usize> = BTreeMap::new();
    let mut next = VecDeque::from([start]);
    while let Some(at) = next.pop_front() {
        for &to in graph.neighbors_slice(graph.from_index(at)) {
            if to == start {
                let mut back = vec![at];
                while let Some(before) = from.get(&back[back.len() - 1]) {
                    back.push(*before);
                }
                back.reverse();
                return Some(back);
            }
            if let std::collections::btree_map::Entry::Vacant(fresh) = from.entry(to) {
                fresh.insert(at);
                next.push_back(to);
            }
        }
    }
    None
}
