//! The checker `producer-order`: of two messages that one client put into a queue one after the other, the first comes out
//! first.
//!
//! A queue may take no order of all messages and still keep the order of each producer, as partitioned queues do. The first
//! message of two is acknowledged before the second is sent: a client whose call has an unknown outcome has ended. They came
//! out the wrong way round if
//! - the second had come out, to a call that ended, before the first call that got the first one was made; or
//! - one drain got the second before the first, and nobody else got the first.
//!
//! **Sound** for queues that keep the order of each producer and hand out a message once. If they do so again because a
//! consumer was lost, the first message of two may have come out before, to a call of unknown outcome: where there is one
//! that was made in time, the finding says so. Values that were put in more than once are left out. **Incomplete**: an order
//! of calls that only follows from that of others is not seen. O(n log n).

use std::collections::BTreeMap;

use history::{
    History, Index, Key, Outcome, Process,
    ops::{Queue, QueueOp, QueueReturn},
};

use crate::{
    Budget, Cause, Checker, Verdict,
    findings::{CERTAIN, Findings, Told, evidence},
    words::{Words, capital, on_key},
};

/// Judges the order in which messages come out of queues.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProducerOrder;

/// The only call that puts in a value, and the calls that got it.
struct Message {
    value: i64,
    sent: usize,
    got: Vec<usize>,
    /// Where in the answer of the last of these.
    place: usize,
}

/// One queue.
#[derive(Default)]
struct One {
    /// In order of the calls that put them in.
    messages: Vec<Message>,
    /// The first call of unknown outcome that may have taken a message.
    doubt: Option<Index>,
}

impl Checker<Queue> for ProducerOrder {
    fn name(&self) -> &str {
        "producer-order"
    }

    fn decides(&self) -> String {
        "what a client put into a queue comes out in the order in which it put it in".to_owned()
    }

    fn limits(&self) -> &'static str {
        "sound for queues that hand out a message once; incomplete: an order that only follows from that of other calls is not seen"
    }

    fn check(&self, history: &History<Queue>, _: Budget) -> Verdict {
        let mut findings = Findings::new(history, "producer-order");
        let (mut compared, mut producers) = (0, 0);
        for (key, queue) in split(history) {
            let mut of: BTreeMap<Process, Vec<&Message>> = BTreeMap::new();
            for message in queue.messages.iter().filter(|m| !m.got.is_empty()) {
                let producer = history.spans()[message.sent].process;
                of.entry(producer).or_default().push(message);
            }
            for messages in of.values().filter(|messages| messages.len() > 1) {
                producers += 1;
                compared += messages.len() as u64;
                judge_calls(history, key, &queue, messages, &mut findings);
                judge_drains(history, key, &queue, messages, &mut findings);
            }
        }
        findings.or_else(|| match producers {
            0 => Verdict::Unknown(Cause {
                code: "producer-order/nothing-to-compare".to_owned(),
                text: "no two messages of one client came out".to_owned(),
                remedy: "let each client put in several messages, and drain the queue at the end"
                    .to_owned(),
            }),
            _ => Verdict::Pass(evidence(
                [("messages compared", compared), ("producers", producers)],
                Vec::new(),
            )),
        })
    }
}

/// A value, in its queue.
type Value<'a> = (Option<&'a Key>, i64);

fn split(history: &History<Queue>) -> BTreeMap<Option<&Key>, One> {
    let mut sent: BTreeMap<Value<'_>, Vec<usize>> = BTreeMap::new();
    let mut got: BTreeMap<Value<'_>, (Vec<usize>, usize)> = BTreeMap::new();
    let mut queues: BTreeMap<Option<&Key>, One> = BTreeMap::new();
    for (at, span) in history.spans().iter().enumerate() {
        let key = span.call.key.as_ref();
        let mut take = |place, value| {
            let (calls, last) = got.entry((key, value)).or_default();
            calls.push(at);
            *last = place;
        };
        match (span.call.op, &span.outcome) {
            (QueueOp::Enqueue(_), Outcome::Fail(_)) => {}
            (QueueOp::Enqueue(value), _) => sent.entry((key, value)).or_default().push(at),
            (_, Outcome::Ok(QueueReturn::Message(message))) => {
                message.iter().for_each(|value| take(0, *value));
            }
            (_, Outcome::Ok(QueueReturn::Messages(all))) => {
                all.iter()
                    .enumerate()
                    .for_each(|(place, value)| take(place, *value));
            }
            (_, Outcome::Info(_)) => {
                let queue = queues.entry(key).or_default();
                queue.doubt.get_or_insert(span.invoked);
            }
            (_, Outcome::Ok(_) | Outcome::Fail(_)) => {}
        }
    }
    for ((key, value), calls) in sent {
        if let [only] = calls[..] {
            let (got, place) = got.remove(&(key, value)).unwrap_or_default();
            queues.entry(key).or_default().messages.push(Message {
                value,
                sent: only,
                got,
                place,
            });
        }
    }
    for queue in queues.values_mut() {
        queue.messages.sort_unstable_by_key(|message| message.sent);
    }
    queues
}

