//! The sshd of nodes: its keys, made for each lab, and its configuration, the same on every node and independent of the
//! host's. What matters is that logins are quick and never refused for being many. A fresh login takes about 0.15 s with
//! curve25519 and 0.4 s with OpenSSH's default key exchange, of which the post-quantum half is not needed here.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    LabError,
    preflight::find_program,
    rundir::{RunDir, write_new},
};

/// Where a node's sshd has its files: in memory, made anew at every boot, out of the way of what is being tested.
pub(crate) const DIR: &str = "/run/schism-lab";
/// Its port.
pub(crate) const PORT: u16 = 22;

/// Makes a lab's keys and configuration.
pub(crate) fn prepare(dir: &RunDir) -> Result<(), LabError> {
    let keygen = find_program("ssh-keygen").ok_or_else(|| gone("ssh-keygen"))?;
    let keys = [dir.client_key(), dir.host_key()].map(|key| {
        let child = Command::new(&keygen)
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "schism-lab", "-f"])
            .arg(&key)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        (key, child)
    });
    let version = version()?;
    for (key, child) in keys {
        let output = child
            .and_then(std::process::Child::wait_with_output)
            .map_err(LabError::io("running ssh-keygen for", &key))?;
        if !output.status.success() {
            return Err(LabError::Tool {
                tool: "ssh-keygen",
                reason: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            });
        }
    }
    let known = format!("10.77.0.* {}\n", public_key(&dir.host_key())?);
    write_new(&dir.known_hosts(), known.as_bytes(), 0o644)?;
    write_new(&dir.sshd_config(), config(version).as_bytes(), 0o600)
}

/// The public half of a key: type and data, without the comment.
pub(crate) fn public_key(private: &Path) -> Result<String, LabError> {
    let path = private.with_extension("pub");
    let text = fs::read_to_string(&path).map_err(LabError::io("reading", path))?;
    Ok(text
        .split_whitespace()
        .take(2)
        .collect::<Vec<_>>()
        .join(" "))
}

/// What a node needs of it all, read while the run directory can still be seen.
pub(crate) struct Kit {
    pub(crate) program: PathBuf,
    /// Names, contents and modes of the files in [`DIR`].
    pub(crate) files: [(&'static str, Vec<u8>, u32); 3],
}

impl Kit {
    pub(crate) fn read(dir: &RunDir) -> Result<Self, LabError> {
        let read = |path: PathBuf| fs::read(&path).map_err(LabError::io("reading", path));
        Ok(Self {
            program: find_program("sshd").ok_or_else(|| gone("sshd"))?,
            files: [
                ("sshd_config", read(dir.sshd_config())?, 0o600),
                ("host_key", read(dir.host_key())?, 0o600),
                (
                    "authorized_keys",
                    public_key(&dir.client_key())?.into_bytes(),
                    0o644,
                ),
            ],
        })
    }
}

fn gone(tool: &'static str) -> LabError {
    LabError::Tool {
        tool,
        reason: "not found".into(),
    }
}

/// Major and minor version. Old ones complain about `-V`, and say their version while they do.
fn version() -> Result<(u32, u32), LabError> {
    let program = find_program("sshd").ok_or_else(|| gone("sshd"))?;
    let output = Command::new(&program)
        .arg("-V")
        .stdin(Stdio::null())
        .output();
    let output = output.map_err(LabError::io("starting", program))?;
    let said = [output.stdout, output.stderr].concat();
    Ok(parse_version(&String::from_utf8_lossy(&said)).unwrap_or((0, 0)))
}

fn parse_version(said: &str) -> Option<(u32, u32)> {
    let (_, behind) = said.split_once("OpenSSH_")?;
    let (major, behind) = behind.split_once('.')?;
    let minor: String = behind.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn config(version: (u32, u32)) -> String {
    // From this version on, clients whose connections broke a few times are locked out. Ours break on purpose.
    let patience = if version >= (9, 8) {
        "PerSourcePenalties no\n"
    } else {
        ""
    };
    format!(
        "Port {PORT}\n\
         ListenAddress 0.0.0.0\n\
         HostKey {DIR}/host_key\n\
         AuthorizedKeysFile {DIR}/authorized_keys\n\
         KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org\n\
         PermitRootLogin prohibit-password\n\
         PasswordAuthentication no\n\
         KbdInteractiveAuthentication no\n\
         UsePAM no\n\
         UseDNS no\n\
         StrictModes no\n\
         MaxAuthTries 20\n\
         MaxSessions 1000\n\
         MaxStartups 1000\n\
         PrintMotd no\n\
         PrintLastLog no\n\
         PidFile none\n\
         Subsystem sftp internal-sftp\n\
         {patience}"
    )
}

/// `/etc/shadow` with root's account unlocked (its password stays impossible), or `None` if it is not locked. Without PAM,
/// sshd turns away accounts whose password begins with `!`, as root's does on Ubuntu.
pub(crate) fn unlock_root(shadow: &str) -> Option<String> {
    let (before, behind) = shadow.split_once("root:!")?;
    if !(before.is_empty() || before.ends_with('\n')) {
        return None;
    }
    let fields = &behind[behind.find(':')?..];
    Some(format!("{before}root:*{fields}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_sshd_says() {
        assert_eq!(
            parse_version("OpenSSH_9.2p1 Debian-2, OpenSSL 3"),
            Some((9, 2))
        );
        assert_eq!(
            parse_version("unknown option -- V\nOpenSSH_8.4p1, OpenSSL 1.1"),
            Some((8, 4))
        );
        assert_eq!(parse_version("dropbear"), None);
    }

    #[test]
    fn penalties_are_switched_off_where_they_exist() {
        assert!(config((9, 8)).contains("PerSourcePenalties no\n"));
        assert!(config((10, 0)).contains("PerSourcePenalties no\n"));
        assert!(!config((9, 7)).contains("PerSourcePenalties"));
    }

    #[test]
    fn only_a_locked_root_is_unlocked() {
        assert_eq!(
            unlock_root("root:!abc:1:0\nx:!:1\n").unwrap(),
            "root:*:1:0\nx:!:1\n"
        );
        assert_eq!(
            unlock_root("a:!:1\nroot:!:1:0\n").unwrap(),
            "a:!:1\nroot:*:1:0\n"
        );
        assert_eq!(unlock_root("root:*:1:0\nmyroot:!:1\n"), None);
    }
}
