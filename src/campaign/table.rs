//! A campaign in words: what would be run, and how each ended, what is worst nearest the prompt.

use reports::escape::inert;

use super::suite::{Planned, State, Suite};
use crate::{exit::Exit, terminal::Terminal};

/// How many rows of runs that found nothing are shown.
const QUIET_ROWS: usize = 20;

/// How a run ended, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// No violation found.
    Pass,
    /// Not begun.
    NotRun,
    /// Not enough evidence.
    Unknown,
    /// Violations that the baseline knows.
    Known,
    /// Stopped.
    Interrupted,
    /// Broken, not by the target.
    Error,
    /// A violation.
    Fail,
}

/// All of them.
const ENDS: [End; 7] = [
    End::Pass,
    End::Fail,
    End::Known,
    End::Unknown,
    End::Error,
    End::Interrupted,
    End::NotRun,
];

impl End {
    fn of(case: &Planned) -> Self {
        if case.state == State::Interrupted {
            return if case.verdict_stands() {
                Self::Fail
            } else {
                Self::Interrupted
            };
        }
        if case.state != State::Ended {
            return Self::NotRun;
        }
        let exit = case.exit.map_or(Exit::Bug, Exit::of_case);
        match (exit, case.verdict.as_deref()) {
            (Exit::Fail, _) => Self::Fail,
            (Exit::Pass | Exit::Drift, Some("fail")) => Self::Known,
            (Exit::Pass | Exit::Drift, _) => Self::Pass,
            (Exit::Unknown, _) => Self::Unknown,
            _ => Self::Error,
        }
    }

    /// In a word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::NotRun => "not run",
            Self::Unknown => "unknown",
            Self::Known => "known",
            Self::Interrupted => "interrupted",
            Self::Error => "error",
            Self::Fail => "fail",
        }
    }
}

/// How many ended how, without those that none did.
pub(crate) fn counts(suite: &Suite) -> Vec<(End, usize)> {
    let of = |end: End| suite.cases.iter().filter(|c| End::of(c) == end).count();
    let all = ENDS.map(|end| (end, of(end)));
    all.into_iter().filter(|(_, n)| *n > 0).collect()
}

/// The table, and the line below it.
pub(crate) fn table(suite: &Suite, terminal: &Terminal) -> String {
    let mut rows: Vec<(End, &Planned)> = suite
        .cases
        .iter()
        .map(|case| (End::of(case), case))
        .collect();
    rows.sort_by_key(|(end, _)| *end);
    let passed = rows.iter().filter(|(end, _)| *end == End::Pass).count();
    let hidden = passed.saturating_sub(QUIET_ROWS);
    let width = |of: fn(&Planned) -> String| {
        let widths = rows.iter().map(|(_, case)| of(case).chars().count());
        widths.max().unwrap_or_default()
    };
    let (names, seeds) = (width(title), width(|case| case.seed.clone()));
    let mut text = String::from("\n");
    if hidden > 0 {
        text.push_str(&format!(
            "  … {hidden} more in which no violation was found\n"
        ));
    }
    for (end, case) in &rows[hidden..] {
        let row = format!(
            "{}  {:<names$}  {:<seeds$}  {}",
            terminal.news_verdict(end.word()),
            title(case),
            case.seed,
            detail(*end, case, suite),
        );
        text.push_str(row.trim_end());
        text.push('\n');
    }
    let total = suite.cases.len();
    let word = if total == 1 { "case" } else { "cases" };
    let counted: Vec<String> = counts(suite)
        .iter()
        .map(|(end, n)| format!("{n} {}", end.word()))
        .collect();
    text.push_str(&format!("\n{total} {word}: {}\n", counted.join(" · ")));
    text
}

/// `register-etcd × kill`, and which of several.
fn title(case: &Planned) -> String {
    let mut title = format!("{} × {}", case.case, case.faults);
    if !matches!(case.draw.as_str(), "0") {
        title.push_str(&format!(" seed {}", case.draw));
    }
    if case.repeat > 0 {
        title.push_str(&format!(" again {}", case.repeat));
    }
    title
}