/// Each message of a producer against that of its earlier ones which was last to be asked for.
fn judge_calls(
    history: &History<Queue>,
    key: Option<&Key>,
    queue: &One,
    messages: &[&Message],
    findings: &mut Findings<'_, Queue>,
) {
    let spans = history.spans();
    let mut latest: Option<(usize, &Message)> = None;
    for message in messages {
        let ends = message.got.iter().map(|at| (spans[*at].completed, *at));
        let (ended, got) = ends.min().expect("only those that came out");
        // Positions are in the order of calls.
        if let Some((first, earlier)) = latest
            && ended < Some(spans[first].invoked)
        {
            let calls = [earlier.sent, message.sent, got, first];
            tell(history, key, queue, [earlier, message], &calls, findings);
        }
        if latest.is_none_or(|(first, _)| first < message.got[0]) {
            latest = Some((message.got[0], message));
        }
    }
}

/// The messages of a producer that one drain got, in the order in which it got them.
fn judge_drains(
    history: &History<Queue>,
    key: Option<&Key>,
    queue: &One,
    messages: &[&Message],
    findings: &mut Findings<'_, Queue>,
) {
    let mut drains: BTreeMap<usize, Vec<&Message>> = BTreeMap::new();
    for message in messages {
        if let [only] = message.got[..] {
            drains.entry(only).or_default().push(message);
        }
    }
    for (drain, mut together) in drains {
        together.sort_by_key(|message| message.place);
        let mut last = together[0];
        for message in together {
            if message.sent < last.sent {
                let calls = [message.sent, last.sent, drain];
                tell(history, key, queue, [message, last], &calls, findings);
            } else {
                last = message;
            }
        }
    }
}

fn tell(
    history: &History<Queue>,
    key: Option<&Key>,
    queue: &One,
    [first, second]: [&Message; 2],
    calls: &[usize],
    findings: &mut Findings<'_, Queue>,
) {
    let words = Words(history);
    let got = calls[2];
    let asked = calls.last().map(|at| words.span(*at).invoked);
    findings.add("out-of-order", calls, || Told {
        title: format!("messages out of order{}", on_key(key)),
        explanation: format!(
            "{} put in {}, and then {}. {} got {}{}.",
            capital(&words.who(first.sent)),
            first.value,
            second.value,
            capital(&words.place(got)),
            second.value,
            match calls {
                [_, _, _, after] => format!(
                    ", and nobody had got {}. {} later {} asked, and got it",
                    first.value,
                    words.later(got, *after),
                    words.place(*after)
                ),
                _ => format!(", and {} after it", first.value),
            }
        ),
        key: key.cloned(),
        confidence: match queue.doubt {
            Some(doubt) if Some(doubt) < asked => UNLESS_REDELIVERED,
            _ => CERTAIN,
        },
        minimal: true,
    });
}

