//! The checker `isolation`: whether a history of transactions shows an anomaly that a level excludes; and which levels it
//! violates at all.

use history::{History, Txn, foreign::Start};
use rayon::prelude::*;

use super::{
    Anomaly, Level,
    append::Lists,
    cycles::{self, Cycles},
    explain::Teller,
    fractured::{self, Versions},
    graph::Graph,
    incident::{HUB, Incidents, Part},
    order,
    register::{Assumed, Registers},
    shrink::{Witness, shrink},
    table::{Fate, Kind, Table, What},
    views::{self, Breach},
};
use crate::{Budget, Cause, Checker, Evidence, Finding, Verdict};

/// What part of the budget the search for one class of cycles in one component may spend.
const SHARE: u64 = 50;
/// How many keys are judged by one task.
const KEYS: usize = 256;

/// Judges transactions against a level.
#[derive(Debug, Clone, Copy)]
pub struct Isolation {
    expected: Level,
    assumed: Assumed,
}

/// An anomaly with its proof.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Which.
    pub anomaly: Anomaly,
    /// Its clearest instance; its property is the weakest level that excludes it.
    pub finding: Finding,
}

/// Everything that can be said about a history of transactions.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// What was found, the worst first.
    pub found: Vec<Found>,
    /// Anomalies that the budget did not suffice to look for.
    pub undecided: Vec<Anomaly>,
    /// The weakest levels that are violated.
    pub violated: Vec<Level>,
    /// The strongest levels of which no violation was found.
    pub unviolated: Vec<Level>,
    /// What was looked at.
    pub evidence: Evidence,
    /// How many reads of committed transactions there were.
    pub reads: u64,
    /// How many keys were used both as lists and as registers, and so not judged.
    pub mixed: u64,
}

/// What was seen of a history.
pub(super) struct Survey {
    pub(super) incidents: Incidents,
    pub(super) versions: Versions,
    pub(super) cycles: Cycles,
    pub(super) breaches: Vec<Breach>,
    /// Of each transaction whether it certainly committed.
    committed: Vec<bool>,
    ambiguous: u64,
    edges: usize,
}

impl Isolation {
    /// Expects a level.
    pub fn expecting(expected: Level) -> Self {
        Self {
            expected,
            assumed: Assumed::default(),
        }
    }

    /// Takes for granted, at every level, that what a process wrote or saw in a register comes before what it writes to it
    /// later. Without this, it is only part of levels with sessions.
    pub fn assume_sequential_keys(mut self) -> Self {
        self.assumed.sequential_keys = true;
        self
    }

    /// Takes for granted, at every level, that each register is linearizable for itself. Without this, it is only part of
    /// levels with real time.
    pub fn assume_linearizable_keys(mut self) -> Self {
        self.assumed.linearizable_keys = true;
        self
    }

    /// Takes from the record no more than the order of each session: what stands before what in different ones means
    /// nothing. Levels with real time are then not judged. For formats without it, such as Plume's.
    pub fn without_real_time(mut self) -> Self {
        self.assumed.no_real_time = true;
        self
    }

    /// What registers hold at first: nothing, unless told otherwise.
    pub fn starting(mut self, start: Start) -> Self {
        self.assumed.start = start;
        self
    }

    /// Judges against all levels at once.
    pub fn judge(&self, history: &History<Txn>, budget: Budget) -> Judgement {
        let table = Table::new(history);
        let survey = self.survey(&table, budget.steps / SHARE);
        let mut judgement = self.conclude(&table, &survey);
        judgement.count(&table, &survey, self.assumed);
        judgement
    }

    /// Everything that is wrong, not yet in words. `steps` bounds the work of each search for cycles.
    pub(super) fn survey(&self, table: &Table<'_>, steps: u64) -> Survey {
        let mut parts = self.keys(table);
        let (mut incidents, mut versions) = (Incidents::default(), Versions::new(table.size()));
        let mut committed: Vec<bool> = table.fates.iter().map(|f| *f == Fate::Ok).collect();
        let mut ambiguous = 0;
        let mut nodes = table.len() as u32;
        for part in &mut parts {
            versions.add(&std::mem::take(&mut part.versions));
            incidents.merge(std::mem::take(&mut part.incidents));
            part.seen
                .iter()
                .for_each(|txn| committed[*txn as usize] = true);
            ambiguous += part.ambiguous;
            for edge in &mut part.edges {
                for end in [&mut edge.from, &mut edge.to] {
                    if *end & HUB != 0 {
                        *end = nodes + (*end & !HUB);
                    }
                }
            }
            nodes += part.hubs;
        }
        let mut orders = Vec::new();
        order::processes(table, &committed, &mut orders);
        if !self.assumed.no_real_time {
            nodes += order::realtime(table, &committed, nodes, &mut orders);
        }
        let graph = {
            // An info transaction that nobody saw need not have happened.
            let there = |node: u32| committed.get(node as usize).is_none_or(|there| *there);
            let edges = parts.iter().flat_map(|part| &part.edges).chain(&orders);
            Graph::new(table.len() as u32, nodes, edges, |edge| {
                there(edge.from) && there(edge.to)
            })
        };
        drop((parts, orders));
        let seen = views::Seen {
            table,
            versions: &versions,
            committed: &committed,
            graph: &graph,
        };
        let (cycles, ought) = rayon::join(
            || {
                fractured::find(table, &versions, &mut incidents);
                cycles::search(&graph, steps, |txn| table.fate(txn) == Fate::Ok)
            },
            || views::Ought::of_registers(&seen),
        );
        let mut shown = incidents
            .0
            .iter()
            .map(|(i, _)| i.anomaly)
            .collect::<Vec<_>>();
        shown.extend(cycles.found.iter().map(|cycle| cycle.anomaly));
        let known = |level: Level| shown.iter().any(|anomaly| anomaly.excluded_by(level));
        let cyclic = cycles.components > 0;
        let breaches = views::find(&seen, ought, cyclic, steps, &known);
        Survey {
            incidents,
            versions,
            cycles,
            breaches,
            committed,
            ambiguous,
            edges: graph.edges(),
        }
    }

