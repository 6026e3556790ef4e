//! The list of faults: a line each. Everything that must know all of them, names, texts, serialization, follows from it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, de::MapAccess, ser::SerializeMap};

use crate::{
    BadSpec,
    body::{Body, Timing, Written},
    faults::{
        Corrupt, Cpu, CrashLoop, Descriptors, Disk, Fill, Freeze, Kill, LoseUnsynced, Maintenance,
        Membership, Memory, MoveLeader, Packets, Partition, Pause, Power, ReadOnly, RollingRestart,
        Terminate, Wan, WrongClock,
    },
    plan::{About, Fault},
};

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $word:literal),+ $(,)?) => {
        /// The sorts of faults. New ones are added at the end: what a seed decides depends on the places of the others.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Kind {
            $($(#[$doc])* $name,)+
        }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// As it is written.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }
        }

        /// A fault, as asked for: what sort, where it may strike, and what else was said of it.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum FaultSpec {
            $($(#[$doc])* $name($name),)+
        }

        impl FaultSpec {
            /// This sort of fault, with defaults for everything.
            pub fn of(kind: Kind) -> Self {
                match kind {
                    $(Kind::$name => Self::$name($name::default()),)+
                }
            }
            /// What sort it is.
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$name(_) => Kind::$name,)+
                }
            }
            /// What can be done with it.
            pub fn fault(&self) -> &dyn Fault {
                match self {
                    $(Self::$name(fault) => fault,)+
                }
            }
            pub(crate) fn fault_mut(&mut self) -> &mut dyn Fault {
                match self {
                    $(Self::$name(fault) => fault,)+
                }
            }
            /// Writes it as the value of a map's entry, with its timing.
            pub(crate) fn write<M: SerializeMap>(&self, timing: Timing, map: &mut M) -> Result<(), M::Error> {
                match self {
                    $(Self::$name(fault) => map.serialize_entry($word, &Written::new(timing, fault)),)+
                }
            }
            /// Reads what [`FaultSpec::write`] wrote, or nothing: defaults.
            pub(crate) fn read<'de, A: MapAccess<'de>>(
                kind: Kind,
                map: &mut A,
            ) -> Result<(Self, Timing), A::Error> {
                Ok(match kind {
                    $(Kind::$name => match map.next_value::<Option<Body<$name>>>()? {
                        None => (Self::of(kind), Timing::default()),
                        Some(Body { timing, fault }) => (Self::$name(fault), timing),
                    },)+
                })
            }
        }
    };
}

faults! {
    /// Links between nodes are cut.
    Partition = "partition",
    /// Processes are killed, and started again.
    Kill = "kill",
    /// Processes are stopped, and go on.
    Pause = "pause",
    /// Processes are asked to end, and started again.
    Terminate = "terminate",
    /// Processes are killed and started, again and again.
    CrashLoop = "crash-loop",
    /// Nodes are restarted, one after the other.
    RollingRestart = "rolling-restart",
    /// Nodes are short of processor time.
    Cpu = "cpu",
    /// Nodes are short of memory.
    Memory = "memory",
    /// Processes can open nothing more.
    Descriptors = "descriptors",
    /// Data is damaged on disk.
    Corrupt = "corrupt",
    /// Data can only be read.
    ReadOnly = "read-only",
    /// Processes are frozen, and thawed.
    Freeze = "freeze",
    /// Nodes lose their power, and boot again.
    Power = "power",
    /// Clocks are wrong.
    #[serde(rename = "clock")]
    WrongClock = "clock",
    /// The leadership is handed over.
    MoveLeader = "move-leader",
    /// Operators do what they do from time to time.
    Maintenance = "maintenance",
    /// Members leave, and join again.
    Membership = "membership",
    /// Disks fail, are full, or are slow.
    Disk = "disk",
    /// Nodes lose power, and with it what was not synced.
    LoseUnsynced = "lose-unsynced",
    /// Packets are delayed, lost, doubled, reordered, corrupted or slowed down.
    Packets = "packets",
    /// Nodes are far apart.
    Wan = "wan",
    /// There is no space left for data.
    Fill = "fill",
}

impl Kind {
    /// What people are told of it.
    pub fn about(self) -> About {
        FaultSpec::of(self).fault().about()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Kind {
    type Err = BadSpec;

    fn from_str(text: &str) -> Result<Self, BadSpec> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.word() == text)
            .ok_or_else(|| BadSpec::unknown(text))
    }
}

impl fmt::Display for FaultSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault().places().as_str() {
            "" => write!(f, "{}", self.kind()),
            at => write!(f, "{}@{at}", self.kind()),
        }
    }
}
