//! Who is let in, and what is said of who is not.

use schism_control::{Auth, Error, HostKeys, Password, Ssh};

use crate::sshd::{PASSWORD, Sshd, USER, password};

fn refused(sshd: &Sshd, auth: Vec<Auth>) -> String {
    match Ssh::connect(sshd.endpoint().auth(auth)) {
        Err(error @ Error::Auth { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wrong_key_is_refused_by_name() {
    let Some(sshd) = Sshd::start() else { return };
    let why = refused(&sshd, vec![sshd.key("stranger")]);
    assert!(
        why.contains("n1: login as ") && why.contains("/stranger: "),
        "{why}"
    );
    let why = refused(&sshd, vec![sshd.key("no such key")]);
    assert!(why.contains("/no such key: "), "{why}");
    let why = refused(&sshd, Vec::new());
    assert!(why.contains("there was nothing to try"), "{why}");
}

#[test]
fn the_ways_are_tried_in_order_until_one_is_accepted() {
    let Some(sshd) = Sshd::start() else { return };
    let ways = vec![
        sshd.key("stranger"),
        sshd.key("no such key"),
        sshd.key("user"),
    ];
    Ssh::connect(sshd.endpoint().auth(ways)).unwrap();
}

#[test]
fn a_secret_is_in_no_error_and_not_in_what_is_printed_of_an_endpoint() {
    let Some(sshd) = Sshd::start() else { return };
    let auth = vec![
        Auth::Password(Password::new("hunter2")),
        Auth::Key {
            file: sshd.path("stranger"),
            passphrase: password("hunter2"),
        },
    ];
    let why = refused(&sshd, auth.clone());
    assert!(
        why.contains("password: ") && !why.contains("hunter2"),
        "{why}"
    );
    let endpoint = sshd
        .endpoint()
        .auth(auth)
        .sudo_password(password("hunter2"));
    let printed = format!("{endpoint:?}");
    assert!(
        printed.contains("(secret)") && !printed.contains("hunter2"),
        "{printed}"
    );
    let printed = format!(
        "{:?}",
        Ssh::connect(endpoint.auth(vec![sshd.key("user")])).unwrap()
    );
    assert!(
        printed.contains("(secret)") && !printed.contains("hunter2"),
        "{printed}"
    );
}

#[test]
fn a_password_is_accepted() {
    // The password is that of a user who is made up, as is done for sudo.
    let Some(sshd) = Sshd::with_sudo("") else {
        return;
    };
    let pinned = HostKeys::Pinned(sshd.text("host_ed25519.pub"));
    let endpoint = sshd.endpoint_of(USER, pinned);
    Ssh::connect(endpoint.auth(vec![Auth::Password(Password::new(PASSWORD))])).unwrap();
}
