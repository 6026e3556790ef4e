//! Chromium, driven over a pipe by the DevTools protocol: messages of JSON, each ended by a zero byte, on its descriptors
//! 3 and 4. When the test ends, however it ends, the pipe closes and the browser goes. Each test binary uses its own part of this.
#![allow(dead_code, reason = "shared by several test binaries")]

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long one answer may take, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    next: u64,
    session: Option<String>,
    /// What the page did since it was opened: requests, console, exceptions.
    events: Vec<Value>,
    _profile: TempDir,
}

/// A browser without a network but for this machine's own; `None`, with a word, where there is none and none is demanded.
pub(crate) fn browser() -> Option<Browser> {
    let name = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| {
            let found = Command::new("sh")
                .args(["-c", &format!("command -v {name}")])
                .output();
            found.is_ok_and(|out| out.status.success())
        });
    let Some(name) = name else {
        assert!(
            !required(),
            "SCHISM_REQUIRE_BROWSER is set and there is no Chromium: apt-get install chromium"
        );
        eprintln!("skipped: no Chromium; apt-get install chromium");
        return None;
    };
    Some(Browser::start(name))
}

pub(crate) fn required() -> bool {
    std::env::var_os("SCHISM_REQUIRE_BROWSER").is_some_and(|v| v == "1")
}

impl Browser {
    fn start(name: &str) -> Self {
        let profile = tempfile::tempdir().expect("a place for a profile");
        let script = format!(
            "exec {name} --headless --no-sandbox --disable-gpu --remote-debugging-pipe --no-first-run --hide-scrollbars \
             --disable-dev-shm-usage --disable-background-networking --disable-component-update --disable-sync \
             --proxy-server=127.0.0.1:9 --host-resolver-rules='MAP * ~NOTFOUND, EXCLUDE 127.0.0.1' \
             --user-data-dir='{}' about:blank 3<&0 4>&1 </dev/null >/dev/null 2>&1",
            profile.path().display()
        );
        let mut child = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell starts");
        let to = child.stdin.take().expect("it is piped");
        let out = child.stdout.take().expect("it is piped");
        let (send, from) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(out).split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else {
                    break;
                };
                if send.send(message).is_err() {
                    break;
                }
            }
        });
        let mut browser = Self {
            child,
            to,
            from,
            next: 0,
            session: None,
            events: Vec::new(),
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", attach);
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser.size(1400, 1000);
        browser
    }

    /// Asks, and waits for the answer.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut line = message.to_string().into_bytes();
        line.push(0);
        self.to.write_all(&line).expect("the browser listens");
        loop {
            let answer = self.receive(method);
            if answer["id"] == json!(id) {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    fn receive(&mut self, waiting_for: &str) -> Value {
        self.from
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|_| panic!("no answer to {waiting_for} within {PATIENCE:?}"))
    }

    /// Opens a file, and waits until it is loaded and its script has unpacked the calls.
    pub(crate) fn open(&mut self, file: &Path) {
        self.open_at(file, "");
    }

    /// The same, at a place in it.
    pub(crate) fn open_at(&mut self, file: &Path, hash: &str) {
        self.go(&format!("file://{}{hash}", file.display()));
    }

    /// Opens an address, and waits until it is loaded.
    pub(crate) fn go(&mut self, url: &str) {
        self.call("Page.navigate", json!({"url": "about:blank"}));
        while self.eval("document.readyState === 'complete' && location.href === 'about:blank'")
            != json!(true)
        {}
        self.events.clear();
        self.call("Page.navigate", json!({"url": url}));
        while !self
            .events
            .iter()
            .any(|e| e["method"] == "Page.loadEventFired")
        {
            let event = self.receive("a load");
            self.events.push(event);
        }
    }

    /// Waits until an expression is true.
    pub(crate) fn until(&mut self, expression: &str) {
        let waiting = format!(
            "new Promise((yes, no) => {{ let n = 0; const look = () => {{ if ({expression}) yes(true); \
             else if (n++ > 1200) no(new Error('never')); else setTimeout(look, 50); }}; look(); }})"
        );
        assert_eq!(self.eval(&waiting), json!(true), "{expression}");
    }

    /// What an expression is worth on the page.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let result = self.call("Runtime.evaluate", params);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {result}"
        );
        result["result"]["value"].clone()
    }

    /// Presses a key and lets it go.
    pub(crate) fn press(&mut self, key: &str) {
        let text = match key {
            "Enter" => "\r",
            key if key.chars().count() == 1 => key,
            _ => "",
        };
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            "ArrowLeft" => 37,
            "ArrowRight" => 39,
            _ => 0,
        };
        let mut params =
            json!({"type": "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code});
        if !text.is_empty() {
            params["text"] = json!(text);
        }
        self.call("Input.dispatchKeyEvent", params.clone());
        params["type"] = json!("keyUp");
        self.call("Input.dispatchKeyEvent", params);
    }

    pub(crate) fn size(&mut self, width: u32, height: u32) {
        let mobile = width < 600;
        let params =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile});
        self.call("Emulation.setDeviceMetricsOverride", params);
    }

    pub(crate) fn dark(&mut self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let params = json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
        self.call("Emulation.setEmulatedMedia", params);
    }

    pub(crate) fn scripts(&mut self, on: bool) {
        self.call(
            "Emulation.setScriptExecutionDisabled",
            json!({"value": !on}),
        );
    }

    /// The whole page as a picture.
    pub(crate) fn picture(&mut self) -> String {
        let params = json!({"format": "png", "captureBeyondViewport": true});
        let size = self.call("Page.getLayoutMetrics", json!({}));
        let (width, height) = (
            &size["cssContentSize"]["width"],
            &size["cssContentSize"]["height"],
        );
        let mut params = params;
        params["clip"] = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": 1});
        let picture = self.call("Page.captureScreenshot", params);
        picture["data"].as_str().expect("a picture").to_owned()
    }

    /// Everything that was asked for, the page among it.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.all("Network.requestWillBeSent")
            .filter_map(|e| e["params"]["request"]["url"].as_str())
            .filter(|url| !url.starts_with("data:"))
            .map(str::to_owned)
            .collect()
    }

    /// What the page asked of anybody, besides itself.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.all("Network.requestWillBeSent")
            .filter_map(|e| e["params"]["request"]["url"].as_str())
            .filter(|url| {
                !url.starts_with("data:")
                    && !url.starts_with("blob:")
                    && !url.ends_with(".html")
                    && !url.contains(".html#")
            })
            .map(str::to_owned)
            .collect()
    }

    /// What it complained about.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let of_log = self
            .all("Log.entryAdded")
            .map(|e| &e["params"]["entry"]["text"]);
        let thrown = self
            .all("Runtime.exceptionThrown")
            .map(|e| &e["params"]["exceptionDetails"]);
        let said = self
            .all("Runtime.consoleAPICalled")
            .map(|e| &e["params"]["args"]);
        of_log
            .chain(thrown)
            .chain(said)
            .map(Value::to_string)
            .collect()
    }

    fn all(&self, method: &'static str) -> impl Iterator<Item = &Value> {
        self.events.iter().filter(move |e| e["method"] == method)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
