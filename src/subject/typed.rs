//! A history with its operation, behind a face without it.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    path::Path,
};

use checkers::{
    Checker,
    linear::{Certificate, Judge, Refusal},
};
use history::{Codec, History, Index, Operation, Span, edn, journal};
use reports::{NoSuchOp, OpView, Report};

use super::{
    Ask, Reading,
    checks::Checks,
    read::{self, Assumed, Import, Read},
};
use crate::{exit::Failure, judge};

/// A notation that we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notation {
    /// Jepsen's.
    Edn,
    /// Ours.
    Journal,
}

/// Where a history is.
#[derive(Debug, Clone, Copy)]
pub(super) enum From<'a> {
    /// In a file, in whatever notation.
    File(&'a Path),
    /// Nowhere, and without calls: for those who ask about its checkers only.
    Nothing,
}

/// A checker, by what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    /// Its name.
    pub(crate) name: String,
    /// What it decides.
    pub(crate) decides: String,
    /// How far its verdicts go.
    pub(crate) limits: &'static str,
}

impl About {
    /// Of this one.
    pub(crate) fn of<O: Operation>(checker: &dyn Checker<O>) -> Self {
        Self {
            name: checker.name().to_owned(),
            decides: checker.decides(),
            limits: checker.limits(),
        }
    }
}

/// A history of which only its own kind knows what its calls are.
pub(crate) trait Typed: Send {
    /// Judges it.
    fn judge(&self, ask: &Ask) -> Result<Report, Failure>;
    /// Who would judge it: by what is expected, and then every history of this kind.
    fn checkers(&self, ask: &Ask) -> Result<(Vec<About>, Vec<About>), Failure>;
    /// An order of its calls that proves that it is linearizable, if there is one and the budget lasts.
    fn certify(&self, ask: &Ask) -> Result<Option<Certificate>, Failure>;
    /// Whether a certificate proves that it is linearizable.
    fn verify(&self, ask: &Ask, certificate: &Certificate) -> Result<Result<(), Refusal>, Failure>;
    /// Writes it.
    fn write(&self, to: Notation, out: &mut dyn Write) -> io::Result<()>;
    /// The history of these calls alone.
    fn part(&self, calls: &[Index]) -> Box<dyn Typed>;
    /// One call with what is around it, by a number that it has in the record.
    fn op(&self, report: &Report, number: u64) -> Result<OpView, NoSuchOp>;
    /// How many calls it has.
    fn calls(&self) -> usize;
    /// What was assumed of its objects.
    fn assumed(&self) -> Assumed;
    /// What is to be said about how it was read.
    fn told(&self) -> &[String];
}

/// A history that was read, or why not.
pub(super) type Opening = Result<Box<dyn Typed>, Failure>;

/// Reads a file as histories of one operation, which these checkers judge.
pub(super) fn typed<O: Codec>(
    from: From<'_>,
    how: &Reading,
    import: Import<O>,
    checks: fn(&History<O>, &Assumed, &Ask) -> Checks<O>,
    is_read: fn(&O::Call) -> bool,
) -> Opening {
    let by = By::Checkers(checks);
    opened(from, how, import, by, is_read)
}

/// Reads a file as histories of one operation, whose linearizability is judged.
pub(super) fn linearizable<O: Codec>(
    from: From<'_>,
    how: &Reading,
    import: Import<O>,
    judge: fn(&Assumed, &Ask) -> Box<dyn Judge<O>>,
    is_read: fn(&O::Call) -> bool,
) -> Opening {
    let by = By::Judge(judge);
    opened(from, how, import, by, is_read)
}

/// The same, where something weaker than linearizability may be expected, too.
pub(super) fn linearizable_or<O: Codec>(
    from: From<'_>,
    how: &Reading,
    import: Import<O>,
    judge: fn(&Assumed, &Ask) -> Box<dyn Judge<O>>,
    weaker: Checkers<O>,
    is_read: fn(&O::Call) -> bool,
) -> Opening {
    let by = By::Either(judge, weaker);
    opened(from, how, import, by, is_read)
}

fn opened<O: Codec>(
    from: From<'_>,
    how: &Reading,
    import: Import<O>,
    by: By<O>,
    is_read: fn(&O::Call) -> bool,
) -> Opening {
    Ok(Box::new(Opened {
        read: match from {
            From::File(path) => read::read(path, how, import)?,
            From::Nothing => Read::nothing(),
        },
        by,
        is_read,
    }))
}

/// The expectation that certificates are of.
const LINEARIZABLE: &str = "linearizable";

