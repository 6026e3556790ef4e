//! The page in a real browser: Chromium without a window and without a network, from a file.
//!
//! Skipped, with a word, where there is no Chromium, unless `SCHISM_REQUIRE_BROWSER=1`. Pictures and printed pages are kept
//! where `SCHISM_ARTEFACTS` says. axe-core comes from npm's registry, into cargo's place for what tests make.

#![expect(
    clippy::disallowed_methods,
    reason = "a test writes the pages that it opens"
)]
#![expect(
    clippy::print_stderr,
    reason = "what is skipped, and what was measured"
)]

mod chromium;
#[path = "../support/fixture.rs"]
mod fixture;
#[path = "../support/hostile.rs"]
mod hostile;
#[path = "../support/transactions.rs"]
mod transactions;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use checkers::{Finding, Verdict};
use chromium::{Browser, browser, required};
use history::{Key, Outcome, Reason, RegisterOp};
use schism_reports::{Report, html};
use serde_json::{Value, json};
use tempfile::TempDir;

/// One of each kind.
fn kinds() -> Vec<(&'static str, Report)> {
    vec![
        ("fail", fixture::failing(6_000)),
        ("pass", fixture::passing()),
        ("unknown", fixture::undecided()),
        ("interrupted", fixture::interrupted()),
        ("no-calls", fixture::empty()),
        ("no-faults", fixture::quiet()),
        ("few-calls", fixture::failing(0)),
        ("transactions", transactions::write_skew()),
        ("queue", transactions::lost_message()),
        (
            "simulated-transactions",
            transactions::simulated_transactions(),
        ),
        ("simulated-queue", transactions::simulated_queue()),
    ]
}

struct Pages(TempDir);

impl Pages {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a place for pages"))
    }

    fn write(&self, name: &str, report: &Report) -> PathBuf {
        let path = self.0.path().join(format!("{name}.html"));
        std::fs::write(&path, html::page(report)).expect("a page is written");
        path
    }
}

fn keep(name: &str, base64: &str) {
    let Some(place) = std::env::var_os("SCHISM_ARTEFACTS") else {
        return;
    };
    let place = Path::new(&place).join("report");
    std::fs::create_dir_all(&place).expect("a place for artefacts");
    let bytes = STANDARD.decode(base64).expect("base64");
    std::fs::write(place.join(name), bytes).expect("an artefact is written");
}

fn is_ready(browser: &mut Browser) {
    browser.until("!document.getElementById('calls-data') || window.schism");
}

fn quiet(browser: &Browser, name: &str) {
    assert_eq!(browser.requests(), [""; 0], "{name} asks somebody");
    assert_eq!(browser.complaints(), [""; 0], "{name} complains");
}

#[test]
fn every_kind_of_page_opens_from_a_file_asks_nobody_and_complains_of_nothing() {
    let Some(mut browser) = browser() else { return };
    let pages = Pages::new();
    for (name, report) in kinds() {
        let page = pages.write(name, &report);
        browser.size(1400, 1000);
        browser.open(&page);
        is_ready(&mut browser);
        quiet(&browser, name);
        let text = browser.eval("document.body.innerText");
        let text = text.as_str().expect("a page has text");
        for bad in ["NaN", "undefined", "[object", " holds", "Infinity", "null"] {
            assert!(!text.contains(bad), "{name} says {bad:?}:\n{text}");
        }
        assert!(text.contains(report.conclusion.loud()), "{name}");
        let title = browser.eval("document.title");
        assert_eq!(title, json!(report.title()), "{name}");
        for dark in [false, true] {
            browser.dark(dark);
            let palette = if dark { "dark" } else { "light" };
            keep(&format!("{name}-{palette}.png"), &browser.picture());
        }
        browser.dark(false);
        browser.size(390, 844);
        browser.eval("new Promise(requestAnimationFrame)");
        let wide = browser.eval("document.documentElement.scrollWidth");
        assert_eq!(wide, json!(390), "{name} is wider than a phone");
        keep(&format!("{name}-phone.png"), &browser.picture());
    }
}

#[test]
fn without_scripts_the_page_has_verdict_findings_matrix_and_faults() {
    let Some(mut browser) = browser() else { return };
    let pages = Pages::new();
    browser.scripts(false);
    for (name, report) in [
        ("fail", fixture::failing(500)),
        ("transactions", transactions::write_skew()),
    ] {
        browser.open(&pages.write(name, &report));
        quiet(&browser, name);
        let text = browser.eval("document.body.innerText");
        // Headings are in capitals by style.
        let text = text.as_str().expect("a page has text").to_lowercase();
        let finding = &report.findings[0].finding;
        let model = report.matrix.rows[0].model.as_str();
        for part in [
            "FAIL",
            &finding.explanation,
            model,
            "Could it be the test?",
            "0/20 probes crossed",
            "needs JavaScript",
        ] {
            assert!(
                text.contains(&part.to_lowercase()),
                "{name} lacks {part:?}:\n{text}"
            );
        }
        assert!(
            !text.contains("hide the others"),
            "{name} shows what would not work"
        );
        assert_eq!(
            browser.eval("document.querySelectorAll('.card svg').length"),
            json!(1)
        );
    }
    let circle = browser.eval("document.querySelectorAll('svg.circle .edge').length");
    assert_eq!(circle, json!(2));
}

