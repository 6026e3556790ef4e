//! What was typed. Parsing only: what it means is decided in `config.rs` and in the commands.

mod campaign;
mod loudness;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::ArgValueCompleter;

pub(crate) use self::{
    campaign::{CampaignArgs, CaseArgs},
    loudness::Loudness,
};
use crate::{
    ci::CiChoice,
    commands::completions::{self, Shell},
    exit,
    subject::Initial,
};

/// Finds out whether a distributed system keeps its promises when things go wrong.
#[derive(Debug, Parser)]
#[command(name = "schism", version, about, after_help = exit::TABLE, propagate_version = true)]
pub(crate) struct Cli {
    /// Where runs are kept.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "runs",
        env = "SCHISM_RUNS"
    )]
    pub(crate) runs: PathBuf,
    /// The findings that are known.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = crate::baseline::DEFAULT_FILE
    )]
    pub(crate) baseline: PathBuf,
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = When::Auto)]
    pub(crate) color: When,
    /// Use ASCII glyphs only.
    #[arg(long, global = true)]
    pub(crate) ascii: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Colour, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// Where a terminal shows it.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what schism does, on a built-in five-node store: no root, no database, 20 seconds.
    Demo(DemoArgs),
    /// Run a workload against a cluster while faults are injected, and judge what was recorded.
    Run(Box<RunArgs>),
    /// Judge a recorded history again: a run, or a history file.
    Check(CheckArgs),
    /// Say what a code means, whichever output printed it: stale-read, G1a, coverage/no-faults, timeout.
    Explain(ExplainArgs),
    /// Write a history in another notation: Jepsen's EDN, or our own journal.
    Export(ExportArgs),
    /// Write a history of another program as a journal of ours.
    Import(ImportArgs),
    /// A local cluster of namespaces with sshd (needs root).
    Lab(LabArgs),
    /// Make a folder for a database of yours: its adapter, schism.yaml, a nightly workflow.
    New(NewArgs),
    /// Try the adapter of a database of yours: one call, or whether it tells the truth.
    Adapter {
        /// What to do.
        #[command(subcommand)]
        command: AdapterCommand,
    },
    /// Undo every fault that a killed run left on its cluster.
    Heal(HealArgs),
    /// Say what is missing on this machine, or on a target's nodes, and how to get it.
    Doctor(DoctorArgs),
    /// List runs, newest first; or faults, and which of them a target can take; cases, workloads, checkers, adapters.
    List(ListArgs),
    /// Show a run's result, one of its findings, or one of its calls.
    Show(ShowArgs),
    /// Repeat a run with the faults that it recorded, and say how often it shows the same violation.
    Repro(ReproArgs),
    /// Find the fewest faults, keys, clients and calls with which a run still shows its violation.
    Shrink(ShrinkArgs),
    /// Write the pages of runs anew: report.html, summary.md, junit.xml. Nothing is judged.
    Report(ReportArgs),
    /// Write the page over all runs anew: cases, findings and how often each was seen.
    Index(IndexArgs),
    /// Show the folder of runs in a browser: all runs, live ones as they go on, windows into large histories, downloads.
    Serve(ServeArgs),
    /// Say what differs between two runs: findings, latency, throughput, by more than noise.
    Compare(CompareArgs),
    /// Delete old runs; what they found stays in the index.
    Gc(GcArgs),
    /// Accept a finding for now: a run that shows nothing else exits with 0.
    Accept(AcceptArgs),
    /// Join the runs of several machines, as if one had made them all.
    Merge(MergeArgs),
    /// Show what would be run, all values resolved.
    Config {
        /// What to do.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print a completion script for a shell; it completes runs, too: source <(schism completions bash)
    Completions {
        /// Which.
        shell: Shell,
    },
    /// Print the manual, for man -l, or write all its pages to a folder.
    Man(ManArgs),
    /// Print the JSON Schema of what machines read: events, verdict, finding, index, suite.
    Schema(SchemaArgs),
    /// What schism runs of itself on nodes.
    #[command(hide = true)]
    Node(NodeArgs),
    /// What schism runs of itself for each case of a campaign.
    #[command(hide = true)]
    Case(CaseArgs),
}

