//! The daemon that holds a load, and its life: started, ended, or ended by its time.

use std::{
    env, fs,
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use rustix::fs::FlockOperation;

use super::{
    cpu, descriptors, limit,
    memory::Held,
    process::Identity,
    request::{Load, Request, check_name},
};
use crate::answer::Failure;

/// How long a killed daemon may take to go: the kernel gives much memory back only piece by piece.
const GONE: Duration = Duration::from_secs(10);
/// What the daemon says first once its load is in force.
const READY: &str = "ready: ";

/// The files of a daemon.
pub(super) struct Files {
    pub(super) pid: PathBuf,
    pub(super) load: PathBuf,
    pub(super) limits: PathBuf,
}

impl Files {
    pub(super) fn of(directory: &Path, name: &str) -> Result<Self, Failure> {
        check_name(name)?;
        let file = |kind: &str| directory.join(format!("{name}.{kind}"));
        Ok(Self {
            pid: file("pid"),
            load: file("load"),
            limits: file("limits"),
        })
    }
}

/// Starts the daemon, unless it runs, and waits until it has what it shall take.
pub(super) fn start(request: &Request) -> Result<String, Failure> {
    request.check()?;
    let _turn = turn(&request.directory)?;
    let files = Files::of(&request.directory, &request.name)?;
    if Identity::in_file(&files.pid).is_some() {
        return Ok("in force already".into());
    }
    let ourselves = env::current_exe().map_err(Failure::io("finding", "this program".as_ref()))?;
    let text = serde_json::to_string(request)
        .map_err(|error| Failure(format!("the request cannot be passed on: {error}")))?;
    let mut child = Command::new(&ourselves)
        .args(["node", "pressure", "hold", &text])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Failure::io("starting", &ourselves))?;
    let stdout = child.stdout.take().expect("it is a pipe");
    let mut line = String::new();
    // It says a line, or ends.
    let heard = BufReader::new(stdout).read_line(&mut line);
    if let (Ok(_), Some(taken)) = (&heard, line.strip_prefix(READY)) {
        return Ok(taken.trim_end().to_owned());
    }
    let _ = child.kill();
    let mut complaint = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        let _ = stderr.read_to_string(&mut complaint);
    }
    let _ = child.wait();
    clear(&files)?;
    leave(&request.directory);
    Err(Failure(match complaint.trim() {
        "" => "the daemon ended without a word".into(),
        complaint => complaint.to_owned(),
    }))
}

/// Ends it, and sets back what it has changed.
pub(super) fn stop(directory: &Path, name: &str) -> Result<String, Failure> {
    let files = Files::of(directory, name)?;
    if !directory.exists() {
        return Ok("nothing there".into());
    }
    let _turn = turn(directory)?;
    let found = Identity::in_file(&files.pid);
    if let Some(daemon) = found {
        daemon
            .kill(GONE)
            .map_err(Failure::io("ending the daemon of", &files.pid))?;
    }
    clear(&files)?;
    leave(directory);
    Ok(if found.is_some() {
        "ended"
    } else {
        "nothing there"
    }
    .into())
}

/// The daemon itself.
pub(super) fn hold(request: &Request) -> Result<String, Failure> {
    request.check()?;
    // Not to be ended with the session that started it. It fails only where it leads one already.
    let _ = rustix::process::setsid();
    let files = Files::of(&request.directory, &request.name)?;
    let own = Identity::own().map_err(Failure::io("finding", "this process".as_ref()))?;
    let load = serde_json::to_string(&request.load)
        .map_err(|error| Failure(format!("the load cannot be written down: {error}")))?;
    // Known before it takes anything.
    write(&files.load, &load)?;
    write(&files.pid, &own.line())?;
    end_in_time(request, own)?;
    match &request.load {
        Load::Cpu { threads, nice } => {
            let threads =
                cpu::burn(*threads, *nice).map_err(Failure::io("starting", "threads".as_ref()))?;
            ready(&format!("{threads} threads at nice {nice}"));
            park()
        }
        Load::Memory { megabytes } => {
            let held = Held::take(*megabytes)?;
            ready(&format!("{} of {megabytes} MiB", held.megabytes()));
            held.keep()
        }
        Load::Descriptors { count } => {
            let held = descriptors::take(*count)?;
            ready(&format!("{} of {count} open files", held.len()));
            park()
        }
        Load::Limit { pid_file, spare } => {
            let keeper = limit::Keeper::begin(pid_file, *spare, files.limits)?;
            ready(&format!("{spare} more open files at most"));
            keeper.keep()
        }
    }
}

/// The daemon's own end. It takes turns with `stop`: either that one has killed us by then, or finds nothing.
fn end_in_time(request: &Request, own: Identity) -> Result<(), Failure> {
    let (directory, name) = (request.directory.clone(), request.name.clone());
    let time = Duration::from_secs(request.seconds);
    let end = move || {
        thread::sleep(time);
        if let (Ok(files), Ok(_turn)) = (Files::of(&directory, &name), turn(&directory))
            && Identity::in_file(&files.pid) == Some(own)
        {
            // Nobody is left to be told if it fails.
            let _ = clear(&files);
            leave(&directory);
        }
        std::process::exit(0);
    };
    let started = thread::Builder::new().spawn(end);
    started.map_err(Failure::io("starting", "a thread".as_ref()))?;
    Ok(())
}

fn park() -> ! {
    loop {
        thread::park();
    }
}

/// Tells whoever started us, and lets go of what it listens to.
fn ready(taken: &str) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{READY}{taken}").and_then(|()| out.flush());
    if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(&null);
        let _ = rustix::stdio::dup2_stderr(&null);
    }
}

/// Sets limits back and removes a daemon's files.
fn clear(files: &Files) -> Result<(), Failure> {
    limit::restore(&files.limits)?;
    for file in [&files.load, &files.pid] {
        match fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::io("removing", file)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Removes the directories that are empty now.
fn leave(directory: &Path) {
    let _ = fs::remove_dir(directory);
    // That of all that is ours on a node.
    if let Some(parent) = directory
        .parent()
        .filter(|parent| parent.ends_with("schism"))
    {
        let _ = fs::remove_dir(parent);
    }
}

/// Waits for its turn: the only one to start or end something in this directory, which exists then.
fn turn(directory: &Path) -> Result<File, Failure> {
    loop {
        fs::create_dir_all(directory).map_err(Failure::io("creating", directory))?;
        let opened = File::open(directory).map_err(Failure::io("opening", directory))?;
        rustix::fs::flock(&opened, FlockOperation::LockExclusive)
            .map_err(Failure::io("locking", directory))?;
        let locked = opened
            .metadata()
            .map_err(Failure::io("looking at", directory))?;
        // Whoever had it before may have removed it.
        if fs::metadata(directory).is_ok_and(|now| now.ino() == locked.ino()) {
            return Ok(opened);
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let new = path.with_extension("new");
    fs::write(&new, text)
        .and_then(|()| fs::rename(&new, path))
        .map_err(Failure::io("writing", path))
}
