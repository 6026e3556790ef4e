//! The way back. Who has a wrong clock is read from the processes themselves, all that can be seen from here, and not from
//! what a keeper wrote down: so nothing is forgotten, whoever died when.

use std::{
    io, thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{
    keeper::Home,
    tree,
    vdso::{Condition, Vdso},
    victim::{LEAVE, Trouble, Victim},
};

/// How long a keeper has to end by itself, which it does when nothing is asked for any more.
const OWN_ACCORD: Duration = Duration::from_millis(500);
/// How long it may take to die.
const DEATH: Duration = Duration::from_secs(5);
/// A process that forks all the time may be ahead of us for a while.
const ROUNDS: usize = 50;

/// What was mended.
#[derive(Debug, Default)]
pub(super) struct Mended {
    /// How many processes.
    pub(super) processes: usize,
    /// The longest time for which one was stopped.
    pub(super) pause: Duration,
}

/// Ends the keeper of this name, and makes all clocks right that it held. Does no harm where there is neither.
pub(super) fn mend(name: &str) -> Result<Mended, String> {
    dismiss(&Home::of(name)).map_err(|e| format!("the keeper of {name}: {e}"))?;
    let vdso = Vdso::own().map_err(|e| e.to_string())?;
    let mut mended = Mended::default();
    let mut troubles = Vec::new();
    for _ in 0..ROUNDS {
        troubles.clear();
        let victims = held(&vdso, name)?;
        if victims.is_empty() {
            return Ok(mended);
        }
        let mut step = |act: &dyn Fn(&Victim) -> Result<Duration, Trouble>| {
            for victim in &victims {
                match act(victim) {
                    Ok(pause) => mended.pause = mended.pause.max(pause),
                    Err(Trouble::Gone(_)) => {}
                    Err(trouble) => troubles.push(trouble.to_string()),
                }
            }
        };
        step(&|victim| victim.release(&vdso));
        thread::sleep(LEAVE);
        step(&|victim| victim.clear(&vdso));
        mended.processes += victims.len();
        if !troubles.is_empty() {
            break;
        }
    }
    match troubles.is_empty() {
        true => Err(format!(
            "{name}: new processes with a wrong clock appear faster than they can be mended"
        )),
        false => Err(troubles.join("; ")),
    }
}

/// All processes whose clock is held under this name, or was until a mending that was cut short.
pub(super) fn held(vdso: &Vdso, name: &str) -> Result<Vec<Victim>, String> {
    let mut held = Vec::new();
    for who in tree::all().map_err(|e| format!("/proc: {e}"))? {
        // What cannot be opened or read was never changed by us.
        let Ok(Some(victim)) = Victim::open(who) else {
            continue;
        };
        match victim.condition(vdso) {
            Ok(Condition::Ours(state) | Condition::Littered(Some(state))) if state.name == name => {
                held.push(victim);
            }
            _ => {}
        }
    }
    Ok(held)
}

/// Ends a keeper, at a moment between two of its deeds if it can find one, and removes its directory.
pub(super) fn dismiss(home: &Home) -> io::Result<()> {
    let began = Instant::now();
    // Without this it ends by itself, also if it has only just been started and nobody knows its number.
    home.withdraw()?;
    while let Some(keeper) = home.keeper() {
        if began.elapsed() > OWN_ACCORD
            && let Some(pid) = Pid::from_raw(keeper.pid)
        {
            // Gone meanwhile is as good.
            let _ = kill_process(pid, Signal::KILL);
        }
        if began.elapsed() > DEATH {
            return Err(io::Error::other("it outlives SIGKILL"));
        }
        thread::sleep(Duration::from_millis(5));
    }
    home.remove()
}
