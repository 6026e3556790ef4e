//! Transactions on registers as Plume and AWDIT write them, an access a line: Plume says of each in which session and
//! transaction it is, AWDIT puts dashes between transactions and equals signs between sessions. Sources: Liu et al., "Plume: Efficient and Complete Black-Box Checking of Weak Isolation Levels"
//! (OOPSLA 2024); Møldrup and Pavlogiannis, "AWDIT: An Optimal Weak Database Isolation Tester" (PLDI 2025).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Caller, Draft, Foreign, Kind, Place, log::line, reader::Step};
use crate::{
    Datum,
    edn::{Names, Scanner, Trouble},
};

/// How many accesses one transaction may have: some hundred megabytes of them.
const LONGEST: usize = 1 << 20;

/// A line: a read or a write.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) reads: bool,
    pub(super) key: Datum,
    pub(super) value: Datum,
}

/// A transaction that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) session: i64,
    pub(super) accesses: Vec<Access>,
}

/// What is known between two lines.
pub(super) struct Ops {
    names: Names,
    /// What ops and accesses are called: `txn`, `r` and `w`.
    called: [Arc<str>; 3],
    session: i64,
    /// The accesses of the transaction so far.
    accesses: Vec<Access>,
    /// Whether this session had a transaction.
    used: bool,
    /// The session and the number of the transaction that is open, where lines say so.
    open: Option<(i64, i64)>,
    ended: Numbers,
}

impl Default for Ops {
    fn default() -> Self {
        Self {
            names: Names::default(),
            called: ["txn", "r", "w"].map(Arc::from),
            session: 0,
            accesses: Vec::new(),
            used: false,
            open: None,
            ended: Numbers::default(),
        }
    }
}

/// The transactions of each session that have ended. Their numbers grow, as a rule: then the largest says it all.
#[derive(Default)]
struct Numbers {
    growing: BTreeMap<i64, Vec<i64>>,
    others: BTreeSet<(i64, i64)>,
}

impl Numbers {
    fn insert(&mut self, (session, number): (i64, i64)) {
        let growing = self.growing.entry(session).or_default();
        match growing.last().is_none_or(|last| *last < number) {
            true => growing.push(number),
            false => {
                self.others.insert((session, number));
            }
        }
    }

    fn contains(&self, (session, number): (i64, i64)) -> bool {
        let Some(growing) = self.growing.get(&session) else {
            return false;
        };
        growing.last().is_some_and(|last| number <= *last)
            && (growing.binary_search(&number).is_ok() || self.others.contains(&(session, number)))
    }
}

impl Ops {
    /// A line, or several of the transaction that is open; and the transaction that ended with it.
    pub(super) fn next(
        &mut self,
        text: &[u8],
        last: bool,
        ended: &mut Option<Ended>,
    ) -> Result<Step, Trouble> {
        let taken = match self.go_on(text) {
            0 => self.line(text, last, ended)?,
            taken => taken,
        };
        Ok(Step {
            taken,
            begins: 0,
            op: None,
        })
    }

    /// Takes the lines with which the open transaction goes on, as far as they look as they always do.
    fn go_on(&mut self, text: &[u8]) -> usize {
        let mut taken = 0;
        while let Some((length, reads, [key, value, session, number])) = usual(&text[taken..])
            && self.open == Some((session, number))
            && self.accesses.len() < LONGEST
        {
            self.accesses.push(Access {
                reads,
                key: Datum::Int(key),
                value: Datum::Int(value),
            });
            taken += length;
        }
        taken
    }

    fn line(
        &mut self,
        text: &[u8],
        last: bool,
        ended: &mut Option<Ended>,
    ) -> Result<usize, Trouble> {
        let taken = line(text, last)?;
        if taken == 0 && last {
            self.end_transaction(ended);
        }
        match line_of(&text[..taken]) {
            b"" => {}
            text if rule(text, b'-') => self.end_transaction(ended),
            text if rule(text, b'=') => {
                self.end_transaction(ended);
                self.session += i64::from(self.used);
                self.used = false;
            }
            text => {
                if self.accesses.len() == LONGEST {
                    return wrong(0, format!("a transaction of more than {LONGEST} accesses"));
                }
                let (access, place) = access(text, &mut self.names)?;
                if let Some(place) = place {
                    self.enter(place, ended)?;
                } else if self.open.is_some() {
                    return wrong(0, "the lines above say in which transaction they are");
                }
                self.accesses.push(access);
            }
        }
        Ok(taken)
    }

    /// Goes on with a transaction, or begins it.
    fn enter(&mut self, place: (i64, i64), ended: &mut Option<Ended>) -> Result<(), Trouble> {
        if self.open == Some(place) {
            return Ok(());
        }
        if self.open.is_none() && !self.accesses.is_empty() {
            return wrong(
                0,
                "the lines above do not say in which transaction they are",
            );
        }
        self.end_transaction(ended);
        if let Some(before) = self.open {
            self.ended.insert(before);
        }
        let (session, number) = place;
        if self.ended.contains(place) {
            return wrong(
                0,
                format!("transaction {number} of session {session} goes on after another began"),
            );
        }
        self.session = session;
        self.open = Some(place);
        Ok(())
    }

