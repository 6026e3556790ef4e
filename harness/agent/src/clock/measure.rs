//! What a clock shows: a process's own copy of the vDSO, with the parameters it has now, is copied once more and run here,
//! between two looks at the true time. That is as close as one comes from outside.

#![allow(unsafe_code)]

use std::{io, ptr};

use super::{
    skew::now,
    vdso::{Condition, Vdso},
};

/// So many tries; the one that was disturbed least counts.
const TRIES: usize = 9;

/// By how much a clock is wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// Nanoseconds that it shows more than the true time.
    pub(super) offset: i64,
    /// The truth is no further away than this.
    pub(super) uncertainty: i64,
}

/// Reads the clock of an image that is [`Condition::Ours`]; one that is not shows the true time.
pub(super) fn measure(vdso: &Vdso, image: &[u8]) -> io::Result<Reading> {
    match vdso.condition(image) {
        Ok(Condition::Ours(_)) => {}
        Ok(_) => return Ok(Reading::default()),
        Err(why) => return Err(io::Error::other(why)),
    }
    let copy = Executable::new(image)?;
    let mut best: Option<Reading> = None;
    for _ in 0..TRIES {
        let before = now();
        let shown = copy.clock_gettime(vdso.clock_gettime());
        let after = now();
        let reading = Reading {
            offset: shown - (before + after) / 2,
            uncertainty: (after - before) / 2 + 1,
        };
        if best.is_none_or(|best| reading.uncertainty < best.uncertainty) {
            best = Some(reading);
        }
    }
    best.ok_or_else(|| io::Error::other("the clock was not read"))
}

/// A copy that may be run and not be written.
struct Executable {
    begin: *mut libc::c_void,
    length: usize,
}

impl Executable {
    fn new(image: &[u8]) -> io::Result<Self> {
        let length = image.len();
        // SAFETY: a new private mapping, at a place of the kernel's choice.
        let begin = unsafe {
            libc::mmap(
                ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if begin == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let copy = Self { begin, length };
        // SAFETY: the mapping has this length, is writable, and nobody else knows of it; it is readable and executable
        // from then on. On aarch64 mprotect to PROT_EXEC makes the instruction caches see what was written.
        let result = unsafe {
            ptr::copy_nonoverlapping(image.as_ptr(), begin.cast(), length);
            libc::mprotect(begin, length, libc::PROT_READ | libc::PROT_EXEC)
        };
        if result == -1 {
            return Err(io::Error::last_os_error());
        }
        Ok(copy)
    }

    fn clock_gettime(&self, at: usize) -> i64 {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: `measure` has made sure that the image is the kernel's but for our detours and our shim, byte for byte, so
        // that there is a function of this kind here, which jumps into the shim and touches nothing else of the vDSO.
        let function: extern "C" fn(libc::clockid_t, *mut libc::timespec) -> libc::c_int =
            unsafe { std::mem::transmute(self.begin.byte_add(at)) };
        function(libc::CLOCK_REALTIME, &raw mut time);
        time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}

impl Drop for Executable {
    fn drop(&mut self) {
        // SAFETY: it is ours, and no function of it runs: calls end before the borrow does.
        unsafe { libc::munmap(self.begin, self.length) };
    }
}
