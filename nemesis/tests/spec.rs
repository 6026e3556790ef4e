//! What people write, and what they are told when it is wrong.

use std::time::Duration;

use schism_nemesis::{Aim, FaultSpec, Faults, Kill, Kind, Partition, Shape, TimeRange, TrackSpec};

fn yaml(text: &str) -> Result<Faults, String> {
    serde_yaml::from_str(text).map_err(|e| e.to_string())
}

#[test]
fn the_yaml_of_the_manual_is_read() {
    let faults = yaml(
        "partition: { every: 20s, for: 5s..15s, at: [minority, ring, leader, [n1, n2]], clients: true }\n\
         kill: { every: 30s, for: 3s, at: one }\n\
         pause:\n",
    )
    .unwrap();
    assert_eq!(faults.name(), "partition+kill+pause");
    assert_eq!(
        faults.0[0],
        TrackSpec {
            fault: FaultSpec::Partition(Partition {
                at: vec![
                    Shape::Minority,
                    Shape::Ring,
                    Shape::Leader,
                    Shape::Nodes(vec!["n1".into(), "n2".into()])
                ],
                clients: true,
                ..Partition::default()
            }),
            every: Some(TimeRange::exactly(Duration::from_secs(20))),
            lasting: Some("5s..15s".parse().unwrap()),
            optional: false,
        }
    );
    assert_eq!(
        faults.0[1].fault,
        FaultSpec::Kill(Kill { at: vec![Aim::One] })
    );
}

#[test]
fn what_was_read_is_written_and_read_again() {
    let faults = yaml(
        "partition: { every: 20s, for: 5s..15s, at: [ring, [n1, n2]], clients: true }\nkill: { at: leader }\npause:\n",
    )
    .unwrap();
    let written = serde_yaml::to_string(&faults).unwrap();
    assert_eq!(yaml(&written).unwrap(), faults, "{written}");
    assert!(written.contains("for: 5s..15s"), "{written}");
    let none = serde_yaml::to_string(&Faults::default()).unwrap();
    assert_eq!(yaml(&none).unwrap(), Faults::default());
}

#[test]
fn words_are_read_alike_in_both_places() {
    let words: Faults = "partition,kill@leader,pause@n1+n2".parse().unwrap();
    assert_eq!(
        yaml("[partition, kill@leader, pause@n1+n2]").unwrap(),
        words
    );
    assert_eq!(yaml("partition,kill@leader,pause@n1+n2").unwrap(), words);
    assert_eq!("none".parse::<Faults>().unwrap(), Faults::default());
    assert_eq!(Faults::default().name(), "none");
}

#[test]
fn a_place_in_the_word_and_one_in_the_map() {
    let at = |text: &str| yaml(text).unwrap().0[0].fault.to_string();
    assert_eq!(at("kill@leader: { every: 9s }"), "kill@leader");
    assert_eq!(at("kill@leader: { at: one }"), "kill@one");
}

#[test]
fn all_is_every_fault_there_is_where_it_is_possible() {
    let all: Faults = "all".parse().unwrap();
    assert_eq!(all.name(), "all");
    let kinds: Vec<_> = all.0.iter().map(|t| t.fault.kind()).collect();
    assert_eq!(kinds, Kind::ALL);
    assert!(all.0.iter().all(|t| t.optional));
}

#[test]
fn each_mistake_says_what_to_write() {
    let word = |text: &str| text.parse::<Faults>().unwrap_err().to_string();
    for (mistake, said) in [
        (
            "partiton",
            "unknown fault \"partiton\", did you mean partition?: there are ",
        ),
        ("earthquake", "unknown fault \"earthquake\": there are "),
    ] {
        let all = word(mistake);
        let all = all.strip_prefix(said).expect(&all);
        let words = all.replace(" and ", ", ");
        assert_eq!(
            words.split(", ").collect::<Vec<_>>(),
            Kind::ALL.iter().map(|k| k.word()).collect::<Vec<_>>()
        );
    }
    assert_eq!(
        word("kill,kill"),
        "kill is named twice: give it one `at` list instead"
    );
    assert_eq!(
        word("kill@"),
        "kill@ names no place: write kill@leader or kill@n1+n2"
    );

    let said = |text: &str| yaml(text).unwrap_err();
    assert!(said("kill: { every: 90 }").contains("90 has no unit: write 90s, 90ms or 90m"));
    assert!(said("kill: { evry: 9s }").contains("unknown field `evry`"));
    assert!(said("kill: { clients: true }").contains("unknown field `clients`"));
    assert!(said("kill: { every: 5s, for: 9s }").contains("leaves no time between two of them"));
    assert!(said("kil: {}").contains("did you mean kill?"));
    assert!(said("kill: { at: 3 }").contains("expected a word such as minority or leader"));
    assert!(said("kill: { evry: 9s }").contains("expected one of `every`, `for`, `at`"));
    assert!(said("7").contains("a list such as [partition, kill]"));
}

#[test]
fn what_is_not_said_follows_from_what_is() {
    let run = Duration::from_secs(60);
    let timing = |text: &str| {
        let faults = yaml(text).unwrap();
        let (every, lasting) = faults.0[0].timing(run).unwrap();
        (every.to_string(), lasting.to_string())
    };
    assert_eq!(timing("kill:"), ("12s".into(), "4s..6s".into()));
    assert_eq!(
        timing("kill: { every: 6s }"),
        ("6s".into(), "2s..3s".into())
    );
    assert_eq!(timing("kill: { for: 20s }"), ("40s".into(), "20s".into()));
}
