//! What a process meets at a file of its own below the mount: asked of the files, not of the filesystem.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    time::Instant,
};

use super::rules::Op;

/// How often at most something is tried that fails only now and then.
const TRIES: u32 = 2000;
const BYTES: [u8; 512] = [0x5c; 512];

/// Tries this on the file of this name until it fails, as often as makes a failure of this probability all but certain;
/// what it met, `well` if nothing, or how long the slowest try took. The file is not left.
pub(super) fn probe(dir: &Path, name: &str, op: Op, probability: f64, time: bool) -> String {
    let path = dir.join(name);
    let met = tries(&path, op, probability);
    // It may be what cannot be done now; the file is ours alone, and hidden.
    let _ = std::fs::remove_file(&path);
    match met {
        Ok(slowest) if time => format!("{slowest} ms"),
        Ok(_) => "well".into(),
        Err(e) => match e.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
            Some(rustix::io::Errno::IO) => "eio".into(),
            Some(rustix::io::Errno::NOSPC) => "enospc".into(),
            Some(rustix::io::Errno::ROFS) => "erofs".into(),
            _ => format!("{e}"),
        },
    }
}

fn tries(path: &Path, op: Op, probability: f64) -> io::Result<u128> {
    // Not failing once in so many has a probability of less than one in a million.
    let enough = (-14.0 / (1.0 - probability.clamp(0.001, 0.999)).ln()).ceil();
    let mut slowest = 0;
    for _ in 0..(enough as u32).clamp(1, TRIES) {
        let started = Instant::now();
        match op {
            Op::Create => {
                let _ = std::fs::remove_file(path);
                File::create(path)?;
            }
            Op::Write => File::create(path)?.write_all(&BYTES)?,
            Op::Sync => {
                let mut file = File::create(path)?;
                file.write_all(&BYTES)?;
                file.sync_all()?;
            }
            Op::Read => read_uncached(path)?,
        }
        slowest = slowest.max(started.elapsed().as_millis());
    }
    Ok(slowest)
}

/// A read that the page cache does not answer.
fn read_uncached(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&BYTES)?;
    let direct = rustix::fs::OFlags::DIRECT.bits() as i32;
    let mut file = File::options().read(true).custom_flags(direct).open(path)?;
    file.read_exact(&mut [0; 512])
}
