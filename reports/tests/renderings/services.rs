//! What CI services read: JUnit against the two schemas that are in use, the summary's size, the annotations.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use checkers::{Check, Finding, Verdict};
use schism_reports::{
    Broken, Report, RunMeta, Told,
    across::Ending,
    github::{self, Kind, Mark, Place},
    junit::{self, OnUnknown, Rerun, Suite},
    summary,
};

use super::{
    elements, fixture,
    hostile::{self, attacks},
};

const SCHEMAS: [&str; 2] = ["ant.xsd", "jenkins.xsd"];

/// Whether this machine has the validator. Where it is demanded, it must.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn can_validate() -> bool {
    let there = Command::new("xmllint")
        .arg("--version")
        .stderr(Stdio::null())
        .status();
    let there = there.is_ok_and(|status| status.success());
    let demanded = std::env::var_os("SCHISM_REQUIRE_XMLLINT").is_some();
    assert!(there || !demanded, "xmllint is demanded, and is not here");
    if !there {
        eprintln!("skipped: there is no xmllint here (Debian: libxml2-utils)");
    }
    there
}

/// What `xmllint` has against a document; `None` if nothing.
fn objection(schema: &str, document: &str) -> Option<String> {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/schemas")
        .join(schema);
    let mut lint = Command::new("xmllint")
        .args(["--noout", "--nonet", "--huge", "--schema"])
        .arg(&schema)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it was there a moment ago");
    let mut input = lint.stdin.take().expect("piped");
    input.write_all(document.as_bytes()).expect("it reads");
    drop(input);
    let said = lint.wait_with_output().expect("it ends");
    (!said.status.success()).then(|| String::from_utf8_lossy(&said.stderr).into_owned())
}

#[track_caller]
fn valid(what: &str, document: &str) {
    for schema in SCHEMAS {
        if let Some(why) = objection(schema, document) {
            panic!("{what} is not valid by {schema}:\n{why}\n{document}");
        }
    }
}

/// A run with so many findings, each of a kind of its own.
fn many_findings(n: usize) -> Report {
    let (history, one) = fixture::stale(0);
    let found = (0..n).map(|i| Finding {
        title: format!("stale read on key {i}"),
        ..one.clone()
    });
    let checks: Vec<Check> = vec![
        fixture::check("linearizable", Verdict::Fail(found.collect())),
        fixture::pass("coverage"),
    ];
    Report::new(
        fixture::meta(),
        &history,
        checks,
        vec![fixture::partition()],
    )
}

fn broken() -> Broken {
    Broken::new(
        fixture::meta(),
        "infrastructure",
        "n3: connection refused (10.0.0.3:22)",
    )
}

#[test]
fn junit_is_valid_by_both_schemas_however_a_run_ends() {
    if !can_validate() {
        return;
    }
    let runs = [
        ("pass", fixture::passing()),
        ("fail", fixture::failing(0)),
        ("unknown", fixture::undecided()),
        ("interrupted", fixture::interrupted()),
        ("500 findings", many_findings(500)),
    ];
    for (what, report) in &runs {
        for on_unknown in [OnUnknown::Error, OnUnknown::Skip] {
            valid(what, &junit::document(report, on_unknown, &["report.html"]));
        }
    }
    let broken = broken();
    let mut suites = vec![Suite {
        run: Told::Broken(&broken),
        attachments: Vec::new(),
        reruns: Vec::new(),
    }];
    valid("broken", &junit::documents(&suites, OnUnknown::Error));
    suites.extend(runs.iter().map(|(_, report)| Suite {
        run: Told::Judged(report),
        attachments: vec!["runs/a/report.html".to_owned()],
        reruns: Vec::new(),
    }));
    let all = junit::documents(&suites, OnUnknown::Error);
    valid("a suite of all", &all);
    assert_eq!(elements(&all)["testsuite"], 6);
    valid("nothing", &junit::documents(&[], OnUnknown::Error));
}

#[test]
fn junit_is_valid_whatever_the_system_under_test_says() {
    if !can_validate() {
        return;
    }
    for attack in attacks() {
        let document = junit::document(&hostile::report(&attack), OnUnknown::Error, &[&attack]);
        valid(&format!("{attack:?}"), &document);
        let broken = Broken::new(RunMeta::default(), "infrastructure", &attack);
        let broken = Broken {
            meta: RunMeta {
                started: fixture::meta().started,
                ..broken.meta.clone()
            },
            ..broken
        };
        let suite = Suite {
            run: Told::Broken(&broken),
            attachments: vec![attack.clone()],
            reruns: Vec::new(),
        };
        valid(
            &format!("broken {attack:?}"),
            &junit::documents(&[suite], OnUnknown::Skip),
        );
    }
}