/// `schism demo`
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// How long each of the two runs lasts.
    #[arg(long, default_value = "7s", value_name = "TIME")]
    pub(crate) time: String,
    /// Replay the decisions of an earlier demo.
    #[arg(long, value_name = "SEED")]
    pub(crate) seed: Option<String>,
}

/// `schism run`
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "\
Examples:
    schism run                                          the built-in store, or ./schism.yaml if there is one
    schism run embedded --mode quorum --read-quorum 1 --write-quorum 1 --faults partition
    sudo schism run etcd --lab 5 --faults partition,kill,pause --time 60s
    schism run etcd --node db1.example --node db2.example --node db3.example --ssh-user admin --faults kill
    sudo schism run ./mydb.http.yaml --lab 3            a database of yours: schism man adapter.yaml
    schism run nightly.yaml --seed 0x5eed1a7c
    schism run nightly.yaml -E 'workload(register) & !fault(kill)' --shard 2/4 --budget 5h
    schism run nightly.yaml 'register-*/partition' --until-fail
    schism run --resume latest")]
pub(crate) struct RunArgs {
    /// A configuration file, the name of a target, embedded or etcd, or the file of an adapter. Default: ./schism.yaml, else
    /// embedded. Then names of its cases, CASE or CASE/FAULTS, with * and ?. Default: all.
    #[arg(value_name = "FILE|TARGET|CASE", add = ArgValueCompleter::new(completions::to_run))]
    pub(crate) what: Vec<String>,
    #[command(flatten)]
    pub(crate) campaign: CampaignArgs,

