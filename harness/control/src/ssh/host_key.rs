//! Is this the host that it should be? Nothing is sent to one that is not: no password, no command.

use std::path::Path;

use ssh2::{CheckResult, HashType, KnownHostFileKind, Session};

use super::{Endpoint, HostKeys};
use crate::Error;

/// Checks the key that the host showed.
pub(super) fn check(session: &Session, to: &Endpoint) -> Result<(), Error> {
    let refuse = |reason: String| {
        Err(Error::HostKey {
            node: to.node.name.clone(),
            reason,
        })
    };
    let Some((key, _)) = session.host_key() else {
        return refuse("the server showed no host key".to_owned());
    };
    let print = fingerprint(session);
    match &to.host_keys {
        HostKeys::Pinned(expected) => match pinned(expected) {
            Some(expected) if expected == key => Ok(()),
            _ => refuse(format!(
                "{} shows another host key than the one that was made for it ({print})",
                to.address()
            )),
        },
        HostKeys::Known(file) => {
            let found = look_up(session, to, file, key).or_else(&refuse_file(to, file))?;
            let (host, port) = (&to.host, to.port);
            match found {
                CheckResult::Match => Ok(()),
                CheckResult::NotFound => refuse(format!(
                    "the host key of {} is not in {} ({print}); compare it with the one that the host itself shows, \
                     then add it: ssh-keyscan -p {port} {host} >> {}",
                    to.address(),
                    file.display(),
                    file.display()
                )),
                CheckResult::Mismatch => refuse(format!(
                    "THE HOST KEY OF {} HAS CHANGED: it shows {print}, and {} has another. Somebody may be listening \
                     in, or the host was set up anew. Only if you know that it was: ssh-keygen -R '{}' -f {}",
                    to.address(),
                    file.display(),
                    if port == 22 {
                        host.clone()
                    } else {
                        format!("[{host}]:{port}")
                    },
                    file.display()
                )),
                CheckResult::Failure => refuse(format!("{} could not be searched", file.display())),
            }
        }
    }
}

fn refuse_file<'a, T>(
    to: &'a Endpoint,
    file: &'a Path,
) -> impl Fn(ssh2::Error) -> Result<T, Error> + 'a {
    move |e| {
        Err(Error::HostKey {
            node: to.node.name.clone(),
            reason: format!("{} cannot be read: {}", file.display(), e.message()),
        })
    }
}

fn look_up(
    session: &Session,
    to: &Endpoint,
    file: &Path,
    key: &[u8],
) -> Result<CheckResult, ssh2::Error> {
    let mut known = session.known_hosts()?;
    if file.exists() {
        known.read_file(file, KnownHostFileKind::OpenSSH)?;
    }
    Ok(known.check_port(&to.host, to.port, key))
}

/// The key in `ssh-ed25519 AAAA… comment`.
fn pinned(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let blob = text.split_whitespace().nth(1)?;
    base64::engine::general_purpose::STANDARD.decode(blob).ok()
}

/// As OpenSSH prints it: `SHA256:…`.
fn fingerprint(session: &Session) -> String {
    use base64::Engine as _;
    session.host_key_hash(HashType::Sha256).map_or_else(
        || "no fingerprint".to_owned(),
        |hash| {
            format!(
                "SHA256:{}",
                base64::engine::general_purpose::STANDARD_NO_PAD.encode(hash)
            )
        },
    )
}
