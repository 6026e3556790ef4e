//! Is this the host that it should be? Nothing is sent to one that is not: no password, no command.
//!
//! A server has several keys, of different types, and shows one of the type that the client likes best. What is trusted
//! is therefore read first, and its types are asked for first; otherwise a host that is known by one key would show
//! another, and be called unknown or changed (OpenSSH does the same: ssh_config(5), `HostKeyAlgorithms`).
//!
//! `known_hosts` is read as OpenSSH reads it (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): names plain or hashed, `[host]:port`
//! for any port but 22, and for those a key under the plain name will do as well. Not read are patterns and certificate
//! authorities, so that hosts known only by these are unknown here. A key that is revoked for any host is refused for all.

use std::{fs, io::ErrorKind, path::Path};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use ssh2::{CheckResult, HashType, KnownHostFileKind, MethodType, Session};

use super::{Endpoint, HostKeys};
use crate::Error;

/// The keys that a host may show.
#[derive(Default)]
pub(super) struct Trusted {
    /// Those under its name and port.
    own: Vec<Vec<u8>>,
    /// Those under its name alone, where the port is not SSH's: they may be another server's.
    shared: Vec<Vec<u8>>,
    /// Those that must not be trusted.
    revoked: Vec<Vec<u8>>,
}

impl Trusted {
    /// What is trusted for this host. `session` is only lent for its library.
    pub(super) fn read(session: &Session, to: &Endpoint) -> Result<Self, Error> {
        match &to.host_keys {
            HostKeys::Pinned(line) => Ok(Self {
                own: line
                    .split_whitespace()
                    .nth(1)
                    .and_then(blob)
                    .into_iter()
                    .collect(),
                ..Self::default()
            }),
            HostKeys::Known(file) => match fs::read(file) {
                Ok(bytes) => Ok(Self::parse(session, to, &String::from_utf8_lossy(&bytes))),
                Err(e) if e.kind() == ErrorKind::NotFound => Ok(Self::default()),
                Err(e) => Err(refusal(
                    to,
                    format!("{} cannot be read: {e}", file.display()),
                )),
            },
        }
    }

    fn parse(session: &Session, to: &Endpoint, text: &str) -> Self {
        let mut trusted = Self::default();
        let name = to.host.to_ascii_lowercase();
        for line in text.lines().map(str::trim) {
            let (marker, line) = match line.split_once(char::is_whitespace) {
                Some((marker, rest)) if marker.starts_with('@') => (marker, rest.trim_start()),
                _ => ("", line),
            };
            let Some(key) = line.split_whitespace().nth(2).and_then(blob) else {
                continue;
            };
            if marker == "@revoked" {
                trusted.revoked.push(key);
            } else if marker.is_empty() && is_for(session, line, &key, &to.known_as()) {
                trusted.own.push(key);
            } else if marker.is_empty() && is_for(session, line, &key, &name) {
                trusted.shared.push(key);
            }
        }
        trusted
    }

    /// Has the server asked for keys of the types that are trusted first.
    pub(super) fn prefer(&self, session: &Session) -> Result<(), ssh2::Error> {
        let keys = match self.own.is_empty() {
            true => &self.shared,
            false => &self.own,
        };
        let types: Vec<_> = keys.iter().filter_map(|key| key_type(key)).collect();
        let mut methods = session.supported_algs(MethodType::HostKey)?;
        methods.retain(|method| !method.contains("-cert-"));
        methods.sort_by_key(|method| !types.contains(&signs_for(method)));
        session.method_pref(MethodType::HostKey, &methods.join(","))
    }

    /// Checks the key that the host showed.
    pub(super) fn check(&self, session: &Session, to: &Endpoint) -> Result<(), Error> {
        let Some((key, _)) = session.host_key() else {
            return Err(refusal(to, "the server showed no host key".to_owned()));
        };
        let among = |keys: &[Vec<u8>]| keys.iter().any(|k| k == key);
        let (address, print) = (to.address(), fingerprint(session));
        let reason = match &to.host_keys {
            _ if among(&self.revoked) => format!("the host key of {address} is revoked ({print})"),
            _ if among(&self.own) => return Ok(()),
            HostKeys::Pinned(_) => {
                format!(
                    "{address} shows another host key than the one that was made for it ({print})"
                )
            }
            HostKeys::Known(file) if !self.own.is_empty() => changed(to, file, &print),
            HostKeys::Known(_) if among(&self.shared) => return Ok(()),
            HostKeys::Known(file) => unknown(to, file, &print),
        };
        Err(refusal(to, reason))
    }
}

fn refusal(to: &Endpoint, reason: String) -> Error {
    Error::HostKey {
        node: to.node.name.clone(),
        reason,
    }
}

fn unknown(to: &Endpoint, file: &Path, print: &str) -> String {
    format!(
        "the host key of {} is not in {} ({print}); compare it with the one that the host itself shows, then add it: \
         ssh-keyscan -p {} {} >> {}",
        to.address(),
        file.display(),
        to.port,
        to.host,
        file.display()
    )
}

fn changed(to: &Endpoint, file: &Path, print: &str) -> String {
    format!(
        "THE HOST KEY OF {} HAS CHANGED: it shows {print}, and {} has another. Somebody may be listening in, or the host \
         was set up anew. Only if you know that it was: ssh-keygen -R '{}' -f {}",
        to.address(),
        file.display(),
        to.known_as(),
        file.display()
    )
}

/// Whether this line of known_hosts, which has this key, is for a host of this name.
fn is_for(session: &Session, line: &str, key: &[u8], name: &str) -> bool {
    session.known_hosts().is_ok_and(|mut known| {
        known.read_str(line, KnownHostFileKind::OpenSSH).is_ok()
            && matches!(known.check(name, key), CheckResult::Match)
    })
}

fn blob(base64: &str) -> Option<Vec<u8>> {
    STANDARD.decode(base64).ok()
}

/// The type of a key, which is the first string in it (RFC 4253, section 6.6).
fn key_type(key: &[u8]) -> Option<&str> {
    let (length, rest) = key.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    std::str::from_utf8(rest.get(..length)?).ok()
}

/// The type of key that a signature method needs: RSA keys have several (RFC 8332).
fn signs_for(method: &str) -> &str {
    match method {
        "rsa-sha2-256" | "rsa-sha2-512" => "ssh-rsa",
        other => other,
    }
}

/// As OpenSSH prints it: `SHA256:…`.
fn fingerprint(session: &Session) -> String {
    session.host_key_hash(HashType::Sha256).map_or_else(
        || "no fingerprint".to_owned(),
        |hash| format!("SHA256:{}", STANDARD_NO_PAD.encode(hash)),
    )
}
