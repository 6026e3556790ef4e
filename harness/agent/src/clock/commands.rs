//! The words of `schism node clock`.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fmt::Write as _,
    fs::File,
    io::{self, Write as _},
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::{
    ERROR,
    keeper::{Asked, Done, Home, Strobe, keep},
    library,
    measure::measure,
    mend::{dismiss, held, mend},
    skew::{MOST_MILLISECONDS, MOST_PPM, now},
    tree::{Aim, Identity, name},
    vdso::{Condition, Vdso},
    victim::{Trouble, Victim},
    witness,
};

/// How long a keeper has for its first look.
const FIRST_LOOK: Duration = Duration::from_secs(15);
/// How often a strobe is looked at until it is away from the true time, and for how long: twice its period, but not longer
/// than this, and what a busy machine may need besides. Altogether less than the five seconds that a probe has.
const GLANCE: Duration = Duration::from_millis(2);
const LONGEST_HALF: Duration = Duration::from_secs(1);
const SLACK: Duration = Duration::from_secs(2);
/// The shortest time between two switches of a strobe, and the longest.
const PERIODS: std::ops::RangeInclusive<u64> = 1..=3_600_000;

/// Does what `schism node clock ARGS` says.
pub(crate) fn node_main(args: &[OsString]) -> ExitCode {
    match perform(args) {
        Ok(text) => match io::stdout().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(words) => {
            // If nobody listens there is nobody to tell.
            let _ = writeln!(io::stderr(), "{words}");
            ExitCode::FAILURE
        }
    }
}

fn perform(args: &[OsString]) -> Result<String, String> {
    let (command, rest) = args.split_first().ok_or("clock: a command is missing")?;
    if command == "library" {
        return library::perform(rest);
    }
    let options = Options::parse(rest)?;
    match command.to_str() {
        Some("apply") => apply(&options),
        Some("keep") => {
            let home = Home::of(options.name()?);
            // Of a session of its own, so that the end of the login is not the end of it.
            let _ = rustix::process::setsid();
            keep(&home).map_err(|e| format!("{}: {e}", home.name()))?;
            Ok(String::new())
        }
        Some("undo") => {
            let name = options.name()?;
            let mended = mend(name)?;
            Ok(format!(
                "{name}: {} mended, each stopped for {:.3} ms at most\n",
                processes(mended.processes),
                mended.pause.as_secs_f64() * 1e3
            ))
        }
        Some("probe") => probe(&options),
        Some("read") => read(&options),
        Some("check") => witness::check().map(|()| "ok\n".into()),
        Some("witness") => witness::testify()
            .map(|()| String::new())
            .map_err(|e| e.to_string()),
        _ => Err(format!("clock: no command {}", command.display())),
    }
}

#[derive(Debug, Default)]
struct Options {
    name: Option<String>,
    aim: Aim,
    offset: i64,
    drift: f64,
    strobe_to: Option<i64>,
    period: Option<u64>,
}

impl Options {
    fn parse(args: &[OsString]) -> Result<Self, String> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(option) = args.next() {
            let value = args.next();
            let value = value.ok_or_else(|| format!("{} needs a value", option.display()))?;
            let text = value.to_str();
            let text = || text.ok_or_else(|| format!("{} is not text", option.display()));
            match option.to_str() {
                Some("--name") => options.name = Some(label(text()?)?),
                Some("--pid-file") => options.aim.pid_files.push(PathBuf::from(value)),
                Some("--pid") => {
                    let pid = number(text()?)?;
                    let who = Identity::of(pid).ok_or_else(|| format!("no process {pid}"))?;
                    options.aim.processes.push(who);
                }
                Some("--offset") => options.offset = milliseconds(text()?)?,
                Some("--strobe-to") => options.strobe_to = Some(milliseconds(text()?)?),
                Some("--period") => options.period = Some(number(text()?)?),
                Some("--drift") => {
                    options.drift = number(text()?)?;
                    if !(-MOST_PPM..=MOST_PPM).contains(&options.drift) {
                        return Err(format!("--drift: at most {MOST_PPM} ppm either way"));
                    }
                }
                _ => return Err(format!("no option {}", option.display())),
            }
        }
        Ok(options)
    }

    fn name(&self) -> Result<&str, String> {
        self.name
            .as_deref()
            .ok_or_else(|| "--name is missing".into())
    }

    fn asked(&self) -> Result<Asked, String> {
        let strobe = match (self.strobe_to, self.period) {
            (None, None) => None,
            (Some(to), Some(period)) if PERIODS.contains(&period) => Some(Strobe { to, period }),
            (Some(_), Some(_)) => {
                return Err(format!(
                    "--period: from {} to {} ms",
                    PERIODS.start(),
                    PERIODS.end()
                ));
            }
            _ => return Err("--strobe-to and --period belong together".into()),
        };
        if self.aim == Aim::default() {
            return Err("name the processes with --pid-file or --pid".into());
        }
        Ok(Asked {
            name: self.name()?.to_owned(),
            aim: self.aim.clone(),
            offset: self.offset,
            drift: self.drift,
            base: now(),
            strobe,
        })
    }
}

