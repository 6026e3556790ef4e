//! Runs while they go on, and readers of every speed.

use std::{
    io::{Read, Write},
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    PLACE, RUN,
    server::{PATIENCE, Server, a_run},
    support::{Shell, eventually},
};

/// One message of a stream.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: Value,
}

/// Reads a stream until it is over, or enough.
pub(crate) fn read_until(
    server: &Server,
    path: &str,
    last: Option<&str>,
    enough: impl Fn(&[Frame]) -> bool,
) -> Vec<Frame> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("threads");
    let url = format!("http://{}{path}", server.at);
    runtime.block_on(async {
        let mut request = reqwest::Client::new().get(url);
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let mut response = tokio::time::timeout(PATIENCE, request.send())
            .await
            .expect("in time")
            .expect("it answers");
        assert_eq!(response.status(), 200);
        let (mut text, mut frames) = (Vec::new(), Vec::new());
        while !enough(&frames) {
            let chunk = tokio::time::timeout(PATIENCE, response.chunk())
                .await
                .expect("something is said in time");
            let Some(chunk) = chunk.expect("a stream") else {
                break;
            };
            text.extend_from_slice(&chunk);
            while let Some(end) = text.windows(2).position(|w| w == b"\n\n") {
                let frame: Vec<u8> = text.drain(..end + 2).collect();
                frames.extend(frame_of(std::str::from_utf8(&frame).expect("text")));
            }
        }
        frames
    })
}

fn frame_of(text: &str) -> Option<Frame> {
    let field = |name: &str| {
        let found = text
            .lines()
            .find_map(|l| l.strip_prefix(name)?.strip_prefix(": "));
        found.map(str::to_owned)
    };
    Some(Frame {
        id: field("id")?,
        event: field("event")?,
        data: serde_json::from_str(&field("data")?).expect("JSON on one line"),
    })
}

