//! What people see where little can be shown: no colour, a pipe, 60 columns, ASCII.

use super::{NOTHING, Shell, support};

/// A stale read that says something in its key and in its node, too.
fn history(key: &str, node: &str) -> String {
    let key = serde_json::to_string(key).expect("a text");
    let node = serde_json::to_string(node).expect("a text");
    let line = |n: u32, process: u32, kind: &str, call: &str| {
        format!(
            "{{\"index\":{n},\"time\":{}000000,\"process\":{process},\"type\":\"{kind}\",{call},\"key\":{key},\"node\":{node}}}\n",
            n + 1,
        )
    };
    let calls = [
        (
            0,
            "\"f\":\"write\",\"value\":1",
            "\"f\":\"write\",\"value\":1",
        ),
        (
            0,
            "\"f\":\"write\",\"value\":2",
            "\"f\":\"write\",\"value\":2",
        ),
        (1, "\"f\":\"read\"", "\"f\":\"read\",\"value\":1"),
    ];
    let calls = calls.into_iter().enumerate();
    calls
        .map(|(i, (process, invoke, ok))| {
            let n = 2 * i as u32;
            line(n, process, "invoke", invoke) + &line(n + 1, process, "ok", ok)
        })
        .collect()
}

/// `schism check h.jsonl` in such an environment.
fn check(shell: &Shell, env: Env<'_>, more: &[&str]) -> support::Ended {
    let mut command = shell.command(&[&["check", "h.jsonl"], more].concat());
    command
        .env_remove("NO_COLOR")
        .env_remove("COLUMNS")
        .env_remove("LC_ALL");
    for name in ["FORCE_COLOR", "CLICOLOR_FORCE", "LC_CTYPE", "LANG", "TERM"] {
        command.env_remove(name);
    }
    command.envs(env.iter().copied());
    support::ended(command.output().expect("it starts")).code(1)
}

type Env<'a> = &'a [(&'a str, &'a str)];

const UTF8: (&str, &str) = ("LC_ALL", "C.UTF-8");

/// Compares with a file that a person has looked at; `UPDATE_SCREENS=1` writes it anew.
#[track_caller]
fn as_kept(name: &str, screen: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(format!("tests/ci/screens/{name}.txt"));
    // How long the checkers took is the one thing that differs.
    if std::env::var_os("UPDATE_SCREENS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        std::fs::write(&path, screen).expect("written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == screen,
        "{} is not what is shown now:\n{screen}",
        path.display()
    );
}

#[test]
fn screens_are_as_they_were_looked_at() {
    let shell = Shell::new();
    shell.write("h.jsonl", &history("x", "n1"));
    as_kept("pipe", &check(&shell, &[UTF8], &[]).out);
    as_kept(
        "60-columns",
        &check(&shell, &[UTF8, ("COLUMNS", "60")], &[]).out,
    );
    as_kept("ascii", &check(&shell, &[("LC_ALL", "C")], &[]).out);
    as_kept(
        "colour",
        &check(&shell, &[UTF8, ("FORCE_COLOR", "1")], &[]).out,
    );
}

