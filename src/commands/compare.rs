//! `schism compare`: two runs side by side.

use std::time::Duration;

use reports::across::{Change, Comparison, Entry, Numbers, Seen};
use runner::store::{HISTORY, Store};

use crate::{
    args::CompareArgs,
    exit::{Exit, Failure},
    flow::META,
    index,
    terminal::Terminal,
};

/// Compares.
pub(crate) fn compare(args: &CompareArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let store = terminal.store()?;
    let gates = args.gate.iter().map(|text| Gate::parse(text));
    let gates = gates.collect::<Result<Vec<_>, _>>()?;
    let (a, b) = (load(&store, &args.first)?, load(&store, &args.second)?);
    let comparison = Comparison::new((&a.0, &a.1), (&b.0, &b.1));
    let broken: Vec<String> = gates.iter().filter_map(|g| g.broken(&comparison)).collect();
    if args.json {
        let json = serde_json::json!({
            "first": a.0.id, "second": b.0.id, "no_change": comparison.is_no_change(),
            "comparison": comparison, "gates_broken": broken,
        });
        terminal.print(&format!("{json}\n"));
    } else {
        terminal.print(&text(&a.0, &b.0, &comparison));
    }
    for gate in &broken {
        terminal.say(&format!("✗ {gate}\n"));
    }
    Ok(match broken.is_empty() {
        true => Exit::Pass,
        false => Exit::Fail,
    })
}

fn load(store: &Store, what: &str) -> Result<(Entry, Numbers), Failure> {
    let dir = store.resolve(what)?;
    let run = store.list()?.into_iter().find(|r| r.path == dir.path());
    let entry = run.as_ref().and_then(index::sealed).ok_or_else(|| {
        Failure::usage(format!(
            "{what} has no verdict yet; two runs that have ended are compared"
        ))
    })?;
    Ok((entry, numbers(&run.expect("it was found").path)))
}

/// Of a run's history, during its workload; nothing where it recorded nothing.
pub(crate) fn numbers(dir: &std::path::Path) -> Numbers {
    let meta = std::fs::read(dir.join(META)).ok();
    let meta = meta.and_then(|bytes| serde_json::from_slice::<reports::RunMeta>(&bytes).ok());
    let bytes = std::fs::read(dir.join(HISTORY)).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    Numbers::of_journal(text.lines(), meta.and_then(|m| m.phases.workload))
}

fn text(a: &Entry, b: &Entry, c: &Comparison) -> String {
    let mut out = format!(
        "A  {}  {}\nB  {}  {}\n",
        a.id,
        a.case_and_faults(),
        b.id,
        b.case_and_faults()
    );
    for (what, was, is) in &c.differs {
        out.push_str(&format!("   {what}: {was} → {is}\n"));
    }
    for (word, found) in [
        ("new in B", &c.new),
        ("gone in B", &c.gone),
        ("in both", &c.same),
    ] {
        for Seen {
            title, fingerprint, ..
        } in found
        {
            out.push_str(&format!("  ✗ {word}: {title}  ({fingerprint})\n"));
        }
    }
    for change in &c.changes {
        out.push_str(&line(change));
    }
    let seconds = |n: history::Nanos| format!("{:.1} s", n.0 as f64 / 1e9);
    out.push_str(&format!(
        "  {:<8} {} → {}  (one number a run: its noise is not known)\n",
        "outage",
        seconds(c.outage.0),
        seconds(c.outage.1)
    ));
    if c.is_no_change() {
        out.push_str("no change\n");
    }
    out
}

fn line(change: &Change) -> String {
    let value = |v: f64| match change.name {
        "rate" => format!("{v:.0}/s"),
        "errors" => format!("{:.1} %", v * 100.0),
        _ => format!(
            "{:.1} ms",
            Duration::from_nanos(v as u64).as_secs_f64() * 1e3
        ),
    };
    let unit = if change.name == "errors" {
        " points"
    } else {
        " %"
    };
    let by = format!("{:+.1}{unit}", change.by * 100.0);
    let what = match (change.least(), change.noise) {
        (Some(least), Some(most)) => {
            let noise = format!("{:+.1}…{:+.1}{unit}", least * 100.0, most * 100.0);
            match change.is_change() {
                true => format!("{by}, outside noise {noise}"),
                false => format!("no change (noise {noise})"),
            }
        }
        _ => format!("{by}, too short to tell it from noise"),
    };
    format!(
        "  {:<8} {} → {}  {what}\n",
        change.name,
        value(change.was),
        value(change.is)
    )
}

/// `p99 < +25%`: by how much a number may grow, beyond noise.
struct Gate {
    name: String,
    most: f64,
}

impl Gate {
    fn parse(text: &str) -> Result<Self, Failure> {
        let parsed = text.split_once('<').and_then(|(name, most)| {
            let most = most.trim().strip_suffix('%')?.parse::<f64>().ok()?;
            let name = name.trim();
            let known = ["p50", "p99", "rate", "errors"].contains(&name);
            (known && most.is_finite()).then(|| Self {
                name: name.to_owned(),
                most: most / 100.0,
            })
        });
        parsed.ok_or_else(|| {
            Failure::usage(format!(
                "--gate {text:?}: write 'p99 < +25%'; p50, p99, rate and errors are compared, and a rate may fall: 'rate < -10%' \
                 allows a tenth less"
            ))
        })
    }

    /// A rate is worse when it falls, everything else when it grows.
    fn broken(&self, c: &Comparison) -> Option<String> {
        let change = c.changes.iter().find(|change| change.name == self.name)?;
        let worse = match change.name {
            "rate" => -change.by,
            _ => change.by,
        };
        (change.is_change() && worse > self.most.abs()).then(|| {
            format!(
                "{}: {:+.1} %, allowed {:+.1} %",
                self.name,
                change.by * 100.0,
                self.most * 100.0
            )
        })
    }
}
