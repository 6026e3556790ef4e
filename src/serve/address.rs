//! Where the server listens, and who may ask: everybody on this machine where it listens to nobody else, those who know the
//! token otherwise.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::exit::Failure;

/// How long a token is at least, in characters.
const SHORTEST: usize = 16;

/// Where, and for whom.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    /// Where it listens.
    pub(crate) socket: SocketAddr,
    /// What everybody has to know, if anything.
    pub(crate) token: Option<Token>,
}

impl Address {
    /// As the options want it. What other machines can reach needs a token.
    pub(crate) fn new(host: &str, port: u16, token: Option<Token>) -> Result<Self, Failure> {
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let ip = match bare.unwrap_or(host) {
            "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            text => text.parse().map_err(|_| {
                Failure::usage(format!(
                    "--host {host} is no IP address; give one of this machine's, or 0.0.0.0 for all of them"
                ))
            })?,
        };
        let address = Self {
            socket: SocketAddr::new(ip, port),
            token,
        };
        if address.token.is_none() && !address.is_loopback() {
            return Err(Failure::usage(format!(
                "--host {host} lets other machines read all runs, and --token says who may: --token auto makes one and prints it, \
                 --token file:PATH and --token env:NAME take yours. Without either, leave --host out and let them \
                 in by ssh: ssh -L {port}:127.0.0.1:{port} THIS-MACHINE"
            )));
        }
        Ok(address)
    }

    /// Whether only this machine can reach it.
    pub(crate) fn is_loopback(&self) -> bool {
        self.socket.ip().to_canonical().is_loopback()
    }
}

/// A secret that lets its bearer in. Shown only on purpose.
#[derive(Clone)]
pub(crate) struct Token {
    text: String,
    digest: [u8; 32],
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// From what `--token` says: `auto`, `file:PATH`, `env:NAME`; never the secret itself.
    pub(crate) fn from_option(option: &str) -> Result<Self, Failure> {
        if option == "auto" {
            return Self::random();
        }
        if let Some(path) = option.strip_prefix("file:") {
            let text = std::fs::read_to_string(Path::new(path));
            let text = text.map_err(|e| {
                Failure::usage(format!("--token {option}: cannot read {path}: {e}"))
            })?;
            return Self::new(text.trim(), option);
        }
        if let Some(name) = option.strip_prefix("env:") {
            let text = std::env::var(name)
                .map_err(|_| Failure::usage(format!("--token {option}: {name} is not set")))?;
            return Self::new(text.trim(), option);
        }
        // Not repeated: it may be a secret.
        Err(Failure::usage(
            "--token takes auto, file:PATH or env:NAME; the secret itself would be seen by everybody who lists the \
             processes of this machine",
        ))
    }

    fn new(text: &str, option: &str) -> Result<Self, Failure> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        if text.len() < SHORTEST || !text.chars().all(fits) {
            return Err(Failure::usage(format!(
                "--token {option}: a token has at least {SHORTEST} characters, of letters, digits and - . _ ~ only; \
                 openssl rand -hex 16 makes one"
            )));
        }
        Ok(Self {
            text: text.to_owned(),
            digest: Sha256::digest(text).into(),
        })
    }

    fn random() -> Result<Self, Failure> {
        let mut bytes = [0_u8; 24];
        let mut got = 0;
        while got < bytes.len() {
            let flags = rustix::rand::GetRandomFlags::empty();
            got += rustix::rand::getrandom(&mut bytes[got..], flags)
                .map_err(|e| Failure::infrastructure(format!("no randomness: {e}")))?;
        }
        Self::new(&URL_SAFE_NO_PAD.encode(bytes), "auto")
    }

    /// The secret.
    pub(crate) fn reveal(&self) -> &str {
        &self.text
    }

    /// Whether this is it. How long that takes says nothing of how much of it is right: digests are compared, all of them.
    pub(super) fn is(&self, candidate: &[u8]) -> bool {
        let candidate: [u8; 32] = Sha256::digest(candidate).into();
        let pairs = self.digest.iter().zip(candidate);
        let different = pairs.fold(0, |all, (a, b)| std::hint::black_box(all | (a ^ b)));
        different == 0
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::exit::Exit;

    pub(in crate::serve) fn token(text: &str) -> Token {
        Token::new(text, "file:x").unwrap()
    }

    #[test]
    fn only_this_machine_is_let_in_without_a_token() {
        for host in [
            "127.0.0.1",
            "localhost",
            "::1",
            "[::1]",
            "127.8.8.8",
            "::ffff:127.0.0.1",
        ] {
            let address = Address::new(host, 8080, None).unwrap();
            assert!(address.is_loopback(), "{host}");
        }
        for host in [
            "0.0.0.0",
            "::",
            "192.168.0.7",
            "10.0.0.1",
            "::ffff:10.0.0.1",
        ] {
            let refused = Address::new(host, 8080, None).unwrap_err();
            assert_eq!(refused.exit, Exit::Usage);
            assert!(
                refused.message.contains("--token auto"),
                "{}",
                refused.message
            );
            let told = Address::new(host, 8080, Some(token("0123456789abcdef"))).unwrap();
            assert!(!told.is_loopback(), "{host}");
        }
        for host in ["example.org", "", "127.0.0.1:80", "127.1"] {
            assert_eq!(
                Address::new(host, 1, None).unwrap_err().exit,
                Exit::Usage,
                "{host}"
            );
        }
    }

    #[test]
    fn a_token_is_never_on_the_command_line_nor_in_what_we_say() {
        let refused = Token::from_option("hunter2hunter2hunter2").unwrap_err();
        assert!(!refused.message.contains("hunter2"), "{}", refused.message);
        let secret = token("hunter2hunter2hunter2");
        assert!(!format!("{secret:?}").contains("hunter2"));
        let address = Address::new("0.0.0.0", 1, Some(secret)).unwrap();
        assert!(!format!("{address:?}").contains("hunter2"));
    }

    #[test]
    fn a_token_comes_from_a_file_or_is_made_and_is_long_enough() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        for (text, good) in [
            ("0123456789abcdef\n", true),
            ("short\n", false),
            ("", false),
            ("0123456789abcdef; Path=/", false),
            ("0123456789abcde\u{e9}", false),
        ] {
            std::fs::write(&path, text).unwrap();
            let token = Token::from_option(&format!("file:{}", path.display()));
            assert_eq!(token.is_ok(), good, "{text:?}");
        }
        assert!(Token::from_option("file:/nonexistent").is_err());
        assert!(Token::from_option("env:SCHISM_PROPERTY_NOT_SET").is_err());
        let (a, b) = (Token::random().unwrap(), Token::random().unwrap());
        assert_eq!(a.reveal().len(), 32);
        assert!(a.is(a.reveal().as_bytes()) && !a.is(b.reveal().as_bytes()));
    }

    #[test]
    fn only_all_of_a_token_is_the_token() {
        let it = token("0123456789abcdef");
        for (candidate, is) in [
            ("0123456789abcdef", true),
            ("0123456789abcdeF", false),
            ("0123456789abcde", false),
            ("0123456789abcdef0", false),
            ("", false),
        ] {
            assert_eq!(it.is(candidate.as_bytes()), is, "{candidate}");
        }
    }
}
