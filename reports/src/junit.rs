//! `junit.xml`: one suite a case, one test case a checker, so that dashboards chart properties.
//!
//! A violation is a `failure`. What broke before it could be judged is an `error` of its class. No conclusion is an `error` of
//! type `inconclusive`, or a skip where the user said that `unknown` may pass. A violation is never flaky.
//!
//! What broke and was run again is a `rerunError` of a test case of its own, `run`: it is the run that was made again, not
//! what a checker said. It is never `flaky`: that word is for failures that may be passed over.
//!
//! There is no one schema. What is written here is valid by both that are in use, Ant's and Jenkins': so the totals are on
//! the suites and not on their root, `system-err` is always there, and a test case has one outcome at most. Ant's knows no
//! reruns; where there is one, the document is valid by Jenkins' alone.

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};

use crate::{
    Broken, CheckView, Conclusion, FindingView, Report, Told,
    text::{self, Style},
};

/// What an `unknown` verdict is to the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUnknown {
    /// An error: someone has to look.
    Error,
    /// Skipped.
    Skip,
}

/// A run, and the files that its suite names: Jenkins and GitLab link to them, relative to their workspace.
#[derive(Debug, Clone)]
pub struct Suite<'a> {
    /// The run.
    pub run: Told<'a>,
    /// The files.
    pub attachments: Vec<String>,
    /// What broke before, and was run again for it.
    pub reruns: Vec<Rerun<'a>>,
}

/// A run that broke, and was made again.
#[derive(Debug, Clone, Copy)]
pub struct Rerun<'a> {
    /// Its run, if it came so far.
    pub run: Option<&'a str>,
    /// What broke.
    pub why: &'a str,
}

/// The most that `system-out` may be, in bytes.
pub const MAX_OUT: usize = 64 * 1024;
/// How many findings one `failure` tells in full.
const MAX_FINDINGS: usize = 20;
/// The longest path of an attachment.
const MAX_PATH: usize = 4_096;

/// Of one run that was judged.
pub fn document(report: &Report, on_unknown: OnUnknown, attachments: &[&str]) -> String {
    let attachments = attachments.iter().map(|path| (*path).to_owned()).collect();
    let run = Told::Judged(report);
    let suite = Suite {
        run,
        attachments,
        reruns: Vec::new(),
    };
    documents(&[suite], on_unknown)
}

/// Of many runs, a suite each, in the order in which they are given.
pub fn documents(suites: &[Suite<'_>], on_unknown: OnUnknown) -> String {
    let mut xml = Xml(Writer::new_with_indent(Vec::new(), b' ', 2));
    xml.event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
    xml.open("testsuites", &[]);
    for (id, suite) in suites.iter().enumerate() {
        test_suite(&mut xml, id, suite, on_unknown);
    }
    xml.close("testsuites");
    xml.finish()
}

fn test_suite(xml: &mut Xml, id: usize, suite: &Suite<'_>, on_unknown: OnUnknown) {
    let meta = suite.run.meta();
    let mut cases = match suite.run {
        Told::Judged(report) => cases(report),
        Told::Broken(broken) => vec![of_broken(broken)],
    };
    if !suite.reruns.is_empty() {
        if let Told::Judged(report) = suite.run {
            cases.push(made_again(report));
        }
        // Of a run that broke again there is this one case.
        cases
            .iter_mut()
            .filter(|case| case.name == RUN)
            .for_each(|case| case.reruns.clone_from(&suite.reruns));
    }
    let number = |wanted: fn(&Outcome) -> bool| {
        let of = cases.iter().filter(|case| wanted(&case.outcome));
        of.count()
    };
    let unknown = number(|o| matches!(o, Outcome::Unknown));
    let (inconclusive, skipped) = match on_unknown {
        OnUnknown::Error => (unknown, 0),
        OnUnknown::Skip => (0, unknown),
    };
    let broken = number(|o| matches!(o, Outcome::Broken(_)));
    let mut attributes = vec![
        ("name", meta.case()),
        ("package", named(&meta.workload)),
        ("id", id.to_string()),
        ("tests", cases.len().to_string()),
        (
            "failures",
            number(|o| matches!(o, Outcome::Violated)).to_string(),
        ),
        ("errors", (inconclusive + broken).to_string()),
        ("skipped", skipped.to_string()),
        ("time", format!("{:.3}", meta.duration.as_secs_f64())),
    ];
    if let Some(started) = meta.started {
        let text = started.format("%Y-%m-%dT%H:%M:%S").to_string();
        attributes.push(("timestamp", text));
    }
    // What Ant writes where it does not know.
    let host = match meta.host.as_str() {
        "" => "localhost",
        host => host,
    };
    attributes.push(("hostname", host.to_owned()));
    xml.open("testsuite", &attributes);
    properties(xml, suite.run);
    for case in &cases {
        test_case(xml, suite.run, case, on_unknown);
    }
    xml.open("system-out", &[]);
    xml.text(&system_out(suite));
    xml.close("system-out");
    xml.empty("system-err", &[]);
    xml.close("testsuite");
}

/// A name must not be empty.
fn named(text: &str) -> String {
    match text {
        "" => "schism".to_owned(),
        text => text.to_owned(),
    }
}

/// One line of the dashboard.
struct Case<'a> {
    name: &'a str,
    outcome: Outcome,
    seconds: f64,
    findings: Vec<&'a FindingView>,
    because: String,
    reruns: Vec<Rerun<'a>>,
}

