//! Clocks that are wrong: ahead, behind, jumping to and fro, or running at another speed. What breaks are leases that trust
//! them, last-write-wins, identifiers and certificates with a time in them.
//!
//! Where the system has clocks of its own that can be wrong ([`Clocks`]), they are told to be; elsewhere the processes
//! themselves are given a wrong one, by this program on the node (`schism node clock`), which follows them through restarts.
//! The machine's own clock is touched only where that is asked for, and never that of a machine that is no node
//! ([`machine`]). Where live processes cannot be reached they are started with a library that shows them another time
//! ([`library`]). Each node that is struck gets a clock
//! that is wrong in its own way: clocks that are wrong together disagree with nobody.

mod library;
mod machine;

use std::{ops::RangeInclusive, time::Duration};

use control::{Clocks, Command, Node, RemoteExt, System};
use rand::{RngExt, SeedableRng, seq::IndexedRandom};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

pub use self::library::Means;
use super::{
    choice,
    on_node::{effect, mark},
    process,
};
use crate::{
    Case, Kind, Sole, Time, TimeRange,
    at::{Aim, Place, one_or_many},
    plan::{About, Action, Expect, Fault, Plan, Probe, Skip, View},
};

/// How a clock is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wrong {
    /// It jumps ahead, and back when it is mended.
    Ahead,
    /// It jumps back, and ahead when it is mended.
    Back,
    /// It jumps to and fro between the right time and a wrong one.
    Strobe,
    /// It runs too fast or too slow, and jumps back or ahead when it is mended.
    Drift,
}

const ALL: [Wrong; 4] = [Wrong::Ahead, Wrong::Back, Wrong::Strobe, Wrong::Drift];
/// What a system's own clocks, and machines', can do.
const JUMPS: [Wrong; 2] = [Wrong::Ahead, Wrong::Back];

/// Make clocks wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrongClock {
    /// The alternatives; empty for one node or, where there is one, the leader.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub at: Vec<Aim>,
    /// The alternatives; empty for all that are possible.
    #[serde(
        default,
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub how: Vec<Wrong>,
    /// By how much; drawn so that each order of magnitude is as likely. 20ms..5m where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<TimeRange>,
    /// For how long a strobe shows either time; drawn in the same way. 10ms..1s where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<TimeRange>,
    /// How fast it drifts, in parts per million, either way, at most; 200000 where nothing is said: twelve seconds a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<u32>,
    /// Whether it is the machine's own clock, for nodes that are machines.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub machine: bool,
    /// By what means clocks of processes are made wrong, where it shall not be the best that there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<Means>,
}

const BY: TimeRange = TimeRange {
    min: Duration::from_millis(20),
    max: Duration::from_secs(300),
};
/// Less could not be told from nothing.
const LEAST: Duration = Duration::from_millis(20);
const PERIOD: TimeRange = TimeRange {
    min: Duration::from_millis(10),
    max: Duration::from_secs(1),
};
const PERIODS: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(2);
const DRIFT: u32 = 200_000;
/// A hundredth of a second in each second is soon seen.
const LEAST_DRIFT: u32 = 10_000;
const DRIFTS: RangeInclusive<u32> = LEAST_DRIFT..=500_000;
/// A measurement that is this far from what was asked for still shows it: the clock's own error, and that of a question to a
/// process on a busy machine.
const EXACT: i64 = 2;
const ASKED: i64 = 9;

/// How one node's clock is to be wrong.
enum Deed {
    /// Milliseconds.
    Jump(i64),
    /// Milliseconds, and milliseconds.
    Strobe(i64, u64),
    /// Parts per million.
    Drift(i64),
}

impl Fault for WrongClock {
    fn about(&self) -> About {
        About {
            does: "makes a node's wall clock wrong: ahead, behind, jumping to and fro, or too fast or slow; the machine's own only where `machine: true` asks for it",
            needs: "a system with clocks of its own, or root on the nodes and processes that schism started; libfaketime where those cannot be traced, or `with: libfaketime` asks for it",
            verified: "the clock that the processes go by is read, and compared with the machine's",
            healed: "it is right again, which may be another jump",
        }
    }

    fn check(&self, case: &mut Case<'_>) {
        case.aims(&self.at);
        let by = self.by.unwrap_or(BY);
        if by.min < LEAST {
            case.refuse(
                format!(
                    "`by` begins with {}, and so little could not be seen",
                    Time(by.min)
                ),
                format!("begin with {} or more", Time(LEAST)),
            );
        }
        let period = self.period.unwrap_or(PERIOD);
        if !PERIODS.contains(&period.min) || !PERIODS.contains(&period.max) {
            case.refuse(
                "`period` goes from 1ms to 2s",
                "choose a range within these",
            );
        }
        if !DRIFTS.contains(&self.drift.unwrap_or(DRIFT)) {
            case.refuse(
                "`drift` goes from 10000 to 500000 ppm",
                "choose one of these",
            );
        }
        let only_jump = self.only_jump(case.system);
        if only_jump && self.ways(true).is_empty() {
            case.refuse(
                "these clocks can jump, and nothing else",
                "use `how: [ahead, back]`",
            );
        }
        if self.with.is_some() && only_jump {
            case.refuse(
                "`with` is about clocks of processes, and these are others",
                "leave `with` out",
            );
        } else if self.machine {
            machine::check(case);
        } else if !only_jump {
            self.check_processes(case);
        }
    }

