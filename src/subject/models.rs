//! The models of `--model`, by which linearizability is judged. Their names are those of `checkers::linear::models`.

use checkers::linear::{
    Object,
    models::{
        Bag, Cells, Count, Elements, FencedMutex, Fifo, LastInFirstOut, LeastFirst, Membership,
        Mutex, Offsets, OwnerMutex, Permits, ReentrantMutex, Text, VersionedRegister,
    },
};

use super::{
    Initial, Reading, Subject, checks,
    read::{Import, cells, objects, sets},
    typed::{From, Opening, linearizable},
};
use crate::exit::Failure;

/// All but the registers, which are a workload, too.
pub(super) static MODELS: [Subject; 17] = [
    model("append-list", |from, how| open::<Cells>(from, how, cells)),
    model("counter", |from, how| open::<Count>(from, how, objects)),
    model("fenced-mutex", |from, how| {
        open::<FencedMutex>(from, how, objects)
    }),
    model("fifo-queue", |from, how| open::<Fifo>(from, how, objects)),
    model("kv-append", |from, how| open::<Text>(from, how, objects)),
    model("log", |from, how| open::<Offsets>(from, how, objects)),
    model("members", |from, how| {
        open::<Membership>(from, how, objects)
    }),
    model("multi-register", |from, how| {
        open::<Cells>(from, how, cells)
    }),
    model("mutex", |from, how| open::<Mutex>(from, how, objects)),
    model("owner-mutex", |from, how| {
        open::<OwnerMutex>(from, how, objects)
    }),
    model("priority-queue", |from, how| {
        open::<LeastFirst>(from, how, objects)
    }),
    model("reentrant-mutex", |from, how| {
        open::<ReentrantMutex>(from, how, objects)
    }),
    model("semaphore", |from, how| open::<Permits>(from, how, objects)),
    model("set", |from, how| open::<Elements>(from, how, sets)),
    model("stack", |from, how| {
        open::<LastInFirstOut>(from, how, objects)
    }),
    model("unordered-queue", |from, how| {
        open::<Bag>(from, how, objects)
    }),
    model("versioned-register", |from, how| {
        open::<VersionedRegister>(from, how, objects)
    }),
];

const fn model(name: &'static str, open: fn(From<'_>, &Reading) -> Opening) -> Subject {
    Subject {
        option: "--model",
        name,
        also: &[],
        about: "each call takes effect at one moment",
        expects: || vec!["linearizable"],
        // Nobody takes a file for one: it is named.
        functions: &[],
        fits: |_| false,
        open,
    }
}

fn open<M: Object + 'static>(
    from: From<'_>,
    how: &Reading,
    import: Import<M::Recorded>,
) -> Opening {
    match how.initial {
        None => {}
        // What it says makes no difference: whoever says it means something else.
        Some(Initial::Value(value))
            if M::initially(Some(value)) == M::initially(None) && value != 0 =>
        {
            return Err(Failure::usage(format!(
                "--initial means nothing for a {}",
                M::NAME
            )));
        }
        Some(Initial::Value(_) | Initial::Nothing) => {}
        Some(Initial::Unknown) => {
            return Err(Failure::usage(
                "--initial unknown is for rw-register; a model begins with something known",
            ));
        }
    }
    linearizable(from, how, import, checks::objects::<M>, |_| true)
}

#[cfg(test)]
mod tests {
    use crate::subject;

    #[test]
    fn every_model_can_be_named() {
        for (name, _) in checkers::linear::models::NAMES {
            assert!(subject::of_model(name).is_ok(), "{name}");
        }
    }
}
