//! Nodes that get each client's writes in its order, and those of different clients in any: two readers see two writes in
//! opposite orders.

use crate::{services::snapshot::Rules, system::Rng};

/// Client by client.
pub(crate) struct ClientByClient;

impl Rules for ClientByClient {
    fn misses(&self, _: usize, arrived: bool, _: &mut Rng) -> bool {
        !arrived
    }
    fn arrives(&self, waiting: bool) -> bool {
        !waiting
    }
}
