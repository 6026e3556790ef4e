//! A history of a hundred megabytes: windows and downloads cost no more memory than of a small one.

use std::{
    fmt::Write as _,
    io::{BufWriter, Write as _},
};

use serde_json::Value;

use super::{
    PLACE, RUN,
    server::{Server, a_run},
    support::Shell,
};

const EVENTS: u64 = 800_000;

fn line(line: &mut String, i: u64) {
    line.clear();
    let (kind, value) = if i.is_multiple_of(2) {
        ("invoke", 'a')
    } else {
        ("ok", 'b')
    };
    let _ = writeln!(
        line,
        "{{\"index\":{i},\"time\":{},\"process\":{},\"type\":\"{kind}\",\"f\":\"write\",\"key\":{},\"value\":\"{}\",\"node\":\"n1\"}}",
        i * 1_000,
        i / 2 % 10,
        i % 32,
        String::from(value).repeat((i % 40 + 20) as usize)
    );
}

#[test]
fn a_window_of_a_large_history_is_exact_and_takes_little_memory() {
    let shell = Shell::new();
    a_run(&shell, PLACE, false);
    let path = shell.path().join("runs").join(PLACE).join("history.jsonl");
    let mut file = BufWriter::new(std::fs::File::create(&path).expect("writable"));
    let mut text = String::new();
    for i in 0..EVENTS {
        line(&mut text, i);
        file.write_all(text.as_bytes()).expect("writable");
    }
    file.into_inner().expect("writable");
    let size = std::fs::metadata(&path).expect("there").len();
    assert!(size > 100 << 20, "{size}");
    let server = Server::start(&shell);
    for first in [0, 1, 123_457, 400_000, EVENTS - 10] {
        let until = (first + 1_500).min(EVENTS) - 1;
        let (mut got, mut after) = (Vec::new(), String::new());
        loop {
            let query = format!(
                "from={}&to={}&limit=1000{after}",
                first * 1_000,
                until * 1_000 + 999
            );
            let answer = server.get(&format!("/api/{RUN}/history?{query}"));
            assert_eq!(answer.status, 200);
            let window: Value = serde_json::from_slice(&answer.body).expect("JSON");
            assert_eq!(
                (&window["unreadable"], &window["size"]),
                (&Value::from(0), &Value::from(size))
            );
            got.extend(window["events"].as_array().expect("events").clone());
            match window["next"].as_u64() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(got.len() as u64, until - first + 1, "from {first}");
        for (i, event) in (first..).zip(&got) {
            line(&mut text, i);
            assert_eq!(*event, serde_json::from_str::<Value>(&text).expect("JSON"));
        }
    }
    let peak = server.peak();
    assert!(peak < 64_000, "{peak} kB for windows of {size} bytes");
    let archive = server.get(&format!("/download/{RUN}.tar.gz"));
    assert_eq!(archive.status, 200);
    let raw = server.get(&format!("/{PLACE}/history.jsonl"));
    assert_eq!(raw.body.len() as u64, size);
    let peak = server.peak();
    assert!(peak < 96_000, "{peak} kB for a download of {size} bytes");
}