    /// Build a local cluster of N nodes for this run (needs root), or use the lab of this name.
    #[arg(
        long,
        value_name = "N|NAME",
        help_heading = "Cluster",
        conflicts_with = "node"
    )]
    pub(crate) lab: Option<String>,
    /// A node: [NAME=][USER@]HOST[:PORT]. Repeat for each.
    #[arg(long, value_name = "NODE", help_heading = "Cluster")]
    pub(crate) node: Vec<String>,
    /// Log in as.
    #[arg(long, value_name = "USER", help_heading = "Cluster")]
    pub(crate) ssh_user: Option<String>,
    /// Private key to log in with; otherwise the agent's keys and ~/.ssh/id_* are tried.
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub(crate) ssh_key: Option<PathBuf>,
    /// Host keys to trust. Default: ~/.ssh/known_hosts.
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub(crate) known_hosts: Option<PathBuf>,

    /// How the embedded store replicates.
    #[arg(long, value_name = "consensus|quorum", help_heading = "Target")]
    pub(crate) mode: Option<String>,
    /// Answers that a read of the embedded store in quorum mode waits for.
    #[arg(long, value_name = "R", help_heading = "Target")]
    pub(crate) read_quorum: Option<u8>,
    /// Acknowledgements that a write of the embedded store in quorum mode waits for.
    #[arg(long, value_name = "W", help_heading = "Target")]
    pub(crate) write_quorum: Option<u8>,
    /// Let etcd answer reads from a member's own state (documented to be stale).
    #[arg(long, help_heading = "Target")]
    pub(crate) serializable: bool,
    /// Nodes of the embedded store.
    #[arg(long, value_name = "N", help_heading = "Target")]
    pub(crate) nodes: Option<u8>,
    /// Where a node of an adapter's database serves that others run. Repeat for each. Default: localhost, and the adapter's
    /// port.
    #[arg(long, value_name = "HOST:PORT", help_heading = "Target")]
    pub(crate) at: Vec<String>,

    /// Independent keys.
    #[arg(long, value_name = "N", help_heading = "Workload")]
    pub(crate) keys: Option<u32>,
    /// Values written to a key: all distinct (faster and sharper to judge), or of a few.
    #[arg(long, value_name = "distinct|small", help_heading = "Workload")]
    pub(crate) values: Option<String>,
    /// Calls to start per second: 1000/s.
    #[arg(long, value_name = "RATE", help_heading = "Workload")]
    pub(crate) rate: Option<String>,
    /// Clients: a number, or `4n` for four a node.
    #[arg(long, value_name = "N|Nn", help_heading = "Workload")]
    pub(crate) concurrency: Option<String>,
    /// How long clients and faults run.
    #[arg(long, value_name = "TIME", help_heading = "Workload")]
    pub(crate) time: Option<String>,
    /// How long a call may take before its outcome counts as unknown.
    #[arg(long, value_name = "TIME", help_heading = "Workload")]
    pub(crate) op_timeout: Option<String>,
    /// Stop the clients at the first violation that shows while they run; then heal, and read once more.
    #[arg(long, help_heading = "Workload")]
    pub(crate) fail_fast: bool,
    /// Replay the decisions of an earlier run.
    #[arg(long, value_name = "SEED", help_heading = "Workload")]
    pub(crate) seed: Option<String>,

    /// Faults, separated by commas, such as partition,kill@leader; or all; or none. `schism list faults` tells them.
    #[arg(long, value_name = "FAULTS", help_heading = "Faults", add = ArgValueCompleter::new(completions::faults))]
    pub(crate) faults: Option<String>,
    /// In what order they come; a configuration file can say much more.
    #[arg(
        long,
        value_name = "overlapping|one-at-a-time|mix",
        help_heading = "Faults"
    )]
    pub(crate) schedule: Option<String>,
    /// Let partitions cut off our clients, too.
    #[arg(long, help_heading = "Faults")]
    pub(crate) cut_clients: bool,

    /// How to end where no violation was found and there was not enough evidence to pass: with 3, with 0 and a warning, or
    /// with 0.
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "fail|warn|pass",
        help_heading = "Output"
    )]
    pub(crate) on_unknown: OnUnknown,
    /// Speak to a CI service: annotations, step summary and outputs of GitHub Actions; auto looks for GITHUB_ACTIONS. Others
    /// read junit.xml and summary.md in the run's directory.
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "auto|github|none",
        help_heading = "Output"
    )]
    pub(crate) ci: CiChoice,
    /// Events as JSON lines on standard output; the last is always the verdict.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    /// How to show progress.
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub(crate) progress: Progress,
    /// End with 6 where a known finding of the case has expired or is not seen any more.
    #[arg(long, help_heading = "Output")]
    pub(crate) strict_baseline: bool,
    /// Only findings and the last line.
    #[arg(long, short, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// Keep phases in sight, and tell what the program of an adapter complains of; twice: every call as it ends.
    #[arg(
        long,
        short,
        action = clap::ArgAction::Count,
        conflicts_with = "quiet",
        help_heading = "Output"
    )]
    pub(crate) verbose: u8,
}

/// `schism new`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
    schism new mydb --http http://localhost:7000
    schism new mydb --stdio 'python3 /home/me/adapter.py' --at localhost:7000")]
#[command(group(clap::ArgGroup::new("how").required(true).args(["http", "stdio"])))]
pub(crate) struct NewArgs {
    /// Its name, and the folder: small letters, digits and hyphens. It must not be there yet.
    pub(crate) name: String,
    /// It is asked over HTTP, at this address.
    #[arg(long, value_name = "URL", conflicts_with = "at")]
    pub(crate) http: Option<String>,
    /// This program asks it, and speaks JSON Lines.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) stdio: Option<String>,
    /// Where it serves. Default: localhost:7000.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) at: Option<String>,
}

