//! What nodes wrote and what their clocks showed, beside what was done to them; and runs that broke.

use schism_reports::{
    LogKind, LogRow, NodeLog, RunMeta,
    broken::{self, Aftermath},
    html,
};

use super::{fixture, hostile::attacks, page_elements};

/// The rows of the logs: time in milliseconds, node, kind, text.
fn lines(rows: &[LogRow]) -> Vec<(Option<i64>, &str, LogKind, &str)> {
    rows.iter()
        .filter_map(|row| match row {
            LogRow::Line(line) => Some((
                line.at.map(|at| at / 1_000_000),
                line.node.as_str(),
                line.kind,
                line.text.as_str(),
            )),
            _ => None,
        })
        .collect()
}

#[test]
fn lines_stand_at_the_time_of_the_run_whatever_the_nodes_clock_said() {
    let report = fixture::whole();
    let logs = report.logs.as_ref().expect("it has logs");
    let lines = lines(&logs.rows);
    // The clock of n3 is two seconds ahead, always; that of n2 was made wrong for a while.
    assert!(
        lines.contains(&(
            Some(31_300),
            "n3",
            LogKind::Leader,
            "became leader at term 3"
        )),
        "{lines:#?}"
    );
    let wrong = logs.rows.iter().find_map(|row| match row {
        LogRow::Line(line) if line.kind == LogKind::Error => Some(line),
        _ => None,
    });
    let wrong = wrong.expect("errors are picked");
    assert_eq!(wrong.at.map(|at| at / 1_000_000), Some(51_000));
    assert!(wrong.corrected, "and it says so");
    // What has no time of its own stands with its neighbours.
    let panic = lines.iter().find(|(_, _, kind, _)| *kind == LogKind::Panic);
    assert_eq!(panic.expect("panics are picked").0, Some(48_000));
    let times: Vec<_> = lines.iter().map(|(at, ..)| *at).collect();
    assert!(times.is_sorted(), "in order of time: {times:?}");
}

#[test]
fn what_matters_is_picked_and_the_rest_is_counted() {
    let report = fixture::whole();
    let logs = report.logs.as_ref().expect("it has logs");
    let n1 = &logs.nodes[0];
    assert_eq!((n1.lines, n1.counts[&LogKind::Warning]), (280, 40));
    let of_n1: Vec<_> = lines(&logs.rows)
        .into_iter()
        .filter(|(_, node, ..)| *node == "n1")
        .collect();
    let noise = of_n1
        .iter()
        .filter(|(_, _, kind, _)| *kind == LogKind::Plain);
    assert!(noise.count() <= 3, "said over and over: {of_n1:#?}");
    let more: u64 = logs
        .rows
        .iter()
        .map(|row| match row {
            LogRow::Line(line) if line.kind == LogKind::Warning => line.more + 1,
            _ => 0,
        })
        .sum();
    assert_eq!(more, 40, "all that say the same are counted");
    let page = html::page(&report);
    for part in [
        "and 37 more that say the same",
        "goroutine 1 [running]",
        "2.0 s ahead, give or take 2.0 ms",
        "≈ 0:51.000",
        "<b>injected</b> <bdi>partition {n1 n2} | {n3 n4 n5}</bdi>",
    ] {
        assert!(page.contains(part), "{part:?}");
    }
    page_elements(&page);
}

#[test]
fn a_log_of_any_size_makes_a_page_of_bounded_size() {
    let line = |i: u64| {
        format!(
            "2026-11-21 02:45:{:02}.{:03} ERROR {} failed\n",
            27 + i % 30,
            i % 1000,
            "x".repeat(1 + (i % 97) as usize)
        )
    };
    let text: String = (0..50_000).map(line).collect();
    let logs: Vec<NodeLog> = (0..100)
        .map(|i| NodeLog {
            node: format!("n{i}"),
            file: format!("nodes/n{i}/log"),
            text: if i < 2 { text.clone() } else { line(i) },
            left_out: 7_000_000,
            clock: None,
        })
        .collect();
    let bare = html::page(&fixture::passing()).len();
    let page = html::page(&fixture::passing().with_logs(&logs));
    assert!(
        page.len() < bare + 400_000,
        "{} bytes more",
        page.len() - bare
    );
    for part in [
        "70 more nodes not shown",
        "the first 7,000,000 bytes were not read",
    ] {
        assert!(page.contains(part), "{part:?}");
    }
}

#[test]
fn a_run_without_logs_says_so_and_one_without_its_beginning_has_no_times() {
    let page = html::page(&fixture::passing());
    assert!(page.contains("No log of a node was fetched."));
    assert!(!page.contains("What they wrote"));
    let mut report = fixture::passing();
    report.meta.zero = None;
    let report = report.with_logs(&fixture::logs());
    let page = html::page(&report);
    assert!(page.contains("When the run began is not on record"));
    let logs = report.logs.expect("it has logs");
    assert!(lines(&logs.rows).iter().all(|(at, ..)| at.is_none()));
}

