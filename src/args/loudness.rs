//! What `-q`, `-v` and `-vv` ask for.

/// How much people are told while a run goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Loudness {
    /// Findings and the last line.
    Quiet,
    /// What happens.
    #[default]
    Usual,
    /// Phases that stay, and what adapters complain of.
    Verbose,
    /// Every call, too.
    Everything,
}

impl Loudness {
    /// As the flags want it.
    pub(crate) fn of(quiet: bool, verbose: u8) -> Self {
        match (quiet, verbose) {
            (true, _) => Self::Quiet,
            (false, 0) => Self::Usual,
            (false, 1) => Self::Verbose,
            (false, _) => Self::Everything,
        }
    }

    /// The flag that wants it.
    pub(crate) fn flag(self) -> Option<&'static str> {
        match self {
            Self::Quiet => Some("--quiet"),
            Self::Usual => None,
            Self::Verbose => Some("-v"),
            Self::Everything => Some("-vv"),
        }
    }
}
