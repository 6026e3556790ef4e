//! `schism demo`: two runs on the embedded store. Raft comes through; a quorum of one does not, and is explained.

use crate::{
    args::{DemoArgs, Loudness, OnUnknown, Progress, RunArgs},
    ci::Ci,
    commands::run::{Done, Order, choose, execute},
    config::Config,
    exit::{Exit, Failure},
    terminal::Terminal,
};

/// Runs both, and ends well if each came out as it must.
pub(crate) fn demo(args: &DemoArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    terminal.say(
        "Five real processes of a small store on this machine. Clients read and write while links are cut and\n\
         processes are killed; then every answer is checked against every order in which it could have come about.\n\n\
         1. Raft. No violation should be found.\n\n",
    );
    let raft = go(args, terminal, &["--mode", "consensus"], "partition,kill")?;
    if raft.exit.is_interrupt() {
        return Ok(raft.exit);
    }
    terminal.say(
        "\n2. No leader: a write is acknowledged by one node (W=1) and a read asks one node (R=1). While the network is\n   \
            cut, some node must answer with what it has. A violation should be found.\n\n",
    );
    let quorum = go(args, terminal, &["--mode", "quorum"], "partition")?;
    let as_expected = raft.exit == Exit::Pass && quorum.exit == Exit::Fail;
    let word = |done: &Done| done.report.conclusion.loud();
    terminal.say(&format!(
        "\nconsensus {}, quorum {}: {}\n  {}\n  {}\n\
         next: schism show {}/1   ·   schism run --help   ·   schism doctor\n",
        word(&raft),
        word(&quorum),
        if as_expected {
            "as it must be. The reports:"
        } else {
            "NOT as it must be. The reports:"
        },
        raft.dir.path().join("report.html").display(),
        quorum.dir.path().join("report.html").display(),
        quorum.dir.id(),
    ));
    Ok(match (as_expected, raft.exit, quorum.exit) {
        (true, ..) => Exit::Pass,
        (false, _, quorum) if quorum.is_interrupt() => quorum,
        (false, Exit::Fail, _) => Exit::Fail,
        // A quorum of one that shows nothing stale in these few seconds is no pass of anything.
        (false, raft, _) => raft.worst(Exit::Unknown),
    })
}

fn go(args: &DemoArgs, terminal: &Terminal, mode: &[&str], faults: &str) -> Result<Done, Failure> {
    let said = RunArgs {
        what: vec!["embedded".to_owned()],
        mode: mode.last().map(|m| (*m).to_owned()),
        faults: Some(faults.to_owned()),
        time: Some(args.time.clone()),
        op_timeout: Some("1s".to_owned()),
        seed: args.seed.clone(),
        ..RunArgs::default()
    };
    let (config, layers) = Config::resolve(&said)?;
    let seed = choose(config.run.seed)?;
    execute(
        Order {
            layers,
            config,
            seed,
            called: None,
            baseline: None,
            argv: std::env::args().collect(),
            json: false,
            loudness: Loudness::Usual,
            progress: Progress::Auto,
            on_unknown: OnUnknown::Fail,
            place: None,
            ci: Ci::none(),
        },
        terminal,
    )
}