#[test]
fn hostile_text_does_nothing() {
    let Some(mut browser) = browser() else { return };
    let pages = Pages::new();
    let shape = "[document.scripts.length, document.images.length, document.querySelectorAll('[onload],[onerror]').length]";
    for attack in hostile::attacks() {
        browser.open(&pages.write("hostile", &hostile::report(&attack)));
        is_ready(&mut browser);
        quiet(&browser, &attack);
        assert_eq!(browser.eval(shape), json!([2, 0, 0]), "{attack:?}");
        assert_eq!(
            browser.eval("typeof pwned"),
            json!("undefined"),
            "{attack:?}"
        );
        // What the script puts into the page, too.
        browser.eval("document.getElementById('x-list').open = true, document.getElementById('x-canvas').focus()");
        browser.press("Enter");
        browser.until("schism.picked() === 0 && document.getElementById('x-body').rows.length > 0");
        quiet(&browser, &attack);
        assert_eq!(browser.eval(shape), json!([2, 0, 0]), "{attack:?}");
    }
    // What slipped in would not run: the policy names our script alone.
    browser
        .eval("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"pwned=1\">')");
    let script = "{ const s = document.createElement('script'); s.textContent = 'pwned=1'; document.body.append(s); }";
    browser.eval(script);
    browser.eval("new Promise((done) => setTimeout(done, 200))");
    assert_eq!(browser.eval("typeof pwned"), json!("undefined"));
}

#[test]
fn the_keyboard_reaches_a_finding_and_walks_its_calls() {
    let Some(mut browser) = browser() else { return };
    let pages = Pages::new();
    let report = fixture::failing(2_000);
    browser.open(&pages.write("keys", &report));
    is_ready(&mut browser);
    browser.press("Tab");
    assert_eq!(
        browser.eval("document.activeElement.className"),
        json!("skip")
    );
    let mut pressed = 1;
    while browser.eval("document.activeElement.className") != json!("open") {
        browser.press("Tab");
        pressed += 1;
        assert!(pressed < 40, "no way to the finding");
        let seen = "(() => { const r = document.activeElement.getBoundingClientRect(); return r.width > 0 && r.height > 0; })()";
        assert_eq!(
            browser.eval(seen),
            json!(true),
            "the focus went where nobody sees it"
        );
    }
    browser.press("Enter");
    browser.until("document.activeElement.id === 'x-canvas' && location.hash.includes('f=1')");
    assert!(said(&mut browser).contains("Finding 1"));
    let rows = &report.findings[0].rows;
    for row in rows {
        browser.press("]");
        assert_eq!(index(&mut browser), row.index, "{}", said(&mut browser));
        assert!(said(&mut browser).contains(&row.text));
    }
    browser.press("[");
    assert_eq!(index(&mut browser), rows[rows.len() - 2].index);
    // The address opens the same view again.
    let picked = rows[rows.len() - 2].index;
    browser.until(&format!("location.hash.endsWith('op={picked}')"));
    let hash = browser.eval("location.hash");
    let panel = browser.eval("document.getElementById('x-picked').innerText");
    let page = pages.0.path().join("keys.html");
    browser.open_at(&page, hash.as_str().expect("text"));
    is_ready(&mut browser);
    assert_eq!(
        browser.eval("document.getElementById('x-picked').innerText"),
        panel
    );
    browser.press("Escape");
    quiet(&browser, "keys");
}

fn said(browser: &mut Browser) -> String {
    let said = browser.eval("document.getElementById('x-said').textContent");
    said.as_str().unwrap_or_default().to_owned()
}

fn index(browser: &mut Browser) -> u32 {
    let said =
        browser.eval("/Call (\\d+)/.exec(document.getElementById('x-picked').textContent)[1]");
    said.as_str()
        .and_then(|n| n.parse().ok())
        .expect("an index")
}

