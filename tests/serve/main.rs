//! `schism serve` over real processes and real sockets: what it shows, to whom, and what nobody gets.

#![expect(clippy::print_stderr, reason = "a test that did not run must say so")]

#[path = "../../reports/tests/browser/chromium.rs"]
mod chromium;
mod large;
mod live;
mod pages;
mod server;
#[path = "../support/mod.rs"]
mod support;

use std::{os::unix::fs::symlink, process::Stdio};

use server::{Server, a_run, contents};
use support::{Shell, ended, eventually};

const RUN: &str = "20261121T024512Z-k3f9";
const PLACE: &str = "register/partition/20261121T024512Z-k3f9";

fn attacks() -> Vec<String> {
    serde_json::from_str(include_str!("../../reports/tests/hostile.json")).expect("a list of texts")
}

#[test]
fn nothing_leads_out_of_the_folder() {
    let shell = Shell::new();
    a_run(&shell, PLACE, false);
    shell.write("secret.txt", "the secret");
    let run = shell.path().join("runs").join(PLACE);
    let link = |to: &str, name: &str| symlink(to, run.join(name)).expect("writable");
    link("../../../../secret.txt", "out.txt");
    link(
        &shell.path().join("secret.txt").display().to_string(),
        "absolute.txt",
    );
    link("/", "root");
    link("../../../private.txt", "beside.txt");
    for place in [
        "runs/private.txt",
        "runs/register/private.txt",
        "runs/register/partition/notes/private.txt",
    ] {
        std::fs::create_dir_all(shell.path().join(place).parent().expect("a folder"))
            .expect("writable");
        shell.write(place, "the secret");
    }
    link("/proc/self", "proc");
    link("log.txt", "inside.txt");
    symlink(shell.path(), shell.path().join("runs/up")).expect("writable");
    let server = Server::start(&shell);
    let absolute = shell.path().join("secret.txt").display().to_string();
    let encoded = absolute.replace('/', "%2f");
    for path in [
        "/../secret.txt".to_owned(),
        "/../../../../../../../../etc/passwd".to_owned(),
        "/%2e%2e/secret.txt".to_owned(),
        "/%2E%2E%2Fsecret.txt".to_owned(),
        "/..%2fsecret.txt".to_owned(),
        "/..%5csecret.txt".to_owned(),
        "/%252e%252e/secret.txt".to_owned(),
        "/%c0%ae%c0%ae/secret.txt".to_owned(),
        "/.%00./secret.txt".to_owned(),
        format!("/{PLACE}/../../../../secret.txt"),
        format!("/{PLACE}/out.txt"),
        format!("/{PLACE}/absolute.txt"),
        format!("/{PLACE}/root/etc/passwd"),
        format!("/{PLACE}/proc/status"),
        format!("/{PLACE}/log.txt%00"),
        format!("/{PLACE}/log.txt%00.html"),
        format!("/{PLACE}/log.txt/"),
        format!("/{PLACE}//log.txt"),
        format!("/{PLACE}/./log.txt"),
        format!("/{PLACE}/"),
        format!("/{PLACE}"),
        "/up/secret.txt".to_owned(),
        "/private.txt".to_owned(),
        "/register/private.txt".to_owned(),
        "/register/partition/notes/private.txt".to_owned(),
        format!("/{PLACE}/beside.txt"),
        "/.index.lock".to_owned(),
        absolute.clone(),
        format!("/{absolute}"),
        format!("/{encoded}"),
        format!("/live/{encoded}"),
        "/live/latest".to_owned(),
        "/live/..".to_owned(),
        "/live/%2e%2e%2fup".to_owned(),
        "/history/..%2f..%2fsecret.txt".to_owned(),
        "/api/..%2f..%2f/history".to_owned(),
        "/download/..%2fup.tar.gz".to_owned(),
        "/download/up.tar.gz".to_owned(),
        format!("/download/{RUN}"),
        format!("/download/{RUN}.tar.gz.tar.gz"),
    ] {
        let answer = server.get(&path);
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        assert!(!answer.text().contains("secret"), "{path}");
        assert_eq!(
            answer.headers["content-type"], "text/plain; charset=utf-8",
            "{path}"
        );
    }
    // A line that is no request at all, and one that is too long, end there.
    let long = format!("/{}", "a".repeat(1 << 20));
    assert!([404, 414, 431].contains(&server.get(&long).status));
    assert_eq!(server.send("GET /a b HTTP/1.1\r\n\r\n").status, 400);
    let inside = server.get(&format!("/{PLACE}/inside.txt"));
    assert_eq!(
        (inside.status, inside.text()),
        (200, "02:45:12 workload\n".to_owned())
    );
    let log = server.get(&format!("/{PLACE}/nodes/n1/db.log"));
    assert_eq!((log.status, log.text()), (200, "started\n".to_owned()));
}

