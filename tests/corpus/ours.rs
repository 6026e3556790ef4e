//! Our own histories: each a drawing, the journal that it draws, and the whole verdict on it.
//!
//! `tests/histories/WORKLOAD/NAME.txt` has a comment that says what it is, the options of `check` if it needs any, and
//! the drawing; a column is ten milliseconds. Beside it are `NAME.jsonl`, which people can judge with the program, and
//! `NAME.json`, what `schism check --json` says. `UPDATE_HISTORIES=1` writes those two anew, to be read before they are
//! believed.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
};

use history::{
    Codec, Event, Nanos, Register, Txn, dsl, journal,
    ops::{
        Bank, Consensus, Counter, Documents, Election, Guarded, Lock, Log, Monotonic, Queue, Rows,
        Set, Snapshot, UniqueIds,
    },
};
use serde_json::Value;

use crate::support::{Ended, Shell};

/// How long a column of a drawing is.
const COLUMN: u64 = 10_000_000;

/// A history of ours.
struct Ours {
    workload: String,
    name: String,
    options: Vec<String>,
    drawing: String,
    at: PathBuf,
}

impl Ours {
    fn read(path: &Path, workload: &str) -> Self {
        let drawing = fs::read_to_string(path).expect("a drawing");
        let options = drawing.lines().find_map(|l| l.strip_prefix("# check: "));
        let options = options.unwrap_or_default().split_whitespace();
        Self {
            workload: workload.to_owned(),
            name: path.file_stem().expect("a name").display().to_string(),
            options: options.map(str::to_owned).collect(),
            at: path.to_owned(),
            drawing,
        }
    }

    /// The journal that is drawn.
    fn journal(&self) -> String {
        let drawn = match self.workload.as_str() {
            "register" => drawn::<Register>,
            "list-append" | "rw-register" => drawn::<Txn>,
            "set-full" => drawn::<Set>,
            "counter" => drawn::<Counter>,
            "bank" => drawn::<Bank>,
            "unique-ids" => drawn::<UniqueIds>,
            "queue" => drawn::<Queue>,
            "lock" => drawn::<Lock>,
            "election" => drawn::<Election>,
            "consensus" => drawn::<Consensus>,
            "atomic-commit" => drawn::<Rows>,
            "snapshot" => drawn::<Snapshot>,
            "write-skew" => drawn::<Guarded>,
            "monotonic" => drawn::<Monotonic>,
            "log" => drawn::<Log>,
            "dirty-read" => drawn::<Documents>,
            other => panic!("{other}: say here which operation that is"),
        };
        drawn(&self.drawing).unwrap_or_else(|e| panic!("{}: {e}", self.at.display()))
    }

    /// What the program says of one of its files.
    fn checked(&self, shell: &Shell, file: &str, more: &[&str]) -> Ended {
        let options = self.options.iter().map(String::as_str);
        let told = ["check", file, "--json", "--workload", &self.workload];
        let args: Vec<&str> = told
            .into_iter()
            .chain(options)
            .chain(more.iter().copied())
            .collect();
        shell.schism(&args)
    }
}

fn drawn<O: Codec>(drawing: &str) -> Result<String, dsl::DrawingError> {
    let history = dsl::parse::<O>(drawing)?;
    let mut writer = journal::Writer::new(Vec::new(), history.nodes().clone());
    for event in history.events() {
        let time = Nanos(event.time.0 * COLUMN);
        writer.write(&Event { time, ..event }).expect("into memory");
    }
    Ok(String::from_utf8(writer.into_inner()).expect("JSON is UTF-8"))
}