fn detail(end: End, case: &Planned, suite: &Suite) -> String {
    let mut parts = Vec::new();
    match (case.findings, end) {
        (_, End::NotRun) => parts.push(match (suite.options.until_fail, suite.options.budget) {
            _ if case.state != State::LeftOut => "not begun".to_owned(),
            (true, _) if suite.cases.iter().any(Planned::is_violation) => {
                "not begun: the hunt was over".to_owned()
            }
            (_, Some(_)) => "left out: it would not have ended within the budget".to_owned(),
            _ => "left out".to_owned(),
        }),
        (0, _) => {}
        (1, _) => parts.push("1 finding".to_owned()),
        (n, _) => parts.push(format!("{n} findings")),
    }
    if case.seconds > 0.0 {
        parts.push(format!("{:.1} s", case.seconds));
    }
    match case.reruns.len() {
        0 => {}
        1 => parts.push("run again once: it broke".to_owned()),
        n => parts.push(format!("run again {n} times: it broke")),
    }
    parts.extend(case.run.clone());
    parts.extend(
        case.error
            .iter()
            .map(|why| inert(why.lines().next().unwrap_or_default(), 120)),
    );
    parts.join("   ")
}

/// What would be run, a line each.
pub(crate) fn plan(suite: &Suite) -> String {
    let width = suite
        .cases
        .iter()
        .map(|c| c.name().chars().count())
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for case in &suite.cases {
        let again = match case.repeat {
            0 => String::new(),
            n => format!("  again {n}"),
        };
        text.push_str(&format!(
            "{:<width$}  {}  about {:.0} s{again}\n",
            case.name(),
            case.seed,
            case.expected
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::{args::Cli, campaign::suite::tests::suite};

    fn terminal() -> Terminal {
        Terminal::new(&Cli::parse_from(["schism", "--color", "never", "list"]))
    }

    #[test]
    fn failures_come_last_and_all_are_counted() {
        let mut suite = suite(1, None);
        suite.options.budget = Some(9);
        let ends = [
            (State::Ended, "fail", 1),
            (State::Ended, "pass", 0),
            (State::Ended, "error", 4),
            (State::LeftOut, "", 0),
            (State::Ended, "unknown", 3),
            (State::Ended, "fail", 0),
        ];
        for (case, (state, verdict, exit)) in suite.cases.iter_mut().zip(ends) {
            case.state = state;
            if state == State::Ended {
                (case.verdict, case.exit, case.seconds) =
                    (Some(verdict.to_owned()), Some(exit), 2.0);
            }
        }
        suite.cases[2].error = Some("\x1b[2Jno node\nsecond line".to_owned());
        let text = table(&suite, &terminal());
        let words: Vec<&str> = text
            .lines()
            .filter_map(|l| l.split_whitespace().nth(1))
            .collect();
        assert_eq!(
            words,
            ["pass", "not", "unknown", "known", "error", "fail", "cases:"]
        );
        assert!(
            text.ends_with(
                "\n6 cases: 1 pass · 1 fail · 1 known · 1 unknown · 1 error · 1 not run\n"
            ),
            "{text}"
        );
        assert!(
            !text.contains('\x1b') && !text.contains("second line"),
            "{text}"
        );
        assert!(text.contains("within the budget"), "{text}");
    }

    #[test]
    fn what_passes_does_not_push_what_fails_out_of_sight() {
        let mut suite = suite(20, None);
        for (i, case) in suite.cases.iter_mut().enumerate() {
            let (verdict, exit) = if i == 3 { ("fail", 1) } else { ("pass", 0) };
            (case.state, case.verdict, case.exit) =
                (State::Ended, Some(verdict.to_owned()), Some(exit));
        }
        let text = table(&suite, &terminal());
        assert!(text.lines().count() < 26, "{text}");
        assert!(text.contains("… 99 more"), "{text}");
        let last = text.lines().rev().nth(2).unwrap_or_default();
        assert!(last.contains("fail"), "{text}");
    }
}
