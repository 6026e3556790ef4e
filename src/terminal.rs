//! The two streams that people and scripts read: data on standard output, news on standard error.

use std::{
    ffi::OsString,
    io::{self, IsTerminal, Write},
};

use reports::{Conclusion, text};
use runner::store::Store;

use crate::{args::Cli, exit::Failure, style::Decoration};

/// How to write for whoever is there.
#[derive(Debug, Clone)]
pub(crate) struct Terminal {
    runs: std::path::PathBuf,
    /// Whether nothing is written at all.
    mute: bool,
    baseline: std::path::PathBuf,
    /// For standard output.
    pub(crate) out: Decoration,
    /// For standard error.
    pub(crate) err: Decoration,
}

impl Terminal {
    /// As the flags and the environment want it.
    pub(crate) fn new(cli: &Cli) -> Self {
        Self {
            runs: cli.runs.clone(),
            mute: false,
            baseline: cli.baseline.clone(),
            out: Decoration::choose(cli, &io::stdout()),
            err: Decoration::choose(cli, &io::stderr()),
        }
    }

    /// The same for those who do not want to read: one of many runs.
    pub(crate) fn muted(&self) -> Self {
        Self {
            mute: true,
            ..self.clone()
        }
    }

    /// The flags with which another process of this program writes to the same places in the same way.
    pub(crate) fn as_flags(&self) -> Vec<OsString> {
        let color = if self.err.color { "always" } else { "never" };
        let mut flags: Vec<OsString> = vec!["--runs".into(), self.runs.clone().into()];
        flags.extend(["--baseline".into(), self.baseline.clone().into()]);
        flags.extend(["--color".into(), color.into()]);
        flags.extend(self.err.ascii.then(|| "--ascii".into()));
        flags
    }

    /// Where runs are kept.
    pub(crate) fn store(&self) -> Result<Store, Failure> {
        Ok(Store::open(self.runs.clone())?)
    }

    /// That folder, whether or not it is there.
    pub(crate) fn runs(&self) -> &std::path::Path {
        &self.runs
    }

    /// The file of known findings.
    pub(crate) fn baseline(&self) -> &std::path::Path {
        &self.baseline
    }

    /// Writes data. A reader that went away is no error of ours.
    pub(crate) fn print(&self, text: &str) {
        let text = if self.out.ascii {
            reports::escape::ascii(text)
        } else {
            text.to_owned()
        };
        if !self.mute {
            let _ = io::stdout().lock().write_all(text.as_bytes());
        }
    }

    /// Writes news.
    pub(crate) fn say(&self, text: &str) {
        let text = if self.err.ascii {
            reports::escape::ascii(text)
        } else {
            text.to_owned()
        };
        if !self.mute {
            let _ = io::stderr().lock().write_all(text.as_bytes());
        }
    }

    /// The style of a report on standard output.
    pub(crate) fn report_style(&self) -> text::Style {
        style(self.out, io::stdout())
    }

    /// The style of a report on standard error.
    pub(crate) fn news_style(&self) -> text::Style {
        style(self.err, io::stderr())
    }

    /// Whether news is read on a terminal that can redraw.
    pub(crate) fn is_live(&self) -> bool {
        io::stderr().is_terminal()
            && std::env::var_os("CI").is_none()
            && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
    }

    /// A verdict's word in a column of its own, with its glyph.
    pub(crate) fn verdict(&self, word: &str) -> String {
        verdict(word, self.out.color)
    }

    /// The same for standard error.
    pub(crate) fn news_verdict(&self, word: &str) -> String {
        verdict(word, self.err.color)
    }
}

fn verdict(word: &str, colour: bool) -> String {
    let (glyph, color) = match word {
        "pass" => (Conclusion::Pass.glyph(), "32"),
        "fail" => (Conclusion::Fail.glyph(), "31"),
        "unknown" => (Conclusion::Unknown.glyph(), "33"),
        "running" => ("▶", "36"),
        "known" => (Conclusion::Fail.glyph(), "33"),
        "not run" => ("·", "0"),
        _ => ("!", "33"),
    };
    let text = format!("{glyph} {word:<11}");
    if colour {
        format!("\x1b[{color}m{text}\x1b[0m")
    } else {
        text
    }
}

fn style(decoration: Decoration, stream: impl std::os::fd::AsFd) -> text::Style {
    let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    let columns = columns
        .or_else(|| {
            rustix::termios::tcgetwinsize(stream)
                .ok()
                .map(|w| usize::from(w.ws_col))
        })
        .filter(|c| *c > 0);
    text::Style {
        colour: decoration.color,
        ascii: decoration.ascii,
        columns: columns.unwrap_or(100).clamp(40, 120),
    }
}
