//! The checker `coverage`: whether the run looked where violations would show. It never fails: a run that injected no
//! fault, or did not read while one was in force, or not after the last was healed, passes nothing and is `unknown`.
//! O((n + f) log n) for n calls and f faults.
//!
//! A *window* is the time from a fault's certain injection to its healing. A read is in it if it overlaps it.

use std::{collections::BTreeSet, time::Duration};

use history::{
    Codec, History, Key, Nanos, Outcome, Register, RegisterCall, RegisterOp, fault::FaultSpan,
};

use crate::{Budget, Cause, Checker, Evidence, Verdict};

/// What to compare a history with.
pub struct Coverage<O: Codec> {
    is_read: fn(&O::Call) -> bool,
    asked: bool,
    faults: Vec<FaultSpan>,
    final_reads: Option<Nanos>,
    shortest: Duration,
}

impl Coverage<Register> {
    /// For registers.
    pub fn register() -> Self {
        Self::new(|call: &RegisterCall| call.op == RegisterOp::Read)
    }
}

impl<O: Codec> Coverage<O> {
    /// With what a read is. A function of the call, because millions are asked.
    pub fn new(is_read: fn(&O::Call) -> bool) -> Self {
        Self {
            is_read,
            asked: false,
            faults: Vec::new(),
            final_reads: None,
            shortest: Duration::from_millis(500),
        }
    }

    /// Faults were asked for, and these were planned.
    pub fn faults(mut self, faults: Vec<FaultSpan>) -> Self {
        self.asked = true;
        self.faults = faults;
        self
    }

    /// The workload promised to read every key from this moment on. Without this, final reads are not asked for.
    pub fn final_reads_from(mut self, start: Option<Nanos>) -> Self {
        self.final_reads = start;
        self
    }

    /// Windows shorter than this are not expected to contain a read. The default is half a second.
    pub fn shortest_window(mut self, shortest: Duration) -> Self {
        self.shortest = shortest;
        self
    }
}

impl<O: Codec> Checker<O> for Coverage<O> {
    fn name(&self) -> &str {
        "coverage"
    }

    fn decides(&self) -> String {
        "the run read while faults were in force, and read every key after they were healed"
            .to_owned()
    }

    fn limits(&self) -> &'static str {
        "never fails: a run that did not look where violations would show is unknown"
    }

    fn check(&self, history: &History<O>, _: Budget) -> Verdict {
        match self.judge(history) {
            Ok(evidence) => Verdict::Pass(evidence),
            Err((code, text, remedy)) => Verdict::Unknown(Cause {
                code: format!("coverage/{code}"),
                text,
                remedy: remedy.to_owned(),
            }),
        }
    }
}

type Gap = (&'static str, String, &'static str);

/// The starts and the ends of reads, each sorted.
struct Reads {
    starts: Vec<Nanos>,
    ends: Vec<Nanos>,
}

impl Reads {
    fn new(reads: &[(Nanos, Nanos)]) -> Self {
        let (mut starts, mut ends): (Vec<_>, Vec<_>) = reads.iter().copied().unzip();
        starts.sort_unstable();
        ends.sort_unstable();
        Self { starts, ends }
    }

    /// How many overlap a window: those that began by its end, without those that ended before it. A window that ends
    /// before it begins, since nothing was recorded after its fault was injected, is taken as that moment.
    fn overlapping(&self, from: Nanos, until: Nanos) -> u64 {
        let until = until.max(from);
        let begun = self.starts.partition_point(|start| *start <= until);
        let over = self.ends.partition_point(|end| *end < from);
        (begun - over) as u64
    }
}

impl<O: Codec> Coverage<O> {
    fn judge(&self, history: &History<O>) -> Result<Evidence, Gap> {
        let reads: Vec<(Nanos, Nanos)> = history
            .spans()
            .iter()
            .filter(|span| matches!(span.outcome, Outcome::Ok(_)) && (self.is_read)(&span.call))
            .map(|span| (span.start, span.end.unwrap_or(span.start)))
            .collect();
        if reads.is_empty() {
            return Err((
                "no-reads",
                "no read succeeded, so nothing that happened was seen".to_owned(),
                "look at the errors of the reads, or add reads to the workload",
            ));
        }
        let mut evidence = Evidence {
            counts: vec![("ok reads".to_owned(), reads.len() as u64)],
            notes: Vec::new(),
        };
        if self.asked {
            self.judge_faults(&reads, history, &mut evidence)?;
        }
        if let Some(start) = self.final_reads {
            self.judge_final_reads(start, history, &mut evidence)?;
        }
        Ok(evidence)
    }