/// The case that is about the run as such.
const RUN: &str = "run";

/// How it came out.
enum Outcome {
    Passed,
    Violated,
    Unknown,
    /// Of this class.
    Broken(String),
}

impl From<Conclusion> for Outcome {
    fn from(conclusion: Conclusion) -> Self {
        match conclusion {
            Conclusion::Pass => Self::Passed,
            Conclusion::Fail => Self::Violated,
            Conclusion::Unknown => Self::Unknown,
        }
    }
}

fn of_broken(broken: &Broken) -> Case<'_> {
    Case {
        name: RUN,
        outcome: Outcome::Broken(broken.class.clone()),
        seconds: broken.meta.duration.as_secs_f64(),
        findings: Vec::new(),
        because: broken.why.clone(),
        reruns: Vec::new(),
    }
}

/// A run that came to its end after others that broke. Whether it found something, its checkers say.
fn made_again(report: &Report) -> Case<'_> {
    Case {
        name: RUN,
        outcome: Outcome::Passed,
        seconds: report.meta.duration.as_secs_f64(),
        findings: Vec::new(),
        because: String::new(),
        reruns: Vec::new(),
    }
}

fn cases(report: &Report) -> Vec<Case<'_>> {
    let of_check = |check: &CheckView| check.findings.clone();
    let mut cases: Vec<Case<'_>> = report
        .checks
        .iter()
        .map(|check| Case {
            name: &check.name,
            outcome: check.conclusion.into(),
            seconds: check.took.as_secs_f64(),
            findings: of_check(check)
                .into_iter()
                .filter_map(|n| report.findings.get(n - 1))
                .collect(),
            because: check.cause.as_ref().map_or_else(String::new, |c| {
                format!("{}: {} → {}", c.code, c.text, c.remedy)
            }),
            reruns: Vec::new(),
        })
        .collect();
    // A run that no checker found wanting may still prove nothing, and a dashboard must not show it green.
    let explained = report
        .checks
        .iter()
        .any(|c| c.conclusion == report.conclusion);
    if report.conclusion == Conclusion::Unknown && !explained {
        cases.push(Case {
            name: "complete",
            outcome: Outcome::Unknown,
            seconds: 0.0,
            findings: Vec::new(),
            because: report
                .causes
                .iter()
                .map(|c| format!("{}: {} → {}", c.code, c.text, c.remedy))
                .collect::<Vec<_>>()
                .join("\n"),
            reruns: Vec::new(),
        });
    }
    cases
}

fn properties(xml: &mut Xml, run: Told<'_>) {
    let meta = run.meta();
    let all = [
        ("run", Some(meta.run.clone())),
        ("verdict", Some(run.ending().word().to_owned())),
        ("seed", meta.seed.clone()),
        ("schism", Some(meta.schism.clone())),
        ("target", Some(meta.target.clone())),
        ("target-version", meta.target_version.clone()),
        ("interrupted", Some(meta.interrupted.to_string())),
    ];
    xml.open("properties", &[]);
    for (name, value) in all {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            xml.empty("property", &[("name", name.to_owned()), ("value", value)]);
        }
    }
    xml.close("properties");
}

