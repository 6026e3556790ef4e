//! What is said for each verdict.

use checkers::Verdict;
use history::{Key, Nanos, Outcome, Reason, RegisterOp};
use schism_reports::{
    Conclusion, OpView, Report, RunMeta, VerdictFile, html,
    junit::{self, OnUnknown},
    summary,
    text::{self, Style},
};

use super::{elements, fixture, page_elements, renderings};

#[test]
fn a_failing_run_ends_with_its_finding_in_words() {
    let report = fixture::failing(0);
    let places = [("report", "runs/latest/report.html (1.1 MB)".to_owned())];
    assert_eq!(
        text::summary(&report, Style::PLAIN, &places),
        "\
✗ FAIL  register × partition+kill × etcd   1 finding   1m 06s   seed 0x5eed1a7c

  1  stale read on key 17   not linearizable [stale-read]
     n3 acknowledged write 17=93 to process 4 at 0:31.204. 407 ms later process 9 read key 17 on n1
     and got 88, the value before it. A client that writes and then tells another client would be
     contradicted by the database.
     During: partition {n1 n2} | {n3 n4 n5} (injected 0:24.000, verified: 0/20 probes crossed, 20/20
     inside passed). n1 was on the minority side. n3 was on the majority side.
     3 calls of 3 are enough to prove it. 11 more like this.
     schism check 20261121T024512Z-k3f9   ·   schism show 20261121T024512Z-k3f9/1

  checks    linearizable FAIL · coverage pass
  faults    2 planned, 2 injected, 2 verified, 2 healed
  ops       3: ok 100% · fail 0% · info 0% · p99 6.0 ms · longest silence 31.6 s (n1)
  report    runs/latest/report.html (1.1 MB)
"
    );
}

#[test]
fn the_card_has_the_whole_proof() {
    let report = fixture::failing(0);
    assert_eq!(
        text::card(&report, 1, Style::PLAIN).unwrap(),
        "  1  stale read on key 17   not linearizable [stale-read]
     n3 acknowledged write 17=93 to process 4 at 0:31.204. 407 ms later process 9 read key 17 on n1
     and got 88, the value before it. A client that writes and then tells another client would be
     contradicted by the database.

  When
     0:31.061–0:31.613 (552 ms).
     During: partition {n1 n2} | {n3 n4 n5} (injected 0:24.000, verified: 0/20 probes crossed, 20/20
     inside passed). n1 was on the minority side. n3 was on the majority side.

  Smallest proof
     3 calls of 3 are enough to prove it.
     0  p4  n3  write 17=88   0:31.061–0:31.066  ok
     2  p4  n3  write 17=93   0:31.198–0:31.204  ok
     4  p9  n1  read 17 → 88  0:31.611–0:31.613  ok

  Could it be the test?
     ✓ every call of the proof ended, and its outcome is known
     ✓ calls are ordered by one monotonic clock, outside of the nodes under test
     ✓ the narrowest gap between two calls of the proof that do not overlap is 132 ms

  Again
     schism check 20261121T024512Z-k3f9
       judge the recorded history again; always the same verdict
     schism show 20261121T024512Z-k3f9/1
       this finding in the terminal, every call of it
     schism run etcd --lab 5 --time 60s --seed 0x5eed1a7c
       run it again with the same decisions; the system's own timing may differ
"
    );
    assert_eq!(text::card(&report, 2, Style::PLAIN), None);
}

#[test]
fn an_unknown_run_says_why_and_what_to_do() {
    let report = fixture::undecided();
    assert_eq!(report.conclusion, Conclusion::Unknown);
    let text = text::summary(&report, Style::PLAIN, &[]);
    assert!(text.starts_with("? UNKNOWN  register"), "{text}");
    assert!(text.contains("  coverage/no-reads-during-fault\n     no read succeeded while a fault was in force\n     → raise --time to 60s or more\n"), "{text}");
    assert!(text.contains("2 injected, 1 verified"), "{text}");
    let page = html::page(&report);
    assert!(page.contains("not enough evidence to pass"));
    assert!(page.contains("pid 4711 is still there"));
}

#[test]
fn an_interrupted_run_is_unknown_unless_it_found_something() {
    let report = fixture::interrupted();
    assert_eq!(report.conclusion, Conclusion::Unknown);
    assert_eq!(report.causes[0].code, "interrupted");
    let counts = elements(&junit::document(&report, OnUnknown::Error, &[]));
    assert_eq!(
        counts["testcase"], 2,
        "a run without end has a case of its own"
    );
    assert_eq!(counts["error"], 1);

    let (history, finding) = fixture::stale(0);
    let meta = RunMeta {
        interrupted: true,
        ..fixture::meta()
    };
    let checks = vec![fixture::check("linearizable", Verdict::Fail(vec![finding]))];
    let report = Report::new(meta, &history, checks, vec![]);
    assert_eq!(report.conclusion, Conclusion::Fail);
    assert!(report.story.contains("The run was stopped early"));
    assert!(report.story.contains("while no fault was on record"));
}

