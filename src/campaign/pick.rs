//! What is run next, and what happens to what has ended. Decided here without a clock or a process.

use super::{
    Draw,
    suite::{Planned, Rerun, State, Suite},
};
use crate::exit::Exit;

/// How a run ended, as whoever ran it saw it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Ended {
    /// The run, if it came so far.
    pub(crate) run: Option<String>,
    /// Its verdict, if there is one.
    pub(crate) verdict: Option<String>,
    /// With what it ended.
    pub(crate) exit: u8,
    /// How many findings it has.
    pub(crate) findings: u64,
    /// How long all of it took.
    pub(crate) seconds: f64,
    /// What broke.
    pub(crate) error: Option<String>,
}

impl Suite {
    /// The next run, if any is left that would end within the budget.
    pub(crate) fn next(&self, elapsed: f64) -> Option<usize> {
        if self.is_hunted_down() {
            return None;
        }
        let next = |case: &Planned| case.state == State::Planned && self.fits(case, elapsed);
        self.cases.iter().position(next)
    }

    /// Whether it would end within the budget: as long as is expected of it, and as much longer as any other took.
    fn fits(&self, case: &Planned, elapsed: f64) -> bool {
        let ended = self.cases.iter().filter(|c| c.state == State::Ended);
        let longer = ended.map(|c| c.seconds - c.expected).fold(0.0, f64::max);
        let budget = self.options.budget.map(|seconds| seconds as f64);
        budget.is_none_or(|budget| elapsed + case.expected + longer <= budget)
    }

    /// Whether a hunt is over.
    fn is_hunted_down(&self) -> bool {
        self.options.until_fail && self.cases.iter().any(Planned::is_violation)
    }

    /// A run ended. One that the infrastructure broke is planned again, where that is wanted.
    pub(crate) fn end(&mut self, number: usize, ended: Ended) {
        let retries = self.options.retry_errors as usize;
        let case = &mut self.cases[number];
        let broken = ended.verdict.as_deref().is_none_or(|word| word == "error");
        if broken && ended.exit == Exit::Infrastructure.code() && case.reruns.len() < retries {
            let error = ended.error.unwrap_or_default();
            case.reruns.push(Rerun {
                run: ended.run,
                error,
            });
            case.state = State::Planned;
            case.owner = None;
            return;
        }
        case.state = match Exit::of_case(ended.exit).is_interrupt() {
            true => State::Interrupted,
            false => State::Ended,
        };
        case.run = ended.run;
        case.verdict = Some(ended.verdict.unwrap_or_else(|| "error".to_owned()));
        case.exit = Some(ended.exit);
        case.findings = ended.findings;
        case.seconds = ended.seconds;
        case.error = ended.error;
    }

    /// Plans the next round of a hunt; false where there is none: it is over, was to have no more rounds, or has broken
    /// everything in the last one.
    pub(crate) fn another_round(&mut self) -> bool {
        let last = self
            .cases
            .iter()
            .map(|c| c.repeat)
            .max()
            .unwrap_or_default();
        let most = self.options.repeat;
        if !self.options.until_fail || self.is_hunted_down() || (most > 0 && last + 1 >= most) {
            return false;
        }
        let round: Vec<Planned> = self
            .cases
            .iter()
            .filter(|c| c.repeat == last)
            .cloned()
            .collect();
        let useful = |case: &Planned| case.verdict.as_deref().is_some_and(|word| word != "error");
        if !round.iter().any(useful) {
            return false;
        }
        let again = round
            .iter()
            .map(|case| case.afresh(last + 1, self.seed_of(case, last + 1)));
        let again: Vec<Planned> = again.collect();
        self.cases.extend(again);
        true
    }

    fn seed_of(&self, case: &Planned, repeat: u32) -> String {
        let read = |text: &str| {
            generator::Seed(
                u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap_or_default(),
            )
        };
        let draw = match case.draw.strip_prefix("0x") {
            Some(_) => Draw::Fixed(read(&case.draw)),
            None => Draw::Nth(case.draw.parse().unwrap_or_default()),
        };
        format!("{:#x}", draw.seed(read(&self.seed), &case.name(), repeat).0)
    }

