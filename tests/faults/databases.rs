//! What databases keep over power losses, as a checker sees it: a set, to which each acknowledged write has added something,
//! is read after each power loss.

use std::{
    fs::File,
    io::Write,
    process::{Child, Stdio},
};

use checkers::{Budget, Checker, SetFull, Verdict};
use history::{
    Event, History, Index, Moment, Nanos, NodeId, Nodes, Outcome, Process,
    ops::{Set, SetCall, SetOp, SetReturn},
};

use crate::space::{Space, eventually};

/// What survives of unsynced writes, power loss by power loss: all of it is what disks may do.
const LOSSES: [&str; 4] = ["none", "any", "torn", "none"];

/// Calls, one after the other.
#[derive(Default)]
struct Record(Vec<Event<Set>>);

impl Record {
    fn push(&mut self, moment: Moment<Set>) {
        let index = self.0.len() as u32;
        self.0.push(Event {
            index: Index(index),
            time: Nanos(u64::from(index) * 1_000_000),
            process: Process(0),
            node: Some(NodeId(0)),
            moment,
        });
    }
    fn call(&mut self, op: SetOp, answer: SetReturn) {
        self.push(Moment::Invoke(SetCall { key: None, op }));
        self.push(Moment::Complete(Outcome::Ok(answer)));
    }
    fn acknowledged(&mut self, element: i64) {
        self.call(SetOp::Add(element), SetReturn::Done);
    }
    fn read(&mut self, elements: Vec<i64>) {
        self.call(SetOp::Read, SetReturn::Elements(elements));
    }
    fn verdict(self) -> Verdict {
        let history = History::new(Nodes::new(["n1"]), self.0).unwrap();
        SetFull::linearizable().check(&history, Budget::default())
    }
}

/// A database inside.
struct Database<'a> {
    space: &'a Space,
    words: Vec<String>,
    child: Option<Child>,
}

impl<'a> Database<'a> {
    fn new(space: &'a Space, words: &[&str]) -> Self {
        let words = words.iter().map(|w| (*w).to_owned()).collect();
        Self {
            space,
            words,
            child: None,
        }
    }
    fn start(&mut self, ready: &[&str], says: &str) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.space.path("../log"))
            .unwrap();
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let mut command = self.space.inside(&words);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(command.spawn().unwrap());
        eventually(
            &format!("{} is ready: {}", words[0], self.space.read("../log")),
            || self.space.run(ready).out.contains(says),
        );
    }
    /// Kills it, and lets the power fail.
    fn power_loss(&mut self, survive: &str) -> u64 {
        assert!(self.space.run(&["pkill", "-9", "-x", &self.words[0]]).ok);
        let mut child = self.child.take().unwrap();
        child.wait().unwrap();
        self.space.lose(&["--survive", survive, "--seed", "11"])
    }
}

/// What a log that was not synced is still readable after: with holes in it Redis would not start.
const GENTLE: [&str; 4] = ["none", "prefix", "none", "prefix"];

/// Adds elements to Redis over power losses, and judges.
fn redis(appendfsync: &str, losses: [&str; 4]) -> Option<(Verdict, u64)> {
    let space = Space::mounted(&["redis-server", "redis-cli", "pkill"])?;
    let dir = space.dir();
    let words = [
        "redis-server",
        "--dir",
        &dir,
        "--appendonly",
        "yes",
        "--appendfsync",
        appendfsync,
        "--save",
        "",
    ];
    let mut redis = Database::new(&space, &words);
    let (mut record, mut lost) = (Record::default(), 0);
    redis.start(&["redis-cli", "ping"], "PONG");
    for (round, survive) in (0..).zip(losses) {
        let elements: Vec<i64> = (round * 100..round * 100 + 100).collect();
        let mut client = space.inside(&["redis-cli"]);
        let mut client = client
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = client.stdin.take().unwrap();
        for element in &elements {
            writeln!(input, "SADD s {element}").unwrap();
        }
        drop(input);
        let answers = String::from_utf8(client.wait_with_output().unwrap().stdout).unwrap();
        let acknowledged = answers.lines().filter(|l| *l == "1").count();
        assert_eq!(acknowledged, elements.len(), "{answers}");
        for element in elements {
            record.acknowledged(element);
        }
        lost += redis.power_loss(survive);
        redis.start(&["redis-cli", "ping"], "PONG");
        let members = space.run(&["redis-cli", "smembers", "s"]).out;
        record.read(members.lines().filter_map(|l| l.parse().ok()).collect());
    }
    Some((record.verdict(), lost))
}

#[test]
fn redis_that_syncs_always_keeps_every_acknowledged_write() {
    let Some((verdict, _)) = redis("always", LOSSES) else {
        return;
    };
    let Verdict::Pass(evidence) = &verdict else {
        panic!("{verdict:#?}");
    };
    assert!(
        evidence
            .counts
            .contains(&("elements acknowledged".to_owned(), 400)),
        "{evidence:?}"
    );
}

#[test]
fn redis_that_never_syncs_loses_acknowledged_writes_and_the_finding_says_so() {
    let Some((verdict, lost)) = redis("no", GENTLE) else {
        return;
    };
    assert!(lost > 1000, "{lost}");
    let Verdict::Fail(findings) = &verdict else {
        panic!("{verdict:#?}");
    };
    let finding = findings.iter().find(|f| f.code == "lost-element").unwrap();
    let said = &finding.explanation;
    assert!(
        said.contains("n1 acknowledged add") && said.contains("was not there"),
        "{said}"
    );
    assert!(finding.more > 50, "{}", finding.more);
}

#[test]
fn etcd_keeps_every_acknowledged_write() {
    let Some(space) = Space::mounted(&["etcd", "etcdctl", "pkill"]) else {
        return;
    };
    let data = format!("{}/etcd", space.dir());
    // A snapshot every few writes, so that those are put to the test as well.
    let words = [
        "etcd",
        "--data-dir",
        &data,
        "--snapshot-count",
        "20",
        "--log-outputs",
        "stderr",
    ];
    let mut etcd = Database::new(&space, &words);
    let mut record = Record::default();
    let health = ["etcdctl", "endpoint", "health"];
    etcd.start(&health, "is healthy");
    for (round, survive) in (0..).zip(LOSSES) {
        let elements: Vec<i64> = (round * 30..round * 30 + 30).collect();
        let puts = elements
            .iter()
            .map(|e| format!("etcdctl put s/{e} x || echo no; "));
        let answers = space.run(&["sh", "-c", &puts.collect::<String>()]).out;
        assert_eq!(
            answers.lines().filter(|l| *l == "OK").count(),
            elements.len(),
            "{answers}"
        );
        for element in elements {
            record.acknowledged(element);
        }
        etcd.power_loss(survive);
        etcd.start(&health, "is healthy");
        let keys = space
            .run(&["etcdctl", "get", "--prefix", "s/", "--keys-only"])
            .out;
        let members = keys
            .lines()
            .filter_map(|k| k.strip_prefix("s/")?.parse().ok());
        record.read(members.collect());
    }
    let verdict = record.verdict();
    let Verdict::Pass(evidence) = &verdict else {
        panic!("{verdict:#?}");
    };
    assert!(
        evidence
            .counts
            .contains(&("elements acknowledged".to_owned(), 120)),
        "{evidence:?}"
    );
}
