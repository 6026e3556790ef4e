//! Services of single objects: the honest ones, with the clients that ask them. As with stores, a broken twin is the same
//! service with one rule wrong.

pub(crate) mod bank;
pub(crate) mod consensus;
pub(crate) mod counter;
pub(crate) mod election;
pub(crate) mod guarded;
pub(crate) mod lock;
pub(crate) mod queue;
pub(crate) mod quorum;
pub(crate) mod register;
pub(crate) mod rows;
pub(crate) mod set;
pub(crate) mod snapshot;
pub(crate) mod unique_ids;
