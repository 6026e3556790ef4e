//! A finding as the report tells it: the words of the checker, the calls that prove it, the faults of that moment.

use checkers::Finding;
use history::{Codec, History, Index, Key, Nanos, Outcome, Span};
use serde::Serialize;

use crate::{
    Counts, Doubt, FaultView, OutcomeKind, RunMeta, doubt,
    escape::{PROSE, VALUE, inert},
    models::{Family, known, words},
};

/// One call of a proof.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpRow {
    /// Index of its invocation in the record.
    pub index: u32,
    /// Who asked.
    pub process: u32,
    /// Which node; `?` if not known.
    pub node: String,
    /// What was asked and answered: `read 17 → 88`.
    pub text: String,
    /// How it ended.
    pub outcome: OutcomeKind,
    /// Why it did not end well; empty for `ok`.
    pub reason: String,
    /// When it was sent.
    pub start: Nanos,
    /// When it ended, if it did.
    pub end: Option<Nanos>,
    /// Whether its times are known.
    pub timed: bool,
}

impl OpRow {
    pub(crate) fn new<O: Codec>(history: &History<O>, span: &Span<O>, timed: bool) -> Self {
        let (text, reason) = match &span.outcome {
            Outcome::Ok(ret) => (O::describe(&span.call, ret), String::new()),
            Outcome::Fail(reason) | Outcome::Info(reason) => {
                (O::describe_call(&span.call), reason.to_string())
            }
        };
        Self {
            index: span.invoked.0,
            process: span.process.0,
            node: inert(history.node_name(span), VALUE),
            text: inert(&text, VALUE),
            outcome: OutcomeKind::of(&span.outcome),
            reason: inert(&reason, VALUE),
            start: span.start,
            end: span.end,
            timed,
        }
    }

    /// `0:31.198–0:31.204`; open where the end was never seen; nothing where no time is known.
    pub fn when(&self) -> String {
        match self.end {
            _ if !self.timed => String::new(),
            Some(end) => format!("{}–{end}", self.start),
            None => format!("{}–…", self.start),
        }
    }
}

/// A fault that may have been in force during a finding.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct During {
    /// Its place in the table of faults, from 1.
    pub number: usize,
    /// `partition {n1 n2} | {n3 n4 n5}`.
    pub label: String,
    /// Whether it was seen to bite.
    pub verified: bool,
    /// The label with the proof, and what it meant for the nodes of the witness, in sentences.
    pub sentence: String,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FindingView {
    /// Its number in this report, from 1.
    pub number: usize,
    /// The checker's words; all text in it is inert.
    pub finding: Finding,
    /// From when until when, in a sentence.
    pub when: String,
    /// The calls of the witness, in the order in which they were made.
    pub rows: Vec<OpRow>,
    /// Indices of the witness that the history does not have. A sound checker leaves none.
    pub missing: u64,
    /// Faults that may have been in force.
    pub during: Vec<During>,
    /// Could it be the test? Only lines that were computed to be true.
    pub doubts: Vec<Doubt>,
    /// Commands to see it again, each with what it does.
    pub again: Vec<(String, String)>,
    /// What is impossible because of it, and what it leaves open; names of models.
    pub models: Reach,
}

/// How far a finding reaches among the models of consistency.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Reach {
    /// The weakest models that it breaks.
    pub broken: Vec<String>,
    /// Stronger ones, which are impossible because of those.
    pub impossible: Vec<String>,
    /// The strongest models that it does not speak against.
    pub open: Vec<String>,
    /// What the anomaly is, where it is one of the catalogue of transactions.
    pub anomaly: Option<&'static str>,
    /// What usually causes it.
    pub causes: Option<&'static str>,
}

impl FindingView {
    pub(crate) fn new<O: Codec>(
        number: usize,
        finding: Finding,
        history: &History<O>,
        faults: &[FaultView],
        meta: &RunMeta,
        timed: bool,
    ) -> Self {
        let spans: Vec<&Span<O>> = finding
            .witness
            .iter()
            .filter_map(|i| lookup(history, *i))
            .collect();
        let rows: Vec<OpRow> = spans
            .iter()
            .map(|span| OpRow::new(history, span, timed))
            .collect();
        let mut nodes: Vec<String> = rows
            .iter()
            .map(|r| r.node.clone())
            .filter(|n| n != "?")
            .collect();
        nodes.sort_unstable();
        nodes.dedup();
        let during: Vec<During> = faults
            .iter()
            .enumerate()
            .filter(|(_, f)| f.span.overlaps(finding.from, finding.until))
            .map(|(i, f)| during(i + 1, f, &nodes))
            .collect();
        let doubts = doubt::examine(&finding, &spans, history, &during, meta, timed);
        let mut again = Vec::new();
        again.extend(meta.judging().map(|command| {
            let does = "judge the recorded history again; always the same verdict";
            (command, does.to_owned())
        }));
        again.extend(meta.showing(number).map(|command| {
            let does = "this finding in the terminal, every call of it";
            (command, does.to_owned())
        }));
        again.extend(rerun(meta));
        Self {
            number,
            when: when(&finding, during.is_empty() && !meta.imported, timed),
            missing: (finding.witness.len() - rows.len()) as u64,
            finding: clean(finding),
            rows,
            during,
            doubts,
            again,
            models: Reach::default(),
        }
    }