/// Of these Ant's schema knows nothing: without them the document is valid by it, and that is all that it has against it.
#[test]
fn what_was_run_again_is_told_as_such_and_never_as_flaky() {
    let (passing, failing, broken) = (fixture::passing(), fixture::failing(0), broken());
    let reruns = [
        Rerun {
            run: Some("20261121T024512Z-b7kx"),
            why: "n3: connection refused (10.0.0.3:22)",
        },
        Rerun {
            run: None,
            why: "]]><system-out>\u{1b}[31m",
        },
    ];
    let of = |run, reruns: &[Rerun<'static>]| {
        let suite = Suite {
            run,
            attachments: Vec::new(),
            reruns: reruns.to_vec(),
        };
        junit::documents(&[suite], OnUnknown::Error)
    };
    let (judged, failed) = (Told::Judged(&passing), Told::Judged(&failing));
    for (run, errors) in [(judged, 0), (failed, 0), (Told::Broken(&broken), 1)] {
        let (with, without) = (of(run, &reruns), of(run, &[]));
        let told = elements(&with);
        assert_eq!(told["rerunError"], 2, "{with}");
        assert!(!told.keys().any(|name| name.starts_with("flaky")), "{with}");
        assert!(!with.contains('\u{1b}'), "{with}");
        // What is counted is how it ended at last.
        assert!(with.contains(&format!(" errors=\"{errors}\"")), "{with}");
        assert!(!elements(&without).contains_key("rerunError"), "{without}");
        assert_eq!(told.get("failure"), elements(&without).get("failure"));
        if can_validate() {
            assert_eq!(objection("jenkins.xsd", &with), None, "{with}");
            let why = objection("ant.xsd", &with).expect("it knows no reruns");
            assert!(why.contains("rerunError"), "{why}");
            valid("without reruns", &without);
        }
    }
}

/// A validator that takes everything would prove nothing.
#[test]
fn the_schemas_refuse_what_each_forbids() {
    if !can_validate() {
        return;
    }
    let good = junit::document(&fixture::failing(0), OnUnknown::Error, &[]);
    let wrong = [
        // What this wrote before it was held against schemas.
        ("<testsuites>", "<testsuites skipped=\"0\">", [true, true]),
        ("<system-err/>", "", [true, false]),
        ("<properties>", "<stranger/><properties>", [true, true]),
        (" tests=\"2\"", " tests=\"two\"", [true, false]),
        ("<failure type=\"stale-read\"", "<failure", [true, false]),
        (" failures=\"1\"", "", [true, true]),
    ];
    for (from, to, refused) in wrong {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from} is in the document");
        let said = SCHEMAS.map(|schema| objection(schema, &bad).is_some());
        assert_eq!(said, refused, "{from} → {to}");
    }
}

