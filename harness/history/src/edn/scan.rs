//! Forms from a slice.

mod number;
mod text;

use std::sync::Arc;

use super::{DEPTH, Names};
use crate::Datum;

/// Why there is no form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The slice ends inside of one, and is not the end of the text.
    Incomplete,
    /// It is not EDN, from this byte of the slice on.
    Wrong {
        /// Where.
        at: usize,
        /// What is wrong.
        reason: String,
    },
}

type Scan<T> = Result<T, Trouble>;

/// Reads the first form of a text; `None` if there is none, but blanks. `Err` has the byte at which the text goes wrong,
/// and how.
///
/// ```
/// use schism_history::{Datum, edn};
///
/// let datum = edn::parse(b"{:f :cas, :value [1 2] #_ignored}").unwrap().unwrap();
/// assert_eq!(datum.get("value"), Some(&Datum::vector([Datum::Int(1), Datum::Int(2)])));
/// ```
pub fn parse(text: &[u8]) -> Result<Option<Datum>, (usize, String)> {
    let mut names = Names::default();
    let mut scanner = Scanner::new(text, true, &mut names);
    let parsed = match scanner.blank() {
        Ok(Some(_)) => scanner.form().map(Some),
        Ok(None) => Ok(None),
        Err(trouble) => Err(trouble),
    };
    parsed.map_err(|trouble| match trouble {
        Trouble::Wrong { at, reason } => (at, reason),
        Trouble::Incomplete => (text.len(), "the text ends too early".to_owned()),
    })
}

/// A place in a slice of EDN.
pub(crate) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    /// Whether nothing comes after the slice.
    last: bool,
    depth: usize,
    names: &'a mut Names,
}

/// Bytes that end a token.
const fn ends(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t'
            | b'\n'
            | b'\r'
            | 0x0b
            | 0x0c
            | b','
            | b'('
            | b')'
            | b'['
            | b']'
            | b'{'
            | b'}'
            | b'"'
            | b';'
    )
}

/// [`ends`], as a table: this is the inner loop.
const ENDS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = ends(byte as u8);
        byte += 1;
    }
    table
};

impl<'a> Scanner<'a> {
    /// At the beginning of a slice; `last` says that the text ends with it.
    pub(crate) fn new(text: &'a [u8], last: bool, names: &'a mut Names) -> Self {
        Self {
            text,
            at: 0,
            last,
            depth: 0,
            names,
        }
    }

    /// How many bytes were taken.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Takes one byte, which was looked at before.
    pub(crate) fn bump(&mut self) {
        self.at += 1;
    }

    /// Something is wrong here.
    pub(crate) fn wrong<T>(&self, reason: impl Into<String>) -> Scan<T> {
        wrong(self.at, reason)
    }

    /// Takes blanks, comments and discarded forms; what comes next, `None` at the end of the slice.
    #[inline]
    pub(crate) fn blank(&mut self) -> Scan<Option<u8>> {
        self.spaces();
        match self.text.get(self.at) {
            None => Ok(None),
            Some(b';' | b'#') => self.comments(),
            Some(byte) => Ok(Some(*byte)),
        }
    }