    /// What the keys tell, each for itself.
    fn keys(&self, table: &Table<'_>) -> Vec<Part> {
        let keys: Vec<u32> = (0..table.keys.len() as u32).collect();
        let judge = |keys: &[u32]| {
            let (mut part, mut lists, mut registers) =
                (Part::default(), Lists::default(), Registers::default());
            for key in keys {
                match table.kinds[*key as usize] {
                    Kind::List => lists.judge(table, *key, &mut part),
                    Kind::Register => registers.judge(table, *key, self.assumed, &mut part),
                    Kind::Unknown | Kind::Mixed => {}
                }
            }
            part
        };
        match keys.len() <= KEYS {
            true => vec![judge(&keys)],
            false => keys.par_chunks(KEYS).map(judge).collect(),
        }
    }

    /// Everything that was found, each with the smallest witness, in words.
    fn conclude(&self, table: &Table<'_>, survey: &Survey) -> Judgement {
        let (versions, cycles) = (&survey.versions, &survey.cycles);
        let teller = Teller { table, versions };
        let smallest = |anomaly, core: &[u32]| shrink(self, table, versions, anomaly, core);
        let incidents = survey.incidents.0.iter().map(|(incident, more)| {
            let witness = smallest(incident.anomaly, &incident.txns);
            let minimal = witness.is_some();
            let witness = witness.unwrap_or_else(|| Witness::incident(incident));
            (incident.anomaly, teller.tell(&witness, minimal, *more))
        });
        let cycled = cycles.found.iter().map(|cycle| {
            let core: Vec<u32> = cycle.edges.iter().map(|edge| edge.0).collect();
            let witness = smallest(cycle.anomaly, &core);
            let minimal = witness.is_some();
            let witness = witness.unwrap_or_else(|| Witness::cycle(&cycle.edges));
            (cycle.anomaly, teller.tell(&witness, minimal, cycle.more))
        });
        let viewed = survey.breaches.iter().map(|breach| {
            let anomaly = Anomaly::View(breach.view);
            let witness = smallest(anomaly, &breach.txns());
            let minimal = witness.is_some();
            let witness = witness.unwrap_or_else(|| Witness::breach(breach));
            (anomaly, teller.tell(&witness, minimal, breach.more))
        });
        let found = incidents.chain(cycled).chain(viewed);
        let found = found.map(|(anomaly, finding)| Found { anomaly, finding });
        let mut found: Vec<Found> = found.collect();
        found.sort_by_key(|found| found.anomaly);
        let (bad, good): (Vec<Level>, Vec<Level>) = Level::ALL
            .into_iter()
            .partition(|level| found.iter().any(|f| f.anomaly.excluded_by(*level)));
        let decided = |level: &Level| !cycles.undecided.iter().any(|a| a.excluded_by(*level));
        let told = |level: &Level| !self.assumed.no_real_time || !level.needs_real_time();
        let good = good
            .into_iter()
            .filter(|level| decided(level) && told(level));
        let good: Vec<Level> = good.collect();
        Judgement {
            violated: Level::weakest(&bad),
            unviolated: Level::strongest(&good),
            found,
            undecided: cycles.undecided.clone(),
            evidence: Evidence::default(),
            reads: 0,
            mixed: 0,
        }
    }
}

