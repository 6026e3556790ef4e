//! Where a fault strikes, as people write it: a word (`minority`, `leader`, `ring`) or names of nodes. Which nodes a word
//! stands for is decided from a seed when the fault is planned.

use std::{convert::Infallible, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Whose processes are killed or paused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Aim {
    /// One node.
    One,
    /// As many as can be lost while a majority stays.
    Minority,
    /// As few as leave no majority.
    Majority,
    /// Every node.
    All,
    /// The node that leads.
    Leader,
    /// These nodes.
    Nodes(Vec<String>),
}

/// How a partition cuts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Shape {
    /// One node from all others.
    One,
    /// Two halves; the second has one more if the number is odd.
    Halves,
    /// A minority of random size from the majority.
    Minority,
    /// Every node sees a majority, and no two see the same.
    Ring,
    /// Two halves that see each other only through one node between them.
    Bridge,
    /// Packets between a minority and the rest are lost in one direction only.
    OneWay,
    /// The node that leads from all others.
    Leader,
    /// These nodes from all others.
    Nodes(Vec<String>),
}

impl Aim {
    /// The words, as they are written.
    pub const WORDS: [(&str, Self); 5] = [
        ("one", Self::One),
        ("minority", Self::Minority),
        ("majority", Self::Majority),
        ("all", Self::All),
        ("leader", Self::Leader),
    ];
}

impl Shape {
    /// The words, as they are written.
    pub const WORDS: [(&str, Self); 7] = [
        ("one", Self::One),
        ("halves", Self::Halves),
        ("minority", Self::Minority),
        ("ring", Self::Ring),
        ("bridge", Self::Bridge),
        ("one-way", Self::OneWay),
        ("leader", Self::Leader),
    ];
}

/// What [`Aim`] and [`Shape`] have in common: a list of words, or else names of nodes.
pub trait Place: Clone + PartialEq + 'static {
    /// The words, as they are written.
    fn words() -> &'static [(&'static str, Self)];
    /// The place that these nodes are.
    fn of_nodes(nodes: Vec<String>) -> Self;
    /// The nodes, where it is told by names.
    fn nodes(&self) -> Option<&[String]>;

    /// From a word, or from names joined by `+`. Whether such nodes exist is for the preflight to say, which knows the
    /// cluster.
    fn read(text: &str) -> Self {
        let text = text.trim();
        match Self::words().iter().find(|(word, _)| *word == text) {
            Some((_, place)) => place.clone(),
            None => Self::of_nodes(text.split('+').map(|n| n.trim().to_owned()).collect()),
        }
    }
    /// As it is written.
    fn write(&self) -> String {
        match (self.nodes(), Self::words().iter().find(|(_, p)| p == self)) {
            (Some(nodes), _) => nodes.join("+"),
            (None, Some((word, _))) => (*word).to_owned(),
            (None, None) => unreachable!("every place without names has a word"),
        }
    }
}

macro_rules! place {
    ($name:ident) => {
        impl Place for $name {
            fn words() -> &'static [(&'static str, Self)] {
                &Self::WORDS
            }
            fn of_nodes(nodes: Vec<String>) -> Self {
                Self::Nodes(nodes)
            }
            fn nodes(&self) -> Option<&[String]> {
                match self {
                    Self::Nodes(nodes) => Some(nodes),
                    _ => None,
                }
            }
        }
        impl FromStr for $name {
            type Err = Infallible;
            fn from_str(text: &str) -> Result<Self, Infallible> {
                Ok(Self::read(text))
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.write())
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Ok(match OneOrMany::<String>::deserialize(from)? {
                    OneOrMany::One(text) => Self::read(&text),
                    OneOrMany::Many(names) => Self::of_nodes(names),
                })
            }
        }
    };
}
place!(Aim);
place!(Shape);

/// A value, or a list of them.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a word such as minority or leader, a node's name, or a list of them"
)]
pub(crate) enum OneOrMany<T> {
    // First, because a list may be one place too: `[n1, n2]` are two alternatives, `[[n1, n2]]` is one.
    Many(Vec<T>),
    One(T),
}

/// For lists of places that may be written as one.
pub(crate) fn one_or_many<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    OneOrMany::deserialize(from).map(Vec::from)
}

impl<T> From<OneOrMany<T>> for Vec<T> {
    fn from(from: OneOrMany<T>) -> Self {
        match from {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_names_read_back() {
        for text in ["one-way", "ring", "n1+n3", "n2"] {
            assert_eq!(Shape::read(text).to_string(), text);
        }
        assert_eq!(Shape::read("ring"), Shape::Ring);
        assert_eq!(
            Aim::read("n1+n3"),
            Aim::Nodes(vec!["n1".into(), "n3".into()])
        );
        assert_eq!(
            serde_json::from_str::<Aim>(r#"["n1","n3"]"#).unwrap(),
            Aim::read("n1+n3")
        );
    }
}
