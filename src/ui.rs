//! What happens while a run happens: a block that is redrawn on a terminal, lines elsewhere, JSON lines for machines.
//!
//! Everything that is shown is an [`News`]; each is also a line of `events.jsonl` in the run directory. People's news go
//! to standard error, machines' to standard output, so that either can be redirected.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use checkers::online::Alarm;
use history::{
    Nanos, Nodes,
    fault::{FaultEvent, FaultStep},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use reports::escape::{VALUE, inert};
use runner::{Counters, Notice, Snapshot, store::RunDir};
use serde_json::{Value, json};

use crate::{
    args::{Loudness, Progress},
    exit::{Exit, Failure},
    signals::Wish,
    terminal::Terminal,
};

/// What happened, for machines: a file of the run.
pub(crate) const EVENTS: &str = "events.jsonl";
/// The same for people, whatever a terminal shows.
pub(crate) const LOG: &str = "log.txt";

/// How often a line says that the run is alive, where nothing is redrawn.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often the run's directory says how far it is.
const TELLING: Duration = Duration::from_secs(1);

/// Tells people and machines what happens.
pub(crate) struct Ui {
    terminal: Terminal,
    /// Whether machines listen on standard output.
    json: bool,
    loudness: Loudness,
    lines: bool,
    bar: Option<ProgressBar>,
    began: Instant,
    run: Mutex<Option<RunDir>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    phase: String,
    /// How long the phase is planned to take.
    planned: Duration,
    began: Option<Instant>,
    /// What is in force, by fault.
    faults: Vec<(u32, String)>,
    heartbeat: Option<Instant>,
    /// What was logged before there was a place for it.
    early: Vec<String>,
    /// When `state.json` had the numbers last.
    told: Option<Instant>,
    /// How many objects are known to have shown a violation.
    alarms: u64,
}

impl Ui {
    /// For a run that begins now.
    pub(crate) fn new(
        terminal: &Terminal,
        progress: Progress,
        loudness: Loudness,
        json: bool,
    ) -> Self {
        let quiet = loudness == Loudness::Quiet;
        let live = match progress {
            Progress::Auto => terminal.is_live() && !quiet,
            Progress::Live => true,
            Progress::Lines | Progress::None => false,
        };
        let lines = !live && !quiet && progress != Progress::None;
        let bar = live.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
            bar.set_style(ProgressStyle::with_template("{msg}").expect("a constant template"));
            bar
        });
        Self {
            terminal: terminal.clone(),
            json,
            loudness,
            lines,
            bar,
            began: Instant::now(),
            run: Mutex::new(None),
            state: Mutex::new(State::default()),
        }
    }

    /// From now on events are kept in this run's directory, too; and what was logged before.
    pub(crate) fn record(&self, run: &RunDir) {
        crate::dump::keep_in(run.path());
        *self.run.lock().unwrap_or_else(PoisonError::into_inner) = Some(run.clone());
        for line in std::mem::take(&mut self.state().early) {
            // As with events: where nothing can be written, the journal will say so.
            let _ = run.append_line(LOG, &line);
        }
    }

    /// What is being done.
    pub(crate) fn current_phase(&self) -> String {
        self.state().phase.clone()
    }

    /// What ended the run, for `log.txt`: whoever runs the program prints it.
    pub(crate) fn failed(&self, message: &str) {
        self.log(&format!("failed: {}", inert(message, 2_000)));
    }

    /// The run whose events are kept.
    pub(crate) fn run(&self) -> Option<RunDir> {
        self.run
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A new phase begins, and will take about so long.
    pub(crate) fn phase(&self, name: &str, planned: Duration) {
        let mut state = self.state();
        name.clone_into(&mut state.phase);
        state.planned = planned;
        state.began = Some(Instant::now());
        if let Some(run) = self.run() {
            // Best effort: where nothing can be written, the journal will say so.
            let _ = run.set_state(name, chrono::Utc::now());
        }
        drop(state);
        self.emit("phase", json!({ "name": name }));
        let line = self.line(name);
        if !self.lines && self.loudness >= Loudness::Verbose {
            self.above(&line);
        }
    }

    /// How much people want.
    pub(crate) fn loudness(&self) -> Loudness {
        self.loudness
    }

    /// Something that is on record elsewhere, for whoever wants to see it come. Inert already.
    pub(crate) fn aloud(&self, text: &str) {
        self.above(text);
    }

    /// Something a reader must know.
    pub(crate) fn warn(&self, text: &str) {
        let text = inert(text, 500);
        self.emit("warning", json!({ "text": text }));
        self.log(&format!("warning: {text}"));
        let glyph = if self.terminal.err.color {
            "\x1b[33m⚠\x1b[0m"
        } else {
            "⚠"
        };
        self.above(&format!("{glyph} {text}"));
    }

    /// Something worth a line.
    pub(crate) fn note(&self, text: &str) {
        self.log(text);
        if self.loudness != Loudness::Quiet {
            self.above(text);
        }
    }

    /// Something for whoever wants to know, in the log alone, as soon as there is one.
    pub(crate) fn aside(&self, text: &str) {
        self.log(text);
    }

    /// The record became impossible while the run goes on. The checkers will say it better, with its proof.
    pub(crate) fn alarm(&self, alarm: &Alarm) {
        let what = inert(&alarm.what, 500);
        let mut state = self.state();
        state.alarms += 1;
        let first = state.alarms == 1;
        drop(state);
        let calls: Vec<u32> = alarm.calls.iter().map(|call| call.0).collect();
        self.emit(
            "violation",
            json!({ "watch": alarm.watch, "what": what, "index": alarm.index.0, "time": alarm.time.0, "calls": calls }),
        );
        let text = format!("violation at {}: {what}", alarm.time);
        self.log(&text);
        // One is enough to know; how many there are is the checkers' to count.
        if first {
            let (before, after) = if self.terminal.err.color {
                ("\x1b[31m", "\x1b[0m")
            } else {
                ("", "")
            };
            self.above(&format!("{before}✗ {text}{after}"));
        }
    }

    /// `no violation so far`, or that there is one; never a pass.
    fn verdict_so_far(&self) -> &'static str {
        match self.state().alarms {
            0 => "no violation so far",
            _ => "✗ VIOLATION, see above",
        }
    }

    /// Somebody wants it to end, and it will end so.
    pub(crate) fn wish(&self, wish: Wish, exit: Exit) {
        match wish {
            Wish::Stop => self.warn(
                "stopping: healing, then judging what was recorded; once more to do without the judging",
            ),
            Wish::HealOnly => self.warn("healing, and no more; once more to leave at once"),
            Wish::Leave => {
                self.settle();
                let heal = self.run().map_or_else(String::new, |run| format!(" {}", run.id()));
                self.warn(&format!("left at once; faults may remain: schism heal{heal}"));
                self.emit_verdict("unknown", exit);
            }
        }
    }

    /// Something ended the run before there was a verdict.
    pub(crate) fn fail(&self, failure: &Failure) {
        self.emit("error", json!({ "text": failure.message }));
        self.emit_verdict(word_of(failure), failure.exit);
    }

    /// The last line for machines, also where there is no verdict.
    fn emit_verdict(&self, word: &str, exit: Exit) {
        let mut verdict = json!({ "verdict": word, "exit": exit.code() });
        if let Some(run) = self.run() {
            verdict["run"] = json!(run.id());
            verdict["path"] = json!(run.path());
        }
        self.emit("verdict", verdict);
    }

    /// Whether a fault is in force.
    pub(crate) fn is_disturbed(&self) -> bool {
        !self.state().faults.is_empty()
    }

    /// The driver has something to say.
    pub(crate) fn notice(&self, notice: &Notice, nodes: &Nodes) {
        let text = inert(&notice.describe(nodes), 500);
        match notice {
            Notice::Log(_) => self.note(&text),
            // Kills and partitions make these all the time; the counts of errors have them.
            Notice::NoConnection { .. } => self.emit("no-connection", json!({ "text": text })),
            _ => self.warn(&text),
        }
    }

    /// A fault took a step.
    pub(crate) fn fault(&self, event: &FaultEvent) {
        let name = event.label();
        let mut state = self.state();
        match event.step {
            FaultStep::Inject if event.ok => state.faults.push((event.fault.0, name.clone())),
            FaultStep::Heal => state.faults.retain(|(id, _)| *id != event.fault.0),
            _ => {}
        }
        drop(state);
        self.emit("fault", json!(event));
        let detail = inert(&event.detail, VALUE);
        match (event.step, event.ok) {
            (FaultStep::Inject, true) => drop(self.line(&format!("{name}: injected"))),
            (FaultStep::Verify, true) => drop(self.line(&format!("{name}: verified, {detail}"))),
            (FaultStep::HealVerify, true) => drop(self.line(&format!("{name}: healed"))),
            (FaultStep::Plan, false) => self.note(&format!("{} skipped: {detail}", event.kind)),
            (_, false) => self.warn(&format!("{name}: {:?} failed: {detail}", event.step)),
            _ => {}
        }
    }

    /// The numbers as they are now. Called often; shows what it must.
    pub(crate) fn progress(&self, snapshot: &Snapshot) {
        if let Some(bar) = &self.bar {
            bar.set_message(self.block(snapshot));
            bar.tick();
        }
        self.tell_watchers(snapshot);
        let mut state = self.state();
        let due = state
            .heartbeat
            .is_none_or(|last| last.elapsed() >= HEARTBEAT);
        if !due {
            return;
        }
        let first = state.heartbeat.replace(Instant::now()).is_none();
        let phase = state.phase.clone();
        drop(state);
        let o = snapshot.outcomes;
        self.emit(
            "progress",
            json!({
                "phase": phase, "ops": o.total(), "ok": o.ok, "fail": o.fail, "info": o.info,
                "rate": snapshot.rate(5).round(), "open": snapshot.open,
            }),
        );
        if !first {
            self.line(&format!(
                "{phase} ops={} ok={} fail={} info={} rate={:.0} fault={} live={}",
                o.total(),
                o.ok,
                o.fail,
                o.info,
                snapshot.rate(5),
                self.in_force("none"),
                if self.state().alarms == 0 {
                    "ok-so-far"
                } else {
                    "violation"
                },
            ));
        }
    }

    /// Every second the numbers go to `state.json`, from where `schism list` and `schism serve` have them.
    fn tell_watchers(&self, snapshot: &Snapshot) {
        let mut state = self.state();
        if state.told.is_some_and(|last| last.elapsed() < TELLING) {
            return;
        }
        state.told = Some(Instant::now());
        let nanos = |d: Duration| Nanos(d.as_nanos() as u64);
        let o = snapshot.outcomes;
        let progress = runner::store::Progress {
            ok: o.ok,
            fail: o.fail,
            info: o.info,
            open: snapshot.open,
            rate: snapshot.rate(3).round(),
            p50: snapshot.p50.map(nanos),
            p99: snapshot.p99.map(nanos),
            since: state.began.map_or(Nanos(0), |b| nanos(b.elapsed())),
            planned: nanos(state.planned),
        };
        if let Some(run) = self.run() {
            // Under the lock, so that no phase is told that is over. Best effort, as above.
            let _ = run.set_progress(&state.phase, chrono::Utc::now(), progress);
        }
    }

    /// Shows the numbers until it is dropped.
    pub(crate) fn follow(self: &std::sync::Arc<Self>, counters: &Counters) -> Follower {
        let (ui, counters) = (std::sync::Arc::clone(self), counters.clone());
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            let beat = Duration::from_millis(100);
            while stopped.recv_timeout(beat) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                ui.progress(&counters.snapshot());
            }
        });
        Follower {
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Nothing is redrawn any more: what comes next stays.
    pub(crate) fn settle(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// An event for machines.
    pub(crate) fn emit(&self, kind: &str, fields: Value) {
        let mut event =
            json!({ "v": 1, "t": round(self.began.elapsed().as_secs_f64()), "type": kind });
        if let (Some(event), Value::Object(fields)) = (event.as_object_mut(), fields) {
            event.extend(fields.into_iter().filter(|(k, _)| k != "v" && k != "type"));
        }
        if let Some(run) = self.run() {
            // A full disk shows itself where the history is written; this is a convenience.
            let _ = run.append_json(EVENTS, &event);
        }
        if self.json {
            self.terminal.print(&format!("{event}\n"));
        }
    }

    /// The block that is redrawn.
    fn block(&self, snapshot: &Snapshot) -> String {
        let state = self.state();
        let elapsed = state.began.map_or(Duration::ZERO, |b| b.elapsed());
        let mut head = format!("▶ {}", state.phase);
        if state.planned > Duration::ZERO {
            let share = (elapsed.as_secs_f64() / state.planned.as_secs_f64()).min(1.0);
            let filled = (share * 24.0) as usize;
            head.push_str(&format!(
                " {}/{} {}{}",
                clock(elapsed),
                clock(state.planned),
                "━".repeat(filled),
                "─".repeat(24 - filled)
            ));
        }
        drop(state);
        let o = snapshot.outcomes;
        let ms = |d: Option<Duration>| {
            d.map_or("–".to_owned(), |d| {
                format!("{:.1}ms", d.as_secs_f64() * 1e3)
            })
        };
        let block = format!(
            "{head}\nops   {}  ok {}  fail {}  info {} (outcome unknown)   {:.0}/s  p50 {}  p99 {}\nfault {}\nlive  {}",
            o.total(),
            o.ok,
            o.fail,
            o.info,
            snapshot.rate(3),
            ms(snapshot.p50),
            ms(snapshot.p99),
            self.in_force("none in force"),
            self.verdict_so_far(),
        );
        if self.terminal.err.ascii {
            reports::escape::ascii(&block)
        } else {
            block
        }
    }

    fn in_force(&self, otherwise: &str) -> String {
        let state = self.state();
        if state.faults.is_empty() {
            return otherwise.to_owned();
        }
        let names: Vec<_> = state
            .faults
            .iter()
            .map(|(_, name)| inert(name, VALUE))
            .collect();
        names.join(" + ")
    }

    /// A line of the log, and on the terminal where nothing is redrawn.
    fn line(&self, text: &str) -> String {
        let line = self.log(text);
        if self.lines {
            self.terminal.say(&format!("{line}\n"));
        }
        line
    }

    /// A line of `log.txt`, which has everything whatever the terminal shows.
    fn log(&self, text: &str) -> String {
        let line = format!("{} {text}", chrono::Local::now().format("%H:%M:%S"));
        match self.run() {
            // As with events: where nothing can be written, the journal will say so.
            Some(run) => drop(run.append_line(LOG, &line)),
            None => self.state().early.push(line.clone()),
        }
        line
    }

    /// Writes a line that stays, above whatever is redrawn.
    fn above(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.terminal.say(&format!("{text}\n"))),
            None => self.terminal.say(&format!("{text}\n")),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows numbers until it is dropped.
pub(crate) struct Follower {
    stop: Option<std::sync::mpsc::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // It only draws; if it panicked, nothing is lost.
            let _ = thread.join();
        }
    }
}

/// What machines are told where nothing was run: the lines that end every stream of events.
pub(crate) fn last_words(failure: &Failure, say: impl Fn(&str)) {
    let lines = [
        json!({ "v": 1, "t": 0.0, "type": "error", "text": failure.message }),
        json!({ "v": 1, "t": 0.0, "type": "verdict", "verdict": word_of(failure), "exit": failure.exit.code() }),
    ];
    for line in lines {
        say(&format!("{line}\n"));
    }
}

/// Nobody knows what an interrupted run would have shown; everything else that has no verdict broke.
fn word_of(failure: &Failure) -> &'static str {
    match failure.exit.is_interrupt() {
        true => "unknown",
        false => "error",
    }
}

fn clock(time: Duration) -> String {
    let s = time.as_secs();
    format!("{}:{:02}", s / 60, s % 60)
}

fn round(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
