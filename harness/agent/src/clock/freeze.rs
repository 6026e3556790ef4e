//! All threads of a process stopped for a moment, none of them where it must not be.
//!
//! `PTRACE_SEIZE` and `PTRACE_INTERRUPT` rather than `SIGSTOP`: the parent hears nothing, a process that was paused already
//! stays paused, and should we die midway the kernel lets it go on. Attachments belong to a thread, so that this thread's end
//! is the end of all of them, whatever went wrong.

#![allow(unsafe_code)]

use std::{
    collections::BTreeMap,
    fs, io, mem,
    num::NonZeroU64,
    thread,
    time::{Duration, Instant},
};

/// How long to try.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long one try waits for the slowest thread: one in an uninterruptible sleep does not stop.
const STOP: Duration = Duration::from_secs(1);
/// So many looks at a thread that is about to stop come at once, and this is between all others.
const SPIN: u32 = 20;
const GLANCE: Duration = Duration::from_micros(20);
/// Between two tries.
const AGAIN: Duration = Duration::from_micros(300);

/// The stopped process.
pub(super) struct Ice {
    /// Thread, and the signal that was on its way to it.
    held: BTreeMap<i32, i32>,
}

/// Does `act` while no thread of `pid` runs or stands at a `forbidden` address. Returns for how long it was stopped: from the
/// first thread that was to the last that was let go.
pub(super) fn frozen(
    pid: i32,
    forbidden: &(dyn Fn(u64) -> bool + Sync),
    act: &(dyn Fn(&Ice) -> io::Result<()> + Sync),
) -> io::Result<Duration> {
    thread::scope(|scope| {
        let tracer = scope.spawn(|| {
            // Short sleeps are to be short. Without this, they are merely longer.
            let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
            let until = Instant::now() + PATIENCE;
            loop {
                let began = Instant::now();
                let ice = Ice::of(pid)?;
                let done = match ice.stands_at(forbidden)? {
                    false => Some(act(&ice)),
                    true => None,
                };
                ice.thaw();
                if let Some(done) = done {
                    return done.map(|()| began.elapsed());
                }
                if Instant::now() >= until {
                    return Err(io::Error::new(
                        io::ErrorKind::TimedOut,
                        "a thread was always inside the functions to replace",
                    ));
                }
                thread::sleep(AGAIN);
            }
        });
        tracer
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

impl Ice {
    fn of(pid: i32) -> io::Result<Self> {
        let mut ice = Self {
            held: BTreeMap::new(),
        };
        let until = Instant::now() + STOP;
        loop {
            let new: Vec<i32> = threads(pid)?
                .into_iter()
                .filter(|tid| !ice.held.contains_key(tid))
                .collect();
            let mut caught = Vec::new();
            for tid in new {
                match seize(tid) {
                    Ok(()) => caught.push(tid),
                    // It ended meanwhile, or is dead and not buried yet.
                    Err(_) if dead(pid, tid) => {}
                    Err(error) => {
                        ice.await_all(&caught, until)?;
                        ice.thaw();
                        return Err(error);
                    }
                }
            }
            if caught.is_empty() {
                break;
            }
            ice.await_all(&caught, until)?;
        }
        if ice.held.is_empty() {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        Ok(ice)
    }

    /// Waits until these have stopped. What has not when the time is up is let go by the end of this thread.
    fn await_all(&mut self, threads: &[i32], until: Instant) -> io::Result<()> {
        for tid in threads {
            let mut looks = 0;
            loop {
                match wait(*tid)? {
                    Stop::At(signal) => {
                        self.held.insert(*tid, signal);
                        break;
                    }
                    Stop::Ended => break,
                    Stop::NotYet if Instant::now() >= until => {
                        return Err(io::Error::new(
                            io::ErrorKind::TimedOut,
                            format!(
                                "thread {tid} does not stop: it is in an uninterruptible sleep"
                            ),
                        ));
                    }
                    Stop::NotYet if looks < SPIN => looks += 1,
                    // Sleeping, not yielding: on a busy machine a sleeper that wakes is served before those who have run.
                    Stop::NotYet => thread::sleep(GLANCE),
                }
            }
        }
        Ok(())
    }

    fn stands_at(&self, forbidden: &dyn Fn(u64) -> bool) -> io::Result<bool> {
        for tid in self.held.keys() {
            match program_counter(*tid) {
                Ok(counter) if forbidden(counter) => return Ok(true),
                Ok(_) => {}
                // Killed while it was stopped: SIGKILL asks nobody.
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Writes through the debugger's door, for kernels whose `/proc/PID/mem` does not write to what the process may not.
    pub(super) fn poke(&self, address: u64, bytes: &[u8]) -> io::Result<()> {
        let tid = *self.held.keys().next().expect("some thread was stopped");
        let word = mem::size_of::<libc::c_long>() as u64;
        let mut at = address - address % word;
        while at < address + bytes.len() as u64 {
            let mut eight = peek(tid, at)?.to_ne_bytes();
            for (i, byte) in (at..).zip(&mut eight) {
                if let Some(new) = i.checked_sub(address).and_then(|i| bytes.get(i as usize)) {
                    *byte = *new;
                }
            }
            request(
                libc::PTRACE_POKEDATA,
                tid,
                at as usize,
                libc::c_long::from_ne_bytes(eight) as usize,
            )?;
            at += word;
        }
        Ok(())
    }

    fn thaw(self) {
        for (tid, signal) in self.held {
            // It fails only for those who were killed meanwhile.
            let _ = request(libc::PTRACE_DETACH, tid, 0, signal as usize);
        }
    }
}

fn threads(pid: i32) -> io::Result<Vec<i32>> {
    fs::read_dir(format!("/proc/{pid}/task"))?
        .map(|entry| {
            let name = entry?.file_name();
            let tid = name.to_str().and_then(|name| name.parse().ok());
            tid.ok_or_else(|| io::Error::other("a thread without a number"))
        })
        .collect()
}

fn dead(pid: i32, tid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/task/{tid}/stat")).map_or(true, |stat| {
        let state = stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.chars().next());
        matches!(state, Some('Z' | 'X') | None)
    })
}

fn seize(tid: i32) -> io::Result<()> {
    request(libc::PTRACE_SEIZE, tid, 0, 0)?;
    request(libc::PTRACE_INTERRUPT, tid, 0, 0)
}

/// A request that takes numbers only.
fn request(what: libc::c_uint, tid: i32, address: usize, data: usize) -> io::Result<()> {
    // SAFETY: the requests made here write nothing to our memory.
    let result = unsafe { libc::ptrace(what, tid, address, data) };
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn peek(tid: i32, address: u64) -> io::Result<libc::c_long> {
    // SAFETY: errno is this thread's own; -1 is an answer as well as an error, so it must be cleared first (ptrace(2)).
    let word = unsafe {
        *libc::__errno_location() = 0;
        libc::ptrace(libc::PTRACE_PEEKDATA, tid, address as usize, 0_usize)
    };
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(0) => Ok(word),
        _ => Err(error),
    }
}

fn program_counter(tid: i32) -> io::Result<u64> {
    // SAFETY: all zeros are a value of this struct of integers.
    let mut registers: libc::user_regs_struct = unsafe { mem::zeroed() };
    let mut place = libc::iovec {
        iov_base: (&raw mut registers).cast(),
        iov_len: mem::size_of_val(&registers),
    };
    // SAFETY: the kernel writes no more than `iov_len` bytes to `registers`, which outlives the call.
    let result = unsafe {
        libc::ptrace(
            libc::PTRACE_GETREGSET,
            tid,
            libc::NT_PRSTATUS as usize,
            &raw mut place,
        )
    };
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    #[cfg(target_arch = "x86_64")]
    let counter = registers.rip;
    #[cfg(target_arch = "aarch64")]
    let counter = registers.pc;
    Ok(counter)
}

enum Stop {
    NotYet,
    /// With the signal that was about to be delivered, or zero.
    At(i32),
    Ended,
}

fn wait(tid: i32) -> io::Result<Stop> {
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    let who = unsafe { libc::waitpid(tid, &raw mut status, libc::__WALL | libc::WNOHANG) };
    match who {
        0 => Ok(Stop::NotYet),
        -1 => match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ECHILD) => Ok(Stop::Ended),
            error => Err(error),
        },
        // A stop with an event is our doing; one without is a signal's, and the signal has to be passed on.
        _ if libc::WIFSTOPPED(status) && status >> 16 == 0 => Ok(Stop::At(libc::WSTOPSIG(status))),
        _ if libc::WIFSTOPPED(status) => Ok(Stop::At(0)),
        _ => Ok(Stop::Ended),
    }
}
