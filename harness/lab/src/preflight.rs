//! Whether this machine can have a lab, found out before anything is made, and what to do if it cannot.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustix::thread::{CapabilitySet, capabilities};

use crate::Missing;

/// Where programs of the system are. Not `PATH`: that of an ordinary user has no sbin.
const BINARIES: [&str; 6] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

/// Everything that is missing on this machine. Empty: a lab can be made.
pub fn preflight() -> Vec<Missing> {
    let mut missing = Vec::new();
    let may = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    if !rustix::process::geteuid().is_root() {
        missing.push(Missing {
            what: "root".into(),
            why: "to create namespaces and mounts",
            fix: "run it with sudo".into(),
        });
    } else if !may.contains(CapabilitySet::SYS_ADMIN | CapabilitySet::NET_ADMIN) {
        missing.push(Missing {
            what: "CAP_SYS_ADMIN or CAP_NET_ADMIN".into(),
            why: "to create namespaces and mounts",
            fix: "run it outside of this container, or start the container with `docker run --privileged`".into(),
        });
    }
    let filesystems = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    if !filesystems.split_whitespace().any(|word| word == "overlay") {
        missing.push(Missing {
            what: "overlayfs in the kernel".into(),
            why: "to give every node its own root directory",
            fix: "modprobe overlay, or a kernel with CONFIG_OVERLAY_FS".into(),
        });
    }
    for (kind, option) in [
        ("pid", "PID_NS"),
        ("mnt", "NAMESPACES"),
        ("net", "NET_NS"),
        ("uts", "UTS_NS"),
        ("ipc", "IPC_NS"),
    ] {
        if !Path::new("/proc/self/ns").join(kind).exists() {
            missing.push(Missing {
                what: format!("the namespace `{kind}` in the kernel"),
                why: "to isolate nodes",
                fix: format!("a kernel with CONFIG_{option}"),
            });
        }
    }
    let programs = [
        ("sshd", "openssh-server", "to log in to nodes"),
        ("ssh-keygen", "openssh-client", "to make the lab's keys"),
        ("ip", "iproute2", "to make the lab's network"),
    ];
    for (program, package, why) in programs {
        if find_program(program).is_none() {
            missing.push(Missing {
                what: program.into(),
                why,
                fix: install(package, Path::new("/usr/bin/apt-get").exists()),
            });
        }
    }
    missing
}

/// Where a program of the system is.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    BINARIES
        .iter()
        .map(|dir| Path::new(dir).join(name))
        .find(|path| path.is_file())
}

fn install(package: &str, debian: bool) -> String {
    if debian {
        format!("apt-get update && apt-get install -y --no-install-recommends {package}")
    } else {
        format!("install the package {package} (Debian's name) with the system's package manager")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_without_a_path() {
        assert!(find_program("sh").is_some());
        assert!(find_program("no-such-program-here").is_none());
    }

    #[test]
    fn the_remedy_on_debian_is_a_command() {
        assert_eq!(
            install("iproute2", true),
            "apt-get update && apt-get install -y --no-install-recommends iproute2"
        );
        assert!(install("iproute2", false).contains("iproute2"));
    }
}