/// It becomes a file's name, and a label of 47 bytes in the process.
fn label(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if text.is_empty() || text.len() > 47 || text.starts_with('.') || !text.chars().all(plain) {
        return Err(format!(
            "--name: 1 to 47 letters, digits, - _ or ., not {text:?}"
        ));
    }
    Ok(text.to_owned())
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("not a number: {text:?}"))
}

fn milliseconds(text: &str) -> Result<i64, String> {
    let number: i64 = number(text)?;
    if number.unsigned_abs() > MOST_MILLISECONDS.unsigned_abs() {
        return Err("at most fifty years either way".into());
    }
    Ok(number)
}

pub(super) fn processes(count: usize) -> String {
    match count {
        1 => "1 process".into(),
        count => format!("{count} processes"),
    }
}

/// Starts a keeper, in the place of an earlier one of this name.
fn apply(options: &Options) -> Result<String, String> {
    let asked = options.asked()?;
    let home = Home::of(&asked.name);
    let io = |e: io::Error| format!("{}: {e}", asked.name);
    if !rustix::process::geteuid().is_root() {
        return Err(
            "clocks of processes need root; log in as root, or let the login use sudo".into(),
        );
    }
    for other in Home::all().map_err(io)? {
        let same = other.name() == asked.name || other.keeper().is_none();
        if !same && other.asked().is_ok_and(|other| other.overlaps(&asked.aim)) {
            return Err(format!(
                "{} holds these clocks; undo it first",
                other.name()
            ));
        }
    }
    dismiss(&home).map_err(io)?;
    home.prepare(&asked).map_err(io)?;
    let log = File::create(home.log()).map_err(io)?;
    let mut keeper = Command::new("/proc/self/exe")
        .args(["node", "clock", "keep", "--name", &asked.name])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(io)?;
    let until = Instant::now() + FIRST_LOOK;
    let done = loop {
        if let Ok(done) = home.done() {
            break done;
        }
        let ended = keeper.try_wait().map_err(io)?.is_some();
        if ended || Instant::now() >= until {
            let said = std::fs::read_to_string(home.log()).unwrap_or_default();
            let said = said.lines().last().unwrap_or("it says nothing");
            return Err(format!("{}: the keeper does not work: {said}", asked.name));
        }
        thread::sleep(Duration::from_millis(2));
    };
    applied(&asked, &done)
}

fn applied(asked: &Asked, done: &Done) -> Result<String, String> {
    if !done.troubles.is_empty() {
        // It stays, to be undone like any other: the rest of the tree is wrong already.
        return Err(done.troubles.join("; "));
    }
    let pause = done.pauses.iter().max().copied().unwrap_or(0);
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let pause = pause as f64 / 1e3;
    Ok(format!(
        "{}: {}, each stopped for {pause:.3} ms at most\n",
        asked.name,
        processes(done.held)
    ))
}

/// What one process's clock shows.
struct Shown {
    pid: i32,
    holder: String,
    offset: f64,
    uncertainty: f64,
    /// Whether it is what its keeper was asked for.
    as_asked: bool,
}

