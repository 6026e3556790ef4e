//! Lines for a terminal: colour, width, wrapping.

use crate::{
    Conclusion,
    escape::{ascii, mute_commands},
};

/// How to write for a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to use ANSI colours; meaning never rests on them.
    pub colour: bool,
    /// Whether to keep to ASCII.
    pub ascii: bool,
    /// How many columns there are.
    pub columns: usize,
}

impl Style {
    /// Without colour, 100 columns: for files and pipes.
    pub const PLAIN: Self = Self {
        colour: false,
        ascii: false,
        columns: 100,
    };
}

/// What a colour is for.
#[derive(Clone, Copy)]
pub(crate) enum Ink {
    Bold,
    Dim,
    Verdict(Conclusion),
}

/// A named line of a block, wrapped under its text.
pub(crate) fn row(out: &mut String, style: Style, name: &str, text: &str) {
    const HANG: usize = 12;
    out.push_str("  ");
    out.push_str(&style.ink(Ink::Dim, &format!("{name:<10}")));
    let mut column = HANG;
    for (i, word) in text.split(' ').enumerate() {
        if i > 0 && column + 1 + width(word) > style.columns {
            out.push('\n');
            out.push_str(&" ".repeat(HANG));
            column = HANG;
        } else if i > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width(word);
    }
    out.push('\n');
}

/// Columns that a text takes, our own colours not counted.
pub(crate) fn width(text: &str) -> usize {
    let mut parts = text.split('\x1b');
    let plain = parts.next().map_or(0, |p| p.chars().count());
    let rest = parts.filter_map(|p| p.split_once('m'));
    plain + rest.map(|(_, p)| p.chars().count()).sum::<usize>()
}

/// Breaks at spaces so that lines fit, each `indent` columns in. A word that is too long has a line to itself.
pub(crate) fn wrap(out: &mut String, text: &str, indent: usize, style: Style) {
    let room = style.columns.clamp(40, 100).saturating_sub(indent);
    let mut column = 0;
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        let length = width(word);
        if column > 0 && column + 1 + length > room {
            out.push('\n');
            column = 0;
        }
        if column == 0 {
            out.push_str(&" ".repeat(indent));
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
}

/// What leaves for the terminal.
pub(crate) fn finish(text: String, style: Style) -> String {
    let text = mute_commands(&text);
    if style.ascii { ascii(&text) } else { text }
}

impl Style {
    pub(crate) fn ink(self, ink: Ink, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Bold => "1",
            Ink::Dim => "2",
            Ink::Verdict(Conclusion::Pass) => "1;32",
            Ink::Verdict(Conclusion::Unknown) => "1;33",
            Ink::Verdict(Conclusion::Fail) => "1;31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
