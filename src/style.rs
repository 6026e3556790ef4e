//! Whether and how to decorate what people read.

use std::io::IsTerminal;

use crate::args::{Cli, When};

/// Decorations for one output stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decoration {
    /// Whether to use colour.
    pub(crate) color: bool,
    /// Whether to use only ASCII glyphs.
    pub(crate) ascii: bool,
}

impl Decoration {
    /// For a stream, from flags, environment and what the stream is: `--color` > `NO_COLOR` > `FORCE_COLOR` /
    /// `CLICOLOR_FORCE` > terminal.
    pub(crate) fn choose(cli: &Cli, stream: &impl IsTerminal) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty() && v != "0");
        let color = match cli.color {
            When::Always => true,
            When::Never => false,
            When::Auto if set("NO_COLOR") => false,
            When::Auto if set("FORCE_COLOR") || set("CLICOLOR_FORCE") => true,
            When::Auto => {
                stream.is_terminal() && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
            }
        };
        Self {
            color,
            ascii: cli.ascii || !utf8_locale(),
        }
    }
}

/// The first of these that is set decides, as setlocale(3) does. A container often sets none: then UTF-8 is the better
/// guess.
fn utf8_locale() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
        .is_none_or(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("utf-8") || value.contains("utf8")
        })
}
