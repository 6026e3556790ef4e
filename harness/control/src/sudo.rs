//! Becoming root through sudo.
//!
//! Whether sudo let us in is not read from its words, which differ by version and language, nor from the exit status,
//! which may be the command's. What it runs first is a line of shell that leaves a *mark* on standard error; without
//! the mark it refused, and everything there is what it said.
//!
//! A password goes over standard input, never into an argument. sudo may ask for it or not (`NOPASSWD`, a cached
//! ticket), and what it leaves unread must never become the command's input: the same line of shell reads up to the mark,
//! which follows the password. Neither sudo nor read(1) takes more from a pipe than its line.

use crate::Error;

/// Comes after the password in the input, and before the command's own words on standard error.
const MARK: &str = "schism: begin";

/// The words that run these as root, and what must go before their input.
pub(crate) fn wrap(words: Vec<String>, password: Option<&str>) -> (Vec<String>, String) {
    let sudo: &[&str] = match password {
        // -k: ask even if it was asked a moment ago; an old ticket would hide a password that is wrong.
        Some(_) => &["sudo", "-k", "-S", "-p", ""],
        None => &["sudo", "-n"],
    };
    let script =
        r#"while IFS= read -r line && [ "$line" != "$0" ]; do :; done; echo "$0" >&2; exec "$@""#;
    let wrapped = sudo
        .iter()
        .copied()
        .chain(["--", "/bin/sh", "-c", script, MARK])
        .map(str::to_owned)
        .chain(words)
        .collect();
    let password = password.map_or(String::new(), |p| format!("{p}\n"));
    (wrapped, format!("{password}{MARK}\n"))
}

/// Takes the mark, and what sudo said before it, from the command's standard error; an error if there is none.
pub(crate) fn admitted(stderr: &mut Vec<u8>, node: &str, user: &str) -> Result<(), Error> {
    let mark = format!("{MARK}\n");
    let at = stderr
        .windows(mark.len())
        .position(|window| window == mark.as_bytes());
    if let Some(at) = at {
        stderr.drain(..at + mark.len());
        return Ok(());
    }
    let said = String::from_utf8_lossy(stderr);
    let line = said.trim().lines().last().unwrap_or("sudo said nothing");
    Err(Error::Sudo {
        node: node.to_owned(),
        reason: format!(
            "{line}; log in as root, allow {user} to use sudo without a password, or give the password \
             (cluster.ssh.sudo_password: ${{env:NAME}})"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_in_the_input_and_not_in_the_words() {
        let (words, input) = wrap(vec!["id".to_owned()], Some("hunter2"));
        assert_eq!(input, "hunter2\nschism: begin\n");
        assert!(!words.concat().contains("hunter2"));
        assert_eq!(wrap(Vec::new(), None).1, "schism: begin\n");
    }

    #[test]
    fn only_the_mark_tells_a_refusal_from_a_command_that_fails() {
        let mut stderr = b"a lecture\nschism: begin\nuser a is not allowed to do that".to_vec();
        assert!(admitted(&mut stderr, "n1", "joe").is_ok());
        assert_eq!(stderr, b"user a is not allowed to do that");
        let mut stderr = "sudo: il est nécessaire de saisir un mot de passe\n".into();
        let error = admitted(&mut stderr, "n1", "joe").unwrap_err();
        assert!(error.to_string().starts_with("n1: no root: sudo: il est"));
    }
}
