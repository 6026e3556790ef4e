//! How the program ends. Stable: scripts and CI depend on these numbers.

use std::process::ExitCode;

use serde::Serialize;

/// An exit code with its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Exit {
    /// No violation found.
    Pass,
    /// At least one violation.
    Fail,
    /// Bad arguments or configuration; nothing ran.
    Usage,
    /// No violation, and not enough evidence to pass.
    Unknown,
    /// No case is what was asked for; nothing ran.
    NothingSelected,
    /// The baseline is out of date, and that was asked for.
    Drift,
    /// The harness could not reach, prepare or heal the cluster.
    Infrastructure,
    /// A bug of ours.
    Bug,
    /// Stopped by Ctrl-C, after healing and checking what existed.
    Interrupted,
    /// Stopped by SIGTERM, likewise.
    Terminated,
}

impl Exit {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Usage => 2,
            Self::Unknown => 3,
            Self::Infrastructure => 4,
            Self::NothingSelected => 5,
            Self::Drift => 6,
            Self::Bug => 70,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// Of several, the one to end with: a violation is never masked, then comes what is broken, then what is unclear.
    pub(crate) fn worst(self, other: Self) -> Self {
        const ORDER: [Exit; 10] = [
            Exit::Fail,
            Exit::Bug,
            Exit::Usage,
            Exit::NothingSelected,
            Exit::Infrastructure,
            Exit::Interrupted,
            Exit::Terminated,
            Exit::Unknown,
            Exit::Drift,
            Exit::Pass,
        ];
        let rank = |e: Self| ORDER.iter().position(|o| *o == e);
        if rank(self) <= rank(other) {
            self
        } else {
            other
        }
    }

    /// Whether somebody wanted it to end.
    pub(crate) fn is_interrupt(self) -> bool {
        matches!(self, Self::Interrupted | Self::Terminated)
    }

    /// What it is called where something broke.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Bug => "bug",
            Self::Interrupted | Self::Terminated => "interrupted",
            _ => "infrastructure",
        }
    }

    /// Of the exit code of a run among others: anything that is no code of a run is a bug, as a death by a signal is, and
    /// what the target refused is for those who provide it to look at.
    pub(crate) fn of_case(code: u8) -> Self {
        match code {
            0 => Self::Pass,
            1 => Self::Fail,
            3 => Self::Unknown,
            2 | 4 => Self::Infrastructure,
            6 => Self::Drift,
            130 => Self::Interrupted,
            143 => Self::Terminated,
            _ => Self::Bug,
        }
    }

    /// Of a verdict's word.
    pub(crate) fn of_verdict(word: &str) -> Self {
        match word {
            "pass" => Self::Pass,
            "fail" => Self::Fail,
            "unknown" => Self::Unknown,
            _ => Self::Infrastructure,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The table for `--help`.
pub(crate) const TABLE: &str = "\
Exit codes:
    0  pass: no violation found, or only such as the baseline knows
    1  fail: at least one violation, whatever else happened
    2  usage or configuration error; nothing ran
    3  unknown: no violation, but not enough evidence to pass
    4  infrastructure: a node, the cluster or the harness's access to it broke
    5  no case is what was asked for; nothing ran
    6  the baseline is out of date (with --strict-baseline)
   70  a bug in schism; what is known of it was written to a file
  130  interrupted by Ctrl-C, after healing and checking what was recorded
  143  the same by SIGTERM
Of several: 1 before 70, 4, 3, 6, 0. A violation is never masked; an interrupted run keeps 130 or 143, and its verdict.";

/// Why a command could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    /// What it means for the exit code.
    pub(crate) exit: Exit,
    /// What went wrong, where, and what to do.
    pub(crate) message: String,
}

impl Failure {
    /// Bad arguments or configuration.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            message: message.into(),
        }
    }
    /// Something outside of schism broke.
    pub(crate) fn infrastructure(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Infrastructure,
            message: message.into(),
        }
    }
}

macro_rules! infrastructure {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::infrastructure(error.to_string())
            }
        }
    )*};
}

infrastructure!(
    control::Error,
    lab::LabError,
    nemesis::LedgerError,
    runner::RunError,
    runner::SinkError
);

impl From<runner::store::Error> for Failure {
    fn from(error: runner::store::Error) -> Self {
        use runner::store::Error;
        match error {
            Error::Io { .. } => Self::infrastructure(error.to_string()),
            // A run that is not there, or could be any of several: somebody mistyped.
            _ => Self::usage(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_is_never_masked_and_a_pass_masks_nothing() {
        for other in [
            Exit::Pass,
            Exit::Unknown,
            Exit::Drift,
            Exit::Infrastructure,
            Exit::Bug,
            Exit::Interrupted,
            Exit::Terminated,
        ] {
            assert_eq!(Exit::Fail.worst(other), Exit::Fail);
            assert_eq!(other.worst(Exit::Fail), Exit::Fail);
            assert_eq!(other.worst(Exit::Pass), other);
        }
        assert_eq!(
            Exit::Unknown.worst(Exit::Infrastructure),
            Exit::Infrastructure
        );
        assert_eq!(Exit::Infrastructure.worst(Exit::Bug), Exit::Bug);
        assert_eq!(Exit::Unknown.worst(Exit::Drift), Exit::Unknown);
    }
}
