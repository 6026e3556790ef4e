//! The checker `total-queue`: what was put in comes out, and nothing else does.
//!
//! **What fails**: a message that nobody enqueued, that only failed calls enqueued, or that came out before it was put
//! in; a message that was acknowledged and never came out, although the queue was seen to be empty later; with
//! [`Delivery::exactly_once`], a message that came out more often than it can have been put in. Otherwise such messages are
//! *redelivered*, which is counted.
//!
//! **Sound**: a dequeue of unknown outcome may have taken one message, and a drain any number; as many missing messages
//! are excused. "Empty" is taken at its word. **Incomplete**: the order of messages is not judged. O(n log n). After Kyle Kingsbury's
//! `checker/total-queue` of Jepsen, which excuses nothing and cannot be given a drain of unknown outcome.

use std::collections::BTreeMap;

use history::{
    History, Index, Key, Outcome,
    ops::{Queue, QueueOp, QueueReturn},
};

use crate::{
    Budget, Cause, Checker, Verdict,
    findings::{CERTAIN, Findings, Told, UNLESS_MISREPORTED, evidence},
    words::{Words, answered, capital, on_key},
};

/// Judges queues.
#[derive(Debug, Clone, Copy, Default)]
pub struct Delivery {
    once: bool,
}

impl Delivery {
    /// Every message comes out, perhaps more than once.
    pub fn at_least_once() -> Self {
        Self::default()
    }
    /// Every message comes out once.
    pub fn exactly_once() -> Self {
        Self { once: true }
    }
}

/// What happened to one value.
#[derive(Default)]
struct Message {
    attempts: Vec<usize>,
    acked: Vec<(Index, usize)>,
    failed: Option<usize>,
    out: Vec<(Index, usize)>,
}

#[derive(Default)]
struct One {
    messages: BTreeMap<i64, Message>,
    /// The latest call that found the queue empty.
    emptied: Option<usize>,
    /// How many messages may have been taken out without a word; `None` for any number.
    excused: Option<u64>,
}

impl Checker<Queue> for Delivery {
    fn name(&self) -> &str {
        "total-queue"
    }

    fn decides(&self) -> String {
        match self.once {
            true => "every acknowledged message comes out once, and nothing else does",
            false => "every acknowledged message comes out, and nothing else does",
        }
        .to_owned()
    }

