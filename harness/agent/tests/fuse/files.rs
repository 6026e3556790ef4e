//! What files go through.

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    path::Path,
};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use crate::space::Space;

fn append(path: &Path, text: &str) -> File {
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn what_was_synced_survives_and_what_was_not_is_lost() {
    let Some(space) = Space::new(&[]) else { return };
    std::fs::write(space.path("before"), "before").unwrap();
    space.fuse("mount", &[]);
    space.write("synced", "synced", true);
    space.write("never", "never", false);
    append(&space.path("synced"), " and more");
    append(&space.path("before"), " and after");
    space.write("cut", "a long text", true);
    File::options()
        .write(true)
        .open(space.path("cut"))
        .unwrap()
        .set_len(1)
        .unwrap();
    // Names are durable at once; what they stand for is not.
    std::fs::rename(space.path("never"), space.path("renamed")).unwrap();
    let dsync = rustix::fs::OFlags::DSYNC.bits() as i32;
    let how = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .custom_flags(dsync)
        .open(space.path("dsync"));
    how.unwrap().write_all(b"waited for").unwrap();

    assert_eq!(space.read("synced"), "synced and more");
    assert_eq!(space.read("cut"), "a");
    assert_eq!(space.stats()["unsynced_bytes"], 24);
    assert_eq!(space.lose(&[]), 24);
    let left = ["before", "synced", "cut", "renamed", "dsync"].map(|n| space.read(n));
    assert_eq!(left, ["before", "synced", "a long text", "", "waited for"]);
    assert_eq!(std::fs::metadata(space.path("synced")).unwrap().len(), 6);
    assert!(space.path("renamed").exists() && !space.path("never").exists());

    append(&space.path("synced"), " again").sync_data().unwrap();
    assert_eq!(space.lose(&[]), 0);
    assert_eq!(space.read("synced"), "synced again");
}

#[test]
fn a_disk_may_keep_the_first_writes_or_some_or_parts_of_one() {
    let Some(space) = Space::mounted(&[]) else {
        return;
    };
    let page = |byte: u8| vec![byte; 4096];
    let left = |survive: &str, seed: u64| {
        let file = File::create(space.path("f")).unwrap();
        file.set_len(3 * 4096).unwrap();
        file.sync_all().unwrap();
        for n in 0..3_u8 {
            file.write_all_at(&page(n + 1), u64::from(n) * 4096)
                .unwrap();
        }
        space.lose(&["--survive", survive, "--seed", &seed.to_string()]);
        let bytes = std::fs::read(space.path("f")).unwrap();
        bytes.chunks(512).map(|s| s[0]).collect::<Vec<u8>>()
    };
    let whole = |sectors: &[u8]| sectors.chunks(8).all(|p| p.iter().all(|b| *b == p[0]));
    let kept = |sectors: &[u8]| sectors.chunks(8).map(|p| p[0] > 0).collect::<Vec<_>>();
    let all = |survive| {
        (0..24)
            .map(|seed| left(survive, seed))
            .collect::<BTreeSet<_>>()
    };
    let (prefix, any, torn) = (all("prefix"), all("any"), all("torn"));
    assert!(
        prefix.len() > 2
            && prefix
                .iter()
                .all(|s| whole(s) && kept(s).is_sorted_by(|a, b| a >= b))
    );
    assert!(
        any.iter().all(|s| whole(s)) && any.iter().any(|s| !kept(s).is_sorted_by(|a, b| a >= b))
    );
    assert!(torn.iter().any(|s| !whole(s)));
    assert_eq!(left("any", 5), left("any", 5), "the seed decides");
}

#[test]
fn after_a_failed_sync_the_data_is_seen_and_never_written_unless_it_is_kept() {
    let Some(space) = Space::mounted(&[]) else {
        return;
    };
    for (failed_sync, left) in [("forget", ""), ("keep", "data")] {
        let mut file = File::create(space.path("f")).unwrap();
        space.fuse(
            "fail",
            &[
                "--name",
                "f1",
                "--on",
                "sync",
                "--error",
                "eio",
                "--failed-sync",
                failed_sync,
            ],
        );
        file.write_all(b"data").unwrap();
        let error = file.sync_all().unwrap_err();
        assert_eq!(
            error.raw_os_error(),
            Some(rustix::io::Errno::IO.raw_os_error())
        );
        space.fuse("clear", &["--name", "f1"]);
        assert_eq!(space.read("f"), "data");
        file.sync_all().unwrap();
        space.lose(&[]);
        assert_eq!(space.read("f"), left, "{failed_sync}");
    }
}

#[test]
fn what_fails_is_said_by_call_by_path_and_by_probability_and_goes_fault_by_fault() {
    let Some(space) = Space::mounted(&[]) else {
        return;
    };
    space.write("data.db", "12345", true);
    space.write("data.log", "12345", true);
    let probe = |on: &str| space.fuse("probe", &["--file", ".probe", "--on", on]);
    space.fuse(
        "fail",
        &[
            "--name", "f1", "--on", "read", "--error", "eio", "--path", "*.db",
        ],
    );
    assert!(
        std::fs::read(space.path("data.db")).is_err(),
        "not even from the page cache"
    );
    assert_eq!(space.read("data.log"), "12345");
    assert_eq!(probe("read"), "well");
    space.fuse(
        "fail",
        &[
            "--name", "f2", "--on", "write", "--on", "create", "--error", "enospc",
        ],
    );
    let full = std::fs::write(space.path("new"), "x").unwrap_err();
    assert_eq!(full.kind(), ErrorKind::StorageFull);
    assert_eq!(probe("write"), "enospc");
    space.fuse("clear", &["--name", "f2"]);
    assert_eq!(probe("write"), "well");
    assert!(
        std::fs::read(space.path("data.db")).is_err(),
        "f1 is still in force"
    );
    space.fuse("clear", &[]);
    assert_eq!(space.read("data.db"), "12345");

    space.fuse(
        "fail",
        &[
            "--name",
            "f3",
            "--on",
            "write",
            "--error",
            "erofs",
            "--probability",
            "0.2",
        ],
    );
    let tried = |_| std::fs::write(space.path("w"), "x").is_ok();
    let (ok, failed): (Vec<bool>, Vec<bool>) = (0..100).map(tried).partition(|ok| *ok);
    assert!(
        ok.len() > 50 && failed.len() > 3,
        "{} {}",
        ok.len(),
        failed.len()
    );
    space.fuse("fail", &["--name", "f3", "--on", "sync", "--delay", "80"]);
    let late = space.fuse("probe", &["--file", ".probe", "--on", "sync", "--time"]);
    let late: u64 = late.trim_end_matches(" ms").parse().unwrap();
    assert!(late >= 80, "{late}");
}

/// Does the same to two files; what came of it.
fn step(rng: &mut Pcg64, files: [&Path; 2]) {
    let (at, len) = (rng.random_range(0..20_000), rng.random_range(0..9000));
    let deed = rng.random_range(0..8);
    let byte: u8 = rng.random();
    let results = files.map(|path| {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .unwrap();
        match deed {
            0..=2 => file.write_all_at(&vec![byte; len], at).unwrap(),
            3 => append(path, &"x".repeat(len)).sync_data().unwrap(),
            4 => file.set_len(at).unwrap(),
            5 => {
                use rustix::fs::{FallocateFlags, fallocate};
                let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                fallocate(&file, hole, at, len as u64 + 1).unwrap();
            }
            6 => {
                let other = path.with_extension("other");
                std::fs::hard_link(path, &other).unwrap();
                append(&other, "through another name");
                std::fs::rename(&other, path).unwrap();
                let _ = std::fs::remove_file(&other);
            }
            _ => {
                let other = path.with_extension("copy");
                std::fs::copy(path, &other).unwrap();
                std::fs::rename(&other, path).unwrap();
            }
        }
        let meta = std::fs::metadata(path).unwrap();
        (meta.len(), meta.nlink(), meta.mode())
    });
    assert_eq!(results[0], results[1], "after {deed} at {at} of {len}");
    let [here, there] = files.map(|p| std::fs::read(p).unwrap());
    assert!(here == there, "they differ after {deed} at {at} of {len}");
}

#[test]
fn while_the_power_holds_it_is_like_any_other_filesystem() {
    let Some(space) = Space::mounted(&[]) else {
        return;
    };
    let plain = tempfile::tempdir_in("/var/tmp").unwrap();
    let mut rng = Pcg64::seed_from_u64(1);
    for _ in 0..400 {
        let name = ["a", "b"][rng.random_range(0..2)];
        step(&mut rng, [&space.path(name), &plain.path().join(name)]);
    }
    space.fuse("unmount", &[]);
    for name in ["a", "b"] {
        let [here, there] =
            [space.path(name), plain.path().join(name)].map(|p| std::fs::read(p).unwrap());
        assert!(here == there, "{name} on the bare disk");
    }
}
