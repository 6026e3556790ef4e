//! `schism config show`: what would be run, and who said so.

use crate::{
    args::{ConfigCommand, RunArgs},
    config::Config,
    exit::{Exit, Failure},
    terminal::Terminal,
};

/// Shows.
pub(crate) fn config(command: &ConfigCommand, terminal: &Terminal) -> Result<Exit, Failure> {
    let ConfigCommand::Show { what, origin } = command;
    let said = RunArgs {
        what: what.iter().cloned().collect(),
        ..RunArgs::default()
    };
    let (config, layers) = Config::resolve(&said)?;
    let seed = match config.run.seed {
        crate::config::SeedChoice::Fixed(seed) => super::run::seed_text(seed),
        crate::config::SeedChoice::Random => "random".to_owned(),
    };
    terminal.print(&match origin {
        true => layers.to_yaml_with_origins(&seed),
        false => layers.to_yaml(&seed),
    });
    Ok(Exit::Pass)
}