#[test]
fn a_violation_outranks_a_lack_of_evidence() {
    let (history, finding) = fixture::stale(0);
    let checks = vec![
        fixture::unknown("coverage"),
        fixture::check("linearizable", Verdict::Fail(vec![finding])),
    ];
    let report = Report::new(fixture::meta(), &history, checks, vec![]);
    assert_eq!(report.conclusion, Conclusion::Fail);
    assert_eq!(report.causes, vec![]);
    assert_eq!(report.checks[1].findings, [1]);
}

#[test]
fn a_pass_speaks_of_what_was_not_found() {
    let report = fixture::passing();
    assert_eq!(report.conclusion, Conclusion::Pass);
    let text = text::summary(&report, Style::PLAIN, &[]);
    assert!(text.contains("✓ PASS"), "{text}");
    assert!(text.contains("no violation found in 3,003 ops"), "{text}");
    assert!(report.story.ends_with("That is evidence, not proof."));
}

#[test]
fn every_kind_of_run_renders_well_formed_and_without_slips() {
    let runs = [
        fixture::failing(600),
        fixture::passing(),
        fixture::undecided(),
        fixture::interrupted(),
        fixture::empty(),
        fixture::quiet(),
        super::transactions::write_skew(),
        super::transactions::lost_message(),
        super::transactions::simulated_transactions(),
        super::transactions::simulated_queue(),
    ];
    for report in &runs {
        for (name, text) in renderings(report) {
            for slip in ["NaN", "undefined", "holds", "{{", "{%"] {
                assert!(
                    !text.contains(slip),
                    "{slip:?} in {name} of {}",
                    report.title()
                );
            }
        }
        let page = html::page(report);
        let counts = page_elements(&page);
        assert_eq!(counts["main"], 1);
        assert_eq!(counts["h1"], 1);
        assert_eq!(
            counts.get("table"),
            counts.get("caption"),
            "each table has a caption"
        );
        // Ours, and the calls where there are any.
        let calls = usize::from(report.stats.counts.total() > 0);
        assert_eq!(counts["x-script"], 1 + calls);
        elements(&junit::document(report, OnUnknown::Error, &[]));
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    assert_eq!(
        renderings(&fixture::failing(900)),
        renderings(&fixture::failing(900))
    );
}

#[test]
fn the_page_forbids_itself_to_load_anything_and_to_run_what_is_not_ours() {
    let page = html::page(&fixture::failing(0));
    let policy = "content=\"default-src 'none'; script-src 'sha256-";
    let (_, rest) = page.split_once(policy).expect("a policy");
    let (hash, rest) = rest.split_once('\'').expect("one hash");
    assert_eq!(hash.len(), 44, "{hash}");
    assert!(rest.starts_with(
        "; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'\">"
    ));
    let page = super::without_scripts(&page);
    for loading in ["src=", "@import", "url(", "<link", "http-equiv=\"refresh"] {
        assert!(!page.contains(loading), "{loading}");
    }
    assert!(page.contains("<a class=\"skip\" href=\"#main\">"));
    assert!(page.contains("prefers-color-scheme:dark"));
}

#[test]
fn the_page_tells_the_finding_with_its_proof_and_its_fault() {
    let page = html::page(&fixture::failing(600));
    for part in [
        "<title>✗ FAIL register × partition+kill × etcd — 1 finding</title>",
        "1 violation, not linearizable",
        "n1 was on the minority side. n3 was on the majority side.",
        "linearizable, which is what this target was expected to be. Also impossible: strict serializable. Not ruled out by this: sequential, key by key",
        "aria-label=\"The calls that prove finding 1, one lane a process, in real time\"",
        "read 17 → 88",
        "407 ms",
        "0/20 probes crossed, 20/20 inside passed",
        "schism run etcd --lab 5 --time 60s --seed 0x5eed1a7c",
        "op_timeout: 5s        # default",
        "outcome unknown, may or may not have happened",
        "cas-mismatch",
        "connection refused (os error 111)",
    ] {
        let escaped = part.replace('\'', "&#39;");
        assert!(page.contains(part) || page.contains(&escaped), "{part}");
    }
}

#[test]
fn junit_charts_one_property_a_case() {
    let fail = junit::document(
        &fixture::failing(0),
        OnUnknown::Error,
        &["runs/x/report.html"],
    );
    let counts = elements(&fail);
    assert_eq!((counts["testcase"], counts["failure"]), (2, 1));
    assert!(fail.contains(
        "<testcase name=\"linearizable\" classname=\"register.partition+kill\" time=\"0.031\">"
    ));
    assert!(fail.contains("<failure type=\"stale-read\" message=\"stale read on key 17\">"));
    assert!(fail.contains("tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\""));
    assert!(fail.contains("[[ATTACHMENT|runs/x/report.html]]"));

    let unknown = fixture::undecided();
    let error = junit::document(&unknown, OnUnknown::Error, &[]);
    assert_eq!(elements(&error)["error"], 1);
    assert!(error.contains("<error type=\"inconclusive\""));
    let skip = junit::document(&unknown, OnUnknown::Skip, &[]);
    assert_eq!(elements(&skip)["skipped"], 1);
    assert!(skip.contains("errors=\"0\" skipped=\"1\""));
}

#[test]
fn the_markdown_has_a_table_and_foldable_findings() {
    let page = summary::page(&fixture::failing(0));
    assert!(page.starts_with("## ✗ FAIL register × partition+kill × etcd\n"));
    assert!(page.contains(
        "| linearizable | ✗ **FAIL** | 1 |  |\n| coverage | ✓ pass | 0 | 5,113 ok ops, 32 keys |\n"
    ));
    assert!(
        page.contains("<details><summary><b>1 · stale read on key 17</b> (stale-read)</summary>")
    );
    assert!(page.contains("| 4 | p9 | n1 | read 17 → 88 | ok | 0:31.611–0:31.613 |"));
}

#[test]
fn the_verdict_file_can_be_read_back() {
    let file = VerdictFile::new(&fixture::failing(0), 1);
    let json = file.to_json();
    assert_eq!(serde_json::from_str::<VerdictFile>(&json).unwrap(), file);
    assert!(
        json.contains("\"verdict\": \"fail\",\n  \"exit_code\": 1,"),
        "{json}"
    );
    assert_eq!(file.findings[0].during, ["partition {n1 n2} | {n3 n4 n5}"]);
    assert_eq!((file.ops.ok, file.faults.verified), (3, 2));
}

#[test]
fn the_meta_file_can_be_read_back_and_may_lack_what_is_not_known() {
    let meta = fixture::meta();
    let json = serde_json::to_string(&meta).unwrap();
    assert_eq!(serde_json::from_str::<RunMeta>(&json).unwrap(), meta);
    assert_eq!(
        serde_json::from_str::<RunMeta>("{}").unwrap(),
        RunMeta::default()
    );
}

#[test]
fn a_refused_value_that_was_returned_points_at_the_adapter() {
    let (_, finding) = fixture::stale(0);
    let run = |read: i64| {
        let mut calls = fixture::Calls::new();
        let key = || Key::Int(17);
        let refused = Outcome::Fail(Reason::new("refused"));
        calls.call((1, 1), (10, Some(20)), key(), RegisterOp::Write(5), refused);
        calls.call(
            (2, 1),
            (10, Some(20)),
            key(),
            RegisterOp::Write(6),
            fixture::done(),
        );
        calls.call(
            (3, 1),
            (30, Some(40)),
            key(),
            RegisterOp::Read,
            fixture::value(read),
        );
        let (history, indices) = calls.history();
        let finding = checkers::Finding {
            witness: vec![indices[2]],
            from: Nanos(30_000),
            until: Nanos(40_000),
            ..finding.clone()
        };
        let check = fixture::check("linearizable", Verdict::Fail(vec![finding]));
        let report = Report::new(fixture::meta(), &history, vec![check], vec![]);
        report.findings[0]
            .doubts
            .iter()
            .map(|d| (d.settled, d.text.clone()))
            .collect::<Vec<_>>()
    };
    let line = |settled: bool, text: &str| (settled, text.to_owned());
    assert!(run(6).contains(&line(
        true,
        "no value that only calls reported `fail` offered for key 17 was ever returned (1 value)"
    )));
    assert!(run(5).contains(&line(
        false,
        "call 4 returned 5, which only a call reported `fail` had offered: the adapter may report `fail` where it does \
         not know"
    )));
}

#[test]
fn of_an_imported_history_no_more_is_said_than_is_known() {
    let (history, finding) = fixture::stale(0);
    let meta = RunMeta {
        imported: true,
        workload: "register".to_owned(),
        ..RunMeta::default()
    };
    let check = fixture::check("linearizable", Verdict::Fail(vec![finding]));
    let report = Report::new(meta, &history, vec![check], vec![]);
    assert_eq!(report.title(), "✗ FAIL register — 1 finding");
    assert!(
        report
            .story
            .starts_with("The system on 5 nodes was asked 3 calls in 31.6 s: 3 succeeded")
    );
    assert!(!report.story.contains("injected"));
    assert!(report.findings[0].again.is_empty());
    let page = html::page(&report);
    assert!(!page.contains("monotonic clock"), "that is not known");
}

#[test]
fn doubts_are_named_where_they_are() {
    let (history, finding) = fixture::stale(0);
    let meta = RunMeta {
        imported: true,
        caveats: vec!["reads are serializable, which etcd documents as possibly stale".to_owned()],
        ..fixture::meta()
    };
    let mut fault = fixture::partition();
    fault.verified = Some((false, "20/20 probes crossed".to_owned()));
    let check = fixture::check("linearizable", Verdict::Fail(vec![finding]));
    let report = Report::new(meta, &history, vec![check], vec![fault]);
    let text = text::summary(&report, Style::PLAIN, &[]);
    for line in [
        "! the history came in a file; its order of events is taken as it is",
        "! partition {n1 n2} | {n3 n4 n5} was not seen to take effect",
        "! reads are serializable, which etcd documents as possibly stale",
        "NOT verified: 20/20 probes crossed",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn sixty_columns_are_enough() {
    let style = Style {
        colour: true,
        ascii: false,
        columns: 60,
    };
    for report in [
        fixture::failing(0),
        fixture::undecided(),
        fixture::passing(),
    ] {
        let text = text::summary(&report, style, &[]);
        for line in text.lines().filter(|l| !l.contains("schism ")) {
            let mut plain = line.to_owned();
            for code in [
                "\x1b[0m",
                "\x1b[1m",
                "\x1b[2m",
                "\x1b[1;31m",
                "\x1b[1;32m",
                "\x1b[1;33m",
            ] {
                plain = plain.replace(code, "");
            }
            assert!(plain.chars().count() <= 60, "{plain:?}");
        }
    }
}

#[test]
fn an_unknown_outcome_is_drawn_open_and_a_refused_call_hollow() {
    let mut calls = fixture::Calls::new();
    let key = || Key::Int(17);
    let lost = Outcome::Info(Reason::new("timeout"));
    let refused = Outcome::Fail(Reason::new("refused"));
    calls.call(
        (1, 1),
        (1_000, Some(2_000)),
        key(),
        RegisterOp::Write(1),
        lost,
    );
    calls.call(
        (2, 1),
        (1_500, Some(1_800)),
        key(),
        RegisterOp::Write(2),
        refused,
    );
    calls.call(
        (3, 1),
        (900_000, Some(901_000)),
        key(),
        RegisterOp::Read,
        fixture::value(2),
    );
    let (history, indices) = calls.history();
    let (_, finding) = fixture::stale(0);
    let finding = checkers::Finding {
        witness: indices,
        ..finding
    };
    let check = fixture::check("linearizable", Verdict::Fail(vec![finding]));
    let page = html::page(&Report::new(fixture::meta(), &history, vec![check], vec![]));
    assert_eq!(page.matches("class=\"op info\"").count(), 1);
    assert_eq!(page.matches("class=\"whisker\"").count(), 1);
    assert_eq!(page.matches("class=\"op fail\"").count(), 1);
    assert_eq!(
        page.matches("class=\"cut\"").count(),
        1,
        "the idle time is cut"
    );
    assert!(
        page.contains(">898 ms</text>"),
        "and the cut says how long it was"
    );
}

#[test]
fn a_terminal_without_unicode_gets_ascii() {
    let style = Style {
        colour: false,
        ascii: true,
        columns: 60,
    };
    let report = fixture::failing(0);
    let text = text::summary(&report, style, &[]) + &text::card(&report, 1, style).unwrap();
    assert!(text.is_ascii(), "{text}");
    assert!(text.starts_with("x FAIL  register x partition+kill x etcd"));
}

/// The write that was forgotten was made before the partition, the read that missed it while it was in force.
#[test]
fn a_call_is_told_with_the_findings_and_faults_of_its_time() {
    let (history, finding) = fixture::stale(0);
    let report = fixture::failing(0);
    let last = finding.witness.last().expect("a proof has calls");
    let view = OpView::new(&report, &history, last.0.into()).expect("it is in the history");
    assert_eq!(view.op.index, last.0);
    let named: Vec<(usize, &str)> = view
        .findings
        .iter()
        .map(|f| (f.number, f.code.as_str()))
        .collect();
    assert_eq!(named, [(1, "stale-read")]);
    assert!(view.faults[0].label.starts_with("partition {"), "{view:?}");
    let card = view.card(&report, Style::PLAIN);
    for said in [
        view.op.text.as_str(),
        "Ended ok after",
        "1 stale read",
        "partition {",
        "\n   > ",
    ] {
        assert!(card.contains(said), "{said}:\n{card}");
    }
    assert!(!card.contains("none"), "{card}");
}
