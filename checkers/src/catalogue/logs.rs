//! What can be wrong with logs of messages.

use super::Row;

pub(super) fn rows() -> Vec<Row> {
    const KAFKA: &str = "Jepsen, the workload kafka";
    let row = |code, name, words, example, causes| Row {
        code,
        name,
        words,
        example,
        excluded_by: vec!["log"],
        causes,
        source: KAFKA,
    };
    const ELECTION: &str = "a new leader without all that the old one had acknowledged";
    const RESUMED: &str = "a consumer that resumes elsewhere after a lost connection; offsets that were committed too early or too late";
    const UNCOMMITTED: &str = "consumers that see what is not committed yet";
    vec![
        row(
            "lost-write",
            "lost message",
            "an acknowledged message was polled by nobody, although consumers went past its offset",
            "send 7 ok at 0, send 8 ok at 1 · poll from the start → 8@1",
            ELECTION,
        ),
        row(
            "duplicate-message",
            "message twice in a log",
            "a message that was sent once is at two offsets",
            "send 7 ok at 0 · poll → 7@0 7@1",
            "a retry of a send that is not idempotent",
        ),
        row(
            "inconsistent-offsets",
            "two messages at one offset",
            "clients were told of different messages at the same offset of a log",
            "send 7 ok at 0 · poll → 8@0",
            ELECTION,
        ),
        row(
            "poll-skip",
            "skipped message",
            "a consumer that was assigned its logs went past a message that another got",
            "poll → 7@0 · poll → 9@2, and 8@1 was polled elsewhere",
            RESUMED,
        ),
        row(
            "int-poll-skip",
            "message skipped within a call",
            "the answer to one call goes past a message that another consumer got",
            "poll → 7@0 9@2, and 8@1 was polled elsewhere",
            RESUMED,
        ),
        row(
            "nonmonotonic-poll",
            "log polled backwards",
            "a consumer that was assigned its logs got an offset after it had got that or a later one",
            "poll → 8@1 · poll → 7@0",
            RESUMED,
        ),
        row(
            "int-nonmonotonic-poll",
            "log polled backwards within a call",
            "the answer to one call has an offset after that or a later one",
            "poll → 8@1 7@0",
            RESUMED,
        ),
        row(
            "nonmonotonic-send",
            "sends in the wrong order",
            "a message that a client sent after the acknowledgement of another got an earlier offset",
            "send 7 ok at 5 · send 8 ok at 3, by the same client",
            ELECTION,
        ),
        row(
            "int-nonmonotonic-send",
            "sends in the wrong order within a call",
            "of two messages that one call sent the later got an earlier offset",
            "send 7, send 8 → at 1, at 0",
            "requests that are sent in parallel and retried",
        ),
        row(
            "aborted-read",
            "failed message",
            "a message whose sending failed was polled",
            "send 7 fail · poll → 7@0",
            UNCOMMITTED,
        ),
        row(
            "phantom-value",
            "message from nowhere",
            "a message was polled that nobody sent",
            "poll → 7@0",
            "logs that are mixed up; a client that reads others' data",
        ),
        row(
            "future-read",
            "message before it was sent",
            "a message was polled by a call that ended before the message was sent",
            "poll → 7@0, then send 7",
            "values that are not unique; a client that reports wrong times",
        ),
        row(
            "precommitted-read",
            "own message before the commit",
            "a transaction polled what it sent itself",
            "send 7, poll → 7@0 in one transaction",
            UNCOMMITTED,
        ),
        row(
            "G1c",
            "circular information flow",
            "transactions that both send and poll got each other's messages, around a circle",
            "send 7 to a, poll → b: 8@0 · send 8 to b, poll → a: 7@0",
            UNCOMMITTED,
        ),
    ]
}
