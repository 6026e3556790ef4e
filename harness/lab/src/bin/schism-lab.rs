//! The smallest program that can have a lab: what the tests of this crate start, and a tool for looking at labs without
//! the rest of schism.
//!
//! ```text
//! schism-lab up    DIR N [disk STORE]  a detached lab of N nodes with this run directory
//! schism-lab own   DIR N [disk STORE]  an owned one: says "up", and has it until its standard input ends
//! schism-lab in    DIR CMD…            CMD in the lab's control network
//! schism-lab ssh   DIR NODE [CMD…]     a login
//! schism-lab crash DIR NODE
//! schism-lab boot  DIR NODE
//! schism-lab down  DIR
//! ```
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the command line"
)]

use std::{
    env,
    error::Error,
    ffi::OsString,
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, ExitCode},
    time::Instant,
};

use schism_lab::{Lab, LabConfig, node_init_main, supervisor_main};

fn main() -> ExitCode {
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    if let [node, mode, rest @ ..] = &args[..]
        && node == "node"
    {
        return if mode == "lab-init" {
            node_init_main(rest)
        } else {
            supervisor_main(rest)
        };
    }
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[OsString]) -> Result<(), Box<dyn Error>> {
    let [verb, dir, rest @ ..] = args else {
        return Err("see the top of schism-lab.rs".into());
    };
    let dir = Path::new(dir);
    let word = |index: usize| {
        rest.get(index)
            .and_then(|word: &OsString| word.to_str())
            .ok_or("a word is missing")
    };
    match verb.to_str() {
        Some(verb @ ("up" | "own")) => {
            let name = dir.file_name().unwrap_or_default().to_string_lossy();
            let mut config = LabConfig::new(name, word(0)?.parse()?, env::current_exe()?);
            config.dir = dir.to_owned();
            config.owned = verb == "own";
            if rest.len() > 1 {
                config.storage = word(1)?.parse()?;
                config.store = word(2)?.into();
            }
            let begun = Instant::now();
            let lab = Lab::up(&config)?;
            println!(
                "up in {:?}, supervisor {}",
                begun.elapsed(),
                lab.supervisor_pid()
            );
            lab.notes().iter().for_each(|note| println!("{note}"));
            if config.owned {
                io::copy(&mut io::stdin(), &mut io::sink())?;
            }
        }
        Some("down") => {
            let lab = Lab::open(dir)?;
            let begun = Instant::now();
            lab.down()?;
            println!("down in {:?}", begun.elapsed());
        }
        Some("crash") => Lab::open(dir)?.crash(word(0)?)?,
        Some("boot") => Lab::open(dir)?.boot(word(0)?)?,
        Some("in") => {
            Lab::open(dir)?.enter_network()?;
            return Err(Command::new(word(0)?).args(&rest[1..]).exec().into());
        }
        Some("ssh") => {
            let lab = Lab::open(dir)?;
            lab.enter_network()?;
            return Err(lab.ssh_command(word(0)?)?.args(&rest[1..]).exec().into());
        }
        _ => return Err("see the top of schism-lab.rs".into()),
    }
    Ok(())
}
