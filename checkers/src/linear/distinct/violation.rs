//! What is impossible about a queue, a stack, a priority queue or a set: a pattern with a name, and its calls.

use super::elements::Elements;

/// What was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Object {
    /// First in, first out.
    Queue,
    /// Last in, first out.
    Stack,
    /// The smallest first.
    PriorityQueue,
    /// Any element by name.
    Set,
}

/// The kinds of violations. Each says which [`Violation::values`] it has, in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pattern {
    /// A value came out, or was seen, that nobody put in.
    FromNowhere,
    /// A value came out more often than it was put in.
    Twice,
    /// A value came out, or was seen, before anyone tried to put it in.
    TooEarly,
    /// "Empty" was said while these values took turns in being certainly inside.
    NotEmpty,
    /// Queue: the first value was in before anyone tried to put in the second, which was out before anyone tried to
    /// take the first. Stack: the first was in before the second, the second before anyone tried to take the first,
    /// and yet the first was out before anyone tried to take the second. Priority queue: the first value came out
    /// while the others, all smaller, took turns in being certainly inside.
    WrongOrder,
    /// Stack: these values took turns in being certainly inside, so one of them was below all others throughout. But
    /// each went in after another was in, or came out before another was taken.
    NoBottom,
    /// Set: the value was seen after it had been taken out.
    TooLate,
    /// Set: the value was said to be absent while it was certainly inside.
    SaidAbsent,
}

/// Some calls that cannot all have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The object it was found in.
    pub object: Object,
    /// What is wrong.
    pub pattern: Pattern,
    /// The elements concerned.
    pub values: Vec<i64>,
    /// Positions in the judged calls, in order of their starts. They are impossible without any others, and possible
    /// without any one of the elements.
    pub calls: Vec<usize>,
    /// By how much, in positions of the record, they miss being possible; `u32::MAX` where time does not matter.
    pub margin: u32,
}

/// Beyond this many elements a witness is not shrunk: it would take the square of it.
const SHRINKABLE: usize = 256;

impl Violation {
    /// Without elements that it does not need.
    pub(super) fn shrunk(self, all: &Elements, judge: fn(&Elements) -> Vec<Self>) -> Self {
        if self.values.len() <= 2 - usize::from(self.pattern == Pattern::NotEmpty)
            || self.values.len() > SHRINKABLE
        {
            return self;
        }
        let mut left = all.part(&self);
        let mut found = judge(&left).into_iter().next().unwrap_or(self);
        let mut at = 0;
        while at < left.items.len() {
            let item = left.items.remove(at);
            match judge(&left).into_iter().next() {
                Some(smaller) => found = smaller,
                None => {
                    left.items.insert(at, item);
                    at += 1;
                }
            }
        }
        found
    }

    /// Whether no element can be left out. Only witnesses of more than 256 elements are not made smaller.
    pub fn is_minimal(&self) -> bool {
        self.values.len() <= SHRINKABLE
    }

    /// The anomaly in a few words: `dequeued in the wrong order`.
    pub fn title(&self) -> String {
        let Verbs { removed, .. } = self.object.verbs();
        match self.pattern {
            Pattern::FromNowhere => "value from nowhere".to_owned(),
            Pattern::Twice => format!("{removed} twice"),
            Pattern::TooEarly if self.object == Object::Set => {
                "seen before it was added".to_owned()
            }
            Pattern::TooEarly => format!("{removed} before it was put in"),
            Pattern::NotEmpty => "said to be empty while it was not".to_owned(),
            Pattern::WrongOrder | Pattern::NoBottom => format!("{removed} in the wrong order"),
            Pattern::TooLate => "seen after it was removed".to_owned(),
            Pattern::SaidAbsent => "said to be absent while it was there".to_owned(),
        }
    }

    /// What happened, in sentences; who did it and when is for the caller to add.
    pub fn explanation(&self) -> String {
        let Verbs {
            insert,
            inserted,
            remove,
            removed,
        } = self.object.verbs();
        let first = self.values[0];
        let last = self.values[self.values.len() - 1];
        let others = list(&self.values[1..]);
        match (self.pattern, self.object) {
            (Pattern::FromNowhere, _) => {
                format!("{first} was there, but no call can have {inserted} it.")
            }
            (Pattern::Twice, _) => format!("{first} was {inserted} once and {removed} twice."),
            (Pattern::TooEarly, Object::Set) => {
                format!("{first} was seen, and only then did anyone try to {insert} it.")
            }
            (Pattern::TooEarly, _) => {
                format!("{first} was {removed}, and only then did anyone try to {insert} it.")
            }
            (Pattern::NotEmpty, _) if self.values.len() == 1 => format!(
                "A {remove} was told that nothing was there, while {first} was certainly inside: it had been {inserted} \
                 before, and nobody tried to {remove} it until after."
            ),
            (Pattern::NotEmpty, _) => format!(
                "A {remove} was told that nothing was there, while at every moment of it one of {} was certainly inside.",
                list(&self.values)
            ),
            (Pattern::WrongOrder, Object::Stack) => format!(
                "{last} was {inserted} on top of {first}, and while it was still there {first} was {removed}."
            ),
            (Pattern::WrongOrder, Object::PriorityQueue) if self.values.len() == 2 => format!(
                "{first} was {removed} while {last}, which is smaller, was certainly inside."
            ),
            (Pattern::WrongOrder, Object::PriorityQueue) => format!(
                "{first} was {removed} while at every moment at which that can have happened one of {others}, which are \
                 smaller, was certainly inside."
            ),
            (Pattern::WrongOrder, _) => format!(
                "{first} was {inserted} before {last}, and {last} was {removed} before anyone was given {first}."
            ),
            (Pattern::NoBottom, _) => format!(
                "At every moment one of {} was certainly inside, so one of them was below all others. None can have \
                 been: each was {inserted} after another was in, or {removed} before another was.",
                list(&self.values)
            ),
            (Pattern::TooLate, _) => {
                format!("{first} had been {removed}, and was seen by a call made later.")
            }
            (Pattern::SaidAbsent, _) => {
                format!("{first} was said to be absent while it was certainly there.")
            }
        }
    }
}

struct Verbs {
    insert: &'static str,
    inserted: &'static str,
    remove: &'static str,
    removed: &'static str,
}

impl Object {
    fn verbs(self) -> Verbs {
        let (insert, inserted, remove, removed) = match self {
            Self::Queue => ("enqueue", "enqueued", "dequeue", "dequeued"),
            Self::Stack => ("push", "pushed", "pop", "popped"),
            Self::PriorityQueue => ("insert", "inserted", "delete-min", "taken out"),
            Self::Set => ("add", "added", "remove", "removed"),
        };
        Verbs {
            insert,
            inserted,
            remove,
            removed,
        }
    }
}

/// `1, 2 and 3`; the first few of many.
fn list(values: &[i64]) -> String {
    const FEW: usize = 8;
    let words: Vec<String> = values.iter().take(FEW).map(i64::to_string).collect();
    match (words.split_last(), values.len() > FEW) {
        (_, true) => format!("{} and {} others", words.join(", "), values.len() - FEW),
        (Some((last, [])), _) => last.clone(),
        (Some((last, rest)), _) => format!("{} and {last}", rest.join(", ")),
        (None, _) => String::new(),
    }
}
