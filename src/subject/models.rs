//! The models of `--model`, by which linearizability is judged. Their names are those of `checkers::linear::models`.

use std::path::Path;

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
    typed::{Opening, linearizable},
};
use crate::exit::Failure;

/// All but the registers, which are a workload, too.
pub(super) static MODELS: [Subject; 17] = [
    model("append-list", |path, how| open::<Cells>(path, how, cells)),
    model("counter", |path, how| open::<Count>(path, how, objects)),
    model("fenced-mutex", |path, how| {
        open::<FencedMutex>(path, how, objects)
    }),
    model("fifo-queue", |path, how| open::<Fifo>(path, how, objects)),
    model("kv-append", |path, how| open::<Text>(path, how, objects)),
    model("log", |path, how| open::<Offsets>(path, how, objects)),
    model("members", |path, how| {
        open::<Membership>(path, how, objects)
    }),
    model("multi-register", |path, how| {
        open::<Cells>(path, how, cells)
    }),
    model("mutex", |path, how| open::<Mutex>(path, how, objects)),
    model("owner-mutex", |path, how| {
        open::<OwnerMutex>(path, how, objects)
    }),
    model("priority-queue", |path, how| {
        open::<LeastFirst>(path, how, objects)
    }),
    model("reentrant-mutex", |path, how| {
        open::<ReentrantMutex>(path, how, objects)
    }),
    model("semaphore", |path, how| open::<Permits>(path, how, objects)),
    model("set", |path, how| open::<Elements>(path, how, sets)),
    model("stack", |path, how| {
        open::<LastInFirstOut>(path, how, objects)
    }),
    model("unordered-queue", |path, how| {
        open::<Bag>(path, how, objects)
    }),
    model("versioned-register", |path, how| {
        open::<VersionedRegister>(path, how, objects)
    }),
];

const fn model(name: &'static str, open: fn(&Path, &Reading) -> Opening) -> Subject {
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

fn open<M: Object + 'static>(path: &Path, how: &Reading, import: Import<M::Recorded>) -> Opening {
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
    linearizable(path, how, import, checks::objects::<M>, |_| true)
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
