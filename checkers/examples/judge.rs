//! Judges a file of transactions in any format, and says how long the reading and the judging took:
//! `cargo run --release -p schism-checkers --example judge FILE [LEVEL]`. With `/usr/bin/time -v` before it, one sees the memory.

use std::{fs::File, time::Instant};

use history::foreign::{self, Start};
use schism_checkers::{Budget, Checker, Isolation, Verdict, txn::Level};

#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example has a clock and prints"
)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("which file?")?;
    let level: Level = args
        .next()
        .map_or(Ok(Level::StrictSerializable), |l| l.parse())?;
    let began = Instant::now();
    let (sniffed, ops) = foreign::open(File::open(path)?)?;
    let history = foreign::read_transactions(ops)?.history;
    let read = began.elapsed();
    let mut checker = Isolation::expecting(level).starting(Start::of(sniffed.format));
    if !sniffed.format.has_real_time() {
        checker = checker.without_real_time();
    }
    let verdict = checker.check(&history, Budget::default());
    let judged = began.elapsed() - read;
    println!(
        "{} of {} transactions; {} read, {} judged",
        verdict.word(),
        history.spans().len(),
        format_args!("{:.3} s", read.as_secs_f64()),
        format_args!("{:.3} s", judged.as_secs_f64()),
    );
    match verdict {
        Verdict::Pass(evidence) => println!("{:?}", evidence.counts),
        Verdict::Fail(findings) => {
            for finding in findings {
                println!("{}: {}", finding.code, finding.explanation);
            }
        }
        Verdict::Unknown(cause) => println!("{}: {}", cause.code, cause.text),
    }
    Ok(())
}
