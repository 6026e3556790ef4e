//! Monotonic reads of a set that only grows: what a client has read, it reads again.
//!
//! After Terry et al., "Session Guarantees for Weakly Consistent Replicated Data", 1994. A client is a process. **Exact.**
//! Holds the last read of each process.

use history::{
    Index, Key, Outcome, Process,
    ops::{Set, SetOp, SetReturn},
};

use super::{Ended, Map, Watch};

/// Watches every client.
#[derive(Debug, Default)]
pub struct MonotonicReads {
    last: Map<(Process, Option<Key>), (Index, Vec<i64>)>,
}

impl Watch<Set> for MonotonicReads {
    fn name(&self) -> &'static str {
        "monotonic-reads"
    }

    fn ended(&mut self, ended: &Ended<'_, Set>) -> Option<(String, Vec<Index>)> {
        let (SetOp::Read, Outcome::Ok(SetReturn::Elements(all))) = (ended.call.op, ended.outcome)
        else {
            return None;
        };
        let mut sorted = all.clone();
        sorted.sort_unstable();
        let client = (ended.process, ended.call.key.clone());
        let (before, seen) = self
            .last
            .insert(client, (ended.invoked, sorted.clone()))
            .unwrap_or((ended.invoked, Vec::new()));
        let gone = seen.iter().find(|e| sorted.binary_search(e).is_err())?;
        Some((
            format!(
                "process {} had read {gone}, and then did not",
                ended.process.0
            ),
            vec![before, ended.invoked],
        ))
    }
}