    fn aim(&mut self, at: &str) -> bool {
        self.at.push(Aim::read(at));
        true
    }

    fn places(&self) -> String {
        choice::places(&self.at)
    }

    fn plan(&self, view: &View<'_>, seed: u64) -> Result<Plan, Skip> {
        let mut rng = Pcg64::seed_from_u64(seed);
        let aim = choice::draw(&self.at, process::defaults(view.has_leader), &mut rng);
        let mut notes = Vec::new();
        let chosen = choice::nodes(view, &aim, &mut rng, &mut notes)?;
        let own = view.system.clocks().filter(|_| !self.machine);
        let mut actions = Vec::new();
        let mut words = Vec::new();
        for node in &chosen {
            let with_library =
                own.is_none() && !self.machine && library::is_meant(self, view, node);
            let only_jump = with_library || self.only_jump(view.system);
            let deed = self.deed(only_jump, &mut rng)?;
            words.push(format!("{} {}", node.name, deed.words()));
            actions.push(match (own, &deed) {
                (Some(clocks), Deed::Jump(milliseconds)) => told(clocks, node, *milliseconds),
                (None, Deed::Jump(milliseconds)) if self.machine => {
                    machine::set(node, *milliseconds)
                }
                _ if with_library => library::set(view, node, &deed)?,
                _ => rewritten(view, node, &deed, seed)?,
            });
        }
        let plan = Plan {
            nodes: chosen.iter().map(|node| node.name.clone()).collect(),
            actions,
            notes,
            ..Plan::new(Kind::WrongClock, words.join(", "))
        };
        // Clocks of processes are rewritten, and restored, while all threads stand still.
        let rewritten = own.is_none()
            && !self.machine
            && chosen
                .iter()
                .any(|node| !library::is_meant(self, view, node));
        let sole: &[Sole] = match rewritten {
            true => &[Sole::Clock, Sole::Threads],
            false => &[Sole::Clock],
        };
        Ok(plan.alone_with(sole))
    }

    fn wants_leader(&self, _nodes: usize, has_leader: bool, seed: u64) -> bool {
        process::wants_leader(&self.at, has_leader, seed)
    }
}

impl WrongClock {
    /// Whether clocks can do nothing else: those that are not rewritten.
    fn only_jump(&self, system: &dyn System) -> bool {
        self.machine || system.clocks().is_some()
    }

    /// What to draw from.
    fn ways(&self, only_jump: bool) -> Vec<Wrong> {
        let asked = if self.how.is_empty() {
            &ALL[..]
        } else {
            &self.how
        };
        let possible = |way: &&Wrong| !only_jump || JUMPS.contains(way);
        asked.iter().filter(possible).copied().collect()
    }

    fn deed(&self, only_jump: bool, rng: &mut Pcg64) -> Result<Deed, Skip> {
        let ways = self.ways(only_jump);
        let way = ways.choose(rng);
        let way = *way.ok_or_else(|| Skip("these clocks can jump, and nothing else".into()))?;
        let by = milliseconds(self.by.unwrap_or(BY), rng).cast_signed();
        Ok(match way {
            Wrong::Ahead => Deed::Jump(by),
            Wrong::Back => Deed::Jump(-by),
            Wrong::Strobe => {
                let by = if rng.random() { by } else { -by };
                Deed::Strobe(by, milliseconds(self.period.unwrap_or(PERIOD), rng))
            }
            Wrong::Drift => {
                let most = self.drift.unwrap_or(DRIFT).max(LEAST_DRIFT);
                let rate = i64::from(rng.random_range(LEAST_DRIFT..=most));
                Deed::Drift(if rng.random() { rate } else { -rate })
            }
        })
    }

