//! What faults that shape packets have in common: from effects on directed links to a plan, with the measurements that show
//! them. Every effect is measured by echoes between the two ends of a link, which the kernels answer, and compared with
//! what a round trip took before anything was done.

use std::{collections::BTreeMap, time::Duration};

use control::{Command, Node};

use super::own_links;
use crate::{
    Sole,
    net::{Effect, Layer, Means, Rate, Shaper},
    plan::{Action, Ask, Expect, Plan, Probe, Role, Skip, View},
};

/// Effects by link, `(from, to)` as places in the cluster's list of nodes.
pub(super) type Effects = BTreeMap<(usize, usize), Effect>;

/// So many links are measured, and so many that should be as they were.
pub(super) const MOST_PROBES: usize = 10;
pub(super) const MOST_INSIDE: usize = 5;

/// Adds to a plan what shapes these links, and what measures them.
pub(super) fn shape(
    mut plan: Plan,
    layer: Layer,
    view: &View<'_>,
    seed: u64,
    effects: &Effects,
) -> Result<Plan, Skip> {
    if view.own_links {
        return own_links::shape(plan, view, seed, effects);
    }
    let shaper = view
        .capabilities
        .shaper
        .as_deref()
        .ok_or_else(|| Skip("there is no means to shape packets here".into()))?;
    // One means for all: two halves of a fault by different means would be two faults.
    let mut means = Means::Netem;
    for effect in effects.values() {
        let by = shaper.means(effect).ok_or_else(|| {
            Skip("netem cannot make checksums fit, and there is no NFQUEUE here".into())
        })?;
        if by == Means::Delayer {
            means = by;
        }
    }
    let fault = view.fault_name();
    for (at, node) in view.nodes.iter().enumerate() {
        let peers: Vec<(&Node, &Effect)> = effects
            .iter()
            .filter_map(|((from, to), effect)| match means {
                Means::Netem if *from == at => Some((&view.nodes[*to], effect)),
                Means::Delayer if *to == at => Some((&view.nodes[*from], effect)),
                _ => None,
            })
            .collect();
        if peers.is_empty() {
            continue;
        }
        let helper = view.helper(node)?;
        let own_seed = seed.wrapping_add(at as u64);
        let deed = shaper.deed((means, layer), &fault, (node, helper), own_seed, &peers);
        plan.actions.push(Action {
            node: node.name.clone(),
            apply: deed.apply,
            undo: deed.undo,
            probe: Probe {
                role: Role::Rules,
                ask: Ask::On {
                    node: node.name.clone(),
                    command: deed.state,
                },
                during: Expect::Prints("in force".into()),
                after: Expect::Prints("gone".into()),
                link: None,
                needs: Vec::new(),
            },
        });
    }
    if means == Means::Netem {
        plan = plan.alone_with(&[Sole::TrafficControl]);
    }
    let name = |i: &usize| view.nodes[*i].name.clone();
    plan.shaped = effects.keys().map(|(a, b)| (name(a), name(b))).collect();
    plan.notes.push(format!("by {means}"));
    plan.probes = probes(view, shaper, effects, &mut plan.notes)?;
    Ok(plan)
}

/// What both directions of a link do together to an echo and its answer.
struct RoundTrip {
    before: Duration,
    added: Duration,
    jitter: Duration,
    /// Shares, from 0 to 1.
    lost: f64,
    twice: f64,
    overtakes: f64,
    damaged: f64,
    rate: Option<u64>,
}

impl RoundTrip {
    fn new(before: Duration, ways: [&Effect; 2]) -> Self {
        let either = |share: fn(&Effect) -> f64| {
            1.0 - ways.iter().map(|e| 1.0 - share(e) / 100.0).product::<f64>()
        };
        Self {
            before,
            added: ways.iter().map(|e| e.delay).sum(),
            jitter: ways.iter().map(|e| e.jitter).sum(),
            lost: either(|e| {
                let noticed = if e.undetected { 0.0 } else { e.corrupt };
                100.0 - (100.0 - e.loss) * (100.0 - noticed) / 100.0
            }),
            twice: either(|e| e.duplicate),
            overtakes: either(|e| e.reorder),
            damaged: either(|e| if e.undetected { e.corrupt } else { 0.0 }),
            rate: ways.iter().filter_map(|e| e.rate).map(|Rate(r)| r).min(),
        }
    }

    /// How long after the last request an answer may come.
    fn wait(&self) -> Duration {
        self.before + self.added * 2 + self.jitter * 4 + Duration::from_millis(300)
    }

