//! Every recorded history in the corpora can be read, whole and damaged.
#![expect(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "all of this file is a test, and the absence of the corpora is said aloud"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use schism_history::foreign::{self, Caller, Foreign, ForeignError, Format};

/// Path, format, and contents of each history.
fn corpora() -> Vec<(String, String, Vec<u8>)> {
    let root = std::env::var_os("SCHISM_CORPORA")
        .map_or_else(|| PathBuf::from("../../shared/corpora"), PathBuf::from);
    let Ok(table) = fs::read_to_string(root.join("corpora.tsv")) else {
        eprintln!(
            "\n*** NOT TESTED: there are no corpora at {}; name them with SCHISM_CORPORA ***\n",
            root.display()
        );
        return Vec::new();
    };
    let rows = table.lines().skip(1).map(|row| {
        let mut cells = row.split('\t');
        let (path, format) = (cells.next().unwrap(), cells.next().unwrap());
        let contents = fs::read(root.join(Path::new(path))).unwrap();
        (path.to_owned(), format.to_owned(), contents)
    });
    rows.collect()
}

fn read(text: &[u8]) -> Result<(Format, Vec<Foreign>), ForeignError> {
    let (sniffed, ops) = foreign::open(text)?;
    Ok((sniffed.format, ops.collect::<Result<_, _>>()?))
}