    /// Whether the clocks of this system's processes can be made wrong, found out on every node.
    fn check_processes(&self, case: &mut Case<'_>) {
        let nodes = case.cluster.nodes();
        if nodes
            .iter()
            .any(|node| pid_file(case.system, node).is_none())
        {
            case.refuse(
                format!(
                    "{} has no clock that could be wrong, or it is not known which processes are its own",
                    case.system.name()
                ),
                "let schism start a system that goes by the wall clock of its processes",
            );
            return;
        }
        case.root();
        case.helper();
        if self.with == Some(Means::Libfaketime) {
            let all: Vec<_> = nodes.iter().map(|node| (node.clone(), None)).collect();
            library::check(case, self, &all);
            return;
        }
        let helpers = &case.capabilities.helper;
        let answers = case.cluster.on_each(nodes, |node, remote| {
            let Some(helper) = helpers.get(&node.name) else {
                return Ok(());
            };
            let check = clock(helper, ["check"]).deadline(Duration::from_secs(10));
            remote.run(&check).map(drop)
        });
        let others = nodes.iter().zip(answers);
        let others: Vec<_> = others
            .filter_map(|(node, answer)| Some((node.clone(), Some(answer.err()?.to_string()))))
            .collect();
        library::check(case, self, &others);
    }
}

impl Deed {
    /// For people.
    fn words(&self) -> String {
        let time = |milliseconds: u64| Time(Duration::from_millis(milliseconds));
        let way = |number: &i64| if *number < 0 { "behind" } else { "ahead" };
        match self {
            Self::Jump(by) => format!("{} {}", time(by.unsigned_abs()), way(by)),
            Self::Strobe(by, period) => format!(
                "{} {} and right again every {}",
                time(by.unsigned_abs()),
                way(by),
                time(*period)
            ),
            Self::Drift(rate) => format!("drifting by {rate:+} ppm"),
        }
    }
    /// As `schism node clock apply` is told.
    fn options(&self) -> Vec<String> {
        match self {
            Self::Jump(by) => vec!["--offset".into(), by.to_string()],
            Self::Strobe(by, period) => {
                let [by, period] = [by.to_string(), period.to_string()];
                let words = ["--offset", &by, "--strobe-to", "0", "--period", &period];
                words.map(String::from).into()
            }
            Self::Drift(rate) => vec!["--drift".into(), rate.to_string()],
        }
    }
    /// What is measured while it is in force, in milliseconds.
    fn expect(&self, error: i64) -> Expect {
        match self {
            Self::Jump(by) | Self::Strobe(by, _) => Expect::Between(by - error, by + error),
            Self::Drift(rate) if *rate < 0 => Expect::Between(i64::MIN, -1),
            Self::Drift(_) => Expect::Between(1, i64::MAX),
        }
    }
}

/// Milliseconds between the ends of a range, each order of magnitude as likely as the others.
fn milliseconds(range: TimeRange, rng: &mut Pcg64) -> u64 {
    let ends = [range.min, range.max].map(|end| end.as_secs_f64() * 1e3);
    let drawn = ends[0] * (ends[1] / ends[0].max(1.0)).powf(rng.random::<f64>());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most a hundred days, and positive"
    )]
    let whole = drawn.round() as u64;
    whole.max(1)
}

fn pid_file(system: &dyn System, node: &Node) -> Option<String> {
    system.processes()?.pid_file(node)
}

/// `schism node clock` on a node.
fn clock<S: Into<String>>(helper: &str, words: impl IntoIterator<Item = S>) -> Command {
    let program = [helper, "node", "clock"].map(String::from);
    Command::new(program.into_iter().chain(words.into_iter().map(Into::into)))
        .root()
        .idempotent()
}

/// The answer of a process that another fault has killed or stopped says nothing.
fn measured(node: &Node, command: Command, during: Expect, after: Expect) -> Probe {
    Probe {
        needs: vec![node.name.clone()],
        ..effect(node, command, during, after)
    }
}

/// The system is told to go by a wrong clock.
fn told(clocks: &dyn Clocks, node: &Node, milliseconds: i64) -> Action {
    Action {
        node: node.name.clone(),
        apply: clocks.set(node, milliseconds),
        undo: clocks.set(node, 0),
        probe: measured(
            node,
            clocks.wrong_by(node),
            Deed::Jump(milliseconds).expect(ASKED),
            Expect::Between(-ASKED, ASKED),
        ),
    }
}

/// The processes are given a wrong clock.
fn rewritten(view: &View<'_>, node: &Node, deed: &Deed, seed: u64) -> Result<Action, Skip> {
    let helper = view.helper(node)?;
    let file = pid_file(view.system, node).ok_or_else(|| {
        Skip(format!(
            "it is not known which processes of {node} to strike"
        ))
    })?;
    let name = mark(view, node, seed);
    let named = |word: &str| vec![word.to_owned(), "--name".to_owned(), name.clone()];
    let aimed = |word: &str| {
        let mut words = named(word);
        words.extend(["--pid-file".to_owned(), file.clone()]);
        words
    };
    let mut apply = aimed("apply");
    apply.extend(deed.options());
    Ok(Action {
        node: node.name.clone(),
        apply: clock(helper, apply),
        undo: clock(helper, named("undo")),
        probe: measured(
            node,
            clock(helper, aimed("probe")),
            deed.expect(EXACT),
            Expect::Between(0, 0),
        ),
    })
}
