//! The code that answers for the vDSO's clock functions, and the parameters that it adds.
//!
//! `clock_gettime`, `gettimeofday` and `time` are replaced by functions that make the system call and then add
//! `offset + (t - base) * rate` to `CLOCK_REALTIME` and `CLOCK_REALTIME_COARSE`; other clocks pass through. Only the way into
//! each function is overwritten, with a jump: a thread that is anywhere else in the old one returns from it as if nothing
//! had happened.
//!
//! # Changing the parameters of a process that runs
//! The parameters have two slots and a turn, one byte, whose lowest bit names the slot in use. A writer fills the other slot
//! and then advances the turn, each a write of its own; a reader takes the turn, the slot, and the turn again, and starts over
//! if it has moved. So nothing has to be stopped for a change, no reader ever sees halves of two, and a writer that dies
//! midway leaves what was in force. (Lamport, "Concurrent reading and writing", CACM 20(11), 1977, has the idea.)
//!
//! # Layout of the state
//! | at | what |
//! |---|---|
//! | 0 | [`MARK`] |
//! | 8 | the turn |
//! | 16 | the name of whoever holds this clock, 47 bytes at most, then zeros |
//! | 64, 88 | the slots: offset, base (both ns), rate (in 2⁻³²) |

mod aarch64;
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(super) use aarch64::{MACHINE, detour, shim};
#[cfg(target_arch = "x86_64")]
pub(super) use x86_64::{MACHINE, detour, shim};

use super::skew::Skew;

/// What a state begins with.
pub(super) const MARK: [u8; 8] = *b"schism\0\x01";
/// How long it is.
pub(super) const STATE: usize = 112;
/// Where the turn is.
pub(super) const TURN: usize = 8;
const NAME: std::ops::Range<usize> = 16..64;
const SLOT: usize = 24;

/// The code of this architecture.
pub(super) struct Shim {
    /// All of it; the last [`STATE`] bytes are its state.
    pub(super) code: &'static [u8],
    /// What it replaces: the name in the vDSO, and where the replacement is.
    pub(super) functions: Vec<(&'static str, usize)>,
}

impl Shim {
    /// Where the state is.
    pub(super) fn state(&self) -> usize {
        self.code.len() - STATE
    }
}

/// Where the slot that is used at this turn begins.
pub(super) fn slot(turn: u8) -> usize {
    NAME.end + usize::from(turn & 1) * SLOT
}

/// What a state says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub(super) turn: u8,
    /// Who holds this clock.
    pub(super) name: String,
    pub(super) skew: Skew,
}

impl State {
    /// `None` if these bytes are no state of ours.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < STATE || !bytes.starts_with(&MARK) {
            return None;
        }
        let turn = bytes[TURN];
        let at = slot(turn);
        let name = &bytes[NAME];
        let end = name.iter().position(|byte| *byte == 0)?;
        Some(Self {
            turn,
            name: String::from_utf8(name[..end].to_vec()).ok()?,
            skew: Skew::from_bytes(bytes[at..at + SLOT].try_into().ok()?),
        })
    }

    /// The bytes of a state that is new to its process.
    pub(super) fn encode(&self) -> [u8; STATE] {
        let mut bytes = [0; STATE];
        bytes[..MARK.len()].copy_from_slice(&MARK);
        bytes[TURN] = self.turn;
        let name = self.name.as_bytes();
        let kept = name.len().min(NAME.len() - 1);
        bytes[NAME.start..NAME.start + kept].copy_from_slice(&name[..kept]);
        let at = slot(self.turn);
        bytes[at..at + SLOT].copy_from_slice(&self.skew.to_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_it_was_written() {
        for turn in [0, 1, 254, 255] {
            let state = State {
                turn,
                name: "f3-n1".into(),
                skew: Skew {
                    offset: -7,
                    base: 11,
                    rate: 13,
                },
            };
            assert_eq!(State::decode(&state.encode()), Some(state));
        }
    }

    #[test]
    fn the_bytes_of_others_are_no_state() {
        assert_eq!(State::decode(&[0; STATE]), None);
        assert_eq!(State::decode(&MARK), None);
    }
}
