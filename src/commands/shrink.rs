//! `schism shrink`: the fewest faults, keys, clients and calls with which a run still shows its violation.
//!
//! A system that breaks breaks with some probability, so each smaller schedule is tried several times and kept if it shows
//! the violation at least half as often as the whole did. Faults go first: all that were not in force when it happened, then
//! halves and single ones (`smallest`). A run is made no longer than its last fault needs. Tries that led nowhere are removed
//! again.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use history::Nanos;
use nemesis::{Line, Time};
use runner::store::RunDir;

use super::{check, minimal};
use crate::{
    args::ShrinkArgs,
    exit::{Exit, Failure},
    rate::Rate,
    replay::{Interrupts, Replay, Tried, lines_text},
    smallest::smallest,
    terminal::Terminal,
};

/// How long a run goes on after its last fault was healed.
const MARGIN: Duration = Duration::from_secs(2);
/// How many tries in a row may fail to be made.
const PATIENCE: u32 = 3;

/// Shrinks.
pub(crate) fn shrink(args: &ShrinkArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let budget: Time = args
        .budget
        .parse()
        .map_err(|e| Failure::usage(format!("--budget: {e}")))?;
    let mut whole = Replay::of(&args.what, args.class.as_deref(), terminal)?;
    // Of several kinds the first that shows would end a try, and it need not be the one that is looked for.
    whole.fast = args.class.is_none();
    let lines = whole.script()?;
    terminal.say(&format!(
        "{}: {} over {}, looking for {}, for at most {budget}\n",
        whole.name,
        faults(lines.len()),
        whole.config()?.run.time,
        whole.classes_text(),
    ));
    let mut search = Search {
        terminal,
        interrupts: Interrupts::watch()?,
        deadline: Instant::now() + budget.0,
        tries: args.tries,
        needed: 1,
        longest: Duration::ZERO,
        best: None,
    };
    let stopped = search.run(&whole, lines).err();
    match stopped {
        Some(Stop::Failed(failure)) if search.best.is_none() => return Err(failure),
        Some(Stop::Failed(failure)) => terminal.say(&format!(
            "stopped: {}\n",
            reports::escape::inert(&failure.message, 500)
        )),
        Some(Stop::Budget) => {
            terminal.say(&format!("{budget} are over; --budget gives it more time\n"))
        }
        Some(Stop::Interrupted) => terminal.say("stopped\n"),
        None => {}
    }
    let interrupted = search.interrupts.exit();
    let Some(best) = search.best else {
        terminal.print(&format!(
            "not reproduced: {} in {} with all its faults, so there is nothing to shrink\n",
            whole.classes_text(),
            Rate {
                hits: 0,
                tries: args.tries
            }
        ));
        return Ok(interrupted.unwrap_or(Exit::Unknown));
    };
    best.publish(args.output.as_deref(), terminal)?;
    Ok(interrupted.unwrap_or(Exit::Fail))
}

/// Why the search ends before it is over.
enum Stop {
    /// Its time is up.
    Budget,
    /// Somebody wants it to.
    Interrupted,
    /// Something broke.
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

struct Search<'a> {
    terminal: &'a Terminal,
    interrupts: Interrupts,
    deadline: Instant,
    /// How often each candidate is tried at most.
    tries: u32,
    /// How often it must show the violation to be kept.
    needed: u32,
    /// The longest try so far.
    longest: Duration,
    best: Option<Best>,
}

/// The smallest so far that shows it.
struct Best {
    replay: Replay,
    rate: Rate,
    /// A run in which it did.
    shown: RunDir,
}

