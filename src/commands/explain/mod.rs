//! `schism explain`: what a code means, whichever output printed it: of a finding, a doubt, a run, a call or a fault.

mod codes;

use checkers::catalogue;

use self::codes::{CODES, Code};
use crate::{
    args::ExplainArgs,
    exit::{Exit, Failure},
    terminal::Terminal,
};

/// Explains a code, or lists them all.
pub(crate) fn explain(args: &ExplainArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let Some(code) = &args.code else {
        terminal.print(&list());
        return Ok(Exit::Pass);
    };
    if let Some(text) = text(code) {
        terminal.print(&text);
        return Ok(Exit::Pass);
    }
    let near = codes()
        .into_iter()
        .map(|known| {
            (
                strsim::damerau_levenshtein(&code.to_lowercase(), &known.to_lowercase()),
                known,
            )
        })
        .filter(|(distance, _)| *distance <= 3)
        .min();
    let hint = near.map_or_else(String::new, |(_, known)| format!("; did you mean {known}?"));
    Err(Failure::usage(format!(
        "there is no code {code:?}{hint}\nschism explain lists them all"
    )))
}

/// What a code means, in all its senses. Capitals do not matter.
fn text(code: &str) -> Option<String> {
    let of_checkers = catalogue::explain(code);
    let ours = CODES.iter().filter(|c| c.code.eq_ignore_ascii_case(code));
    let ours = ours.map(|c| {
        let Code {
            code,
            sort,
            words,
            remedy,
        } = c;
        format!("{code}: {sort}\n{words}.\n  what to do   {remedy}\n")
    });
    let all: Vec<String> = of_checkers.into_iter().chain(ours).collect();
    (!all.is_empty()).then(|| all.join("\n"))
}

fn codes() -> Vec<&'static str> {
    let rows = catalogue::rows().into_iter().map(|row| row.code);
    let doubts = catalogue::doubts().iter().map(|doubt| doubt.code);
    let ours = CODES.iter().map(|c| c.code);
    rows.chain(doubts).chain(ours).collect()
}

/// Every code with its name: anomalies first, then reasons for doubt, then those of runs, calls and faults.
fn list() -> String {
    let rows = catalogue::rows();
    let doubts = catalogue::doubts();
    let width = codes().iter().map(|code| code.len()).max().unwrap_or(0);
    let rows = rows.iter().map(|row| (row.code, row.name));
    let doubts = doubts.iter().map(|doubt| (doubt.code, doubt.words));
    let ours = CODES.iter().map(|c| (c.code, c.words));
    rows.chain(doubts)
        .chain(ours)
        .map(|(code, what)| format!("{code:<width$}  {what}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    /// The text of all sources under a folder, without their tests.
    fn sources(folder: &Path, all: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            let name = path.display().to_string();
            if path.is_dir() {
                sources(&path, all);
            } else if name.ends_with(".rs") && !name.contains("tests") && !name.ends_with("dsl.rs")
            {
                let text = fs::read_to_string(&path).expect("a source");
                let text = text.split("#[cfg(test)]").next().unwrap_or_default();
                let code = text.lines().filter(|l| !l.trim_start().starts_with("//"));
                all.push((name, code.map(|l| format!("{l}\n")).collect()));
            }
        }
    }

    /// What follows each of these beginnings, up to the next quote, if it has the shape of a code.
    fn quoted<'a>(text: &'a str, beginnings: &[&str]) -> Vec<&'a str> {
        let after = beginnings
            .iter()
            .flat_map(|b| text.split(*b).skip(1).collect::<Vec<_>>());
        let strings =
            after.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
        let shaped = |s: &&str| {
            s.len() > 2
                && s.chars()
                    .all(|c| c.is_ascii_lowercase() || c == '-' || c == '/')
        };
        strings.filter(shaped).collect()
    }

    #[test]
    fn every_code_that_any_output_prints_is_explained() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut all = Vec::new();
        for folder in [
            "targets/kit/src",
            "targets/embedded/src",
            "targets/etcd/src",
            "harness/history/src",
            "harness/runner/src",
            "nemesis/src/inject",
            "reports/src",
            "src",
        ] {
            sources(&root.join(folder), &mut all);
        }
        let mut found = BTreeSet::new();
        for (_, text) in &all {
            found.extend(quoted(
                text,
                &["Reason::new(", "Reason::with_detail(", "code: "],
            ));
            found.extend(quoted(text, &["DidNotHappen, ", "MayHaveHappened, "]));
            if text.contains("Reason") {
                found.extend(quoted(text, &["&str = "]));
            }
            // Where an error says its class.
            for body in text.split("fn class(").skip(1) {
                let body = body.split("\n    }\n").next().unwrap_or_default();
                found.extend(quoted(body, &["=>"]));
            }
            // A table of an error's words and its class.
            for table in text.split("const DEFINITE").skip(1) {
                let table = table.split("];").next().unwrap_or_default();
                found.extend(quoted(table, &["\","]));
            }
        }
        for seen in [
            "timeout",
            "cas-mismatch",
            "no-space",
            "unavailable",
            "interrupted",
            "bug",
        ] {
            assert!(
                found.contains(seen),
                "this test no longer sees {seen}: {found:?}"
            );
        }
        let missing: Vec<_> = found.iter().filter(|code| text(code).is_none()).collect();
        assert!(
            missing.is_empty(),
            "schism explain does not know {missing:?}"
        );
        for code in codes() {
            assert!(text(code).is_some_and(|t| t.contains(code)), "{code}");
        }
    }

    #[test]
    fn no_code_of_ours_is_a_checkers_too() {
        for code in CODES {
            assert!(catalogue::explain(code.code).is_none(), "{}", code.code);
            assert!(!code.words.ends_with('.') && !code.remedy.is_empty());
        }
    }
}
