//! The two traits that a target's author implements (usually through `kit`).

use std::future::Future;

use control::Node;
use history::{Operation, Outcome};

/// Speaks to one node on behalf of one process.
pub trait Client<O: Operation>: Send + 'static {
    /// Performs one call and says how it ended. The runner enforces the deadline: a call that is still open then is
    /// `info`, and the client is dropped.
    fn invoke(&mut self, call: &O::Call) -> impl Future<Output = Outcome<O::Return>> + Send;
}

/// Opens clients.
pub trait Target<O: Operation>: Send + Sync + 'static {
    /// Its client.
    type Client: Client<O>;
    /// A client bound to a node. An error here means that nothing was sent: calls that find no connection are `fail`.
    fn connect(&self, node: &Node) -> impl Future<Output = Result<Self::Client, String>> + Send;
}