/// `schism adapter`
#[derive(Debug, Subcommand)]
pub(crate) enum AdapterCommand {
    /// Whether its verdicts would count: twelve checks, among them what it says of calls whose answer was lost.
    #[command(after_help = "\
Examples:
    schism adapter test ./mydb.http.yaml                       with a node that the file's `launch` starts, or at localhost
    schism adapter test ./mydb.yaml --at db1.example:7000      with a node that runs; keys above 2^30 are written
Ends with 0 if verdicts on this adapter count, with 1 if they do not, with 4 if there is no node.")]
    Test(AdapterTestArgs),
    /// One call: the request, the answer, the outcome, and the rule that chose it.
    #[command(after_help = "\
Examples:
    schism adapter try ./mydb.http.yaml read key=1
    schism adapter try ./mydb.http.yaml write key=1 value=93
    schism adapter try ./mydb.http.yaml cas key=1 from=93 to=94 --at localhost:7000")]
    Try(AdapterTryArgs),
}

/// `schism adapter test`
#[derive(Debug, Args)]
pub(crate) struct AdapterTestArgs {
    /// The adapter's file.
    pub(crate) file: PathBuf,
    /// A node that runs. Default: one that is started as the file says, or localhost and the file's port.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) at: Option<String>,
    /// How long a call may take before its outcome counts as unknown.
    #[arg(long, value_name = "TIME", default_value = "5s")]
    pub(crate) op_timeout: String,
    /// The checks as JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `schism adapter try`
#[derive(Debug, Args)]
pub(crate) struct AdapterTryArgs {
    /// The adapter's file.
    pub(crate) file: PathBuf,
    /// read, write or cas.
    #[arg(value_name = "CALL")]
    pub(crate) call: String,
    /// What it is about: key=1, value=93, from=93, to=94.
    #[arg(value_name = "NAME=NUMBER")]
    pub(crate) with: Vec<String>,
    /// A node that runs. Default: localhost and the file's port.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) at: Option<String>,
}

/// How to show progress.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Progress {
    /// Live on a terminal, lines elsewhere.
    #[default]
    Auto,
    /// A block that is redrawn.
    Live,
    /// A line now and then.
    Lines,
    /// Nothing.
    None,
}

impl Progress {
    /// As it is written.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Live => "live",
            Self::Lines => "lines",
            Self::None => "none",
        }
    }
}

/// `schism check`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
    schism check latest                                          a run, as it was judged when it ended
    schism check history.edn                                     says what it takes the file for, and why
    schism check a.edn b.edn --workload list-append --expect snapshot-isolation
    schism check etcd.log --model cas-register --initial nil --nil value")]
pub(crate) struct CheckArgs {
    /// Runs (id, unique prefix, path, latest, latest-fail, -1, -2 …) or history files: ours, Jepsen's EDN, its log, JSON,
    /// Plume's text.
    #[arg(required = true, allow_negative_numbers = true, add = ArgValueCompleter::new(completions::runs))]
    pub(crate) what: Vec<String>,
    /// Judge linearizability by this model; auto looks at the files.
    #[arg(
        long,
        value_name = "MODEL",
        conflicts_with = "workload",
        help_heading = "Files"
    )]
    pub(crate) model: Option<String>,
    /// What the system promises: linearizable, serializable, snapshot-isolation, exactly-once …
    #[arg(long, value_name = "LEVEL", help_heading = "Files")]
    pub(crate) expect: Option<String>,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    /// Show this finding, every call of its proof.
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "json",
        help_heading = "Output"
    )]
    pub(crate) finding: Option<usize>,
    /// Write the calls of that finding alone, and judge them: they must show it, too.
    #[arg(
        long,
        value_name = "FILE",
        requires = "finding",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "minimal.jsonl",
        help_heading = "Output"
    )]
    pub(crate) minimal: Option<PathBuf>,
    /// If it is linearizable, write the order of calls that proves it to FILE.cert.json.
    #[arg(long, help_heading = "Output")]
    pub(crate) certify: bool,
    /// Do not judge, but replay the order in a certificate.
    #[arg(
        long,
        value_name = "CERT",
        conflicts_with_all = ["certify", "finding", "json"],
        help_heading = "Output"
    )]
    pub(crate) verify: Option<PathBuf>,
    /// How to end where no violation was found and there was not enough evidence to pass: with 3, with 0 and a warning, or
    /// with 0.
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "fail|warn|pass",
        help_heading = "Output"
    )]
    pub(crate) on_unknown: OnUnknown,
    /// JSON on standard output: an object for one, a line each and a last line for several.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

