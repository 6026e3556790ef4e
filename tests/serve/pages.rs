//! The pages in a real browser: no complaint, and no request but to the server. Pictures are kept where `SCHISM_ARTEFACTS` says.

use std::{path::Path, process::Stdio};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::{
    PLACE, RUN, attacks,
    chromium::{Browser, browser},
    server::{PATIENCE, Server, a_run},
    support::{Shell, eventually},
};

fn quiet(browser: &Browser, server: &Server, name: &str) {
    assert_eq!(browser.complaints(), [""; 0], "{name} complains");
    let origin = format!("http://{}/", server.at);
    let asked = browser.asked();
    assert!(!asked.is_empty(), "{name} was asked for");
    let others: Vec<_> = asked
        .iter()
        .filter(|url| !url.starts_with(&origin))
        .collect();
    assert_eq!(others, [""; 0], "{name} asks somebody else");
}

/// Keeps pictures of the page: light, dark, and as wide as a phone, on which nothing may stick out.
fn keep(browser: &mut Browser, name: &str) {
    let picture = |browser: &mut Browser, palette: &str| {
        let Some(place) = std::env::var_os("SCHISM_ARTEFACTS") else {
            return;
        };
        let place = Path::new(&place).join("serve");
        std::fs::create_dir_all(&place).expect("a place for artefacts");
        let bytes = STANDARD.decode(browser.picture()).expect("base64");
        std::fs::write(place.join(format!("{name}-{palette}.png")), bytes).expect("writable");
    };
    picture(browser, "light");
    browser.dark(true);
    picture(browser, "dark");
    browser.dark(false);
    browser.size(390, 844);
    browser.eval("new Promise(requestAnimationFrame)");
    let wide = browser.eval("document.documentElement.scrollWidth");
    assert_eq!(wide, json!(390), "{name} is wider than a phone");
    picture(browser, "phone");
    browser.size(1400, 1000);
}

#[test]
fn index_live_page_history_and_report_work_and_ask_nobody_else() {
    let Some(mut browser) = browser() else { return };
    let shell = Shell::new();
    std::fs::create_dir(shell.path().join("runs")).expect("writable");
    let server = Server::start(&shell);
    let url = |path: &str| format!("http://{}{path}", server.at);
    let mut run = shell
        .command(&["run", "embedded", "--faults", "partition", "--time", "15s"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    assert!(
        eventually(PATIENCE, || server.get("/").text().contains("href=\"live/")),
        "it is listed"
    );
    browser.go(&url("/"));
    quiet(&browser, &server, "the index");
    keep(&mut browser, "index");
    let live = browser.eval("document.querySelector('#now a').href");
    let live = live.as_str().expect("a link").to_owned();
    browser.go(&live);
    browser.until("Number(document.getElementById('ok').textContent.replace(/\\D/g, '')) > 0");
    browser.until("document.getElementById('log').textContent.length > 0");
    browser.until("document.getElementById('events').childElementCount > 0");
    browser.until("document.getElementById('faults').childElementCount > 0");
    keep(&mut browser, "live");
    browser.until("document.body.dataset.over");
    assert!(run.wait().expect("a child").success());
    let verdict = browser.eval("document.getElementById('verdict').textContent");
    assert_eq!(verdict, json!("✓ pass: no violation found"));
    quiet(&browser, &server, "the live page");
    keep(&mut browser, "over");
    let report = browser.eval("document.getElementById('report').href");
    browser.go(report.as_str().expect("a link to the report"));
    browser.until("window.schism");
    quiet(&browser, &server, "the report");
    browser.go(&live.replace("/live/", "/history/"));
    browser.until("document.body.dataset.read");
    browser.until("document.getElementById('rows').childElementCount > 0");
    let first = browser.eval("Number(document.getElementById('from').value)");
    let first = first.as_f64().expect("a number");
    assert!(
        first > 0.0,
        "the first events are shown, whenever they were"
    );
    browser.eval("document.getElementById('later').click()");
    browser.until("document.body.dataset.read === '2'");
    let next = browser.eval("Number(document.getElementById('from').value)");
    assert!(next.as_f64().expect("a number") > first);
    browser.until("document.getElementById('rows').childElementCount > 0");
    keep(&mut browser, "history");
    quiet(&browser, &server, "the history");
}

#[test]
fn hostile_texts_stay_texts() {
    let Some(mut browser) = browser() else { return };
    let shell = Shell::new();
    a_run(&shell, PLACE, true);
    let dir = shell.path().join("runs").join(PLACE);
    let (mut events, mut log, mut history) = (String::new(), String::new(), String::new());
    for (i, attack) in attacks().iter().enumerate() {
        events.push_str(&format!(
            "{}\n",
            json!({"v": 1, "t": 1, "type": "violation", "what": attack, "time": 1})
        ));
        events.push_str(&format!(
            "{}\n",
            json!({"v": 1, "t": 1, "type": attack, "text": attack})
        ));
        log.push_str(&format!("{}\n", attack.replace('\n', " ")));
        history.push_str(&format!("{}\n", json!({"index": i, "time": i, "process": 1, "type": attack, "f": attack, "key": attack, "value": attack, "node": attack})));
    }
    history.push_str(
        "{\"index\":99,\"time\":99,\"process\":1,\"type\":\"ok\",\"value\":9007199254740993}\n",
    );
    for (name, text) in [
        ("events.jsonl", events),
        ("log.txt", log),
        ("history.jsonl", history),
    ] {
        std::fs::write(dir.join(name), text).expect("writable");
    }
    let server = Server::start(&shell);
    for (page, ready) in [
        (
            format!("/live/{RUN}"),
            "document.getElementById('violations').childElementCount > 0",
        ),
        (
            format!("/history/{RUN}"),
            "document.getElementById('rows').childElementCount > 0",
        ),
    ] {
        browser.go(&format!("http://{}{page}", server.at));
        browser.until(ready);
        assert_eq!(
            browser.eval("typeof window.pwned"),
            json!("undefined"),
            "{page}"
        );
        let made = browser.eval("document.querySelectorAll('img, iframe, main a[href^=javascript], main script, svg[onload]').length");
        assert_eq!(made, json!(0), "{page}");
        let text = browser.eval("document.body.innerText");
        let text = text.as_str().expect("text");
        for bad in ['\u{202e}', '\u{1b}', '\0', '\u{fffe}'] {
            assert!(!text.contains(bad), "{bad:?} on {page}");
        }
        assert!(
            text.contains("onerror=alert(1)"),
            "{page} shows what was said"
        );
        quiet(&browser, &server, &page);
    }
    let text = browser.eval("document.getElementById('rows').innerText");
    assert!(
        text.as_str().expect("text").contains("9007199254740993"),
        "no digit is lost"
    );
}