    /// Takes what is blank and neither a comment nor a discarded form.
    #[inline]
    fn spaces(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c | b',') = self.text.get(self.at) {
            self.at += 1;
        }
    }

    /// [`blank`](Self::blank), at what may be a comment.
    fn comments(&mut self) -> Scan<Option<u8>> {
        loop {
            self.spaces();
            match self.text.get(self.at) {
                None => return Ok(None),
                Some(b';') => match self.text[self.at..].iter().position(|b| *b == b'\n') {
                    Some(length) => self.at += length + 1,
                    None => {
                        self.more()?;
                        self.at = self.text.len();
                    }
                },
                Some(b'#') => match self.text.get(self.at + 1) {
                    Some(b'_') => {
                        self.at += 2;
                        self.deeper(Self::form)?;
                    }
                    None => {
                        self.more()?;
                        return Ok(Some(b'#'));
                    }
                    Some(_) => return Ok(Some(b'#')),
                },
                Some(byte) => return Ok(Some(*byte)),
            }
        }
    }

    /// What comes next after blanks; the text must not end here.
    #[inline]
    pub(crate) fn peek(&mut self, inside: &str) -> Scan<u8> {
        match self.blank()? {
            Some(byte) => Ok(byte),
            None => self.ended(inside),
        }
    }

    /// The next form.
    pub(crate) fn form(&mut self) -> Scan<Datum> {
        let byte = self.peek("a form")?;
        match byte {
            b'[' => self.sequence(b']', "a vector").map(Datum::Vector),
            b'(' => self.sequence(b')', "a list").map(Datum::List),
            b'{' => self.map(),
            b'"' => self.string().map(Datum::Text),
            b':' => self.keyword().map(Datum::Keyword),
            b'0'..=b'9' | b'+' | b'-' => self.number(),
            b'\\' => self.character(),
            b'#' => self.dispatch(),
            b']' | b')' | b'}' => self.wrong(format!("{:?} closes nothing", char::from(byte))),
            b'^' | b'@' | b'`' | b'~' => {
                self.wrong(format!("{:?} is Clojure, not EDN", char::from(byte)))
            }
            _ => self.symbol(),
        }
    }

    /// A keyword's name.
    pub(crate) fn keyword(&mut self) -> Scan<Arc<str>> {
        let start = self.at;
        let token = self.token()?;
        match token.len() {
            1 => wrong(start, "a keyword needs a name"),
            _ => self.name(start + 1, &token[1..]),
        }
    }

    /// The bytes of the next token.
    pub(crate) fn token(&mut self) -> Scan<&'a [u8]> {
        self.rest_of_token(self.at)
    }

    /// The bytes of a token whose bytes before `from` are taken for granted.
    fn rest_of_token(&mut self, from: usize) -> Scan<&'a [u8]> {
        let text = self.text;
        let tail = text.get(from..).unwrap_or_default();
        let end = match tail.iter().position(|byte| ENDS[usize::from(*byte)]) {
            Some(length) => from + length,
            None => {
                self.more()?;
                text.len()
            }
        };
        let token = &text[self.at..end];
        self.at = end;
        Ok(token)
    }

    fn sequence(&mut self, close: u8, what: &str) -> Scan<Vec<Datum>> {
        self.at += 1;
        self.deeper(|scanner| {
            let mut items = Vec::new();
            loop {
                scanner.spaces();
                while let Some(n) = scanner.small() {
                    items.push(Datum::Int(n));
                    scanner.spaces();
                }
                if scanner.peek(what)? == close {
                    scanner.at += 1;
                    return Ok(items);
                }
                items.push(scanner.form()?);
            }
        })
    }

    /// Takes an integer of the usual kind, digits that something ends, if one comes next: long lists are made of those.
    #[inline]
    fn small(&mut self) -> Option<i64> {
        /// Below these there is no overflow.
        const DIGITS: usize = 18;
        let tail = self.text.get(self.at..)?;
        let mut n = 0;
        for (i, byte) in tail.iter().enumerate().take(DIGITS + 1) {
            match byte {
                b'0'..=b'9' if i < DIGITS => n = n * 10 + i64::from(byte - b'0'),
                // What is wrong with a leading zero, or how a long one is read, is said elsewhere.
                byte if i == 0 || !ENDS[usize::from(*byte)] || i > 1 && tail[0] == b'0' => {
                    return None;
                }
                _ => {
                    self.at += i;
                    return Some(n);
                }
            }
        }
        None
    }

    fn map(&mut self) -> Scan<Datum> {
        self.at += 1;
        self.deeper(|scanner| {
            let mut entries = Vec::new();
            loop {
                if scanner.peek("a map")? == b'}' {
                    scanner.at += 1;
                    return Ok(Datum::Map(entries));
                }
                let key = scanner.form()?;
                scanner.has_value()?;
                entries.push((key, scanner.form()?));
            }
        })
    }

    /// After a key of a map.
    pub(crate) fn has_value(&mut self) -> Scan<()> {
        match self.peek("a map")? {
            b'}' => self.wrong("the last key of this map has no value"),
            _ => Ok(()),
        }
    }

    /// What `#` begins.
    fn dispatch(&mut self) -> Scan<Datum> {
        match self.text.get(self.at + 1) {
            Some(b'{') => {
                self.at += 1;
                self.sequence(b'}', "a set").map(Datum::Set)
            }
            Some(b'#') => {
                let start = self.at;
                match self.token()? {
                    b"##Inf" => Ok(Datum::Float(f64::INFINITY)),
                    b"##-Inf" => Ok(Datum::Float(f64::NEG_INFINITY)),
                    b"##NaN" => Ok(Datum::Float(f64::NAN)),
                    _ => wrong(start, "after ## comes Inf, -Inf or NaN"),
                }
            }
            _ => {
                let tag = self.tag()?;
                self.deeper(|scanner| Ok(Datum::Tagged(Box::new((tag, scanner.form()?)))))
            }
        }
    }

    /// A tag, from its `#` on.
    pub(crate) fn tag(&mut self) -> Scan<Arc<str>> {
        let start = self.at;
        let token = self.token()?;
        match token.get(1) {
            Some(b) if b.is_ascii_alphabetic() || *b == b':' => self.name(start + 1, &token[1..]),
            _ => wrong(start, "# begins a set, a discard or a tag"),
        }
    }

    fn symbol(&mut self) -> Scan<Datum> {
        let start = self.at;
        Ok(match self.token()? {
            b"nil" => Datum::Nil,
            b"true" => Datum::Bool(true),
            b"false" => Datum::Bool(false),
            token => match token.iter().position(u8::is_ascii_control) {
                Some(at) => return wrong(start + at, "a control character outside of strings"),
                None => Datum::Symbol(self.name(start, token)?),
            },
        })
    }

    fn number(&mut self) -> Scan<Datum> {
        let start = self.at;
        let token = self.token()?;
        let digits = token.strip_prefix(b"-").or(token.strip_prefix(b"+"));
        let digits = digits.unwrap_or(token);
        if !digits.first().is_some_and(u8::is_ascii_digit) {
            return Ok(Datum::Symbol(self.name(start, token)?));
        }
        // The usual case, and no overflow below nineteen digits.
        if digits.len() < 19 && digits.iter().all(u8::is_ascii_digit) {
            if digits.len() > 1 && digits[0] == b'0' {
                return wrong(start, "a number with a leading zero");
            }
            let n = digits.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0'));
            return Ok(Datum::Int(if token[0] == b'-' { -n } else { n }));
        }
        match number::rare(token) {
            Some(number) => Ok(number),
            None => wrong(start, "not a number"),
        }
    }

    fn name(&mut self, start: usize, bytes: &[u8]) -> Scan<Arc<str>> {
        match self.names.get(bytes) {
            Some(name) => Ok(name),
            None => wrong(start, "not UTF-8"),
        }
    }

    /// Reads something one level down.
    #[inline]
    pub(crate) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Scan<T>) -> Scan<T> {
        if self.depth == DEPTH {
            return self.wrong(format!("nested more than {DEPTH} deep"));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// The slice ended: that is for the caller to mend, unless the text ends with it.
    fn more(&self) -> Scan<()> {
        match self.last {
            true => Ok(()),
            false => Err(Trouble::Incomplete),
        }
    }

    fn ended<T>(&self, inside: &str) -> Scan<T> {
        self.more()?;
        wrong(self.text.len(), format!("the text ends inside of {inside}"))
    }
}

fn wrong<T>(at: usize, reason: impl Into<String>) -> Scan<T> {
    Err(Trouble::Wrong {
        at,
        reason: reason.into(),
    })
}
