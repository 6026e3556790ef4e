//! `schism doctor`: what is missing, and how to get it. The same looks that `schism run` takes before it deploys.

use control::{Command, RemoteExt};

use crate::{
    access::Reached,
    args::{DoctorArgs, RunArgs},
    config::Config,
    deploy,
    exit::{Exit, Failure},
    registry::{self, Target},
    terminal::Terminal,
};

/// Looks, and says what it saw. Ends with 4 if something that was asked about is missing.
pub(crate) fn doctor(args: &DoctorArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let mut page = Page {
        terminal,
        worst: Exit::Pass,
    };
    if args.what.is_none() && args.node.is_empty() {
        page.this_machine();
        return Ok(Exit::Pass);
    }
    let said = RunArgs {
        what: args.what.iter().cloned().collect(),
        node: args.node.clone(),
        ssh_user: args.ssh_user.clone(),
        ssh_key: args.ssh_key.clone(),
        known_hosts: args.known_hosts.clone(),
        ..RunArgs::default()
    };
    let (config, _) = Config::resolve(&said)?;
    let entry = registry::find(&config.target.adapter)
        .ok_or_else(|| Failure::usage(registry::unknown(&config.target.adapter)))?;
    if config.cluster.nodes.is_empty() {
        match entry.needs_cluster {
            true if config.is_attached() => page.good(
                &registry::name_of(&config.target.adapter),
                "others run it; whether its adapter tells the truth: schism adapter test",
            ),
            true => page.lab(),
            false => page.good("the embedded store", "needs nothing"),
        }
        return Ok(page.worst);
    }
    page.hosts(entry.target, &config)?;
    Ok(page.worst)
}

struct Page<'a> {
    terminal: &'a Terminal,
    worst: Exit,
}

impl Page<'_> {
    fn good(&mut self, what: &str, detail: &str) {
        self.terminal.print(&format!("✔ {what}: {detail}\n"));
    }

    fn bad(&mut self, what: &str, fix: &str) {
        self.worst = self.worst.worst(Exit::Infrastructure);
        self.terminal.print(&format!("✘ {what}\n    → {fix}\n"));
    }

    /// What works here without naming any nodes.
    fn this_machine(&mut self) {
        self.good(
            "schism demo, schism run embedded",
            "possible, they need nothing",
        );
        self.lab();
        self.terminal
            .print("  your own hosts: schism doctor etcd --node db1 --node db2 --node db3\n");
    }

    fn lab(&mut self) {
        let missing = lab::preflight();
        if missing.is_empty() {
            self.good("schism run etcd --lab 5", "possible on this machine");
        }
        for m in missing {
            self.bad(
                &format!("a lab on this machine lacks {} ({})", m.what, m.why),
                &m.fix,
            );
        }
    }

    fn hosts(&mut self, target: Target, config: &Config) -> Result<(), Failure> {
        let access = deploy::hosts(config);
        let Reached { cluster, failures } = access.reach()?;
        for e in failures {
            self.bad(&format!("{}: no access", e.node()), &e.to_string());
        }
        let program = match target {
            Target::Adapter => deploy::program(config)?,
            Target::Embedded | Target::Etcd => "etcd".to_owned(),
        };
        let named = format!("{program}, or apt-get to install it");
        let (named, look, fix) = match target {
            Target::Adapter => (
                program.as_str(),
                Command::script("command -v \"$1\"", [program.clone()]),
                "install it there, or name its whole path in the adapter's file",
            ),
            Target::Embedded | Target::Etcd => (
                named.as_str(),
                Command::script("command -v etcd || command -v apt-get", [""; 0]),
                "put an etcd binary on the PATH",
            ),
        };
        let looks: [(&str, Command, &str); 3] = [
            (
                "root",
                Command::new(["true"]).root().idempotent(),
                "log in as root, or let the login use sudo without a password",
            ),
            (
                "packet filter",
                Command::script("command -v nft || command -v iptables", [""; 0])
                    .root()
                    .idempotent(),
                "install nftables or iptables: partitions need one",
            ),
            (named, look.root().idempotent(), fix),
        ];
        for node in cluster.nodes() {
            let remote = cluster.remote(&node.name);
            self.good(&node.name, "reached over SSH, host key known");
            for (what, command, fix) in &looks {
                match remote.run(command) {
                    Ok(out) if out.text().is_empty() => self.good(&node.name, what),
                    Ok(out) => self.good(
                        &node.name,
                        &format!("{what}: {}", reports::escape::inert(&out.text(), 100)),
                    ),
                    Err(e) => self.bad(&format!("{}: no {what}: {e}", node.name), fix),
                }
            }
        }
        Ok(())
    }
}
