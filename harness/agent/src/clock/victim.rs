//! One process, and its clock.
//!
//! Making a clock wrong for the first time stops the process for a moment; changing how wrong it is does not (see
//! [`shim`](super::shim)). Mending goes in two steps: the ways into the vDSO's functions first, so that nobody enters the shim
//! any more, and a moment later the shim itself, when whoever was in it has left.

use std::{
    fs::{File, OpenOptions},
    io,
    ops::Range,
    os::unix::fs::FileExt,
    time::Duration,
};

use super::{
    freeze::{Ice, frozen},
    shim::{self, STATE, State, TURN},
    skew::Skew,
    tree::Identity,
    vdso::{Condition, Piece, Vdso, mapping},
};

/// How long whoever is in the shim has to leave it: a signal's handler may have interrupted it there, unseen by us.
pub(super) const LEAVE: Duration = Duration::from_millis(20);

/// A process, with its memory open.
pub(super) struct Victim {
    pub(super) who: Identity,
    memory: File,
    base: u64,
}

/// Why a process's clock was left alone.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// It ended, or became another program.
    #[error("process {0} is gone")]
    Gone(i32),
    /// Not allowed.
    #[error("process {pid} cannot be traced ({error}): {advice}", advice = advice(*pid))]
    Forbidden { pid: i32, error: io::Error },
    /// It cannot be done to this process.
    #[error("process {pid}: {why}")]
    Unfit { pid: i32, why: String },
    /// Another fault has this clock.
    #[error("process {pid}: {name} holds this clock")]
    Held { pid: i32, name: String },
    /// Something else.
    #[error("process {pid}: {error}")]
    Io { pid: i32, error: io::Error },
}

fn advice(pid: i32) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let tracer = status
        .lines()
        .find_map(|line| line.strip_prefix("TracerPid:"))
        .map(str::trim)
        .filter(|tracer| *tracer != "0");
    match tracer {
        Some(tracer) => format!("process {tracer} traces it already; end that debugger"),
        None => "run as root with CAP_SYS_PTRACE, and with kernel.yama.ptrace_scope below 3".into(),
    }
}

impl Victim {
    /// `Ok(None)` for what has no vDSO: threads of the kernel, and the dead.
    pub(super) fn open(who: Identity) -> Result<Option<Self>, Trouble> {
        let trouble = |error| Trouble::of(who.pid, error);
        let Some(Range { start: base, .. }) = mapping(&who.pid.to_string()).map_err(trouble)?
        else {
            return Ok(None);
        };
        let memory = OpenOptions::new()
            .read(true)
            .write(true)
            .open(format!("/proc/{}/mem", who.pid))
            .map_err(trouble)?;
        // The number may have been given to another process between the look at it and this.
        if !who.lives() {
            return Err(Trouble::Gone(who.pid));
        }
        Ok(Some(Self { who, memory, base }))
    }

    fn trouble(&self, error: io::Error) -> Trouble {
        Trouble::of(self.who.pid, error)
    }

    /// Its image of the vDSO.
    pub(super) fn image(&self, vdso: &Vdso) -> Result<Vec<u8>, Trouble> {
        let mut image = vec![0; vdso.len()];
        self.read(&mut image, 0)?;
        Ok(image)
    }

    fn read(&self, bytes: &mut [u8], at: usize) -> Result<(), Trouble> {
        let read = self.memory.read_exact_at(bytes, self.base + at as u64);
        read.map_err(|error| match error.kind() {
            // The memory is that of a program that is no more, although its process may be: it became another.
            io::ErrorKind::UnexpectedEof => Trouble::Gone(self.who.pid),
            _ => self.trouble(error),
        })
    }

    /// What its vDSO is.
    pub(super) fn condition(&self, vdso: &Vdso) -> Result<Condition, Trouble> {
        let condition = vdso.condition(&self.image(vdso)?);
        condition.map_err(|why| Trouble::Unfit {
            pid: self.who.pid,
            why,
        })
    }

    /// The state of a clock that is known to be ours; `None` if it is not any more.
    pub(super) fn state(&self, vdso: &Vdso) -> Result<Option<State>, Trouble> {
        let mut bytes = [0; STATE];
        self.read(&mut bytes, vdso.state())?;
        Ok(State::decode(&bytes))
    }

