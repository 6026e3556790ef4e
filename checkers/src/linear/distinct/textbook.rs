//! Each violation by its name, on the smallest history that shows it.

use What::{Empty, Insert, Lost, Remove};

use super::{
    Call, Decision, Pattern, Reason, SetCall, SetWhat, Violation, What, priority_queue, queue, set,
    stack,
};
use crate::linear::NEVER;

fn calls(all: &[(What, u32, u32)]) -> Vec<Call> {
    let call = |(what, start, end): &(What, u32, u32)| Call {
        what: *what,
        start: *start,
        end: *end,
    };
    all.iter().map(call).collect()
}

fn only(decision: Decision) -> (Pattern, Vec<i64>, Vec<usize>, String) {
    let Decision::Violation(violations) = decision else {
        panic!("{decision:?}");
    };
    let [violation]: [Violation; 1] = violations.try_into().unwrap();
    let text = format!("{}: {}", violation.title(), violation.explanation());
    (violation.pattern, violation.values, violation.calls, text)
}

#[test]
fn a_queue_that_lets_one_overtake_another() {
    // |-+1-| |-+2-| |--2--| |-1-|, and the call that overlaps is innocent.
    let history = calls(&[
        (Insert(1), 0, 1),
        (Insert(2), 2, 3),
        (Insert(3), 4, 12),
        (Remove(2), 5, 6),
        (Remove(1), 7, 8),
        (Remove(3), 9, 10),
    ]);
    assert_eq!(
        only(queue(&history)),
        (
            Pattern::WrongOrder,
            vec![1, 2],
            vec![0, 1, 3, 4],
            "dequeued in the wrong order: 1 was enqueued before 2, and 2 was dequeued before anyone was given 1."
                .to_owned()
        )
    );
    assert_eq!(stack(&history), Decision::Linearizable);
}

#[test]
fn a_queue_that_forgets_what_is_first() {
    let history = calls(&[(Insert(1), 0, 1), (Insert(2), 2, 3), (Remove(2), 4, 5)]);
    let (pattern, values, calls, _) = only(queue(&history));
    assert_eq!((pattern, values), (Pattern::WrongOrder, vec![1, 2]));
    assert_eq!(calls, [0, 1, 2]);
}

#[test]
fn empty_while_values_take_turns_to_be_inside() {
    // 1 is inside from 1 to 6, 2 from 5 to 10; "empty" was said of 4 to 8.
    let history = calls(&[
        (Insert(1), 0, 1),
        (Insert(2), 2, 5),
        (Empty, 4, 8),
        (Remove(1), 6, 12),
        (Remove(2), 10, 11),
    ]);
    for judge in [queue, stack, priority_queue] {
        let (pattern, values, calls, text) = only(judge(&history));
        assert_eq!((pattern, values), (Pattern::NotEmpty, vec![1, 2]));
        assert_eq!(calls, [0, 1, 2, 3, 4]);
        assert!(
            text.contains("at every moment of it one of 1 and 2 was certainly inside"),
            "{text}"
        );
    }
    // One moment between the two is enough.
    let mut gap = history;
    (gap[1].end, gap[3].start) = (6, 5);
    for judge in [queue, stack, priority_queue] {
        assert_eq!(judge(&gap), Decision::Linearizable);
    }
}

#[test]
fn what_is_wrong_with_one_value_alone() {
    for judge in [queue, stack, priority_queue] {
        let nowhere = only(judge(&calls(&[(Remove(1), 0, 1)])));
        assert_eq!(nowhere.0, Pattern::FromNowhere);
        let early = only(judge(&calls(&[(Remove(1), 0, 1), (Insert(1), 2, 3)])));
        assert_eq!((early.0, early.2), (Pattern::TooEarly, vec![0, 1]));
        let twice = [(Insert(1), 0, 5), (Remove(1), 1, 2), (Remove(1), 3, 4)];
        let twice = only(judge(&calls(&twice)));
        assert_eq!((twice.0, twice.2), (Pattern::Twice, vec![0, 1, 2]));
    }
}

#[test]
fn a_stack_that_takes_from_below() {
    let history = calls(&[
        (Insert(1), 0, 1),
        (Insert(2), 2, 3),
        (Remove(1), 4, 5),
        (Remove(2), 6, 7),
    ]);
    assert_eq!(
        only(stack(&history)),
        (
            Pattern::WrongOrder,
            vec![1, 2],
            vec![0, 1, 2, 3],
            "popped in the wrong order: 2 was pushed on top of 1, and while it was still there 1 was popped."
                .to_owned()
        )
    );
}

