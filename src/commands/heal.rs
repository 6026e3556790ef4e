//! `schism heal`: undoes what a killed run left. Idempotent; needs nothing but the run's directory.

use std::time::Duration;

use lab::Lab;
use nemesis::{HealReport, Ledger, heal_ledger};
use runner::store::{RunDir, RunState};

use crate::{
    access::Access,
    args::HealArgs,
    deploy::{ACCESS, PLACE},
    exit::{Exit, Failure},
    flow::LEDGER,
    terminal::Terminal,
};

/// How long the nodes of a run may take.
const WITHIN: Duration = Duration::from_secs(30);

/// Heals one run, or all that need it.
pub(crate) fn heal(args: &HealArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let store = terminal.store()?;
    let runs = match &args.run {
        Some(wanted) => vec![store.resolve(wanted)?],
        None => {
            let mut runs = Vec::new();
            for entry in store.list()? {
                // What is running heals itself.
                if entry.state != RunState::Running {
                    runs.push(store.resolve(&entry.path.display().to_string())?);
                }
            }
            runs
        }
    };
    let mut exit = Exit::Pass;
    let mut healed = 0;
    for run in runs {
        if let Some(one) = heal_run(&run, terminal)? {
            healed += 1;
            exit = exit.worst(one);
        }
    }
    if args.run.is_none() && sweep() {
        healed += 1;
        terminal.print("what a killed run had left among the temporary files is removed\n");
    }
    if healed == 0 {
        terminal.print("nothing to heal\n");
    }
    Ok(exit)
}

/// Removes the files of embedded stores whose runs were killed before they had a directory; whether there were any. Their names
/// say which process they were of, and only what is ours and of a process that is gone is touched.
fn sweep() -> bool {
    use std::os::unix::fs::MetadataExt;
    let Ok(places) = std::fs::read_dir(std::env::temp_dir()) else {
        return false;
    };
    let us = rustix::process::getuid().as_raw();
    let left = |place: &std::fs::DirEntry| {
        let name = place.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix(PLACE).and_then(|n| n.split_once('-'));
        let Some(pid) = pid.and_then(|(pid, _)| pid.parse::<u32>().ok()) else {
            return false;
        };
        let ours = place.metadata().is_ok_and(|m| m.is_dir() && m.uid() == us);
        ours && !std::path::Path::new(&format!("/proc/{pid}")).exists()
    };
    let removed = places
        .flatten()
        .filter(left)
        .filter(|place| std::fs::remove_dir_all(place.path()).is_ok());
    removed.count() > 0
}

/// `None` if the run owes nothing.
fn heal_run(run: &RunDir, terminal: &Terminal) -> Result<Option<Exit>, Failure> {
    let access = access(run)?;
    if let Some(Access::Embedded { place, .. }) = &access
        && place
            .file_name()
            .is_some_and(|n| n.as_encoded_bytes().starts_with(b"schism-"))
    {
        // What a killed run could not remove itself; its name says that it is ours.
        let _ = std::fs::remove_dir_all(place);
    }
    let path = run.path().join(LEDGER);
    if !path.exists() {
        return Ok(None);
    }
    let ledger = Ledger::open(&path).map_err(|e| Failure::infrastructure(e.to_string()))?;
    let owed = ledger.outstanding();
    if owed.is_empty() && ledger.timers().is_empty() {
        return Ok(None);
    }
    let access = access.ok_or_else(|| {
        Failure::infrastructure(format!(
            "{}: {ACCESS} is missing: no way to its nodes",
            run.id()
        ))
    })?;
    if let Some(why) = gone(&access) {
        let first = owed.first().map(|o| (o.fault, o.action.node.clone()));
        for o in &owed {
            ledger
                .undone(o.fault, &o.action.node)
                .map_err(|e| Failure::infrastructure(e.to_string()))?;
        }
        if first.is_none() {
            return Ok(None);
        }
        terminal.print(&format!(
            "{}: {why}; its faults are gone with it\n",
            run.id()
        ));
        return Ok(Some(Exit::Pass));
    }
    drop(ledger);
    if let Access::Lab { name, .. } = &access {
        Lab::find(name)?.enter_network()?;
    }
    let cluster = access.connect()?;
    let report =
        heal_ledger(&path, &cluster, WITHIN).map_err(|e| Failure::infrastructure(e.to_string()))?;
    Ok(tell(run, &report, terminal))
}

/// The way to a run's nodes, if it came far enough to have one.
fn access(run: &RunDir) -> Result<Option<Access>, Failure> {
    let file = run.path().join(ACCESS);
    match std::fs::read_to_string(&file) {
        Ok(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|e| Failure::infrastructure(format!("{}: {e}", file.display()))),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Failure::infrastructure(format!(
            "cannot read {}: {e}",
            file.display()
        ))),
    }
}

/// Why there is nothing left that could be healed.
fn gone(access: &Access) -> Option<String> {
    match access {
        Access::Embedded { .. } => Some("the embedded store died with its run".to_owned()),
        Access::Attached { .. } => Some("nothing was done to nodes that others run".to_owned()),
        Access::Lab { name, .. } if Lab::find(name).is_err() => Some(format!("lab {name} is gone")),
        Access::Lab { .. } | Access::Hosts { .. } => None,
    }
}

fn tell(run: &RunDir, report: &HealReport, terminal: &Terminal) -> Option<Exit> {
    if report.settled.is_empty() && report.left.is_empty() {
        return None;
    }
    for s in &report.settled {
        let how = match (s.already, s.verified) {
            (true, _) => "had healed itself",
            (false, true) => "healed, verified",
            (false, false) => "undone, not verified",
        };
        terminal.print(&format!(
            "{}: {} {} on {}: {how}\n",
            run.id(),
            s.kind,
            s.what,
            s.node
        ));
    }
    for l in &report.left {
        terminal.print(&format!(
            "{}: {} {} on {}: NOT HEALED: {}\n",
            run.id(),
            l.kind,
            l.what,
            l.node,
            l.why
        ));
    }
    Some(if report.left.is_empty() {
        Exit::Pass
    } else {
        Exit::Infrastructure
    })
}