    /// Nothing more is run: what was not begun is left out. Of a hunt's later rounds nobody asked for any run in particular.
    pub(crate) fn close(&mut self) {
        let hunt = self.options.until_fail;
        self.cases.retain(|case| {
            !(hunt && case.repeat > 0 && case.state == State::Planned && case.reruns.is_empty())
        });
        for case in self
            .cases
            .iter_mut()
            .filter(|case| case.state == State::Planned)
        {
            match case.reruns.pop() {
                // There was time for the run that broke, and not for another.
                Some(broken) => {
                    (case.state, case.exit) = (State::Ended, Some(Exit::Infrastructure.code()));
                    (case.verdict, case.run, case.error) =
                        (Some("error".to_owned()), broken.run, Some(broken.error));
                }
                None => case.state = State::LeftOut,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::suite::tests::{hunt, suite};

    fn ended(verdict: &str, exit: u8) -> Ended {
        Ended {
            run: Some("run".to_owned()),
            verdict: Some(verdict.to_owned()),
            exit,
            seconds: 70.0,
            error: (verdict == "error").then(|| "no node".to_owned()),
            ..Ended::default()
        }
    }

    /// Runs all there is, each for 70 s; how many.
    fn all(suite: &mut Suite, end: impl Fn(usize) -> Ended) -> usize {
        let mut n = 0;
        while let Some(i) = suite.next(70.0 * n as f64) {
            suite.end(i, end(n));
            n += 1;
        }
        n
    }

    #[test]
    fn no_run_is_started_that_would_not_end_within_the_budget() {
        for (budget, runs) in [
            (None, 6),
            (Some(10), 0),
            (Some(64), 0),
            (Some(65), 1),
            (Some(139), 1),
            (Some(140), 2),
        ] {
            let mut suite = suite(1, None);
            suite.options.budget = budget;
            assert_eq!(all(&mut suite, |_| ended("pass", 0)), runs, "{budget:?}");
            suite.close();
            let left = suite
                .cases
                .iter()
                .filter(|c| c.state == State::LeftOut)
                .count();
            assert_eq!(left, 6 - runs);
            assert_eq!(suite.conclude().code(), if left > 0 { 3 } else { 0 });
        }
        // A shorter one that still fits is run.
        let mut last = suite(1, None);
        last.options.budget = Some(10);
        last.cases[4].expected = 2.0;
        assert_eq!(last.next(0.0), Some(4));
    }

    #[test]
    fn what_the_infrastructure_broke_is_run_again_and_nothing_else_is() {
        let mut one = suite(1, None);
        one.options.retry_errors = 2;
        let runs = all(&mut one, |n| match n {
            0 | 1 => ended("error", 4),
            3 => ended("error", 70),
            4 => ended("unknown", 3),
            5 => ended("fail", 1),
            // A verdict that a cluster was left broken by is none that another run would better.
            6 => ended("pass", 4),
            _ => ended("pass", 0),
        });
        assert_eq!(runs, 6 + 2);
        let reruns: Vec<usize> = one.cases.iter().map(|c| c.reruns.len()).collect();
        assert_eq!(reruns, [2, 0, 0, 0, 0, 0]);
        assert_eq!(one.cases[0].verdict.as_deref(), Some("pass"));
        assert_eq!(one.conclude().code(), 1);
        // Three times broken is broken.
        let mut broken = suite(1, None);
        broken.options.retry_errors = 2;
        assert_eq!(all(&mut broken, |_| ended("error", 4)), 18);
        assert_eq!(broken.conclude().code(), 4);
    }

    #[test]
    fn a_hunt_ends_at_the_first_violation_and_not_before() {
        let mut suite = hunt();
        let mut n = 0;
        loop {
            let Some(i) = suite.next(0.0) else {
                match suite.another_round() {
                    true => continue,
                    false => break,
                }
            };
            suite.end(
                i,
                if n == 16 {
                    ended("fail", 1)
                } else {
                    ended("unknown", 3)
                },
            );
            n += 1;
        }
        assert_eq!(n, 17);
        let seeds: std::collections::BTreeSet<&String> =
            suite.cases.iter().map(|c| &c.seed).collect();
        assert_eq!(seeds.len(), 18);
        suite.close();
        assert_eq!(suite.cases.len(), 17);
        assert_eq!(suite.conclude().code(), 1);
    }

    #[test]
    fn a_hunt_ends_where_everything_breaks_where_time_is_up_and_where_it_was_bounded() {
        let rounds = |repeat: u32, budget: Option<u64>, end: fn() -> Ended| {
            let mut suite = hunt();
            (suite.options.repeat, suite.options.budget) = (repeat, budget);
            let mut n = 0;
            loop {
                match suite.next(70.0 * f64::from(n)) {
                    Some(i) => suite.end(i, end()),
                    None if suite.another_round() => {
                        // Of a round that does not fit nothing is begun.
                        if suite.next(70.0 * f64::from(n)).is_none() {
                            break;
                        }
                        continue;
                    }
                    None => break,
                }
                n += 1;
            }
            suite.close();
            (n, suite.cases.len(), suite.conclude().code())
        };
        assert_eq!(rounds(0, None, || ended("error", 4)), (6, 6, 4));
        assert_eq!(rounds(3, None, || ended("pass", 0)), (18, 18, 0));
        assert_eq!(rounds(0, Some(700), || ended("pass", 0)), (10, 10, 0));
        assert_eq!(rounds(0, Some(140), || ended("pass", 0)), (2, 6, 3));
    }
}
