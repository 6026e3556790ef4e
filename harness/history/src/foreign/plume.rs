//! Transactions on registers as Plume and AWDIT write them: an access a line, dashes between transactions, equals signs
//! between sessions. Sources: Liu et al., "Plume: Efficient and Complete Black-Box Checking of Weak Isolation Levels"
//! (OOPSLA 2024); Møldrup and Pavlogiannis, "AWDIT: An Optimal Weak Database Isolation Tester" (PLDI 2025).

use std::{collections::VecDeque, sync::Arc};

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
}

impl Default for Ops {
    fn default() -> Self {
        Self {
            names: Names::default(),
            txn: "txn".into(),
            session: 0,
            accesses: Vec::new(),
            used: false,
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
                let access = access(text, &mut self.names)?;
                self.accesses.push(access);
            }
        }
        Ok(Step {
            taken,
            begins: 0,
            op: None,
        })
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

/// `w KEY VALUE` as `[:w KEY VALUE]`.
pub(super) fn access(text: &[u8], names: &mut Names) -> Result<Datum, Trouble> {
    let mut scanner = Scanner::new(text, true, names);
    let does = match scanner.form()? {
        Datum::Symbol(does) if matches!(&*does, "r" | "w") => Datum::Keyword(does),
        _ => {
            return wrong(
                0,
                "a line is \"r KEY VALUE\", \"w KEY VALUE\", ----- or =====",
            );
        }
    };
    let key = scanner.form()?;
    let value = scanner.form()?;
    match scanner.blank()? {
        None => Ok(Datum::vector([does, key, value])),
        Some(_) => wrong(scanner.at(), "an access has one key and one value"),
    }
}

fn wrong<T>(at: usize, reason: impl Into<String>) -> Result<T, Trouble> {
    Err(Trouble::Wrong {
        at,
        reason: reason.into(),
    })
}
