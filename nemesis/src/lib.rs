//! Faults: decided as data, carried out with their undo on disk first, seen to bite, and seen to heal.
//!
//! What a user asked for (`spec`, `schedule`) runs on tracks, whose orders (`order`) the same scheduler deals out that
//! drives the clients; what a run did can be read back as a script for the next (`recorded`). Each order becomes a [`Plan`] (`plan`, `faults`), and `inject`, the only place that breaks a node,
//! carries it out: undo into the ledger here (`ledger`) and to the node's own timer (`deadman`), then apply, probe, and
//! in time heal and probe again. `preflight` refuses before deployment what could never work.

mod at;
mod body;
mod deadman;
mod disks;
mod duration;
mod environments;
mod faults;
mod inject;
mod kinds;
mod ledger;
mod net;
mod order;
mod overlap;
mod plan;
mod preflight;
mod recorded;
mod schedule;
mod spec;
mod upload;

pub use at::{Aim, Place, Shape};
pub use deadman::DeadMan;
pub use disks::Disks;
pub use duration::{BadTime, Time, TimeRange};
pub use environments::Environments;
pub use faults::{
    ClockMeans, Corrupt, Cpu, CrashLoop, Damage, Descriptors, Disk, Fill, Freeze, How, Kill,
    LoseUnsynced, Maintenance, Membership, Memory, MoveLeader, Packets, Partition, Pause, Power,
    Preset, ReadOnly, RollingRestart, Survive, Terminate, Trouble, Wan, Wrong, WrongClock,
};
pub use inject::{
    CallsSoFar, Clock, HealReport, Injector, Left, Limits, OnStep, Settled, Unhealed, heal_ledger,
};
pub use kinds::{FaultSpec, Kind};
pub use ledger::{Ledger, LedgerError, Owed};
pub use net::{
    Addresses, BadRate, Distribution, Effect, Filter, Layer, Means, NoFilter, PacketFilter, Rate,
    Shaper, detect,
};
pub use order::{Among, Awaited, Carried, Nemesis, Order, Trigger};
pub use overlap::Sole;
pub use plan::{
    About, Action, Ask, CLIENTS, Expect, Fault, Leaders, Plan, Probe, Role, Skip, View,
};
pub use preflight::{Capabilities, Case, Faketime, PROBE_PORT, Prepared, Refusal, preflight};
pub use recorded::script;
pub use schedule::{Arrangement, BadSchedule, Line, Quiet, Schedule, ScheduleSpec};
pub use spec::{BadSpec, Faults, TrackSpec};
pub use upload::Uploads;
