//! Whether clocks can be made wrong here, found out by doing it: a process of our own, which says what time it thinks it is
//! whenever it is asked, is given a wrong clock and then its right one back.

use std::{
    io::{self, BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use super::{
    skew::{Skew, now},
    tree::Identity,
    vdso::{Condition, Vdso},
    victim::{LEAVE, Victim},
};

const NAME: &str = "check";
const AN_HOUR: i64 = 3_600_000;

/// Prints the time for every line that is read, until there are no more.
pub(super) fn testify() -> io::Result<()> {
    let mut out = io::stdout();
    for line in io::stdin().lines() {
        line?;
        writeln!(out, "{}", now())?;
        out.flush()?;
    }
    Ok(())
}

struct Witness {
    child: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
}

impl Witness {
    fn call() -> io::Result<Self> {
        let mut child = Command::new("/proc/self/exe")
            .args(["node", "clock", "witness"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (ask, answer) = pipes.expect("both were asked for");
        Ok(Self {
            child,
            ask,
            answer: BufReader::new(answer),
        })
    }

    /// By how many milliseconds its clock is wrong.
    fn wrong_by(&mut self) -> io::Result<i64> {
        let before = now();
        self.ask.write_all(b"\n")?;
        let mut line = String::new();
        self.answer.read_line(&mut line)?;
        let shown: i64 = line.trim().parse().map_err(io::Error::other)?;
        // What it said lies between the question and the answer.
        Ok(if shown < before {
            (shown - before) / 1_000_000
        } else {
            (shown - now()).max(0) / 1_000_000
        })
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `Err` with the reason and what to do about it.
pub(super) fn check() -> Result<(), String> {
    let io = |e: io::Error| format!("a process of our own as a witness: {e}");
    if !rustix::process::geteuid().is_root() {
        return Err(
            "clocks of processes need root; log in as root, or let the login use sudo".into(),
        );
    }
    let vdso = Vdso::own().map_err(|e| e.to_string())?;
    let mut witness = Witness::call().map_err(io)?;
    witness.wrong_by().map_err(io)?;
    let pid = witness.child.id().cast_signed();
    let who = Identity::of(pid).ok_or("our own process is gone")?;
    let victim = Victim::open(who).map_err(|e| e.to_string())?;
    let victim = victim.ok_or("this kernel gives its processes no vDSO")?;
    let skew = Skew::new(AN_HOUR, 0.0, 0);
    victim
        .install(&vdso, NAME, skew)
        .map_err(|e| e.to_string())?;
    let seen = witness.wrong_by().map_err(io)?;
    if (seen - AN_HOUR).abs() > 1000 {
        return Err(format!(
            "a process whose clock was set an hour ahead sees {seen} ms: what it reads is not the vDSO"
        ));
    }
    victim.release(&vdso).map_err(|e| e.to_string())?;
    std::thread::sleep(LEAVE);
    victim.clear(&vdso).map_err(|e| e.to_string())?;
    let seen = witness.wrong_by().map_err(io)?;
    match victim.condition(&vdso) {
        Ok(Condition::Pristine) if seen.abs() < 1000 => Ok(()),
        Ok(_) => Err(format!(
            "a clock that was mended is still wrong by {seen} ms"
        )),
        Err(e) => Err(e.to_string()),
    }
}