#[test]
fn a_run_is_followed_while_it_goes_on_until_its_verdict_is_there() {
    let shell = Shell::new();
    std::fs::create_dir(shell.path().join("runs")).expect("writable");
    let server = Server::start(&shell);
    assert!(server.get("/").text().contains("No run goes on"));
    let mut run = shell
        .command(&["run", "embedded", "--faults", "partition", "--time", "7s"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let mut id = None;
    let listed = eventually(PATIENCE, || {
        let page = server.get("/").text();
        let listed = page
            .split("href=\"live/")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        id = listed.map(str::to_owned);
        id.is_some()
    });
    assert!(listed, "a run that goes on is listed");
    let id = id.expect("it is listed");
    let page = server.get(&format!("/live/{id}"));
    assert_eq!(page.status, 200);
    let path = format!("/live/{id}/events");
    let frames = read_until(&server, &path, None, |_| false);
    assert!(
        run.wait().expect("a child").success(),
        "a run under watch passes"
    );

    let of = |event: &str| {
        frames
            .iter()
            .filter(|f| f.event == event)
            .collect::<Vec<_>>()
    };
    let pictures = of("picture");
    let ops = |f: &&Frame| f.data["progress"]["ok"].as_u64().unwrap_or_default();
    let counts: Vec<u64> = pictures.iter().map(ops).collect();
    assert!(counts.is_sorted(), "{counts:?}");
    let different = counts
        .iter()
        .collect::<std::collections::BTreeSet<_>>()
        .len();
    assert!(different >= 3, "numbers move while it goes on: {counts:?}");
    assert!(pictures.iter().any(|f| f.data["phase"] == "workload"));
    assert!(
        pictures.iter().any(|f| f.data["faults_in_force"] == 1),
        "a fault is seen in force"
    );
    assert!(
        of("event")
            .iter()
            .any(|f| f.data["type"] == "fault" && f.data["step"] == "heal")
    );
    assert!(of("event").iter().all(|f| f.data["type"] != "progress"));
    assert!(!of("log").is_empty());
    let last = frames.last().expect("an end");
    assert_eq!(
        (last.event.as_str(), &last.data["verdict"]),
        ("end", &Value::from("pass"))
    );
    assert_eq!(last.data["report"], true);

    let verdict = std::fs::read(shell.path().join("runs/latest/verdict.json")).expect("sealed");
    let verdict: Value = serde_json::from_slice(&verdict).expect("JSON");
    let shown = &pictures.last().expect("a picture").data["progress"];
    for outcome in ["ok", "fail", "info"] {
        assert_eq!(shown[outcome], verdict["ops"][outcome], "{outcome} in all");
    }

    // Whoever was cut off gets what came after, and nothing twice.
    let events = of("event");
    let middle = events[events.len() / 2];
    let again = read_until(&server, &path, Some(&middle.id), |_| false);
    let said = |frames: &[Frame]| {
        let events = frames.iter().filter(|f| f.event == "event");
        events.map(|f| f.data.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(said(&again), said(&frames)[events.len() / 2 + 1..]);
    let lines = |frames: &[Frame]| {
        let logs = frames.iter().filter(|f| f.event == "log");
        logs.flat_map(|f| f.data["lines"].as_array().expect("lines").clone())
            .collect::<Vec<_>>()
    };
    let all = lines(&read_until(&server, &path, None, |_| false));
    let log = std::fs::read_to_string(shell.path().join("runs/latest/log.txt")).expect("a log");
    assert_eq!(all.len(), log.lines().count().min(all.len()));
    assert!(all.ends_with(&lines(&again)), "the rest of the log");
    for made_up in [
        "0.0",
        "99999999999.0",
        "x",
        "1.2.3",
        "-1.-1",
        "18446744073709551616.0",
    ] {
        let whole = read_until(&server, &path, Some(made_up), |_| false);
        assert_eq!(said(&whole), said(&frames), "{made_up}");
    }

    let index = server.get("/").text();
    assert!(index.contains("No run goes on") && index.contains(&format!("download/{id}.tar.gz")));
    let place = index
        .split("href=\"")
        .find(|h| h.contains("report.html"))
        .and_then(|h| h.split('"').next());
    let report = server.get(&format!("/{}", place.expect("a report")));
    assert_eq!(report.status, 200);
    let policy = report.headers["content-security-policy"].replace("; frame-ancestors 'none'", "");
    assert!(
        report.text().contains(&format!("content=\"{policy}\"")),
        "the report's own script may run"
    );
}

#[test]
fn readers_that_take_nothing_hold_up_nobody_else() {
    let shell = Shell::new();
    a_run(&shell, PLACE, true);
    let dir = shell.path().join("runs").join(PLACE);
    let server = Server::start(&shell);
    let ask = || {
        let mut stream = server.connect();
        write!(
            stream,
            "GET /live/{RUN}/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        .expect("it listens");
        stream
    };
    // Its first bytes say that a stream has its place.
    let mut idle: Vec<_> = (0..32)
        .map(|_| {
            let mut stream = ask();
            let mut start = [0; 12];
            stream.read_exact(&mut start).expect("it answers");
            assert_eq!(&start, b"HTTP/1.1 200");
            stream
        })
        .collect();
    let full = server.get(&format!("/live/{RUN}/events"));
    assert_eq!(
        (full.status, full.headers["retry-after"].as_str()),
        (503, "5")
    );
    // Much is said, and nobody of them listens.
    let line = format!(
        "{{\"v\":1,\"t\":1,\"type\":\"warning\",\"text\":\"{}\"}}\n",
        "x".repeat(400)
    );
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(dir.join("events.jsonl"))
        .expect("there");
    for _ in 0..20 {
        file.write_all(line.repeat(2_000).as_bytes())
            .expect("writable");
    }
    let before = Instant::now();
    for path in [
        "/",
        &format!("/{PLACE}/log.txt"),
        &format!("/api/{RUN}/history"),
    ] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    assert!(before.elapsed() < PATIENCE, "the others are answered");
    idle.pop();
    let mut told = Vec::new();
    let place = eventually(PATIENCE, || {
        let mut stream = ask();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a bound");
        let mut start = [0; 12];
        stream.read_exact(&mut start).expect("it answers");
        told = start.to_vec();
        told == b"HTTP/1.1 200"
    });
    assert!(
        place,
        "a reader that left made room: {}",
        String::from_utf8_lossy(&told)
    );
    let peak = server.peak();
    assert!(
        peak < 200_000,
        "{peak} kB for 31 readers who take nothing of 17 MB"
    );
}

#[test]
fn a_run_that_was_left_is_said_to_be_interrupted() {
    let shell = Shell::new();
    a_run(&shell, PLACE, false);
    std::fs::remove_file(shell.path().join("runs").join(PLACE).join("verdict.json"))
        .expect("there");
    let server = Server::start(&shell);
    assert!(server.get("/").text().contains("interrupted in workload"));
    let frames = read_until(&server, &format!("/live/{RUN}/events"), None, |_| false);
    assert_eq!(
        frames.last().expect("an end").data["verdict"],
        "interrupted"
    );
}
