//! `schism repro`: makes a run again and again, and says how often it shows the same violation.

use serde_json::json;

use crate::{
    args::ReproArgs,
    exit::{Exit, Failure},
    rate::Rate,
    replay::{Interrupts, Replay, Tried},
    terminal::Terminal,
};

/// Repeats.
pub(crate) fn repro(args: &ReproArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let replay = Replay::of(&args.what, args.class.as_deref(), terminal)?;
    let config = replay.config()?;
    if let Some(file) = &args.write {
        std::fs::write(file, replay.to_yaml()).map_err(|e| {
            Failure::infrastructure(format!("cannot write {}: {e}", file.display()))
        })?;
        terminal.say(&format!("written: {}\n", file.display()));
        return Ok(Exit::Pass);
    }
    let interrupts = Interrupts::watch()?;
    terminal.say(&format!(
        "{}: {} tries of {} × {}, {} each, looking for {}\n",
        replay.name,
        args.tries,
        config.target.adapter,
        config.faults.name(),
        config.run.time,
        replay.classes_text(),
    ));
    let mut rate = Rate::default();
    let mut broken = 0;
    for number in 1..=args.tries {
        if interrupts.any() {
            break;
        }
        match replay.attempt(terminal)? {
            Tried::Judged {
                hit,
                what,
                dir,
                took,
            } => {
                rate.add(hit);
                let glyph = if hit { "✗" } else { "·" };
                terminal.say(&format!(
                    "try {number}: {glyph} {what}   {:.1} s   {}\n",
                    took.as_secs_f64(),
                    dir.id()
                ));
                if hit && args.first {
                    break;
                }
            }
            Tried::Broken(why) => {
                broken += 1;
                let why = reports::escape::inert(&why, 500);
                terminal.say(&format!("try {number}: ! could not be made: {why}\n"));
            }
            Tried::Interrupted => break,
        }
    }
    let interrupted = interrupts.any();
    let exit = match (interrupts.exit(), rate.hits) {
        (Some(exit), _) => exit,
        (None, 1..) => Exit::Fail,
        (None, 0) if rate.tries == 0 => Exit::Infrastructure,
        (None, 0) => Exit::Unknown,
    };
    if args.json {
        let (low, high) = rate.interval();
        let result = json!({
            "of": replay.name, "classes": replay.classes, "hits": rate.hits, "tries": rate.tries, "broken": broken,
            "low": low, "high": high, "interrupted": interrupted, "exit": exit.code(),
        });
        terminal.print(&format!("{result}\n"));
        return Ok(exit);
    }
    let word = if rate.hits > 0 {
        "reproduced"
    } else {
        "not reproduced"
    };
    terminal.print(&format!("{word}: {} in {rate}\n", replay.classes_text()));
    if rate.hits == 0 && rate.tries > 0 {
        terminal.say("that it was not seen does not show that it is gone\n");
    }
    Ok(exit)
}
