//! `schism adapter`: an adapter is tried before it is believed.

use std::{path::Path, sync::Arc, time::Duration};

use adapter::{
    AdapterTarget, Address,
    conformance::{self, Checked, Mark, Trial},
};
use control::Node;
use history::{Key, Outcome, RegisterCall, RegisterOp, RegisterReturn};
use nemesis::Time;
use reports::escape::inert;
use serde_json::json;

use crate::{
    args::{AdapterCommand, AdapterTestArgs, AdapterTryArgs},
    deploy,
    exit::{Exit, Failure},
    terminal::Terminal,
    trust,
};

/// More of a system's words than this is not shown in a line.
const SHOWN: usize = 400;

/// Does what was asked.
pub(crate) fn adapter(command: &AdapterCommand, terminal: &Terminal) -> Result<Exit, Failure> {
    match command {
        AdapterCommand::Test(args) => test(args, terminal),
        AdapterCommand::Try(args) => attempt(args, terminal),
    }
}

fn test(args: &AdapterTestArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let file = deploy::read_adapter(&args.file)?;
    let deadline: Time = args
        .op_timeout
        .parse()
        .map_err(|e| Failure::usage(format!("--op-timeout: {e}")))?;
    let at = address(args.at.as_deref())?;
    let complaints = tempfile::tempdir()
        .map_err(|e| Failure::infrastructure(format!("no temporary directory: {e}")))?;
    let trial = Trial {
        file: Arc::clone(&file),
        at,
        deadline: deadline.0,
        complaints: complaints.path().to_owned(),
    };
    let width = conformance::NAMES
        .iter()
        .map(|n| n.len())
        .max()
        .unwrap_or_default();
    let mut tell = |checked: &Checked| {
        if !args.json {
            terminal.print(&line(checked, width));
        }
    };
    let all = conformance::conduct(&trial, &mut tell).map_err(Failure::infrastructure)?;
    let bad = all.iter().filter(|c| c.mark == Mark::Bad).count();
    let exit = if bad == 0 { Exit::Pass } else { Exit::Fail };
    if bad == 0 {
        trust::note(terminal.runs(), &args.file, &file)?;
    }
    if args.json {
        let checks: Vec<_> = all.iter().map(as_json).collect();
        let page = json!({ "adapter": file.name, "passed": bad == 0, "checks": checks });
        terminal.print(&format!("{page}\n"));
        return Ok(exit);
    }
    if bad > 0 {
        for words in complained(complaints.path()) {
            terminal.say(&format!("its standard error ends with: {words}\n"));
        }
    }
    let looked = all.iter().filter(|c| c.mark != Mark::Skipped).count();
    terminal.print(&match bad {
        0 => format!(
            "\n{}: {looked} checks passed; no lie was found\n",
            file.name
        ),
        _ => format!(
            "\n{}: {bad} of {looked} checks failed; verdicts on it would not count\n",
            file.name
        ),
    });
    Ok(exit)
}

fn line(checked: &Checked, width: usize) -> String {
    let Checked {
        name,
        mark,
        saw,
        fix,
    } = checked;
    let glyph = match mark {
        Mark::Good => "✔",
        Mark::Advice => "!",
        Mark::Bad => "✘",
        Mark::Skipped => "·",
    };
    let mut text = format!("{glyph} {name:<width$}  {}\n", inert(saw, SHOWN));
    if !fix.is_empty() {
        text.push_str(&format!("    → {fix}\n"));
    }
    text
}

fn as_json(checked: &Checked) -> serde_json::Value {
    let mark = match checked.mark {
        Mark::Good => "good",
        Mark::Advice => "advice",
        Mark::Bad => "bad",
        Mark::Skipped => "skipped",
    };
    json!({ "name": checked.name, "mark": mark, "saw": checked.saw, "fix": checked.fix })
}

/// The last line of each file there.
fn complained(dir: &Path) -> Vec<String> {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let last = |file: std::fs::DirEntry| {
        let bytes = std::fs::read(file.path()).ok()?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        text.lines()
            .rev()
            .find(|l| !l.trim().is_empty())
            .map(|l| inert(l, SHOWN))
    };
    files.filter_map(last).collect()
}

fn attempt(args: &AdapterTryArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let file = deploy::read_adapter(&args.file)?;
    let call = call(&args.call, &args.with)?;
    let at = address(args.at.as_deref())?.unwrap_or_else(|| file.here());
    let deadline = Duration::from_secs(5);
    let node = Node::new("n1", &at.host);
    let complaints = tempfile::tempdir()
        .map_err(|e| Failure::infrastructure(format!("no temporary directory: {e}")))?;
    let target = AdapterTarget::new(file, [(node.name.clone(), at.clone())], deadline)
        .complaining_into(complaints.path().to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::infrastructure(format!("cannot start threads: {e}")))?;
    let asked = runtime.block_on(async {
        let mut client = target
            .open(&node)
            .await
            .map_err(|why| Failure::infrastructure(format!("{at}: {why}")))?;
        let asked = tokio::time::timeout(deadline, client.ask(&call)).await;
        asked.map_err(|_| {
            Failure::infrastructure(format!(
                "no answer within {deadline:?}: in a run this is info"
            ))
        })
    });
    for words in complained(complaints.path()) {
        terminal.say(&format!("standard error: {words}\n"));
    }
    let asked = asked?;
    let outcome = match &asked.outcome {
        Outcome::Ok(RegisterReturn::Done) => "ok".to_owned(),
        Outcome::Ok(RegisterReturn::Value(Some(value))) => format!("ok {value}"),
        Outcome::Ok(RegisterReturn::Value(None)) => "ok, absent".to_owned(),
        Outcome::Fail(why) => format!("fail: it certainly did not happen ({why})"),
        Outcome::Info(why) => format!("info: it may have happened ({why})"),
    };
    for (name, text) in [
        ("request", &asked.request),
        ("answer", &asked.response),
        ("outcome", &outcome),
        ("rule", &asked.rule),
    ] {
        terminal.print(&format!("{name:<8} {}\n", inert(text, SHOWN)));
    }
    Ok(Exit::Pass)
}

fn address(said: Option<&str>) -> Result<Option<Address>, Failure> {
    let read = |text: &str| {
        text.parse()
            .map_err(|e| Failure::usage(format!("--at: {e}")))
    };
    said.map(read).transpose()
}

fn call(name: &str, with: &[String]) -> Result<RegisterCall, Failure> {
    let needs: &[&str] = match name {
        "read" => &["key"],
        "write" => &["key", "value"],
        "cas" => &["key", "from", "to"],
        other => {
            return Err(Failure::usage(format!(
                "there is no call {other:?}; there are read, write and cas"
            )));
        }
    };
    let usage = || {
        let words: Vec<_> = needs.iter().map(|n| format!("{n}=NUMBER")).collect();
        Failure::usage(format!("write it as: {name} {}", words.join(" ")))
    };
    let mut numbers = Vec::new();
    for need in needs {
        let mut said = with
            .iter()
            .filter_map(|w| w.strip_prefix(need)?.strip_prefix('='));
        let (Some(text), None) = (said.next(), said.next()) else {
            return Err(usage());
        };
        numbers.push(text.parse::<i64>().map_err(|_| usage())?);
    }
    if with.len() != needs.len() {
        return Err(usage());
    }
    let op = match numbers[..] {
        [_, from, to] => RegisterOp::Cas { from, to },
        [_, value] => RegisterOp::Write(value),
        _ => RegisterOp::Read,
    };
    Ok(RegisterCall {
        key: Key::Int(numbers[0]),
        op,
    })
}
