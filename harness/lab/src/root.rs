//! A node's files: the host's root seen through an overlay, so that every installed program is there and nothing written
//! is seen by anyone else; over it fresh kernel file systems, private directories where people keep things, and the few
//! files that tell it who it is.

use std::{
    ffi::CString,
    fs::{self, File, Permissions},
    io,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{XattrFlags, setxattr},
    mount::{MountFlags, UnmountFlags, mount, mount_bind, mount_remount, unmount},
    process::pivot_root,
};

use crate::{
    LabConfig, LabError,
    config::{CONTROL, LABS, STORES},
    rundir::{RunDir, write_new},
    sshd::{self, Kit},
};

/// Directories that start empty whatever the host has there: scratch space, and what belongs to people.
const PRIVATE: [(&str, u32); 8] = [
    ("tmp", 0o1777),
    ("var/tmp", 0o1777),
    ("root", 0o700),
    ("home", 0o755),
    ("srv", 0o755),
    ("mnt", 0o755),
    ("media", 0o755),
    ("work", 0o755),
];
/// Devices that are safe to share. The last two may be missing.
const DEVICES: [&str; 8] = [
    "null", "zero", "full", "random", "urandom", "tty", "fuse", "net/tun",
];
/// Where a node has the program that made it, to be run there as what faults need. The same words are in the nemesis's
/// `upload.rs`.
const PROGRAM: &str = "usr/lib/schism/schism";
/// Where a file would act on the host's kernel.
const MASKED: [&str; 3] = ["sysrq-trigger", "kmsg", "kcore"];

/// Makes the root of a node and moves this process there.
pub(crate) fn assemble(
    dir: &RunDir,
    config: &LabConfig,
    name: &str,
    kit: &Kit,
) -> Result<(), LabError> {
    let disk = dir.node(config, name);
    let (root, first_boot) = overlay(&disk)?;
    kernel_filesystems(&root)?;
    devices(&root)?;
    program(&root)?;
    tmpfs(&root.join("run"), c"mode=755")?;
    // The host's view of our own and other nodes' data.
    for hidden in [
        Path::new(STORES),
        Path::new(LABS),
        &config.store,
        dir.path(),
    ] {
        let inside = root.join(hidden.strip_prefix("/").unwrap_or(hidden));
        if inside.is_dir() {
            tmpfs(&inside, c"mode=755")?;
        }
    }

    std::env::set_current_dir(&root).map_err(LabError::io("entering", &root))?;
    // The old root comes to lie under the new one (pivot_root(2), "pivot_root(".", ".")") and is taken away.
    pivot_root(".", ".").map_err(LabError::io("turning to", &root))?;
    unmount(".", UnmountFlags::DETACH).map_err(LabError::io("leaving the root behind", &root))?;
    std::env::set_current_dir("/").map_err(LabError::io("entering", "/"))?;

    // Only now: before, a symbolic link could have led to a file of the host.
    if first_boot {
        identity(config, name)?;
    }
    for made in ["/run/lock", "/run/sshd", sshd::DIR] {
        directory(Path::new(made), 0o755)?;
    }
    for (file, contents, mode) in &kit.files {
        write_new(&Path::new(sshd::DIR).join(file), contents, *mode)?;
    }
    Ok(())
}

/// The overlay, and whether it is the first of this node. What a node writes survives in `upper`.
fn overlay(disk: &Path) -> Result<(PathBuf, bool), LabError> {
    let [upper, work, root] = ["upper", "work", "root"].map(|part| disk.join(part));
    let first_boot = !disk.exists();
    if first_boot {
        for made in [disk, &upper, &work, &root] {
            directory(made, 0o755)?;
        }
        let present = |(path, _): &(&str, u32)| Path::new("/").join(path).is_dir();
        for (path, mode) in PRIVATE.into_iter().filter(present) {
            let path = upper.join(path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(LabError::io("creating", parent))?;
            }
            directory(&path, mode)?;
            // "opaque" in the kernel's words: nothing of the layer below shows through.
            setxattr(&path, "trusted.overlay.opaque", b"y", XattrFlags::empty())
                .map_err(LabError::io("hiding the host's", path))?;
        }
    }
    let layers = format!(
        "lowerdir=/,upperdir={},workdir={}",
        upper.display(),
        work.display()
    );
    let layers = CString::new(layers).map_err(LabError::io("mounting", &root))?;
    mount(
        "overlay",
        &root,
        "overlay",
        MountFlags::empty(),
        layers.as_c_str(),
    )
    .map_err(LabError::io("mounting the overlay", &root))?;
    Ok((root, first_boot))
}

/// `/proc` and `/sys`, of this node's namespaces. What they offer beyond those is the host's: to be read only.
fn kernel_filesystems(root: &Path) -> Result<(), LabError> {
    let plain = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let (proc, sys) = (root.join("proc"), root.join("sys"));
    mount("proc", &proc, "proc", plain, None).map_err(LabError::io("mounting", &proc))?;
    mount("sysfs", &sys, "sysfs", plain | MountFlags::RDONLY, None)
        .map_err(LabError::io("mounting", sys))?;
    let knobs = proc.join("sys");
    bind(&knobs, &knobs)?;
    // These are divided by namespaces.
    bind(&knobs.join("net"), &knobs.join("net"))?;
    mount_remount(&knobs, MountFlags::BIND | MountFlags::RDONLY | plain, c"")
        .map_err(LabError::io("protecting", knobs))?;
    for masked in MASKED.map(|file| proc.join(file)) {
        if masked.exists() {
            bind(Path::new("/dev/null"), &masked)?;
        }
    }
    Ok(())
}