fn all() -> Vec<Ours> {
    let names = |dir: &Path| -> BTreeSet<PathBuf> {
        let entries = fs::read_dir(dir).expect("a directory");
        entries
            .map(|entry| entry.expect("an entry").path())
            .collect()
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories");
    let of = |dir: PathBuf| {
        let workload = dir.file_name().expect("a name").display().to_string();
        let drawings = names(&dir)
            .into_iter()
            .filter(|path| path.extension().is_some_and(|e| e == "txt"));
        drawings
            .map(|path| Ours::read(&path, &workload))
            .collect::<Vec<_>>()
    };
    names(&root).into_iter().flat_map(of).collect()
}

/// What stands in a file, after it was written anew if that is wanted.
fn expected(path: &Path, now: &str) -> String {
    if env::var_os("UPDATE_HISTORIES").is_some() {
        fs::write(path, now).expect("writable");
    }
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn each_history_of_ours_gets_its_verdict_whole() {
    for ours in all() {
        let shell = Shell::new();
        let (file, at) = (format!("{}.jsonl", ours.name), ours.at.display());
        let journal = ours.journal();
        let recorded = expected(&ours.at.with_extension("jsonl"), &journal);
        assert_eq!(recorded, journal, "{at} draws another history");
        shell.write(&file, &recorded);
        let said = ours.checked(&shell, &file, &[]);
        let verdict = expected(&ours.at.with_extension("json"), &said.out);
        assert_eq!(said.out, verdict, "{at}\n{}", said.err);
        let json: Value = serde_json::from_str(&verdict).expect("JSON");
        assert_eq!(json["exit_code"], said.code.expect("it exits"), "{at}");
    }
}

#[test]
fn each_history_of_ours_is_judged_alike_in_edn() {
    for ours in all() {
        let shell = Shell::new();
        shell.write("h.jsonl", &ours.journal());
        let export = ["export", "h.jsonl", "--workload", &ours.workload];
        shell
            .schism(&[&export[..], &["-o", "h.edn"]].concat())
            .code(0);
        let more: &[&str] = match ours.workload.as_str() {
            "register" => &["--initial", "nil", "--nil", "value"],
            "rw-register" => &["--initial", "nil"],
            _ => &[],
        };
        let [one, two] = [("h.jsonl", &[][..]), ("h.edn", more)].map(|(file, more)| {
            let said = ours.checked(&shell, file, more);
            let mut json: Value = serde_json::from_str(&said.out)
                .unwrap_or_else(|e| panic!("{}: {e}: {}", ours.at.display(), said.err));
            json["run"] = Value::Null;
            json
        });
        assert_eq!(one, two, "{}", ours.at.display());
    }
}

/// Findings whose calls alone are impossible, too, but by another name.
const OTHERWISE: [(&str, &str); 2] = [
    ("refused-write", "aborted-read"),
    ("stale-read-not-allowed", "stale-read"),
];

#[test]
fn the_calls_of_each_finding_alone_show_it() {
    for ours in all() {
        let shell = Shell::new();
        shell.write("h.jsonl", &ours.journal());
        let said = ours.checked(&shell, "h.jsonl", &[]);
        let whole: Value = serde_json::from_str(&said.out).expect("JSON");
        for finding in whole["findings"].as_array().expect("a list") {
            let number = finding["number"].to_string();
            let options = ours.options.iter().map(String::as_str);
            let told = ["check", "h.jsonl", "--workload", &ours.workload];
            let args: Vec<&str> = told.into_iter().chain(options).collect();
            let more = ["--finding", &number, "--minimal"];
            let (at, code) = (ours.at.display(), &finding["code"]);
            let ended = shell.schism(&[&args[..], &more].concat());
            assert_eq!(
                ended.code,
                Some(1),
                "{at} {code}:\n{}{}",
                ended.out,
                ended.err
            );
            let lines: Vec<&str> = ended.out.lines().collect();
            assert!(lines[0].starts_with("✗ fail  h.jsonl "), "{lines:?}");
            assert!(lines[1].starts_with("✗ fail  minimal.jsonl "), "{lines:?}");
            let again = ours.checked(&shell, "minimal.jsonl", &[]);
            let alone: Value = serde_json::from_str(&again.out).expect("JSON");
            let found = alone["findings"].as_array().expect("a list");
            let named = found.iter().any(|f| f["code"] == *code);
            let otherwise = OTHERWISE
                .iter()
                .any(|(name, other)| *name == ours.name && code == other);
            assert_eq!(named, !otherwise, "{at} {code}: {found:#?}");
        }
    }
}

#[test]
fn each_workload_has_a_good_history_and_a_bad_one() {
    let mut words: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for ours in all() {
        let text = fs::read_to_string(ours.at.with_extension("json")).expect("a verdict");
        let verdict: Value = serde_json::from_str(&text).expect("JSON");
        let word = verdict["verdict"].as_str().expect("a word").to_owned();
        words.entry(ours.workload).or_default().insert(word);
    }
    let asked = Shell::new().schism(&["export", "h.jsonl", "--workload", "?"]);
    let list = asked.err.split("workloads:\n").nth(1).expect("a list");
    for line in list.lines() {
        let name = line.split_whitespace().next().expect("a name");
        let words = words.get(name).unwrap_or_else(|| panic!("{name} has none"));
        assert!(
            words.contains("pass") && words.contains("fail"),
            "{name}: {words:?}"
        );
    }
}
