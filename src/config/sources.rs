//! What was said on the command line about where a configuration comes from, and the layers that follow.
//!
//! From the bottom: built-in defaults, the file, the entry of `cases`, the profile, variables, flags.

use std::path::{Path, PathBuf};

use serde_yaml::Value;

use super::{Config, DEFAULT_FILE, Layers};
use crate::{args::RunArgs, exit::Failure, registry};

/// Where a configuration comes from.
pub(crate) struct Sources<'a> {
    args: &'a RunArgs,
    /// The configuration file, if there is one.
    pub(crate) file: Option<PathBuf>,
    target: Option<&'a str>,
    /// What is left of the command line: names of cases.
    pub(crate) names: &'a [String],
}

/// An entry of `cases`.
#[derive(Clone, Copy)]
pub(crate) struct EntryOf<'a> {
    /// Its number, from 1.
    pub(crate) number: usize,
    /// What it says.
    pub(crate) said: &'a Value,
}

impl<'a> Sources<'a> {
    /// The first word is a file or a target; if it is neither, it and all others are names of cases, provided that there is
    /// a file to have them.
    pub(crate) fn of(args: &'a RunArgs) -> Result<Self, Failure> {
        let usual = Some(PathBuf::from(DEFAULT_FILE)).filter(|f| f.exists());
        let (file, target, names) = match args.what.split_first() {
            None => (usual, None, &args.what[..]),
            Some((first, rest)) if registry::is_adapter(first) => {
                (None, Some(first.as_str()), rest)
            }
            Some((first, rest)) if is_file(first) => (Some(PathBuf::from(first)), None, rest),
            Some((first, rest)) if registry::find(first).is_some() || usual.is_none() => {
                (None, Some(first.as_str()), rest)
            }
            Some(_) => (usual, None, &args.what[..]),
        };
        if let (Some(target), [name, ..]) = (target, names) {
            return Err(Failure::usage(format!(
                "{name}: a target is run alone; cases are named in a configuration file, before them or in ./{DEFAULT_FILE} \
                 ({target} was taken for a target)"
            )));
        }
        Ok(Self {
            args,
            file,
            target,
            names,
        })
    }

    /// All layers, with this entry of `cases` among them.
    pub(crate) fn layers(&self, case: Option<EntryOf<'_>>) -> Result<Layers, Failure> {
        let mut layers = Layers::defaults();
        if let Some(file) = &self.file {
            layers.add_file(file)?;
        }
        if let Some(case) = case {
            layers.add_case(case)?;
        }
        if let Some(profile) = &self.args.campaign.profile {
            layers.add_profile(profile)?;
        }
        layers.add_environment(std::env::vars())?;
        layers.add_flags(self.args, self.target)?;
        Ok(layers)
    }

    /// The configuration without its cases.
    pub(crate) fn config(&self) -> Result<(Config, Layers), Failure> {
        let layers = self.layers(None)?;
        Ok((Config::of(&layers)?, layers))
    }
}

fn is_file(what: &str) -> bool {
    let path = Path::new(what);
    // A name of a case has a slash, too, and often a star.
    let looks_like_one = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
    looks_like_one
        || (path.is_file() && registry::find(what).is_none())
        || (what.contains('/') && !Path::new(DEFAULT_FILE).exists())
}
