//! The nodes' logs: fetched at the end of a run, with a look at each node's clock, and read back for the report.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use chrono::Utc;
use control::{Cluster, Command, Remote, RemoteExt, System};
use history::Nanos;
use reports::{NodeClock, NodeLog};
use runner::store::RunDir;

/// How a node's log is bounded when it is fetched, from its end.
const LOG_BYTES: u64 = 16 << 20;
/// How much of its end is read for the report.
const TOLD_BYTES: u64 = 4 << 20;
/// What is taken for a log among the files that are fetched: the others are data.
const LOGS: [&str; 4] = ["log", "err", "out", "txt"];
/// Where the clock of a node is noted, beside its logs.
const CLOCK: &str = "clock.json";
/// The best of so many looks at a clock counts.
const LOOKS: usize = 3;

/// Fetches the nodes' logs. What could not be fetched.
pub(crate) fn collect(cluster: &Cluster, system: &dyn System, dir: &RunDir) -> Vec<String> {
    let fetched = cluster.on_each(cluster.nodes(), |node, remote| {
        let mut missing = Vec::new();
        for log in system.log_files(node) {
            let name = Path::new(&log)
                .file_name()
                .map_or("log".into(), |n| n.to_string_lossy());
            let to = dir
                .file(&format!("nodes/{}/{name}", node.name))
                .map_err(|e| e.to_string());
            let got = to.and_then(|to| {
                remote
                    .download(&log, &to, LOG_BYTES)
                    .map_err(|e| e.to_string())
            });
            if let Err(e) = got {
                missing.push(format!("log not fetched: {e}"));
            }
        }
        if let Some(clock) = look_at_clock(remote) {
            // Without it the clock is taken for right, and the report says so.
            let _ = dir.write_json(&format!("nodes/{}/{CLOCK}", node.name), &clock);
        }
        Ok(missing)
    });
    fetched
        .into_iter()
        .flat_map(|f| f.unwrap_or_else(|e| vec![e.to_string()]))
        .collect()
}

/// By how much a node's clock differs from ours: it was read at some moment between asking and being answered.
fn look_at_clock(remote: &dyn Remote) -> Option<NodeClock> {
    let ask = Command::new(["date", "+%s%N"]).idempotent();
    let look = |_| {
        let before = Utc::now().timestamp_nanos_opt()?;
        let shown: i64 = remote.run(&ask).ok()?.text().trim().parse().ok()?;
        let after = Utc::now().timestamp_nanos_opt()?;
        Some(NodeClock {
            offset: shown.checked_sub(i64::midpoint(before, after))?,
            uncertainty: Nanos(u64::try_from(after.checked_sub(before)?).ok()? / 2 + 1),
        })
    };
    (0..LOOKS)
        .filter_map(look)
        .min_by_key(|clock| clock.uncertainty)
}

/// The logs in a run's directory, each from its end. What cannot be read is not there: a report needs no log.
pub(crate) fn read(dir: &Path) -> Vec<NodeLog> {
    let mut logs = Vec::new();
    for node in entries(&dir.join("nodes")) {
        let home = dir.join("nodes").join(&node);
        let clock = std::fs::read(home.join(CLOCK)).ok();
        let clock: Option<NodeClock> = clock.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        for name in entries(&home) {
            let extension = Path::new(&name).extension().and_then(|e| e.to_str());
            if !extension.is_some_and(|e| LOGS.contains(&e)) {
                continue;
            }
            if let Ok((text, left_out)) = end_of(&home.join(&name)) {
                logs.push(NodeLog {
                    node: node.clone(),
                    file: format!("nodes/{node}/{name}"),
                    text,
                    left_out,
                    clock,
                });
            }
        }
    }
    logs
}

/// The names in a directory, in order.
fn entries(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The last lines of a file, and how many bytes are before them.
fn end_of(path: &Path) -> std::io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut skip = size.saturating_sub(TOLD_BYTES);
    file.seek(SeekFrom::Start(skip))?;
    let mut bytes = Vec::new();
    file.take(TOLD_BYTES).read_to_end(&mut bytes)?;
    if skip > 0 {
        // The first line is torn.
        let torn = bytes.iter().position(|b| *b == b'\n').map_or(0, |i| i + 1);
        bytes.drain(..torn);
        skip += torn as u64;
    }
    Ok((String::from_utf8_lossy(&bytes).into_owned(), skip))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_read_from_their_end_and_data_is_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let home = dir.path().join("nodes/n1");
        std::fs::create_dir_all(&home).expect("writable");
        let line = "x".repeat(1023) + "\n";
        std::fs::write(home.join("a.log"), line.repeat(5 << 10)).expect("writable");
        std::fs::write(home.join("data.jsonl"), "{}").expect("writable");
        std::fs::write(home.join(CLOCK), r#"{"offset":-5,"uncertainty":7}"#).expect("writable");
        let logs = read(dir.path());
        assert_eq!(logs.len(), 1);
        assert_eq!(logs[0].file, "nodes/n1/a.log");
        assert_eq!(logs[0].left_out + logs[0].text.len() as u64, 5 << 20);
        assert!(logs[0].text.lines().all(|l| l.len() == 1023));
        let clock = NodeClock {
            offset: -5,
            uncertainty: Nanos(7),
        };
        assert_eq!(logs[0].clock, Some(clock));
        assert_eq!(read(&dir.path().join("nowhere")), []);
    }
}
