//! From the time that a node wrote into its log to the time of the run.
//!
//! A node's clock is off by what was measured when its logs were fetched, and while a fault made it wrong by what was
//! measured then. Which of the two holds for a line is not written in it; lines of a log are in order, so the one is taken
//! that goes on best from the line before.

use history::Nanos;

use crate::FaultView;

/// How a node's clock compares with that of the control node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct NodeClock {
    /// By so much it is ahead, in nanoseconds.
    pub offset: i64,
    /// Known to within so much.
    pub uncertainty: Nanos,
}

/// A stretch of a run in which a clock was made wrong.
#[derive(Debug, Clone, Copy)]
struct Wrong {
    from: i64,
    until: i64,
    offset: i64,
}

/// Lines out of order by no more than this are in order: threads overtake each other on the way to a log.
const JITTER: i64 = 20_000_000;

/// Places the lines of one log.
pub(super) struct Alignment {
    /// From nanoseconds since 1970 on the node to nanoseconds since the run began.
    shift: i64,
    wrong: Vec<Wrong>,
    last: Option<i64>,
}

impl Alignment {
    /// For a node; `zero` is the control node's clock at the beginning of the run.
    pub(super) fn new(
        node: &str,
        zero: i64,
        clock: Option<NodeClock>,
        faults: &[FaultView],
    ) -> Self {
        let mut wrong = Vec::new();
        for fault in faults {
            let seen = fault.span.clocks.iter();
            for reading in seen.filter(|r| r.during && r.node == node && r.offset != 0) {
                wrong.push(Wrong {
                    from: signed(fault.span.began),
                    until: fault.span.healed.map_or(i64::MAX, signed),
                    offset: reading.offset,
                });
            }
        }
        Self {
            shift: zero.saturating_add(clock.map_or(0, |clock| clock.offset)),
            wrong,
            last: None,
        }
    }

    /// When a line was written, in nanoseconds since the run began, and whether a wrong clock was corrected for it. Lines
    /// come in the order of the log.
    pub(super) fn place(&mut self, stamp: i64) -> (i64, bool) {
        let plain = stamp.saturating_sub(self.shift);
        let last = self.last;
        // Of the first line nothing is known but what it says.
        let strange =
            |at: i64| last.map(|last| (at < last.saturating_sub(JITTER), at.abs_diff(last)));
        let corrected = self.wrong.iter().filter_map(|wrong| {
            let at = plain.saturating_sub(wrong.offset);
            let within = wrong.from.saturating_sub(JITTER)..=wrong.until.saturating_add(JITTER);
            within.contains(&at).then_some((at, true))
        });
        let (at, by_fault) = std::iter::once((plain, false))
            .chain(corrected)
            .min_by_key(|(at, _)| strange(*at))
            .unwrap_or((plain, false));
        self.last = Some(at);
        (at, by_fault)
    }
}

fn signed(at: Nanos) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn the_clocks_own_error_is_taken_off() {
        let clock = NodeClock {
            offset: 2 * SECOND,
            uncertainty: Nanos(5),
        };
        let mut alignment = Alignment::new("n1", 100 * SECOND, Some(clock), &[]);
        assert_eq!(alignment.place(105 * SECOND), (3 * SECOND, false));
    }

    #[test]
    fn a_clock_that_a_fault_made_wrong_is_followed_there_and_back() {
        let mut alignment = Alignment::new("n1", 0, None, &[]);
        alignment.wrong.push(Wrong {
            from: 9 * SECOND,
            until: 11 * SECOND,
            offset: 20 * SECOND,
        });
        let placed: Vec<_> = [8, 29, 30, 12, 13]
            .map(|stamp| alignment.place(stamp * SECOND))
            .into_iter()
            .map(|(at, by_fault)| (at / SECOND, by_fault))
            .collect();
        let wanted = [(8, false), (9, true), (10, true), (12, false), (13, false)];
        assert_eq!(placed, wanted);
    }
}
