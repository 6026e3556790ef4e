//! Histories that others recorded get the verdicts that others found.
#![expect(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "all of this file is a test, and the absence of the corpora is said aloud"
)]

use std::{fs, path::PathBuf};

use history::{
    Codec, Txn,
    foreign::{self, Assumptions, Imported, Keys, Nil, Start},
};
use schism_checkers::{
    Budget, Checker, Finding, Isolation, Linearizable, Verdict,
    linear::{Judge, models},
    txn::Level,
};

/// The words of a row's model: `cas-register --initial 0 --nil unknown`.
fn assumptions(model: &str, otherwise: Assumptions) -> Option<Assumptions> {
    let mut words = model.split(' ');
    if words.next() != Some("cas-register") {
        return None;
    }
    let mut told = otherwise;
    while let (Some(option), Some(value)) = (words.next(), words.next()) {
        match (option, value) {
            ("--initial", "nil") => told.initial = None,
            ("--initial", n) => told.initial = Some(n.parse().unwrap()),
            ("--nil", "unknown") => told.nil = Nil::Unknown,
            ("--nil", "value") => told.nil = Nil::Absent,
            other => panic!("no such option: {other:?}"),
        }
    }
    Some(told)
}

/// Where the corpora are and their table, or a loud word that they are not.
fn corpora() -> Option<(PathBuf, String)> {
    let root = std::env::var_os("SCHISM_CORPORA")
        .map_or_else(|| PathBuf::from("../../shared/corpora"), PathBuf::from);
    let table = fs::read_to_string(root.join("corpora.tsv")).ok();
    if table.is_none() {
        eprintln!(
            "\n*** NOT TESTED: there are no corpora at {}; name them with SCHISM_CORPORA ***\n",
            root.display()
        );
    }
    Some((root, table?))
}

#[test]
fn recorded_registers_get_the_verdicts_of_their_sources() {
    let Some((root, table)) = corpora() else {
        return;
    };
    let mut wrong = Vec::new();
    let mut judged = 0;
    for row in table.lines().skip(1) {
        let [path, _, model, expected, ..] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("a row needs four cells: {row}");
        };
        let text = fs::read(root.join(path)).unwrap();
        let (sniffed, ops) = foreign::open(&text[..]).unwrap();
        let defaults = Assumptions::of(sniffed.format);
        let Some(told) = assumptions(model, defaults) else {
            continue;
        };
        assert_eq!(
            told, defaults,
            "{path}: the defaults are what its source assumed"
        );
        let imported = foreign::registers(ops, &told).unwrap_or_else(|e| panic!("{path}: {e}"));
        let checker = Linearizable::starting_with(told.initial);
        let verdict = checker.check(&imported.history, Budget::default());
        judged += 1;
        if verdict.word() != expected {
            wrong.push(format!("{path}: {} instead of {expected}", verdict.word()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(
        judged > 100,
        "only {judged} of the recorded histories are registers"
    );
}

/// A file that is judged by the name of a model; what passes is certified.
struct Recorded<'a>(&'a [u8]);

impl models::Visitor for Recorded<'_> {
    type Output = Verdict;

    fn visit<O: Codec>(self, checker: &dyn Judge<O>) -> Verdict {
        let (_, ops) = foreign::open(self.0).unwrap();
        let history = foreign::history::<O>(ops, Keys::InField).unwrap().history;
        let verdict = checker.check(&history, Budget::default());
        let certificate = checker.certify(&history, Budget::default());
        assert_eq!(certificate.is_some(), verdict.word() == "pass");
        verdict
    }
}

#[test]
fn recorded_objects_get_the_verdicts_of_their_sources() {
    let Some((root, table)) = corpora() else {
        return;
    };
    let mut judged = Vec::new();
    for row in table.lines().skip(1) {
        let [path, _, model, expected, ..] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("a row needs four cells: {row}");
        };
        let (name, initial) = match model {
            "mutex" => ("mutex", None),
            "multi-register --initial 0" => ("multi-register", Some(0)),
            "kv-append (linearizable, per key)" => ("kv-append", None),
            _ => continue,
        };
        let text = fs::read(root.join(path)).unwrap();
        let verdict = models::by_name(name, initial, Recorded(&text)).unwrap();
        assert_eq!(verdict.word(), expected, "{path}: {verdict:#?}");
        judged.push(path.to_owned());
    }
    let expected = [
        "elle-cli/knossos/mutex/bad/etcd.json",
        "knossos/multi-register/good/multi-register.edn",
        "porcupine/kv/c01-bad.txt",
        "porcupine/kv/c01-ok.txt",
        "porcupine/kv/c10-bad.txt",
        "porcupine/kv/c10-ok.txt",
    ];
    assert_eq!(judged, expected);
}