impl Judgement {
    fn count(&mut self, table: &Table<'_>, survey: &Survey, assumed: Assumed) {
        let ambiguous = survey.ambiguous;
        let fates = |fate| table.fates.iter().filter(|f| **f == fate).count() as u64;
        let seen = table.fates.iter().zip(&survey.committed);
        let seen = seen.filter(|(fate, there)| **fate == Fate::Info && **there);
        let steps = (0..table.size() as u32).map(|at| table.step(at).what);
        self.reads = steps.filter(|w| matches!(w, What::Read(_))).count() as u64;
        self.mixed = table.kinds.iter().filter(|k| **k == Kind::Mixed).count() as u64;
        let counts = [
            ("ok transactions", fates(Fate::Ok)),
            ("reads", self.reads),
            ("fail", fates(Fate::Fail)),
            ("info", fates(Fate::Info)),
            ("info whose writes were seen", seen.count() as u64),
            ("keys", table.keys.len() as u64),
            ("edges", survey.edges as u64),
        ];
        self.evidence.counts = counts.map(|(what, n)| (what.to_owned(), n)).to_vec();
        let mut notes = Vec::new();
        if ambiguous > 0 {
            notes.push(format!(
                "{ambiguous} values were written to a key more than once; what was read of them proves nothing"
            ));
        }
        if table.kinds.contains(&Kind::Register) {
            notes.push("the order of a register's versions was used as far as it is certain; an order that no read shows cannot be judged".to_owned());
        }
        if assumed.start == Start::Unknown && table.kinds.contains(&Kind::Register) {
            notes.push(format!("assumed: {}", assumed.start));
        }
        for (given, name) in [
            (assumed.sequential_keys, "sequential"),
            (assumed.linearizable_keys, "linearizable"),
        ] {
            if given {
                notes.push(format!(
                    "assumed as asked: each register is {name} for itself"
                ));
            }
        }
        for found in &self.found {
            let entry = found.anomaly.entry();
            notes.push(format!(
                "found {} ({}), which {} excludes",
                entry.code,
                entry.name,
                list(entry.excluded_by, "or")
            ));
        }
        if !self.violated.is_empty() {
            notes.push(format!(
                "the weakest violated: {}",
                list(&self.violated, "and")
            ));
        }
        if !self.unviolated.is_empty() {
            notes.push(format!(
                "the strongest with no violation found: {}",
                list(&self.unviolated, "and")
            ));
        }
        self.evidence.notes = notes;
    }

    /// Whether a level is violated.
    pub fn violates(&self, level: Level) -> bool {
        self.violated.iter().any(|weakest| level.implies(*weakest))
    }

    /// The strongest of [`Level::WEAK`] of which no violation was found.
    pub fn strongest_weak(&self) -> Option<Level> {
        let good = |level: &Level| !self.violates(*level);
        Level::WEAK.into_iter().rfind(good)
    }

    /// The verdict about a level.
    pub fn verdict(&self, expected: Level) -> Verdict {
        let excluded = |found: &&Found| found.anomaly.excluded_by(expected);
        let findings: Vec<Finding> = self
            .found
            .iter()
            .filter(excluded)
            .map(|found| {
                let mut finding = found.finding.clone();
                finding.property = expected.name().to_owned();
                finding
            })
            .collect();
        if let [first, ..] = findings.as_slice() {
            let mut findings = findings.clone();
            findings[0].explanation = format!("{} {}", first.explanation, self.levels());
            return Verdict::Fail(findings);
        }
        let unknown = |code: &str, text: String, remedy: &str| {
            Verdict::Unknown(Cause {
                code: code.to_owned(),
                text,
                remedy: remedy.to_owned(),
            })
        };
        if let Some(anomaly) = self.undecided.iter().find(|a| a.excluded_by(expected)) {
            return unknown(
                "budget/search",
                format!("the search for {} gave up", anomaly.entry().code),
                "raise --budget, or judge a part of the history",
            );
        }
        if self.mixed > 0 {
            return unknown(
                "isolation/mixed-keys",
                format!("{} keys were used as lists and as registers", self.mixed),
                "use each key with append and r, or with w and r",
            );
        }
        if self.reads == 0 {
            return unknown(
                "isolation/nothing-read",
                "no transaction that read anything succeeded".to_owned(),
                "look at the errors of the transactions, or add reads to the workload",
            );
        }
        Verdict::Pass(self.evidence.clone())
    }

    /// Which levels are violated and which not, in a sentence or two.
    fn levels(&self) -> String {
        let violated = list(&self.violated, "and");
        match self.unviolated.is_empty() {
            true => format!("In all, this history violates {violated} and every stronger level."),
            false => format!(
                "In all, this history violates {violated} and every stronger level; no violation was found of {}.",
                list(&self.unviolated, "or")
            ),
        }
    }
}

/// `a, b and c`.
fn list(levels: &[Level], last: &str) -> String {
    let names: Vec<String> = levels.iter().map(Level::to_string).collect();
    match names.split_last() {
        None => "no level".to_owned(),
        Some((only, [])) => only.clone(),
        Some((end, front)) => format!("{} {last} {end}", front.join(", ")),
    }
}

impl Checker<Txn> for Isolation {
    fn name(&self) -> &str {
        "isolation"
    }

    fn decides(&self) -> String {
        format!(
            "the transactions show no anomaly that {} excludes",
            self.expected
        )
    }

    fn limits(&self) -> &'static str {
        "sound; for lists complete at serializable, strict-serializable and read-committed; for registers some violations of \
         serializability go unseen"
    }

    fn check(&self, history: &History<Txn>, budget: Budget) -> Verdict {
        self.judge(history, budget).verdict(self.expected)
    }
}