#[test]
fn every_answer_is_of_a_kind_that_cannot_do_anything() {
    let shell = Shell::new();
    a_run(&shell, PLACE, false);
    let dir = shell.path().join("runs").join(PLACE);
    let html = "<script>alert(1)</script>";
    for name in [
        "x.html",
        "x.svg",
        "x.xml",
        "x.js",
        "x.css",
        "x",
        "junit.xml",
        "nodes/n1/report.html",
    ] {
        std::fs::write(dir.join(name), html).expect("writable");
    }
    std::fs::write(dir.join("core"), b"\x7fELF\0\0").expect("writable");
    let server = Server::start(&shell);
    let file = |name: &str| format!("/{PLACE}/{name}");
    let plain = "text/plain; charset=utf-8";
    for (path, kind) in [
        ("/".to_owned(), "text/html; charset=utf-8"),
        ("/index.html".to_owned(), "text/html; charset=utf-8"),
        (format!("/live/{RUN}"), "text/html; charset=utf-8"),
        (format!("/history/{RUN}"), "text/html; charset=utf-8"),
        (file("report.html"), "text/html; charset=utf-8"),
        (file("nodes/n1/report.html"), plain),
        (file("x.html"), plain),
        (file("x.svg"), plain),
        (file("x.xml"), plain),
        (file("x.js"), plain),
        (file("x.css"), plain),
        (file("x"), plain),
        (file("junit.xml"), plain),
        (file("verdict.json"), plain),
        (file("history.jsonl"), plain),
        (file("core"), "application/octet-stream"),
        (format!("/api/{RUN}/history"), "application/json"),
        (
            format!("/live/{RUN}/events"),
            "text/event-stream; charset=utf-8",
        ),
        (format!("/download/{RUN}.tar.gz"), "application/gzip"),
    ] {
        let answer = server.get(&path);
        assert_eq!(answer.status, 200, "{path}");
        let header = |name: &str| answer.headers.get(name).cloned().unwrap_or_default();
        assert_eq!(header("content-type"), kind, "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert_eq!(
            header("cross-origin-resource-policy"),
            "same-origin",
            "{path}"
        );
        assert_eq!(
            header("cross-origin-opener-policy"),
            "same-origin",
            "{path}"
        );
        assert_eq!(header("x-dns-prefetch-control"), "off", "{path}");
        assert_eq!(header("access-control-allow-origin"), "", "{path}");
        let policy = header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; "),
            "{path}: {policy}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        let scripts = policy.split("; ").find(|p| p.starts_with("script-src"));
        let hashed = |p: &str| p.starts_with("script-src 'sha256-") && p.matches(' ').count() == 1;
        assert!(scripts.is_none_or(hashed), "{path}: {policy}");
        // What a page says of itself is what is sent with it, so that it works from a file and from here alike.
        if kind.starts_with("text/html") && !path.ends_with("report.html") {
            let own = policy.replace("; frame-ancestors 'none'", "");
            assert!(
                answer.text().contains(&format!("content=\"{own}\"")),
                "{path}: {policy}"
            );
        }
        let head = server.send(&format!(
            "HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        ));
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            let answer = server.send(&request);
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.headers["allow"], "GET, HEAD", "{method} {path}");
        }
        let foreign = server.get_with(&path, &[("Host", "evil.example")]);
        assert_eq!(foreign.status, 421, "{path} by another name");
        let image = [
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Mode", "no-cors"),
            ("Sec-Fetch-Dest", "image"),
        ];
        assert_eq!(
            server.get_with(&path, &image).status,
            403,
            "{path} for another site"
        );
    }
    for query in [
        "from=x",
        "limit=-1",
        "from=1&from=2",
        "x=1",
        "to=1e9",
        "after=18446744073709551616",
    ] {
        let answer = server.get(&format!("/api/{RUN}/history?{query}"));
        assert_eq!(answer.status, 400, "{query}");
    }
}

