//! Raft's log and vote, in memory for reading and in a [`Journal`] for remembering.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    io,
    ops::RangeBounds,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
};

use openraft::{
    Entry, EntryPayload, LogId, LogState, OptionalSend, RaftLogReader, StorageError,
    StorageIOError, Vote,
    storage::{LogFlushed, RaftLogStorage},
};
use serde::{Deserialize, Serialize};

use super::Types;
use crate::journal::Journal;

/// The log: a handle that can be cloned.
#[derive(Debug, Clone)]
pub(crate) struct Log(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    journal: Journal,
    memory: Memory,
}

#[derive(Debug, Default)]
struct Memory {
    vote: Option<Vote<u64>>,
    entries: BTreeMap<u64, Entry<Types>>,
}

/// A line of the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record {
    Vote(Vote<u64>),
    Entry(Entry<Types>),
    /// Entries from this index on are gone.
    Truncate(u64),
}

impl Memory {
    fn replay(&mut self, record: Record) {
        match record {
            Record::Vote(vote) => self.vote = Some(vote),
            Record::Entry(entry) => drop(self.entries.insert(entry.log_id.index, entry)),
            Record::Truncate(from) => drop(self.entries.split_off(&from)),
        }
    }
}

impl State {
    /// Writes first, then remembers.
    fn store(&mut self, records: impl IntoIterator<Item = Record>) -> io::Result<()> {
        let records: Vec<_> = records.into_iter().collect();
        for record in &records {
            self.journal.push(record)?;
        }
        self.journal.write()?;
        for record in records {
            self.memory.replay(record);
        }
        Ok(())
    }
}

impl Log {
    /// Opens the file of node `me` and replays it.
    ///
    /// Who led when it was killed does not lead when it is back. openraft 0.9.25 would make it the leader of the same term at
    /// once, and take the first entry of that term for all that a read must have seen (`LeaderHandler::get_read_log_id`),
    /// while what was committed after that is not applied again yet: its first reads would be stale. schism found that; so its
    /// own vote comes back as one that no majority has confirmed, and it has to be elected.
    pub(crate) fn open(path: &Path, me: u64) -> io::Result<Self> {
        let (journal, records) = Journal::open::<Record>(path)?;
        let mut memory = Memory::default();
        for record in records {
            memory.replay(record);
        }
        if let Some(vote) = &mut memory.vote
            && vote.leader_id().voted_for() == Some(me)
        {
            vote.committed = false;
        }
        Ok(Self(Arc::new(Mutex::new(State { journal, memory }))))
    }
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RaftLogReader<Types> for Log {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry<Types>>, StorageError<u64>> {
        let state = self.state();
        let entries = state.memory.entries.range(range);
        Ok(entries.map(|(_, entry)| entry.clone()).collect())
    }
}

impl RaftLogStorage<Types> for Log {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, StorageError<u64>> {
        let state = self.state();
        Ok(LogState {
            last_purged_log_id: None,
            last_log_id: state.memory.entries.values().last().map(|e| e.log_id),
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<u64>) -> Result<(), StorageError<u64>> {
        let stored = self.state().store([Record::Vote(*vote)]);
        stored.map_err(|e| StorageIOError::write_vote(&e).into())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<u64>>, StorageError<u64>> {
        Ok(self.state().memory.vote)
    }

    async fn append<I>(
        &mut self,
        entries: I,
        done: LogFlushed<Types>,
    ) -> Result<(), StorageError<u64>>
    where
        I: IntoIterator<Item = Entry<Types>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let records = entries.into_iter().map(|entry| {
            if let EntryPayload::Normal(proposal) = &entry.payload {
                proposal.logged.store(true, Ordering::SeqCst);
            }
            Record::Entry(entry)
        });
        let stored = self.state().store(records);
        done.log_io_completed(stored);
        Ok(())
    }

    async fn truncate(&mut self, since: LogId<u64>) -> Result<(), StorageError<u64>> {
        let stored = self.state().store([Record::Truncate(since.index)]);
        stored.map_err(|e| StorageIOError::write_logs(&e).into())
    }

    async fn purge(&mut self, _: LogId<u64>) -> Result<(), StorageError<u64>> {
        // Only what a snapshot covers may go, and there are no snapshots.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn votes_entries_and_truncations_survive_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.jsonl");
        let entry = |term, index| {
            let leader = openraft::CommittedLeaderId::new(term, 0);
            Record::Entry(Entry {
                log_id: LogId::new(leader, index),
                payload: EntryPayload::Blank,
            })
        };
        let mut log = Log::open(&path, 0).unwrap();
        log.state().store([entry(1, 0), entry(1, 1)]).unwrap();
        log.save_vote(&Vote::new(2, 3)).await.unwrap();
        log.state()
            .store([Record::Truncate(1), entry(2, 1)])
            .unwrap();

        let mut again = Log::open(&path, 0).unwrap();
        assert_eq!(again.read_vote().await.unwrap(), Some(Vote::new(2, 3)));
        let terms: Vec<_> = again
            .try_get_log_entries(0..)
            .await
            .unwrap()
            .iter()
            .map(|e| (e.log_id.index, e.log_id.leader_id.term))
            .collect();
        assert_eq!(terms, [(0, 1), (1, 2)]);
    }

    #[tokio::test]
    async fn who_led_when_it_was_killed_has_to_be_elected_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.jsonl");
        let mut log = Log::open(&path, 3).unwrap();
        log.save_vote(&Vote::new_committed(2, 3)).await.unwrap();
        let voted = async |me| Log::open(&path, me).unwrap().read_vote().await.unwrap();
        assert_eq!(voted(3).await, Some(Vote::new(2, 3)));
        assert_eq!(voted(1).await, Some(Vote::new_committed(2, 3)));
    }
}