/// The clocks of all that the name holds, and of all that are named otherwise.
fn shown(options: &Options) -> Result<Vec<Shown>, String> {
    let vdso = Vdso::own().map_err(|e| e.to_string())?;
    let mut victims = Vec::new();
    let mut seen = BTreeSet::new();
    for who in options.aim.members().map_err(|e| format!("/proc: {e}"))? {
        match Victim::open(who) {
            Ok(Some(victim)) => victims.push(victim),
            Ok(None) | Err(Trouble::Gone(_)) => {}
            Err(trouble) => return Err(trouble.to_string()),
        }
    }
    if let Some(name) = &options.name {
        victims.extend(held(&vdso, name)?);
    }
    victims.retain(|victim| seen.insert(victim.who));
    let mut all = Vec::new();
    for victim in victims {
        match show(&vdso, &victim) {
            Ok(shown) => all.push(shown),
            Err(Trouble::Gone(_)) => {}
            Err(trouble) => return Err(trouble.to_string()),
        }
    }
    Ok(all)
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn show(vdso: &Vdso, victim: &Victim) -> Result<Shown, Trouble> {
    let pid = victim.who.pid;
    let image = victim.image(vdso)?;
    let reading = measure(vdso, &image).map_err(|e| Trouble::Unfit {
        pid,
        why: e.to_string(),
    })?;
    let mut shown = Shown {
        pid,
        holder: String::new(),
        offset: reading.offset as f64 / 1e6,
        uncertainty: reading.uncertainty as f64 / 1e6,
        as_asked: false,
    };
    if let Ok(Condition::Ours(state)) = vdso.condition(&image) {
        // Either offset of a strobe is what was asked for, whichever it is at this moment.
        let asked = Home::of(&state.name).asked();
        let most = ERROR.as_nanos() as f64 / 1e6 + shown.uncertainty;
        shown.as_asked = asked.is_ok_and(|asked| {
            [0, 1].iter().any(|switches| {
                let wanted = asked.skew(*switches).at(now()) as f64 / 1e6;
                (shown.offset - wanted).abs() <= most
            })
        });
        shown.holder = state.name;
    }
    Ok(shown)
}

/// One line a process.
fn read(options: &Options) -> Result<String, String> {
    let mut text = String::new();
    for shown in shown(options)? {
        let holder = match &*shown.holder {
            "" => "-",
            holder => holder,
        };
        let _ = writeln!(
            text,
            "{} {} {holder} {:+.3} ms, give or take {:.1} µs",
            shown.pid,
            name(shown.pid),
            shown.offset,
            shown.uncertainty * 1e3
        );
    }
    Ok(text)
}

/// `5000 ms, give or take 0.3 µs (3 processes)` if all processes that are meant have the clock that was asked for, `0 ms` if
/// none of them has a wrong one, and otherwise words that do not begin with a number.
fn probe(options: &Options) -> Result<String, String> {
    let wanted = options.name()?;
    let until = Instant::now() + other_half(wanted);
    let mut all = shown(options)?;
    // A strobe is seen when it is away from the true time.
    while at_rest(&all, wanted) && Instant::now() < until {
        thread::sleep(GLANCE);
        all = shown(options)?;
    }
    let count = processes(all.len());
    let Some(worst) = all
        .iter()
        .max_by(|a, b| a.uncertainty.total_cmp(&b.uncertainty))
    else {
        // Where nobody is nobody has a wrong clock.
        return Ok("0 ms (no process)\n".into());
    };
    let ours = all.iter().filter(|shown| shown.holder == wanted).count();
    let off = all
        .iter()
        .find(|shown| shown.holder != wanted || !shown.as_asked);
    Ok(match off {
        None => format!(
            // Zero has no sign.
            "{} ms, give or take {:.1} µs ({count})\n",
            worst.offset.round() + 0.0,
            worst.uncertainty * 1e3
        ),
        Some(_) if ours == 0 => format!("0 ms ({count})\n"),
        Some(one) => format!(
            "{ours} of {count} as asked; process {} shows {:+.3} ms\n",
            one.pid, one.offset
        ),
    })
}

/// For how long a strobe that is looked at in the wrong half may have to be waited for.
fn other_half(name: &str) -> Duration {
    let asked = Home::of(name).asked();
    let strobe = asked.ok().and_then(|asked| asked.strobe);
    strobe.map_or(Duration::ZERO, |strobe| {
        Duration::from_millis(strobe.period).min(LONGEST_HALF) * 2 + SLACK
    })
}

/// Whether all clocks that are held under this name show the true time.
fn at_rest(all: &[Shown], name: &str) -> bool {
    all.iter()
        .all(|shown| shown.holder == name && shown.offset.abs() <= ERROR.as_secs_f64() * 1e3)
}