#[test]
fn filters_choose_what_they_say() {
    let Some(mut browser) = browser() else { return };
    let pages = Pages::new();
    let report = fixture::failing(3_000);
    browser.open(&pages.write("filters", &report));
    is_ready(&mut browser);
    let counts = |browser: &mut Browser| -> Vec<u64> {
        let counts = browser.eval("['ok','fail','info'].map((o) => +document.getElementById('n-' + o).textContent.replaceAll(',', ''))");
        counts
            .as_array()
            .expect("three")
            .iter()
            .filter_map(Value::as_u64)
            .collect()
    };
    let c = report.stats.counts;
    assert_eq!(counts(&mut browser), [c.ok, c.fail, c.info]);
    let search = |browser: &mut Browser, query: &str, n: u64| {
        browser.eval(&format!(
            "{{ const q = document.getElementById('x-q'); q.value = {}; q.dispatchEvent(new Event('input')); }}",
            json!(query)
        ));
        let grouped = "(n) => n.toLocaleString('en')";
        browser.until(&format!(
            "document.getElementById('x-said').textContent.startsWith(({grouped})({n}) + ' of ')"
        ));
    };
    let errors = |class: &str| -> u64 {
        report
            .stats
            .errors
            .iter()
            .filter(|e| e.class == class)
            .map(|e| e.count)
            .sum()
    };
    search(&mut browser, "error:timeout", errors("timeout"));
    assert_eq!(counts(&mut browser), [0, 0, errors("timeout")]);
    search(&mut browser, "error:refused", errors("refused"));
    search(&mut browser, "op:0", 1);
    search(&mut browser, "no-such-thing", 0);
}

#[test]
fn it_prints_without_its_controls() {
    let Some(mut browser) = browser() else { return };
    let pages = Pages::new();
    for (name, report) in [
        ("fail", fixture::failing(2_000)),
        ("transactions", transactions::write_skew()),
    ] {
        browser.dark(true);
        browser.open(&pages.write(name, &report));
        is_ready(&mut browser);
        let printed = browser.call(
            "Page.printToPDF",
            json!({"printBackground": true, "preferCSSPageSize": true}),
        );
        let data = printed["data"].as_str().expect("a document");
        keep(&format!("{name}.pdf"), data);
        let bytes = STANDARD.decode(data).expect("base64");
        assert!(bytes.starts_with(b"%PDF"));
        let pages = bytes
            .windows(12)
            .filter(|w| w.starts_with(b"/Type /Page\n"))
            .count();
        assert!((2..=12).contains(&pages), "{name}: {pages} pages");
        browser.call("Emulation.setEmulatedMedia", json!({"media": "print"}));
        let shown =
            |id: &str| format!("document.getElementById('{id}').getClientRects().length > 0");
        assert_eq!(browser.eval(&shown("explorer")), json!(false));
        assert_eq!(browser.eval(&shown("theme")), json!(false));
        assert_eq!(browser.eval(&shown("f1")), json!(true));
        let paper = browser.eval("getComputedStyle(document.body).backgroundColor");
        assert_eq!(paper, json!("rgb(255, 255, 255)"), "paper is white");
        browser.call("Emulation.setEmulatedMedia", json!({"media": ""}));
    }
}

/// axe-core's script, from npm.
static AXE: LazyLock<Option<String>> = LazyLock::new(|| {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("axe-core-4.14.1");
    let script = place.join("package/axe.min.js");
    if !script.exists() {
        std::fs::create_dir_all(&place).ok()?;
        let fetch = "npm pack --silent axe-core@4.14.1 && tar -xzf axe-core-4.14.1.tgz";
        let fetched = Command::new("sh")
            .args(["-c", fetch])
            .current_dir(&place)
            .output();
        if !fetched.is_ok_and(|out| out.status.success()) {
            return None;
        }
    }
    std::fs::read_to_string(script).ok()
});

#[test]
fn axe_finds_nothing() {
    let Some(mut browser) = browser() else { return };
    let Some(axe) = AXE.as_deref() else {
        assert!(!required(), "axe-core cannot be fetched: npm pack axe-core");
        eprintln!("skipped: axe-core cannot be fetched");
        return;
    };
    let pages = Pages::new();
    for (name, report) in kinds() {
        let page = pages.write(name, &report);
        for dark in [false, true] {
            browser.dark(dark);
            browser.open(&page);
            is_ready(&mut browser);
            browser.eval(
                "document.querySelectorAll('details').forEach((one) => { one.open = true; })",
            );
            browser.eval(&format!("{axe};0"));
            let found = browser.eval(
                "axe.run(document).then((r) => r.violations.map((v) => v.id + ': ' + v.help + ': ' \
                 + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + ' ' + n.failureSummary).join(' | ')))",
            );
            assert_eq!(found, json!([]), "{name}, dark: {dark}");
        }
    }
}

