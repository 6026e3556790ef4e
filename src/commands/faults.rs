//! `schism list faults`: what each does, what it needs, how it is seen to bite and how it is undone; and, for a target, which
//! of them can be had there and why the others cannot.

use nemesis::{Kind, Refusal};
use serde_json::json;

use crate::{
    args::{ListArgs, Loudness, Progress, RunArgs},
    config::Config,
    deploy,
    exit::{Exit, Failure},
    registry,
    terminal::Terminal,
    ui::Ui,
};

/// What was found out about a target: its name, the faults it can take, and those it cannot.
struct Looked {
    target: &'static str,
    possible: Vec<Kind>,
    refused: Vec<Refusal>,
}

/// Lists the faults.
pub(crate) fn list(args: &ListArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let looked = match &args.target {
        Some(what) => Some(look(what, args, terminal)?),
        None if args.lab.is_some() || !args.node.is_empty() => {
            return Err(Failure::usage(
                "name the target too: schism list faults etcd --lab 3",
            ));
        }
        None => None,
    };
    let text = match args.json {
        true => format!("{}\n", as_json(looked.as_ref())),
        false => as_text(looked.as_ref()),
    };
    terminal.print(&text);
    Ok(Exit::Pass)
}

fn look(what: &str, args: &ListArgs, terminal: &Terminal) -> Result<Looked, Failure> {
    let said = RunArgs {
        what: vec![what.to_owned()],
        lab: args.lab.clone(),
        node: args.node.clone(),
        ssh_user: args.ssh_user.clone(),
        ssh_key: args.ssh_key.clone(),
        known_hosts: args.known_hosts.clone(),
        ..RunArgs::default()
    };
    let (config, _) = Config::resolve(&said)?;
    let entry = registry::find(&config.target.adapter)
        .ok_or_else(|| Failure::usage(registry::unknown(&config.target.adapter)))?;
    let ui = Ui::new(terminal, Progress::None, Loudness::Quiet, false);
    let (possible, refused) = deploy::possible(entry, &config, &ui)?;
    Ok(Looked {
        target: entry.name,
        possible,
        refused,
    })
}

fn as_text(looked: Option<&Looked>) -> String {
    let mut page = String::new();
    for kind in Kind::ALL {
        let about = kind.about();
        let mark = match looked {
            None => "",
            Some(looked) if looked.possible.contains(kind) => "✔ ",
            Some(_) => "✘ ",
        };
        page.push_str(&format!("{mark}{kind}: {}\n", about.does));
        let refusals = looked.iter().flat_map(|looked| &looked.refused);
        let refusals: Vec<&Refusal> = refusals.filter(|r| r.fault == *kind).collect();
        for Refusal { why, instead, .. } in &refusals {
            let why = reports::escape::inert(why, 300);
            page.push_str(&format!("    not here: {why}\n    instead: {instead}\n"));
        }
        if refusals.is_empty() {
            page.push_str(&format!(
                "    needs: {}\n    seen: {}\n    healed: {}\n",
                about.needs, about.verified, about.healed
            ));
        }
    }
    page.push_str(match looked {
        Some(_) => "\nschism run … --faults all takes every one that is possible\n",
        None => "\nwhich of them a target can take: schism list faults TARGET [--lab N | --node HOST …]\n",
    });
    page
}

fn as_json(looked: Option<&Looked>) -> serde_json::Value {
    let faults: Vec<_> = Kind::ALL
        .iter()
        .map(|kind| {
            let mut fault = json!({ "fault": kind, "about": kind.about() });
            if let Some(looked) = looked {
                let refusals = looked.refused.iter().filter(|r| r.fault == *kind);
                fault["possible"] = json!(looked.possible.contains(kind));
                fault["refused"] = refusals
                    .map(|r| json!({ "why": r.why, "instead": r.instead }))
                    .collect();
            }
            fault
        })
        .collect();
    json!({ "target": looked.map(|l| l.target), "faults": faults })
}
