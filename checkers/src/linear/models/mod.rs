//! The models that come with schism, a family a file, and their names: what `schism check --model NAME` knows.
//!
//! To judge by a name is to be called back with the checker, since each name has its own type of history:
//!
//! ```
//! use history::{Codec, dsl};
//! use schism_checkers::{Budget, Verdict, linear::{Judge, models}};
//!
//! struct Drawn(&'static str);
//! impl models::Visitor for Drawn {
//!     type Output = Verdict;
//!     fn visit<O: Codec>(self, checker: &dyn Judge<O>) -> Verdict {
//!         checker.check(&dsl::parse::<O>(self.0).expect("a drawing"), Budget::default())
//!     }
//! }
//!
//! let drawing = "p0: |-acquire 1-|
//!                p1:               |-acquire 1-|";
//! let verdict = models::by_name("mutex", None, Drawn(drawing)).expect("that is a name");
//! assert_eq!(verdict.word(), "fail");
//! ```

mod cells;
mod counter;
mod kv;
mod lock;
mod log;
mod queue;
mod register;
mod semaphore;
mod set;
mod stack;

use history::Codec;

pub use self::{
    cells::Cells,
    counter::Count,
    kv::Text,
    lock::{FencedMutex, Mutex, Owned, OwnedCall, OwnerMutex, ReentrantMutex},
    log::Offsets,
    queue::{Bag, Fifo, LeastFirst},
    register::VersionedRegister,
    semaphore::Permits,
    set::{Elements, Membership},
    stack::LastInFirstOut,
};
use super::{Judge, Linearizable, LinearizableAs};

/// The names, with what each is, in words.
pub const NAMES: [(&str, &str); 19] = [
    ("register", "read and write of integers, per key"),
    (
        "cas-register",
        "read, write and compare-and-set of integers, per key",
    ),
    (
        "versioned-register",
        "the same with versions, in the form of Jepsen's etcd tests",
    ),
    (
        "multi-register",
        "transactions that read and write registers",
    ),
    (
        "append-list",
        "transactions that append to lists and read them",
    ),
    ("kv-append", "get, put and append of strings, per key"),
    ("mutex", "acquire and release, by anyone"),
    ("owner-mutex", "acquire, and release by who acquired"),
    (
        "reentrant-mutex",
        "the same, where the owner may acquire again",
    ),
    ("fenced-mutex", "an owner mutex whose tokens grow"),
    (
        "semaphore",
        "acquire and release of permits; --initial says how many there are",
    ),
    ("counter", "add and read"),
    (
        "fifo-queue",
        "enqueue, dequeue and drain, first in, first out",
    ),
    (
        "unordered-queue",
        "enqueue, dequeue and drain, in any order",
    ),
    (
        "priority-queue",
        "enqueue and dequeue of integers, the least first",
    ),
    ("stack", "push and pop"),
    ("set", "add, and read of all elements"),
    ("members", "add, remove and contains of one element"),
    ("log", "send and poll of messages with offsets"),
];

/// What is to be done with the checker that a name stands for.
pub trait Visitor {
    /// What comes of it.
    type Output;
    /// Does it.
    fn visit<O: Codec>(self, checker: &dyn Judge<O>) -> Self::Output;
}

/// Shows `visitor` the checker of that name, for objects that are in the state that `initial` stands for at first: the value
/// of registers, the number of permits of semaphores. `None` if there is no such name.
pub fn by_name<V: Visitor>(name: &str, initial: Option<i64>, visitor: V) -> Option<V::Output> {
    macro_rules! show {
        ($model:ty) => {
            visitor.visit(&LinearizableAs::<$model>::starting_with(initial))
        };
    }
    Some(match name {
        "register" | "cas-register" => visitor.visit(&Linearizable::starting_with(initial)),
        "versioned-register" => show!(VersionedRegister),
        "multi-register" | "append-list" => show!(Cells),
        "kv-append" => show!(Text),
        "mutex" => show!(Mutex),
        "owner-mutex" => show!(OwnerMutex),
        "reentrant-mutex" => show!(ReentrantMutex),
        "fenced-mutex" => show!(FencedMutex),
        "semaphore" => show!(Permits),
        "counter" => show!(Count),
        "fifo-queue" => show!(Fifo),
        "unordered-queue" => show!(Bag),
        "priority-queue" => show!(LeastFirst),
        "stack" => show!(LastInFirstOut),
        "set" => show!(Elements),
        "members" => show!(Membership),
        "log" => show!(Offsets),
        _ => return None,
    })
}