#[test]
fn colour_is_only_where_it_is_wanted() {
    let shell = Shell::new();
    shell.write("h.jsonl", &history("x", "n1"));
    let force = ("FORCE_COLOR", "1");
    let table: [(Env<'_>, &[&str], bool); 8] = [
        (&[UTF8], &[], false),
        (&[UTF8, force], &[], true),
        (&[UTF8, ("CLICOLOR_FORCE", "1")], &[], true),
        (&[UTF8, force, ("NO_COLOR", "1")], &[], false),
        (&[UTF8, force, ("NO_COLOR", "")], &[], true),
        (&[UTF8, ("NO_COLOR", "1")], &["--color", "always"], true),
        (&[UTF8, force], &["--color", "never"], false),
        (&[("LC_ALL", "C"), force], &[], true),
    ];
    let plain = check(&shell, &[UTF8], &[]).out;
    for (env, more, coloured) in table {
        let said = check(&shell, env, more);
        assert_eq!(said.out.contains('\x1b'), coloured, "{env:?} {more:?}");
        // Without its colours it says the same: meaning is never in a colour alone.
        let mut parts = said.out.split("\x1b[");
        let first = parts.next().unwrap_or_default().to_owned();
        let bare = parts
            .filter_map(|p| p.split_once('m'))
            .fold(first, |all, (_, p)| all + p);
        if env.contains(&UTF8) {
            assert_eq!(bare, plain, "{env:?} {more:?}");
        }
    }
}

#[test]
fn every_line_fits_and_a_locale_without_utf_8_gets_ascii() {
    let shell = Shell::new();
    shell.write("h.jsonl", &history("x", "n1"));
    let narrow = check(&shell, &[UTF8, ("COLUMNS", "60")], &[]).out;
    for line in narrow.lines() {
        // Commands are not broken: they are copied.
        assert!(
            line.chars().count() <= 60 || line.matches("schism ").count() == 1,
            "{line:?}"
        );
    }
    for env in [
        ("LC_ALL", "C"),
        ("LANG", "de_DE.ISO-8859-1"),
        ("LC_CTYPE", "POSIX"),
    ] {
        let said = check(&shell, &[env], &[]);
        assert!(
            said.out.is_ascii() && said.err.is_ascii(),
            "{env:?}\n{}{}",
            said.out,
            said.err
        );
        assert!(
            !said.out.contains("\\u{"),
            "a sign of ours without a likeness: {}",
            said.out
        );
    }
    let said = check(&shell, &[UTF8], &["--ascii"]);
    assert!(said.out.is_ascii(), "{}", said.out);
    // A whole run, with its phases, warnings and summary.
    let mut run = shell.command(&[&NOTHING[..], &["--on-unknown", "warn"]].concat());
    run.env("LC_ALL", "C").env("COLUMNS", "60");
    let said = support::ended(run.output().expect("it starts")).code(0);
    assert!(
        said.err.is_ascii() && !said.err.contains("\\u{"),
        "{}",
        said.err
    );
    for line in said.err.lines() {
        let whole = line.contains('/') || line.contains("schism ") || line.starts_with("seed ");
        assert!(line.chars().count() <= 60 || whole, "{line:?}");
    }
}

/// The same list as for the renderings of reports.
fn attacks() -> Vec<String> {
    serde_json::from_str(include_str!("../../reports/tests/hostile.json")).expect("a list of texts")
}

#[test]
fn hostile_text_is_inert_in_everything_that_the_program_says_of_it() {
    let shell = Shell::new();
    for attack in attacks() {
        shell.write("h.jsonl", &history(&attack, &attack));
        let minimal: &[&str] = &[
            "check",
            "h.jsonl",
            "--finding",
            "1",
            "--minimal=minimal.jsonl",
        ];
        let table: [&[&str]; 4] = [
            &["check", "h.jsonl"],
            &["check", "h.jsonl", "--json"],
            &["check", "h.jsonl", "--finding", "1"],
            minimal,
        ];
        for args in table {
            let said = shell.schism(args).code(1);
            let all = format!("{}{}", said.out, said.err);
            let odd = |c: char| {
                (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{2028}' | '\u{fffe}')
            };
            assert!(!all.contains(odd), "{args:?} {attack:?}: {all:?}");
            let json = args.contains(&"--json");
            let commands = all.lines().filter(|l| l.trim_start().starts_with("::"));
            assert_eq!(commands.count(), 0, "{args:?} {attack:?}: {all}");
            for marker in ["##[", "##vso[", "##teamcity["] {
                assert!(!all.contains(marker), "{args:?} {attack:?}: {all}");
            }
            if json {
                let lines: Vec<_> = said.out.lines().collect();
                let whole = serde_json::from_str::<serde_json::Value>(&lines.join("\n"));
                assert!(whole.is_ok(), "{attack:?}: {}", said.out);
            }
        }
        // The proof alone has the same text in it, and is the same proof.
        let minimal = std::fs::read_to_string(shell.path().join("minimal.jsonl")).expect("written");
        for line in minimal.lines() {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            assert!(
                line["key"] == attack.as_str() || line.get("key").is_none(),
                "{line}"
            );
        }
        assert_eq!(minimal.lines().count(), 6, "{attack:?}: {minimal}");
        shell.schism(&["check", "minimal.jsonl"]).code(1);
    }
}