/// How to read a history file.
#[derive(Debug, Args)]
#[command(next_help_heading = "Files")]
pub(crate) struct ReadingArgs {
    /// What the files are histories of; without it, they are looked at.
    #[arg(long, value_name = "WORKLOAD")]
    pub(crate) workload: Option<String>,
    /// What registers hold at first; without it, what is sound for the notation.
    #[arg(long, value_name = "nil|unknown|VALUE", allow_negative_numbers = true)]
    pub(crate) initial: Option<Initial>,
    /// What a read of nil says: nothing, or that there is nothing.
    #[arg(long, value_enum, value_name = "unknown|value")]
    pub(crate) nil: Option<NilMeans>,
    /// Whether values are pairs of a key and a value; without it, the files are looked at.
    #[arg(long, value_enum, value_name = "pairs|none")]
    pub(crate) keys: Option<KeysAre>,
}

/// How to end where nothing can be concluded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnUnknown {
    /// With 3.
    #[default]
    Fail,
    /// With 0, and a warning.
    Warn,
    /// With 0.
    Pass,
}

impl OnUnknown {
    /// As it is written.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Pass => "pass",
        }
    }
}

/// Where the values of others have keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeysAre {
    /// In values, which are pairs of a key and a value.
    Pairs,
    /// Not in values.
    None,
}

/// What a read of nil says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NilMeans {
    /// Nobody knows what was read.
    Unknown,
    /// There was nothing.
    Value,
}

/// `schism export`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
    schism export latest -o history.edn
    schism export etcd.log --to journal -o history.jsonl")]
pub(crate) struct ExportArgs {
    /// A run, or a history file in any notation.
    #[arg(default_value = "latest", allow_negative_numbers = true, add = ArgValueCompleter::new(completions::runs))]
    pub(crate) what: String,
    /// In which notation: Jepsen's EDN, or ours.
    #[arg(long, value_enum, default_value_t, value_name = "edn|journal")]
    pub(crate) to: ExportTo,
    /// Where to; without it, standard output.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// Notations that we write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportTo {
    /// Jepsen's EDN, an op a line.
    #[default]
    Edn,
    /// Our own journal, JSON Lines.
    Journal,
}

/// `schism import`
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A history file: Jepsen's EDN, its log, JSON.
    pub(crate) file: String,
    /// Where to; without it, standard output.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// `schism explain`
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The code; without one, all are listed.
    pub(crate) code: Option<String>,
}

/// `schism lab`
#[derive(Debug, Args)]
pub(crate) struct LabArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub(crate) command: LabCommand,
}

/// The commands of `schism lab`.
#[derive(Debug, Subcommand)]
pub(crate) enum LabCommand {
    /// Create a lab that lives until `schism lab down`.
    Up {
        /// Its nodes, n1 to nN.
        #[arg(short, long, default_value_t = 5, value_name = "N")]
        nodes: u8,
        /// Its name.
        #[arg(long, default_value = "default", value_name = "NAME")]
        name: String,
        /// Keep the nodes' files in memory: faster, and fsync costs nothing.
        #[arg(long)]
        tmpfs: bool,
    },
    /// Destroy a lab, leaving nothing.
    Down {
        /// Its name.
        #[arg(long, default_value = "default", value_name = "NAME")]
        name: String,
    },
    /// Say how its nodes are.
    Status {
        /// Its name.
        #[arg(long, default_value = "default", value_name = "NAME")]
        name: String,
    },
    /// Log in to a node, or run a command there.
    Ssh {
        /// The lab's name.
        #[arg(long, default_value = "default", value_name = "NAME")]
        name: String,
        /// The node: n1.
        node: String,
        /// The command; without one, a shell.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
}

/// `schism heal`
#[derive(Debug, Args)]
pub(crate) struct HealArgs {
    /// Which run; without one, every run that was left unhealed.
    #[arg(allow_hyphen_values = true, add = ArgValueCompleter::new(completions::runs))]
    pub(crate) run: Option<String>,
}

/// `schism doctor`
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// A configuration file or a target, as for `schism run`; without one, this machine is looked at.
    pub(crate) what: Option<String>,
    /// A node: [NAME=][USER@]HOST[:PORT]. Repeat for each.
    #[arg(long, value_name = "NODE")]
    pub(crate) node: Vec<String>,
    /// Log in as.
    #[arg(long, value_name = "USER")]
    pub(crate) ssh_user: Option<String>,
    /// Private key to log in with.
    #[arg(long, value_name = "FILE")]
    pub(crate) ssh_key: Option<PathBuf>,
    /// Host keys to trust.
    #[arg(long, value_name = "FILE")]
    pub(crate) known_hosts: Option<PathBuf>,
}

