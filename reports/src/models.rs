//! Consistency models and which of them implies which, as far as the checks of a run speak of them: what a finding breaks
//! besides its own property, and what it leaves open.
//!
//! Two lattices come from the checkers: isolation levels for transactions, and linearizability with the guarantees of
//! sessions for registers. Checks of anything else (queues, sets, locks) have properties that imply nothing.

use checkers::{
    Finding,
    txn::{Anomaly, Level},
    weak::Guarantee,
};

/// Which models the checks of a run speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Isolation levels.
    Transactions,
    /// Linearizability and below.
    Registers,
    /// Properties by themselves.
    Others,
}

/// What a finding says of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says {
    /// It breaks it.
    Broken,
    /// It breaks something that the model implies.
    Implied,
    /// Nothing.
    Nothing,
}

const LINEARIZABLE: &str = "linearizable";
const STRICT: &str = "strict-serializable";

impl Family {
    /// What checks of these names speak of.
    pub(crate) fn of<'a>(checks: impl IntoIterator<Item = &'a str>) -> Self {
        let mut family = Self::Others;
        for name in checks {
            match name {
                "isolation" => return Self::Transactions,
                LINEARIZABLE | "sessions" => family = Self::Registers,
                _ => {}
            }
        }
        family
    }

    /// Its models, the strongest first; of `Others` none is known beforehand.
    pub(crate) fn models(self) -> Vec<&'static str> {
        match self {
            Self::Transactions => Level::ALL.iter().rev().map(|l| l.name()).collect(),
            Self::Registers => {
                let weak = Guarantee::ALL.iter().rev().map(|g| g.name());
                [STRICT, LINEARIZABLE].into_iter().chain(weak).collect()
            }
            Self::Others => Vec::new(),
        }
    }

    /// Whether whatever the first model allows the second one allows, too.
    pub(crate) fn implies(self, strong: &str, weak: &str) -> bool {
        if strong == weak {
            return true;
        }
        match self {
            Self::Transactions => match (strong.parse::<Level>(), weak.parse::<Level>()) {
                (Ok(strong), Ok(weak)) => strong.implies(weak),
                _ => false,
            },
            Self::Registers => match (strong, weak) {
                (STRICT, _) => weak != STRICT,
                (LINEARIZABLE, _) => weak != STRICT && weak != LINEARIZABLE,
                _ => match (strong.parse::<Guarantee>(), weak.parse::<Guarantee>()) {
                    (Ok(strong), Ok(weak)) => strong.implies().contains(&weak),
                    _ => false,
                },
            },
            Self::Others => false,
        }
    }

    /// What a finding says of a model. An anomaly of transactions breaks the weakest levels that exclude it, whatever level
    /// was expected.
    pub(crate) fn says(self, finding: &Finding, model: &str) -> Says {
        if let (Self::Transactions, Some(anomaly)) = (self, anomaly(finding)) {
            let weakest = anomaly.entry().excluded_by;
            return match model.parse::<Level>() {
                Ok(level) if weakest.contains(&level) => Says::Broken,
                Ok(level) if anomaly.excluded_by(level) => Says::Implied,
                _ => Says::Nothing,
            };
        }
        match self.implies(model, &finding.property) {
            true if model == finding.property => Says::Broken,
            true => Says::Implied,
            false => Says::Nothing,
        }
    }

    /// The models that a finding breaks: itself, then those that are impossible because of it.
    pub(crate) fn broken(self, finding: &Finding) -> (Vec<&'static str>, Vec<&'static str>) {
        let those = |says| {
            let models = self.models().into_iter();
            models
                .filter(|m| self.says(finding, m) == says)
                .collect::<Vec<_>>()
        };
        (those(Says::Broken), those(Says::Implied))
    }

    /// The strongest models that a finding does not speak against.
    pub(crate) fn left_open(self, finding: &Finding) -> Vec<&'static str> {
        let mut open = self.models();
        open.retain(|m| self.says(finding, m) == Says::Nothing);
        let strongest = |m: &&str| !open.iter().any(|s| s != m && self.implies(s, m));
        open.iter().copied().filter(|m| strongest(m)).collect()
    }
}

/// `strict-serializable` → `strict serializable`: names of models in sentences.
pub(crate) fn words(model: &str) -> String {
    match model {
        "sequential-keys" => "sequential, key by key".to_owned(),
        "pram" => "PRAM".to_owned(),
        _ => model.replace('-', " "),
    }
}

fn anomaly(finding: &Finding) -> Option<Anomaly> {
    let mut all = Anomaly::ALL.into_iter();
    all.find(|a| a.entry().code == finding.code)
}

/// What an anomaly of transactions is, and what usually causes it.
pub(crate) fn known(finding: &Finding) -> Option<(&'static str, &'static str)> {
    anomaly(finding).map(|a| (a.entry().words, a.entry().causes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(code: &str, property: &str) -> Finding {
        Finding {
            code: code.to_owned(),
            title: String::new(),
            property: property.to_owned(),
            explanation: String::new(),
            key: None,
            witness: Vec::new(),
            from: history::Nanos(0),
            until: history::Nanos(0),
            minimal: true,
            confidence: String::new(),
            more: 0,
            order: Vec::new(),
        }
    }

    #[test]
    fn a_stale_read_leaves_sequential_consistency_open() {
        let stale = finding("stale-read", LINEARIZABLE);
        let family = Family::of(["linearizable", "coverage"]);
        assert_eq!(family.broken(&stale), (vec![LINEARIZABLE], vec![STRICT]));
        assert!(family.left_open(&stale).contains(&"sequential-keys"));
        assert!(!family.left_open(&stale).contains(&"monotonic-reads"));
    }

    #[test]
    fn write_skew_leaves_snapshot_isolation_open_whatever_was_expected() {
        let skew = finding("G2-item", STRICT);
        let family = Family::of(["isolation"]);
        let (broken, implied) = family.broken(&skew);
        assert!(!broken.is_empty() && implied.contains(&STRICT));
        let open = family.left_open(&skew);
        assert!(open.contains(&"strong-snapshot-isolation"), "{open:?}");
        assert!(!open.contains(&"read-committed"), "{open:?}");
    }

    #[test]
    fn what_is_read_twice_breaks_everything_above_it() {
        let ryw = finding("x", "read-your-writes");
        let (broken, implied) = Family::Registers.broken(&ryw);
        assert_eq!(broken, ["read-your-writes"]);
        for model in [STRICT, LINEARIZABLE, "causal", "pram"] {
            assert!(implied.contains(&model), "{model}");
        }
        assert!(!implied.contains(&"monotonic-reads"));
    }
}
