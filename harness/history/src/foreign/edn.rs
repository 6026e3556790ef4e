//! Ops in EDN: maps, tagged or not, one after the other or in one vector.

use super::{Draft, Field, Foreign, reader::Step};
use crate::edn::{Names, Scanner, Trouble};

/// What is known between two ops.
#[derive(Default)]
pub(super) struct Ops {
    names: Names,
    /// What closes the collection that the ops are in, if they are in one.
    close: Option<u8>,
}

impl Ops {
    pub(super) fn next(&mut self, text: &[u8], last: bool) -> Result<Step, Trouble> {
        let mut scanner = Scanner::new(text, last, &mut self.names);
        let first = scanner.blank()?;
        let begins = scanner.at();
        let step = |taken, op| Step { taken, begins, op };
        let Some(mut first) = first else {
            return match self.close {
                Some(close) if last && begins == 0 => {
                    let close = char::from(close);
                    scanner.wrong(format!(
                        "the text ends before the {close:?} that ends the history"
                    ))
                }
                _ => Ok(step(begins, None)),
            };
        };
        if first == b'#' {
            scanner.tag()?;
            first = scanner.peek("a tagged form")?;
        }
        match (first, self.close) {
            (b'{', _) => {
                let op = op(&mut scanner)?;
                Ok(step(scanner.at(), Some(op)))
            }
            (b'[' | b'(', None) => {
                self.close = Some(if first == b'[' { b']' } else { b')' });
                scanner.bump();
                Ok(step(scanner.at(), None))
            }
            (byte, Some(close)) if byte == close => {
                scanner.bump();
                let taken = scanner.at();
                self.close = None;
                Ok(step(taken, None))
            }
            (byte, _) => scanner.wrong(format!(
                "an op is a map, but here is {:?}",
                // Beyond ASCII it is a part of a character.
                char::from(byte.min(0x7f))
            )),
        }
    }
}

fn op(scanner: &mut Scanner<'_>) -> Result<Foreign, Trouble> {
    let begins = scanner.at();
    let mut draft = Draft::default();
    scanner.bump();
    scanner.deeper(|scanner| {
        loop {
            let field = match scanner.peek("an op")? {
                b'}' => {
                    scanner.bump();
                    return Ok(());
                }
                b':' => scanner.token()?.get(1..).and_then(Field::named),
                b'"' => Field::named(scanner.string()?.as_bytes()),
                _ => {
                    scanner.form()?;
                    None
                }
            };
            scanner.has_value()?;
            let at = scanner.at();
            let datum = scanner.form()?;
            if let Some(field) = field {
                let set = draft.set(field, datum);
                set.map_err(|reason| Trouble::Wrong { at, reason })?;
            }
        }
    })?;
    let op = draft.finish();
    op.map_err(|reason| Trouble::Wrong { at: begins, reason })
}
