//! The daemon that keeps the clocks of a process tree wrong: it finds those that were started since its last look, restarted
//! or made by a process that had none, and switches between two offsets where that was asked for.
//!
//! Its directory, [`PLACE`]`/NAME`, has what was asked for (`asked.json`), who it is (`pid`: number and start time) and what
//! it has done (`done.json`). It ends when nothing is asked for any
//! more, or with the last of processes that cannot be started again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{
    skew::Skew,
    tree::{Aim, Identity, name},
    vdso::Vdso,
    victim::{Trouble, Victim},
};

/// Where keepers have their directories.
pub(super) const PLACE: &str = "/run/schism/clock";
/// How often the tree is looked at: for so long a new process may see the true time, or an old offset.
pub(super) const LOOK: Duration = Duration::from_millis(25);
/// When what could not be done is tried again.
const AGAIN: Duration = Duration::from_millis(500);
/// How many pauses are remembered.
const MOST_PAUSES: usize = 10_000;

/// What a keeper was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) aim: Aim,
    /// Milliseconds.
    pub(super) offset: i64,
    /// Parts per million.
    pub(super) drift: f64,
    /// From when on the clock drifts: nanoseconds since 1970.
    pub(super) base: i64,
    pub(super) strobe: Option<Strobe>,
}

/// The other offset, and for how long each is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Strobe {
    /// Milliseconds.
    pub(super) to: i64,
    /// Milliseconds.
    pub(super) period: u64,
}

impl Asked {
    /// How wrong the clock is to be after so many switches.
    pub(super) fn skew(&self, switches: u64) -> Skew {
        let offset = match self.strobe {
            Some(strobe) if switches % 2 == 1 => strobe.to,
            _ => self.offset,
        };
        Skew::new(offset, self.drift, self.base)
    }

    /// Whether another with this aim would want the same processes.
    pub(super) fn overlaps(&self, aim: &Aim) -> bool {
        let files = &self.aim.pid_files;
        let processes = &self.aim.processes;
        aim.pid_files.iter().any(|file| files.contains(file))
            || aim.processes.iter().any(|who| processes.contains(who))
    }
}

/// What a keeper has done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Done {
    /// Looks at the tree.
    pub(super) looks: u64,
    /// Processes whose clock it holds now.
    pub(super) held: usize,
    /// Switches of a strobe, in all.
    pub(super) switches: u64,
    /// For how long processes were stopped to have their clocks replaced, in microseconds, each time.
    pub(super) pauses: Vec<u64>,
    /// What could not be done at the last look.
    pub(super) troubles: Vec<String>,
}

/// A keeper's directory.
#[derive(Debug, Clone)]
pub(super) struct Home(PathBuf);

impl Home {
    /// The one of this name.
    pub(super) fn of(name: &str) -> Self {
        Self(Path::new(PLACE).join(name))
    }
    /// All of them.
    pub(super) fn all() -> io::Result<Vec<Self>> {
        match fs::read_dir(PLACE) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            entries => entries?.map(|entry| Ok(Self(entry?.path()))).collect(),
        }
    }
    /// Makes it, with what is asked for.
    pub(super) fn prepare(&self, asked: &Asked) -> io::Result<()> {
        let asked = serde_json::to_vec(asked)?;
        // Somebody else's undo may be about to remove the directory above, which it takes for empty.
        fs::create_dir_all(&self.0).or_else(|_| fs::create_dir_all(&self.0))?;
        self.write("asked.json", &asked)
    }
    /// What is asked for there.
    pub(super) fn asked(&self) -> io::Result<Asked> {
        Ok(serde_json::from_slice(&fs::read(
            self.0.join("asked.json"),
        )?)?)
    }
    /// What has been done.
    pub(super) fn done(&self) -> io::Result<Done> {
        Ok(serde_json::from_slice(&fs::read(
            self.0.join("done.json"),
        )?)?)
    }
    /// Asks for nothing any more.
    pub(super) fn withdraw(&self) -> io::Result<()> {
        missing_is_fine(fs::remove_file(self.0.join("asked.json")))
    }
    /// The keeper, if it lives.
    pub(super) fn keeper(&self) -> Option<Identity> {
        let text = fs::read_to_string(self.0.join("pid")).ok()?;
        let (pid, start) = text.trim().split_once(' ')?;
        let who = Identity {
            pid: pid.parse().ok()?,
            start: start.parse().ok()?,
        };
        who.lives().then_some(who)
    }
    /// Removes it, if it is there.
    pub(super) fn remove(&self) -> io::Result<()> {
        missing_is_fine(fs::remove_dir_all(&self.0))?;
        // Those above it, too, if nobody else uses them; that they are in use is the usual reason why they cannot go.
        for above in self.0.ancestors().skip(1).take(2) {
            let _ = fs::remove_dir(above);
        }
        Ok(())
    }
    /// Where the keeper complains.
    pub(super) fn log(&self) -> PathBuf {
        self.0.join("log")
    }
    /// Its name.
    pub(super) fn name(&self) -> String {
        let name = self.0.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
    fn write(&self, file: &str, bytes: &[u8]) -> io::Result<()> {
        let new = self.0.join(format!("{file}.new"));
        fs::write(&new, bytes)?;
        fs::rename(new, self.0.join(file))
    }
}

