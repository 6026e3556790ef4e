//! The page in a real browser: Chromium without a window and without a network, from a file.
//!
//! The same pages in Firefox, too. Skipped, with a word, where there is no such browser, unless `SCHISM_REQUIRE_BROWSER=1`. Pictures and printed pages are kept
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
mod firefox;
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
use firefox::firefox;
use history::{Key, Outcome, Reason, RegisterOp};
use schism_reports::{Report, broken, html};
use serde_json::{Value, json};
use tempfile::TempDir;

/// One of each kind.
fn kinds() -> Vec<(&'static str, Report)> {
    vec![
        ("fail", fixture::failing(6_000)),
        ("whole", fixture::whole()),
        ("pass", fixture::passing()),
        ("unknown", fixture::undecided()),
        ("interrupted", fixture::interrupted()),
        ("no-calls", fixture::empty()),
        ("no-faults", fixture::quiet()),
        ("one-call", fixture::single()),
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
        assert_no_nonsense(name, text);
        for drawing in drawings(&mut browser) {
            assert_no_nonsense(name, &drawing);
        }
        assert_eq!(browser.eval(EMPTY_SECTIONS), json!([]), "{name}");
        assert!(text.contains(report.conclusion.loud()), "{name}");
        tells(name, &report, text);
        keep(
            &format!("{name}.html"),
            &STANDARD.encode(html::page(&report)),
        );
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

/// Sections that have a heading and nothing else, and boxes with nothing in them.
const EMPTY_SECTIONS: &str = "[...document.querySelectorAll('main section, main figure, main details, main dl, main table')] \
    .filter((one) => { const copy = one.cloneNode(true); \
        copy.querySelectorAll('h2, h3, caption, figcaption, summary').forEach((head) => head.remove()); \
        return !copy.querySelector('svg, canvas, input, select') && copy.textContent.trim() === ''; }) \
    .map((one) => one.outerHTML.slice(0, 200))";

/// The text of a page says no value that was never there, and promises nothing about a database.
fn assert_no_nonsense(name: &str, text: &str) {
    for bad in ["NaN", "undefined", "[object", " holds", "Infinity", "null"] {
        assert!(!text.contains(bad), "{name} says {bad:?}:\n{text}");
    }
}

/// Verdict, story, findings, how sure that is, what to type next: on the page of whatever run.
fn tells(name: &str, report: &Report, text: &str) {
    let words = |text: &str| {
        text.split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .to_lowercase()
    };
    let text = words(text);
    let mut parts = vec![report.story.clone(), "How sure".to_owned()];
    if !report.meta.run.is_empty() {
        parts.extend(["Type next".to_owned(), "schism ".to_owned()]);
    }
    for view in report.findings.iter().take(html::MAX_CARDS) {
        parts.extend([view.finding.title.clone(), view.finding.explanation.clone()]);
    }
    for part in parts {
        assert!(
            text.contains(&words(&part)),
            "{name}: {part:?} is not in\n{text}"
        );
    }
}

/// The markup of the drawings: a coordinate that is no number would show nowhere else.
fn drawings(browser: &mut Browser) -> Vec<String> {
    let all = browser.eval("[...document.querySelectorAll('svg')].map((one) => one.outerHTML)");
    let all = all.as_array().expect("a list").clone();
    all.iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_page_of_a_run_that_broke_opens_everywhere() {
    let Some(mut browser) = browser() else { return };
    let pages = Pages::new();
    let page = pages.0.path().join("broken.html");
    let broken = broken::Aftermath {
        calls: 12_345,
        phase: "workload".to_owned(),
        in_force: vec!["partition {n1} | {n2 n3}".to_owned()],
        logs: fixture::logs(),
        ..fixture::broken()
    };
    std::fs::write(&page, broken::page(&broken)).expect("a page is written");
    for scripts in [true, false] {
        browser.scripts(scripts);
        browser.open(&page);
        quiet(&browser, "broken");
        let text = browser.eval("document.body.innerText");
        let text = text.as_str().expect("a page has text");
        assert_no_nonsense("broken", text);
        assert!(
            text.contains("ERROR") && text.contains("schism doctor"),
            "{text}"
        );
        assert_eq!(browser.eval(EMPTY_SECTIONS), json!([]));
    }
    browser.scripts(true);
    for dark in [false, true] {
        browser.dark(dark);
        browser.open(&page);
        let palette = if dark { "dark" } else { "light" };
        keep(&format!("broken-{palette}.png"), &browser.picture());
        if let Some(axe) = AXE.as_deref() {
            assert_eq!(violations(&mut browser, axe), json!([]), "dark: {dark}");
        }
    }
    browser.size(390, 844);
    browser.eval("new Promise(requestAnimationFrame)");
    let wide = browser.eval("document.documentElement.scrollWidth");
    assert_eq!(wide, json!(390), "wider than a phone");
    keep("broken-phone.png", &browser.picture());
}

#[test]
fn without_scripts_the_page_has_verdict_findings_matrix_and_faults() {
    let Some(mut browser) = browser() else { return };
    let pages = Pages::new();
    browser.scripts(false);
    for (name, report) in [
        ("fail", fixture::failing(500)),
        ("whole", fixture::whole()),
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
        if let Some(text) = printed_text(&bytes) {
            let words: Vec<&str> = text.split_whitespace().collect();
            let text = words.join(" ").to_lowercase();
            for part in [
                &report.story[..60],
                &report.findings[0].finding.title,
                "Could it be the test?",
                "Type next",
                "How to run this again",
            ] {
                assert!(
                    text.contains(&part.to_lowercase()),
                    "{name}: {part:?} is not on paper:\n{text}"
                );
            }
        }
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

/// The text of a printed page, where Debian's poppler-utils are there to read it.
fn printed_text(pdf: &[u8]) -> Option<String> {
    let place = tempfile::tempdir().expect("a place");
    let file = place.path().join("page.pdf");
    std::fs::write(&file, pdf).expect("writable");
    let Ok(out) = Command::new("pdftotext").arg(&file).arg("-").output() else {
        assert!(!required(), "no pdftotext: apt-get install poppler-utils");
        eprintln!("the text on paper was not looked at: apt-get install poppler-utils");
        return None;
    };
    assert!(
        out.status.success(),
        "pdftotext: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    Some(String::from_utf8_lossy(&out.stdout).into_owned())
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
            let found = violations(&mut browser, axe);
            assert_eq!(found, json!([]), "{name}, dark: {dark}");
        }
    }
}

/// What axe-core finds on the open page, with everything unfolded.
fn violations(browser: &mut Browser, axe: &str) -> Value {
    browser.eval("document.querySelectorAll('details').forEach((one) => { one.open = true; })");
    browser.eval(&format!("{axe};0"));
    browser.eval(
        "axe.run(document).then((r) => r.violations.map((v) => v.id + ': ' + v.help + ': ' \
         + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + ' ' + n.failureSummary).join(' | ')))",
    )
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

#[test]
fn firefox_shows_the_same() {
    let Some(mut firefox) = firefox() else { return };
    let pages = Pages::new();
    for (name, report) in kinds() {
        firefox.open(&pages.write(name, &report));
        firefox.until("!document.getElementById('calls-data') || window.wrappedJSObject?.schism || window.schism");
        let text = firefox.eval("document.body.innerText");
        let text = text.as_str().expect("a page has text");
        assert_no_nonsense(name, text);
        assert!(text.contains(report.conclusion.loud()), "{name}");
        assert_eq!(
            firefox.eval("document.title"),
            json!(report.title()),
            "{name}"
        );
        // Nothing but the file itself was loaded.
        let loaded = firefox.eval("performance.getEntriesByType('resource').length");
        assert_eq!(loaded, json!(0), "{name} asks somebody");
        assert_eq!(firefox.eval(EMPTY_SECTIONS), json!([]), "{name}");
        if report.calls.of > 0 && report.timed {
            // The calls were unpacked, and something is drawn.
            let calls = firefox.eval("(window.wrappedJSObject || window).schism.calls");
            assert_eq!(calls, json!(report.calls.shown), "{name}");
            let drawn = "(() => { const c = document.getElementById('x-canvas'); \
                const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; \
                return d.some((v, i) => i % 4 === 3 && v > 0); })()";
            assert_eq!(firefox.eval(drawn), json!(true), "{name}: nothing is drawn");
        }
        if name == "whole" {
            keep("whole-firefox.png", &firefox.picture());
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
    let text = browser.eval("document.body.innerText");
    let text = text.as_str().expect("a page has text");
    assert_no_nonsense(name, text);
    tells(name, &report, text);
    keep(
        &format!("{name}.html"),
        &STANDARD.encode(html::page(&report)),
    );
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