#[test]
fn only_who_knows_the_token_gets_anything() {
    let shell = Shell::new();
    a_run(&shell, PLACE, false);
    shell.write("token", "0123456789abcdef-secret\n");
    for (flags, says) in [
        (vec!["--host", "0.0.0.0"], "--token auto"),
        (vec!["--host", "::"], "--token auto"),
        (
            vec!["--token", "0123456789abcdef-secret"],
            "--token takes auto",
        ),
        (vec!["--token", "file:nowhere"], "cannot read"),
        (vec!["--token", "env:SERVE_TEST_UNSET"], "is not set"),
        (
            vec!["--host", "example.org", "--token", "auto"],
            "is no IP address",
        ),
    ] {
        let args: Vec<&str> = ["serve", "runs", "--port", "0"]
            .into_iter()
            .chain(flags)
            .collect();
        let refused = shell.schism(&args).code(2).says(says);
        let said = refused.out + &refused.err;
        assert!(!said.contains("0123456789abcdef-secret"), "{said}");
    }
    let sources = [
        ("file:token", ""),
        ("env:SERVE_TEST_TOKEN", "0123456789abcdef-secret"),
    ];
    for (source, value) in sources {
        let env = [("SERVE_TEST_TOKEN", value)];
        let mut server = Server::start_with(&shell, &["--token", source], &env);
        let cookie = format!("schism-{}=0123456789abcdef-secret", server.at.port());
        let wrong = format!("schism-{}=0123456789abcdef-secreT", server.at.port());
        for path in [
            "/",
            "/nothing",
            &format!("/{PLACE}/log.txt"),
            &format!("/live/{RUN}/events"),
            &format!("/download/{RUN}.tar.gz"),
        ] {
            assert_eq!(server.get(path).status, 401, "{path}");
            assert_eq!(
                server.get_with(path, &[("Cookie", &wrong)]).status,
                401,
                "{path}"
            );
            assert_eq!(
                server.get(&format!("{path}?token=wrong")).status,
                401,
                "{path}"
            );
            let known = server.get_with(path, &[("Cookie", &cookie)]);
            assert_eq!(
                known.status,
                if path == "/nothing" { 404 } else { 200 },
                "{path}"
            );
        }
        let entered = server.get(&format!("/{PLACE}/log.txt?token=0123456789abcdef-secret"));
        assert_eq!(entered.status, 303);
        assert_eq!(entered.headers["location"], format!("/{PLACE}/log.txt"));
        assert_eq!(
            entered.headers["set-cookie"],
            format!("{cookie}; Path=/; HttpOnly; SameSite=Lax")
        );
        let away = server.get("//evil.example/?token=0123456789abcdef-secret");
        assert_eq!(away.headers["location"], "/evil.example/");
        server.interrupt();
        let (out, err) = server.last_words();
        let said = format!("{}{out}{err}", server.said);
        assert!(!said.contains("secret"), "{said}");
    }
    let server = Server::start_with(&shell, &["--token", "auto"], &[]);
    let said = server.said.trim();
    let query = said.find("/?token=").map(|at| &said[at..]);
    let query = query.expect("the address has the token that was made");
    let entered = server.get(query);
    assert_eq!(
        (entered.status, entered.headers["location"].as_str()),
        (303, "/")
    );
}

#[test]
fn a_port_that_is_taken_is_named_with_what_to_do_and_interrupting_ends_all() {
    let shell = Shell::new();
    a_run(&shell, PLACE, true);
    let mut server = Server::start(&shell);
    assert_eq!(
        server.said,
        format!("http://{}/\n", server.at),
        "one line, and no more in it"
    );
    let port = server.at.port().to_string();
    shell
        .schism(&["serve", "runs", "--port", &port])
        .code(4)
        .says("is in use already")
        .says("--port 0");
    let missing = shell
        .schism(&["serve", "nowhere", "--port", "0"])
        .code(2)
        .says("is no folder");
    assert!(!shell.path().join("nowhere").exists(), "{}", missing.err);
    // A stream is open, and another connection says nothing.
    let _silent = server.connect();
    let mut stream = server.connect();
    use std::io::{Read, Write};
    write!(
        stream,
        "GET /live/{RUN}/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    .expect("it listens");
    let mut some = [0; 64];
    assert!(stream.read(&mut some).expect("it answers") > 0);
    server.interrupt();
    assert!(
        eventually(server::PATIENCE, || server
            .child
            .try_wait()
            .expect("a child")
            .is_some()),
        "it ends"
    );
    let status = server.child.wait().expect("a child");
    assert_eq!(status.code(), Some(0), "that is how it is meant to end");
}

#[test]
fn a_download_unpacks_to_the_same_bytes_and_nothing_is_written() {
    let shell = Shell::new();
    a_run(&shell, PLACE, false);
    let run = shell.path().join("runs").join(PLACE);
    let noise: Vec<u8> = (0..1_000_000_u32)
        .flat_map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes())
        .collect();
    std::fs::write(run.join("nodes/n1/data"), &noise).expect("writable");
    std::fs::write(run.join("empty"), "").expect("writable");
    shell.write("secret.txt", "the secret");
    symlink("../../../../secret.txt", run.join("out.txt")).expect("writable");
    symlink("../../../..", run.join("up")).expect("writable");
    let before = contents(&shell.path().join("runs"));
    let server = Server::start(&shell);
    let answer = server.get(&format!("/download/{RUN}.tar.gz"));
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.headers["content-disposition"],
        format!("attachment; filename=\"{RUN}.tar.gz\"")
    );
    shell.write("marker", "");
    std::fs::write(shell.path().join("run.tar.gz"), &answer.body).expect("writable");
    std::fs::create_dir(shell.path().join("unpacked")).expect("writable");
    let tar = std::process::Command::new("tar")
        .args(["-xzf", "run.tar.gz", "-C", "unpacked"])
        .current_dir(shell.path())
        .stdin(Stdio::null())
        .output()
        .expect("tar is there");
    let tar = ended(tar).code(0);
    assert_eq!(tar.err, "", "tar has nothing to say");
    let mut wanted = contents(&run);
    wanted.retain(|name, _| !["out.txt", "up"].contains(&name.as_str()));
    assert!(
        contents(&shell.path().join("unpacked").join(RUN)) == wanted,
        "the same bytes"
    );
    for path in [
        "/",
        &format!("/live/{RUN}"),
        &format!("/live/{RUN}/events"),
        &format!("/api/{RUN}/history"),
    ] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    assert!(
        contents(&shell.path().join("runs")) == before,
        "it only reads"
    );
}