#[test]
fn a_stack_in_which_no_value_is_the_lowest() {
    // 1 is inside from 2 to 6, 2 from 5 to 10, 3 from 9 to 13. 1 is out before 3 is taken, so it is not the lowest; 2
    // and 3 went in after 1. Each two of them are possible.
    let history = calls(&[
        (Insert(1), 0, 2),
        (Insert(2), 3, 5),
        (Remove(1), 6, 11),
        (Insert(3), 7, 9),
        (Remove(2), 10, 14),
        (Remove(3), 13, 15),
    ]);
    let (pattern, values, calls, text) = only(stack(&history));
    assert_eq!((pattern, values), (Pattern::NoBottom, vec![1, 2, 3]));
    assert_eq!(calls, [0, 1, 2, 3, 4, 5]);
    assert!(text.starts_with("popped in the wrong order: At every moment one of 1, 2 and 3"));
}

#[test]
fn a_priority_queue_that_overlooks_the_smallest() {
    let history = calls(&[
        (Insert(5), 0, 1),
        (Insert(3), 2, 3),
        (Remove(5), 4, 5),
        (Remove(3), 6, 7),
    ]);
    let (pattern, values, calls, text) = only(priority_queue(&history));
    assert_eq!((pattern, values), (Pattern::WrongOrder, vec![5, 3]));
    assert_eq!(calls, [0, 1, 2, 3]);
    assert!(text.contains("5 was taken out while 3, which is smaller, was certainly inside"));
}

#[test]
fn unknown_outcomes() {
    // An insertion whose answer was lost happened if its value came out, however late; else it is no obstacle.
    let late = calls(&[(Insert(1), 0, NEVER), (Empty, 1, 2), (Remove(1), 8, 9)]);
    let never = calls(&[(Insert(1), 0, NEVER), (Empty, 1, 2)]);
    // A lost removal can have taken what would otherwise be inside.
    let taken = calls(&[(Insert(1), 0, 1), (Lost, 2, NEVER), (Empty, 4, 5)]);
    // It cannot have taken what came out elsewhere.
    let elsewhere = calls(&[
        (Insert(1), 0, 1),
        (Lost, 2, NEVER),
        (Empty, 4, 5),
        (Remove(1), 6, 7),
    ]);
    for judge in [queue, stack, priority_queue] {
        assert_eq!(judge(&late), Decision::Linearizable);
        assert_eq!(judge(&never), Decision::Linearizable);
        assert_eq!(judge(&taken), Decision::NotApplicable(Reason::LostRemoval));
        assert_eq!(only(judge(&elsewhere)).0, Pattern::NotEmpty);
    }
    let repeated = calls(&[(Insert(1), 0, 1), (Insert(1), 2, 3)]);
    assert_eq!(
        queue(&repeated),
        Decision::NotApplicable(Reason::Repeated(1))
    );
}

#[test]
fn sets() {
    let judge = |all: &[(SetWhat, u32, u32)]| {
        let call = |(what, start, end): &(SetWhat, u32, u32)| SetCall {
            what: *what,
            start: *start,
            end: *end,
        };
        set(&all.iter().map(call).collect::<Vec<_>>())
    };
    use SetWhat::{Absent, Add, Present, Remove};
    let (add, remove) = ((Add(1), 0, 1), (Remove(1), 8, 9));
    for (wrong, pattern, witness) in [
        (vec![(Present(2), 2, 3)], Pattern::FromNowhere, vec![2]),
        (vec![(Remove(1), 2, 3)], Pattern::Twice, vec![0, 2, 1]),
        (vec![(Present(1), 12, 13)], Pattern::TooLate, vec![0, 1, 2]),
        (vec![(Absent(1), 2, 3)], Pattern::SaidAbsent, vec![0, 2, 1]),
    ] {
        let all = [vec![add, remove], wrong].concat();
        let (found, _, calls, _) = only(judge(&all));
        assert_eq!((found, calls), (pattern, witness), "{all:?}");
    }
    let early = only(judge(&[(Present(1), 0, 1), (Add(1), 2, 3)]));
    assert_eq!((early.0, early.2), (Pattern::TooEarly, vec![0, 1]));
    assert_eq!(
        judge(&[add, remove, (Absent(1), 7, 10)]),
        Decision::Linearizable
    );
    // An addition without an answer, and a removal without one, between which the value was seen.
    let lost = [
        (Add(1), 0, NEVER),
        (Present(1), 3, 4),
        (Remove(1), 5, NEVER),
        (Absent(1), 6, 7),
    ];
    assert_eq!(judge(&lost), Decision::Linearizable);
    let too_soon = [lost[0], lost[1], (Absent(1), 5, 6), (Remove(1), 7, NEVER)];
    assert_eq!(only(judge(&too_soon)).0, Pattern::SaidAbsent);
}