/// `schism list`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
    schism list
    schism list --verdict fail --case 'register-*/partition*' --since 7d
    schism list faults
    schism list faults embedded
    sudo schism list faults etcd --lab 3
    schism list cases                       of ./schism.yaml
    schism list cases nightly.yaml
    schism list checkers")]
pub(crate) struct ListArgs {
    /// What to list.
    #[arg(value_enum, default_value_t)]
    pub(crate) what: Listed,
    /// For faults: the target, or a configuration file, that is looked at for which of them it can take. For cases: the
    /// configuration file that has them; without one, ./schism.yaml.
    pub(crate) target: Option<String>,
    /// For faults: a lab of N nodes made for the look, or the one of this name.
    #[arg(long, value_name = "N|NAME", conflicts_with = "node")]
    pub(crate) lab: Option<String>,
    /// For faults: a node: [NAME=][USER@]HOST[:PORT]. Repeat for each.
    #[arg(long, value_name = "NODE")]
    pub(crate) node: Vec<String>,
    /// Log in as.
    #[arg(long, value_name = "USER")]
    pub(crate) ssh_user: Option<String>,
    /// Private key to log in with.
    #[arg(long, value_name = "FILE")]
    pub(crate) ssh_key: Option<PathBuf>,
    /// Host keys to trust.
    #[arg(long, value_name = "FILE")]
    pub(crate) known_hosts: Option<PathBuf>,
    /// Only runs that ended so: pass, fail, unknown, error, interrupted, running.
    #[arg(long, value_name = "WORD")]
    pub(crate) verdict: Option<String>,
    /// Only runs of cases of this name: CASE or CASE/FAULTS, with * and ?.
    #[arg(long, value_name = "NAME")]
    pub(crate) case: Option<String>,
    /// Only runs that were started no longer ago: 7d, 12h.
    #[arg(long, value_name = "TIME", value_parser = age)]
    pub(crate) since: Option<Age>,
    /// JSON on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What can be listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listed {
    /// Runs, newest first.
    #[default]
    Runs,
    /// Faults: what each does, needs, how it is verified and healed.
    Faults,
    /// Cases of a configuration, as `schism run` would choose from.
    Cases,
    /// Workloads: what can be judged, and what of it can be run.
    Workloads,
    /// Checkers: what each decides, and how far its verdicts go.
    Checkers,
    /// Targets that need no file, and what the file of an adapter is.
    Adapters,
}

/// `schism show`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
    schism show                         the newest run
    schism show latest-fail/1           its first finding, every call of the proof
    schism show latest-fail/op/27413    one call, by its number in the proof: when, of which node, under which faults")]
pub(crate) struct ShowArgs {
    /// A run, RUN/1 for its first finding, or RUN/op/N for the call that proofs name by this number.
    #[arg(default_value = "latest", allow_hyphen_values = true, add = ArgValueCompleter::new(completions::runs))]
    pub(crate) what: String,
    /// One JSON object on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The commands of `schism config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the configuration; values that are not defaults with who said so.
    Show {
        /// A configuration file or a target, as for `schism run`.
        what: Option<String>,
        /// Say of every value who said so, file, variable or built-in default.
        #[arg(long)]
        origin: bool,
    },
}

