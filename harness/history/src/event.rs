//! One line of the record: a call was made, or a call ended.

use std::sync::Arc;

use crate::{Index, Nanos, Operation, Outcome, Process};

/// Position of a node in a run's [`Nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u16);

/// The names of a run's nodes, in the order of their [`NodeId`]s. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nodes(Arc<[Arc<str>]>);

impl Nodes {
    /// From names; the first is `NodeId(0)`.
    pub fn new<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        Self(names.into_iter().map(|n| Arc::from(n.as_ref())).collect())
    }
    /// The name of a node; `?` for an id that this table does not have.
    pub fn name(&self, id: NodeId) -> &str {
        self.0.get(usize::from(id.0)).map_or("?", |n| n)
    }
    /// All names, in id order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (NodeId, &str)> {
        self.0
            .iter()
            .enumerate()
            .map(|(i, n)| (NodeId(i as u16), &**n))
    }
    /// The id of a name.
    pub fn id(&self, name: &str) -> Option<NodeId> {
        self.0
            .iter()
            .position(|n| &**n == name)
            .map(|i| NodeId(i as u16))
    }
}

/// One line of the record.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<O: Operation> {
    /// Its place.
    pub index: Index,
    /// When: for an invocation just before it was sent, for a completion just after the answer came.
    pub time: Nanos,
    /// Whose.
    pub process: Process,
    /// The node that was asked, where that is known.
    pub node: Option<NodeId>,
    /// What.
    pub moment: Moment<O>,
}

/// The two things that happen to a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Moment<O: Operation> {
    /// It was made.
    Invoke(O::Call),
    /// It ended.
    Complete(Outcome<O::Return>),
}

impl<O: Operation> Moment<O> {
    /// As the field `type` of a history names it: `invoke`, `ok`, `fail` or `info`.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Invoke(_) => "invoke",
            Self::Complete(Outcome::Ok(_)) => "ok",
            Self::Complete(Outcome::Fail(_)) => "fail",
            Self::Complete(Outcome::Info(_)) => "info",
        }
    }
}
