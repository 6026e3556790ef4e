//! What the log is applied to: a map. It is rebuilt from the log after every start.

use std::{
    collections::BTreeMap,
    io::{self, Cursor},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use openraft::{
    EmptyNode, Entry, EntryPayload, LogId, OptionalSend, RaftSnapshotBuilder, Snapshot,
    SnapshotMeta, StorageError, StorageIOError, StoredMembership, storage::RaftStateMachine,
};

use super::{Applied, Types};
use crate::wire::{Op, Request};

/// The state, shared by the Raft task that changes it and the requests that read it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Machine(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    applied: Option<LogId<u64>>,
    membership: StoredMembership<u64, EmptyNode>,
    values: BTreeMap<String, i64>,
}

impl Machine {
    /// What a key holds.
    pub(crate) fn get(&self, key: &str) -> Option<i64> {
        self.state().values.get(key).copied()
    }
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn apply(&mut self, request: Request) -> Applied {
        let Request { key, op } = request;
        let to = match op {
            Op::Read => return Applied::Nothing,
            Op::Write(value) => value,
            Op::Cas { from, to } if self.values.get(&key) == Some(&from) => to,
            Op::Cas { .. } => return Applied::Mismatch,
        };
        self.values.insert(key, to);
        Applied::Done
    }
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotBuilder = Self;

    async fn applied_state(
        &mut self,
    ) -> Result<(Option<LogId<u64>>, StoredMembership<u64, EmptyNode>), StorageError<u64>> {
        let state = self.state();
        Ok((state.applied, state.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Applied>, StorageError<u64>>
    where
        I: IntoIterator<Item = Entry<Types>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut state = self.state();
        let applied = entries.into_iter().map(|entry| {
            state.applied = Some(entry.log_id);
            match entry.payload {
                EntryPayload::Blank => Applied::Nothing,
                EntryPayload::Normal(proposal) => state.apply(proposal.request),
                EntryPayload::Membership(membership) => {
                    state.membership = StoredMembership::new(Some(entry.log_id), membership);
                    Applied::Nothing
                }
            }
        });
        Ok(applied.collect())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn begin_receiving_snapshot(
        &mut self,
    ) -> Result<Box<Cursor<Vec<u8>>>, StorageError<u64>> {
        Err(no_snapshots())
    }

    async fn install_snapshot(
        &mut self,
        _: &SnapshotMeta<u64, EmptyNode>,
        _: Box<Cursor<Vec<u8>>>,
    ) -> Result<(), StorageError<u64>> {
        Err(no_snapshots())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<Types>>, StorageError<u64>> {
        Ok(None)
    }
}

impl RaftSnapshotBuilder<Types> for Machine {
    async fn build_snapshot(&mut self) -> Result<Snapshot<Types>, StorageError<u64>> {
        Err(no_snapshots())
    }
}

/// Nothing asks for a snapshot while the log is kept whole (see the configuration); should that ever change, Raft stops
/// rather than go on without one.
fn no_snapshots() -> StorageError<u64> {
    let reason = io::Error::other("the log is kept whole: there are no snapshots");
    StorageIOError::read_snapshot(None, &reason).into()
}