fn test_case(xml: &mut Xml, run: Told<'_>, case: &Case<'_>, on_unknown: OnUnknown) {
    let meta = run.meta();
    let class = format!("{}.{}", named(&meta.workload), meta.faults_text());
    xml.open(
        "testcase",
        &[
            ("name", case.name.to_owned()),
            ("classname", class),
            ("time", format!("{:.3}", case.seconds)),
        ],
    );
    match &case.outcome {
        Outcome::Passed => {}
        Outcome::Violated => {
            let (kind, message) = case.findings.first().map_or_else(
                || ("violation".to_owned(), String::new()),
                |f| (f.finding.code.clone(), f.finding.title.clone()),
            );
            xml.open("failure", &[("type", kind), ("message", message)]);
            xml.text(&told(run, &case.findings));
            xml.close("failure");
        }
        Outcome::Broken(class) => {
            xml.open(
                "error",
                &[("type", class.clone()), ("message", case.because.clone())],
            );
            xml.text(&case.because);
            xml.close("error");
        }
        Outcome::Unknown => {
            let message = ("message", case.because.clone());
            match on_unknown {
                OnUnknown::Error => {
                    xml.empty("error", &[("type", "inconclusive".to_owned()), message]);
                }
                OnUnknown::Skip => xml.empty("skipped", &[message]),
            }
        }
    }
    for Rerun { run, why } in &case.reruns {
        let why = crate::escape::inert(why, crate::escape::PROSE);
        let message = match run {
            Some(run) => format!("{}: {why}", crate::escape::inert(run, MAX_PATH)),
            None => why,
        };
        let kind = ("type", "infrastructure".to_owned());
        xml.empty("rerunError", &[kind, ("message", message)]);
    }
    xml.close("testcase");
}

/// Findings as a person reads them.
fn told(run: Told<'_>, findings: &[&FindingView]) -> String {
    let Told::Judged(report) = run else {
        return String::new();
    };
    let shown = findings.iter().take(MAX_FINDINGS);
    let mut body: Vec<String> = shown
        .filter_map(|f| text::card(report, f.number, Style::PLAIN))
        .collect();
    let more = findings.len().saturating_sub(MAX_FINDINGS);
    if more > 0 {
        body.push(format!("and {more} more\n"));
    }
    body.join("\n")
}

/// The summary, cut where it must be, and then the attachments, which must not be cut.
fn system_out(suite: &Suite<'_>) -> String {
    const CUT: &str = "\n… cut; the report has all\n";
    let mut attached = String::new();
    for path in &suite.attachments {
        let line = format!("[[ATTACHMENT|{}]]\n", crate::escape::inert(path, MAX_PATH));
        if attached.len() + line.len() < MAX_OUT / 2 {
            attached.push_str(&line);
        }
    }
    let mut out = match suite.run {
        Told::Judged(report) => text::summary(report, Style::PLAIN, &[]),
        Told::Broken(broken) => format!("{}: {}\n", broken.class, broken.why),
    };
    let room = MAX_OUT - attached.len();
    if out.len() > room {
        let cut = (0..=room - CUT.len()).rev();
        let cut = cut.into_iter().find(|i| out.is_char_boundary(*i));
        out.truncate(cut.unwrap_or(0));
        out.push_str(CUT);
    }
    out + &attached
}

/// Writes to memory, which cannot fail.
struct Xml(Writer<Vec<u8>>);

impl Xml {
    fn event(&mut self, event: Event<'_>) {
        self.0
            .write_event(event)
            .expect("writing to memory cannot fail");
    }

    fn start<'a>(name: &'a str, attributes: &[(&str, String)]) -> BytesStart<'a> {
        let mut start = BytesStart::new(name);
        for (key, value) in attributes {
            start.push_attribute((*key, legal(value).as_str()));
        }
        start
    }

    fn open(&mut self, name: &str, attributes: &[(&str, String)]) {
        self.event(Event::Start(Self::start(name, attributes)));
    }

    fn empty(&mut self, name: &str, attributes: &[(&str, String)]) {
        self.event(Event::Empty(Self::start(name, attributes)));
    }

    fn text(&mut self, text: &str) {
        self.event(Event::Text(BytesText::new(&legal(text))));
    }

    fn close(&mut self, name: &str) {
        self.event(Event::End(BytesEnd::new(name)));
    }

    fn finish(self) -> String {
        let mut text = String::from_utf8(self.0.into_inner()).expect("only strings were written");
        text.push('\n');
        text
    }
}

/// Without the characters that XML 1.0 §2.2 cannot carry, not even escaped.
fn legal(text: &str) -> String {
    text.chars()
        .filter(|c| {
            matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
        })
        .collect()
}
