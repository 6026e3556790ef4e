//! A run as it stands, folded from what it says of itself: `events.jsonl` line by line, and `state.json` for the numbers.
//!
//! It is sent whole whenever it changes, so that who joins late and who was cut off see the same; and it is small whatever
//! the run does, as everything in it is counted and only so much of it shown.

use std::collections::BTreeMap;

use history::fault::{FaultEvent, FaultStep};
use reports::{Counts, escape::inert};
use runner::store::{Progress, State};
use serde::Serialize;
use serde_json::Value;

/// How many faults, and how many violations, are shown.
const SHOWN: usize = 20;
/// How much of a text is shown, in characters.
const TEXT: usize = 500;
/// How deep what others wrote may be nested, and how long a list in it may be.
const DEEPEST: usize = 6;
const LONGEST: usize = 50;

/// It.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Picture {
    /// `deploy`, `workload`, `heal` …
    pub(super) phase: String,
    /// What its clients did so far.
    pub(super) progress: Option<Progress>,
    /// What is in force, the oldest first.
    pub(super) faults: Vec<InForce>,
    /// How many faults that is.
    pub(super) faults_in_force: usize,
    /// How many faults were injected so far.
    pub(super) injected: u64,
    /// The first violations that were seen while it went on.
    pub(super) violations: Vec<String>,
    /// How many there were.
    pub(super) violations_seen: u64,
    /// How many warnings there were.
    pub(super) warnings: u64,
    #[serde(skip)]
    in_force: BTreeMap<u32, InForce>,
}

/// A fault in force.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct InForce {
    /// In words.
    what: String,
    /// Since when, in nanoseconds.
    since: u64,
    /// What a probe said, if one looked: whether it bites.
    verified: Option<bool>,
}

impl Picture {
    /// With one more event.
    pub(super) fn event(&mut self, event: &Value) {
        let said = |name: &str| inert(event[name].as_str().unwrap_or_default(), TEXT);
        match event["type"].as_str() {
            Some("phase") => self.phase = said("name"),
            Some("warning") => self.warnings += 1,
            Some("violation") => {
                self.violations_seen += 1;
                if self.violations.len() < SHOWN {
                    self.violations.push(said("what"));
                }
            }
            Some("fault") => {
                if let Ok(event) = serde_json::from_value::<FaultEvent>(event.clone()) {
                    self.fault(&event);
                }
            }
            _ => {}
        }
    }

    fn fault(&mut self, event: &FaultEvent) {
        let id = event.fault.0;
        match (event.step, event.ok) {
            (FaultStep::Inject, true) => {
                self.injected += 1;
                let what = inert(&event.label(), TEXT);
                let in_force = InForce {
                    what,
                    since: event.until.0,
                    verified: None,
                };
                self.in_force.insert(id, in_force);
            }
            (FaultStep::Verify, bites) => {
                if let Some(fault) = self.in_force.get_mut(&id) {
                    fault.verified = Some(bites);
                }
            }
            (FaultStep::Heal, _) => {
                self.in_force.remove(&id);
            }
            _ => {}
        }
        self.faults = self.in_force.values().take(SHOWN).cloned().collect();
        self.faults_in_force = self.in_force.len();
    }

    /// With what the run said last of how far it is. Where that has no numbers, those from before stay.
    pub(super) fn state(&mut self, state: State) {
        self.phase = inert(&state.phase, TEXT);
        if let Some(progress) = state.progress {
            self.progress = Some(progress);
        }
    }

    /// With how the calls ended in all, final reads among them, once that is known.
    pub(super) fn judged(&mut self, ops: Counts) {
        let progress = self.progress.get_or_insert_default();
        (progress.ok, progress.fail, progress.info) = (ops.ok, ops.fail, ops.info);
        (progress.open, progress.rate) = (0, 0.0);
    }
}