    fn end_transaction(&mut self, ended: &mut Option<Ended>) {
        if self.accesses.is_empty() {
            return;
        }
        self.used = true;
        let room = Vec::with_capacity(self.accesses.len());
        *ended = Some(Ended {
            session: self.session,
            accesses: std::mem::replace(&mut self.accesses, room),
        });
    }

    /// A transaction as the two ops that others would write.
    pub(super) fn written(&self, ended: Ended, place: Place) -> [Foreign; 2] {
        let [txn, r, w] = &self.called;
        let named = |access: &Access| {
            let name = if access.reads { r } else { w };
            Datum::Keyword(Arc::clone(name))
        };
        let asked = ended.accesses.iter().map(|access| {
            let value = match access.reads {
                true => Datum::Nil,
                false => access.value.clone(),
            };
            Datum::vector([named(access), access.key.clone(), value])
        });
        let asked = Datum::vector(asked);
        let did = ended.accesses.into_iter().map(|access| {
            let name = named(&access);
            Datum::vector([name, access.key, access.value])
        });
        let did = Datum::vector(did);
        [(Kind::Invoke, asked), (Kind::Ok, did)].map(|(kind, value)| {
            let draft = Draft {
                kind: Some(kind),
                caller: Some(Caller::Process(ended.session)),
                f: Some(Arc::clone(txn)),
                value,
                ..Draft::default()
            };
            let op = draft.finish().expect("it has a type and a process");
            Foreign { place, ..op }
        })
    }
}

/// `w(4,0,15,0)` with its line feed and nothing else: its length, whether it reads, and its numbers.
fn usual(text: &[u8]) -> Option<(usize, bool, [i64; 4])> {
    let reads = match text {
        [b'r', b'(', ..] => true,
        [b'w', b'(', ..] => false,
        _ => return None,
    };
    let mut at = 2;
    let mut numbers = [0; 4];
    for (number, end) in numbers.iter_mut().zip(*b",,,)") {
        let minus = text.get(at) == Some(&b'-');
        at += usize::from(minus);
        let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit());
        // Eighteen digits always fit.
        let (mut n, mut length) = (0, 0);
        for digit in digits.take(19) {
            length += 1;
            n = n * 10 + u64::from(digit - b'0');
        }
        if !(1..=18).contains(&length) || text.get(at + length) != Some(&end) {
            return None;
        }
        at += length + 1;
        *number = if minus { -(n as i64) } else { n as i64 };
    }
    (text.get(at) == Some(&b'\n')).then_some((at + 1, reads, numbers))
}

fn line_of(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

/// Whether a line is one of these characters only, and at least three.
pub(super) fn rule(line: &[u8], of: u8) -> bool {
    line.len() >= 3 && line.iter().all(|b| *b == of)
}

/// `w KEY VALUE`; or `w(KEY,VALUE,SESSION,TRANSACTION)`, and then the last two, too.
pub(super) fn access(
    text: &[u8],
    names: &mut Names,
) -> Result<(Access, Option<(i64, i64)>), Trouble> {
    if let [does @ (b'r' | b'w'), b'(', ..] = text {
        let Some([key, value, session, number]) = numbers(&text[1..]) else {
            return wrong(
                1,
                "in parentheses are key, value, session and transaction: four integers",
            );
        };
        let access = Access {
            reads: *does == b'r',
            key: Datum::Int(key),
            value: Datum::Int(value),
        };
        return Ok((access, Some((session, number))));
    }
    let mut scanner = Scanner::new(text, true, names);
    let reads = match scanner.form()? {
        Datum::Symbol(does) if &*does == "r" => true,
        Datum::Symbol(does) if &*does == "w" => false,
        _ => {
            return wrong(
                0,
                "a line is \"r KEY VALUE\", \"w KEY VALUE\", -----, ===== or \"r(KEY,VALUE,SESSION,TRANSACTION)\"",
            );
        }
    };
    let key = scanner.form()?;
    let value = scanner.form()?;
    match scanner.blank()? {
        None => Ok((Access { reads, key, value }, None)),
        Some(_) => wrong(scanner.at(), "an access has one key and one value"),
    }
}

/// `(4,0,15,0)`.
fn numbers(text: &[u8]) -> Option<[i64; 4]> {
    let inside = text.strip_prefix(b"(")?.strip_suffix(b")")?;
    let inside = std::str::from_utf8(inside).ok()?;
    let mut numbers = inside.split(',').map(|number| number.trim().parse().ok());
    let four = [(); 4].map(|()| numbers.next().flatten());
    match (four, numbers.next()) {
        ([Some(key), Some(value), Some(session), Some(number)], None) => {
            Some([key, value, session, number])
        }
        _ => None,
    }
}

fn wrong<T>(at: usize, reason: impl Into<String>) -> Result<T, Trouble> {
    Err(Trouble::Wrong {
        at,
        reason: reason.into(),
    })
}