    fn limits(&self) -> &'static str {
        "sound, if the queue says empty only when it is; incomplete: the order of messages is not judged"
    }

    fn check(&self, history: &History<Queue>, _: Budget) -> Verdict {
        let words = Words(history);
        let mut findings = Findings::new(history, "total-queue");
        let (mut enqueued, mut delivered, mut redelivered, mut waiting, mut excused) =
            (0, 0, 0, 0, 0);
        for (key, queue) in split(history) {
            let place = on_key(key);
            let told = |title: &str, explanation: String, confidence| Told {
                title: format!("{title}{place}"),
                explanation,
                key: key.cloned(),
                confidence,
                minimal: true,
            };
            let mut missing = Vec::new();
            for (v, message) in &queue.messages {
                enqueued += message.acked.len() as u64;
                delivered += message.out.len() as u64;
                let got = |at| format!("{} got {v} from the queue.", capital(&words.place(at)));
                if let (Some((_, at)), true) = (message.out.first(), message.attempts.is_empty()) {
                    match message.failed {
                        Some(failed) => findings.add("aborted-read", &[*at, failed], || {
                            let text = format!("{} {}", got(*at), words.call(failed));
                            told("delivery of a failed enqueue", text, UNLESS_MISREPORTED)
                        }),
                        None => findings.add("phantom-value", &[*at], || {
                            let text = format!("{} Nobody ever tried to put it in.", got(*at));
                            told("message from nowhere", text, CERTAIN)
                        }),
                    }
                    continue;
                }
                let first_out = message.out.iter().min();
                if let (Some((end, at)), Some(first)) = (first_out, message.attempts.first())
                    && *end < history.spans()[*first].invoked
                {
                    findings.add("future-read", &[*at, *first], || {
                        let text = format!(
                            "{} It was put in only later: {} called for it at {}.",
                            got(*at),
                            words.who(*first),
                            words.span(*first).start
                        );
                        told("message delivered before it was sent", text, CERTAIN)
                    });
                }
                if message.out.len() > message.attempts.len() {
                    redelivered += (message.out.len() - message.attempts.len()) as u64;
                    if self.once {
                        let mut calls = message.attempts.clone();
                        calls.extend(message.out.iter().map(|(_, at)| at));
                        findings.add("duplicate-delivery", &calls, || {
                            let text = format!(
                                "{v} was put in {} times at most, and came out {} times: first to {}, last to {}.",
                                message.attempts.len(),
                                message.out.len(),
                                words.place(message.out[0].1),
                                words.place(message.out[message.out.len() - 1].1)
                            );
                            told("message delivered more than once", text, CERTAIN)
                        });
                    }
                }
                if message.out.is_empty()
                    && let Some((answer, at)) = message.acked.iter().min()
                {
                    match queue.emptied {
                        Some(empty) if history.spans()[empty].invoked > *answer => {
                            missing.push((*v, *at, empty));
                        }
                        _ => waiting += 1,
                    }
                }
            }
            if queue.excused.is_none_or(|n| missing.len() as u64 <= n) {
                excused += missing.len() as u64;
                continue;
            }
            for (v, at, empty) in missing {
                findings.add("lost-message", &[at, empty], || {
                    let mut text = format!(
                        "{} {} later process {} found the queue empty{}. Nobody ever got {v}.",
                        words.call(at),
                        words.later(at, empty),
                        words.span(empty).process.0,
                        words.on(empty)
                    );
                    if let Some(n @ 1..) = queue.excused {
                        text.push_str(&format!(" ({n} calls of unknown outcome may have taken a message each; more than that are missing.)"));
                    }
                    told("lost message", text, CERTAIN)
                });
            }
        }
        findings.or_else(|| {
            if delivered == 0 || waiting + excused > 0 {
                return Verdict::Unknown(Cause {
                    code: "queue/not-drained".to_owned(),
                    text: format!("{delivered} messages came out; {waiting} did not, and the queue was not seen to be empty afterwards; {excused} more may have been taken by calls of unknown outcome"),
                    remedy: "drain the queue at the end, after all faults were healed".to_owned(),
                });
            }
            Verdict::Pass(evidence(
                [
                    ("messages acknowledged", enqueued),
                    ("messages delivered", delivered),
                    ("messages redelivered", redelivered),
                ],
                Vec::new(),
            ))
        })
    }
}

