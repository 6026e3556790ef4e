//! `schism lab`: a local cluster of namespaces, for hand and eye.

use std::os::unix::process::CommandExt;

use lab::{Lab, LabConfig, NodeState, Storage};

use crate::{
    args::LabCommand,
    deploy::ourselves,
    exit::{Exit, Failure},
    terminal::Terminal,
};

/// Creates, shows, enters or destroys a lab.
pub(crate) fn lab(command: &LabCommand, terminal: &Terminal) -> Result<Exit, Failure> {
    match command {
        LabCommand::Up { nodes, name, tmpfs } => {
            let storage = if *tmpfs {
                Storage::Tmpfs
            } else {
                Storage::Disk
            };
            let lab = Lab::up(&LabConfig::new(name, *nodes, ourselves()?).storage(storage))?;
            for note in lab.notes() {
                terminal.say(&format!("{note}\n"));
            }
            for node in lab.nodes() {
                terminal.print(&format!("{:<4} {}\n", node.name, node.address));
            }
            terminal.say(&format!(
                "lab {name} is up: `schism lab ssh n1`, `schism run etcd --lab {name}`, `schism lab down{}`\n",
                if name == "default" { String::new() } else { format!(" --name {name}") }
            ));
        }
        LabCommand::Down { name } => {
            Lab::find(name)?.down()?;
            terminal.say(&format!("lab {name} is gone\n"));
        }
        LabCommand::Status { name } => {
            for status in Lab::find(name)?.status()? {
                let node = &status.node;
                let state = match status.state {
                    NodeState::Ready => "ready",
                    NodeState::Mute => "up, but its sshd does not answer",
                    NodeState::Down => "down",
                };
                terminal.print(&format!("{:<4} {:<14} {state}\n", node.name, node.address));
            }
        }
        LabCommand::Ssh {
            name,
            node,
            command,
        } => return ssh(name, node, command),
    }
    Ok(Exit::Pass)
}

/// Becomes the system's own `ssh`, which knows how to be a terminal.
fn ssh(name: &str, node: &str, command: &[String]) -> Result<Exit, Failure> {
    let lab = Lab::find(name)?;
    let mut ssh = lab.ssh_command(node)?;
    lab.enter_network()?;
    if !command.is_empty() {
        // sshd hands the words to a shell, joined by blanks; quoting keeps them the words they were.
        let words = control::quote(command).map_err(|e| Failure::usage(e.to_string()))?;
        ssh.arg(words);
    }
    let error = ssh.exec();
    Err(Failure::infrastructure(format!(
        "cannot start ssh: {error}; install openssh-client"
    )))
}
