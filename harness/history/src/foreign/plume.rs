//! Transactions on registers as Plume and AWDIT write them, an access a line: Plume says of each in which session and
//! transaction it is, AWDIT puts dashes between transactions and equals signs between sessions. Sources: Liu et al., "Plume: Efficient and Complete Black-Box Checking of Weak Isolation Levels"
//! (OOPSLA 2024); Møldrup and Pavlogiannis, "AWDIT: An Optimal Weak Database Isolation Tester" (PLDI 2025).

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use super::{Caller, Draft, Foreign, Kind, log::line, reader::Step};
use crate::{
    Datum,
    edn::{Names, Scanner, Trouble},
};

/// How many accesses one transaction may have: some hundred megabytes of them.
const LONGEST: usize = 1 << 20;

/// What is known between two lines.
pub(super) struct Ops {
    names: Names,
    txn: Arc<str>,
    session: i64,
    /// The accesses of the transaction so far.
    accesses: Vec<Datum>,
    /// Whether this session had a transaction.
    used: bool,
    /// The session and the number of the transaction that is open, where lines say so.
    open: Option<(i64, i64)>,
    /// Those that have ended.
    ended: BTreeSet<(i64, i64)>,
}

impl Default for Ops {
    fn default() -> Self {
        Self {
            names: Names::default(),
            txn: "txn".into(),
            session: 0,
            accesses: Vec::new(),
            used: false,
            open: None,
            ended: BTreeSet::new(),
        }
    }
}

impl Ops {
    pub(super) fn next(
        &mut self,
        text: &[u8],
        last: bool,
        ready: &mut VecDeque<Foreign>,
    ) -> Result<Step, Trouble> {
        let taken = line(text, last)?;
        if taken == 0 && last {
            self.end_transaction(ready);
        }
        match line_of(&text[..taken]) {
            b"" => {}
            text if rule(text, b'-') => self.end_transaction(ready),
            text if rule(text, b'=') => {
                self.end_transaction(ready);
                self.session += i64::from(self.used);
                self.used = false;
            }
            text => {
                if self.accesses.len() == LONGEST {
                    return wrong(0, format!("a transaction of more than {LONGEST} accesses"));
                }
                let (access, place) = access(text, &mut self.names)?;
                if let Some(place) = place {
                    self.enter(place, ready)?;
                } else if self.open.is_some() {
                    return wrong(0, "the lines above say in which transaction they are");
                }
                self.accesses.push(access);
            }
        }
        Ok(Step {
            taken,
            begins: 0,
            op: None,
        })
    }

    /// Goes on with a transaction, or begins it.
    fn enter(&mut self, place: (i64, i64), ready: &mut VecDeque<Foreign>) -> Result<(), Trouble> {
        if self.open == Some(place) {
            return Ok(());
        }
        if self.open.is_none() && !self.accesses.is_empty() {
            return wrong(
                0,
                "the lines above do not say in which transaction they are",
            );
        }
        self.end_transaction(ready);
        self.ended.extend(self.open);
        let (session, number) = place;
        if self.ended.contains(&place) {
            return wrong(
                0,
                format!("transaction {number} of session {session} goes on after another began"),
            );
        }
        self.session = session;
        self.open = Some(place);
        Ok(())
    }

    fn end_transaction(&mut self, ready: &mut VecDeque<Foreign>) {
        if self.accesses.is_empty() {
            return;
        }
        self.used = true;
        let did = std::mem::take(&mut self.accesses);
        let asked = did.iter().map(|access| match access.as_seq() {
            Some([r, key, _]) if r.as_name().is_some_and(|name| &**name == "r") => {
                Datum::vector([r.clone(), key.clone(), Datum::Nil])
            }
            _ => access.clone(),
        });
        let asked = Datum::vector(asked);
        for (kind, value) in [(Kind::Invoke, asked), (Kind::Ok, Datum::Vector(did))] {
            let draft = Draft {
                kind: Some(kind),
                caller: Some(Caller::Process(self.session)),
                f: Some(Arc::clone(&self.txn)),
                value,
                ..Draft::default()
            };
            ready.push_back(draft.finish().expect("it has a type and a process"));
        }
    }
}

fn line_of(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

/// Whether a line is one of these characters only, and at least three.
pub(super) fn rule(line: &[u8], of: u8) -> bool {
    line.len() >= 3 && line.iter().all(|b| *b == of)
}

/// `w KEY VALUE` as `[:w KEY VALUE]`; or `w(KEY,VALUE,SESSION,TRANSACTION)`, and then the last two, too.
pub(super) fn access(
    text: &[u8],
    names: &mut Names,
) -> Result<(Datum, Option<(i64, i64)>), Trouble> {
    if let [does @ (b'r' | b'w'), b'(', ..] = text {
        let does = Datum::Keyword(names.get(&[*does]).expect("ASCII"));
        let Some([key, value, session, number]) = numbers(&text[1..]) else {
            return wrong(
                1,
                "in parentheses are key, value, session and transaction: four integers",
            );
        };
        let access = Datum::vector([does, Datum::Int(key), Datum::Int(value)]);
        return Ok((access, Some((session, number))));
    }
    let mut scanner = Scanner::new(text, true, names);
    let does = match scanner.form()? {
        Datum::Symbol(does) if matches!(&*does, "r" | "w") => Datum::Keyword(does),
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
        None => Ok((Datum::vector([does, key, value]), None)),
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
