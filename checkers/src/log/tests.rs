use history::{Index, Key, Nanos, dsl};

use super::*;

mod broker;

fn verdict(drawing: &str) -> Verdict {
    let history = dsl::parse::<Log>(drawing).expect("a drawing");
    Streams::default().check(&history, Budget::default())
}

fn codes(drawing: &str) -> Vec<String> {
    match verdict(drawing) {
        Verdict::Fail(found) => found.into_iter().map(|f| f.code).collect(),
        Verdict::Unknown(cause) => vec![cause.code],
        Verdict::Pass(_) => Vec::new(),
    }
}

const NONE: [&str; 0] = [];

#[test]
fn a_lost_message_is_told_whole() {
    let drawing = r#"
        p0@n1: |-send [["send",1,7]] -> [["send",1,[3,7]]]-| |-send [["send",1,8]] -> [["send",1,[4,8]]]-|
        p1@n2: |-assign {"keys":[1],"seek-to-beginning?":true}-|                                             |-poll [["poll"]] -> [["poll",{"1":[[4,8]]}]]-|"#;
    let expected = Finding {
        code: "lost-write".to_owned(),
        title: "lost message in log 1".to_owned(),
        property: "log".to_owned(),
        explanation: "n1 acknowledged send 7 to log 1 to process 0 at 0:00.000. n2 acknowledged assign 1 from the start to process 1 at 0:00.000. n2 acknowledged poll to process 1 at 0:00.000. So process 1 went from the start to offset 4 and did not get 7 at offset 3, and nobody else did.".to_owned(),
        key: Some(Key::Int(1)),
        witness: vec![Index(1), Index(2), Index(8)],
        from: Nanos(15),
        until: Nanos(155),
        minimal: true,
        confidence: "certain".to_owned(),
        more: 0,
        order: Vec::new(),
    };
    let Verdict::Fail(found) = verdict(drawing) else {
        panic!("not found");
    };
    // The rule that only looks at offsets finds it with fewer calls, and is less sure.
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].code.as_str(), found[0].more), ("lost-write", 1));
    assert_eq!(found[0].witness, [Index(0), Index(6)]);
    // It has nothing to say once the answer to a poll was lost; then the consumer is the witness.
    let drawing = format!("{drawing}\n        p2: |-poll [[\"poll\"]] info-|");
    let Verdict::Fail(found) = verdict(&drawing) else {
        panic!("not found");
    };
    assert_eq!(found, [expected]);
}

#[test]
fn what_nobody_has_polled_past_is_unseen_and_not_lost() {
    let drawing = r#"
        p0: |-send [["send",1,7]] -> [["send",1,[3,7]]]-| |-send [["send",1,8]] -> [["send",1,[4,8]]]-|
        p1:                                                  |-assign [1]-| |-poll [["poll"]] -> [["poll",{"1":[[3,7]]}]]-|"#;
    let Verdict::Pass(evidence) = verdict(drawing) else {
        panic!("no pass");
    };
    let counts: Vec<u64> = evidence.counts.iter().map(|(_, n)| *n).collect();
    assert_eq!(counts, [1, 2, 1, 1, 0]);
    assert_eq!(
        codes("p0: |-send [[\"send\",1,7]] -> [[\"send\",1,[3,7]]]-|"),
        ["log/nothing-polled"]
    );
}

#[test]
fn offsets_and_messages_must_agree() {
    let poll = |came: &str| {
        codes(&format!(
            r#"
            p0: |-send [["send",1,7]] -> [["send",1,[0,7]]]-| |-send [["send",1,8]] -> [["send",1,[1,8]]]-|
            p1: |-send [["send",1,9]] fail-|                    |-assign [1]-|                                |-poll [["poll"]] -> [["poll",{{"1":{came}}}]]-| |-send [["send",1,6]]->[["send",1,[9,6]]]-|"#
        ))
    };
    assert_eq!(poll("[[0,7],[1,8]]"), NONE);
    assert_eq!(poll("[[0,7],[1,8],[2,7]]"), ["duplicate-message"]);
    assert_eq!(poll("[[0,7],[1,8],[2,9]]"), ["aborted-read"]);
    assert_eq!(poll("[[0,7],[1,8],[2,5]]"), ["phantom-value"]);
    assert_eq!(poll("[[0,7],[1,8],[9,6]]"), ["future-read"]);
    assert_eq!(poll("[[0,7],[1,8],[1,8]]"), ["int-nonmonotonic-poll"]);
    assert_eq!(
        poll("[[0,8]]"),
        ["duplicate-message", "inconsistent-offsets"]
    );
}

