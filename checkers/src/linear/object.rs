//! What a [`Model`] needs besides, so that recorded histories can be judged against it.

use std::{fmt::Debug, hash::Hash};

use history::{Codec, Key, Operation, Outcome, Span};
use smallvec::SmallVec;

use super::{
    Problem,
    distinct::Decision,
    model::{Effect, Model},
    prepare::FastMap,
};

/// Calls that a recorded one stands for, each with what it returned, if that is known. They share its window.
pub type Calls<O> = SmallVec<[(<O as Operation>::Call, Option<<O as Operation>::Return>); 1]>;

/// A model that recorded histories are judged against.
pub trait Object: Model + Send + Sync {
    /// Its name: `fifo-queue`. Certificates carry it.
    const NAME: &'static str;

    /// What histories of it record. Often that is [`Model::Op`]; a model to which it matters who calls has the caller in
    /// its own calls.
    type Recorded: Codec;

    /// Its first state. `value` is what the user says of it, where that means something: the value of a register, the number
    /// of permits of a semaphore.
    fn initially(value: Option<i64>) -> Self;

    /// What a recorded call asks of the model: itself, as a rule, by [`once`]. `peers` is the number of calls recorded on the
    /// same object, failed ones left out.
    fn asked(span: &Span<Self::Recorded>, peers: usize) -> Calls<Self::Op>;

    /// The keys that a call is about. Calls on different keys are judged apart (Herlihy & Wing 1990, theorem 1), unless there
    /// are calls about both: those keys are one object, then.
    fn keys<'a>(call: &'a <Self::Recorded as Operation>::Call, each: &mut dyn FnMut(&'a Key)) {
        if let Some(key) = Self::Recorded::key(call) {
            each(key);
        }
    }

    /// What is decided without a search, where there is an algorithm for the object and it applies to these calls.
    fn shortcut(_: &Problem<Self>) -> Option<Decision> {
        None
    }

    /// What may leave an impossible history so that what remains is impossible for the same reason. The default says it of
    /// calls that never change anything: an order of all is an order without them. See [`Marks`] for what else can be said;
    /// whoever says it must prove it.
    fn marks(spans: &[&Span<Self::Recorded>]) -> Vec<Marks> {
        let inert = |span: &&Span<Self::Recorded>| {
            let mut asked = Self::asked(span, spans.len()).into_iter();
            asked.all(|(call, _)| Self::effect(&call) == Effect::Observes)
        };
        let marks = spans.iter().map(|span| match inert(span) {
            true => Marks::alone(),
            false => Marks::staying(),
        });
        marks.collect()
    }
}

/// A recorded call that is one call of the model, as it is.
pub fn once<O: Operation>(span: &Span<O>) -> Calls<O> {
    let ret = match &span.outcome {
        Outcome::Ok(ret) => Some(ret.clone()),
        Outcome::Fail(_) | Outcome::Info(_) => None,
    };
    Calls::<O>::from_iter([(span.call.clone(), ret)])
}

/// Which calls may go only together, and which only after others: calls with a mark in common go together, and only if no
/// other call that stays sees that mark. What a model claims by marks is that a legal history is legal without such calls.
#[derive(Debug, Clone)]
pub struct Marks {
    /// `None` if the call may not go at all.
    pub(super) made: Option<SmallVec<[u32; 2]>>,
    pub(super) seen: SmallVec<[u32; 2]>,
}

impl Marks {
    /// Of a call that may go alone.
    pub fn alone() -> Self {
        Self::making([])
    }

    /// Of a call that may not go.
    pub fn staying() -> Self {
        Self {
            made: None,
            seen: SmallVec::new(),
        }
    }

    /// Of a call that makes these marks.
    pub fn making(marks: impl IntoIterator<Item = u32>) -> Self {
        Self {
            made: Some(marks.into_iter().collect()),
            seen: SmallVec::new(),
        }
    }

    /// It makes this one, too.
    pub fn makes(&mut self, mark: u32) {
        self.made.get_or_insert_default().push(mark);
    }

    /// It sees this one.
    pub fn sees(&mut self, mark: u32) {
        self.seen.push(mark);
    }
}

/// Numbers for things, in order of appearance.
#[derive(Debug, Clone)]
pub struct Names<T> {
    numbers: FastMap<T, u32>,
    all: Vec<T>,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self {
            numbers: FastMap::default(),
            all: Vec::new(),
        }
    }
}

impl<T: Clone + Eq + Hash> Names<T> {
    /// The number of a thing.
    pub fn number(&mut self, thing: T) -> u32 {
        if let Some(number) = self.numbers.get(&thing) {
            return *number;
        }
        let number = self.all.len() as u32;
        self.all.push(thing.clone());
        self.numbers.insert(thing, number);
        number
    }

    /// All things so far, with their numbers.
    pub fn all(&self) -> Vec<(T, u32)> {
        self.all.iter().cloned().zip(0..).collect()
    }
}