#[test]
fn sides_and_clocks_are_drawn_where_there_is_something_to_draw() {
    let page = html::page(&fixture::whole());
    for part in [
        "Share of reads and writes that were ok",
        ">minority</text>",
        ">+20.5 s</text>",
        "By how much the clock of each node was wrong",
        "while it was to be wrong",
        "after it was mended",
    ] {
        assert!(page.contains(part), "{part:?}");
    }
    let bare = html::page(&fixture::quiet());
    for part in [
        "Share of reads",
        "By how much the clock",
        "Clocks as they were measured",
    ] {
        assert!(!bare.contains(part), "{part:?}");
    }
}

#[test]
fn the_shares_of_a_side_are_those_of_its_calls() {
    let report = fixture::whole();
    let fault = &report.faults[0];
    for side in &report.sides {
        let (mut ok, mut of) = (0, 0);
        for share in side.reads.iter().chain(&side.writes) {
            ok += share.ok;
            of += share.of;
        }
        let told = fault.sides.iter().find(|s| s.role == side.role);
        let counts = told.expect("the table has it").counts;
        assert_eq!((ok, of), (counts.ok, counts.total()), "{}", side.role);
        assert!(of > 0, "somebody asked");
    }
    assert_eq!(report.sides.len(), 2);
}

#[test]
fn the_first_screen_says_what_it_means_how_sure_and_what_to_type() {
    let hero = |report: &schism_reports::Report| {
        let page = html::page(report);
        let end = page.find("<dl class=\"facts\">").expect("it has facts");
        page[..end].to_owned()
    };
    for (report, parts) in [
        (
            fixture::failing(100),
            [
                "linearizable</bdi> means",
                "Certain; 3 calls prove it.",
                "schism repro 20261121T024512Z-k3f9 --tries 20",
            ],
        ),
        (
            fixture::passing(),
            [
                "linearizable</bdi> means",
                "Evidence, not proof",
                "schism run etcd --lab 5 --time 60s --seed 0x5eed1a7c",
            ],
        ),
        (
            fixture::undecided(),
            [
                "linearizable</bdi> means",
                "in too little evidence",
                "schism run etcd",
            ],
        ),
        (
            fixture::interrupted(),
            [
                "linearizable looked at",
                "what was still to come was not looked at",
                "schism run etcd",
            ],
        ),
    ] {
        let hero = hero(&report);
        for part in parts {
            assert!(hero.contains(part), "{part:?} is not in\n{hero}");
        }
    }
}

#[test]
fn a_run_that_broke_says_what_where_and_what_to_type() {
    let page = broken::page(&fixture::broken());
    for part in [
        "<title>! ERROR register × partition+kill × etcd</title>",
        "n2: cannot reach 10.77.0.2:22",
        "<dt>On</dt><dd><bdi>n2</bdi>",
        "its SSH server does not run",
        "neither a pass nor a fail",
        "<code><bdi>schism doctor etcd</bdi></code>",
        "schism run etcd --lab 5 --time 60s --seed 0x5eed1a7c",
        "The last 40 of 60 lines of log.txt.",
        "No call had been made.",
    ] {
        assert!(page.contains(part), "{part:?} is not in\n{page}");
    }
    assert!(!page.contains("<script"));
    page_elements(&page);
    let later = broken::page(&Aftermath {
        calls: 12_345,
        phase: "workload".to_owned(),
        message: "n3: no end after 10s: etcd".to_owned(),
        in_force: vec!["partition {n1} | {n2 n3}".to_owned()],
        logs: fixture::logs(),
        ..fixture::broken()
    });
    for part in [
        "while clients were at work",
        "12,345 calls were recorded before and not judged.",
        "schism check 20261121T024512Z-k3f9",
        "schism heal 20261121T024512Z-k3f9",
        "partition {n1} | {n2 n3}",
        "did not end within its deadline",
        "nodes/n4/etcd.log",
    ] {
        assert!(later.contains(part), "{part:?} is not in\n{later}");
    }
    // Of nothing at all, too.
    let nothing = broken::page(&Aftermath::default());
    assert!(nothing.contains("says nothing about the system"));
    page_elements(&nothing);
}

#[test]
fn hostile_text_is_inert_on_the_page_of_a_run_that_broke() {
    let page = |s: &str| {
        let text = || s.to_owned();
        broken::page(&Aftermath {
            meta: RunMeta {
                target: text(),
                run: text(),
                workload: text(),
                argv: vec![text(), text(), "--node".to_owned(), text()],
                config: text(),
                nodes: vec![text()],
                ..fixture::meta()
            },
            phase: text(),
            message: text(),
            calls: 1,
            in_force: vec![text()],
            log: vec![text()],
            logs: vec![NodeLog {
                node: text(),
                file: text(),
                text: s.replace('\n', " ") + "x",
                left_out: 0,
                clock: None,
            }],
        })
    };
    let benign = page_elements(&page("benign"));
    for attack in attacks() {
        let page = page(&attack);
        let mut counts = page_elements(&page);
        // The advice is chosen by words, and an attack may have some of them.
        let mut wanted = benign.clone();
        for name in ["div", "dt", "dd", "li", "code", "span", "bdi"] {
            counts.remove(name);
            wanted.remove(name);
        }
        assert_eq!(counts, wanted, "{attack:?}");
        assert!(!page.contains(['\u{202e}', '\x1b', '\0']), "{attack:?}");
    }
}
