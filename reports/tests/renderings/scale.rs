//! Large runs give pages of a bearable size, and say what they leave out.

use checkers::{Finding, Verdict};
use history::Nanos;
use schism_reports::{Report, Series, html, junit, summary, text, text::Style};

use super::{fixture, page_elements, renderings};

/// The same finding `n` times.
fn many(n: usize) -> Report {
    let (history, finding) = fixture::stale(0);
    let findings: Vec<Finding> = (0..n)
        .map(|i| Finding {
            title: format!("stale read on key {i}"),
            ..finding.clone()
        })
        .collect();
    let checks = vec![fixture::check("linearizable", Verdict::Fail(findings))];
    Report::new(
        fixture::meta(),
        &history,
        checks,
        vec![fixture::partition()],
    )
}

#[test]
fn a_hundred_thousand_calls_make_a_small_page() {
    let report = fixture::failing(100_000);
    assert!(report.stats.counts.total() > 90_000);
    assert!(report.series.points.len() <= Series::MAX_POINTS + report.series.buckets.len());
    let page = html::page(&report);
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
    assert_eq!(report.calls.shown, report.stats.counts.total());
    assert!(
        report.calls.data.len() < 12 * 100_000,
        "{}",
        report.calls.data.len()
    );
    assert!(page.contains("calls are drawn, each outcome thinned out by itself"));
    page_elements(&page);
}

#[test]
fn the_slowest_call_is_always_drawn() {
    let report = fixture::failing(20_000);
    let [_, _, slowest] = report.stats.latency.unwrap();
    let drawn = report
        .series
        .points
        .iter()
        .filter(|p| p.outcome.word() == "ok");
    assert_eq!(drawn.map(|p| p.latency).max(), Some(slowest));
}

#[test]
fn what_is_left_out_is_counted() {
    let report = many(500);
    let text = text::summary(&report, Style::PLAIN, &[]);
    assert!(
        text.contains("  + 497 more: schism show 20261121T024512Z-k3f9\n"),
        "{text}"
    );

    let markdown = summary::page(&report);
    assert!(markdown.len() <= summary::MAX_BYTES, "{}", markdown.len());
    let shown = markdown.matches("<details>").count();
    assert!(markdown.contains(&format!(
        "{} further findings are not shown here",
        500 - shown
    )));

    let page = html::page(&report);
    assert_eq!(page_elements(&page)["article"], html::MAX_CARDS);
    assert!(page.contains("450 further findings"));
    assert!(page.contains("stale read on key 499"));

    let junit = junit::document(&report, junit::OnUnknown::Error, &[]);
    assert!(junit.contains("and 480 more"));
}

#[test]
fn more_faults_than_can_be_drawn_are_counted() {
    let (history, _) = fixture::stale(300);
    let faults = (0..700)
        .map(|i| {
            let mut fault = fixture::kill(true);
            fault.began = Nanos::from_millis(i * 90);
            fault.injected = Some(Nanos::from_millis(i * 90 + 10));
            fault.healed = Some(Nanos::from_millis(i * 90 + 400));
            fault
        })
        .collect();
    let report = Report::new(fixture::meta(), &history, vec![fixture::pass("x")], faults);
    let page = html::page(&report);
    assert!(page.contains("500 of 700 shown"));
    assert!(page.contains("300 of 700 faults drawn"));
    for (name, text) in renderings(&report) {
        assert!(text.len() < 1_000_000, "{name}");
    }
}

#[test]
fn a_long_proof_is_cut_with_its_length() {
    let (history, finding) = fixture::stale(300);
    let finding = Finding {
        witness: history.spans().iter().take(90).map(|s| s.invoked).collect(),
        minimal: false,
        ..finding
    };
    let checks = vec![fixture::check("linearizable", Verdict::Fail(vec![finding]))];
    let report = Report::new(fixture::meta(), &history, checks, vec![]);
    let page = html::page(&report);
    assert!(page.contains("40 of 90 shown"));
    assert!(page.contains("reduced to 90 calls of 303, not minimal"));
    let card = text::card(&report, 1, Style::PLAIN).unwrap();
    let proof = card.lines().skip_while(|l| !l.ends_with("Smallest proof"));
    assert_eq!(
        proof
            .take_while(|l| !l.is_empty())
            .filter(|l| l.contains("  p1"))
            .count(),
        90
    );
    assert!(summary::page(&report).contains("20 of 90 calls shown."));
}

#[test]
fn no_call_and_one_call_are_pages_too() {
    for (report, story) in [
        (fixture::empty(), "was asked nothing"),
        (fixture::single(), "was asked 1 call"),
    ] {
        for (name, text) in renderings(&report) {
            for bad in ["NaN", "undefined", " holds"] {
                assert!(!text.contains(bad), "{bad} in {name}:\n{text}");
            }
        }
        let page = html::page(&report);
        assert!(page.contains(story), "{page}");
        page_elements(&page);
    }
}