#[test]
fn colours_are_told_apart() {
    let Some(mut browser) = browser() else { return };
    let pages = Pages::new();
    browser.open(&pages.write("colours", &fixture::failing(300)));
    is_ready(&mut browser);
    let contrast = |name: &str| {
        format!(
            "(() => {{ const style = getComputedStyle(document.documentElement); const c = document.createElement('canvas').getContext('2d', {{willReadFrequently: true}}); \
             const light = (name) => {{ c.fillStyle = style.getPropertyValue(name).trim(); c.fillRect(0, 0, 1, 1); \
             const [r, g, b] = [...c.getImageData(0, 0, 1, 1).data].map((v) => {{ v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }}); \
             return 0.2126 * r + 0.7152 * g + 0.0722 * b; }}; \
             const [a, b] = [light('--{name}'), light('--bg')].sort((x, y) => y - x); return (a + 0.05) / (b + 0.05); }})()"
        )
    };
    let table = [
        ("ok", 5.2, 8.0),
        ("opfail", 6.0, 7.8),
        ("info", 4.9, 10.1),
        ("pass", 6.5, 9.5),
        ("bad", 6.5, 7.9),
        ("unknown", 5.9, 12.0),
    ];
    for (name, light, dark) in table {
        for (is_dark, wanted) in [(false, light), (true, dark)] {
            browser.dark(is_dark);
            let measured = browser.eval(&contrast(name)).as_f64().expect("a number");
            assert!(
                (measured - wanted).abs() < 0.15,
                "{name}, dark: {is_dark}: {measured}"
            );
        }
    }
}

/// So many calls by fifty processes, of which a few fail and a few are lost.
fn crowd(n: u64) -> Report {
    let mut calls = fixture::Calls::new();
    let each = 60_000_000 / (n / 50);
    for i in 0..n {
        let (worker, nth) = (i % 50, i / 50);
        let noise = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let start = nth * each + noise % (each / 4 + 1);
        let end = start + 1 + (noise >> 8) % (each / 2 + 1);
        let key = Key::Int((noise % 512) as i64);
        // A lost call ends its process.
        let process = (worker + nth / 500 * 50) as u32;
        let (op, outcome) = match (nth % 500, noise % 3) {
            (499, _) => (
                RegisterOp::Write(i as i64),
                Outcome::Info(Reason::new("timeout")),
            ),
            (_, 0) => (RegisterOp::Read, fixture::value((noise % 900) as i64)),
            (_, 1) if noise % 31 == 0 => (
                RegisterOp::Write(i as i64),
                Outcome::Fail(Reason::new("refused")),
            ),
            _ => (RegisterOp::Write(i as i64), fixture::done()),
        };
        calls.call(
            (process, (worker % 5) as u16 + 1),
            (start, Some(end)),
            key,
            op,
            outcome,
        );
    }
    let (history, _) = calls.history();
    let (_, finding) = fixture::stale(0);
    let proof = &history.spans()[n as usize / 2..][..3];
    let finding = Finding {
        witness: proof.iter().map(|span| span.invoked).collect(),
        from: proof[0].start,
        until: proof[2].start,
        ..finding
    };
    let checks = vec![fixture::check("linearizable", Verdict::Fail(vec![finding]))];
    Report::new(
        fixture::meta(),
        &history,
        checks,
        vec![fixture::partition(), fixture::kill(true)],
    )
}

/// Many calls: all of them unpacked, nothing asked, and how long a redraw takes is told.
fn large(n: u64, name: &str) {
    let Some(mut browser) = browser() else { return };
    let pages = Pages::new();
    let report = crowd(n);
    assert_eq!(report.calls.of, n);
    let page = pages.write(name, &report);
    let size = std::fs::metadata(&page).expect("it is there").len();
    assert!(size < 12 << 20, "{size} bytes");
    browser.size(1400, 1000);
    browser.open(&page);
    is_ready(&mut browser);
    quiet(&browser, name);
    assert_eq!(browser.eval("schism.calls"), json!(report.calls.shown));
    let median = "(() => { const all = Array.from({length: 9}, () => schism.redraw()).sort((a, b) => a - b); return all[4]; })()";
    let out = browser.eval(median);
    browser.eval("document.getElementById('x-canvas').focus()");
    for _ in 0..7 {
        browser.press("+");
    }
    let zoomed = browser.eval(median);
    let paint =
        browser.eval("performance.getEntriesByName('first-contentful-paint')[0]?.startTime");
    eprintln!(
        "{name}: {} of {} calls, {size} bytes, redraw {out} ms, at 1 % {zoomed} ms, first paint {paint} ms",
        report.calls.shown, report.calls.of
    );
    browser.press("n");
    browser.press("]");
    browser.until("!document.getElementById('x-picked').hidden");
    keep(&format!("{name}-finding.png"), &browser.picture());
    browser.press("Escape");
    browser.press("0");
    browser.eval("document.getElementById('x-finding').value = '', document.getElementById('x-finding').dispatchEvent(new Event('change'))");
    keep(&format!("{name}.png"), &browser.picture());
}

#[test]
fn a_hundred_thousand_calls_are_unpacked_and_drawn() {
    large(100_000, "100k");
}

#[test]
fn a_million_calls_are_unpacked_and_drawn() {
    large(1_000_000, "1M");
}
