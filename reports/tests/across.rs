//! What many runs say together.

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use history::fault::{FaultEvent, FaultId, FaultSpan, FaultStep};
use schism_reports::{
    RunMeta,
    across::{
        Board, Campaign, Campaigns, Ending, Entry, Grid, Health, Index, Planned, Row, RunFiles,
        Trend, index_page, track_record,
    },
};
use serde_json::{Value, json};

const HOSTILE: &str = "</script><img src=x onerror=alert(1)>\u{1b}[31m\n::error::x\u{202e}&\"'";

fn night(n: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 1, 2, 0, 0).unwrap() + TimeDelta::days(n)
}

fn step(step: FaultStep, at: u64, ok: bool) -> FaultEvent {
    FaultEvent {
        time: history::Nanos(at),
        until: history::Nanos(at),
        fault: FaultId(0),
        step,
        ok,
        kind: "partition".to_owned(),
        what: "{n1} | {n2 n3}".to_owned(),
        nodes: vec!["n1".to_owned()],
        sides: Vec::new(),
        detail: String::new(),
    }
}

/// From 10 to 20, seen to bite or not.
fn partition(bites: bool) -> Vec<FaultSpan> {
    FaultSpan::collect(&[
        step(FaultStep::Inject, 10, true),
        step(FaultStep::Verify, 11, bites),
        step(FaultStep::Heal, 20, true),
    ])
}

fn stale(from: u64, title: &str) -> Value {
    json!({"number": 1, "code": "stale-read", "title": title, "property": "linearizable",
           "from": from, "until": from + 1, "witness": [1, 2, 3]})
}

fn run(n: i64, verdict: Value, bites: bool, version: &str) -> Entry {
    let id = format!("{}-r{n:03}", night(n).format("%Y%m%dT%H%M%SZ"));
    Entry::new(RunFiles {
        id: &id,
        case: "register-etcd",
        faults: "partition",
        started: night(n),
        verdict: &verdict,
        meta: RunMeta {
            target_version: Some(version.to_owned()),
            ..RunMeta::default()
        },
        spans: &partition(bites),
        brief: None,
    })
    .expect("a whole run")
}

fn pass(n: i64) -> Entry {
    run(n, json!({"verdict": "pass"}), true, "3.1")
}

fn fail(n: i64, title: &str) -> Entry {
    run(
        n,
        json!({"verdict": "fail", "findings": [stale(12, title)]}),
        true,
        "3.2",
    )
}

#[test]
fn the_same_violation_has_the_same_fingerprint_whatever_its_values_and_times() {
    let (a, b) = (
        fail(0, "stale read on key 1"),
        fail(9, "stale read on key 7"),
    );
    assert_eq!(a.findings[0].fingerprint, b.findings[0].fingerprint);
    assert_eq!(a.findings[0].faults, ["partition"]);
    // Before the partition, it is another matter.
    let early = run(
        2,
        json!({"verdict": "fail", "findings": [stale(1, "x")]}),
        true,
        "3.2",
    );
    assert!(early.findings[0].faults.is_empty());
    assert_ne!(a.findings[0].fingerprint, early.findings[0].fingerprint);
    // And a fault that nobody saw bite is none.
    let toothless = run(
        3,
        json!({"verdict": "fail", "findings": [stale(12, "x")]}),
        false,
        "3.2",
    );
    assert_eq!(
        toothless.findings[0].fingerprint,
        early.findings[0].fingerprint
    );
}

