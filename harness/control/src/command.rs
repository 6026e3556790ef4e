//! What to run on a node, as data: an argument vector, never a shell string. Serialisable, because undos are written to
//! disk before their faults are applied.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An argument vector with what it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The words.
    pub argv: Vec<String>,
    /// Bytes for its standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// Whether it needs root: it is then run through sudo where the login is not root already.
    #[serde(default)]
    pub root: bool,
    /// Whether running it twice does no harm: only such commands are sent again when a connection broke under them.
    #[serde(default)]
    pub idempotent: bool,
    /// How long it may take.
    #[serde(default = "default_deadline")]
    pub deadline: Duration,
}

fn default_deadline() -> Duration {
    Duration::from_secs(30)
}

impl Command {
    /// From words.
    pub fn new<S: Into<String>>(words: impl IntoIterator<Item = S>) -> Self {
        Self {
            argv: words.into_iter().map(Into::into).collect(),
            stdin: None,
            root: false,
            idempotent: false,
            deadline: default_deadline(),
        }
    }
    /// A POSIX shell script, with `$1` … from `args`. The script is a constant of ours; what varies goes in `args`,
    /// where nothing needs quoting.
    pub fn script<S: Into<String>>(script: &str, args: impl IntoIterator<Item = S>) -> Self {
        let words = ["/bin/sh", "-c", script, "schism"].map(String::from);
        Self::new(words.into_iter().chain(args.into_iter().map(Into::into)))
    }
    /// The same, as root.
    pub fn root(mut self) -> Self {
        self.root = true;
        self
    }
    /// The same, marked as harmless to repeat.
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }
    /// The same, with this standard input.
    pub fn stdin(mut self, text: impl Into<String>) -> Self {
        self.stdin = Some(text.into());
        self
    }
    /// The same, with another deadline.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
    /// Its words, run by a timer on the node itself that kills it a moment after its deadline, whoever else is gone by then.
    pub(crate) fn under_timer(&self) -> Vec<String> {
        let moment = Duration::from_secs(2);
        let seconds = (self.deadline + moment).as_secs_f64().ceil();
        let timer = ["timeout", "-s", "KILL"].map(str::to_owned);
        timer
            .into_iter()
            .chain([format!("{seconds}")])
            .chain(self.argv.iter().cloned())
            .collect()
    }
}

/// How a command ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Its exit status; 128 + signal where a signal ended it.
    pub status: i32,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Whether it exited with zero.
    pub fn success(&self) -> bool {
        self.status == 0
    }
    /// What it printed, as text, without the white space around it.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim().to_owned()
    }
    /// What it complained, as text, without the white space around it.
    pub fn complaint(&self) -> String {
        String::from_utf8_lossy(&self.stderr).trim().to_owned()
    }
}
