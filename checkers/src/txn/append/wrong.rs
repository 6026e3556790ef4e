//! What is wrong with the reads of one list without any cycle: those that contradict the order, those that show a
//! transaction in part or its own future, and updates that two made of one version.

use super::{
    super::{
        Anomaly,
        incident::Part,
        table::{Fate, Table, What},
    },
    Lists, Read, Writer,
};

impl<'h> Lists<'h> {
    /// Of each read whether it contradicts the order; and what is wrong with those that do.
    pub(super) fn stray(
        &mut self,
        table: &Table<'h>,
        key: u32,
        longest: Option<Read<'h>>,
        part: &mut Part,
    ) -> Vec<bool> {
        let mut strays = vec![false; self.reads.len()];
        let reads = self.reads.iter().zip(&mut strays);
        let strayed = reads.filter_map(|(read, stray)| {
            let longest = longest?;
            *stray = !longest.list.starts_with(read.list);
            stray.then(|| {
                part.incidents
                    .note(Anomaly::IncompatibleOrder, key, 0, &[longest.txn, read.txn]);
                *read
            })
        });
        let strayed: Vec<Read<'h>> = strayed.collect();
        for read in &self.broken {
            let mut own = self.own(table, read, true);
            if let Some((_, value)) = own.find(|(a, _)| *a == Anomaly::FutureRead) {
                part.incidents
                    .note(Anomaly::FutureRead, key, value, &[read.txn]);
            }
        }
        for read in strayed.iter().chain(&self.broken) {
            for (i, value) in read.list.iter().enumerate() {
                let writer = self.writers.get(value).filter(|w| !w.ambiguous);
                let writer = writer.filter(|w| table.fate(w.txn) != Fate::Fail);
                let earlier = writer.and_then(|w| self.earlier(table, key, *w));
                // As a rule it is where it should be.
                let there = |v| i > 0 && read.list[i - 1] == v || read.list[..i].contains(&v);
                if let (Some(writer), Some((earlier, _))) = (writer, earlier)
                    && !there(earlier)
                {
                    let who = [writer.txn, read.txn];
                    part.incidents.note(Anomaly::TornAppends, key, *value, &who);
                }
            }
            let mut sorted = read.list.to_vec();
            sorted.sort_unstable();
            for same in sorted.chunk_by(|a, b| a == b) {
                let Some(writer) = self.writers.get_mut(&same[0]) else {
                    part.incidents
                        .note(Anomaly::GarbageRead, key, same[0], &[read.txn]);
                    continue;
                };
                writer.stray = true;
                if writer.ambiguous {
                    continue;
                }
                let who = [writer.txn, read.txn];
                if same.len() > 1 {
                    part.incidents
                        .note(Anomaly::DuplicateElements, key, same[0], &who);
                }
                match table.fate(writer.txn) {
                    Fate::Fail => part
                        .incidents
                        .note(Anomaly::AbortedRead, key, same[0], &who),
                    _ => part.seen.push(writer.txn),
                }
            }
        }
        strays
    }

    /// What the same transaction appended to the same list just before.
    pub(super) fn earlier(
        &self,
        table: &Table<'h>,
        key: u32,
        writer: Writer,
    ) -> Option<(i64, &Writer)> {
        let before = table.range(writer.txn).start as u32..writer.step;
        let earlier = before.rev().find_map(|at| match table.step(at) {
            step if step.key != key => None,
            step => match step.what {
                What::Write(value) => Some(value),
                What::Read(_) | What::Unread => None,
            },
        });
        let (value, writer) = self.writers.get_key_value(&earlier?)?;
        (!writer.ambiguous).then_some((*value, writer))
    }

    /// What a read saw of its own transaction, beyond the appends at its end that were taken off: something that is
    /// appended only later, or something twice.
    pub(super) fn own(
        &self,
        table: &Table<'h>,
        read: &Read<'h>,
        stray: bool,
    ) -> impl Iterator<Item = (Anomaly, i64)> {
        let key = table.step(read.step).key;
        table.steps(read.txn).filter_map(move |(at, step)| {
            let What::Write(value) = step.what else {
                return None;
            };
            let writer = self.writers.get(&value).filter(|_| step.key == key)?;
            let saw = match stray {
                true => read.list.contains(&value),
                false => (1..=read.list.len()).contains(&(writer.place as usize)),
            };
            let anomaly = match at > read.step {
                true => Anomaly::FutureRead,
                false => Anomaly::DuplicateElements,
            };
            (saw && !writer.ambiguous).then_some((anomaly, value))
        })
    }

    pub(super) fn lost_updates(&self, key: u32, order: &[i64], strays: &[bool], part: &mut Part) {
        let mut updates: Vec<(usize, u32)> = self
            .reads
            .iter()
            .zip(strays)
            .filter(|(read, stray)| read.updates && !**stray)
            .map(|(read, _)| (read.list.len(), read.txn))
            .collect();
        updates.sort_unstable();
        updates.dedup();
        for pair in updates.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            let version = pair[0].0.checked_sub(1).map_or(0, |i| order[i]);
            part.incidents
                .note(Anomaly::LostUpdate, key, version, &[pair[0].1, pair[1].1]);
        }
    }
}
