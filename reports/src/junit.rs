//! `junit.xml`: one suite a case, one test case a checker, so that dashboards chart properties.
//!
//! A violation is a `failure`. No conclusion is an `error` of type `inconclusive`, or a skip where the user said that
//! `unknown` may pass. A violation is never flaky.

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};

use crate::{
    CheckView, Conclusion, FindingView, Report,
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

/// The most that `system-out` may be, in bytes.
const MAX_OUT: usize = 64 * 1024;
/// How many findings one `failure` tells in full.
const MAX_FINDINGS: usize = 20;

/// Renders it. `attachments` are paths that Jenkins and GitLab shall link to, relative to their workspace.
pub fn document(report: &Report, on_unknown: OnUnknown, attachments: &[&str]) -> String {
    let mut xml = Xml(Writer::new_with_indent(Vec::new(), b' ', 2));
    xml.event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
    let cases = cases(report);
    let number = |c: Conclusion| {
        cases
            .iter()
            .filter(|x| x.conclusion == c)
            .count()
            .to_string()
    };
    let (errors, skipped) = match on_unknown {
        OnUnknown::Error => (number(Conclusion::Unknown), "0".to_owned()),
        OnUnknown::Skip => ("0".to_owned(), number(Conclusion::Unknown)),
    };
    let seconds = format!("{:.3}", report.meta.duration.as_secs_f64());
    let totals = [
        ("tests", cases.len().to_string()),
        ("failures", number(Conclusion::Fail)),
        ("errors", errors),
        ("skipped", skipped),
        ("time", seconds),
    ];
    let mut suites = vec![("name", "schism".to_owned())];
    suites.extend(totals.clone());
    let mut suite = vec![("name", report.meta.case())];
    suite.extend(totals);
    if let Some(started) = report.meta.started {
        suite.push(("timestamp", started.format("%Y-%m-%dT%H:%M:%S").to_string()));
    }
    if !report.meta.host.is_empty() {
        suite.push(("hostname", report.meta.host.clone()));
    }
    xml.open("testsuites", &suites);
    xml.open("testsuite", &suite);
    properties(&mut xml, report);
    for case in &cases {
        test_case(&mut xml, report, case, on_unknown);
    }
    xml.open("system-out", &[]);
    xml.text(&system_out(report, attachments));
    xml.close("system-out");
    xml.close("testsuite");
    xml.close("testsuites");
    xml.finish()
}

/// One line of the dashboard.
struct Case<'a> {
    name: &'a str,
    conclusion: Conclusion,
    seconds: f64,
    findings: Vec<&'a FindingView>,
    because: String,
}

fn cases(report: &Report) -> Vec<Case<'_>> {
    let of_check = |check: &CheckView| check.findings.clone();
    let mut cases: Vec<Case<'_>> = report
        .checks
        .iter()
        .map(|check| Case {
            name: &check.name,
            conclusion: check.conclusion,
            seconds: check.took.as_secs_f64(),
            findings: of_check(check)
                .into_iter()
                .filter_map(|n| report.findings.get(n - 1))
                .collect(),
            because: check.cause.as_ref().map_or_else(String::new, |c| {
                format!("{}: {} → {}", c.code, c.text, c.remedy)
            }),
        })
        .collect();
    // A run that no checker found wanting may still prove nothing, and a dashboard must not show it green.
    let explained = cases.iter().any(|c| c.conclusion == report.conclusion);
    if report.conclusion == Conclusion::Unknown && !explained {
        cases.push(Case {
            name: "complete",
            conclusion: Conclusion::Unknown,
            seconds: 0.0,
            findings: Vec::new(),
            because: report
                .causes
                .iter()
                .map(|c| format!("{}: {} → {}", c.code, c.text, c.remedy))
                .collect::<Vec<_>>()
                .join("\n"),
        });
    }
    cases
}

fn properties(xml: &mut Xml, report: &Report) {
    let meta = &report.meta;
    let all = [
        ("run", Some(meta.run.clone())),
        ("verdict", Some(report.conclusion.word().to_owned())),
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

fn test_case(xml: &mut Xml, report: &Report, case: &Case<'_>, on_unknown: OnUnknown) {
    let class = format!("{}.{}", report.meta.workload, report.meta.faults_text());
    xml.open(
        "testcase",
        &[
            ("name", case.name.to_owned()),
            ("classname", class),
            ("time", format!("{:.3}", case.seconds)),
        ],
    );
    match case.conclusion {
        Conclusion::Pass => {}
        Conclusion::Fail => {
            let (kind, message) = case.findings.first().map_or_else(
                || ("violation".to_owned(), String::new()),
                |f| (f.finding.code.clone(), f.finding.title.clone()),
            );
            xml.open("failure", &[("type", kind), ("message", message)]);
            let shown = case.findings.iter().take(MAX_FINDINGS);
            let mut body: Vec<String> = shown
                .filter_map(|f| text::card(report, f.number, Style::PLAIN))
                .collect();
            let more = case.findings.len().saturating_sub(MAX_FINDINGS);
            if more > 0 {
                body.push(format!("and {more} more\n"));
            }
            xml.text(&body.join("\n"));
            xml.close("failure");
        }
        Conclusion::Unknown => {
            let message = ("message", case.because.clone());
            match on_unknown {
                OnUnknown::Error => {
                    xml.empty("error", &[("type", "inconclusive".to_owned()), message]);
                }
                OnUnknown::Skip => xml.empty("skipped", &[message]),
            }
        }
    }
    xml.close("testcase");
}

fn system_out(report: &Report, attachments: &[&str]) -> String {
    let mut out = text::summary(report, Style::PLAIN, &[]);
    if out.len() > MAX_OUT {
        let cut = (0..=MAX_OUT).rev().find(|i| out.is_char_boundary(*i));
        out.truncate(cut.unwrap_or(0));
        out.push_str("\n… cut; the report has all\n");
    }
    for path in attachments {
        out.push_str(&format!("[[ATTACHMENT|{path}]]\n"));
    }
    out
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
