//! Writes follow reads: what a session writes to a key after it read something of it is seen after that.
//!
//! The order of versions has each read's writer before the reader's later writes to the key. A violation is a cycle in that,
//! or a session that reads against it: first something, and then something that came before. Terry et al. 1994, section 3.3;
//! judged as causal consistency implies it, together with monotonic reads. Sound, and complete for one key and reader.
//! O(n·k) for n ops in k sessions.

use super::{
    ops::{FIRST, Known},
    versions::{Edge, Key, acyclic, cycle},
};

/// Ops that contradict it: a cycle of reads and the writes that follow them, which a reader may close.
pub(super) fn find(known: &Known<'_>) -> Vec<Vec<u32>> {
    let mut found: Vec<Vec<u32>> = Vec::new();
    // Numbers that no op has.
    let mut hubs = known.ops.len() as u32;
    for key in Key::all(known) {
        let mut edges = Vec::new();
        for session in &key.sessions {
            // Stands for everything that the session read so far.
            let mut hub: Option<u32> = None;
            for op in session {
                let mut edge = |from, to| {
                    let why = [*op, *op];
                    edges.push(Edge { from, to, why });
                };
                match known.read(*op) {
                    Some(FIRST) => {}
                    Some(source) => {
                        hubs += 1;
                        hub.into_iter().for_each(|hub| edge(hub, hubs));
                        edge(source, hubs);
                        hub = Some(hubs);
                    }
                    None if known.is_write(*op) => hub.into_iter().for_each(|hub| edge(hub, *op)),
                    None => {}
                }
            }
        }
        if !acyclic(&edges) {
            found.extend(cycle(&edges));
            continue;
        }
        for session in &key.sessions {
            let mut all = edges.clone();
            let before = all.len();
            reads_in_order(known, session, &mut all);
            if all.len() > before && !acyclic(&all) {
                found.extend(cycle(&all));
            }
        }
    }
    for ops in &mut found {
        ops.retain(|op| (*op as usize) < known.ops.len());
    }
    found
}

/// What a session read first is older than what it read then.
fn reads_in_order(known: &Known<'_>, session: &[u32], edges: &mut Vec<Edge>) {
    let reads = session
        .iter()
        .filter(|op| known.read(**op).is_some_and(|s| s != FIRST));
    let reads: Vec<u32> = reads.copied().collect();
    for pair in reads.windows(2) {
        let [from, to] = [pair[0], pair[1]].map(|op| known.source[op as usize]);
        if from != to {
            edges.push(Edge {
                from,
                to,
                why: [pair[0], pair[1]],
            });
        }
    }
}
