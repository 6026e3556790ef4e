//! Logging in, by each way that was given, in order.

use std::time::Instant;

use ssh2::{ErrorCode, Session};

use super::{Auth, Endpoint, session::limit};
use crate::Error;

/// libssh2's codes for a connection that is no more: could not send, timed out, was closed, timed out, could not receive.
const GONE: [i32; 5] = [-7, -9, -13, -30, -43];

/// Logs in before the time is up, or says what was tried.
pub(super) fn log_in(session: &Session, to: &Endpoint, until: Instant) -> Result<(), Error> {
    let mut tried = Vec::new();
    for auth in &to.auth {
        limit(session, until);
        let outcome = match auth {
            Auth::Agent => agent(session, &to.user, until),
            Auth::Key { file, passphrase } => {
                let passphrase = passphrase.as_ref().map(super::Password::reveal);
                session
                    .userauth_pubkey_file(&to.user, None, file, passphrase)
                    .map_err(Refused::Ssh)
            }
            Auth::Password(password) => session
                .userauth_password(&to.user, password.reveal())
                .map_err(Refused::Ssh),
        };
        match outcome {
            Ok(()) if session.authenticated() => return Ok(()),
            Ok(()) => tried.push(format!("{}: not enough", name(auth))),
            // A server that has refused something may hang up; one that has not is out of reach.
            Err(Refused::Ssh(e)) if tried.is_empty() && is_gone(&e) => {
                return Err(to.unreachable(format!("lost while logging in: {}", e.message())));
            }
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

#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("none runs (SSH_AUTH_SOCK is not set)")]
    NoAgent,
    #[error("it has no keys")]
    NoKeys,
    #[error("{}", .0.message())]
    Ssh(#[from] ssh2::Error),
}

/// Tries the agent's keys in its order, each within what is left of the time.
fn agent(session: &Session, user: &str, until: Instant) -> Result<(), Refused> {
    if std::env::var_os("SSH_AUTH_SOCK").is_none() {
        return Err(Refused::NoAgent);
    }
    let mut agent = session.agent()?;
    agent.connect()?;
    agent.list_identities()?;
    let mut outcome = Err(Refused::NoKeys);
    for key in agent.identities()? {
        limit(session, until);
        outcome = agent.userauth(user, &key).map_err(Refused::Ssh);
        match &outcome {
            Err(Refused::Ssh(e)) if !is_gone(e) => {}
            _ => break,
        }
    }
    outcome
}

fn is_gone(error: &ssh2::Error) -> bool {
    matches!(error.code(), ErrorCode::Session(code) if GONE.contains(&code))
}

fn name(auth: &Auth) -> String {
    match auth {
        Auth::Agent => "agent".to_owned(),
        Auth::Key { file, .. } => format!("key {}", file.display()),
        Auth::Password(_) => "password".to_owned(),
    }
}