    /// Says how far it reaches.
    pub(crate) fn place(&mut self, family: Family) {
        let named = |models: Vec<&str>| models.into_iter().map(words).collect();
        let (broken, impossible) = family.broken(&self.finding);
        let known = match family {
            Family::Transactions => known(&self.finding),
            _ => None,
        };
        self.models = Reach {
            broken: named(broken),
            impossible: named(impossible),
            open: named(family.left_open(&self.finding)),
            anomaly: known.map(|k| k.0),
            causes: known.map(|k| k.1),
        };
    }

    /// `Minimal history: 3 of 82,114 calls.`
    pub fn size(&self, of: Counts) -> String {
        use crate::number::{count, grouped};
        let rows = self.rows.len() as u64 + self.missing;
        if self.finding.minimal {
            format!(
                "{} of {} are enough to prove it",
                count(rows, "call", "calls"),
                grouped(of.total())
            )
        } else {
            format!(
                "reduced to {} of {}, not minimal",
                count(rows, "call", "calls"),
                grouped(of.total())
            )
        }
    }
}

fn when(finding: &Finding, no_fault: bool, timed: bool) -> String {
    if !timed {
        return "The record has no times; its order is that of its events.".to_owned();
    }
    let (from, until) = (finding.from, finding.until);
    let fault = match no_fault {
        true => ". No fault was on record then.",
        false => ".",
    };
    let lasted = crate::number::span(until.since(from));
    format!("{from}–{until} ({lasted}){fault}")
}

/// The command that runs the same case with the same decisions, if it is known.
pub(crate) fn rerun(meta: &RunMeta) -> Option<(String, String)> {
    let seed = meta.seed.as_ref()?;
    if meta.argv.is_empty() {
        return None;
    }
    // One of the tries of `schism repro` or `schism shrink` is made again by its record, not by the command that made many.
    let tried = |arg: &String| arg == "repro" || arg == "shrink";
    if meta.argv.iter().skip(1).any(tried) {
        let does = "run it again with the faults that it recorded, and say how often this shows";
        return Some((format!("schism repro {}", meta.run), does.to_owned()));
    }
    let mut argv: Vec<&str> = vec!["schism"];
    argv.extend(meta.argv.iter().skip(1).map(String::as_str));
    if !argv
        .iter()
        .any(|a| *a == "--seed" || a.starts_with("--seed="))
    {
        argv.extend(["--seed", seed]);
    }
    let line = shlex::try_join(argv).ok()?;
    Some((
        line,
        "run it again with the same decisions; the system's own timing may differ".to_owned(),
    ))
}

/// The call with this invocation: spans are in the order of their indices.
pub(crate) fn lookup<O: Codec>(history: &History<O>, index: Index) -> Option<&Span<O>> {
    let spans = history.spans();
    spans
        .binary_search_by_key(&index, |s| s.invoked)
        .ok()
        .map(|at| &spans[at])
}

pub(crate) fn during(number: usize, fault: &FaultView, nodes: &[String]) -> During {
    let injected = match fault.span.injected {
        Some(at) => format!("injected {at}"),
        None => format!("tried at {}, it may have had an effect", fault.span.began),
    };
    let effect = fault.effect_on(nodes);
    let mut sentence = format!("{} ({injected}, {}).", fault.label, fault.verification());
    if !effect.is_empty() {
        sentence.push(' ');
        sentence.push_str(&effect);
    }
    During {
        number,
        label: fault.label.clone(),
        verified: fault.span.took_effect(),
        sentence,
    }
}

fn clean(mut f: Finding) -> Finding {
    f.code = inert(&f.code, VALUE);
    f.title = inert(&f.title, VALUE);
    f.property = inert(&f.property, VALUE);
    f.explanation = inert(&f.explanation, PROSE);
    f.confidence = inert(&f.confidence, VALUE);
    for step in &mut f.order {
        step.because = inert(&step.because, PROSE);
    }
    f.key = f.key.map(|k| match k {
        Key::Text(t) => Key::Text(inert(&t, VALUE).into()),
        int => int,
    });
    f
}
