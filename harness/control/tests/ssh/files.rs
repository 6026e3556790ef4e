//! Files, there and back. They go through root; where the tests do not run as root, only through whoever they run as.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use schism_control::{Remote as _, Ssh};

use crate::{
    relay::relay,
    sshd::{Sshd, is_root_or_not_run},
};

#[test]
fn a_file_arrives_whole_with_its_mode_and_whatever_its_name() {
    let Some(sshd) = Sshd::start().filter(is_root_or_not_run) else {
        return;
    };
    let ssh = sshd.connect();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    for name in ["plain", "a b", "it's", "-rf", "$(id)", "new\nline", "ü"] {
        let path = sshd.path(name);
        for (contents, mode) in [(&b"old"[..], 0o600), (&bytes, 0o755), (b"", 0o4640)] {
            ssh.upload(contents, path.to_str().unwrap(), mode).unwrap();
            assert!(fs::read(&path).unwrap() == contents, "{name}");
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
                mode
            );
        }
    }
    assert_eq!(leftovers(&sshd), 0);
}

#[test]
fn a_file_cannot_take_the_place_of_a_directory() {
    let Some(sshd) = Sshd::start().filter(is_root_or_not_run) else {
        return;
    };
    fs::create_dir(sshd.path("dir")).unwrap();
    let ssh = sshd.connect();
    assert!(
        ssh.upload(b"x", sshd.path("dir").to_str().unwrap(), 0o600)
            .is_err()
    );
    assert!(
        ssh.upload(b"x", sshd.path("no/dir").to_str().unwrap(), 0o600)
            .is_err()
    );
    assert_eq!(fs::read_dir(sshd.path("dir")).unwrap().count(), 0);
    assert_eq!(leftovers(&sshd), 0);
}

#[test]
fn a_connection_that_breaks_on_the_way_leaves_the_file_as_it_was() {
    let Some(sshd) = Sshd::start().filter(is_root_or_not_run) else {
        return;
    };
    let path = sshd.path("file");
    fs::write(&path, "old").unwrap();
    for budget in [200_000, 400_000, 700_001, 1_000_002] {
        let ssh = Ssh::connect(sshd.endpoint().port(relay(sshd.port(), budget))).unwrap();
        ssh.upload(&vec![b'x'; 3_000_000], path.to_str().unwrap(), 0o600)
            .unwrap_err();
        crate::sshd::soon("the script on the node ends", || leftovers(&sshd) == 0);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    }
}

#[test]
fn at_most_the_end_of_a_file_is_fetched() {
    let Some(sshd) = Sshd::start().filter(is_root_or_not_run) else {
        return;
    };
    let ssh = sshd.connect();
    let (from, to) = (sshd.path("it's -a\nlog"), sshd.path("fetched"));
    let log: Vec<u8> = (0..20_000_000_u32).map(|n| (n % 251) as u8).collect();
    fs::write(&from, &log).unwrap();
    for limit in [
        0,
        1,
        9,
        8 << 20,
        (8 << 20) + 1,
        19_999_999,
        20_000_000,
        u64::MAX,
    ] {
        let size = ssh.download(from.to_str().unwrap(), &to, limit).unwrap();
        assert_eq!(size, 20_000_000);
        let kept = usize::try_from(limit).unwrap().min(log.len());
        assert!(fs::read(&to).unwrap() == log[log.len() - kept..], "{limit}");
    }
    let none = sshd.path("none");
    assert!(
        ssh.download(none.to_str().unwrap(), Path::new("/dev/null"), 9)
            .is_err()
    );
}

fn leftovers(sshd: &Sshd) -> usize {
    let names = fs::read_dir(sshd.path(""))
        .unwrap()
        .map(|e| e.unwrap().file_name());
    names
        .filter(|name| name.to_string_lossy().contains(".schism-"))
        .count()
}
