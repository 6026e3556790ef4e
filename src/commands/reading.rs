//! What the options of `check`, `export` and `import` say of how to read a file.

use history::foreign::{Keys, Nil};

use crate::{
    args::{KeysAre, NilMeans, ReadingArgs},
    exit::Failure,
    subject::{self, Reading, Subject},
};

impl ReadingArgs {
    /// The kind of history that was named.
    pub(crate) fn subject(&self) -> Result<Option<&'static Subject>, Failure> {
        self.workload.as_deref().map(subject::named).transpose()
    }

    /// What was said of how to read it.
    pub(crate) fn told(&self) -> Reading {
        Reading {
            initial: self.initial,
            nil: self.nil.map(|nil| match nil {
                NilMeans::Unknown => Nil::Unknown,
                NilMeans::Value => Nil::Absent,
            }),
            keys: self.keys.map(|keys| match keys {
                KeysAre::Pairs => Keys::InValue,
                KeysAre::None => Keys::InField,
            }),
        }
    }

    /// One of the options that were given, if any was.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let options = [
            ("--workload", self.workload.is_some()),
            ("--initial", self.initial.is_some()),
            ("--nil", self.nil.is_some()),
            ("--keys", self.keys.is_some()),
        ];
        let given = options.into_iter().find(|(_, given)| *given);
        given.map(|(option, _)| option)
    }
}
