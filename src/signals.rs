//! Somebody wants it to end: Ctrl-C, or a SIGTERM.
//!
//! The first stops the clients; everything is healed, and what was recorded is judged. The second does without the judging,
//! and still heals. The third leaves at once. Signals are the process's, and so is this: there is one of it, and every run
//! that goes on hears it.
//!
//! A signal sets a flag, and flags are looked at: by whoever asks, and, while a run goes on, by a thread ([`Ear`]). There is
//! none before, because a lab's network can be entered by a process of one thread only.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use runner::StopToken;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::{
    exit::{Exit, Failure},
    ui::Ui,
};

/// How often flags are looked at. Two signals within this count as one.
const BEAT: Duration = Duration::from_millis(20);

/// How much patience is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Stop, heal, judge what there is.
    Stop,
    /// Heal, and no more.
    HealOnly,
    /// Leave at once.
    Leave,
}

/// What was wished so far.
pub(crate) struct Signals {
    int: Arc<AtomicBool>,
    term: Arc<AtomicBool>,
    stop: StopToken,
    heal_only: StopToken,
    first: OnceLock<Exit>,
    listeners: Mutex<Vec<Weak<Ui>>>,
}

static SIGNALS: Mutex<Option<Arc<Signals>>> = Mutex::new(None);

impl Signals {
    /// From now on no signal ends the program of itself.
    pub(crate) fn watch() -> Result<Arc<Self>, Failure> {
        let mut there = SIGNALS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signals) = &*there {
            return Ok(Arc::clone(signals));
        }
        let flag = |signal| -> Result<Arc<AtomicBool>, Failure> {
            let flag = Arc::new(AtomicBool::new(false));
            signal_hook::flag::register(signal, Arc::clone(&flag)).map_err(|e| {
                Failure::infrastructure(format!("cannot watch for interrupts: {e}"))
            })?;
            Ok(flag)
        };
        let signals = Self {
            int: flag(SIGINT)?,
            term: flag(SIGTERM)?,
            stop: StopToken::new(),
            heal_only: StopToken::new(),
            first: OnceLock::new(),
            listeners: Mutex::new(Vec::new()),
        };
        Ok(Arc::clone(there.insert(Arc::new(signals))))
    }

    /// Asks to stop.
    pub(crate) fn stop(&self) -> &StopToken {
        &self.stop
    }

    /// Asks not to judge.
    pub(crate) fn heal_only(&self) -> &StopToken {
        &self.heal_only
    }

    /// How the program ends because of it; `None` while nobody wished anything.
    pub(crate) fn exit(&self) -> Option<Exit> {
        self.look();
        self.first.get().copied()
    }

    /// What went wrong, if something was wished.
    pub(crate) fn failure(&self, what: &str) -> Option<Failure> {
        self.exit().map(|exit| Failure {
            exit,
            message: what.to_owned(),
        })
    }

    /// Tells this one what is wished, as long as it is there.
    pub(crate) fn tell(&self, ui: &Arc<Ui>) {
        let mut listeners = self.listeners();
        listeners.retain(|ui| ui.strong_count() > 0);
        listeners.push(Arc::downgrade(ui));
    }

    /// Hears at once what is wished, for as long as the value lives.
    pub(crate) fn listen(self: &Arc<Self>) -> Result<Ear, Failure> {
        let (signals, (end, ended)) = (Arc::clone(self), channel::<()>());
        let look = move || {
            while ended.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                signals.look();
            }
        };
        let thread = std::thread::Builder::new()
            .name("schism-signals".to_owned())
            .spawn(look)
            .map_err(|e| Failure::infrastructure(format!("cannot start a thread: {e}")))?;
        Ok(Ear {
            end: Some(end),
            thread: Some(thread),
        })
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<Weak<Ui>>> {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the flags.
    fn look(&self) {
        for (flag, exit) in [
            (&self.int, Exit::Interrupted),
            (&self.term, Exit::Terminated),
        ] {
            if flag.swap(false, Ordering::SeqCst) {
                let _ = self.first.set(exit);
                self.wish(
                    match (self.stop.is_stopped(), self.heal_only.is_stopped()) {
                        (false, _) => Wish::Stop,
                        (true, false) => Wish::HealOnly,
                        (true, true) => Wish::Leave,
                    },
                );
            }
        }
    }

    fn wish(&self, wish: Wish) {
        match wish {
            Wish::Stop => self.stop.stop(),
            Wish::HealOnly => self.heal_only.stop(),
            Wish::Leave => {}
        }
        let exit = self.first.get().copied().unwrap_or(Exit::Interrupted);
        let all: Vec<_> = self.listeners().iter().filter_map(Weak::upgrade).collect();
        for ui in all {
            ui.wish(wish, exit);
        }
        if wish == Wish::Leave {
            std::process::exit(i32::from(exit.code()));
        }
    }
}

/// Listens until it is dropped.
pub(crate) struct Ear {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            // It only looks; if it panicked, the hook has told it.
            let _ = thread.join();
        }
    }
}
