//! Times in which nothing may be in force: so long at the start and at the end of a run, and so long before each full
//! period. What is in force when such a time begins is healed then; what could not be in force for long enough before it
//! is begun after it.
//!
//! ```yaml
//! quiet: { first: 10s, last: 20s, for: 20s, every: 60s }     # 0:00–0:10, 0:40–1:00, 1:40–2:00 …, and the last 20 s
//! ```

use std::time::Duration;

use history::Nanos;
use serde::{Deserialize, Serialize};

use super::{BadSchedule, after};
use crate::Time;

/// When nothing may be in force.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quiet {
    /// From the beginning of the run.
    pub first: Time,
    /// Until its end.
    pub last: Time,
    /// At the end of every period.
    #[serde(rename = "for")]
    pub lasting: Time,
    /// How long a period is.
    pub every: Time,
}

/// The same, in a run of a certain length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Calm {
    first: Nanos,
    /// Nothing is in force from then on.
    end: Nanos,
    /// A period, and how much of its beginning is not quiet.
    period: Option<(u64, u64)>,
}

impl Quiet {
    /// Whether nothing was said.
    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn check(&self) -> Result<(), BadSchedule> {
        let (lasting, every) = (self.lasting.0, self.every.0);
        match (lasting.is_zero(), every.is_zero()) {
            (true, true) => Ok(()),
            (false, false) if lasting < every => Ok(()),
            (false, false) => Err(BadSchedule::AlwaysQuiet(self.lasting, self.every)),
            _ => Err(BadSchedule::HalfQuiet),
        }
    }

    pub(super) fn within(&self, run: Nanos) -> Calm {
        let nanos = |time: Time| time.0.as_nanos() as u64;
        let every = nanos(self.every);
        Calm {
            first: Nanos(nanos(self.first)),
            end: Nanos(run.0.saturating_sub(nanos(self.last))),
            period: (every > 0).then(|| (every, every - nanos(self.lasting))),
        }
    }
}

impl Calm {
    /// The earliest time, not before `time`, at which something may begin that is to be in force for `least`; `None` if
    /// there is none any more.
    pub(super) fn begin(&self, time: Nanos, least: Duration) -> Option<Nanos> {
        let mut at = time.max(self.first);
        if let Some((every, loud)) = self.period {
            if least.as_nanos() as u64 > loud {
                return None;
            }
            let into = at.0 % every;
            if into >= loud || into + least.as_nanos() as u64 > loud {
                at = Nanos((at.0 - into).saturating_add(every));
            }
        }
        (after(at, least) <= self.end).then_some(at)
    }

    /// When what is in force at `time` must be healed.
    pub(super) fn end(&self, time: Nanos) -> Nanos {
        let next = match self.period {
            // Also where it is quiet already: an injection may take long.
            Some((every, loud)) => Nanos((time.0 - time.0 % every).saturating_add(loud)),
            None => self.end,
        };
        next.min(self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Time {
        Time(Duration::from_secs(n))
    }

    #[test]
    fn each_period_ends_quietly_and_so_does_the_run() {
        let quiet = Quiet {
            first: seconds(10),
            last: seconds(20),
            lasting: seconds(20),
            every: seconds(60),
        };
        quiet.check().unwrap();
        let calm = quiet.within(Nanos::from_secs(180));
        let begin = |at, least| {
            let at = calm.begin(Nanos::from_secs(at), Duration::from_secs(least));
            at.map(|at| at.0 / 1_000_000_000)
        };
        assert_eq!(begin(0, 5), Some(10));
        assert_eq!(begin(35, 5), Some(35));
        assert_eq!(begin(36, 5), Some(60));
        assert_eq!(begin(50, 5), Some(60));
        assert_eq!(begin(155, 5), Some(155));
        assert_eq!(begin(156, 5), None);
        assert_eq!(begin(0, 41), None);
        let end = |at| calm.end(Nanos::from_secs(at)).0 / 1_000_000_000;
        assert_eq!([end(10), end(39), end(61), end(121)], [40, 40, 100, 160]);
    }

    #[test]
    fn half_a_wish_is_refused() {
        let only = Quiet {
            every: seconds(60),
            ..Quiet::default()
        };
        assert!(only.check().is_err());
        let always = Quiet {
            lasting: seconds(60),
            ..only
        };
        assert!(always.check().is_err());
    }
}
