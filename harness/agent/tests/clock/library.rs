//! libfaketime, as `schism node clock library` lays it: a virtual machine that was started with it says another time, and the
//! right one again.

use std::{fs, path::PathBuf, process::Command};

use crate::{
    agent::{Reader, clock, possible},
    java::clock_class,
};

/// An environment of this test alone, gone at its end.
struct Environment(PathBuf);

impl Environment {
    fn new() -> Self {
        let name = format!("test-{}", std::process::id());
        let environment = Self(std::env::temp_dir().join(&name).join(&name));
        environment.library(&["lay"], &["test"]);
        environment
    }
    #[track_caller]
    fn library(&self, before: &[&str], after: &[&str]) -> String {
        let file = self.0.display().to_string();
        clock(&[&["library"], before, &[&file], after].concat()).unwrap()
    }
    fn variables(&self) -> Vec<(String, String)> {
        let text = fs::read_to_string(&self.0).unwrap();
        let lines = text.lines().filter_map(|line| line.split_once('='));
        lines.map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        let _ = clock(&["library", "remove", &self.0.display().to_string()]);
    }
}

#[test]
fn a_virtual_machine_that_was_started_with_the_library_follows() {
    if !possible() {
        return;
    }
    if let Err(why) = clock(&["library", "check"]) {
        let required = std::env::var_os("SCHISM_REQUIRE_ROOT").is_some();
        assert!(!required, "SCHISM_REQUIRE_ROOT is set, and {why}");
        println!("skipped: {why}");
        return;
    }
    let environment = Environment::new();
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("Clock.class"), clock_class()).unwrap();
    let mut java = Command::new("setpriv");
    java.args(["--pdeathsig", "KILL", "java", "-cp"])
        .arg(dir.path())
        .arg("Clock")
        .envs(environment.variables());
    let mut machine = Reader::of(&mut java);
    let pid_file = dir.path().join("java.pid");
    fs::write(&pid_file, machine.pid()).unwrap();
    let pid_file = pid_file.display().to_string();
    assert_eq!(environment.library(&["follow"], &[&pid_file]), "1 process");
    for offset in [3_600_000, -86_400_250, 20, 0] {
        environment.library(&["set"], &[&offset.to_string()]);
        for _ in 0..100 {
            let wrong = crate::agent::Wrong::by(|| machine.says() * 1_000_000, 1_000_000);
            assert!(wrong.is(offset), "{wrong:?} and not {offset} ms");
        }
    }
    // Who has forgotten the library does not follow, and it is said.
    let mut plain = Command::new("setpriv");
    plain.args(["--pdeathsig", "KILL", "sleep", "60"]);
    let mut plain = plain.spawn().unwrap();
    fs::write(&pid_file, plain.id().to_string()).unwrap();
    environment.library(&["set"], &["5000"]);
    let said = environment.library(&["probe"], &[&pid_file]);
    plain.kill().unwrap();
    plain.wait().unwrap();
    assert!(said.contains("runs without libfaketime"), "{said}");
}