#[test]
fn hostile_names_and_texts_are_inert_wherever_they_are_shown() {
    let shell = Shell::new();
    a_run(&shell, PLACE, true);
    let dir = shell.path().join("runs").join(PLACE);
    let mut events = String::new();
    let mut log = String::new();
    let mut index = String::new();
    for (i, attack) in attacks().iter().enumerate() {
        let mut line = |value: serde_json::Value| events.push_str(&format!("{value}\n"));
        line(serde_json::json!({"v": 1, "t": 1, "type": "violation", "what": attack, "time": 1}));
        line(
            serde_json::json!({"v": 1, "t": 1, "type": "warning", "text": attack, attack: [attack, {"a": attack}]}),
        );
        line(
            serde_json::json!({"v": 1, "t": 1, "type": "fault", "time": 1, "until": 2, "fault": i, "step": "inject", "ok": true,
            "kind": attack, "what": attack, "nodes": [attack], "detail": attack}),
        );
        line(serde_json::json!({"type": attack}));
        log.push_str(&format!("02:45:12 {}\n", attack.replace('\n', " ")));
        let entry = serde_json::json!({"v": 1, "id": attack, "case": attack, "faults": attack, "started": "2026-11-21T02:45:12Z",
            "verdict": "error", "reasons": [attack], "target": attack});
        index.push_str(&format!("{entry}\n"));
        // Folders of such names are none of ours.
        let name: String = attack.chars().filter(|c| !"/\0".contains(*c)).collect();
        let _ =
            std::fs::create_dir_all(shell.path().join("runs").join(&name).join(&name).join(RUN));
    }
    let state = std::fs::read_to_string(dir.join("state.json")).expect("there");
    let phase = serde_json::json!(attacks().join(" ")).to_string();
    let state = state.replace("\"workload\"", &phase);
    for (path, text) in [
        (dir.join("events.jsonl"), &events),
        (dir.join("log.txt"), &log),
        (dir.join("state.json"), &state),
        (shell.path().join("runs/index.jsonl"), &index),
    ] {
        std::fs::write(path, text).expect("writable");
    }
    shell.write("baseline.yaml", "\u{202e}: [<img src=x onerror=alert(1)>");
    let server = Server::start(&shell);
    let page = server.get("/");
    assert_eq!(page.status, 200);
    let html = page.text();
    assert!(
        html.contains(&format!("live/{RUN}")),
        "the run that goes on is listed"
    );
    for bad in [
        "<img",
        "<script",
        "<svg onload",
        "\u{202e}",
        "\u{1b}",
        "href=\"javascript:",
        "href=\"//",
        "href=\"http",
    ] {
        assert!(!html.contains(bad), "{bad:?} in the index");
    }
    let stream = live::read_until(&server, &format!("/live/{RUN}/events"), None, |frames| {
        frames.iter().any(|f| f.event == "picture")
    });
    let pictures: Vec<_> = stream.iter().filter(|f| f.event == "picture").collect();
    assert_eq!(pictures[0].data["violations_seen"], attacks().len());
    assert_eq!(pictures[0].data["faults_in_force"], attacks().len());
    assert!(stream.iter().any(|f| f.event == "log"), "the log is shown");
    assert_eq!(
        stream.iter().filter(|f| f.event == "event").count(),
        attacks().len() * 4
    );
    for frame in &stream {
        let text = frame.data.to_string();
        for bad in [
            "\u{202e}", "\\u001b", "\u{1b}", "\\u0007", "\\u0000", "\u{fffe}",
        ] {
            assert!(!text.contains(bad), "{bad:?} in {text}");
        }
    }
}