fn split(history: &History<Queue>) -> BTreeMap<Option<&Key>, One> {
    let mut queues: BTreeMap<Option<&Key>, One> = BTreeMap::new();
    for (at, span) in history.spans().iter().enumerate() {
        let queue = queues.entry(span.call.key.as_ref()).or_insert_with(|| One {
            excused: Some(0),
            ..One::default()
        });
        let mut out = |values: &[i64]| {
            let end = span.completed.expect("an ok call has an end");
            for v in values {
                queue.messages.entry(*v).or_default().out.push((end, at));
            }
        };
        match (span.call.op, &span.outcome) {
            (QueueOp::Enqueue(v), outcome) => {
                let message = queue.messages.entry(v).or_default();
                match outcome {
                    Outcome::Fail(_) => message.failed = Some(at),
                    _ => message.attempts.push(at),
                }
                message.acked.extend(answered(span).map(|end| (end, at)));
            }
            (_, Outcome::Ok(QueueReturn::Message(Some(v)))) => out(&[*v]),
            (_, Outcome::Ok(QueueReturn::Messages(all))) => {
                out(all);
                queue.emptied = Some(at);
            }
            (_, Outcome::Ok(_)) => queue.emptied = Some(at),
            (QueueOp::Dequeue, Outcome::Info(_)) => {
                queue.excused = queue.excused.map(|n| n + 1);
            }
            (QueueOp::Drain, Outcome::Info(_)) => queue.excused = None,
            (QueueOp::Dequeue | QueueOp::Drain, Outcome::Fail(_)) => {}
        }
    }
    queues
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use history::{Nanos, dsl, ops::QueueCall};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::{
        Finding,
        oracle::{cases, play},
    };

    fn verdict(checker: Delivery, drawing: &str) -> Verdict {
        let history = dsl::parse::<Queue>(drawing).expect("a drawing");
        checker.check(&history, Budget::default())
    }

    fn code(checker: Delivery, drawing: &str) -> String {
        match verdict(checker, drawing) {
            Verdict::Fail(found) => found[0].code.clone(),
            Verdict::Unknown(cause) => cause.code,
            Verdict::Pass(_) => "pass".to_owned(),
        }
    }

    #[test]
    fn lost_message() {
        let drawing = "
            p0@n1: |-enqueue 1 7-| |-enqueue 1 8-|
            p1@n2:                                   |-drain 1 -> [8]-|";
        let expected = Finding {
            code: "lost-message".to_owned(),
            title: "lost message on key 1".to_owned(),
            property: "total-queue".to_owned(),
            explanation: "n1 acknowledged enqueue 1 7 to process 0 at 0:00.000. 0 µs later process 1 found the queue empty on n2. Nobody ever got 7.".to_owned(),
            key: Some(Key::Int(1)),
            witness: vec![Index(0), Index(4)],
            from: Nanos(19),
            until: Nanos(70),
            minimal: true,
            confidence: "certain".to_owned(),
            more: 0,
            order: Vec::new(),
        };
        let verdict = verdict(Delivery::at_least_once(), drawing);
        assert_eq!(verdict, Verdict::Fail(vec![expected]));
    }

    #[test]
    fn calls_of_unknown_outcome_excuse_what_they_may_have_taken() {
        for (taker, expected) in [
            ("|-dequeue 1 info-|", "queue/not-drained"),
            ("|-drain 1 info-|", "queue/not-drained"),
            ("|-dequeue 1 fail-|", "lost-message"),
            ("|-dequeue 1 -> 7-|", "pass"),
        ] {
            let drawing = format!(
                "
                p0: |-enqueue 1 7-| |-enqueue 1 8-| |-enqueue 1 9 info-|
                p1:                                 {taker}
                p2:                                                       |-drain 1 -> [8]-|"
            );
            assert_eq!(
                code(Delivery::exactly_once(), &drawing),
                expected,
                "{taker}"
            );
        }
    }

    #[test]
    fn messages_that_cannot_be_there() {
        for (out, expected) in [
            ("[7,8]", "phantom-value"),
            ("[7,9]", "aborted-read"),
            ("[7,5]", "future-read"),
            ("[7,7]", "duplicate-delivery"),
        ] {
            let drawing = format!(
                "
                p0: |-enqueue 1 7-| |-enqueue 1 9 fail-|                           |-enqueue 1 5-|
                p1:                                       |-drain 1 -> {out}-|"
            );
            assert_eq!(code(Delivery::exactly_once(), &drawing), expected, "{out}");
        }
        let twice = "
            p0: |-enqueue 1 7-| |-drain 1 -> [7,7]-|";
        assert_eq!(code(Delivery::at_least_once(), twice), "pass");
    }

    #[test]
    fn a_queue_that_was_not_drained_is_unknown() {
        let drawing = "p0: |-enqueue 1 7-| |-enqueue 1 8-| |-dequeue 1 -> 7-|";
        assert_eq!(
            code(Delivery::at_least_once(), drawing),
            "queue/not-drained"
        );
    }

    #[test]
    fn an_honest_queue_never_fails_and_one_that_drops_is_caught() {
        let mut caught = 0;
        for seed in 0..cases(200) {
            for broken in [false, true] {
                let (mut fresh, mut asked, mut queue) = (0, 0, VecDeque::new());
                let history = play::<Queue, _>(
                    &mut Pcg64Mcg::seed_from_u64(seed),
                    (4, 60),
                    |rng, _| {
                        asked += 1;
                        let op = match () {
                            () if asked > 50 => QueueOp::Drain,
                            () if rng.random_bool(0.3) => QueueOp::Dequeue,
                            () => {
                                fresh += 1;
                                QueueOp::Enqueue(fresh)
                            }
                        };
                        QueueCall { key: None, op }
                    },
                    |_, call| match call.op {
                        QueueOp::Enqueue(v) => {
                            if !broken || v % 7 != 0 {
                                queue.push_back(v);
                            }
                            Some(QueueReturn::Done)
                        }
                        QueueOp::Dequeue => Some(QueueReturn::Message(queue.pop_front())),
                        QueueOp::Drain => Some(QueueReturn::Messages(queue.drain(..).collect())),
                    },
                );
                let verdict = Delivery::exactly_once().check(&history, Budget::default());
                assert!(
                    broken || verdict.word() != "fail",
                    "seed {seed}: {verdict:?}"
                );
                caught += u64::from(verdict.word() == "fail");
            }
        }
        assert!(caught > 20, "{caught}");
    }
}
