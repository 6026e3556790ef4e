//! Threads that do nothing but run.

use std::{hint, io, thread};

/// Starts them, one a processor if no number is said, and says how many. They end with the process.
pub(super) fn burn(threads: Option<u32>, nice: i8) -> io::Result<usize> {
    let threads = match threads {
        Some(threads) => threads as usize,
        None => thread::available_parallelism()?.get(),
    };
    // Of this thread; those that it starts have it from it.
    rustix::process::nice(i32::from(nice))?;
    for _ in 0..threads {
        thread::Builder::new().spawn(|| {
            loop {
                hint::spin_loop();
            }
        })?;
    }
    Ok(threads)
}
