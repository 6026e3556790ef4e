//! What GitHub's runner reads between the lines of a log: annotations, groups, masks; and the outputs of a step.
//!
//! Sources: "Workflow commands for GitHub Actions" (the grammar `::name key=value,key=value::message`) and the runner's own
//! `ActionCommand` (which characters are escaped, and that a command may be indented). GitHub shows ten annotations of a kind
//! for a step; the rest is dropped without a word, so it is counted here instead.

use std::collections::BTreeSet;

use crate::escape::{inert, inert_lines};

/// How many annotations of a kind are written; one more may say how many are not.
pub const MAX_OF_A_KIND: usize = 8;
/// The longest title of an annotation, in characters.
const TITLE: usize = 200;
/// Its longest text.
const TEXT: usize = 1_000;

/// How loud an annotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Somebody must look.
    Error,
    /// Somebody should.
    Warning,
    /// It is known.
    Notice,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Notice];

    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// Where an annotation points: findings have no line in anybody's source, but their case has one in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, from the root of the repository.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
}

/// An annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// How loud.
    pub kind: Kind,
    /// What makes it the same as another; annotations without are all different.
    pub fingerprint: Option<String>,
    /// In a few words.
    pub title: String,
    /// In sentences.
    pub text: String,
    /// Where it points.
    pub place: Option<Place>,
}

/// The annotations as lines of a log: one a fingerprint, of which the first given counts, at most [`MAX_OF_A_KIND`] of each
/// kind, then one that says how many more there are. Give the newest first.
pub fn annotations(marks: &[Mark]) -> String {
    let mut seen = BTreeSet::new();
    let new = |mark: &&Mark| match &mark.fingerprint {
        Some(print) => seen.insert(print.clone()),
        None => true,
    };
    let marks: Vec<&Mark> = marks.iter().filter(new).collect();
    let mut out = String::new();
    for kind in Kind::ALL {
        let of_kind = || marks.iter().filter(|mark| mark.kind == kind);
        for mark in of_kind().take(MAX_OF_A_KIND) {
            out.push_str(&annotation(mark));
        }
        let more = of_kind().count().saturating_sub(MAX_OF_A_KIND);
        if more > 0 {
            let word = kind.word();
            out.push_str(&format!(
                "::{word} title=schism::and {more} more, see summary\n"
            ));
        }
    }
    out
}

fn annotation(mark: &Mark) -> String {
    let mut properties = Vec::new();
    if let Some(place) = &mark.place {
        properties.push(("file", property(&inert(&place.file, 4_096))));
        properties.push(("line", place.line.to_string()));
    }
    properties.push(("title", property(&inert(&mark.title, TITLE))));
    let properties = properties.iter().map(|(k, v)| format!("{k}={v}"));
    let properties: Vec<String> = properties.collect();
    format!(
        "::{} {}::{}\n",
        mark.kind.word(),
        properties.join(","),
        message(&inert_lines(&mark.text, TEXT))
    )
}

/// A line from which on the log is folded, under this title, until [`END_GROUP`].
pub fn group(title: &str) -> String {
    format!("::group::{}\n", message(&inert(title, TITLE)))
}

/// The line that ends a group.
pub const END_GROUP: &str = "::endgroup::\n";

/// Lines that make the runner hide a secret wherever it is printed later. Of a secret of several lines each is hidden, as the
/// runner looks at lines. The runner prints none of these.
pub fn masks(secret: &str) -> String {
    let lines = secret.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| format!("::add-mask::{}\n", message(line)))
        .collect()
}

/// Lines for the file `$GITHUB_OUTPUT`. A value of several lines is wrapped in a delimiter that is not in it.
pub fn outputs(values: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (name, value) in values {
        if value.contains(['\n', '\r']) {
            let mut end = "SCHISM".to_owned();
            while value.contains(&end) {
                end.push('_');
            }
            out.push_str(&format!("{name}<<{end}\n{value}\n{end}\n"));
        } else {
            out.push_str(&format!("{name}={value}\n"));
        }
    }
    out
}

/// What comes after the second `::`.
fn message(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The value of a property, which also ends at a comma and at the second `::`.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(kind: Kind, print: &str, title: &str) -> Mark {
        Mark {
            kind,
            fingerprint: Some(print.to_owned()),
            title: title.to_owned(),
            text: "100 % of it\nand: more, still".to_owned(),
            place: Some(Place {
                file: "a,b:c.yaml".to_owned(),
                line: 7,
            }),
        }
    }

    #[test]
    fn properties_and_messages_are_escaped_as_the_runner_reads_them() {
        assert_eq!(
            annotations(&[mark(Kind::Error, "x", "50%: a, b")]),
            "::error file=a%2Cb%3Ac.yaml,line=7,title=50%25%3A a%2C b::100 %25 of it%0Aand: more, still\n"
        );
    }

    #[test]
    fn a_fingerprint_is_told_once_and_what_is_left_out_is_counted() {
        let many: Vec<Mark> = (0..30)
            .map(|n| mark(Kind::Error, &format!("{}", n / 2), &format!("t{n}")))
            .collect();
        let said = annotations(&many);
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), MAX_OF_A_KIND + 1, "{said}");
        assert!(lines[0].contains("title=t0::") && lines[1].contains("title=t2::"));
        assert_eq!(lines[8], "::error title=schism::and 7 more, see summary");
        // Each kind has a room of its own: known findings hide no new one.
        let both = [
            many,
            vec![
                mark(Kind::Notice, "known", "k"),
                mark(Kind::Warning, "w", "w"),
            ],
        ]
        .concat();
        let said = annotations(&both);
        let kinds: Vec<&str> = said.lines().skip(9).map(|l| &l[..5]).collect();
        assert_eq!(kinds, ["::war", "::not"]);
    }

    #[test]
    fn what_a_value_says_stays_within_its_annotation() {
        for attack in ["::stop-commands::t", "x\n::error::y", "a\r\n::add-mask::b"] {
            let said = annotations(&[Mark {
                title: attack.to_owned(),
                text: attack.to_owned(),
                ..mark(Kind::Warning, "x", "")
            }]);
            assert_eq!(said.lines().count(), 1, "{said:?}");
            assert!(!said.contains('\r') && said.starts_with("::warning file="));
            // The head ends at the second `::`, which no value can move.
            let head = said[2..].split("::").next().expect("a head");
            assert!(
                head.contains("title=") && head.starts_with("warning "),
                "{said}"
            );
        }
    }

    #[test]
    fn outputs_of_several_lines_cannot_define_others() {
        let said = outputs(&[("verdict", "fail"), ("report", "a\nverdict=pass\nSCHISM\n")]);
        assert_eq!(
            said,
            "verdict=fail\nreport<<SCHISM_\na\nverdict=pass\nSCHISM\n\nSCHISM_\n"
        );
    }

    #[test]
    fn every_line_of_a_secret_is_hidden() {
        assert_eq!(
            masks("50%\n\nkey\n"),
            "::add-mask::50%25\n::add-mask::key\n"
        );
        assert_eq!(masks(""), "");
    }
}
