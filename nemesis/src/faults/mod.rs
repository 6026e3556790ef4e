//! The faults: one file each. Adding one touches its file and the list in `spec`.

mod choice;
mod kill;
mod links;
mod partition;
mod pause;
mod process;

pub use kill::Kill;
pub use partition::Partition;
pub use pause::Pause;
