//! The words of the page, explained where it ends.

/// A word and what it means.
pub(crate) type Entry = (&'static str, &'static str);

/// The entry of a model or property by its name: `linearizable`, `snapshot-isolation`.
pub(crate) fn of(name: &str) -> Option<Entry> {
    let name = name.replace('-', " ");
    let fits = |word: &&Entry| !name.is_empty() && word.0.starts_with(name.as_str());
    WORDS.iter().find(fits).copied()
}

/// In alphabetical order.
pub(crate) const WORDS: [Entry; 15] = [
    (
        "call",
        "One request of a client, from its sending to its answer.",
    ),
    (
        "causal consistency",
        "Whoever sees something also sees everything that it was based on.",
    ),
    (
        "fault",
        "Something bad that was done to the system on purpose: a cut network, a killed process.",
    ),
    (
        "finding",
        "One violation with its proof. Further ones of the same kind are counted, not told.",
    ),
    (
        "info",
        "The outcome of a call that nobody knows: it timed out or its connection broke, so it may or may not have happened.",
    ),
    (
        "isolation level",
        "What transactions that run at the same time may notice of each other.",
    ),
    (
        "linearizable",
        "Every call seems to happen at one instant between being sent and being answered, so that whoever asks later sees \
         what was acknowledged earlier.",
    ),
    (
        "ok, fail",
        "The call happened; the call certainly did not happen. A fail is normal: the system said no.",
    ),
    (
        "probe",
        "A measurement that shows that a fault is in force, or gone, made apart from the fault itself.",
    ),
    (
        "process",
        "A logical client. It makes one call at a time, and ends when it does not learn the outcome of one.",
    ),
    (
        "sequential consistency",
        "There is one order of all calls that keeps the order of each process, and every answer fits it; real time plays no \
         part.",
    ),
    (
        "serializable",
        "The transactions seem to run one after another, in some order.",
    ),
    (
        "snapshot isolation",
        "A transaction sees what was committed when it began, and two that write the same do not both commit.",
    ),
    (
        "witness",
        "The calls that prove a finding, as few as possible.",
    ),
    (
        "ww, wr, rw, so, rt",
        "Why one transaction comes before another: it wrote what the other overwrote; wrote what the other read; read what \
         the other replaced; came before in its session; ended before the other began.",
    ),
];