#[test]
fn a_rate_counts_only_runs_that_could_have_shown_it() {
    let mut runs: Vec<Entry> = (0..6).map(pass).collect();
    runs.push(fail(6, "stale read"));
    runs.push(run(7, json!({"verdict": "pass"}), false, "3.2"));
    runs.push(run(
        8,
        json!({"verdict": "error", "error": "ssh: no route"}),
        true,
        "3.2",
    ));
    runs.push(run(
        9,
        json!({"verdict": "unknown", "interrupted": true}),
        true,
        "3.2",
    ));
    let board = Board::new(&Index::new(runs));
    let [row] = &board.rows[..] else {
        panic!("{board:?}")
    };
    assert_eq!((row.rate.seen, row.rate.of, row.blind), (1, 7, 3));
    assert!(
        row.rate.low > 0.02 && row.rate.high < 0.52,
        "{:?}",
        row.rate
    );
    assert!(row.open, "the newest run that could have shown it does");
    let hint = row.version.as_ref().unwrap();
    assert_eq!((hint.before.of, hint.after.of), (6, 1));
}

#[test]
fn a_trend_is_told_only_where_it_is_more_than_chance() {
    let of = |runs: Vec<Entry>| Board::new(&Index::new(runs)).rows[0].trend;
    let appears = (0..8).map(pass).chain((8..16).map(|n| fail(n, "x")));
    assert_eq!(of(appears.collect()), Some(Trend::More));
    let goes = (0..8).map(|n| fail(n, "x")).chain((8..16).map(pass));
    assert_eq!(of(goes.collect()), Some(Trend::Less));
    assert_eq!(of(vec![pass(0), pass(1), fail(2, "x"), fail(3, "x")]), None);
}

#[test]
fn the_grid_rings_a_finding_only_the_first_time() {
    let grid = Grid::new(&Index::new([pass(0), fail(1, "x"), fail(2, "x")]));
    let new: Vec<bool> = grid.rows[0].cells.iter().map(|c| c.new).collect();
    assert_eq!(new, [false, true, false]);
    assert!(grid.rows[0].last_green.as_ref().unwrap().ends_with("r000"));
}

#[test]
fn what_broke_on_our_side_is_counted_apart_and_by_class() {
    let broken = |n, port| {
        run(
            n,
            json!({"verdict": "error", "error": format!("port {port}: refused")}),
            false,
            "3",
        )
    };
    let health = Health::new(&Index::new([broken(0, 81), broken(1, 9000), pass(2)]));
    assert_eq!(health.errors, [("port #: refused".to_owned(), 2)]);
    assert_eq!((health.runs, health.toothless), (3, 0));
}

#[test]
fn the_index_comes_back_from_its_text_and_counts_what_is_torn() {
    let index = Index::new([fail(1, "x"), pass(0)]);
    assert_eq!(index.entries[0].verdict, Ending::Pass, "the oldest first");
    let text = index.to_jsonl();
    assert_eq!(Index::parse(&text), index);
    let again = Index::parse(&format!("{text}{text}{{\"id\":\"torn"));
    assert_eq!((again.entries.len(), again.unreadable), (2, 1));
}

/// An index in which a run says this wherever it can, as it comes from a file that anybody may have written.
fn hostile_index(attack: &str) -> Index {
    let mut hostile = fail(3, attack);
    hostile.case = format!("../{attack}");
    hostile.target_version = Some(attack.to_owned());
    hostile.reasons = vec![attack.to_owned()];
    Index::parse(&Index::new([pass(0), fail(1, "stale read on key 1"), hostile]).to_jsonl())
}

