//! Logging in, by each way that was given, in order.

use ssh2::Session;

use super::{Auth, Endpoint};
use crate::Error;

/// Logs in, or says what was tried.
pub(super) fn log_in(session: &Session, to: &Endpoint) -> Result<(), Error> {
    let mut tried = Vec::new();
    for auth in &to.auth {
        let outcome = match auth {
            Auth::Agent => agent(session, &to.user),
            Auth::Key { file, passphrase } => {
                let passphrase = passphrase.as_ref().map(super::Password::reveal);
                session
                    .userauth_pubkey_file(&to.user, None, file, passphrase)
                    .map_err(|e| e.message().to_owned())
            }
            Auth::Password(password) => session
                .userauth_password(&to.user, password.reveal())
                .map_err(|e| e.message().to_owned()),
        };
        match outcome {
            Ok(()) if session.authenticated() => return Ok(()),
            Ok(()) => tried.push(format!("{}: not enough", name(auth))),
            Err(why) => tried.push(format!("{}: {why}", name(auth))),
        }
    }
    let tried = if tried.is_empty() {
        "there was nothing to try".to_owned()
    } else {
        tried.join("; ")
    };
    Err(Error::Auth {
        node: to.node.name.clone(),
        user: to.user.clone(),
        reason: format!(
            "{tried}. Name a key that the host accepts (--ssh-key FILE), or the user (--ssh-user NAME)"
        ),
    })
}

fn agent(session: &Session, user: &str) -> Result<(), String> {
    if std::env::var_os("SSH_AUTH_SOCK").is_none() {
        return Err("none runs (SSH_AUTH_SOCK is not set)".to_owned());
    }
    session
        .userauth_agent(user)
        .map_err(|e| e.message().to_owned())
}

fn name(auth: &Auth) -> String {
    match auth {
        Auth::Agent => "agent".to_owned(),
        Auth::Key { file, .. } => format!("key {}", file.display()),
        Auth::Password(_) => "password".to_owned(),
    }
}