fn missing_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

struct Keeper {
    vdso: Vdso,
    asked: Asked,
    /// Each with the turn of its state.
    held: BTreeMap<Identity, (Victim, u8)>,
    /// Not to be tried before.
    waiting: BTreeMap<Identity, Instant>,
    done: Done,
}

/// Keeps the clocks of the keeper of this name, until that is not asked for any more.
pub(super) fn keep(home: &Home) -> io::Result<()> {
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let own = Identity::of(own).ok_or_else(|| io::Error::other("/proc does not show us"))?;
    home.write("pid", format!("{} {}\n", own.pid, own.start).as_bytes())?;
    // While it holds others still it should not be the one that waits. Where this is not allowed, they wait longer.
    let _ = rustix::process::setpriority_process(None, -20);
    let mut keeper = Keeper {
        vdso: Vdso::own()?,
        asked: home.asked()?,
        held: BTreeMap::new(),
        waiting: BTreeMap::new(),
        done: Done::default(),
    };
    let period = keeper
        .asked
        .strobe
        .map(|strobe| Duration::from_millis(strobe.period));
    let mut switch = period.map(|period| Instant::now() + period);
    let mut look = Instant::now();
    loop {
        let now = Instant::now();
        if now >= look {
            if !home.0.join("asked.json").exists() {
                return Ok(());
            }
            if keeper.look()? {
                home.write("done.json", &serde_json::to_vec(&keeper.done)?)?;
            }
            if keeper.bereft() {
                // Processes that were named by number do not come back.
                return home.remove();
            }
            look = now + LOOK;
        }
        if let (Some(at), Some(period)) = (&mut switch, period)
            && now >= *at
        {
            keeper.switch();
            // Switches that were missed are not made up for: a burst of them would be another fault.
            *at = (*at + period).max(Instant::now());
        }
        let next = switch.map_or(look, |switch| switch.min(look));
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

impl Keeper {
    /// Takes what is new into its care; whether anything has changed that is worth writing down.
    fn look(&mut self) -> io::Result<bool> {
        let before = self.done.clone();
        let members = self.asked.aim.members()?;
        self.held.retain(|who, _| members.contains(who));
        self.waiting.retain(|who, _| members.contains(who));
        self.renounce();
        let mut troubles = BTreeSet::new();
        for who in members {
            if self.held.contains_key(&who) {
                continue;
            }
            if self.waiting.get(&who).is_some_and(|t| Instant::now() < *t) {
                troubles.extend(before.troubles.iter().cloned());
                continue;
            }
            match self.take(who) {
                Ok(()) | Err(Trouble::Gone(_)) => drop(self.waiting.remove(&who)),
                Err(trouble) => {
                    troubles.insert(format!("{} ({trouble})", name(who.pid)));
                    self.waiting.insert(who, Instant::now() + AGAIN);
                }
            }
        }
        self.done.looks += 1;
        self.done.held = self.held.len();
        self.done.troubles = troubles.into_iter().collect();
        Ok(before.looks == 0
            || before.held != self.done.held
            || before.pauses.len() != self.done.pauses.len()
            || before.troubles != self.done.troubles
            || self.asked.strobe.is_some())
    }

    /// Lets go of those that have become another program, whose clock is right.
    fn renounce(&mut self) {
        let vdso = &self.vdso;
        self.held
            .retain(|_, (victim, _)| matches!(victim.state(vdso), Ok(Some(_))));
    }

    /// Whether nothing is left to do, for ever.
    fn bereft(&self) -> bool {
        let mortal = self.asked.aim.pid_files.is_empty();
        mortal && self.held.is_empty() && self.waiting.is_empty()
    }

    fn take(&mut self, who: Identity) -> Result<(), Trouble> {
        let Some(victim) = Victim::open(who)? else {
            return Ok(());
        };
        let skew = self.asked.skew(self.done.switches);
        let pause = victim.install(&self.vdso, &self.asked.name, skew)?;
        let turn = victim.state(&self.vdso)?.map_or(0, |state| state.turn);
        if pause > Duration::ZERO && self.done.pauses.len() < MOST_PAUSES {
            let pause = u64::try_from(pause.as_micros()).unwrap_or(u64::MAX);
            self.done.pauses.push(pause);
        }
        self.held.insert(who, (victim, turn));
        Ok(())
    }

    fn switch(&mut self) {
        self.done.switches += 1;
        let skew = self.asked.skew(self.done.switches);
        let vdso = &self.vdso;
        // Those for whom it fails have died or have become another program: the next look finds out.
        self.held.retain(|_, (victim, turn)| {
            let next = victim.update(vdso, *turn, skew);
            next.map(|next| *turn = next).is_ok()
        });
    }
}
