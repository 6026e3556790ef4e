//! Many runs: the cases of a configuration, some of them or all, in one go.
//!
//! ```text
//! configuration ─► expand ─► select ─► shard ─► Suite (a file) ─► drive: one process a case ─► table, exit code
//! ```
//! Everything up to the suite is decided without running anything, from the configuration and one seed: which cases there
//! are, in which shard each is, and from which seed each is run does not depend on what else is run, or where. The suite's
//! file is kept up to date, so that whoever reads it knows what has ended however the campaign did, and can go on from there.

mod case;
mod drive;
mod join;
mod order;
mod pick;
mod select;
mod shard;
mod suite;
mod table;

pub(crate) use self::{
    case::{Case, Draw, Flags, case_name, expand},
    drive::{Manner, drive},
    join::join,
    order::by_need,
    select::{Expr, is_called, named},
    shard::Shard,
    suite::{Options, Planned, Rerun, State, Suite, forget},
    table::{counts, plan, table},
};