#[test]
fn consumers_that_were_assigned_their_logs_do_not_jump() {
    let two = |how: &str, first: &str, between: &str, second: &str| {
        codes(&format!(
            r#"
            p0: |-send [["send",1,7],["send",1,8],["send",1,9]] -> [["send",1,[0,7]],["send",1,[1,8]],["send",1,[2,9]]]-| |-assign [1]-| |-poll [["poll"]] -> [["poll",{{"1":[[0,7],[1,8],[2,9]]}}]]-|
            p1: |-{how} [1]-| |-poll [["poll"]] {first}-| {between} |-poll [["poll"]] {second}-|"#
        ))
    };
    let of = |records: &str| format!(r#"-> [["poll",{{"1":{records}}}]]"#);
    let (a, b, c) = (of("[[0,7]]"), of("[[1,8]]"), of("[[2,9]]"));
    assert_eq!(two("assign", &a, "", &b), NONE);
    assert_eq!(two("assign", &a, "", &c), ["poll-skip"]);
    assert_eq!(two("assign", &b, "", &a), ["nonmonotonic-poll"]);
    assert_eq!(two("assign", &b, "", &b), ["nonmonotonic-poll"]);
    assert_eq!(two("subscribe", &a, "", &c), NONE);
    assert_eq!(two("subscribe", &b, "", &a), NONE);
    assert_eq!(
        two("subscribe", &of("[[0,7],[2,9]]"), "", &c),
        ["int-poll-skip"]
    );
    assert_eq!(
        two("assign", &b, "|-assign [1]-|", &a),
        ["nonmonotonic-poll"]
    );
    assert_eq!(two("assign", &b, "|-assign [2]-| |-assign [1]-|", &a), NONE);
    assert_eq!(
        two(
            "assign",
            &b,
            r#"|-assign {"keys":[1],"seek-to-beginning?":true}-|"#,
            &a
        ),
        NONE
    );
    assert_eq!(
        two(
            "assign",
            &a,
            r#"|-assign {"keys":[1],"seek-to-beginning?":true}-|"#,
            &b
        ),
        ["poll-skip"]
    );
    assert_eq!(two("assign", &b, "|-crash-|", &a), NONE);
    // It may have got 8 and failed to say so.
    assert_eq!(two("assign", &a, "|-poll [[\"poll\"]] fail-|", &c), NONE);
    let moved = r#"-> [["poll",{"1":[[2,9]]}],["rebalance",[1]]]"#;
    assert_eq!(two("assign", &a, "", moved), NONE);
}

#[test]
fn sends_of_one_client_keep_their_order() {
    let two = |a: u32, b: u32| {
        codes(&format!(
            r#"
            p0: |-send [["send",1,7]] -> [["send",1,[{a},7]]]-| |-send [["send",1,8]] -> [["send",1,[{b},8]]]-|
            p1:   |-assign [1]-| |-poll [["poll"]] -> [["poll",{{"1":[[{a},7]]}}]]-|"#
        ))
    };
    assert_eq!(two(0, 5), NONE);
    assert_eq!(two(5, 6), NONE);
    assert_eq!(two(0, 0), ["inconsistent-offsets", "nonmonotonic-send"]);
    let one = |a: u32, b: u32| {
        codes(&format!(
            r#"p0: |-txn [["send",1,7],["send",1,8]] -> [["send",1,[{a},7]],["send",1,[{b},8]]]-|
               p1: |-assign [1]-| |-poll [["poll"]] -> [["poll",{{"1":[[0,7]]}}]]-|"#
        ))
    };
    assert_eq!(one(0, 1), NONE);
    assert!(one(1, 0).contains(&"int-nonmonotonic-send".to_owned()));
}

#[test]
fn transactions_see_neither_themselves_nor_each_other() {
    let own = r#"p0: |-assign [1]-| |-txn [["send",1,7],["poll"]] -> [["send",1,[0,7]],["poll",{"1":[[0,7]]}]]-|"#;
    assert_eq!(codes(own), ["precommitted-read"]);
    let each_other = |second: &str| {
        codes(&format!(
            r#"
            p0: |-assign [1,2]-| |-txn [["send",1,7],["poll"]] -> [["send",1,[0,7]],["poll",{{"2":[[0,8]]}}]]-|
            p1: |-assign [1,2]-| |-txn [["send",2,8],["poll"]] -> [["send",2,[0,8]],["poll",{{{second}}}]]-|"#
        ))
    };
    assert_eq!(each_other(r#""1":[[0,7]]"#), ["G1c"]);
    assert_eq!(each_other(""), NONE);
}

#[test]
fn what_is_allowed_is_counted_and_told() {
    let own = r#"p0: |-assign [1]-| |-txn [["send",1,7],["poll"]] -> [["send",1,[0,7]],["poll",{"1":[[0,7]]}]]-|"#;
    let history = dsl::parse::<Log>(own).expect("a drawing");
    let checker = Streams::default().allowing("precommitted-read");
    let Verdict::Pass(evidence) = checker.check(&history, Budget::default()) else {
        panic!("no pass");
    };
    assert_eq!(
        evidence.notes[0],
        "allowed: transaction polled its own send to log 1 (0 more)"
    );
}

#[test]
fn lag_is_how_long_there_was_something_newer() {
    let drawing = r#"
        p0: |-send [["send",1,7]] -> [["send",1,[0,7]]]-||-send [["send",1,8]] -> [["send",1,[1,8]]]-|
        p1: |-assign [1]-|                                 |-poll [["poll"]] -> [["poll",{"1":[[0,7]]}]]-|     |-poll [["poll"]] -> [["poll",{}]]-|"#;
    let history = dsl::parse::<Log>(drawing).expect("a drawing");
    let logs = orders::Logs::read(&history);
    let lag = lag::worst(&logs, &history).expect("a lag");
    let (sent, polled) = (&history.spans()[2], &history.spans()[4]);
    assert_eq!(lag.poll, polled.invoked);
    assert_eq!(
        Some(lag.behind.0),
        sent.end.map(|end| polled.start.0 - end.0)
    );
}