    fn judge_faults(
        &self,
        reads: &[(Nanos, Nanos)],
        history: &History<O>,
        evidence: &mut Evidence,
    ) -> Result<(), Gap> {
        let count = |f: fn(&&FaultSpan) -> bool| self.faults.iter().filter(f).count() as u64;
        let injected = count(|f| f.injected.is_some());
        let verified = count(|f| f.took_effect());
        for (what, n) in [
            ("faults planned", self.faults.len() as u64),
            ("faults injected", injected),
            ("faults verified", verified),
            (
                "faults healed",
                count(|f| f.injected.is_some() && f.healed.is_some()),
            ),
        ] {
            evidence.counts.push((what.to_owned(), n));
        }
        if injected == 0 {
            return Err((
                "no-faults",
                format!(
                    "faults were asked for, {} were planned, and none was injected",
                    self.faults.len()
                ),
                "raise --time above the interval of the faults, or look at the faults' errors",
            ));
        }
        if verified == 0 {
            return Err((
                "no-fault-took-effect",
                format!("{injected} faults were injected, and no probe saw any of them bite"),
                "look at the probes in the fault table; the nodes may lack a tool or a privilege",
            ));
        }
        let last = history.spans().last().map_or(Nanos(0), |span| {
            span.end.unwrap_or(span.start).max(span.start)
        });
        let reads = Reads::new(reads);
        let (mut inside, mut judged) = (0, 0);
        for fault in self.faults.iter().filter(|f| f.took_effect()) {
            let from = fault.injected.unwrap_or(fault.began);
            let until = fault.healed.unwrap_or(last);
            let n = reads.overlapping(from, until);
            let what = format!("{} {} ({from}–{until})", fault.kind, fault.what);
            evidence.counts.push((format!("reads during {what}"), n));
            if until.since(from) < self.shortest {
                evidence.notes.push(format!("too short to judge: {what}"));
                continue;
            }
            judged += 1;
            inside += n;
            if n == 0 {
                evidence
                    .notes
                    .push(format!("no read succeeded during {what}"));
            }
        }
        if judged > 0 && inside == 0 {
            return Err((
                "no-reads-during-fault",
                format!(
                    "{verified} faults took effect, and no read succeeded while one was in force"
                ),
                "raise --time to 60s or more, or let faults last shorter and come less often",
            ));
        }
        Ok(())
    }

    fn judge_final_reads(
        &self,
        start: Nanos,
        history: &History<O>,
        evidence: &mut Evidence,
    ) -> Result<(), Gap> {
        let mut keys: BTreeSet<&Key> = BTreeSet::new();
        let mut read: BTreeSet<&Key> = BTreeSet::new();
        let mut last: Option<&Key> = None;
        let mut reads = 0u64;
        for span in history.spans() {
            let key = O::key(&span.call);
            if key != last {
                keys.extend(key);
                last = key;
            }
            let ok = matches!(span.outcome, Outcome::Ok(_));
            if ok && span.start >= start && (self.is_read)(&span.call) {
                reads += 1;
                read.extend(key);
            }
        }
        let remedy = "raise the time limit of the final phase; if the nodes do not recover, that is a finding of its own";
        if reads == 0 {
            return Err((
                "no-final-reads",
                format!("no read succeeded from {start} on, after all faults were healed"),
                remedy,
            ));
        }
        let missed: Vec<&Key> = keys.difference(&read).copied().collect();
        if let Some(first) = missed.first() {
            return Err((
                "final-reads-missed-keys",
                format!(
                    "{} of {} keys were not read at the end, key {first} among them",
                    missed.len(),
                    keys.len()
                ),
                remedy,
            ));
        }
        evidence.counts.push(("final reads".to_owned(), reads));
        evidence
            .counts
            .push(("keys read at the end".to_owned(), read.len() as u64));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::oracle::cases;

    #[test]
    fn reads_in_a_window_are_those_that_overlap_it() {
        let mut rng = Pcg64Mcg::seed_from_u64(1);
        for _ in 0..cases(2000) {
            let mut interval = |lengths| {
                let start = rng.random_range(0..40u64);
                (Nanos(start), Nanos(start + rng.random_range(0..lengths)))
            };
            let reads: Vec<_> = (0..12).map(|_| interval(10)).collect();
            let (from, until) = interval(20);
            let naive = reads
                .iter()
                .filter(|(start, end)| *start <= until && *end >= from);
            let counted = Reads::new(&reads).overlapping(from, until);
            assert_eq!(
                counted,
                naive.count() as u64,
                "{reads:?} in {from:?}-{until:?}"
            );
        }
    }
}
