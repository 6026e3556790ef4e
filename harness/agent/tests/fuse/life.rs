//! How a mount ends.

use std::{fs::File, io::Write};

use crate::{
    PROGRAM,
    space::{Space, eventually},
};

/// The daemons inside, one a line.
fn daemons(space: &Space) -> String {
    space.run(&["pgrep", "-f", "node fuse serve"]).out
}

fn assert_nothing_left(space: &Space) {
    let mounts = space
        .run(&["grep", "schism-fuse", "/proc/self/mountinfo"])
        .out;
    assert_eq!(mounts, "");
    let left = space
        .run(&["sh", "-c", "ls -d /run/schism* 2>/dev/null"])
        .out;
    assert_eq!(left, "");
}

#[test]
fn unmounting_loses_nothing_and_leaves_nothing_and_may_be_repeated() {
    let Some(space) = Space::new(&[]) else { return };
    space.fuse("unmount", &[]);
    space.fuse("mount", &["--owner", "r1"]);
    space.fuse("mount", &["--owner", "r1"]);
    space.fuse("mounted", &["--owner", "r1"]);
    let dir = space.dir();
    let other = space.run(&[PROGRAM, "node", "fuse", "mounted", &dir, "--owner", "r2"]);
    assert!(!other.ok, "another run's mount is not ours");
    space.write("f", "not synced", false);
    for _ in 0..2 {
        space.fuse("unmount", &[]);
        assert_nothing_left(&space);
    }
    assert_eq!(space.read("f"), "not synced");
    eventually("the daemon ends", || daemons(&space).is_empty());
    space.fuse("clear", &[]);
    let stats = space.run(&[PROGRAM, "node", "fuse", "stats", &dir]);
    assert!(
        !stats.ok && stats.out.contains("is not mounted"),
        "{}",
        stats.out
    );
}

#[test]
fn who_has_a_file_open_goes_on_after_unmounting_and_the_disk_gets_all_of_it() {
    let Some(space) = Space::mounted(&[]) else {
        return;
    };
    let mut file = File::create(space.path("f")).unwrap();
    file.write_all(b"before").unwrap();
    space.fuse("unmount", &[]);
    assert_nothing_left(&space);
    assert_eq!(space.read("f"), "before");
    file.write_all(b" and after").unwrap();
    assert_eq!(space.read("f"), "before and after");
    assert_ne!(daemons(&space), "");
    drop(file);
    eventually("the daemon ends", || daemons(&space).is_empty());
}

#[test]
fn until_it_is_synced_the_disk_has_nothing_of_it() {
    let Some(space) = Space::mounted(&[]) else {
        return;
    };
    space.write("kept", "kept", true);
    space.write("lost", "lost", false);
    // From outside, the bare directory is what is on the disk: what is left when the node's first process is killed.
    let bare = |name: &str| {
        std::fs::read_to_string(std::path::Path::new(&space.dir()).join(name)).unwrap()
    };
    assert_eq!([bare("kept"), bare("lost")], ["kept", ""]);
    assert_eq!(space.read("lost"), "lost");
}

#[test]
fn a_killed_daemon_is_a_power_loss_and_hangs_nobody() {
    let Some(space) = Space::mounted(&[]) else {
        return;
    };
    space.write("synced", "synced", true);
    space.write("unsynced", "unsynced", false);
    let pid = daemons(&space);
    assert!(space.run(&["kill", "-9", &pid]).ok);
    eventually("the mount is dead", || {
        std::fs::read_dir(space.path("")).is_err()
    });
    space.fuse("unmount", &[]);
    assert_nothing_left(&space);
    assert_eq!(
        [space.read("synced"), space.read("unsynced")],
        ["synced", ""]
    );
    space.fuse("mount", &[]);
    assert_eq!(space.read("synced"), "synced");
}
