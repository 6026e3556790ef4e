//! Becoming root through the real sudo, as a user who exists only in the mount namespace of the test's sshd.

use schism_control::{Command, Error, HostKeys, Remote as _, Ssh};

use crate::sshd::{PASSWORD, Sshd, USER, password, sh};

const ASKED: &str = "schismtest ALL=(ALL) ALL";
const NOT_ASKED: &str = "schismtest ALL=(ALL) NOPASSWD: ALL";

fn log_in(sshd: &Sshd, secret: Option<&str>) -> Ssh {
    let pinned = HostKeys::Pinned(sshd.text("host_ed25519.pub"));
    let endpoint = sshd.endpoint_of(USER, pinned);
    Ssh::connect(endpoint.sudo_password(secret.and_then(password))).unwrap()
}

/// Prints who it is and all of its input, and complains a little.
fn who() -> Command {
    sh(
        "id -un; cat; echo user a is not allowed to >&2; exit 7",
        [""; 0],
    )
    .stdin("1\n2\n")
}

#[test]
fn a_command_is_roots_only_where_it_asks_for_that_and_its_input_is_its_own() {
    for (rules, secret) in [
        (NOT_ASKED, None),
        // A password that sudo does not ask for must not become input.
        (NOT_ASKED, Some("unneeded")),
        (ASKED, Some(PASSWORD)),
    ] {
        let Some(sshd) = Sshd::with_sudo(rules) else {
            return;
        };
        let ssh = log_in(&sshd, secret);
        for (command, user) in [
            (who().root(), "root"),
            (who(), USER),
            (who().root(), "root"),
        ] {
            let out = ssh.exec(&command).unwrap();
            let said = (out.status, out.text(), out.complaint());
            let expected = format!("{user}\n1\n2");
            assert_eq!(
                said,
                (7, expected, "user a is not allowed to".to_owned()),
                "{rules} {secret:?}"
            );
        }
        let quiet = ssh.exec(&sh("cat", [""; 0]).root()).unwrap();
        assert_eq!(
            (quiet.text(), quiet.complaint()),
            (String::new(), String::new())
        );
    }
}

#[test]
fn a_file_is_written_as_root() {
    for (rules, secret) in [(NOT_ASKED, Some("unneeded")), (ASKED, Some(PASSWORD))] {
        let Some(sshd) = Sshd::with_sudo(rules) else {
            return;
        };
        let ssh = log_in(&sshd, secret);
        ssh.upload(b"contents", sshd.path("file").to_str().unwrap(), 0o600)
            .unwrap();
        assert_eq!(sshd.text("file"), "contents");
        let size = ssh.download(sshd.path("shadow").to_str().unwrap(), &sshd.path("copy"), 9);
        assert!(size.unwrap() > 9 && sshd.text("copy").len() == 9);
    }
}

#[test]
fn a_refusal_is_told_with_what_to_do_and_without_the_password() {
    for (rules, secret, words) in [
        (ASKED, None, "a password is required"),
        (ASKED, Some("hunter2"), "incorrect password"),
        ("", Some(PASSWORD), "not in the sudoers file"),
    ] {
        let Some(sshd) = Sshd::with_sudo(rules) else {
            return;
        };
        let ssh = log_in(&sshd, secret);
        let error = ssh.exec(&who().root()).unwrap_err();
        assert!(matches!(error, Error::Sudo { .. }), "{error}");
        let why = error.to_string();
        assert!(
            why.contains(words) && why.contains("allow schismtest to use sudo"),
            "{why}"
        );
        assert!(!why.contains("hunter2") && !why.contains(PASSWORD), "{why}");
        assert!(ssh.exec(&Command::new(["true"])).unwrap().success());
    }
}
