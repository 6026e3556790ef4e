//! Strings and characters, with their escapes.

use std::sync::Arc;

use super::{Scan, Scanner, wrong};
use crate::Datum;

impl Scanner<'_> {
    /// The contents of a string.
    pub(crate) fn string(&mut self) -> Scan<Arc<str>> {
        let start = self.at + 1;
        let text = self.text;
        let special = |from: usize| {
            let tail = text.get(from..).unwrap_or_default();
            let found = tail.iter().position(|b| matches!(b, b'"' | b'\\'));
            found.map(|length| from + length)
        };
        let mut run = start;
        let mut unescaped = Vec::new();
        loop {
            let Some(at) = special(run) else {
                self.more()?;
                return self.ended("a string");
            };
            if text[at] == b'"' {
                self.at = at + 1;
                if unescaped.is_empty() {
                    return self.name(start, &text[run..at]);
                }
                unescaped.extend_from_slice(&text[run..at]);
                return self.name(start, &unescaped);
            }
            unescaped.extend_from_slice(&text[run..at]);
            self.at = at;
            let c = self.escape()?;
            unescaped.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            run = self.at;
        }
    }

    /// One escape of a string, from its backslash on.
    fn escape(&mut self) -> Scan<char> {
        let start = self.at;
        let Some(&byte) = self.text.get(start + 1) else {
            return self.ended("a string");
        };
        self.at += 2;
        Ok(match byte {
            b't' => '\t',
            b'r' => '\r',
            b'n' => '\n',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'\\' | b'"' | b'/' => char::from(byte),
            b'0'..=b'7' => {
                let mut code = u32::from(byte - b'0');
                for _ in 0..2 {
                    match self.text.get(self.at) {
                        Some(digit @ b'0'..=b'7') => {
                            code = code * 8 + u32::from(digit - b'0');
                            self.at += 1;
                        }
                        _ => break,
                    }
                }
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            b'u' => self.unicode(start)?,
            other => {
                let shown = char::from(other);
                return wrong(start, format!("a string has no escape \\{shown}"));
            }
        })
    }

    /// Four hexadecimal digits, or twice: Java writes characters beyond U+FFFF as pairs of surrogates.
    fn unicode(&mut self, start: usize) -> Scan<char> {
        let high = self.hex(start)?;
        if !(0xd800..0xdc00).contains(&high) {
            return Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        if self.text.len() < self.at + 6 {
            self.more()?;
        }
        if !self.text[self.at..].starts_with(b"\\u") {
            return Ok(char::REPLACEMENT_CHARACTER);
        }
        let after_high = self.at;
        self.at += 2;
        let low = self.hex(start)?;
        if (0xdc00..0xe000).contains(&low) {
            let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        self.at = after_high;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn hex(&mut self, start: usize) -> Scan<u32> {
        let Some(digits) = self.text.get(self.at..self.at + 4) else {
            return self.ended("an escape");
        };
        self.at += 4;
        match hexadecimal(digits) {
            Some(code) => Ok(code),
            None => wrong(start, "\\u needs four hexadecimal digits"),
        }
    }

    /// A character, from its backslash on.
    pub(super) fn character(&mut self) -> Scan<Datum> {
        let start = self.at;
        // The first character belongs to the token, also if it would end one.
        let first = match self.text.get(start + 1) {
            None => return self.ended("a character"),
            Some(0xf0..) => 4,
            Some(0xe0..) => 3,
            Some(0xc0..) => 2,
            Some(_) => 1,
        };
        let token = self.rest_of_token(start + 1 + first)?;
        let Ok(name) = std::str::from_utf8(&token[1..]) else {
            return wrong(start, "not UTF-8");
        };
        let mut chars = name.chars();
        let c = match (chars.next(), chars.as_str()) {
            (Some(c), "") => Some(c),
            (Some('u'), digits) if digits.len() == 4 => {
                hexadecimal(digits.as_bytes()).map(|code| {
                    // Half of a pair of surrogates is what Java calls a character.
                    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
                })
            }
            (Some('o'), digits) if digits.len() <= 3 => {
                u32::from_str_radix(digits, 8).ok().and_then(char::from_u32)
            }
            _ => match name {
                "newline" => Some('\n'),
                "return" => Some('\r'),
                "space" => Some(' '),
                "tab" => Some('\t'),
                "backspace" => Some('\u{8}'),
                "formfeed" => Some('\u{c}'),
                _ => None,
            },
        };
        match c {
            Some(c) => Ok(Datum::Char(c)),
            None => wrong(start, "no such character"),
        }
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |code, digit| {
        Some(code * 16 + char::from(*digit).to_digit(16)?)
    })
}