impl Search<'_> {
    fn run(&mut self, whole: &Replay, lines: Vec<Line>) -> Result<(), Stop> {
        let tries = self.tries;
        if !self.test(whole.clone(), "as it was", true)? {
            return Ok(());
        }
        let hits = self.best.as_ref().map_or(0, |best| best.rate.hits);
        self.needed = hits.min(tries).div_ceil(2).max(1);

        let then = lines_then(&lines, whole.seen);
        let lines = match then.len() < lines.len() && self.with(whole, &then)? {
            true => then,
            false => lines,
        };
        let (lines, stop) = smallest(lines, |part| self.with(whole, part));
        if let Some(stop) = stop {
            return Err(stop);
        }
        if lines.len() == 1 {
            self.with(whole, &[])?;
        }
        // What was kept on the way was kept on little evidence, and by runs that may have ended at once.
        let Some(best) = &self.best else {
            return Ok(());
        };
        let mut last = best.replay.clone();
        last.fast = false;
        self.test(last, "the smallest, once more", true)?;
        self.settings()
    }

    /// With these faults alone.
    fn with(&mut self, whole: &Replay, lines: &[Line]) -> Result<bool, Stop> {
        let mut part = whole.clone();
        part.set_script(lines.to_vec())?;
        let time = part.config()?.run.time;
        if let Some(enough) = enough(lines).filter(|enough| *enough < time) {
            part.set_time(enough)?;
        }
        self.test(part, &faults(lines.len()), false)
    }

    /// With fewer keys, and fewer clients: where that shows it as often.
    fn settings(&mut self) -> Result<(), Stop> {
        let Some(best) = &self.best else {
            return Ok(());
        };
        self.needed = best.rate.hits.clamp(1, self.tries);
        let config = best.replay.config()?.workloads.register;
        for fewer in [1, config.keys / 4] {
            if fewer == 0 || fewer >= config.keys {
                continue;
            }
            if self.set("workloads.register.keys", fewer.into(), &keys(fewer))? {
                break;
            }
        }
        if config.concurrency.of(1) > 1 {
            let (path, one) = ("workloads.register.concurrency", "1n".into());
            self.set(path, one, "a client a node")?;
        }
        Ok(())
    }

    fn set(&mut self, path: &str, value: serde_yaml::Value, what: &str) -> Result<bool, Stop> {
        let Some(best) = &self.best else {
            return Ok(false);
        };
        let mut part = best.replay.clone();
        part.set(path, value)?;
        self.test(part, what, false)
    }

    /// Tries a candidate, and keeps it if it shows the violation often enough. `all`: as often as may be, for the rate.
    fn test(&mut self, candidate: Replay, what: &str, all: bool) -> Result<bool, Stop> {
        let mut rate = Rate::default();
        let mut shown = None;
        let mut broken = 0;
        while rate.tries < self.tries {
            let (hits, misses) = (rate.hits, rate.tries - rate.hits);
            if !all && (hits >= self.needed || misses > self.tries - self.needed) {
                break;
            }
            if self.interrupts.any() {
                return Err(Stop::Interrupted);
            }
            if Instant::now() + self.longest > self.deadline {
                return Err(Stop::Budget);
            }
            match candidate.attempt(self.terminal)? {
                Tried::Judged { hit, dir, took, .. } => {
                    broken = 0;
                    rate.add(hit);
                    self.longest = self.longest.max(took);
                    if hit && shown.is_none() {
                        shown = Some(dir);
                    } else {
                        self.remove(&dir)?;
                    }
                }
                Tried::Broken(why) => {
                    broken += 1;
                    if broken == PATIENCE {
                        return Err(Stop::Failed(Failure::infrastructure(why)));
                    }
                }
                Tried::Interrupted => return Err(Stop::Interrupted),
            }
        }
        let kept = rate.hits >= self.needed;
        let again = self.best.as_mut().filter(|best| best.replay.is(&candidate));
        if let (Some(best), false) = (again, kept) {
            best.rate.hits += rate.hits;
            best.rate.tries += rate.tries;
        }
        let word = match (rate.hits, kept) {
            (_, true) => "kept",
            (0, false) => "not without the others",
            (_, false) => "too seldom",
        };
        self.terminal.say(&format!(
            "{what}: {} of {}, {word}\n",
            rate.hits, rate.tries
        ));
        match shown {
            Some(shown) if kept => {
                let before = self.best.replace(Best {
                    replay: candidate,
                    rate,
                    shown,
                });
                if let Some(before) = before {
                    self.remove(&before.shown)?;
                }
            }
            Some(shown) => self.remove(&shown)?,
            None => {}
        }
        Ok(kept)
    }

    /// Removes a run that is over and owes nothing.
    fn remove(&self, dir: &RunDir) -> Result<(), Failure> {
        Ok(self.terminal.store()?.discard(dir)?)
    }
}