/// Who judges.
enum By<O: Codec> {
    /// These.
    Checkers(Checkers<O>),
    /// One that can prove that it was right to pass.
    Judge(fn(&Assumed, &Ask) -> Box<dyn Judge<O>>),
    /// That one where linearizability is expected, and these otherwise.
    Either(fn(&Assumed, &Ask) -> Box<dyn Judge<O>>, Checkers<O>),
}

/// The checkers for what is expected.
type Checkers<O> = fn(&History<O>, &Assumed, &Ask) -> Checks<O>;

impl<O: Codec> Clone for By<O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O: Codec> Copy for By<O> {}

struct Opened<O: Codec> {
    read: Read<O>,
    by: By<O>,
    is_read: fn(&O::Call) -> bool,
}

impl<O: Codec> Opened<O> {
    fn judge_of(&self, ask: &Ask) -> Result<Box<dyn Judge<O>>, Failure> {
        match self.by {
            By::Judge(judge) => Ok(judge(&self.read.assumed, ask)),
            By::Either(judge, _) if ask.expect == LINEARIZABLE => {
                Ok(judge(&self.read.assumed, ask))
            }
            By::Checkers(_) | By::Either(..) => Err(Failure::usage(
                "certificates are of linearizability: name a model with --model",
            )),
        }
    }
}

impl<O: Codec> Opened<O> {
    /// The checkers for what is expected.
    fn checks(&self, ask: &Ask) -> Checks<O> {
        let Read {
            history, assumed, ..
        } = &self.read;
        match self.by {
            By::Checkers(checks) => checks(history, assumed, ask),
            By::Either(_, weaker) if ask.expect != LINEARIZABLE => weaker(history, assumed, ask),
            By::Judge(judge) | By::Either(judge, _) => {
                Ok(vec![judge(assumed, ask) as Box<dyn Checker<O>>])
            }
        }
    }
}

impl<O: Codec> Typed for Opened<O> {
    fn judge(&self, ask: &Ask) -> Result<Report, Failure> {
        let checks = self.checks(ask)?;
        let circumstances = ask.circumstances.clone();
        Ok(judge::judge(
            &self.read.history,
            &checks,
            self.is_read,
            circumstances,
            ask.budget,
        ))
    }

    fn checkers(&self, ask: &Ask) -> Result<(Vec<About>, Vec<About>), Failure> {
        let own = self.checks(ask)?;
        let own = own.iter().map(|checker| About::of(&**checker)).collect();
        Ok((own, judge::of_every_run::<O>(self.is_read)))
    }

    fn certify(&self, ask: &Ask) -> Result<Option<Certificate>, Failure> {
        let judge = self.judge_of(ask)?;
        Ok(judge.certify(&self.read.history, ask.budget))
    }

    fn verify(&self, ask: &Ask, certificate: &Certificate) -> Result<Result<(), Refusal>, Failure> {
        let judge = self.judge_of(ask)?;
        Ok(judge.verify(&self.read.history, certificate))
    }

    fn write(&self, to: Notation, out: &mut dyn Write) -> io::Result<()> {
        let history = &self.read.history;
        let nodes = history.nodes().clone();
        match to {
            Notation::Edn => {
                let mut writer = edn::Writer::<O, _>::new(out, nodes);
                history.events().try_for_each(|event| writer.write(&event))
            }
            Notation::Journal => {
                let mut writer = journal::Writer::<O, _>::new(out, nodes);
                history.events().try_for_each(|event| writer.write(&event))
            }
        }
    }

    fn part(&self, calls: &[Index]) -> Box<dyn Typed> {
        let whole = &self.read.history;
        let kept = |span: &&Span<O>| calls.contains(&span.invoked);
        let places: BTreeSet<Index> = whole
            .spans()
            .iter()
            .filter(kept)
            .flat_map(|span| [Some(span.invoked), span.completed])
            .flatten()
            .collect();
        let events = whole.events().filter(|e| places.contains(&e.index));
        let history = History::new(whole.nodes().clone(), events)
            .expect("calls of a history, each with its end, are one");
        Box::new(Self {
            read: Read {
                history,
                assumed: self.read.assumed,
                told: Vec::new(),
            },
            by: self.by,
            is_read: self.is_read,
        })
    }

    fn op(&self, report: &Report, number: u64) -> Result<OpView, NoSuchOp> {
        OpView::new(report, &self.read.history, number)
    }

    fn calls(&self) -> usize {
        self.read.history.spans().len()
    }

    fn assumed(&self) -> Assumed {
        self.read.assumed
    }

    fn told(&self) -> &[String] {
        &self.read.told
    }
}
