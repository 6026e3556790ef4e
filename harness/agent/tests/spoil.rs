//! Files spoiled and restored by the helper as it runs on a node, looked at byte for byte.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
};

use serde_json::{Value, json};
use tempfile::TempDir;

const CHUNK: usize = 4096;

struct Disk(TempDir);

impl Disk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    /// A file in which every byte says which one it is, none of them zero.
    fn file(&self, name: &str, length: usize) -> Vec<u8> {
        let bytes: Vec<u8> = (0..length)
            .map(|i| (i % 251 + 1 + i / CHUNK % 4) as u8)
            .collect();
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), &bytes).unwrap();
        bytes
    }
    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }
    fn record(&self) -> PathBuf {
        self.path("records/f1")
    }
    fn request(&self, damage: &Value) -> Value {
        json!({
            "record": self.record(), "paths": [self.path("data")], "chunk": CHUNK, "index": 0, "of": 1,
            "seed": 7, "probability": 0.5, "damage": damage,
        })
    }
    fn apply(&self, request: &Value) -> Output {
        spoil("apply", &request.to_string())
    }
    fn damage(&self, request: &Value) {
        let out = self.apply(request);
        assert!(out.status.success(), "{}", complaint(&out));
    }
    fn undo(&self) -> String {
        text(&spoil("undo", self.record().to_str().unwrap()))
    }
    fn status(&self) -> String {
        text(&spoil("status", self.record().to_str().unwrap()))
    }
}

fn spoil(verb: &str, word: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_schism-node"))
        .args(["node", "spoil", verb, word])
        .output()
        .unwrap()
}

fn complaint(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).trim().to_owned()
}

fn text(out: &Output) -> String {
    assert!(out.status.success(), "{}", complaint(out));
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

fn with(mut request: Value, changes: &Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        request[key] = value.clone();
    }
    request
}

/// The chunks in which two versions differ.
fn differing(a: &[u8], b: &[u8]) -> Vec<usize> {
    assert_eq!(a.len(), b.len());
    let pairs = a.chunks(CHUNK).zip(b.chunks(CHUNK)).enumerate();
    pairs
        .filter(|(_, (a, b))| a != b)
        .map(|(number, _)| number)
        .collect()
}

#[test]
fn bits_are_flipped_in_the_chunks_of_one_stripe_and_flipped_back() {
    let disk = Disk::new();
    let before = disk.file("data/a/wal", 10 * CHUNK + 100);
    let request = with(
        disk.request(&json!({"flip": {"bits": 1}})),
        &json!({"index": 1, "of": 3, "probability": 1.0}),
    );
    disk.damage(&request);
    let after = disk.read("data/a/wal");
    assert_eq!(differing(&before, &after), [1, 4, 7, 10]);
    let bits: u32 = before
        .iter()
        .zip(&after)
        .map(|(a, b)| (a ^ b).count_ones())
        .sum();
    assert_eq!(bits, 4);
    assert_eq!(disk.status(), "4");
    assert!(
        complaint(&disk.apply(&request)).contains("undo"),
        "what is recorded is not lost"
    );

    assert!(disk.undo().starts_with("4 pieces restored, 0 left alone"));
    assert_eq!(disk.read("data/a/wal"), before);
    assert_eq!(disk.status(), "0");
    assert!(!disk.path("records").exists(), "nothing outlives undo");
    assert!(disk.undo().starts_with("0 pieces restored"));
}

#[test]
fn no_chunk_is_damaged_on_all_nodes_and_the_same_seed_damages_the_same() {
    let mut damaged: Vec<Vec<usize>> = Vec::new();
    for node in [0, 1, 2, 2] {
        let disk = Disk::new();
        let before = disk.file("data", 64 * CHUNK);
        let request = disk.request(&json!({"flip": {"bits": 3}}));
        disk.damage(&with(request, &json!({"index": node, "of": 3})));
        damaged.push(differing(&before, &disk.read("data")));
    }
    assert_eq!(damaged.pop(), damaged.last().cloned());
    for (node, chunks) in damaged.iter().enumerate() {
        assert!(!chunks.is_empty() && chunks.len() < 21, "{chunks:?}");
        assert!(chunks.iter().all(|chunk| chunk % 3 == node), "{chunks:?}");
    }
}

#[test]
fn an_end_that_was_cut_off_comes_back_unless_the_file_has_grown_since() {
    let disk = Disk::new();
    let before = disk.file("data", 2 * CHUNK + 500);
    let request = disk.request(&json!({"truncate": {"bytes": 300}}));
    disk.damage(&request);
    assert_eq!(disk.read("data"), before[..2 * CHUNK + 200]);
    assert_eq!(disk.status(), "1");
    disk.undo();
    assert_eq!(disk.read("data"), before);

    disk.damage(&request);
    let mut file = fs::OpenOptions::new()
        .append(true)
        .open(disk.path("data"))
        .unwrap();
    file.write_all(b"new").unwrap();
    assert_eq!(disk.status(), "0");
    assert!(disk.undo().contains("0 pieces restored, 1 left alone"));
    assert_eq!(
        disk.read("data"),
        [&before[..2 * CHUNK + 200], b"new"].concat()
    );

    // The last chunk is another node's.
    let other = with(request, &json!({"index": 1, "of": 3}));
    assert!(complaint(&disk.apply(&other)).contains("no chunk"));
}

