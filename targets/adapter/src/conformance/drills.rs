//! The lie drill: calls that certainly took effect, and whose answers certainly did not arrive; and the other way round.
//! Afterwards a read shows who lied.

use std::time::Duration;

use futures::{StreamExt as _, future::join_all, stream};
use history::{Outcome, RegisterOp, RegisterReturn};

use super::{
    Mark,
    bench::{Bench, Told, was_given_up, words},
    checks::{Seen, bad, good},
    node::OwnNode,
    proxy::{End, Mode},
};

/// How many of a node's answers may come before the one that is lost: drivers that shake hands first are answered then, too.
const PIECES: u32 = 3;
/// How many drills are made at once: each has an adapter of its own, which may be a program.
const AT_ONCE: usize = 4;
/// How often a drill is made that shows nothing.
const TRIES: usize = 3;
/// How many clients write while a node is killed.
const WRITERS: usize = 8;

/// A call whose fate is known, or will be.
struct Drilled {
    /// What was done to it.
    what: String,
    key: i64,
    /// What it wrote, over another value.
    value: i64,
    told: Told,
    /// Whether the relay lost anything: otherwise nothing was drilled.
    lost: bool,
    /// Whether what the node acknowledged may be gone, as after a crash without a sync.
    may_forget: bool,
}

/// What is done to a call.
#[derive(Clone, Copy)]
struct Drill {
    mode: Mode,
    swaps: bool,
}

pub(super) async fn lies(bench: &Bench, cas: bool, own: Option<&mut OwnNode>) -> Seen {
    let mut drills = Vec::new();
    for end in [End::Reset, End::Close, End::Silence] {
        for swaps in [false, true] {
            if swaps && !cas {
                continue;
            }
            let answers = (0..PIECES).map(|after| Mode::LoseAnswers { after, end });
            let modes = answers.chain([Mode::LoseRequests { end }]);
            drills.extend(modes.map(|mode| Drill { mode, swaps }));
        }
    }
    let all = stream::iter(drills.iter().map(|drill| drill.made(bench)));
    let made: Vec<Option<Drilled>> = all.buffer_unordered(AT_ONCE).collect().await;
    let unclear = made.iter().filter(|m| m.is_none()).count();
    let mut drilled: Vec<Drilled> = made.into_iter().flatten().collect();
    let killed = match own {
        Some(node) => {
            drilled.extend(paused(bench, node).await);
            match killed(bench, node).await {
                Ok(more) => drilled.extend(more),
                Err(e) => {
                    return bad(
                        format!("its node could not be started again: {e}"),
                        "see `launch`",
                    );
                }
            }
            "killed, paused and cut off"
        }
        None => "cut off (`launch` in the file would let it be killed and paused, too)",
    };
    let seen = judge(bench, drilled, killed).await;
    match (seen.mark, unclear) {
        (Mark::Good, 1..) => Seen {
            mark: Mark::Advice,
            saw: format!(
                "{}; of {unclear} drills nothing is known: the adapter said nothing within {:?}",
                seen.saw, bench.deadline
            ),
            fix:
                "test again with a longer --op-timeout, or with fewer other things on this machine"
                    .to_owned(),
        },
        _ => seen,
    }
}

impl Drill {
    /// Tried until it says something about the adapter; `None` if it never did.
    async fn made(self, bench: &Bench) -> Option<Drilled> {
        let (needs_loss, end) = match self.mode {
            Mode::LoseAnswers { after, end } => (after == 0, end),
            Mode::LoseRequests { end } => (true, end),
            Mode::Pass | Mode::Down => return None,
        };
        for _ in 0..TRIES {
            let Some(drilled) = self.once(bench, end).await else {
                continue;
            };
            let answered = end == End::Silence || !was_given_up(&drilled.told);
            if answered && (drilled.lost || !needs_loss) {
                return Some(drilled);
            }
        }
        None
    }