#[test]
fn every_recorded_history_is_recognized_and_read_to_its_end() {
    for (path, format, text) in corpora() {
        let (found, ops) = read(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let (expected, marks) = match &*format {
            "awdit-text" => (Format::Plume, None),
            "json" => (Format::Json, Some("\"process\"")),
            "porcupine-etcd" => (Format::Log, Some("jepsen.util")),
            "edn" | "porcupine-kv" => (Format::Edn, Some(":process")),
            other => panic!("{path}: no such format: {other}"),
        };
        assert_eq!(found, expected, "{path}");
        match marks {
            Some(mark) => {
                let written = String::from_utf8_lossy(&text).matches(mark).count();
                assert_eq!(ops.len(), written, "{path}");
            }
            None => {
                let text = String::from_utf8_lossy(&text);
                let accesses = text.lines().filter(|l| l.starts_with(['r', 'w'])).count();
                let read: usize = ops.iter().map(|op| op.value.as_seq().unwrap().len()).sum();
                // Each transaction is asked and answered.
                assert_eq!(read, 2 * accesses, "{path}");
            }
        }
        let lines = text.split(|b| *b == b'\n').count() as u64;
        assert!(ops.iter().all(|op| op.place.line <= lines), "{path}");
    }
}

#[test]
fn the_same_history_in_edn_and_json_has_the_same_ops() {
    let corpora = corpora();
    for (path, _, json) in corpora.iter().filter(|(path, ..)| path.ends_with(".json")) {
        let twin = path.replace(".json", ".edn");
        let same = |other: &&(String, String, Vec<u8>)| {
            other.0 == twin || other.0 == twin.replace("elle-cli/knossos", "knossos")
        };
        let Some((_, _, edn)) = corpora.iter().find(same) else {
            continue;
        };
        let essence = |text| {
            let (_, ops) = read(text).unwrap();
            let essence = ops.into_iter().map(|op| {
                let caller = match op.caller {
                    Caller::Process(n) => n.to_string(),
                    Caller::Other(name) => name.to_string(),
                };
                // The JSON writes the entries of maps in another order.
                let mut value: Vec<char> = op.value.to_json().chars().collect();
                value.sort_unstable();
                (op.kind, caller, op.f, value, op.index, op.time)
            });
            essence.collect::<Vec<_>>()
        };
        assert_eq!(essence(json), essence(edn), "{path}");
    }
}

/// One change to a text.
#[derive(Debug, Clone)]
enum Damage {
    Cut(usize),
    Remove(usize, usize),
    Overwrite(usize, Vec<u8>),
    Insert(usize, Vec<u8>),
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let telling =
        prop::sample::select(br##"{}[]()"\#_:;'^,/+-.0919eENMu{"index":w r=-nil##inf"##.to_vec());
    prop_oneof![
        prop::collection::vec(any::<u8>(), 1..6),
        prop::collection::vec(telling, 1..12)
    ]
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = 0..100_000_usize;
    prop_oneof![
        at.clone().prop_map(Damage::Cut),
        (at.clone(), 1..40_usize).prop_map(|(at, length)| Damage::Remove(at, length)),
        (at.clone(), bytes()).prop_map(|(at, bytes)| Damage::Overwrite(at, bytes)),
        (at, bytes()).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
    ]
}

fn apply(text: &mut Vec<u8>, damage: Damage) {
    let within = |at: usize| at % (text.len() + 1);
    match damage {
        Damage::Cut(at) => text.truncate(within(at)),
        Damage::Remove(at, length) => {
            let at = within(at);
            text.drain(at..(at + length).min(text.len()));
        }
        Damage::Overwrite(at, with) => {
            let at = within(at);
            let end = (at + with.len()).min(text.len());
            text.splice(at..end, with);
        }
        Damage::Insert(at, with) => {
            let at = within(at);
            text.splice(at..at, with);
        }
    }
}

/// Reads and converts in all ways; errors must have a place in the text.
fn survives(text: &[u8]) -> Result<(), TestCaseError> {
    let lines = text.split(|b| *b == b'\n').count() as u64;
    for format in [
        Format::Edn,
        Format::Json,
        Format::Journal,
        Format::Log,
        Format::Plume,
    ] {
        let assumptions = foreign::Assumptions::of(format);
        let found = foreign::registers(foreign::Reader::new(format, text), &assumptions);
        match found {
            Err(ForeignError::Wrong { place, .. } | ForeignError::Malformed { place, .. }) => {
                prop_assert!((1..=lines).contains(&place.line));
                let line = text.split(|b| *b == b'\n').nth(place.line as usize - 1);
                // One behind the end of a line is where something is missing.
                prop_assert!(place.column >= 1 && place.column <= line.unwrap().len() as u64 + 1);
            }
            Err(ForeignError::Unrecognized(_) | ForeignError::Io(_)) => prop_assert!(false),
            Ok(imported) => prop_assert!(imported.history.spans().len() <= text.len()),
        }
        // Everything beyond the types of registers.
        let ops = foreign::Reader::new(format, text)
            .take_while(Result::is_ok)
            .count();
        prop_assert!(ops <= 2 * text.len());
    }
    if let Ok((_, ops)) = foreign::open(text) {
        prop_assert!(ops.count() <= 2 * text.len() + 1);
    }
    Ok(())
}

#[test]
fn damaged_recordings_are_read_or_refused_with_a_place() {
    let corpora = corpora();
    if corpora.is_empty() {
        return;
    }
    let small: Vec<Vec<u8>> = corpora
        .into_iter()
        .map(|(_, _, mut text)| {
            text.truncate(4000);
            text
        })
        .collect();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(3000));
    let case = (
        prop::sample::select(small),
        prop::collection::vec(damage(), 0..4),
    );
    runner
        .run(&case, |(mut text, changes)| {
            for change in changes {
                apply(&mut text, change);
            }
            survives(&text)
        })
        .unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_are_read_or_refused_with_a_place(text in prop::collection::vec(any::<u8>(), 0..300)) {
        survives(&text)?;
    }

    #[test]
    fn random_pieces_are_read_or_refused_with_a_place(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", "(", ")", "#{", "#_", "#tag ", "##Inf", ":type ", ":invoke ", ":process ", ":value ",
            "nil", " ", "\n", ", ", "; comment", "\"", "\\", "\\newline", "\\u00e9", "é", "𝄞", "12 ", "-", "1/2 ", "1.5e999 ",
            "99999999999999999999999999 ", "\"index\":", "\"type\":\"invoke\",", "\"process\":1", "w 1 2", "r 1 2", "-----",
            "=====", "INFO jepsen.util - 3\t:invoke\t:read\tnil", "\0", "\u{feff}", "\\ud834\\udd1e",
            "{:type :invoke, :process 0, :f :read}", "{:type :ok :process 0 :f :read :value [1 2]}",
        ]), 0..30)
    ) {
        survives(pieces.concat().as_bytes())?;
    }
}