/// `schism merge`
#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// Folders of runs; they are copied from, and stay as they are.
    #[arg(required = true, value_name = "DIR")]
    pub(crate) from: Vec<PathBuf>,
}

/// `schism man`
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The page of this command; schism.yaml for the configuration file.
    #[arg(conflicts_with = "out")]
    pub(crate) command: Option<String>,
    /// Write all pages here.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// `schism schema`
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// Of what; without it, the names.
    pub(crate) name: Option<String>,
}

/// `schism repro`
#[derive(Debug, Args)]
#[command(after_help = "\
Every try is a run of its own, on a fresh cluster, with the run's configuration and seed, and with the faults that it
recorded at the same times, for as long, aimed at the same nodes; a fault that was aimed at the leader is aimed at whoever
leads then. Ends with 1 if the violation was seen again, with 3 if not, which proves nothing.

Examples:
    schism repro latest-fail
    schism repro latest-fail/1 --first                  only the violation of finding 1; the first success is enough
    schism repro shrunk.yaml --class stale-read         what `schism shrink` wrote
    schism repro latest-fail --write again.yaml         no try: write what would be tried as a configuration")]
pub(crate) struct ReproArgs {
    /// A run, RUN/1 for one of its findings, or a configuration file.
    #[arg(allow_hyphen_values = true, add = ArgValueCompleter::new(completions::runs))]
    pub(crate) what: String,
    /// How often to try.
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) tries: u32,
    /// Stop at the first try that shows it.
    #[arg(long)]
    pub(crate) first: bool,
    /// The violation that counts, such as stale-read. Without it, any that the run had; of a file, any at all.
    #[arg(long, value_name = "CODE")]
    pub(crate) class: Option<String>,
    /// Write the configuration with the recorded faults to a file, and stop.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["first", "json"])]
    pub(crate) write: Option<PathBuf>,
    /// One JSON object on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `schism shrink`
#[derive(Debug, Args)]
#[command(after_help = "\
Takes away faults, first those that were not in force when it happened, then halves, then one after the other; then keys
and clients; and repeats the run each time. What shows the violation at least half as often as the whole did is kept.
Last it picks the calls that prove it. Writes the smallest schedule as a configuration for `schism repro` and `schism run`.
Ctrl-C stops, and keeps the smallest found so far. Ends with 1 if there is one, with 3 if not even the whole showed the
violation again.

Examples:
    schism shrink latest-fail
    schism shrink latest-fail/2 --budget 1h --tries 5 -o smallest.yaml")]
pub(crate) struct ShrinkArgs {
    /// A run, RUN/1 for one of its findings, or a configuration file.
    #[arg(allow_hyphen_values = true, add = ArgValueCompleter::new(completions::runs))]
    pub(crate) what: String,
    /// How long it may take.
    #[arg(long, default_value = "10m", value_name = "TIME")]
    pub(crate) budget: String,
    /// How often each smaller schedule is tried.
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) tries: u32,
    /// The violation that counts, such as stale-read. Without it, any that the run had; of a file, any at all.
    #[arg(long, value_name = "CODE")]
    pub(crate) class: Option<String>,
    /// Where to write the smallest schedule. Default: shrunk.yaml in the run's directory, or beside the file.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// `schism compare`
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// A run.
    #[arg(default_value = "-2", allow_hyphen_values = true, add = ArgValueCompleter::new(completions::runs))]
    pub(crate) first: String,
    /// The run that is held against it.
    #[arg(default_value = "-1", allow_hyphen_values = true, add = ArgValueCompleter::new(completions::runs))]
    pub(crate) second: String,
    /// End with 1 where a number is worse by more than this, and by more than noise: 'p99 < +25%'. Repeat for others.
    #[arg(long, value_name = "LIMIT")]
    pub(crate) gate: Vec<String>,
    /// One JSON object on standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `schism gc`
