//! Whether this is the host that it should be.

use std::{fs, process::Command as Process};

use schism_control::{Error, HostKeys, Ssh};

use crate::sshd::{Sshd, whoami};

/// Tries to connect with this as known_hosts.
fn with(sshd: &Sshd, known: &str) -> Result<Ssh, Error> {
    let file = sshd.path("known_hosts");
    fs::write(&file, known).unwrap();
    Ssh::connect(sshd.endpoint_of(&whoami(), HostKeys::Known(file)))
}

/// The line of known_hosts for the host key of this type.
fn line(sshd: &Sshd, kind: &str) -> String {
    let key = sshd.text(&format!("host_{kind}.pub"));
    format!("[127.0.0.1]:{} {key}", sshd.port())
}

fn complaint(result: Result<Ssh, Error>) -> String {
    match result {
        Err(error @ Error::HostKey { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_known_host_is_accepted_in_plain_and_hashed() {
    let Some(sshd) = Sshd::start() else { return };
    with(&sshd, &line(&sshd, "ed25519")).unwrap();
    let hash = Process::new("ssh-keygen")
        .args(["-q", "-H", "-f"])
        .arg(sshd.path("known_hosts"))
        .output()
        .unwrap();
    assert!(hash.status.success(), "{hash:?}");
    let hashed = sshd.text("known_hosts");
    assert!(hashed.starts_with("|1|"), "{hashed}");
    with(&sshd, &hashed).unwrap();
}

#[test]
fn an_unknown_host_is_refused_with_what_to_do() {
    let Some(sshd) = Sshd::start() else { return };
    let other = line(&sshd, "ed25519").replace("127.0.0.1", "127.0.0.9");
    for known in ["", "# nothing\n\n", &other] {
        let why = complaint(with(&sshd, known));
        assert!(
            why.contains("is not in") && why.contains("SHA256:"),
            "{why}"
        );
        assert!(
            why.contains(&format!("ssh-keyscan -p {} 127.0.0.1", sshd.port())),
            "{why}"
        );
    }
    let none = HostKeys::Known(sshd.path("no/such/file"));
    let why = complaint(Ssh::connect(sshd.endpoint_of(&whoami(), none)));
    assert!(why.contains("is not in"), "{why}");
}

#[test]
fn a_changed_host_is_refused() {
    let Some(sshd) = Sshd::start() else { return };
    let known = format!("[127.0.0.1]:{} {}", sshd.port(), sshd.text("stranger.pub"));
    let why = complaint(with(&sshd, &known));
    assert!(why.contains("HAS CHANGED"), "{why}");
    assert!(
        why.contains(&format!("ssh-keygen -R '[127.0.0.1]:{}'", sshd.port())),
        "{why}"
    );
}

#[test]
fn a_host_known_by_any_one_of_its_keys_is_accepted() {
    let kinds = ["rsa", "ecdsa", "ed25519"];
    let Some(sshd) = Sshd::with(&kinds, "") else {
        return;
    };
    for kind in kinds {
        with(&sshd, &line(&sshd, kind)).unwrap();
    }
    // One right key is enough, whatever else is there and cannot be read.
    let known = format!(
        "what is this?\n@cert-authority * {}{}",
        sshd.text("stranger.pub"),
        line(&sshd, "ecdsa")
    );
    with(&sshd, &known).unwrap();
}

#[test]
fn a_key_under_the_plain_name_may_be_another_servers_where_the_port_is_not_sshs() {
    let Some(sshd) = Sshd::start() else { return };
    let plain = |key: &str| format!("127.0.0.1 {}", sshd.text(key));
    with(&sshd, &plain("host_ed25519.pub")).unwrap();
    let why = complaint(with(&sshd, &plain("stranger.pub")));
    assert!(why.contains("is not in"), "{why}");
}

#[test]
fn a_revoked_key_is_refused_even_where_it_is_known() {
    let Some(sshd) = Sshd::start() else { return };
    let known = line(&sshd, "ed25519");
    let why = complaint(with(
        &sshd,
        &format!("{known}@revoked * {}", sshd.text("host_ed25519.pub")),
    ));
    assert!(why.contains("is revoked"), "{why}");
}

#[test]
fn a_pinned_host_is_accepted_by_its_key_alone() {
    let Some(sshd) = Sshd::with(&["ecdsa", "ed25519"], "") else {
        return;
    };
    for kind in ["ecdsa", "ed25519"] {
        let pinned = HostKeys::Pinned(sshd.text(&format!("host_{kind}.pub")));
        Ssh::connect(sshd.endpoint_of(&whoami(), pinned)).unwrap();
    }
    for other in [
        sshd.text("stranger.pub"),
        "nonsense".to_owned(),
        String::new(),
    ] {
        let pinned = sshd.endpoint_of(&whoami(), HostKeys::Pinned(other));
        let why = complaint(Ssh::connect(pinned));
        assert!(why.contains("shows another host key"), "{why}");
    }
}
