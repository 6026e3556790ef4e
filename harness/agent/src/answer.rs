//! How a helper answers: a line and zero, or a complaint and one.

use std::{
    ffi::OsString,
    fmt,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use serde::de::DeserializeOwned;

/// Why a helper could not do its part, for people.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl Failure {
    /// For `map_err`: what was being done to which file.
    pub(crate) fn io<E: Into<io::Error>>(doing: &str, path: &Path) -> impl FnOnce(E) -> Self {
        move |error| Self(format!("{doing} {}: {}", path.display(), error.into()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A request, written as JSON in one argument.
pub(crate) fn request<T: DeserializeOwned>(word: &OsString) -> Result<T, Failure> {
    let text = word.to_string_lossy();
    serde_json::from_str(&text)
        .map_err(|error| Failure(format!("the request is unusable: {error}")))
}

/// Says what came of it.
pub(crate) fn answer(outcome: Result<String, Failure>) -> ExitCode {
    // Nobody to tell it to, if writing fails.
    match outcome {
        Ok(line) => {
            let _ = writeln!(io::stdout(), "{line}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            let _ = writeln!(io::stderr(), "{failure}");
            ExitCode::FAILURE
        }
    }
}