    /// Makes its clock wrong for the first time, or takes over what bears our name already. Returns for how long it was
    /// stopped.
    pub(super) fn install(&self, vdso: &Vdso, name: &str, skew: Skew) -> Result<Duration, Trouble> {
        match self.condition(vdso)? {
            Condition::Ours(state) if state.name == name => {
                self.update(vdso, state.turn, skew)?;
                return Ok(Duration::ZERO);
            }
            Condition::Ours(state) => {
                return Err(Trouble::Held {
                    pid: self.who.pid,
                    name: state.name,
                });
            }
            Condition::Pristine | Condition::Littered(_) => {}
        }
        let state = State {
            turn: 0,
            name: name.to_owned(),
            skew,
        };
        let shim = vdso.shim(&state);
        self.stopped(
            |at| vdso.in_a_way_in(at) || vdso.in_shim(at),
            |ice| {
                self.write(&shim, Some(ice))?;
                for detour in vdso.detours() {
                    self.write(detour, Some(ice))?;
                }
                Ok(())
            },
        )
    }

    /// Changes how wrong its clock is, without stopping it. Returns the new turn.
    pub(super) fn update(&self, vdso: &Vdso, turn: u8, skew: Skew) -> Result<u8, Trouble> {
        let next = turn.wrapping_add(1);
        let slot = (vdso.state() + shim::slot(next), skew.to_bytes().to_vec());
        let flip = (vdso.state() + TURN, vec![next]);
        let write = |ice: Option<&Ice>| {
            self.write(&slot, ice)?;
            self.write(&flip, ice)
        };
        match write(None) {
            Ok(()) => {}
            Err(error) if refused(&error) => {
                frozen(self.who.pid, &|_| false, &|ice| write(Some(ice)))
                    .map_err(|error| self.trouble(error))?;
            }
            Err(error) => return Err(self.trouble(error)),
        }
        Ok(next)
    }

    /// Makes its clock right again: the first step of mending. Returns for how long it was stopped.
    pub(super) fn release(&self, vdso: &Vdso) -> Result<Duration, Trouble> {
        let Condition::Ours(state) = self.condition(vdso)? else {
            return Ok(Duration::ZERO);
        };
        self.update(vdso, state.turn, Skew::default())?;
        self.stopped(
            |at| vdso.in_a_way_in(at),
            |ice| {
                let originals = vdso.originals();
                originals.iter().try_for_each(|p| self.write(p, Some(ice)))
            },
        )
    }

    /// Clears away what nobody enters any more: the second step, after [`LEAVE`].
    pub(super) fn clear(&self, vdso: &Vdso) -> Result<Duration, Trouble> {
        match self.condition(vdso)? {
            Condition::Littered(_) => {
                let nothing = vdso.nothing();
                self.stopped(|at| vdso.in_shim(at), |ice| self.write(&nothing, Some(ice)))
            }
            Condition::Pristine | Condition::Ours(_) => Ok(Duration::ZERO),
        }
    }

    fn stopped(
        &self,
        forbidden: impl Fn(usize) -> bool + Sync,
        act: impl Fn(&Ice) -> io::Result<()> + Sync,
    ) -> Result<Duration, Trouble> {
        let inside = |counter: u64| {
            let at = counter.checked_sub(self.base);
            at.and_then(|at| usize::try_from(at).ok())
                .is_some_and(&forbidden)
        };
        frozen(self.who.pid, &inside, &act).map_err(|error| self.trouble(error))
    }

    /// Through `/proc/PID/mem`; where the kernel lets that write only what the process itself may, through the tracer.
    fn write(&self, (at, bytes): &Piece, ice: Option<&Ice>) -> io::Result<()> {
        let address = self.base + *at as u64;
        match (self.memory.write_all_at(bytes, address), ice) {
            (Err(error), Some(ice)) if refused(&error) => ice.poke(address, bytes),
            (result, _) => result,
        }
    }
}

/// `proc_mem.force_override=never` and its like (the kernel's parameters) answer with one of these.
fn refused(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EIO | libc::EACCES | libc::EPERM | libc::EFAULT)
    )
}

impl Trouble {
    fn of(pid: i32, error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ESRCH | libc::ENOENT) => Self::Gone(pid),
            Some(libc::EPERM | libc::EACCES) => Self::Forbidden { pid, error },
            _ if error.kind() == io::ErrorKind::WriteZero => Self::Gone(pid),
            _ => Self::Io { pid, error },
        }
    }
}
