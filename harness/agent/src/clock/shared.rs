//! What libfaketime wants to share between processes: a semaphore and a piece of memory, for clocks that tick with each
//! question. Ours do not; but version 0.9.10 makes them in any case, for one user alone, and ends a process that may not open
//! those of the user that it had before (`su`, `setpriv`); and what is killed leaves them behind. So there are some before it
//! starts, for all users, in `/dev/shm`.

#![allow(unsafe_code)]

use std::{ffi::CString, fs, io, os::unix::fs::PermissionsExt, path::Path};

/// A process takes one when it starts, and gives it back at once; one that is killed in between does not.
const COUNT: libc::c_uint = 1_000_000;
const ALL: libc::c_uint = 0o666;

/// The name of both, behind their `/`.
fn name(environment: &Path) -> String {
    let name = environment.file_name().unwrap_or_default();
    format!("schism-clock-{}", name.to_string_lossy())
}

/// Where they are: sem_overview(7), shm_overview(7).
fn files(environment: &Path) -> [String; 2] {
    let name = name(environment);
    [format!("/dev/shm/sem.{name}"), format!("/dev/shm/{name}")]
}

/// The value of `FAKETIME_SHARED`.
pub(super) fn words(environment: &Path) -> String {
    let name = name(environment);
    format!("/{name} /{name}")
}

/// Makes them, in the place of earlier ones.
pub(super) fn make(environment: &Path) -> io::Result<()> {
    remove(environment)?;
    let [semaphore, memory] = files(environment);
    let name = CString::new(format!("/{}", name(environment)))?;
    // SAFETY: the name ends with a zero, and the two arguments that O_CREAT wants are there.
    let made = unsafe { libc::sem_open(name.as_ptr(), libc::O_CREAT | libc::O_EXCL, ALL, COUNT) };
    if made == libc::SEM_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is open, and nobody uses it.
    unsafe { libc::sem_close(made) };
    // Two counters, and a start time of each of four clocks, of which there is none yet: -1 nanoseconds.
    let [zero, none] = [0_i64, -1].map(i64::to_ne_bytes);
    let starts = [zero, none].concat().repeat(4);
    io::Write::write_all(
        &mut fs::File::create_new(&memory)?,
        &[zero.repeat(2), starts].concat(),
    )?;
    for file in [semaphore, memory] {
        fs::set_permissions(file, fs::Permissions::from_mode(ALL))?;
    }
    Ok(())
}

/// Removes them, if they are there.
pub(super) fn remove(environment: &Path) -> io::Result<()> {
    for file in files(environment) {
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