    /// What to measure, and what shows that the effect is there, or gone.
    fn measures(&self) -> Vec<Measure> {
        let mut all = Vec::new();
        let micros = |d: Duration| d.as_micros() as i64;
        let wait = self.wait();
        if !self.added.is_zero() {
            all.push(Measure {
                what: "delay",
                count: 9,
                gap: Duration::from_millis(5),
                size: 64,
                wait,
                during: (micros(self.before + self.added * 7 / 10), i64::MAX),
                after: (0, micros(self.before + self.added * 2 / 5)),
            });
        }
        let shares = [
            ("loss", self.lost),
            ("duplicate", self.twice),
            ("reorder", self.overtakes),
            ("damage", self.damaged),
        ];
        for (what, share) in shares {
            if share <= 0.0 {
                continue;
            }
            // About thirty are struck, in about a second.
            let count = (30.0 / share).clamp(60.0, 1000.0) as u16;
            let percent = share * 100.0;
            // What overtakes only does where something is there to be overtaken.
            let part = if what == "reorder" { 0.2 } else { 0.4 };
            all.push(Measure {
                what,
                count,
                gap: Duration::from_micros(1_000_000 / u64::from(count).max(100)),
                size: 64,
                wait,
                during: (((percent * part) as i64).max(1), 100),
                after: (0, (percent * part / 2.0) as i64),
            });
        }
        if let Some(rate) = self.rate {
            // A quarter of a second's worth, and small enough for any buffer.
            let count = (rate / 4 / 8 / 1020).clamp(10, 300) as u16;
            let kilobits = (rate / 1000).max(1) as i64;
            let sending = Duration::from_secs_f64(f64::from(count) * 8160.0 / rate as f64);
            all.push(Measure {
                what: "rate",
                count,
                gap: Duration::ZERO,
                size: 1000,
                wait: (wait + sending * 2).min(Duration::from_secs(4)),
                during: (0, kilobits * 13 / 10),
                after: (kilobits * 16 / 10, i64::MAX),
            });
        }
        all
    }
}

/// One thing measured on one link.
struct Measure {
    what: &'static str,
    count: u16,
    gap: Duration,
    size: usize,
    wait: Duration,
    during: (i64, i64),
    after: (i64, i64),
}

fn probes(
    view: &View<'_>,
    shaper: &Shaper,
    effects: &Effects,
    notes: &mut Vec<String>,
) -> Result<Vec<Probe>, Skip> {
    let nothing = Effect::default();
    let of = |a, b| effects.get(&(a, b)).unwrap_or(&nothing);
    let size = view.nodes.len();
    let pairs: Vec<(usize, usize)> = (0..size)
        .flat_map(|a| (a + 1..size).map(move |b| (a, b)))
        .collect();
    let (struck, spared): (Vec<_>, Vec<_>) = pairs
        .into_iter()
        .partition(|(a, b)| effects.contains_key(&(*a, *b)) || effects.contains_key(&(*b, *a)));
    if struck.len() > MOST_PROBES {
        notes.push(format!(
            "{MOST_PROBES} of {} links are measured",
            struck.len()
        ));
    }
    let trip = |a: usize, b: usize, ways| {
        RoundTrip::new(
            shaper.round_trip(&view.nodes[a].name, &view.nodes[b].name),
            ways,
        )
    };
    let mut all = Vec::new();
    for (a, b) in struck.iter().copied().take(MOST_PROBES) {
        for measure in trip(a, b, [of(a, b), of(b, a)]).measures() {
            all.push(probe(view, shaper, (a, b), Role::Effect, &measure)?);
        }
    }
    // What is not aimed at is measured in the same way, and shall be as it was all the time.
    if let Some((a, b)) = struck.first().copied() {
        for (c, d) in spared.into_iter().take(MOST_INSIDE) {
            for mut measure in trip(c, d, [of(a, b), of(b, a)]).measures() {
                measure.during = measure.after;
                all.push(probe(view, shaper, (c, d), Role::Inside, &measure)?);
            }
        }
    }
    Ok(all)
}

fn probe(
    view: &View<'_>,
    shaper: &Shaper,
    (a, b): (usize, usize),
    role: Role,
    measure: &Measure,
) -> Result<Probe, Skip> {
    let (from, to) = (&view.nodes[a], &view.nodes[b]);
    let address = shaper
        .address(to)
        .ok_or_else(|| Skip(format!("{to} has no address")))?;
    let words = [
        view.helper(from)?.to_owned(),
        "node".into(),
        "packets".into(),
        "measure".into(),
        measure.what.into(),
        address.to_string(),
        measure.count.to_string(),
        measure.gap.as_micros().to_string(),
        measure.size.to_string(),
        measure.wait.as_millis().to_string(),
    ];
    Ok(Probe {
        role,
        ask: Ask::On {
            node: from.name.clone(),
            command: Command::new(words)
                .root()
                .idempotent()
                .deadline(Duration::from_secs(8)),
        },
        during: Expect::Between(measure.during.0, measure.during.1),
        after: Expect::Between(measure.after.0, measure.after.1),
        link: Some((from.name.clone(), to.name.clone())),
        needs: Vec::new(),
    })
}