#[test]
fn chunks_go_back_to_what_they_were_a_while_ago() {
    let disk = Disk::new();
    let old = disk.file("data", 4 * CHUNK);
    let request = with(
        disk.request(&json!({"stale": {"after_ms": 1500}})),
        &json!({"probability": 1.0}),
    );
    let mut new = old.clone();
    new[CHUNK + 5] = 255;
    new[3 * CHUNK] = 254;
    thread::scope(|scope| {
        let applied = scope.spawn(|| disk.apply(&request));
        // It has read the file long before it has waited; if not, it complains that nothing changed.
        thread::sleep(std::time::Duration::from_millis(500));
        fs::write(disk.path("data"), &new).unwrap();
        let out = applied.join().unwrap();
        assert!(out.status.success(), "{}", complaint(&out));
    });
    assert_eq!(disk.read("data"), old);
    disk.undo();
    assert_eq!(disk.read("data"), new);

    let quiet = with(request, &json!({"damage": {"stale": {"after_ms": 1}}}));
    assert!(complaint(&disk.apply(&quiet)).contains("nothing of it has changed"));
    assert!(!disk.path("records").exists());
}

#[test]
fn chunks_get_into_the_place_of_others() {
    let disk = Disk::new();
    let before = disk.file("data", 6 * CHUNK);
    let request = disk.request(&json!({"misplace": {}}));
    disk.damage(&with(
        request,
        &json!({"index": 0, "of": 2, "probability": 0.0}),
    ));
    let after = disk.read("data");
    let [one] = differing(&before, &after)[..] else {
        panic!("one chunk is damaged whatever the probability");
    };
    assert_eq!(one % 2, 0);
    let there = &after[one * CHUNK..][..CHUNK];
    assert!(
        [1, 3, 5]
            .iter()
            .any(|other| there == &before[other * CHUNK..][..CHUNK])
    );
    disk.undo();
    assert_eq!(disk.read("data"), before);
}

#[test]
fn what_the_system_has_written_since_is_left_alone() {
    let disk = Disk::new();
    let before = disk.file("data/one", 4 * CHUNK);
    disk.file("data/two", CHUNK);
    disk.file("data/three", CHUNK);
    let request = disk.request(&json!({"flip": {"bits": 1}}));
    disk.damage(&with(request, &json!({"probability": 1.0})));
    assert_eq!(disk.status(), "6");
    let mut written = disk.read("data/one");
    written[2 * CHUNK + 9] = 0;
    fs::write(disk.path("data/one"), &written).unwrap();
    fs::remove_file(disk.path("data/two")).unwrap();
    fs::remove_file(disk.path("data/three")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", disk.path("data/three")).unwrap();
    assert_eq!(disk.status(), "3");
    assert!(disk.undo().starts_with("3 pieces restored, 3 left alone"));
    let mut expected = before;
    expected[2 * CHUNK..3 * CHUNK].copy_from_slice(&written[2 * CHUNK..3 * CHUNK]);
    assert_eq!(disk.read("data/one"), expected);
}

#[test]
fn only_the_files_that_are_meant_and_hold_data_are_touched() {
    let disk = Disk::new();
    let wal = disk.file("data/member/0.wal", CHUNK);
    let snap = disk.file("data/member/db", CHUNK);
    fs::write(disk.path("data/empty.wal"), vec![0; 8 * CHUNK]).unwrap();
    let outside = disk.file("outside.wal", CHUNK);
    std::os::unix::fs::symlink(disk.path("outside.wal"), disk.path("data/link.wal")).unwrap();
    let request = disk.request(&json!({"flip": {"bits": 9}}));
    disk.damage(&with(
        request,
        &json!({"probability": 1.0, "ending": ".wal"}),
    ));
    assert_ne!(disk.read("data/member/0.wal"), wal);
    assert_eq!(disk.read("data/member/db"), snap);
    assert_eq!(disk.read("data/empty.wal"), vec![0; 8 * CHUNK]);
    assert_eq!(disk.read("outside.wal"), outside);
    disk.undo();
    assert_eq!(disk.read("data/member/0.wal"), wal);
}

#[test]
fn an_unfinished_record_undoes_nothing_and_goes() {
    let disk = Disk::new();
    let before = disk.file("data", CHUNK);
    fs::create_dir_all(disk.record()).unwrap();
    fs::write(disk.record().join("bytes"), b"some").unwrap();
    assert_eq!(disk.status(), "0");
    disk.undo();
    assert!(!Path::new(&disk.record()).exists());
    assert_eq!(disk.read("data"), before);
}

#[test]
fn bad_requests_are_refused_with_what_is_wrong() {
    let disk = Disk::new();
    disk.file("data", CHUNK);
    let flip = json!({"flip": {"bits": 1}});
    let complains = |change: Value, of: &str| {
        let said = complaint(&disk.apply(&with(disk.request(&flip), &change)));
        assert!(said.contains(of), "{said}");
    };
    complains(json!({"damage": {"melt": {}}}), "melt");
    complains(json!({"colour": 1}), "colour");
    complains(json!({"chunk": 1000}), "4096");
    complains(json!({"paths": [disk.path("no")]}), "No such file");
    complains(
        json!({"paths": ["/dev/null"]}),
        "neither a file nor a directory",
    );
    assert!(complaint(&spoil("apply", "{")).contains("unusable"));
    assert!(complaint(&spoil("melt", "x")).contains("usage"));
}