    async fn once(self, bench: &Bench, end: End) -> Option<Drilled> {
        let Self { mode, swaps } = self;
        let mut worker = bench.worker().await.ok()?;
        let key = bench.key();
        // What shakes hands has done so.
        if !matches!(worker.write(key, 1).await, Outcome::Ok(_)) {
            return None;
        }
        let before = worker.proxy.lost();
        worker.proxy.set(mode);
        let (op, call) = match swaps {
            true => (RegisterOp::Cas { from: 1, to: 2 }, "cas(1 → 2)"),
            false => (RegisterOp::Write(2), "write(2)"),
        };
        let told = worker.ask(key, op).await;
        let lost = worker.proxy.lost() > before;
        worker.proxy.set(Mode::Pass);
        let how = match end {
            End::Reset => "the connection was reset",
            End::Close => "the connection was closed",
            End::Silence => "nothing more came",
        };
        let when = match mode {
            Mode::LoseRequests { .. } => "the node was never asked, and",
            _ => "the node was asked, and before it answered",
        };
        Some(Drilled {
            what: format!("{call}: {when} {how}"),
            key,
            value: 2,
            told,
            lost,
            may_forget: false,
        })
    }
}

/// Stopped for longer than a call may take: what it was asked it does later.
async fn paused(bench: &Bench, node: &OwnNode) -> Option<Drilled> {
    let mut worker = bench.worker().await.ok()?;
    let key = bench.key();
    worker.write(key, 1).await;
    node.pause(true);
    let told = worker.write(key, 2).await;
    node.pause(false);
    Some(Drilled {
        what: "write(2): the node was paused, and went on later".to_owned(),
        key,
        value: 2,
        told,
        lost: true,
        may_forget: false,
    })
}

/// Killed under those who write: each of their calls is held against what is there afterwards.
async fn killed(bench: &Bench, node: &mut OwnNode) -> std::io::Result<Vec<Drilled>> {
    let writes = async |_: usize| {
        let mut worker = bench.worker().await.ok()?;
        let key = bench.key();
        let mut value = 0;
        loop {
            value += 1;
            let told = worker.write(key, value).await;
            if !matches!(told, Outcome::Ok(_)) {
                return Some(Drilled {
                    what: format!("write({value}): the node was killed"),
                    key,
                    value,
                    told,
                    lost: true,
                    may_forget: true,
                });
            }
        }
    };
    let all = join_all((0..WRITERS).map(writes));
    let kills = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        node.kill();
    };
    let bounded = tokio::time::timeout(bench.deadline * 3, all);
    let (ended, ()) = tokio::join!(bounded, kills);
    node.again(&bench.file.dir)?;
    Ok(ended.unwrap_or_default().into_iter().flatten().collect())
}

async fn judge(bench: &Bench, drilled: Vec<Drilled>, how: &str) -> Seen {
    let Ok(mut reader) = bench.worker().await else {
        return bad(
            "no relay on this machine",
            "see that loopback ports can be opened",
        );
    };
    let drilled: Vec<Drilled> = drilled.into_iter().filter(|d| d.lost).collect();
    if drilled.is_empty() {
        return bad(
            "no call could be drilled: nothing that the adapter did went to its node",
            "the adapter must connect to the address that it is given, and to no other",
        );
    }
    let mut read = 0;
    for d in &drilled {
        let Some(value) = value_of(&mut reader, d.key).await else {
            return bad(
                format!(
                    "after the drill no read succeeds any more: {}",
                    words(&reader.read(d.key).await)
                ),
                "a client that is opened anew must work, whatever became of the one before",
            );
        };
        read += 1;
        let is_there = value == Some(d.value);
        let told = words(&d.told);
        match &d.told {
            Outcome::Fail(_) if is_there => {
                return bad(
                    format!(
                        "{}; the adapter said {told}, and {} is there",
                        d.what, d.value
                    ),
                    "`fail` was reported for a call that took effect: whatever can come after the request was sent (a time limit, a reset, an end of the connection) is info",
                );
            }
            Outcome::Ok(_) if !is_there && !d.may_forget => {
                return bad(
                    format!(
                        "{}; the adapter said ok, and {} is not there",
                        d.what, d.value
                    ),
                    "`ok` is for what the node acknowledged: everything else is info",
                );
            }
            _ => {}
        }
    }
    good(format!("{read} calls whose answers were lost; {how}"))
}

/// What a read shows, once there is one that succeeds.
async fn value_of(reader: &mut super::bench::Worker, key: i64) -> Option<Option<i64>> {
    for _ in 0..100 {
        if let Outcome::Ok(RegisterReturn::Value(value)) = reader.read(key).await {
            return Some(value);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    None
}
