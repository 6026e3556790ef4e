//! Nodes far apart: each is put in a region of the world, and packets between regions take as long as they would.
//!
//! Nodes are dealt out over the regions in their order. Distances come from a preset or from a matrix of one's own, which
//! comes first. Half a round trip is added each way, with a jitter of some percent of it.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    regions::{self, Preset},
    shaping::{self, Effects},
};
use crate::{
    Case, Kind, Time,
    net::{Distribution, Effect, Layer},
    plan::{About, Fault, Plan, Skip, View},
};

/// Spread out, and bring together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Wan {
    /// Where the distances come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// The regions; empty for three, on both coasts of North America and in Europe.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// Round trips that are known better, or between regions of one's own: `{ here: { there: 80ms } }`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub round_trips: BTreeMap<String, BTreeMap<String, Time>>,
    /// Jitter, in percent of the way; five where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<f64>,
}

const REGIONS: [&str; 3] = ["us-east", "us-west", "eu-west"];
const JITTER: f64 = 5.0;
const LONGEST: Duration = Duration::from_secs(2);

impl Wan {
    fn regions(&self) -> Vec<&str> {
        if self.regions.is_empty() {
            REGIONS.to_vec()
        } else {
            self.regions.iter().map(String::as_str).collect()
        }
    }

    fn round_trip(&self, a: &str, b: &str) -> Option<Duration> {
        let told = |a: &str, b: &str| Some(self.round_trips.get(a)?.get(b)?.0);
        told(a, b)
            .or_else(|| told(b, a))
            .or_else(|| (a == b).then_some(Duration::ZERO))
            .or_else(|| regions::round_trip(self.preset.unwrap_or_default(), a, b))
    }

    fn effect(&self, round_trip: Duration) -> Effect {
        let delay = round_trip / 2;
        Effect {
            delay,
            jitter: delay.mul_f64(self.jitter.unwrap_or(JITTER) / 100.0),
            distribution: Distribution::Normal,
            ..Effect::default()
        }
    }
}

impl Fault for Wan {
    fn about(&self) -> About {
        About {
            does: "puts the nodes in regions of the world, with the delays there are between them",
            needs: "tc netem, or iptables with NFQUEUE, and root on the nodes; or a system that delays messages itself",
            verified: "echoes between regions take as much longer as they should, those within one do not",
            healed: "its queue and rules, or its qdisc, are removed, and echoes are as fast as before",
        }
    }

    fn check(&self, case: &mut Case<'_>) {
        let regions = self.regions();
        for (i, a) in regions.iter().enumerate() {
            for b in &regions[..i] {
                match self.round_trip(a, b) {
                    None => case.refuse(
                        format!("it is not known how far {a} is from {b}"),
                        format!(
                            "say so in `round-trips`, or use regions of {}",
                            regions::names().join(", ")
                        ),
                    ),
                    Some(far) if far > LONGEST => case.refuse(
                        format!("{b} and {a} are more than two seconds apart"),
                        "stay on this planet",
                    ),
                    Some(_) => {}
                }
            }
        }
        if regions.len() < 2 {
            case.refuse("one region has no distances", "name at least two regions");
        }
        if self.jitter.is_some_and(|j| !(0.0..=100.0).contains(&j)) {
            case.refuse("jitter is a share in percent", "write `jitter: 5`");
        }
        case.shaper();
    }

    fn plan(&self, view: &View<'_>, seed: u64) -> Result<Plan, Skip> {
        let regions = self.regions();
        let region = |i: usize| regions[i % regions.len()];
        let mut effects = Effects::new();
        for from in 0..view.nodes.len() {
            for to in (0..view.nodes.len()).filter(|to| *to != from) {
                let far = self.round_trip(region(from), region(to)).ok_or_else(|| {
                    Skip(format!(
                        "it is not known how far {} is from {}",
                        region(from),
                        region(to)
                    ))
                })?;
                if !far.is_zero() {
                    effects.insert((from, to), self.effect(far));
                }
            }
        }
        if effects.is_empty() {
            return Err(Skip("all nodes are in one region".into()));
        }
        let places: Vec<String> = view
            .nodes
            .iter()
            .enumerate()
            .map(|(i, node)| format!("{node} in {}", region(i)))
            .collect();
        let mut plan = Plan::new(Kind::Wan, places.join(", "));
        plan.nodes = view.names();
        shaping::shape(plan, Layer::Distance, view, seed, &effects)
    }
}
