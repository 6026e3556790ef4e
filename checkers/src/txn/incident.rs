//! What the keys tell, each for itself: edges of the graph, versions of steps, and what is wrong without any cycle.

use smallvec::SmallVec;

use super::{
    Anomaly,
    graph::{Edge, Label},
};

/// No transaction.
pub(super) const NOBODY: u32 = u32::MAX;
/// A version that is not known.
pub(super) const UNKNOWN: u32 = u32::MAX;
/// The version of an append that nobody saw: after all that were seen.
pub(super) const UNSEEN: u32 = u32::MAX - 1;
/// Marks a node that is no transaction, until all keys' are numbered.
pub(super) const HUB: u32 = 1 << 31;

/// An anomaly that is no cycle.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Incident {
    pub(super) anomaly: Anomaly,
    pub(super) key: u32,
    /// The value concerned, where there is one.
    pub(super) value: i64,
    /// Who took part, in the order in which the explanation names them.
    pub(super) txns: SmallVec<[u32; 3]>,
}

/// Of each anomaly the first incident, and how many more there are.
#[derive(Debug, Default)]
pub(super) struct Incidents(pub(super) Vec<(Incident, u64)>);

impl Incidents {
    pub(super) fn note(&mut self, anomaly: Anomaly, key: u32, value: i64, txns: &[u32]) {
        let txns = SmallVec::from_slice(txns);
        self.add(
            Incident {
                anomaly,
                key,
                value,
                txns,
            },
            0,
        );
    }

    fn add(&mut self, incident: Incident, more: u64) {
        let place = |i: &Incident| (i.txns.iter().max().copied(), i.key);
        match self
            .0
            .iter_mut()
            .find(|(i, _)| i.anomaly == incident.anomaly)
        {
            None => self.0.push((incident, more)),
            Some((first, n)) => {
                *n += more + 1;
                if place(&incident) < place(first) {
                    *first = incident;
                }
            }
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (incident, more) in other.0 {
            self.add(incident, more);
        }
    }
}

/// What is known of a step: the version it read or made, and of a read who made that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Version {
    pub(super) step: u32,
    /// Lists: the number of elements; registers: a number of the value, 0 for absent. Of one key.
    pub(super) version: u32,
    /// Who made what was read.
    pub(super) source: u32,
}

/// What some keys tell.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) edges: Vec<Edge>,
    /// How many nodes were made that are no transactions.
    pub(super) hubs: u32,
    /// Transactions one of whose writes was read by another.
    pub(super) seen: Vec<u32>,
    pub(super) versions: Vec<Version>,
    pub(super) incidents: Incidents,
    /// Values that were written more than once, so that nobody knows whose was read.
    pub(super) ambiguous: u64,
}

impl Part {
    pub(super) fn edge(&mut self, from: u32, to: u32, label: Label) {
        if from != to {
            self.edges.push(Edge { from, to, label });
        }
    }

    fn hub(&mut self) -> u32 {
        self.hubs += 1;
        HUB | (self.hubs - 1)
    }

    /// An edge from each of some transactions to each of others, but none from one to itself. Both are sorted and
    /// distinct. Of linear size: where the product is large, the edges go through hubs. Whoever is on both sides gets
    /// past itself by two chains of hubs, one for those before it and one for those after it.
    pub(super) fn fan(&mut self, from: &[u32], to: &[u32], label: Label) {
        if from.len() * to.len() <= 2 * (from.len() + to.len()) {
            for a in from {
                for b in to {
                    self.edge(*a, *b, label);
                }
            }
            return;
        }
        let both = from.iter().any(|a| to.binary_search(a).is_ok());
        if !both {
            let hub = self.hub();
            from.iter().for_each(|a| self.edge(*a, hub, label));
            to.iter().for_each(|b| self.edge(hub, *b, label));
            return;
        }
        let first = self.hubs;
        let (before, after) = (
            |i: usize| HUB | (first + 2 * i as u32),
            |i: usize| HUB | (first + 2 * i as u32 + 1),
        );
        self.hubs += 2 * to.len() as u32;
        for (i, b) in to.iter().enumerate() {
            self.edge(before(i), *b, label);
            self.edge(after(i), *b, label);
            if i > 0 {
                self.edge(before(i), before(i - 1), label);
                self.edge(after(i - 1), after(i), label);
            }
        }
        for a in from {
            match to.binary_search(a) {
                Err(_) => self.edge(*a, after(0), label),
                Ok(i) => {
                    if i > 0 {
                        self.edge(*a, before(i - 1), label);
                    }
                    if i + 1 < to.len() {
                        self.edge(*a, after(i + 1), label);
                    }
                }
            }
        }
    }
}