fn devices(root: &Path) -> Result<(), LabError> {
    let dev = root.join("dev");
    tmpfs(&dev, c"mode=755")?;
    for made in ["net", "pts", "shm"] {
        directory(&dev.join(made), 0o755)?;
    }
    for name in DEVICES {
        let (host, here) = (Path::new("/dev").join(name), dev.join(name));
        if host.exists() {
            File::create(&here).map_err(LabError::io("creating", &here))?;
            bind(&host, &here)?;
        }
    }
    let pts = dev.join("pts");
    let options = c"newinstance,ptmxmode=0666,mode=620,gid=5";
    mount(
        "devpts",
        &pts,
        "devpts",
        MountFlags::NOSUID | MountFlags::NOEXEC,
        options,
    )
    .map_err(LabError::io("mounting", pts))?;
    tmpfs(&dev.join("shm"), c"mode=1777")?;
    let links = [
        ("pts/ptmx", "ptmx"),
        ("/proc/self/fd", "fd"),
        ("/proc/self/fd/0", "stdin"),
        ("/proc/self/fd/1", "stdout"),
        ("/proc/self/fd/2", "stderr"),
    ];
    for (to, name) in links {
        let path = dev.join(name);
        symlink(to, &path).map_err(LabError::io("linking", path))?;
    }
    Ok(())
}

/// This very program, read-only, wherever it is on the host. A file that was replaced or removed since it was started has no
/// place from which it could be had; the node then has none.
fn program(root: &Path) -> Result<(), LabError> {
    let own = Path::new("/proc/self/exe");
    let Ok(file) = fs::read_link(own) else {
        return Ok(());
    };
    let identity = |path: &Path| fs::metadata(path).map(|m| (m.dev(), m.ino())).ok();
    if identity(&file).is_none() || identity(&file) != identity(own) {
        return Ok(());
    }
    let here = root.join(PROGRAM);
    // A symbolic link of the host's could lead out of the overlay.
    let above = Path::new(PROGRAM).ancestors().map(|path| root.join(path));
    if above.skip(1).any(|path| path.is_symlink()) {
        return Ok(());
    }
    if let Some(parent) = here.parent() {
        fs::create_dir_all(parent).map_err(LabError::io("creating", parent))?;
    }
    replace(&here, b"", 0o755)?;
    bind(&file, &here)?;
    let flags = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
    mount_remount(&here, flags, c"").map_err(LabError::io("protecting", here))
}

/// Who the node is, and whom it knows.
fn identity(config: &LabConfig, name: &str) -> Result<(), LabError> {
    replace(
        Path::new("/etc/hostname"),
        format!("{name}\n").as_bytes(),
        0o644,
    )?;
    replace(Path::new("/etc/hosts"), hosts(config).as_bytes(), 0o644)?;
    // Systems that take it for their own identity must not all be the same one.
    let machine = config.number(name)?;
    replace(
        Path::new("/etc/machine-id"),
        format!("{machine:032x}\n").as_bytes(),
        0o444,
    )?;
    replace(Path::new("/etc/resolv.conf"), b"", 0o644)?;
    let path = Path::new("/etc/shadow");
    if let Some(unlocked) = fs::read_to_string(path)
        .ok()
        .as_deref()
        .and_then(sshd::unlock_root)
    {
        replace(path, unlocked.as_bytes(), 0o600)?;
    }
    Ok(())
}

fn hosts(config: &LabConfig) -> String {
    let nodes = config
        .members()
        .into_iter()
        .map(|node| format!("{} {}\n", node.address, node.name));
    format!(
        "127.0.0.1 localhost\n{CONTROL} control\n{}",
        nodes.collect::<String>()
    )
}

/// A new file in the place of whatever is there, even of a symbolic link.
fn replace(path: &Path, contents: &[u8], mode: u32) -> Result<(), LabError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(LabError::io("replacing", path)(error))
        }
        _ => write_new(path, contents, mode),
    }
}

fn directory(path: &Path, mode: u32) -> Result<(), LabError> {
    let made = fs::create_dir(path);
    // Apart from creation, where the umask takes bits away.
    made.and_then(|()| fs::set_permissions(path, Permissions::from_mode(mode)))
        .map_err(LabError::io("creating", path))
}

fn bind(from: &Path, to: &Path) -> Result<(), LabError> {
    mount_bind(from, to).map_err(LabError::io("binding", to))
}

fn tmpfs(path: &Path, options: &std::ffi::CStr) -> Result<(), LabError> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", path, "tmpfs", flags, options).map_err(LabError::io("mounting", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_is_known_by_name() {
        assert_eq!(
            hosts(&LabConfig::new("a", 2, "/bin/x")),
            "127.0.0.1 localhost\n10.77.0.254 control\n10.77.0.1 n1\n10.77.0.2 n2\n"
        );
    }

    #[test]
    fn a_symbolic_link_is_replaced_and_not_followed() {
        let temp = tempfile::tempdir().unwrap();
        let (victim, path) = (temp.path().join("victim"), temp.path().join("resolv.conf"));
        fs::write(&victim, "precious").unwrap();
        symlink(&victim, &path).unwrap();
        replace(&path, b"new", 0o644).unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }
}
