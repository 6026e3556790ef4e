//! The list of the stores of transactions.

mod broken;
mod honest;

use history::Txn;

use crate::{
    Bug, Objects, Promise, Simulated,
    txn::engine::{Engine, Random, Transactions},
};

/// All stores of transactions, the honest ones first, from strong to weak; all over lists, or all over registers.
pub fn stores(objects: Objects) -> Vec<Simulated<Txn>> {
    let mut all = honest::stores(objects);
    all.extend(broken::stores(objects));
    all
}

/// The store of a name.
pub fn store(name: &str, objects: Objects) -> Option<Simulated<Txn>> {
    stores(objects).into_iter().find(|store| store.name == name)
}

pub(crate) fn simulated<E: Engine + 'static>(
    name: &'static str,
    does: &'static str,
    promise: Promise,
    objects: Objects,
    engine: impl Fn() -> E + Send + Sync + 'static,
) -> Simulated<Txn> {
    Simulated::new(name, does, promise, move || {
        let engine = Box::new(engine());
        (Transactions::new(engine, objects), Random::new(objects))
    })
}

/// A broken twin: its level, the code of the evidence, what it still keeps.
pub(crate) fn bug(
    promised: &'static str,
    code: &'static str,
    keeps: &'static [&'static str],
) -> Promise {
    Promise::Broken(Bug {
        promised,
        code,
        keeps,
    })
}