/// A call that nobody learned the outcome of may have got the message before.
const UNLESS_REDELIVERED: &str =
    "certain unless a call of unknown outcome got the message first, and it was redelivered";

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

    fn verdict(drawing: &str) -> Verdict {
        let history = dsl::parse::<Queue>(drawing).expect("a drawing");
        ProducerOrder.check(&history, Budget::default())
    }

    #[test]
    fn the_second_comes_out_before_the_first() {
        let found = verdict(
            "
            p0@n1: |-enqueue 1 7-| |-enqueue 1 8-|
            p1@n2:                                  |-dequeue 1 -> 8-| |-dequeue 1 -> 7-|",
        );
        let Verdict::Fail(found) = found else {
            panic!("{found:?}")
        };
        let expected = Finding {
            code: "out-of-order".to_owned(),
            title: "messages out of order on key 1".to_owned(),
            property: "producer-order".to_owned(),
            explanation: "Process 0 put in 7, and then 8. Process 1 (n2, 0:00.000) got 8, and nobody had got 7. 0 µs later \
                          process 1 (n2, 0:00.000) asked, and got it."
                .to_owned(),
            key: Some(Key::Int(1)),
            witness: [0, 2, 4, 6].map(Index).to_vec(),
            from: Nanos(19),
            until: Nanos(88),
            minimal: true,
            confidence: "certain".to_owned(),
            more: 0,
            order: Vec::new(),
        };
        assert_eq!(found, [expected]);
    }

    #[test]
    fn a_drain_has_an_order() {
        let sent = "p0: |-enqueue 1 7-| |-enqueue 1 8-|\np1:                                  ";
        let Verdict::Fail(found) = verdict(&format!("{sent}|-drain 1 -> [8,7]-|")) else {
            panic!("not found")
        };
        assert_eq!(
            found[0].explanation,
            "Process 0 put in 7, and then 8. Process 1 (0:00.000) got 8, and 7 after it."
        );
        assert_eq!(
            verdict(&format!("{sent}|-drain 1 -> [7,8]-|")).word(),
            "pass"
        );
    }

    #[test]
    fn a_message_that_may_have_come_out_before_is_told_apart() {
        let found = verdict(
            "
            p0: |-enqueue 1 7-| |-enqueue 1 8-|
            p1:   |-dequeue 1 info-|
            p2:                                  |-dequeue 1 -> 8-| |-dequeue 1 -> 7-|",
        );
        assert!(matches!(found, Verdict::Fail(f) if f[0].confidence == UNLESS_REDELIVERED));
    }

    #[test]
    fn of_different_producers_or_at_the_same_time_or_redelivered_there_is_no_order() {
        for drawing in [
            "
             p0: |-enqueue 1 7-|                  |-enqueue 1 9-|
             p1:                 |-enqueue 1 8-|
             p2:                                                   |-drain 1 -> [8,7,9]-|",
            "
             p0: |-enqueue 1 7-| |-enqueue 1 8-|
             p1:                                |-dequeue 1 -> 8-|
             p2:                                   |-dequeue 1 -> 7-|",
            "
             p0: |-enqueue 1 7-| |-enqueue 1 8-|
             p1:                                |-dequeue 1 -> 7-| |-drain 1 -> [8,7]-|",
            "
             p0: |-enqueue 1 7 fail-| |-enqueue 1 8-| |-enqueue 1 9-|
             p1:                                                     |-drain 1 -> [8,7,9]-|",
        ] {
            assert_eq!(verdict(drawing).word(), "pass", "{drawing}");
        }
        let single = verdict("p0: |-enqueue 1 7-| |-dequeue 1 -> 7-|");
        assert!(
            matches!(single, Verdict::Unknown(c) if c.code == "producer-order/nothing-to-compare")
        );
    }

    /// Some clients put in and take out; a broken queue now and then hands out what it should not yet.
    fn run(seed: u64, broken: bool) -> History<Queue> {
        let (mut fresh, mut asked, mut queue) = (0, 0, VecDeque::new());
        play::<Queue, _>(
            &mut Pcg64Mcg::seed_from_u64(seed),
            (3, 40),
            |rng, _| {
                asked += 1;
                let op = match () {
                    () if asked > 36 => QueueOp::Drain,
                    () if rng.random_bool(0.4) => QueueOp::Dequeue,
                    () => {
                        fresh += 1;
                        QueueOp::Enqueue(fresh)
                    }
                };
                QueueCall { key: None, op }
            },
            |rng, call| match call.op {
                QueueOp::Enqueue(v) => {
                    queue.push_back(v);
                    Some(QueueReturn::Done)
                }
                QueueOp::Dequeue => {
                    if broken && rng.random_bool(0.1) && queue.len() > 1 {
                        queue.swap(0, 1);
                    }
                    Some(QueueReturn::Message(queue.pop_front()))
                }
                QueueOp::Drain => {
                    if broken && rng.random_bool(0.2) {
                        queue.make_contiguous().reverse();
                    }
                    Some(QueueReturn::Messages(queue.drain(..).collect()))
                }
            },
        )
    }

    /// By definition, over all pairs of messages. No value is put in or handed out twice.
    fn disordered(history: &History<Queue>) -> bool {
        let spans = history.spans();
        let taken: Vec<(i64, usize, usize)> = spans
            .iter()
            .enumerate()
            .flat_map(|(at, span)| match &span.outcome {
                Outcome::Ok(QueueReturn::Message(Some(v))) => vec![(*v, at, 0)],
                Outcome::Ok(QueueReturn::Messages(all)) => {
                    let places = all.iter().enumerate();
                    places.map(|(place, v)| (*v, at, place)).collect()
                }
                _ => Vec::new(),
            })
            .collect();
        let sent = |v| {
            let is = |span: &&history::Span<Queue>| span.call.op == QueueOp::Enqueue(v);
            let span = spans.iter().find(is).expect("somebody put it in");
            (span.process, span.invoked)
        };
        taken.iter().any(|(v, got, place)| {
            taken.iter().any(|(w, other, next)| {
                let (mine, theirs) = (sent(*v), sent(*w));
                let apart = spans[*got].completed < Some(spans[*other].invoked);
                let after = apart || (got == other && place < next);
                mine.0 == theirs.0 && theirs.1 < mine.1 && after
            })
        })
    }

    #[test]
    fn agrees_with_the_definition_and_never_fails_an_honest_queue() {
        let mut caught = 0;
        for seed in 0..cases(300) {
            let honest = run(seed, false);
            let verdict = ProducerOrder.check(&honest, Budget::default());
            assert_ne!(verdict.word(), "fail", "seed {seed}: {verdict:?}");
            let broken = run(seed, true);
            let failed = ProducerOrder.check(&broken, Budget::default()).word() == "fail";
            assert_eq!(failed, disordered(&broken), "seed {seed}");
            caught += u32::from(failed);
        }
        assert!(caught > 20, "{caught}");
    }
}
