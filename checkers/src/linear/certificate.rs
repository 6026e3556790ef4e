//! Orders that prove a pass, and the verifier, which shares nothing with the engines but the model.
//!
//! A history is linearizable iff there is an order of the calls on each object that the model allows and that respects
//! real time, with every call that ended and any of those of unknown outcome. A [`Certificate`] is such an order. To verify
//! it is to replay it: O(n) steps of the model.
//!
//! As JSON, versioned:
//!
//! ```text
//! {"version":1,"model":"fifo-queue","initial":null,"objects":[{"keys":[7],"calls":[0,2,[5,0],[5,1]]}]}
//! ```
//!
//! Numbers of calls are the indices of their invocations in the record; `[5,1]` is the second of the calls that the one at
//! 5 stands for, as a drain of a queue stands for dequeues. A call of unknown outcome took effect iff it is there.

use history::{History, Index, Key, Outcome};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{object::Object, prepare::FastMap};

/// The version of the format.
pub const VERSION: u32 = 1;

/// An order of the calls of a history, per object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// [`VERSION`].
    pub version: u32,
    /// The name of the model.
    pub model: String,
    /// What objects were told to be like at first: see [`Object::initially`].
    pub initial: Option<i64>,
    /// One order per object.
    pub objects: Vec<Order>,
}

/// The order of the calls on one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its keys; none where calls have none.
    pub keys: Vec<Key>,
    /// Its calls, as they took effect.
    pub calls: Vec<Placed>,
}

/// A call in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Placed {
    /// The only or first call that the one invoked there stands for.
    Call(Index),
    /// One of several that it stands for.
    Part(Index, u32),
}

impl Placed {
    /// A part of the call that was invoked there.
    pub fn new(call: Index, part: u32) -> Self {
        match part {
            0 => Self::Call(call),
            part => Self::Part(call, part),
        }
    }

    fn parts(self) -> (Index, u32) {
        match self {
            Self::Call(call) => (call, 0),
            Self::Part(call, part) => (call, part),
        }
    }
}

/// Why a certificate proves nothing about a history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is of another version.
    #[error("the certificate has version {0}, and this is version {VERSION}")]
    Version(u32),
    /// It is about another model.
    #[error(
        "the certificate is about a {found} that begins with {initial:?}, not about the {expected} that is judged"
    )]
    Model {
        /// Its model.
        found: String,
        /// What that begins with.
        initial: Option<i64>,
        /// The model that is judged.
        expected: &'static str,
    },
    /// Two orders claim a key.
    #[error("key {0} has two orders")]
    SharedKey(Key),
    /// A call that the history does not have.
    #[error("no call begins at event {}", .0.0)]
    NoCall(Index),
    /// A call that certainly did not happen.
    #[error("the call at event {} failed", .0.0)]
    Failed(Index),
    /// A call among those on other objects.
    #[error("the call at event {} is not about the keys of the order that it is in", .0.0)]
    Elsewhere(Index),
    /// A call that happens twice.
    #[error("the call at event {} is there twice", .0.0)]
    Twice(Index),
    /// A call that ended and is not there.
    #[error("the call at event {} ended and is not there", .0.0)]
    Missing(Index),
    /// A call that ended before one that stands before it began.
    #[error("the call at event {} ended before the one at event {} began, and stands after it", late.0, early.0)]
    RealTime {
        /// The call that began later, and stands earlier.
        early: Index,
        /// The call that ended earlier, and stands later.
        late: Index,
    },
    /// A call that the model does not allow where it stands.
    #[error("the model does not allow the call at event {} after those before it", .0.0)]
    Impossible(Index),
}

impl Certificate {
    pub(super) fn new(model: &str, initial: Option<i64>, objects: Vec<Order>) -> Self {
        Self {
            version: VERSION,
            model: model.to_owned(),
            initial,
            objects,
        }
    }
}

