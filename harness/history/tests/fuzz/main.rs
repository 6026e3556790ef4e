//! Every parser, and `History::new`, on texts that are almost right: none may panic, overflow the stack, take memory out of
//! proportion, or say more than it was given; and what a codec reads it writes in a way that it reads as the same.
//!
//! Seeds are valid texts (`seeds`), mutated with a knowledge of where texts break (`mutate`): numbers beyond any width, nesting
//! of a hundred thousand, halves of characters, pieces of other seeds. Everything follows from one number, so a failure is
//! told as the command that shows it again:
//!
//! ```text
//! SCHISM_FUZZ_CASE=journal:4711 cargo test -p schism-history --test fuzz
//! ```
//!
//! `SCHISM_FUZZ_SECONDS=60` goes on for so long, `SCHISM_FUZZ_SEED=2` elsewhere. A case that ends the process (a full stack,
//! no memory) leaves no message; `SCHISM_FUZZ_TRACE=1` names each case before it is tried.

mod mutate;
mod parsers;
mod seeds;

use std::{
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use mutate::Chance;
use parsers::{MESSAGE, PARSERS, Parser};

/// How many texts each parser gets where no time is asked for.
const USUAL: u64 = 250;
/// What a text may cost in memory, besides many times its length.
const ROOM: u64 = 48 << 20;
/// How many bytes one byte of text may become: an op of two letters can be an event of a hundred bytes, and is held twice.
const TIMES: u64 = 400;

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The most memory that this process ever had, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.map_or(0, |n| n << 10)
}

/// Tries one text.
fn one(parser: &Parser, number: u64, seed: u64) {
    let mut chance = Chance::new(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ parser.salt());
    let text = mutate::text(&mut chance, &(parser.seeds)());
    if setting("SCHISM_FUZZ_TRACE").is_some() {
        let mut err = std::io::stderr().lock();
        writeln!(err, "{}:{number} ({} bytes)", parser.name, text.len()).expect("a terminal");
    }
    let before = peak();
    let said = catch_unwind(AssertUnwindSafe(|| (parser.parse)(&text, &mut chance)));
    let grown = peak().saturating_sub(before);
    let shown = String::from_utf8_lossy(&text[..text.len().min(400)]);
    let again = format!(
        "SCHISM_FUZZ_SEED={seed} SCHISM_FUZZ_CASE={}:{number} cargo test -p schism-history --test fuzz",
        parser.name
    );
    let said = match said {
        Ok(said) => said,
        Err(_) => panic!("{} panics; see {again}\n{shown}", parser.name),
    };
    let length = text.len() as u64;
    assert!(
        said <= MESSAGE,
        "{} says {said} bytes; see {again}\n{shown}",
        parser.name
    );
    assert!(
        grown <= ROOM + TIMES * length,
        "{} takes {grown} bytes for {length}; see {again}\n{shown}",
        parser.name
    );
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how long to go on is asked for in seconds"
)]
fn no_text_breaks_a_parser() {
    let seed = setting("SCHISM_FUZZ_SEED").map_or(1, |n| n.parse().expect("a number"));
    if let Some(case) = setting("SCHISM_FUZZ_CASE") {
        let (name, number) = case.split_once(':').expect("PARSER:NUMBER");
        let parser = PARSERS.iter().find(|p| p.name == name).expect("a parser");
        return one(parser, number.parse().expect("a number"), seed);
    }
    let seconds = setting("SCHISM_FUZZ_SECONDS").map(|n| n.parse().expect("a number"));
    let until = seconds.map(|n| Instant::now() + Duration::from_secs(n));
    for number in 0.. {
        let go_on = match until {
            Some(until) => Instant::now() < until,
            None => number < USUAL,
        };
        if !go_on {
            break;
        }
        for parser in &PARSERS {
            one(parser, number, seed);
        }
    }
}

#[test]
fn seeds_are_valid() {
    for parser in &PARSERS {
        for seed in (parser.seeds)() {
            let said = (parser.parse)(seed, &mut Chance::new(1));
            let text = String::from_utf8_lossy(seed);
            assert_eq!(said, 0, "{}: {text}", parser.name);
        }
    }
}
