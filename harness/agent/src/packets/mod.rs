//! Packets delayed, lost, doubled, damaged, overtaken or slowed down, in user space: for kernels without netem.
//!
//! A firewall rule on the *receiver* hands what comes from a peer to a queue of the kernel's (NFQUEUE, with
//! `--queue-bypass`), and this process says for each packet whether and when it goes on. On the receiver, because a sender
//! holds back more where its own packets are slow to leave (TCP small queues), and would make the link slow instead of
//! long. It sees packets after they were put together again from fragments.
//!
//! ```text
//! schism node packets start PID_FILE SEED QUEUE RULE…   starts the delayer, prints its queue's number once that is bound
//! schism node packets measure WHAT ADDRESS COUNT GAP_US SIZE WAIT_MS
//! ```
//!
//! If the process dies its queue is gone with it, and packets pass as they did before. It is ended by its pid file, from a
//! shell if need be. Everything here is safe code over rustix.

mod copies;
mod daemon;
mod delayer;
mod fate;
mod meter;
mod packet;
mod queue;
mod treatment;
mod wire;

use std::{ffi::OsString, path::Path, process::ExitCode, time::Duration};

use delayer::Delayer;
use meter::Requests;

/// `schism node packets …`.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it is what it is asked for"
)]
pub(crate) fn main(args: &[OsString]) -> ExitCode {
    let words: Vec<&str> = args.iter().filter_map(|a| a.to_str()).collect();
    let said = match words.as_slice() {
        ["start", rest @ ..] => start(rest).map(|line| println!("{line}")),
        ["run", rest @ ..] => run(rest),
        ["measure", rest @ ..] => measure(rest).map(|line| println!("{line}")),
        _ => Err("there are start and measure".to_owned()),
    };
    match said {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("packets: {why}");
            ExitCode::FAILURE
        }
    }
}

fn start(args: &[&str]) -> Result<String, String> {
    // However this program is called, `schism node` or otherwise, the child is called so too.
    let ours = std::env::args()
        .skip(1)
        .take_while(|word| word != "packets");
    let run = ["packets", "run"].into_iter().chain(args.iter().copied());
    let args: Vec<String> = ours.chain(run.map(str::to_owned)).collect();
    daemon::start(&args)
}

/// The delayer itself.
fn run(args: &[&str]) -> Result<(), String> {
    let [pid_file, seed, first, rules @ ..] = args else {
        return Err("it wants PID_FILE SEED QUEUE RULE…".to_owned());
    };
    let seed = seed.parse().map_err(|_| format!("{seed:?} is no seed"))?;
    let first = first
        .parse()
        .map_err(|_| format!("{first:?} is no queue's number"))?;
    let rules = rules
        .iter()
        .map(|rule| rule.parse().map_err(|e| format!("{rule}: {e}")))
        .collect::<Result<Vec<_>, String>>()?;
    daemon::settle(Path::new(pid_file)).map_err(|e| format!("{pid_file}: {e}"))?;
    let delayer = Delayer::open(rules, seed, first)
        .map_err(|e| format!("no queue can be had of this kernel (NFQUEUE, as root): {e}"))?;
    daemon::ready(&delayer.queue_number().to_string()).map_err(|e| e.to_string())?;
    delayer.run().map_err(|e| e.to_string())
}

fn measure(args: &[&str]) -> Result<String, String> {
    let [what, address, count, gap, size, wait] = args else {
        return Err("it wants WHAT ADDRESS COUNT GAP_US SIZE WAIT_MS".to_owned());
    };
    let what = what.parse()?;
    let to = address
        .parse()
        .map_err(|_| format!("{address:?} is no IP address"))?;
    let number = |text: &str, most: u64| match text.parse::<u64>() {
        Ok(n) if n <= most => Ok(n),
        _ => Err(format!("{text:?} is no number up to {most}")),
    };
    let requests = Requests {
        count: number(count, 10_000)? as u16,
        gap: Duration::from_micros(number(gap, 1_000_000)?),
        // What one Ethernet frame takes.
        size: number(size, 1_472)? as usize,
        wait: Duration::from_millis(number(wait, 60_000)?),
    };
    meter::measure(to, requests)
        .map_err(|e| format!("{to}: {e}"))?
        .say(what)
}