/// The transactions of a file, and what may be assumed about its registers.
fn transactions(text: &[u8]) -> (Imported<Txn>, Start) {
    let (sniffed, ops) = foreign::open(text).unwrap();
    (
        foreign::transactions(ops).unwrap(),
        Start::of(sniffed.format),
    )
}

/// No row names a level; here it is serializability. By strict serializability, Elle's default, one of them is wrong: see
/// below, and decision 0007.
#[test]
fn recorded_transactions_get_the_verdicts_of_their_sources() {
    let Some((root, table)) = corpora() else {
        return;
    };
    let mut judged = Vec::new();
    for row in table.lines().skip(1) {
        let [path, _, model, expected, ..] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("a row needs four cells: {row}");
        };
        if !["list-append", "rw-register"].contains(&model) {
            continue;
        }
        let (imported, start) = transactions(&fs::read(root.join(path)).unwrap());
        let checker = Isolation::expecting(Level::Serializable).starting(start);
        let verdict = checker.check(&imported.history, Budget::default());
        assert_eq!(verdict.word(), expected, "{path}: {verdict:#?}");
        judged.push(path.to_owned());
    }
    let expected = [
        "elle-cli/elle/paper-example.edn",
        "elle-cli/elle/paper-example.json",
        "elle-cli/elle/rw-register.edn",
        "elle-cli/elle/rw-register.json",
    ];
    assert_eq!(judged, expected);
}

#[test]
fn recorded_sessions_get_the_strongest_weak_level_of_their_sources() {
    let Some((root, table)) = corpora() else {
        return;
    };
    let mut judged = 0;
    for row in table.lines().skip(1) {
        let [path, _, model, expected, ..] = row.split('\t').collect::<Vec<_>>()[..] else {
            panic!("a row needs four cells: {row}");
        };
        if model != "strongest of read-committed < read-atomic < causal" {
            continue;
        }
        let (imported, start) = transactions(&fs::read(root.join(path)).unwrap());
        let checker = Isolation::expecting(Level::Causal)
            .starting(start)
            .without_real_time();
        let judgement = checker.judge(&imported.history, Budget::default());
        // Their levels all keep the order of sessions.
        let named = judgement.strongest_weak().map_or("none", |level| {
            level.name().trim_start_matches("strong-session-")
        });
        assert_eq!(named, expected, "{path}: {judgement:#?}");
        assert_eq!(judgement.undecided, [], "{path}");
        judged += 1;
    }
    assert_eq!(judged, 16);
}

/// The history of elle-cli's `rw-register.edn`, by heart, so that this is tested without the corpora, too.
const RW_REGISTER: &[u8] = b"
{:type :invoke, :f :txn :value [[:w :x 2]],   :process 0, :index 1}
{:type :ok,     :f :txn :value [[:w :x 2]],   :process 0, :index 2}
{:type :invoke, :f :txn :value [[:r :x nil]], :process 0, :index 3}
{:type :ok,     :f :txn :value [[:r :x 3]],   :process 0, :index 4}
{:type :invoke, :f :txn :value [[:r :x nil]], :process 0, :index 5}
{:type :ok,     :f :txn :value [[:r :x 2]],   :process 0, :index 6}
";

