//! The checker `log`: logs of messages lose nothing, double nothing, and are read in one order by everybody. In the manner
//! of Jepsen's `kafka` workload.
//!
//! An acknowledged send and every polled record say what message is at which offset of which log. From all of them comes
//! the *order* of each log; offsets may have gaps, since transactions take some that nobody sees. Messages must be sent
//! once each; those that were sent twice are left out of what rests on that.
//!
//! | code | what it says |
//! |---|---|
//! | `inconsistent-offsets` | two messages at one offset of one log |
//! | `duplicate-message` | one message at two offsets |
//! | `lost-write` | an acknowledged message that consumers went past, and nobody got |
//! | `poll-skip`, `int-poll-skip` | a consumer went past a message that another got; `int-` within one call |
//! | `nonmonotonic-poll`, `int-…` | a consumer got an offset after it had got that or a later one |
//! | `nonmonotonic-send`, `int-…` | a message sent later by the same client got an earlier offset |
//! | `aborted-read` | a message whose send failed was polled |
//! | `phantom-value`, `future-read` | a message was polled that nobody sent, or not yet |
//! | `precommitted-read` | a transaction polled what it sent itself |
//! | `G1c` | transactions each of which polled what the next one sent, around a circle |
//!
//! **Who may skip.** A consumer that was *assigned* its logs goes on where it was; what it jumps over or gets twice is a
//! finding. One that *subscribed* can lose a log to another consumer between two polls and be given it back elsewhere: its
//! jumps are counted and allowed, except within one answer. So are those of a call in which a log was rebalanced, those
//! after a call of unknown outcome, and those of consumers of whom nobody knows how they came by their logs. Other codes
//! can be allowed by name, [`Streams::allowing`]. Unlike Jepsen this looks at each consumer, not at the whole run; gaps
//! between the sends of one transaction are never looked at, since Kafka does not promise that there are none.
//!
//! **Sound** if offsets and messages are reported as they are. One rule needs more, and its finding says so: that a message
//! below the highest polled one was seen by nobody is a loss only if consumers begin at the start of a log or where others
//! left off, and no answer to a poll was lost. **Incomplete**: messages above the last poll are *unseen*, and counted.
//! O(n log n) for n records.

mod circles;
mod consumers;
mod lag;
mod orders;
mod producers;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, time::Duration};

use history::{History, Index, ops::Log};

use crate::{
    Budget, Cause, Checker, Finding, Verdict,
    findings::{Findings, evidence},
    words::duration,
};

/// Judges logs of messages.
#[derive(Debug, Clone, Default)]
pub struct Streams {
    allowed: BTreeSet<String>,
}

impl Streams {
    /// Findings of this code are counted and do not fail the run.
    pub fn allowing(mut self, code: &str) -> Self {
        self.allowed.insert(code.to_owned());
        self
    }
}

impl Checker<Log> for Streams {
    fn name(&self) -> &str {
        "log"
    }

    fn decides(&self) -> String {
        "messages are neither lost nor doubled, and everybody reads a log in the same order"
            .to_owned()
    }

    fn limits(&self) -> &'static str {
        "sound if offsets and messages are reported as they are; incomplete: messages above the last poll are not judged"
    }

    fn check(&self, history: &History<Log>, _: Budget) -> Verdict {
        let logs = orders::Logs::read(history);
        let mut findings = Findings::new(history, "log");
        orders::judge(&logs, history, &mut findings);
        let jumps = consumers::judge(&logs, history, &mut findings);
        producers::judge(&logs, history, &mut findings);
        circles::judge(&logs, history, &mut findings);
        let found = match findings.or_else(|| self.otherwise(&logs, history, jumps, &[])) {
            Verdict::Fail(found) => found,
            other => return other,
        };
        let (allowed, forbidden): (Vec<Finding>, Vec<Finding>) = found
            .into_iter()
            .partition(|f| self.allowed.contains(&f.code));
        match forbidden.is_empty() {
            true => self.otherwise(&logs, history, jumps, &allowed),
            false => Verdict::Fail(forbidden),
        }
    }
}

impl Streams {
    fn otherwise(
        &self,
        logs: &orders::Logs<'_>,
        history: &History<Log>,
        jumps: u64,
        allowed: &[Finding],
    ) -> Verdict {
        if logs.polled == 0 {
            return Verdict::Unknown(Cause {
                code: "log/nothing-polled".to_owned(),
                text: "no poll returned a message, so nothing that was sent was seen".to_owned(),
                remedy: "assign the logs from their start at the end of the run, and poll until all is there"
                    .to_owned(),
            });
        }
        let mut notes: Vec<String> = Vec::new();
        let unseen = logs.unseen();
        if unseen > 0 {
            notes.push(format!(
                "{unseen} acknowledged messages were not polled by anybody; they lie above the last that was"
            ));
        }
        if logs.repeated > 0 {
            notes.push(format!(
                "{} messages were sent more than once, and could not be told apart",
                logs.repeated
            ));
        }
        notes.extend(
            allowed
                .iter()
                .map(|f| format!("allowed: {} ({} more)", f.title, f.more)),
        );
        if let Some(lag) = lag::worst(logs, history) {
            let behind = duration(Duration::from_nanos(lag.behind.0));
            let (key, Index(at)) = (logs.keys[lag.key as usize], lag.poll);
            notes.push(format!("the worst lag was {behind}: log {key}, call {at}"));
        }
        Verdict::Pass(evidence(
            [
                ("logs", logs.keys.len() as u64),
                ("acknowledged sends", logs.acknowledged),
                ("polled records", logs.polled),
                ("unseen messages", unseen),
                ("jumps of subscribed consumers, allowed", jumps),
            ],
            notes,
        ))
    }
}
