//! What a look at a wrong clock said: by how much it was wrong, and how exactly that is known.

use serde::{Deserialize, Serialize};

use crate::{
    Nanos,
    fault::{FaultEvent, FaultStep},
};

/// The kind of fault whose probes read clocks.
const CLOCK: &str = "clock";

/// One measurement of one node's wall clock against the true time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClockReading {
    /// Which node's.
    pub node: String,
    /// The look was over at this moment.
    pub at: Nanos,
    /// By so much it was ahead, in nanoseconds; negative if it was behind.
    pub offset: i64,
    /// The offset is known to within so much.
    pub uncertainty: Nanos,
    /// Whether it was looked at while it was to be wrong, rather than after it was mended.
    pub during: bool,
}

impl ClockReading {
    /// What the step of a fault measured: the parts of its detail that are `NODE: 51 ms, give or take 0.1 µs`, which every
    /// probe of a clock answers. A number without the second part is exact to the half of its last digit.
    pub fn of(event: &FaultEvent) -> Vec<Self> {
        if event.kind != CLOCK {
            return Vec::new();
        }
        let during = match event.step {
            FaultStep::Verify => true,
            FaultStep::HealVerify => false,
            FaultStep::Plan | FaultStep::Inject | FaultStep::Heal => return Vec::new(),
        };
        let parts = event.detail.split("; ");
        let read = parts.filter_map(|part| {
            let (node, said) = part.split_once(": ")?;
            let (offset, uncertainty) = measured(said)?;
            event.nodes.iter().any(|n| n == node).then(|| Self {
                node: node.to_owned(),
                at: event.until,
                offset,
                uncertainty,
                during,
            })
        });
        read.collect()
    }
}

/// Nanoseconds, and nanoseconds, of `51 ms, give or take 0.1 µs (1 process)`.
fn measured(said: &str) -> Option<(i64, Nanos)> {
    let (number, rest) = said.split_once(" ms")?;
    let offset = number.parse::<i64>().ok()?.checked_mul(1_000_000)?;
    let half = 500_000;
    let uncertainty = match rest.strip_prefix(", give or take ") {
        Some(rest) => {
            let microseconds: f64 = rest.split_once(" µs")?.0.parse().ok()?;
            // Rounded to whole milliseconds when it was written.
            (microseconds * 1e3) as u64 + half
        }
        None => half,
    };
    Some((offset, Nanos(uncertainty)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultId;

    fn verified(detail: &str) -> Vec<(String, i64, u64)> {
        let event = FaultEvent {
            time: Nanos(1),
            until: Nanos(2),
            fault: FaultId(0),
            step: FaultStep::Verify,
            ok: true,
            kind: "clock".to_owned(),
            what: String::new(),
            nodes: vec!["n1".to_owned(), "n2".to_owned()],
            sides: Vec::new(),
            detail: detail.to_owned(),
        };
        let readings = ClockReading::of(&event).into_iter();
        readings
            .map(|r| (r.node, r.offset, r.uncertainty.0))
            .collect()
    }

    #[test]
    fn every_probe_of_a_clock_is_understood() {
        let two = "n1: -14 ms, give or take 0.1 µs (1 process); n2: 20561 ms, give or take 310 µs";
        let wanted = [
            ("n1".to_owned(), -14_000_000, 500_100),
            ("n2".to_owned(), 20_561_000_000, 810_000),
        ];
        assert_eq!(verified(two), wanted);
        assert_eq!(
            verified("n1: 0 ms (no process)"),
            [("n1".to_owned(), 0, 500_000)]
        );
    }

    #[test]
    fn what_is_no_measurement_is_none() {
        for other in [
            "",
            "0/8 probes crossed",
            "n1: 1 of 2 processes as asked; process 7 shows +3 ms",
            "n9: 5 ms",
            "n1: 99999999999999999 ms",
        ] {
            assert_eq!(verified(other), [], "{other}");
        }
    }
}
