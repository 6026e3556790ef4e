//! Elections by votes (Ongaro & Ousterhout 2014, section 5.2): a candidate begins a term, each node has one vote in it, and
//! a majority makes a leader. Term and vote are on the disk before anyone hears of them.

use history::{
    Key, Process,
    ops::{Election, ElectionCall, ElectionReturn},
};
use rand::RngExt;

use crate::{
    schedule::{NODES, node_of},
    service::Service,
    system::{Clients, Progress, Rng},
};

/// What a node keeps.
pub(crate) trait Rules {
    /// Whether a vote survives a crash.
    fn remembers_votes(&self) -> bool {
        true
    }
    /// The term that is read from the disk after a crash.
    fn remembers_term(&self, term: i64) -> i64 {
        term
    }
}

/// Keeps everything.
pub(crate) struct Honest;

impl Rules for Honest {}

#[derive(Default, Clone, Copy)]
struct Node {
    term: i64,
    voted: Option<usize>,
    /// Who leads this term, as far as the node has heard.
    leader: Option<usize>,
}

impl Node {
    fn enter(&mut self, term: i64) {
        if term > self.term {
            *self = Self {
                term,
                ..Self::default()
            };
        }
    }
}

/// A group of nodes.
pub(crate) struct Group<R> {
    rules: R,
    nodes: [Node; NODES],
}

impl<R> Group<R> {
    pub(crate) fn new(rules: R) -> Self {
        Self {
            rules,
            nodes: [Node::default(); NODES],
        }
    }
}

impl<R: Rules> Group<R> {
    /// A node stands for election; some others hear of it.
    fn stand(&mut self, candidate: usize, rng: &mut Rng) {
        let term = self.nodes[candidate].term + 1;
        let mut votes = 0;
        for (n, node) in self.nodes.iter_mut().enumerate() {
            if n != candidate && rng.random_bool(0.4) {
                continue;
            }
            node.enter(term);
            if node.term == term && *node.voted.get_or_insert(candidate) == candidate {
                votes += 1;
            }
        }
        if 2 * votes > NODES {
            self.nodes[candidate].leader = Some(candidate);
        }
    }

    /// A node goes on with what is on its disk; who leads is not.
    fn restart(&mut self, node: usize) {
        let node = &mut self.nodes[node];
        node.leader = None;
        node.term = self.rules.remembers_term(node.term);
        node.voted = node.voted.filter(|_| self.rules.remembers_votes());
    }
}

impl<R: Rules> Service<Election> for Group<R> {
    type Stage = ();

    fn serve(
        &mut self,
        from: Process,
        _: &ElectionCall,
        (): &mut (),
        _: &mut Rng,
    ) -> Progress<ElectionReturn> {
        let node = self.nodes[usize::from(node_of(from).0)];
        let name = |n: usize| Key::Text(format!("n{}", n + 1).into());
        Progress::Done(ElectionReturn {
            term: node.term,
            leader: node.leader.map(name),
        })
    }

    /// A node stands, or starts again, or hears from another who leads.
    fn background(&mut self, rng: &mut Rng) {
        let (n, from) = (rng.random_range(0..NODES), rng.random_range(0..NODES));
        match rng.random_range(0..10) {
            0 | 1 => return self.stand(n, rng),
            2 => return self.restart(n),
            _ => {}
        }
        let heard = self.nodes[from];
        if heard.leader.is_some() && heard.term >= self.nodes[n].term {
            self.nodes[n].enter(heard.term);
            self.nodes[n].leader = heard.leader;
        }
    }

    fn crash(&mut self, rng: &mut Rng) {
        self.restart(rng.random_range(0..NODES));
    }
}

/// Clients that ask who leads.
pub(crate) struct Callers;

impl Clients<Election> for Callers {
    fn next(&mut self, _: Process, _: &mut Rng) -> ElectionCall {
        ElectionCall { key: None }
    }
}
