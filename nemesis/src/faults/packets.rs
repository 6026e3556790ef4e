//! Packets delayed, lost, doubled, out of order, corrupted or slowed down on the links between some nodes and the others.
//!
//! Where nothing is said, each injection draws one effect from its seed. What is said adds up: `delay: 50ms` with
//! `loss: 5` delays what it does not lose. Delays are one way: a round trip on a link that is struck both ways takes twice
//! as much longer.

use std::time::Duration;

use rand::{
    RngExt, SeedableRng,
    seq::{IndexedRandom, SliceRandom},
};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use super::{
    choice,
    shaping::{self, Effects},
};
use crate::{
    Case, Kind, Time,
    at::{Aim, Place, one_or_many},
    net::{Distribution, Effect, Layer, Rate},
    plan::{About, Fault, Plan, Skip, View},
};

/// Shape, and let go. Shares are in percent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Packets {
    /// The alternatives; empty for one node, a minority, all or, where there is one, the leader.
    #[serde(
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub at: Vec<Aim>,
    /// How long each packet is held back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<Time>,
    /// How far that spreads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Time>,
    /// In what manner: uniform, normal or pareto.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// How many are lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// How many come twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<f64>,
    /// How many overtake the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reorder: Option<f64>,
    /// How many come with a flipped bit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrupt: Option<f64>,
    /// Whether the checksum of those is made to fit, so that nobody below the system under test notices.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub undetected: bool,
    /// The most that goes through: `1mbit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Whether only what the nodes aimed at receive is struck, and not what they send.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub one_way: bool,
}

/// What is overtaken must wait for that, where no delay is told.
const REORDER_DELAY: Duration = Duration::from_millis(10);
/// Longer than anybody's patience, and than a probe can wait for.
const LONGEST: Duration = Duration::from_secs(1);

impl Packets {
    fn shares(&self) -> [(&'static str, Option<f64>); 4] {
        [
            ("loss", self.loss),
            ("duplicate", self.duplicate),
            ("reorder", self.reorder),
            ("corrupt", self.corrupt),
        ]
    }

    /// What was said; nothing, if nothing was.
    fn said(&self) -> Effect {
        let time = |time: Option<Time>| time.map_or(Duration::ZERO, |Time(duration)| duration);
        let mut effect = Effect {
            delay: time(self.delay),
            jitter: time(self.jitter),
            distribution: self.distribution.unwrap_or_default(),
            loss: self.loss.unwrap_or_default(),
            duplicate: self.duplicate.unwrap_or_default(),
            reorder: self.reorder.unwrap_or_default(),
            corrupt: self.corrupt.unwrap_or_default(),
            undetected: self.undetected,
            rate: self.rate,
        };
        if effect.reorder > 0.0 && effect.delay.is_zero() {
            effect.delay = REORDER_DELAY;
        }
        effect
    }

    fn effect(&self, own_links: bool, rng: &mut Pcg64) -> Effect {
        let said = self.said();
        match (said.is_nothing(), own_links) {
            (false, _) => said,
            (true, false) => drawn(rng),
            (true, true) => drawn_for_own_links(rng),
        }
    }

    /// Whether it asks for no more than links that are a system's own can do.
    fn only_slow(&self) -> bool {
        let known = Self {
            at: self.at.clone(),
            delay: self.delay,
            jitter: self.jitter,
            loss: self.loss,
            one_way: self.one_way,
            ..Self::default()
        };
        *self == known
    }
}

/// One effect, strong enough to be felt and to be measured, and weak enough to work under.
fn drawn(rng: &mut Pcg64) -> Effect {
    let ms = Duration::from_millis;
    let nothing = Effect::default();
    match rng.random_range(0..7) {
        0 => Effect {
            delay: ms(rng.random_range(2..=10) * 10),
            jitter: ms(10),
            distribution: Distribution::Normal,
            ..nothing
        },
        1 => Effect {
            delay: ms(200),
            jitter: ms(50),
            distribution: Distribution::Pareto,
            ..nothing
        },
        2 => Effect {
            loss: f64::from(rng.random_range(1..=6) * 5),
            ..nothing
        },
        3 => Effect {
            duplicate: 30.0,
            ..nothing
        },
        4 => Effect {
            delay: REORDER_DELAY,
            reorder: 25.0,
            ..nothing
        },
        5 => Effect {
            corrupt: 15.0,
            ..nothing
        },
        _ => Effect {
            rate: Some(Rate(1_000_000)),
            ..nothing
        },
    }
}

/// One of the effects that such links know.
fn drawn_for_own_links(rng: &mut Pcg64) -> Effect {
    let nothing = Effect::default();
    match rng.random_range(0..2) {
        0 => Effect {
            delay: Duration::from_millis(rng.random_range(4..=10) * 10),
            jitter: Duration::from_millis(10),
            ..nothing
        },
        _ => Effect {
            loss: f64::from(rng.random_range(2..=6) * 5),
            ..nothing
        },
    }
}

const DEFAULTS: [Aim; 4] = [Aim::Leader, Aim::One, Aim::Minority, Aim::All];

fn defaults(has_leader: bool, nodes: usize) -> &'static [Aim] {
    let few = nodes < 3;
    match (has_leader, few) {
        (true, true) => &DEFAULTS[..2],
        (true, false) => &DEFAULTS,
        (false, true) => &DEFAULTS[1..2],
        (false, false) => &DEFAULTS[1..],
    }
}

