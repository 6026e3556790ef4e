//! Firefox, driven over Marionette, which is built into it: TCP, and each message its length, a colon, and JSON (Firefox source
//! docs, "Marionette protocol"). No geckodriver is needed. It chooses its port itself and writes it into its profile.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::chromium::required;

/// How long one answer may take, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(120);

/// No network, no port of its own choosing, nothing that it does for itself.
const PREFERENCES: &str = r#"
user_pref("marionette.port", 0);
user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", "127.0.0.1");
user_pref("network.proxy.http_port", 9);
user_pref("network.proxy.ssl", "127.0.0.1");
user_pref("network.proxy.ssl_port", 9);
user_pref("app.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.enabled", false);
user_pref("browser.startup.page", 0);
"#;

pub(crate) struct Firefox {
    child: Child,
    stream: BufReader<TcpStream>,
    next: u64,
    _profile: TempDir,
}

/// A Firefox; `None`, with a word, where there is none and none is demanded.
pub(crate) fn firefox() -> Option<Firefox> {
    let name = ["firefox-esr", "firefox"].into_iter().find(|name| {
        let found = Command::new("sh")
            .args(["-c", &format!("command -v {name}")])
            .output();
        found.is_ok_and(|out| out.status.success())
    });
    let Some(name) = name else {
        assert!(
            !required(),
            "SCHISM_REQUIRE_BROWSER is set and there is no Firefox: apt-get install firefox-esr"
        );
        eprintln!("skipped: no Firefox; apt-get install firefox-esr");
        return None;
    };
    Some(Firefox::start(name))
}

impl Firefox {
    fn start(name: &str) -> Self {
        let profile = tempfile::tempdir().expect("a place for a profile");
        std::fs::write(profile.path().join("user.js"), PREFERENCES).expect("writable");
        let child = Command::new(name)
            .args(["--headless", "--marionette", "--no-remote", "--profile"])
            .arg(profile.path())
            .env("HOME", profile.path())
            .env("MOZ_HEADLESS", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let stream = connect(&profile.path().join("MarionetteActivePort"));
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a time limit");
        let mut firefox = Self {
            child,
            stream: BufReader::new(stream),
            next: 0,
            _profile: profile,
        };
        let hello = firefox.receive();
        assert_eq!(hello["marionetteProtocol"], json!(3), "{hello}");
        firefox.call(
            "WebDriver:NewSession",
            json!({"capabilities": {"alwaysMatch": {}}}),
        );
        firefox
    }

    fn receive(&mut self) -> Value {
        let mut length = Vec::new();
        self.stream
            .read_until(b':', &mut length)
            .expect("Firefox speaks");
        length.pop();
        let length: usize = String::from_utf8_lossy(&length).parse().expect("a length");
        let mut message = vec![0; length];
        self.stream.read_exact(&mut message).expect("all of it");
        serde_json::from_slice(&message).expect("JSON")
    }

    /// Asks, and waits for the answer.
    pub(crate) fn call(&mut self, command: &str, parameters: Value) -> Value {
        self.next += 1;
        let message = json!([0, self.next, command, parameters]).to_string();
        write!(self.stream.get_mut(), "{}:{message}", message.len()).expect("Firefox listens");
        let answer = self.receive();
        assert_eq!(answer[1], json!(self.next), "{answer}");
        assert!(answer[2].is_null(), "{command}: {}", answer[2]);
        answer[3]["value"].clone()
    }

    pub(crate) fn open(&mut self, file: &Path) {
        let url = format!("file://{}", file.display());
        self.call("WebDriver:Navigate", json!({ "url": url }));
    }

    /// The value of an expression.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let script = format!("return ({expression});");
        self.call(
            "WebDriver:ExecuteScript",
            json!({"script": script, "args": [], "sandbox": null}),
        )
    }

    /// Polls until an expression is true.
    pub(crate) fn until(&mut self, expression: &str) {
        let until = Instant::now() + PATIENCE;
        while self.eval(&format!("!!({expression})")) != json!(true) {
            assert!(Instant::now() < until, "never true: {expression}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The whole page as PNG, in base64.
    pub(crate) fn picture(&mut self) -> String {
        let whole = self.call("WebDriver:TakeScreenshot", json!({"full": true}));
        whole.as_str().expect("base64").to_owned()
    }
}

/// Waits for the port, and connects to it.
fn connect(file: &Path) -> TcpStream {
    let until = Instant::now() + PATIENCE;
    loop {
        let port = std::fs::read_to_string(file).unwrap_or_default();
        let port = port.trim().parse::<u16>().ok();
        if let Some(stream) = port.and_then(|port| TcpStream::connect(("127.0.0.1", port)).ok()) {
            return stream;
        }
        assert!(Instant::now() < until, "Firefox opened no port");
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        // Its children end with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
