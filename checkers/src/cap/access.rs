//! Whether the calls of one side were answered: counts, outages, recovery.

use std::time::Duration;

use history::{Nanos, Operation, Outcome, Span};

use super::{Access, Availability, Cap, Choice, Consistency, Recovery};

/// What becomes of calls between two moments.
pub(super) struct Window {
    pub(super) from: Nanos,
    /// The heal, or the end of the record.
    pub(super) until: Nanos,
    pub(super) healed: Option<Nanos>,
    /// When the next fault begins that touches this side: what comes then says nothing about recovery.
    pub(super) next: Option<Nanos>,
}

/// Judges calls of one side and one use, in the order in which they were made; those before and after the window too.
pub(super) fn access<'a, O: Operation>(
    cap: &Cap<O>,
    window: &Window,
    consistency: Consistency,
    calls: impl Iterator<Item = &'a Span<O>>,
) -> Access {
    let (mut accepted, mut late, mut failed, mut lost) = (0, 0, 0, 0);
    // Answers by their end, calls without one by their start; of two at one time the latter first.
    let mut moments: Vec<(Nanos, bool)> = Vec::new();
    let (mut asked_again, mut back) = (0, None::<Nanos>);
    for span in calls.skip_while(|span| span.start < window.from) {
        let answered = cap.accepts(&span.outcome).then_some(span.end).flatten();
        if span.start > window.until {
            if window.next.is_some_and(|next| span.start >= next) {
                break;
            }
            asked_again += 1;
            back = [back, answered].into_iter().flatten().min();
            continue;
        }
        match answered {
            Some(end) if end <= window.until => {
                accepted += 1;
                moments.push((end, true));
                continue;
            }
            Some(_) => late += 1,
            None if matches!(span.outcome, Outcome::Fail(_)) => failed += 1,
            None => lost += 1,
        }
        moments.push((span.start, false));
    }
    moments.sort_unstable();
    let (longest, last) = outages(&moments, window.until);
    let tolerance = |outage: Nanos| Duration::from_nanos(outage.0) > cap.tolerance;
    let availability = match accepted {
        0 if moments.is_empty() => Availability::NotTried,
        0 if failed + lost > 0 || tolerance(longest) => Availability::Unavailable,
        _ if tolerance(last) => Availability::Stopped,
        _ if tolerance(longest) => Availability::Interrupted,
        _ => Availability::Available,
    };
    let recovery = match (window.healed, back) {
        (None, _) => Recovery::NotHealed,
        (Some(healed), Some(back)) => Recovery::After {
            time: Nanos(back.0.saturating_sub(healed.0)),
        },
        (Some(_), None) if asked_again == 0 => Recovery::NotTried,
        (Some(_), None) => Recovery::Never { tried: asked_again },
    };
    Access {
        tried: accepted + late + failed + lost,
        accepted,
        late,
        failed,
        lost,
        availability,
        longest_outage: longest,
        recovery,
        gave_up: Choice::of(availability, &consistency),
        consistency,
    }
}

/// The longest outage, and the one that lasted until the end.
fn outages(moments: &[(Nanos, bool)], until: Nanos) -> (Nanos, Nanos) {
    let (mut since, mut longest) = (None::<Nanos>, Nanos(0));
    let length = |since: Nanos, to: Nanos| Nanos(to.0.saturating_sub(since.0));
    for &(time, answered) in moments {
        match since {
            Some(start) if answered => {
                longest = longest.max(length(start, time));
                since = None;
            }
            None if !answered => since = Some(time),
            _ => {}
        }
    }
    let last = since.map_or(Nanos(0), |start| length(start, until));
    (longest.max(last), last)
}
