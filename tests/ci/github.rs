//! What a step of GitHub Actions gets.

use std::process::Command;

use super::{NOTHING, STALE, Shell, support};

/// As a step would run it: a summary with another step's words in it, and an empty file for outputs.
fn step(shell: &Shell, args: &[&str]) -> Command {
    shell.write("summary", "before\n");
    shell.write("outputs", "");
    let mut command = shell.command(args);
    command
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_WORKSPACE", shell.path())
        .env("GITHUB_STEP_SUMMARY", shell.path().join("summary"))
        .env("GITHUB_OUTPUT", shell.path().join("outputs"));
    command
}

fn read(shell: &Shell, name: &str) -> String {
    std::fs::read_to_string(shell.path().join(name)).expect("there")
}

#[test]
fn a_failing_step_is_annotated_summed_up_and_has_outputs() {
    let shell = Shell::new();
    shell.write(
        "nightly.yaml",
        "version: 1\n\ntarget: { adapter: embedded, mode: quorum, read_quorum: 1, write_quorum: 1 }\n\
         faults: [partition]\nrun: { time: 4s, op_timeout: 1s }\n",
    );
    let said = step(&shell, &["run", "nightly.yaml", "--progress", "lines"]).output();
    let said = support::ended(said.expect("it starts")).code(1);
    assert_eq!(said.out, "", "standard output is for data");
    let lines: Vec<&str> = said.err.lines().collect();
    let at = |begin: &str| lines.iter().position(|l| l.starts_with(begin));
    let (fold, unfold) = (
        at("::group::").expect("folded"),
        at("::endgroup::").expect("to here"),
    );
    let summary = at("✗ FAIL").expect("a summary");
    assert!(fold < unfold && unfold < summary, "{}", said.err);
    assert!(unfold - fold > 3, "the log is within: {}", said.err);
    let errors: Vec<&&str> = lines.iter().filter(|l| l.starts_with("::error ")).collect();
    assert!(!errors.is_empty() && errors.len() <= 9, "{}", said.err);
    for error in &errors {
        assert!(
            error.starts_with("::error file=nightly.yaml,line=3,title="),
            "{error}"
        );
    }
    let outputs = read(&shell, "outputs");
    let found = outputs
        .lines()
        .find_map(|l| l.strip_prefix("findings="))
        .expect("a number");
    assert!(found.parse::<usize>().is_ok_and(|n| n > 0), "{outputs}");
    assert!(outputs.starts_with("verdict=fail\n"), "{outputs}");
    let report = outputs
        .lines()
        .find_map(|l| l.strip_prefix("report="))
        .expect("a path");
    assert!(
        report.starts_with("runs/") && shell.path().join(report).is_file(),
        "{outputs}"
    );
    let page = read(&shell, "summary");
    assert!(page.starts_with("before\n## ✗ FAIL register"), "{page}");

    // Known by the baseline: told, but no error.
    shell
        .schism(&["accept", "latest", "--expires", "2126-01-01"])
        .code(0);
    let again = ["run", "nightly.yaml", "--progress", "none"];
    let said = step(&shell, &again).output();
    let said = support::ended(said.expect("it starts"));
    if said.code == Some(0) {
        assert!(
            said.err
                .contains("::notice file=nightly.yaml,line=3,title="),
            "{}",
            said.err
        );
        assert!(!said.err.contains("::error "), "{}", said.err);
    }
    // Another kind of violation can have shown that the first run did not have: then that is new.
    assert!([Some(0), Some(1)].contains(&said.code), "{said:?}");
    assert!(
        read(&shell, "outputs").starts_with("verdict=fail\n"),
        "the verdict is what it is"
    );
}

#[test]
fn what_concludes_nothing_or_breaks_is_annotated_too() {
    let shell = Shell::new();
    let table = [
        ("fail", "::error title=no verdict%3A coverage/"),
        ("warn", "::warning title=no verdict%3A coverage/"),
    ];
    for (wish, begin) in table {
        let said = step(&shell, &[&NOTHING[..], &["--on-unknown", wish]].concat()).output();
        let said = support::ended(said.expect("it starts"));
        assert!(
            said.err.lines().any(|l| l.starts_with(begin)),
            "{}",
            said.err
        );
        assert!(read(&shell, "outputs").starts_with("verdict=unknown\nfindings=0\nreport=runs/"));
    }
    let said = step(&shell, &["run", "etdc"]).output();
    let said = support::ended(said.expect("it starts")).code(2);
    assert!(
        said.err.contains("::error title=schism%3A usage::"),
        "{}",
        said.err
    );
    assert_eq!(
        read(&shell, "outputs"),
        "verdict=error\nfindings=0\nreport=\n"
    );
    assert!(read(&shell, "summary").contains("## ! ERROR"));
}

#[test]
fn only_who_asks_is_spoken_to() {
    let shell = Shell::new();
    let quiet = [&NOTHING[..], &["--ci", "none"]].concat();
    let said = support::ended(step(&shell, &quiet).output().expect("it starts"));
    assert!(!said.err.contains("::"), "{}", said.err);
    assert_eq!(read(&shell, "summary"), "before\n");
    // Forced where no runner is: said, and what cannot be written is a warning.
    let mut forced = shell.command(&[&NOTHING[..], &["--ci", "github"]].concat());
    for name in ["GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"] {
        forced.env_remove(name);
    }
    let said = support::ended(forced.output().expect("it starts")).code(3);
    said.says("::group::")
        .says("GITHUB_STEP_SUMMARY names no file");
}

#[test]
fn secrets_are_masked_before_anything_is_said_and_only_on_a_runner() {
    let shell = Shell::new();
    shell.write("word", "first 50%\nsecond\n");
    shell.write(
        "s.yaml",
        "version: 1\ntarget: etcd\ncluster: { nodes: [\"127.0.0.1:1\"], ssh: { user: nobody, password: \"${file:word}\", \
         sudo_password: \"${env:SUDO_WORD}\" } }\n",
    );
    let args = ["run", "s.yaml", "--progress", "none"];
    let said = step(&shell, &args).env("SUDO_WORD", "third").output();
    let said = support::ended(said.expect("it starts")).code(4);
    let lines: Vec<&str> = said.err.lines().take(3).collect();
    let masks = [
        "::add-mask::first 50%25",
        "::add-mask::second",
        "::add-mask::third",
    ];
    assert_eq!(lines, masks, "{}", said.err);
    // Elsewhere a mask would be what gives it away.
    let mut elsewhere = shell.command(&[&args[..], &["--ci", "github"]].concat());
    elsewhere
        .env("SUDO_WORD", "third")
        .env_remove("GITHUB_ACTIONS");
    let said = support::ended(elsewhere.output().expect("it starts")).code(4);
    for word in ["first", "second", "third"] {
        assert!(!said.err.contains(word), "{}", said.err);
    }
}

#[test]
fn a_run_on_github_says_nothing_on_standard_output_but_json() {
    let shell = Shell::new();
    let said = step(&shell, &[&STALE[..], &["--time", "3s", "--json"]].concat()).output();
    let said = support::ended(said.expect("it starts"));
    for line in said.out.lines() {
        assert!(
            serde_json::from_str::<serde_json::Value>(line).is_ok(),
            "{line}"
        );
    }
}