impl Best {
    /// Writes it, and says what it is.
    fn publish(&self, to: Option<&Path>, terminal: &Terminal) -> Result<(), Failure> {
        let to = to.map_or_else(|| self.replay.home.clone(), Path::to_path_buf);
        std::fs::write(&to, self.replay.to_yaml())
            .map_err(|e| Failure::infrastructure(format!("cannot write {}: {e}", to.display())))?;
        let config = self.replay.config()?;
        let lines = self.replay.script()?;
        terminal.print(&format!(
            "smallest: {}, {}, {} in {}\n{}",
            faults(lines.len()),
            keys(config.workloads.register.keys),
            config.run.time,
            self.rate,
            lines_text(&lines),
        ));
        self.calls(&to.with_extension("jsonl"), terminal)?;
        let class = match &self.replay.classes[..] {
            [one] => format!(" --class {one}"),
            _ => String::new(),
        };
        let file = shlex::try_quote(&to.display().to_string())
            .map_or_else(|_| to.display().to_string(), Into::into);
        terminal.print(&format!("again: schism repro {file}{class}\n"));
        Ok(())
    }

    /// The calls that prove it, in the run that showed it.
    fn calls(&self, to: &Path, terminal: &Terminal) -> Result<(), Failure> {
        let judged = check::run(&self.shown, terminal)?;
        let counts =
            |code: &String| self.replay.classes.is_empty() || self.replay.classes.contains(code);
        let found = judged.report.findings.iter();
        let found = found.clone().find(|view| counts(&view.finding.code));
        match found.map(|view| view.number) {
            Some(number) => minimal::minimal(&self.shown.id(), &judged, number, to, terminal),
            None => Ok(()),
        }
    }
}

/// Those that were in force when the violation happened.
fn lines_then(lines: &[Line], seen: Option<(Nanos, Nanos)>) -> Vec<Line> {
    let Some((from, until)) = seen else {
        return lines.to_vec();
    };
    let nanos = |time: Duration| Nanos(time.as_nanos() as u64);
    let then = lines.iter().filter(|line| {
        let at = line.at.unwrap_or_default().0;
        let healed = line.lasting.map(|lasting| nanos(at + lasting.max));
        nanos(at) <= until && healed.is_none_or(|healed| healed >= from)
    });
    then.cloned().collect()
}

/// How long a run with these faults has to be; `None` if one of them lasts until its end.
fn enough(lines: &[Line]) -> Option<Time> {
    let ends = lines.iter().map(|line| {
        let at = line.at?.0;
        line.lasting.map(|lasting| at + lasting.max)
    });
    let last = ends.collect::<Option<Vec<_>>>()?.into_iter().max()?;
    // Nobody wants to read more digits.
    let tenths = (last + MARGIN).as_millis().div_ceil(100);
    Some(Time(Duration::from_millis(tenths as u64 * 100)))
}

fn faults(count: usize) -> String {
    match count {
        0 => "no faults".to_owned(),
        1 => "1 fault".to_owned(),
        n => format!("{n} faults"),
    }
}

fn keys(count: u32) -> String {
    match count {
        1 => "1 key".to_owned(),
        n => format!("{n} keys"),
    }
}