impl Fault for Packets {
    fn about(&self) -> About {
        About {
            does: "delays, loses, doubles, reorders, corrupts or slows down packets between nodes",
            needs: "tc netem, or iptables with NFQUEUE, and root on the nodes; or a system that delays and loses messages itself",
            verified: "echoes between the nodes are late, lost, doubled, overtaken, damaged or slow, as was asked",
            healed: "its queue and rules, or its qdisc, are removed, and echoes are as they were",
        }
    }

    fn check(&self, case: &mut Case<'_>) {
        case.aims(&self.at);
        for (name, share) in self.shares() {
            if share.is_some_and(|share| !(0.0..=100.0).contains(&share)) {
                case.refuse(
                    format!("{name} is a share in percent"),
                    format!("write `{name}: 20`, or any number up to 100"),
                );
            }
        }
        let said = self.said();
        if said.delay + said.jitter > LONGEST {
            case.refuse(
                "packets can be held back for a second, not longer",
                "use partition, which holds them back for good",
            );
        }
        if said.jitter.is_zero() && self.distribution.is_some() {
            case.refuse(
                "a distribution spreads nothing without jitter",
                "say `jitter`, too",
            );
        }
        if said.corrupt <= 0.0 && self.undetected {
            case.refuse(
                "there is no corruption to leave undetected",
                "say `corrupt`, too",
            );
        }
        case.shaper();
        if case.system.net().is_some_and(|net| net.slows()) && !self.only_slow() {
            case.refuse(
                format!(
                    "the links of {} can delay and lose messages, and nothing else",
                    case.system.name()
                ),
                "use `delay`, `jitter` and `loss`, or another target",
            );
        }
        let shaper = case.capabilities.shaper.clone();
        if shaper.is_some_and(|shaper| shaper.means(&said).is_none()) {
            case.refuse(
                "netem cannot make checksums fit, and there is no NFQUEUE here",
                "leave `undetected` out",
            );
        }
    }

    fn aim(&mut self, at: &str) -> bool {
        self.at.push(Aim::read(at));
        true
    }

    fn places(&self) -> String {
        choice::places(&self.at)
    }

    fn wants_leader(&self, nodes: usize, has_leader: bool, seed: u64) -> bool {
        let mut rng = Pcg64::seed_from_u64(seed);
        choice::draw(&self.at, defaults(has_leader, nodes), &mut rng) == Aim::Leader
    }

    fn plan(&self, view: &View<'_>, seed: u64) -> Result<Plan, Skip> {
        let size = view.nodes.len();
        if size < 2 {
            return Err(Skip("one node alone has no links".into()));
        }
        let mut rng = Pcg64::seed_from_u64(seed);
        let aim = choice::draw(&self.at, defaults(view.has_leader, size), &mut rng);
        let effect = self.effect(view.own_links, &mut rng);
        let mut notes = Vec::new();
        let names = aimed(&aim, view, &mut rng, &mut notes)?;
        let at = |i: usize| names.contains(&view.nodes[i].name);
        let mut effects = Effects::new();
        for from in 0..size {
            for to in (0..size).filter(|to| *to != from) {
                if at(to) || (at(from) && !self.one_way) {
                    effects.insert((from, to), effect.clone());
                }
            }
        }
        let way = if self.one_way {
            "what reaches"
        } else {
            "to and from"
        };
        let mut plan = Plan::new(
            Kind::Packets,
            format!("{effect}, {way} {{{}}}", names.join(" ")),
        );
        plan.nodes = names;
        plan.notes = notes;
        shaping::shape(plan, Layer::Packets, view, seed, &effects)
    }
}

/// Whose links are meant, in the cluster's order.
fn aimed(
    aim: &Aim,
    view: &View<'_>,
    rng: &mut Pcg64,
    notes: &mut Vec<String>,
) -> Result<Vec<String>, Skip> {
    let all = view.names();
    let some = |count: usize, rng: &mut Pcg64| {
        let mut drawn = all.clone();
        drawn.shuffle(rng);
        drawn.truncate(count);
        drawn
    };
    let names = match aim {
        Aim::Leader => vec![choice::leader(view, rng, notes)?],
        Aim::Nodes(names) => {
            for name in names {
                view.node(name)?;
            }
            names.clone()
        }
        Aim::One => vec![all.choose(rng).expect("there are two").clone()],
        Aim::Minority if all.len() < 3 => {
            return Err(Skip(format!("{} nodes have no minority", all.len())));
        }
        Aim::Minority => some((all.len() - 1) / 2, rng),
        Aim::Majority => some(all.len() / 2 + 1, rng),
        Aim::All => all.clone(),
    };
    Ok(all.into_iter().filter(|n| names.contains(n)).collect())
}
