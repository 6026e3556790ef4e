//! What `schism run` is told about running many.

use clap::Args;

/// Which cases, how often, for how long.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Cases")]
pub(crate) struct CampaignArgs {
    /// Only the cases of which this is true: 'workload(register) & fault(partition*)'; with !, | and parentheses, too.
    #[arg(short = 'E', long = "expr", value_name = "EXPR")]
    pub(crate) expr: Option<String>,
    /// Lay this profile of the configuration over it.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Run nothing: print the cases that would be run, with their seeds.
    #[arg(long, visible_alias = "list-cases")]
    pub(crate) dry_run: bool,
    /// Only the I-th of N parts; each case is in one of them, the same one every time.
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<String>,
    /// Run each case so often, each time from another seed.
    #[arg(long, value_name = "N")]
    pub(crate) repeat: Option<u32>,
    /// Run the cases again and again until there is a violation; no more than --repeat times, if that is given.
    #[arg(long)]
    pub(crate) until_fail: bool,
    /// Start no case that would not end within this time; those with an open finding come first, then those that were run
    /// longest ago.
    #[arg(long, value_name = "TIME")]
    pub(crate) budget: Option<String>,
    /// Run a case again, so often, where not the target but the way to it broke.
    #[arg(long, value_name = "N")]
    pub(crate) retry_errors: Option<u32>,
    /// Run so many cases at once; only where each has a cluster of its own: embedded, or --lab N.
    #[arg(long, short, value_name = "N")]
    pub(crate) jobs: Option<u32>,
    /// Go on with a campaign: its id, the beginning of it, or latest. Cases with a verdict are not run again.
    #[arg(
        long,
        value_name = "SUITE",
        conflicts_with_all = ["what", "expr", "profile", "shard", "repeat", "until_fail", "seed"]
    )]
    pub(crate) resume: Option<String>,
}

/// The hidden `schism case`: one case of a suite, as `schism run` starts it.
#[derive(Debug, Args)]
pub(crate) struct CaseArgs {
    /// The suite's file.
    pub(crate) suite: std::path::PathBuf,
    /// The case's place in it.
    pub(crate) number: usize,
    /// The process that this one ends with.
    #[arg(long)]
    pub(crate) parent: u32,
    /// As for `schism run`.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) progress: super::Progress,
    /// As for `schism run`.
    #[arg(long)]
    pub(crate) strict_baseline: bool,
    /// As for `schism run`.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) on_unknown: super::OnUnknown,
    /// As for `schism run`.
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// As for `schism run`.
    #[arg(long, short, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}
