//! Each anomaly of transactions by its name: a drawn history, and everything that is found in it, word for word.
//!
//! `tests/textbook/CODE.txt` begins with a comment that says and draws what happens, then comes the history, and after a line
//! `---` what the checker says. `UPDATE_DOCS=1 cargo test -p schism-checkers --test textbook` writes the last part anew; read it
//! before you believe it.
#![expect(
    clippy::disallowed_methods,
    reason = "a test that is asked to update what it compares with writes it"
)]

use std::{collections::BTreeSet, fmt::Write, fs, path::Path, sync::OnceLock};

use history::{History, Txn, dsl};
use schism_checkers::{
    Budget, Finding, Isolation,
    txn::{Anomaly, Judgement, Level, project},
};

fn judge(history: &History<Txn>) -> Judgement {
    Isolation::expecting(Level::StrictSerializable).judge(history, Budget::default())
}

/// Everything of a finding but its times, which are columns of the drawing.
fn told(finding: &Finding) -> String {
    let Finding {
        code,
        title,
        property,
        explanation,
        key,
        witness,
        from: _,
        until: _,
        minimal,
        confidence,
        more,
        order: _,
    } = finding;
    let witness: Vec<u32> = witness.iter().map(|index| index.0).collect();
    let key = key.as_ref().map_or("none".to_owned(), ToString::to_string);
    let sentences = explanation.replace(". ", ".\n  ");
    format!(
        "{code}: {title}\n  excluded by {property}; key {key}; calls {witness:?}, minimal: {minimal}; {confidence}; {more} more\n  {sentences}\n"
    )
}

fn page(judgement: &Judgement) -> String {
    let names = |levels: &[Level]| {
        let names: Vec<&str> = levels.iter().map(|level| level.name()).collect();
        names.join(", ")
    };
    let mut page = String::new();
    for found in &judgement.found {
        page.push_str(&told(&found.finding));
    }
    let (violated, unviolated) = (names(&judgement.violated), names(&judgement.unviolated));
    write!(
        page,
        "the weakest violated: {violated}\nno violation found: {unviolated}\n"
    )
    .expect("a string takes everything");
    page
}

/// Name, drawing and what is to be said of it.
fn all() -> &'static [(String, String, String)] {
    static ALL: OnceLock<Vec<(String, String, String)>> = OnceLock::new();
    ALL.get_or_init(read)
}

fn read() -> Vec<(String, String, String)> {
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/textbook");
    let mut all = Vec::new();
    for entry in fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a text");
        let (drawing, expected) = text.split_once("\n---\n").unwrap_or((text.trim_end(), ""));
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let history = dsl::parse::<Txn>(drawing).unwrap_or_else(|e| panic!("{name}: {e}"));
        let found = page(&judge(&history));
        let expected = if update { &found } else { expected };
        if update {
            fs::write(&path, format!("{drawing}\n---\n{found}")).expect("it can be written");
        }
        all.push((name, drawing.to_owned(), expected.to_owned()));
    }
    all
}

#[test]
fn each_is_found_by_its_name_and_told_word_for_word() {
    for (name, drawing, expected) in all() {
        let judgement = judge(&dsl::parse::<Txn>(drawing).expect("a drawing"));
        assert_eq!(page(&judgement), *expected, "{name}");
    }
}

#[test]
fn every_anomaly_has_a_drawing_in_which_it_is_found() {
    let names: BTreeSet<&str> = all().iter().map(|(name, ..)| name.as_str()).collect();
    for anomaly in Anomaly::ALL {
        assert!(names.contains(anomaly.entry().code), "{anomaly:?} has none");
    }
    for (name, drawing, _) in all() {
        let judgement = judge(&dsl::parse::<Txn>(drawing).expect("a drawing"));
        let code = name.strip_suffix("-register").unwrap_or(name);
        let codes: Vec<&str> = judgement
            .found
            .iter()
            .map(|f| f.finding.code.as_str())
            .collect();
        assert!(codes.contains(&code), "{name}: {codes:?}");
    }
}

#[test]
fn each_witness_proves_its_anomaly_alone_and_is_needed_whole() {
    for (name, drawing, _) in all() {
        let history = dsl::parse::<Txn>(drawing).expect("a drawing");
        for found in judge(&history).found {
            let shows = |witness: &[history::Index]| {
                let alone = judge(&project(&history, witness)).found;
                alone.iter().any(|f| f.anomaly == found.anomaly)
            };
            let witness = found.finding.witness;
            assert!(shows(&witness), "{name}: {:?}", found.anomaly);
            for i in 0..witness.len() {
                let mut rest = witness.clone();
                rest.remove(i);
                assert!(!shows(&rest), "{name}: {:?} without {i}", found.anomaly);
            }
        }
    }
}