/// A value that others wrote, its texts inert, and no more of it than a page can show.
pub(super) fn tamed(value: Value) -> Value {
    fn tame(value: Value, depth: usize) -> Value {
        match value {
            Value::String(text) => inert(&text, TEXT).into(),
            Value::Array(_) | Value::Object(_) if depth == 0 => "…".into(),
            Value::Array(items) => items
                .into_iter()
                .take(LONGEST)
                .map(|item| tame(item, depth - 1))
                .collect(),
            Value::Object(fields) => fields
                .into_iter()
                .take(LONGEST)
                .map(|(name, value)| (inert(&name, TEXT), tame(value, depth - 1)))
                .collect(),
            plain => plain,
        }
    }
    tame(value, DEEPEST)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(id: u32, step: &str, ok: bool) -> Value {
        json!({"v": 1, "t": 1.5, "type": "fault", "time": 10, "until": 20, "fault": id, "step": step, "ok": ok,
               "kind": "partition", "what": "{n1} | {n2}"})
    }

    fn folded(events: &[Value]) -> Picture {
        let mut picture = Picture::default();
        events.iter().for_each(|e| picture.event(e));
        picture
    }

    #[test]
    fn what_is_in_force_is_what_was_injected_and_not_healed() {
        let seen = folded(&[
            json!({"type": "phase", "name": "workload"}),
            fault(1, "plan", true),
            fault(1, "inject", true),
            fault(1, "verify", true),
            fault(2, "inject", false),
            fault(3, "inject", true),
            fault(4, "inject", true),
            fault(4, "heal", true),
        ]);
        assert_eq!(seen.phase, "workload");
        assert_eq!((seen.injected, seen.faults_in_force), (3, 2));
        let words = json!(seen.faults);
        assert_eq!(
            words,
            json!([
                {"what": "partition {n1} | {n2}", "since": 20, "verified": true},
                {"what": "partition {n1} | {n2}", "since": 20, "verified": null},
            ])
        );
    }

    #[test]
    fn it_stays_small_and_inert_whatever_is_said() {
        let attacks: Vec<String> =
            serde_json::from_str(include_str!("../../reports/tests/hostile.json")).unwrap();
        let mut events = vec![
            json!([1]),
            json!(null),
            json!({"type": 7}),
            fault(1, "dance", true),
        ];
        for _ in 0..200 {
            for attack in &attacks {
                let text = format!("{attack}{}", "long ".repeat(5_000));
                events.push(json!({"type": "violation", "what": text, "index": 1}));
                events.push(json!({"type": "phase", "name": text}));
                events.push(json!({"type": "warning", "text": text}));
            }
        }
        events.extend((0..500).map(|i| fault(i, "inject", true)));
        let seen = folded(&events);
        let sent = serde_json::to_string(&seen).unwrap();
        assert!(sent.len() < 100_000, "{}", sent.len());
        assert_eq!(seen.violations_seen, 200 * attacks.len() as u64);
        assert_eq!(seen.faults_in_force, 500);
        for bad in ['\u{1b}', '\u{202e}', '\0', '\u{7}'] {
            assert!(
                !sent.contains(bad) && !sent.contains(&format!("\\u{:04x}", bad as u32)),
                "{bad:?}"
            );
        }
        let deep = (0..50).fold(json!("x\u{202e}"), |inner, _| json!([inner]));
        assert_eq!(tamed(deep).to_string(), r#"[[[[[["…"]]]]]]"#);
        let wide = tamed(json!(vec![json!({"\u{1b}[31m": attacks[1]}); 500]));
        assert_eq!(wide.as_array().unwrap().len(), LONGEST);
        assert!(!wide.to_string().contains("\\u001b"));
    }

    #[test]
    fn numbers_stay_when_the_clients_are_done() {
        let mut picture = Picture::default();
        let now = chrono::DateTime::UNIX_EPOCH;
        let progress = Progress {
            ok: 7,
            ..Progress::default()
        };
        picture.state(State {
            progress: Some(progress),
            ..State::ours("workload", now)
        });
        picture.state(State::ours("heal", now));
        assert_eq!(picture.phase, "heal");
        assert_eq!(picture.progress.as_ref().map(|p| p.ok), Some(7));
        let all = Counts {
            ok: 9,
            fail: 2,
            info: 1,
        };
        picture.judged(all);
        let progress = picture.progress.unwrap();
        assert_eq!(
            (progress.ok, progress.fail, progress.info, progress.open),
            (9, 2, 1, 0)
        );
    }
}
