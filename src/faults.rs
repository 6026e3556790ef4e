//! The nemesis as a target like any other: its calls are orders, its clients carry them out on threads that may block.

use std::sync::Arc;

use control::Node;
use history::Outcome;
use nemesis::{Carried, Injector, Nemesis, Order};
use runner::{Client, Target};

use crate::flow::blocking;

/// What faults are asked of.
pub(crate) struct FaultTarget(pub Arc<Injector>);

/// One of its clients; all share the injector.
pub(crate) struct FaultClient(Arc<Injector>);

impl Target<Nemesis> for FaultTarget {
    type Client = FaultClient;
    async fn connect(&self, _: &Node) -> Result<FaultClient, String> {
        Ok(FaultClient(Arc::clone(&self.0)))
    }
}

impl Client<Nemesis> for FaultClient {
    async fn invoke(&mut self, order: &Order) -> Outcome<Carried> {
        let (injector, order) = (Arc::clone(&self.0), order.clone());
        blocking(move || injector.carry_out(&order)).await
    }
}
