//! What needs root: when it is missing the test says so loudly, or fails where CI promised it.
#![allow(dead_code, unreachable_pub, reason = "shared by several test binaries")]
#![expect(clippy::print_stderr, reason = "a test that did not run must say so")]

use std::{
    path::Path,
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::support::eventually;

static ALONE: Mutex<()> = Mutex::new(());

/// The machine for a test that needs root, one test at a time, because each looks whether anything is left on it; `None`
/// where such tests cannot run, or where `SCHISM_PROPERTY_ROOT=elsewhere` says that another step runs them.
pub fn or_skip() -> Option<MutexGuard<'static, ()>> {
    if std::env::var("SCHISM_PROPERTY_ROOT").is_ok_and(|how| how == "elsewhere") {
        eprintln!("\n!!! NOT RUN: SCHISM_PROPERTY_ROOT says that another step runs it.\n");
        return None;
    }
    let root = rustix::process::geteuid().is_root();
    let sshd = Path::new("/usr/sbin/sshd").exists();
    if root && sshd {
        // A test that failed has said so; the others go on.
        return Some(ALONE.lock().unwrap_or_else(PoisonError::into_inner));
    }
    let why = format!("root: {root}, /usr/sbin/sshd: {sshd}");
    assert!(
        std::env::var_os("SCHISM_REQUIRE_ROOT").is_none(),
        "this test must run here, and cannot: {why}"
    );
    eprintln!(
        "\n!!! NOT RUN: {why}. Run it as root with openssh-server, nftables, iproute2 and etcd-server.\n"
    );
    None
}

/// Nothing of a lab is on this machine: no process of ours, no mount, no link, no firewall rule.
#[track_caller]
pub fn assert_nothing_left(home: &Path) {
    let home = home.to_str().expect("UTF-8");
    let left = || {
        let mut left = Vec::new();
        for process in std::fs::read_dir("/proc").expect("/proc").flatten() {
            let Ok(line) = std::fs::read(process.path().join("cmdline")) else {
                continue;
            };
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            // Labs that runs made; others may be up for good reasons.
            if line.contains("/labs/run-") || (line.contains(" node ") && line.contains(home)) {
                left.push(line);
            }
        }
        let mounts = std::fs::read_to_string("/proc/mounts").expect("/proc/mounts");
        left.extend(
            mounts
                .lines()
                .filter(|l| l.contains("schism"))
                .map(str::to_owned),
        );
        for (program, args) in [("ip", &["-o", "link"][..]), ("nft", &["list", "tables"])] {
            let out = Command::new(program)
                .args(args)
                .output()
                .expect("it is installed");
            let text = String::from_utf8_lossy(&out.stdout).into_owned();
            let ours = |l: &&str| l.contains("br0") || l.contains("veth") || l.contains("schism");
            left.extend(text.lines().filter(ours).map(str::to_owned));
        }
        left
    };
    assert!(
        eventually(Duration::from_secs(5), || left().is_empty()),
        "left behind: {:#?}",
        left()
    );
}
