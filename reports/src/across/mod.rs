//! Across runs: what many runs say together that none of them says alone.
//!
//! A run directory is read into an [`Entry`], one line of `runs/index.jsonl`. Everything else is computed from entries:
//! the [`Grid`] of cases by runs, the [`Board`] of findings with how often each was seen where it could have been, and
//! the [`Health`] of the harness, kept apart so that a broken network of ours does not look like a broken database.
//! [`index_page`] places them on one static page.
//!
//! A finding keeps its name from run to run: its [`Fingerprint`], which knows the kind of violation and the faults in
//! force, and no value, time or node.

mod baseline;
mod board;
mod campaigns;
mod compare;
mod entry;
mod fingerprint;
mod grid;
mod health;
mod numbers;
mod page;
mod proportion;
mod track_record;

pub use baseline::{Accepted, BASELINE_VERSION, Baseline, Standing};
pub use board::{Board, Row, Shortest, Trend, VersionHint};
pub use campaigns::{Campaign, CampaignRow, Campaigns, MAX_CAMPAIGNS, Planned};
pub use compare::{Change, Comparison, changes};
pub use entry::{Brief, Ending, Entry, INDEX_SCHEMA, Index, RunFiles, Seen};
pub use fingerprint::Fingerprint;
pub use grid::{Cell, Grid, GridRow};
pub use health::Health;
pub use numbers::{Numbers, Second};
pub use page::{Now, POLICY, Unfinished, index_page, live_index_page};
pub use proportion::{Interval, fisher, wilson};
pub use track_record::track_record;