fn found(start: Start, level: Level) -> Vec<Finding> {
    let imported = transactions(RW_REGISTER).0;
    let checker = Isolation::expecting(level).starting(start);
    match checker.check(&imported.history, Budget::default()) {
        Verdict::Fail(findings) => findings,
        Verdict::Pass(_) => Vec::new(),
        Verdict::Unknown(cause) => panic!("{cause:?}"),
    }
}

#[test]
fn a_value_that_nobody_wrote_may_have_been_there_first_but_not_after_it_was_replaced() {
    // Serializable if 3 was there first: read 3, write 2, read 2.
    assert_eq!(found(Start::Unknown, Level::Serializable), []);
    // In the order of its only process, 3 was read after 2 was written, and 2 was read after that: as each is written
    // once at most, neither can be the newer one. Whatever elle-cli says, that is not strict serializable.
    let [past, finding] = &found(Start::Unknown, Level::StrictSerializable)[..] else {
        panic!("two findings");
    };
    assert_eq!(
        (past.code.as_str(), &past.witness),
        ("session-past-missed", &finding.witness)
    );
    assert!(past.explanation.ends_with(
        "T2 ought to see T1: process 0 called T1 first. But T1 wrote 2 to key :x, and T2 read 3 of key :x, which is \
         older. In all, this history violates strong session read atomic and every stronger level; no violation was found \
         of strong session read committed or serializable."
    ));
    let witness: Vec<u32> = finding.witness.iter().map(|i| i.0).collect();
    assert_eq!(
        (finding.code.as_str(), &witness[..]),
        ("G-single-session", &[1, 3][..])
    );
    assert_eq!(
        finding.explanation,
        "T1 is write :x=2, by process 0, from 0:00.000 to 0:00.000. T2 is read :x \u{2192} 3, by process 0, from \
         0:00.000 to 0:00.000. T1 came before T2: process 0 called T1 first. T2 came before T1: T2 read 3 of key :x, \
         which nobody wrote and so was there first, and T1 wrote 2. So each of them would have to come before itself."
    );
    // With nothing at first, the value is from nowhere at any level.
    let [finding] = &found(Start::Absent, Level::ReadUncommitted)[..] else {
        panic!("one finding");
    };
    assert_eq!(finding.code, "garbage-read");
}

#[test]
fn of_two_values_that_nobody_wrote_only_one_was_there_first() {
    let text = br#"[{"type":"invoke","f":"txn","value":[["r","x",null]],"process":0},
        {"type":"ok","f":"txn","value":[["r","x",7]],"process":0},
        {"type":"invoke","f":"txn","value":[["r","x",null]],"process":1},
        {"type":"ok","f":"txn","value":[["r","x",SEEN]],"process":1}]"#;
    let text = String::from_utf8(text.to_vec()).unwrap();
    for (seen, told) in [
        ("7", None),
        (
            "8",
            Some("T1 read 8 of key x, T2 read 7, and no transaction ever wrote either"),
        ),
        (
            "null",
            Some("T1 read 7 of key x, T2 read nothing, and no transaction ever wrote either"),
        ),
    ] {
        let (imported, start) = transactions(text.replace("SEEN", seen).as_bytes());
        let checker = Isolation::expecting(Level::ReadUncommitted).starting(start);
        match (checker.check(&imported.history, Budget::default()), told) {
            (Verdict::Pass(evidence), None) => {
                let assumed = "assumed: registers may hold anything at first: one value each, written before the record begins";
                assert!(evidence.notes.iter().any(|note| note == assumed));
            }
            (Verdict::Fail(findings), Some(told)) => {
                assert_eq!(findings[0].code, "garbage-read");
                assert_eq!(findings[0].witness.len(), 2);
                assert!(findings[0].explanation.contains(told), "{findings:#?}");
            }
            (verdict, _) => panic!("{seen}: {verdict:?}"),
        }
    }
}
