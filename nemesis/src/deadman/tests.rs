//! The timer itself, as a process of this machine.