#[test]
fn junit_says_of_each_way_to_end_what_a_dashboard_counts() {
    let broken = broken();
    let undecided = fixture::undecided();
    let failing = fixture::failing(0);
    let of = |run, on_unknown| {
        let (attachments, reruns) = (Vec::new(), Vec::new());
        let suite = Suite {
            run,
            attachments,
            reruns,
        };
        junit::documents(&[suite], on_unknown)
    };
    let said = of(Told::Broken(&broken), OnUnknown::Error);
    assert!(
        said.contains(
            r#"<error type="infrastructure" message="n3: connection refused (10.0.0.3:22)">"#
        ),
        "{said}"
    );
    assert!(
        said.contains(r#"tests="1" failures="0" errors="1" skipped="0""#),
        "{said}"
    );
    let said = of(Told::Judged(&undecided), OnUnknown::Error);
    assert!(said.contains(r#"<error type="inconclusive""#), "{said}");
    assert!(
        said.contains(r#"tests="2" failures="0" errors="1" skipped="0""#),
        "{said}"
    );
    let said = of(Told::Judged(&undecided), OnUnknown::Skip);
    assert!(
        said.contains("<skipped message=\"coverage/no-reads-during-fault"),
        "{said}"
    );
    assert!(
        said.contains(r#"failures="0" errors="0" skipped="1""#),
        "{said}"
    );
    let said = of(Told::Judged(&failing), OnUnknown::Skip);
    assert!(said.contains(r#"<failure type="stale-read" message="stale read on key 17">"#));
    assert!(said.contains(r#"<testcase name="linearizable" classname="register.partition+kill""#));
    assert!(said.contains(r#"<property name="seed" value="0x5eed1a7c"/>"#));
    assert!(!said.contains("flaky"), "{said}");
}

#[test]
fn system_out_stays_in_its_bounds_with_its_attachments_whole() {
    let report = hostile::report(&"é".repeat(1 << 20));
    let paths: Vec<String> = (0..40).map(|n| format!("runs/{n}/report.html")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let document = junit::document(&report, OnUnknown::Error, &paths);
    let out = document.split("<system-out>").nth(1).expect("it is there");
    let out = out.split("</system-out>").next().expect("it ends");
    assert!(out.len() <= junit::MAX_OUT, "{} bytes", out.len());
    for path in paths {
        assert!(out.contains(&format!("[[ATTACHMENT|{path}]]")), "{path}");
    }
}

/// Nothing in it is cut: every table has whole rows, every `<details>` ends.
#[track_caller]
fn whole(what: &str, page: &str) {
    assert!(
        page.len() <= summary::MAX_BYTES,
        "{what}: {} bytes",
        page.len()
    );
    let count = |s: &str| page.matches(s).count();
    assert_eq!(count("<details>"), count("</details>"), "{what}");
    assert_eq!(count("<summary>"), count("</summary>"), "{what}");
    assert!(page.ends_with('\n'), "{what}");
    let mut cells = None;
    for line in page.lines() {
        let here = line.starts_with('|').then(|| line.matches('|').count());
        if let (Some(before), Some(here)) = (cells, here) {
            assert_eq!(here, before, "{what}: {line}");
        }
        cells = here;
    }
}

#[test]
fn a_summary_of_500_findings_is_small_and_cut_nowhere() {
    let report = many_findings(500);
    let page = summary::page(&report);
    whole("500 findings", &page);
    let shown = page.matches("<details>").count();
    assert!(shown > 20, "{shown} are shown");
    assert!(
        page.contains(&format!(
            "{} further findings are not shown here",
            500 - shown
        )),
        "{page}"
    );
    assert!(
        page.contains("seed: 0x5eed1a7c"),
        "what comes last is there"
    );
    // The worst that text can do to it.
    for attack in attacks() {
        whole(&attack, &summary::page(&hostile::report(&attack)));
        whole(
            &attack,
            &summary::page(&hostile::report(&attack.repeat(9_000))),
        );
    }
}

#[test]
fn a_summary_of_many_runs_puts_the_worst_first_and_counts_what_it_leaves_out() {
    let (failing, passing, undecided) = (
        fixture::failing(0),
        fixture::passing(),
        fixture::undecided(),
    );
    let broken = broken();
    let mut runs = vec![Told::Judged(&passing); 9];
    runs.push(Told::Judged(&undecided));
    runs.push(Told::Broken(&broken));
    runs.push(Told::Judged(&failing));
    let page = summary::pages(&runs);
    whole("12 cases", &page);
    assert!(
        page.starts_with("## ✗ 12 cases: 9 pass · 1 unknown · 1 error · 1 fail\n"),
        "{page}"
    );
    let row = |n: usize| page.lines().filter(|l| l.starts_with('|')).nth(n + 2);
    assert!(row(0).is_some_and(|r| r.contains("✗ **FAIL**")), "{page}");
    assert!(row(1).is_some_and(|r| r.contains("! error") && r.contains("connection refused")));
    assert!(row(2).is_some_and(|r| r.contains("? unknown")));
    assert!(page.contains("stale read on key 17</b>"), "{page}");
    assert_eq!(Told::worst(&runs), Ending::Fail);

    let many = summary::pages(&vec![Told::Judged(&failing); 500]);
    whole("500 cases", &many);
    assert!(many.contains("\n30 of 500 cases shown.\n"), "{many}");
    assert!(many.contains("further findings are not shown here"));

    let alone = summary::pages(&[Told::Broken(&broken)]);
    assert!(alone.starts_with("## ! ERROR register"), "{alone}");
    assert!(alone.contains("nothing is said about the target"));
    whole("nothing", &summary::pages(&[]));
}

#[test]
fn annotations_are_inert_whatever_the_system_under_test_says() {
    for attack in attacks() {
        let mark = Mark {
            kind: Kind::Error,
            fingerprint: None,
            title: attack.clone(),
            text: attack.clone(),
            place: Some(Place {
                file: attack.clone(),
                line: 1,
            }),
        };
        let said = github::annotations(&[mark]) + &github::group(&attack);
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 2, "{attack:?}: {said:?}");
        assert!(lines[0].starts_with("::error file="), "{said:?}");
        assert!(lines[1].starts_with("::group::"), "{said:?}");
        let odd = |c: char| (c.is_control() && c != '\n') || ['\u{202e}', '\u{fffe}'].contains(&c);
        assert!(!said.contains(odd), "{said:?}");
        for marker in ["##[", "##vso[", "##teamcity["] {
            assert!(!said.contains(marker), "{said:?}");
        }
        // Only our own separators are there: one before the message, none within the properties.
        let head = lines[0][2..].split("::").next().expect("a head");
        assert_eq!(head.matches(',').count(), 2, "{said:?}");
        assert!(!head.contains(':'), "{said:?}");
    }
}