#[derive(Debug, Args)]
pub(crate) struct GcArgs {
    /// Keep the newest so many.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) keep: usize,
    /// Keep runs that found a violation for so long: 30d, 12h.
    #[arg(long, value_name = "TIME", default_value = "365d", value_parser = age)]
    pub(crate) keep_failing: Age,
    /// Only say what would be deleted; so it is without a terminal, unless --yes is given.
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
    /// Delete, whether or not anybody watches.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// How old something may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Age(pub(crate) std::time::Duration);

/// `30d`, `12h`, `90m`, `60s`.
fn age(text: &str) -> Result<Age, String> {
    let units = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];
    let parsed = units.into_iter().find_map(|(unit, seconds)| {
        let n: u64 = text.strip_suffix(unit)?.parse().ok()?;
        n.checked_mul(seconds)
    });
    parsed
        .map(|seconds| Age(std::time::Duration::from_secs(seconds)))
        .ok_or_else(|| "write a number with d, h, m or s: 30d".to_owned())
}

/// `schism accept`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
    schism accept latest-fail/1 --issue https://example.org/issues/7 --expires 2027-01-31
    schism accept 08aa5b27ff97 --max-rate 0.1
    schism accept --review")]
pub(crate) struct AcceptArgs {
    /// RUN/1, all findings of a RUN, or a fingerprint.
    #[arg(default_value = "latest-fail", allow_hyphen_values = true, add = ArgValueCompleter::new(completions::runs))]
    pub(crate) what: String,
    /// Where it is followed up.
    #[arg(long, value_name = "URL")]
    pub(crate) issue: Option<String>,
    /// Who follows it up.
    #[arg(long, value_name = "NAME")]
    pub(crate) owner: Option<String>,
    /// The day on which it is not known any more: 2027-01-31.
    #[arg(long, value_name = "DATE")]
    pub(crate) expires: Option<chrono::NaiveDate>,
    /// The share of runs, 0 to 1, that may show it before it counts as a violation again.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) max_rate: Option<f64>,
    /// Ask about each finding that is open and not known, and about each entry that is out of date.
    #[arg(long, conflicts_with_all = ["what", "remove"])]
    pub(crate) review: bool,
    /// Forget this fingerprint.
    #[arg(long, value_name = "FINGERPRINT", conflicts_with = "what")]
    pub(crate) remove: Option<String>,
}

/// A number from 0 to 1.
fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a share is a number from 0 to 1, 0.1 for one run of ten".to_owned()),
    }
}

/// `schism report`
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Runs: an id or its beginning, latest, latest-fail, -1, a path.
    #[arg(required = true, allow_hyphen_values = true, value_name = "RUN", add = ArgValueCompleter::new(completions::runs))]
    pub(crate) what: Vec<String>,
}

/// `schism index`
#[derive(Debug, Args)]
pub(crate) struct IndexArgs {
    /// Make runs/index.jsonl anew from the run directories first.
    #[arg(long)]
    pub(crate) rebuild: bool,
}

/// `schism serve`
#[derive(Debug, Args)]
#[command(after_help = "\
Read-only: it writes nothing, and takes no request but GET and HEAD. On 127.0.0.1 everybody on this machine may look; from other
machines only those who know the token, and what they read is not encrypted. To look from afar without either:
ssh -L 8080:127.0.0.1:8080 HOST

Examples:
    schism serve
    schism serve nightly/runs --port 9000
    schism serve --host 0.0.0.0 --token auto            makes a token and prints the address with it
    schism serve --host 10.0.0.5 --token file:/etc/schism/token")]
pub(crate) struct ServeArgs {
    /// The folder of runs; without it, that of --runs.
    pub(crate) dir: Option<PathBuf>,
    /// Listen on this address of this machine. Any but its own loopback needs --token.
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub(crate) host: String,
    /// Listen on this port; 0 for any that is free.
    #[arg(long, default_value_t = 8080, value_name = "PORT")]
    pub(crate) port: u16,
    /// Let in only who knows the token: one that is made and printed, or yours from a file or a variable.
    #[arg(long, value_name = "auto|file:PATH|env:NAME")]
    pub(crate) token: Option<String>,
}

/// `schism node`
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct NodeArgs {
    /// Which helper, and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) args: Vec<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