/// The list that every output is held against.
#[test]
fn no_attack_comes_through_the_index_or_the_track_record() {
    let attacks: Vec<String> =
        serde_json::from_str(include_str!("hostile.json")).expect("a list of texts");
    let tags = |page: &str| page.matches('<').count();
    let known = |text: &str| index_page(&hostile_index(text), &|_: &Row| Some(text.to_owned()));
    let benign = tags(&known("benign"));
    for attack in attacks {
        let page = known(&attack);
        assert_eq!(tags(&page), benign, "{attack:?} made elements");
        let record = track_record(&Board::new(&hostile_index(&attack)));
        for (name, text) in [("index", &page), ("record", &record)] {
            let odd = |c: char| {
                (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{2028}' | '\u{fffe}')
            };
            assert!(!text.contains(odd), "{attack:?} in the {name}");
            let commands = text.lines().filter(|l| l.trim_start().starts_with("::"));
            assert_eq!(commands.count(), 0, "{attack:?} in the {name}");
            for bad in [
                "<img",
                "<svg",
                "</script",
                "##[",
                "##vso[",
                "href=\"javascript",
            ] {
                assert!(!text.contains(bad), "{attack:?}: {bad} in the {name}");
            }
        }
    }
}

#[test]
fn the_page_is_inert_runs_nothing_and_says_what_there_is() {
    let index = hostile_index(HOSTILE);
    let page = index_page(&index, &|_: &Row| Some(HOSTILE.to_owned()));
    for bad in [
        "<script",
        "<img",
        "\u{1b}",
        "\u{202e}",
        "onclick",
        "href=\"..",
        "NaN",
    ] {
        assert!(!page.contains(bad), "{bad}");
    }
    assert!(
        page.contains("default-src 'none'"),
        "a policy that forbids everything"
    );
    for good in [
        "stale read on key 1",
        "1/2 (50.0%; 9–91 %)",
        "schism show",
        "✗ fail",
    ] {
        assert!(page.contains(good), "{good}\n{page}");
    }
}

#[test]
fn ten_thousand_runs_fit_a_page_that_says_what_it_leaves_out() {
    let index = Index::new((0..10_000).map(|n| if n % 50 == 0 { fail(n, "x") } else { pass(n) }));
    let page = index_page(&index, &|_: &Row| None);
    assert!(page.contains("The newest 200 of 10,000 runs"));
    assert!(page.len() < 400_000, "{}", page.len());
}

#[test]
fn runs_that_were_made_together_are_one_row_that_links_to_each() {
    let mut index = Index::new([pass(0), pass(1), fail(2, "stale read on key 1"), pass(3)]);
    assert!(
        !index_page(&index, &|_: &Row| None).contains("id=\"suites\""),
        "nothing is said where nothing is"
    );
    let planned = |id: Option<&str>, ending| Planned {
        id: id.map(str::to_owned),
        ending,
    };
    let ids: Vec<String> = index.entries.iter().map(|e| e.id.clone()).collect();
    index.campaigns = Campaigns {
        newest: vec![Campaign {
            id: "20261121T024512Z-b7kx".to_owned(),
            started: index.entries[0].started,
            shard: Some("1/4".to_owned()),
            // The first run was made alone; the folder of another is gone, one was refused, and one never began.
            runs: vec![
                planned(Some(&ids[1]), Some(Ending::Pass)),
                planned(Some(&ids[2]), Some(Ending::Fail)),
                planned(Some("20200101T000000Z-gone"), Some(Ending::Pass)),
                planned(None, Some(Ending::Error)),
                planned(None, None),
            ],
        }],
        of: 60,
    };
    let page = index_page(&index, &|_: &Row| None);
    let start = page.find("id=\"suites\"").expect("a section");
    let section = &page[start..start + page[start..].find("</section>").expect("its end")];
    for said in [
        "20261121T024512Z-b7kx",
        "5 runs, shard 1/4: 1 fail · 1 error · 2 pass · 1 without a verdict",
        "1 finding, 1 run with one never seen before",
        "1 of 60 suites",
    ] {
        assert!(section.contains(said), "{said}: {section}");
    }
    let links: Vec<usize> = index
        .entries
        .iter()
        .filter_map(|e| section.find(&format!("href=\"{}/report.html\"", e.path())))
        .collect();
    assert_eq!(links.len(), 2, "{section}");
    assert!(links[1] < links[0], "the worst first: {section}");
}

#[test]
fn no_runs_are_a_page_too() {
    let page = index_page(&Index::default(), &|_: &Row| None);
    assert!(page.contains("No runs yet"), "{page}");
}