/// Whether a certificate proves that a history is linearizable by a model.
pub fn verify<M: Object>(
    history: &History<M::Recorded>,
    initial: Option<i64>,
    certificate: &Certificate,
) -> Result<(), Refusal> {
    if certificate.version != VERSION {
        return Err(Refusal::Version(certificate.version));
    }
    if certificate.model != M::NAME || certificate.initial != initial {
        return Err(Refusal::Model {
            found: certificate.model.clone(),
            initial: certificate.initial,
            expected: M::NAME,
        });
    }
    let spans = history.spans();
    let mut owner: FastMap<&Key, usize> = FastMap::default();
    for (number, order) in certificate.objects.iter().enumerate() {
        for key in &order.keys {
            if owner
                .insert(key, number)
                .is_some_and(|other| other != number)
            {
                return Err(Refusal::SharedKey(key.clone()));
            }
        }
    }
    let keyless = certificate
        .objects
        .iter()
        .position(|order| order.keys.is_empty());
    // The object of a call: that of all its keys, or the one without.
    let object = |at: usize| {
        let (mut found, mut all) = (None, true);
        M::keys(&spans[at].call, &mut |key| {
            let one = owner.get(key).copied();
            all &= one.is_some() && found.is_none_or(|other| one == Some(other));
            found = one;
        });
        found.or(keyless).filter(|_| all)
    };
    // A drain of unknown outcome may have taken as much as there are calls.
    let mut peers = vec![0; certificate.objects.len()];
    let objects: Vec<Option<usize>> = (0..spans.len()).map(object).collect();
    for (span, object) in spans.iter().zip(&objects) {
        if let (false, Some(object)) = (matches!(span.outcome, Outcome::Fail(_)), object) {
            peers[*object] += 1;
        }
    }
    // Looked through for each call; the spans themselves would be many times as large.
    let invoked: Vec<Index> = spans.iter().map(|span| span.invoked).collect();
    let mut placed: Vec<SmallVec<[u32; 2]>> = vec![SmallVec::new(); spans.len()];
    for (number, order) in certificate.objects.iter().enumerate() {
        let mut state = M::initially(initial);
        let mut latest = Index(0);
        for (index, part) in order.calls.iter().map(|call| call.parts()) {
            let found = invoked.binary_search(&index);
            let at = found.map_err(|_| Refusal::NoCall(index))?;
            let span = &spans[at];
            if matches!(span.outcome, Outcome::Fail(_)) {
                return Err(Refusal::Failed(index));
            }
            if objects[at] != Some(number) {
                return Err(Refusal::Elsewhere(index));
            }
            if placed[at].contains(&part) {
                return Err(Refusal::Twice(index));
            }
            placed[at].push(part);
            let ended = matches!(span.outcome, Outcome::Ok(_)).then_some(span.completed);
            if ended.flatten().is_some_and(|end| end < latest) {
                return Err(Refusal::RealTime {
                    early: latest,
                    late: index,
                });
            }
            latest = latest.max(index);
            let mut asked = M::asked(span, peers[number]).into_iter();
            let next = asked
                .nth(part as usize)
                .and_then(|(call, ret)| state.step(&call, ret.as_ref()));
            state = next.ok_or(Refusal::Impossible(index))?;
        }
    }
    for (at, span) in spans.iter().enumerate() {
        let ended = matches!(span.outcome, Outcome::Ok(_)) && span.completed.is_some();
        if ended && placed[at].len() != M::asked(span, 0).len() {
            return Err(Refusal::Missing(span.invoked));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use history::{dsl, ops::Queue};

    use super::*;
    use crate::{
        Budget,
        linear::{Judge, LinearizableAs, models::Fifo},
    };

    const DRAWING: &str = "
        p0: |-enqueue 7 1-|   |-enqueue 7 2-|
        p1: |-enqueue 7 3 info-|
        p2: |-enqueue 7 9 fail-|
        p3:                                   |-drain 7 -> [1,2,3]-|
        p4: |-enqueue 8 1-|";

    fn history() -> History<Queue> {
        dsl::parse(DRAWING).expect("a drawing")
    }

    fn certificate() -> Certificate {
        let checker = LinearizableAs::<Fifo>::default();
        let found = checker.certify(&history(), Budget::default());
        found.expect("there is an order")
    }

    fn refused(change: impl FnOnce(&mut Certificate)) -> Option<Refusal> {
        let mut changed = certificate();
        change(&mut changed);
        verify::<Fifo>(&history(), None, &changed).err()
    }

    #[test]
    fn a_certificate_is_written_as_the_format_says() {
        let text = serde_json::to_string(&certificate()).expect("JSON");
        let expected = r#"{"version":1,"model":"fifo-queue","initial":null,"objects":[{"keys":[7],"calls":[1,0,6,[10,2],10,[10,1],[10,3]]},{"keys":[8],"calls":[3]}]}"#;
        assert_eq!(text, expected);
        assert_eq!(refused(|_| ()), None);
    }

    #[test]
    fn whatever_is_changed_is_named() {
        let index = |n| Index(n);
        let calls =
            |c: &mut Certificate, change: fn(&mut Vec<Placed>)| change(&mut c.objects[0].calls);
        type Case = (&'static str, Option<Refusal>, Refusal);
        let cases: [Case; 11] = [
            ("version", refused(|c| c.version = 2), Refusal::Version(2)),
            (
                "model",
                refused(|c| c.model = "stack".to_owned()),
                Refusal::Model {
                    found: "stack".to_owned(),
                    initial: None,
                    expected: "fifo-queue",
                },
            ),
            (
                "keys",
                refused(|c| c.objects[1].keys = vec![Key::Int(7)]),
                Refusal::SharedKey(Key::Int(7)),
            ),
            (
                "no call",
                refused(|c| calls(c, |all| all.push(Placed::Call(Index(4))))),
                Refusal::NoCall(index(4)),
            ),
            (
                "failed",
                refused(|c| calls(c, |all| all.push(Placed::Call(Index(2))))),
                Refusal::Failed(index(2)),
            ),
            (
                "elsewhere",
                refused(|c| calls(c, |all| all.push(Placed::Call(Index(3))))),
                Refusal::Elsewhere(index(3)),
            ),
            (
                "twice",
                refused(|c| calls(c, |all| all.push(Placed::Call(Index(0))))),
                Refusal::Twice(index(0)),
            ),
            (
                "a part is missing",
                refused(|c| calls(c, |all| all.truncate(6))),
                Refusal::Missing(index(10)),
            ),
            (
                "dropped",
                refused(|c| c.objects[1].calls.clear()),
                Refusal::Missing(index(3)),
            ),
            (
                "swapped, against real time",
                refused(|c| calls(c, |all| all.swap(1, 2))),
                Refusal::RealTime {
                    early: index(6),
                    late: index(0),
                },
            ),
            (
                "swapped, against the model",
                refused(|c| calls(c, |all| all.swap(0, 1))),
                Refusal::Impossible(index(10)),
            ),
        ];
        for (what, found, expected) in cases {
            assert_eq!(found, Some(expected), "{what}");
        }
    }

    #[test]
    fn a_certificate_is_of_one_history() {
        let other = dsl::parse::<Queue>("p0: |-enqueue 7 1-|").expect("a drawing");
        let refused = verify::<Fifo>(&other, None, &certificate());
        assert_eq!(refused, Err(Refusal::NoCall(Index(1))));
    }
}
