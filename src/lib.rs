//! The program: the composition root. It knows every crate, and is known by none.

mod access;
mod args;
mod baseline;
mod campaign;
mod ci;
mod commands;
mod complaints;
mod config;
mod deploy;
mod dump;
mod exit;
mod faults;
mod flow;
mod index;
mod judge;
mod keep;
mod logs;
mod nodes;
mod pages;
mod rate;
mod record;
mod registry;
mod replay;
mod revive;
mod serve;
mod signals;
mod sinks;
mod smallest;
mod style;
mod subject;
mod terminal;
mod trust;
mod ui;
mod wreck;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    args::{Cli, Command},
    exit::{Exit, Failure},
    terminal::Terminal,
};

/// The whole program.
pub fn main() -> ExitCode {
    std::panic::set_hook(Box::new(dump::report));
    match std::panic::catch_unwind(program) {
        Ok(code) => code,
        Err(_) => Exit::Bug.into(),
    }
}

fn program() -> ExitCode {
    commands::completions::answer();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output, mistakes to standard error; both are clap's to word.
            let _ = error.print();
            let told_json = error.use_stderr() && std::env::args().any(|arg| arg == "--json");
            if told_json && std::env::args().nth(1).is_some_and(|arg| arg == "run") {
                let failure = Failure::usage("the arguments are wrong");
                ui::last_words(&failure, |line| {
                    let _ = std::io::Write::write_all(&mut std::io::stdout(), line.as_bytes());
                });
            }
            return if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Pass
            }
            .into();
        }
    };
    let terminal = Terminal::new(&cli);
    let result = match &cli.command {
        Command::Node(node) => return commands::node::node(&node.args),
        Command::Demo(args) => commands::demo::demo(args, &terminal),
        Command::Case(args) => commands::case::case(args, &terminal),
        Command::Run(args) => commands::run::run(args, &terminal),
        Command::Check(args) => commands::check::check(args, &terminal),
        Command::Explain(args) => commands::explain::explain(args, &terminal),
        Command::Export(args) => commands::export::export(args, &terminal),
        Command::Import(args) => commands::import::import(args, &terminal),
        Command::Lab(args) => commands::lab::lab(&args.command, &terminal),
        Command::New(args) => commands::new::new(args, &terminal),
        Command::Adapter { command } => commands::adapter::adapter(command, &terminal),
        Command::Heal(args) => commands::heal::heal(args, &terminal),
        Command::Doctor(args) => commands::doctor::doctor(args, &terminal),
        Command::Accept(args) => commands::accept::accept(args, &terminal),
        Command::Compare(args) => commands::compare::compare(args, &terminal),
        Command::Gc(args) => commands::gc::gc(args, &terminal),
        Command::Config { command } => commands::config::config(command, &terminal),
        Command::Completions { shell } => commands::completions::completions(*shell, &terminal),
        Command::Man(args) => commands::man::man(args, &terminal),
        Command::Schema(args) => commands::schema::schema(args, &terminal),
        Command::Merge(args) => commands::merge::merge(args, &terminal),
        Command::Serve(args) => commands::serve::serve(args, &terminal),
        Command::Report(args) => commands::report::report(args, &terminal),
        Command::Index(args) => commands::index::index(args, &terminal),
        Command::List(args) => commands::list::list(args, &terminal),
        Command::Show(args) => commands::show::show(args, &terminal),
        Command::Repro(args) => commands::repro::repro(args, &terminal),
        Command::Shrink(args) => commands::shrink::shrink(args, &terminal),
    };
    let exit = result.unwrap_or_else(|failure| {
        complain(&failure, &terminal);
        failure.exit
    });
    exit.into()
}

fn complain(failure: &Failure, terminal: &Terminal) {
    // Lines of ours, words of others: made inert line by line.
    let text: Vec<_> = failure
        .message
        .lines()
        .map(|l| reports::escape::inert(l, 2000))
        .collect();
    terminal.say(&format!("schism: {}\n", text.join("\n")));
}
