//! Faults of single nodes, each in a lab against a real etcd: before, during and after are measured by something other than
//! the fault's own code, here and on the nodes where it was not aimed.

use std::{path::PathBuf, sync::Arc, time::Duration};

use control::{
    Auth, Cluster, Command, Endpoint, HostKeys, Node, Processes, Remote, RemoteExt, Ssh, System,
};
use etcd::Etcd;
use history::{
    Nanos, Outcome,
    fault::{FaultEvent, FaultId},
};
use lab::{Lab, LabConfig};
use nemesis::{
    Carried, DeadMan, Environments, Faults, Injector, Kind, Ledger, Order, Prepared, preflight,
};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{root, support::eventually};

/// A lab with a running system, and the means to break it.
pub(crate) struct World<S = Etcd> {
    pub(crate) cluster: Cluster,
    pub(crate) system: Arc<S>,
    /// Until it is no more.
    injector: Option<Injector>,
    pub(crate) faults: Faults,
    steps: Arc<std::sync::Mutex<Vec<FaultEvent>>>,
    // In this order: connections end before the lab.
    pub(crate) lab: Lab,
    _dir: tempfile::TempDir,
}

const NODES: [&str; 3] = ["n1", "n2", "n3"];
const PID_FILE: &str = "/run/schism-etcd.pid";

/// This program.
pub(crate) fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_schism"))
}

/// Enters the network of a lab, with this test's thread and those that it starts from now on, and connects to its nodes.
fn reach(lab: &Lab) -> Cluster {
    let path = format!("/proc/{}/ns/net", lab.supervisor_pid());
    let network = std::fs::File::open(path).expect("it is up");
    let entered = move_into_link_name_space(
        std::os::fd::AsFd::as_fd(&network),
        Some(LinkNameSpaceType::Network),
    );
    entered.expect("root may");
    let connect = |to: lab::SshAccess| {
        let key = Auth::Key {
            file: to.private_key,
            passphrase: None,
        };
        let endpoint = Endpoint::new(to.node, to.user, HostKeys::Pinned(to.host_key));
        let ssh = Ssh::connect(endpoint.port(to.port).auth(vec![key])).expect("its sshd answers");
        Arc::new(ssh) as Arc<dyn Remote>
    };
    let access = lab.ssh().expect("it is up");
    let remotes = access.into_iter().map(connect).collect();
    Cluster::new(remotes, vec![lab.control_address().to_string()])
}

impl World {
    /// With etcd, and with the faults that will be asked for, as on the command line or in YAML.
    pub(crate) fn new(name: &str, faults: &str) -> Self {
        Self::of(name, 3, faults, Etcd::new)
    }

    /// The number of a node's etcd, found by its name and not by its pid file; nothing if there is none.
    fn etcd_on(&self, node: &str) -> String {
        self.on(
            node,
            "for p in /proc/[0-9]*; do [ \"$(cat $p/comm 2>/dev/null)\" = etcd ] && echo ${p#/proc/}; done; exit 0",
        )
    }

    fn numbers(&self) -> Vec<String> {
        NODES.iter().map(|node| self.etcd_on(node)).collect()
    }
}

impl<S: System + Processes + 'static> World<S> {
    /// With any system.
    pub(crate) fn of(
        name: &str,
        nodes: u8,
        faults: &str,
        system: impl FnOnce(Vec<Node>) -> S,
    ) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let name = format!("{name}-{}", std::process::id());
        let config = LabConfig::new(name, nodes, program()).owned();
        let lab = Lab::up(&config).expect("a lab");
        let cluster = reach(&lab);
        let system = Arc::new(system(cluster.nodes().to_vec()));
        let faults: Faults = serde_yaml::from_str(faults).expect("faults");
        let serve = || {
            System::start(&*system, &cluster).expect("it starts");
            system
                .await_healthy(&cluster, Duration::from_secs(60))
                .expect("it serves");
        };
        let fill = faults
            .0
            .iter()
            .any(|track| track.fault.kind() == Kind::Fill);
        if fill {
            serve();
            own_file_systems(&cluster, &*system);
        }
        let Prepared { capabilities, .. } = preflight(&faults, &cluster, &*system, &program())
            .map_err(|refused| refused.iter().map(ToString::to_string).collect::<Vec<_>>())
            .expect("they are possible");
        let ledger = Ledger::open(&dir.path().join("ledger.jsonl")).expect("a ledger");
        let deadman = DeadMan::new(cluster.clone(), "nodes", Duration::from_secs(15));
        if !fill {
            let to = ("nodes", &ledger, &deadman);
            let environments = Environments::lay(&faults, &cluster, &*system, &capabilities, to);
            let environments = environments.expect("they are laid");
            serve();
            environments.take_effect().expect("they have an effect");
        }
        let steps = Arc::new(std::sync::Mutex::new(Vec::new()));
        let keep = Arc::clone(&steps);
        let injector = Injector::new(
            cluster.clone(),
            Arc::clone(&system) as Arc<dyn System>,
            capabilities,
            ledger,
            deadman,
            Arc::new(|| Nanos(0)),
            Arc::new(move |event: &FaultEvent| keep.lock().expect("whole").push(event.clone())),
        );
        Self {
            cluster,
            system,
            injector: Some(injector),
            faults,
            steps,
            lab,
            _dir: dir,
        }
    }

    /// Whoever injects is gone, and heals nothing any more.
    pub(crate) fn die(&mut self) {
        self.injector = None;
    }

    fn injector(&self) -> &Injector {
        self.injector.as_ref().expect("it is not dead")
    }

    fn said(&self) -> String {
        let steps = self.steps.lock().expect("whole");
        let lines = steps
            .iter()
            .map(|s| format!("{:?} {}: {}\n", s.step, s.ok, s.detail));
        lines.collect()
    }

    /// Injects the n-th of the faults; it must be seen to bite.
    #[track_caller]
    pub(crate) fn inject(&self, number: usize) {
        let outcome = self.injector().carry_out(&Order::Inject {
            fault: FaultId(number as u32),
            spec: self.faults.0[number].fault.clone(),
            seed: 7 + number as u64,
        });
        assert!(
            matches!(
                outcome,
                Outcome::Ok(Carried::Injected { verified: true, .. })
            ),
            "{outcome:?}\n{}",
            self.said()
        );
    }

    /// Heals it; it must be seen to be gone.
    #[track_caller]
    pub(crate) fn heal(&self, number: usize) {
        let outcome = self.injector().carry_out(&Order::Heal {
            fault: FaultId(number as u32),
        });
        assert_eq!(
            outcome,
            Outcome::Ok(Carried::Healed { verified: true }),
            "{}",
            self.said()
        );
    }

    /// What a script says on a node.
    pub(crate) fn on(&self, node: &str, script: &str) -> String {
        let script = Command::script::<&str>(script, []).root().idempotent();
        let output = self
            .cluster
            .remote(node)
            .exec(&script)
            .expect("the node answers");
        assert!(
            output.success(),
            "{node}: {script:?}: {}",
            output.complaint()
        );
        output.text()
    }

    pub(crate) fn on_each(&self, script: &str) -> Vec<String> {
        NODES.iter().map(|node| self.on(node, script)).collect()
    }

    /// Everything of ours that a node could still have: processes, files, mounts, limits.
    fn traces(&self, node: &str) -> String {
        self.on(
            node,
            r#"
            for p in /proc/[0-9]*; do tr '\0' ' ' <$p/cmdline 2>/dev/null | grep -a -e 'schism-crash-[l]oop' -e 'node [p]ressure'; done
            ls -d /run/schism/loops /run/schism/pressure /run/schism/restarts /run/schism/maintenance /run/schism/read-only /var/lib/schism-spoil /var/lib/schism-power /var/lib/schism-membership 2>/dev/null
            grep schism-etcd /proc/mounts
            grep 'open files' /proc/$(cut -d' ' -f1 /run/schism-etcd.pid)/limits
            exit 0"#,
        )
    }

    pub(crate) fn all_traces(&self) -> Vec<String> {
        NODES.iter().map(|node| self.traces(node)).collect()
    }

    pub(crate) fn healthy(&self) {
        self.system
            .await_healthy(&self.cluster, Duration::from_secs(30))
            .expect("it serves again");
    }
}

/// Puts the data of each node on a small file system of its own.
fn own_file_systems(cluster: &Cluster, etcd: &(impl System + Processes)) {
    let script = "cd /var/lib/schism-etcd && cp -a data old && mount -t tmpfs -o size=256m none data && cp -a old/. data && rm -r old";
    for node in cluster.nodes() {
        let remote = cluster.remote(&node.name);
        for command in [
            etcd.kill(node),
            Command::script::<&str>(script, []),
            Processes::start(etcd, node),
        ] {
            remote.run(&command).expect("it moves");
        }
    }
    etcd.await_healthy(cluster, Duration::from_secs(30))
        .expect("etcd serves");
}

/// Runs a test on a thread that ends with it: it enters a lab's network and does not come back.
pub(crate) fn apart(test: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let ended = scope.spawn(test).join();
        ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

#[track_caller]
pub(crate) fn soon(what: &str, holds: impl FnMut() -> bool) {
    assert!(
        eventually(Duration::from_secs(20), holds),
        "not within 20 s: {what}"
    );
}

#[test]
fn processes_end_crash_and_restart_only_where_they_shall() {
    let Some(_alone) = root::or_skip() else {
        return;
    };
    apart(processes_end_crash_and_restart_only_where_they_shall_in_a_lab);
}

fn processes_end_crash_and_restart_only_where_they_shall_in_a_lab() {
    let world = World::new(
        "processes",
        "{ terminate: { at: n1 }, crash-loop: { at: n2, up: 300ms, down: 100ms }, rolling-restart: { gap: 1s } }",
    );
    let (before, traces) = (world.numbers(), world.all_traces());
    assert!(before.iter().all(|number| !number.is_empty()));

    world.inject(0);
    assert_eq!(world.etcd_on("n1"), "");
    let log = world.on("n1", "tail -n 100 /var/log/schism-etcd.log");
    assert!(
        log.contains("closed etcd server"),
        "it was asked, not killed: {log}"
    );
    assert_eq!(world.numbers()[1..], before[1..]);
    world.heal(0);
    world.healthy();
    assert_eq!(world.numbers()[1..], before[1..]);

    // A process is started, and it is another one, several times over.
    world.inject(1);
    let mut seen = std::collections::BTreeSet::new();
    soon("the process of n2 was another one three times", || {
        seen.insert(world.etcd_on("n2"));
        seen.iter().filter(|number| !number.is_empty()).count() >= 4
    });
    assert_eq!(world.etcd_on("n3"), before[2]);
    world.heal(1);
    world.healthy();
    let after = world.etcd_on("n2");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(world.etcd_on("n2"), after, "the loop has ended");

    let before = world.numbers();
    world.inject(2);
    let after = world.numbers();
    for (before, after) in before.iter().zip(&after) {
        assert!(!after.is_empty() && before != after);
    }
    let started = |node: &str| -> u64 {
        let ticks = world.on(
            node,
            &format!("sed 's/.*) //' /proc/$(cut -d' ' -f1 {PID_FILE})/stat | cut -d' ' -f20"),
        );
        ticks.parse().expect("a number")
    };
    let [one, two, three] = NODES.map(started);
    assert!(
        one + 50 < two && two + 50 < three,
        "{one} {two} {three}: one after the other"
    );
    world.heal(2);
    assert_eq!(world.numbers(), after, "healing restarts nothing that runs");
    world.healthy();
    assert_eq!(world.all_traces(), traces);
    world.lab.down().expect("it goes");
}

#[test]
fn nodes_are_short_of_time_memory_and_descriptors_and_then_no_more() {
    let Some(_alone) = root::or_skip() else {
        return;
    };
    apart(nodes_are_short_of_time_memory_and_descriptors_and_then_no_more_in_a_lab);
}

fn nodes_are_short_of_time_memory_and_descriptors_and_then_no_more_in_a_lab() {
    let world = World::new(
        "short",
        "{ cpu: { at: n1, threads: 1, nice: 19 }, memory: { at: n2, megabytes: 200 }, descriptors: { at: n3 } }",
    );
    let (before, traces) = (world.numbers(), world.all_traces());
    let holder = "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -q 'pressure [h]old' && echo ${p#/proc/}; done; exit 0";
    assert_eq!(world.on_each(holder), ["", "", ""]);

    world.inject(0);
    let pid = world.on("n1", holder);
    let ticks = |pid: &str| -> u64 {
        let ticks = world.on(
            "n1",
            &format!("sed 's/.*) //' /proc/{pid}/stat | cut -d' ' -f12"),
        );
        ticks.parse().expect("a number")
    };
    let first = ticks(&pid);
    soon("half a second of time is burnt on n1", || {
        ticks(&pid) > first + 50
    });
    assert_eq!(world.on_each(holder)[1..], ["", ""]);

    // The second and third while the first is in force.
    world.inject(1);
    let pid = world.on("n2", holder);
    let resident = world.on("n2", &format!("grep VmRSS /proc/{pid}/status | tr -dc 0-9"));
    assert!(
        resident.parse::<u64>().expect("a number") >= 200 << 10,
        "{resident}"
    );

    let connects = |from: &str, to: &str| {
        // What is sent must be answered: the kernel alone takes connections, too, that nobody accepts. Several that are held
        // at the same time: for what has been closed meanwhile there is room.
        let script = format!(
            r#"one() {{
                exec 3<>/dev/tcp/{to}/2379 && printf "GET /version HTTP/1.1\r\nHost: etcd\r\n\r\n" >&3 || exit 0
                timeout 3 head -n1 <&3
                sleep 3
            }}
            for i in $(seq 12); do one 2>/dev/null & done
            wait"#
        );
        let answers = world.on(from, &format!("exec timeout 20 bash -c '{script}'"));
        match answers.matches("200 OK").count() {
            12 => "yes",
            _ => "no",
        }
    };
    soon("n3 serves", || connects("n1", "10.77.0.3") == "yes");
    world.inject(2);
    // Those connections may be closed there only now: what is closed is lost, too.
    soon("n3 takes no connection", || {
        connects("n1", "10.77.0.3") == "no"
    });
    soon("n1 serves n3", || connects("n3", "10.77.0.1") == "yes");
    assert_eq!(connects("n1", "10.77.0.3"), "no", "nor later");

    for number in [1, 0, 2] {
        world.heal(number);
    }
    // An etcd that cannot open its directories, as it does every 30 s, ends: that is its own to decide, and a run starts it
    // again for the final reads.
    let start = Processes::start(&*world.system, &world.cluster.nodes()[2]);
    world.cluster.remote("n3").run(&start).expect("it starts");
    soon("n3 serves again", || connects("n1", "10.77.0.3") == "yes");
    assert_eq!(world.on_each(holder), ["", "", ""]);
    assert_eq!(world.numbers()[..2], before[..2], "no other etcd has ended");
    assert_eq!(world.all_traces(), traces);
    world.lab.down().expect("it goes");
}

#[test]
fn data_is_damaged_on_one_node_and_restored() {
    let Some(_alone) = root::or_skip() else {
        return;
    };
    apart(data_is_damaged_on_one_node_and_restored_in_a_lab);
}

fn data_is_damaged_on_one_node_and_restored_in_a_lab() {
    let world = World::new(
        "damage",
        "{ corrupt: { at: n2, ending: .db }, read-only: { at: n3 } }",
    );
    let traces = world.all_traces();
    // Data that nobody changes meanwhile.
    let sums = "cd /var/lib/schism-etcd/data && for n in 1 2 3 4 5 6 7 8; do head -c 20000 /dev/urandom >$n.db; done; exit 0";
    world.on_each(sums);
    let sums = "cd /var/lib/schism-etcd/data && sha256sum [1-8].db";
    let before = world.on_each(sums);
    world.inject(0);
    let during = world.on_each(sums);
    assert_ne!(before[1], during[1]);
    assert_eq!((&before[0], &before[2]), (&during[0], &during[2]));
    world.heal(0);
    assert_eq!(world.on_each(sums), before);

    let write = "touch /var/lib/schism-etcd/data/new 2>&1 && rm /var/lib/schism-etcd/data/new && echo written; exit 0";
    let mounts = world.on("n3", "cat /proc/self/mounts");
    assert_eq!(world.on_each(write), ["written"; 3]);
    world.inject(1);
    let said = world.on_each(write);
    assert_eq!(said[..2], ["written"; 2]);
    assert!(said[2].contains("Read-only file system"), "{said:?}");
    world.heal(1);
    assert_eq!(world.on_each(write), ["written"; 3]);
    assert_eq!(world.on("n3", "cat /proc/self/mounts"), mounts);
    assert_eq!(world.on_each(sums), before);
    assert_eq!(world.all_traces(), traces);
    world.healthy();
    world.lab.down().expect("it goes");
}

#[test]
fn a_node_that_loses_its_power_comes_back_with_its_disk_and_nothing_else() {
    let Some(_alone) = root::or_skip() else {
        return;
    };
    apart(a_node_that_loses_its_power_comes_back_with_its_disk_and_nothing_else_in_a_lab);
}

fn a_node_that_loses_its_power_comes_back_with_its_disk_and_nothing_else_in_a_lab() {
    let world = World::new("power", "{ power: { at: n2 } }");
    let (before, traces) = (world.numbers(), world.all_traces());
    // Older than everything that starts from now on; and gone with all processes.
    world.on_each("echo kept >/var/lib/kept; echo lost >/run/lost");
    world.on_each("setsid sleep 300 </dev/null >/dev/null 2>&1 & exit 0");
    let born = "sed 's/.*) //' /proc/1/stat | cut -d' ' -f20";
    let left = "cat /var/lib/kept; cat /run/lost 2>/dev/null; for p in /proc/[0-9]*; do cat $p/comm; done 2>/dev/null | grep -c sleep; exit 0";
    let first = world.on_each(born);
    assert_eq!(world.on_each(left), ["kept\nlost\n1"; 3]);
    world.inject(0);
    assert_eq!(
        world.on_each(left),
        ["kept\nlost\n1", "kept\n0", "kept\nlost\n1"]
    );
    let second = world.on_each(born);
    assert_eq!((&first[0], &first[2]), (&second[0], &second[2]));
    assert_ne!(first[1], second[1], "its first process is another one");
    assert_eq!(world.etcd_on("n2"), "");
    world.heal(0);
    world.healthy();
    assert_ne!(world.etcd_on("n2"), "");
    assert_eq!(
        (&world.etcd_on("n1"), &world.etcd_on("n3")),
        (&before[0], &before[2])
    );
    assert_eq!(world.all_traces(), traces);
    world.lab.down().expect("it goes");
}

#[test]
fn operators_hand_over_clean_up_and_replace_members() {
    let Some(_alone) = root::or_skip() else {
        return;
    };
    apart(operators_hand_over_clean_up_and_replace_members_in_a_lab);
}

fn operators_hand_over_clean_up_and_replace_members_in_a_lab() {
    let world = World::new(
        "operators",
        "{ move-leader: , maintenance: { at: n1, chore: compact }, membership: { at: n3 } }",
    );
    let (before, traces) = (world.numbers(), world.all_traces());
    let ctl = |words: &str| {
        let ends = "http://10.77.0.1:2379,http://10.77.0.2:2379,http://10.77.0.3:2379";
        world.on(
            "n1",
            &format!("ETCDCTL_API=3 etcdctl --endpoints={ends} {words} 2>&1; exit 0"),
        )
    };
    // In the table of `endpoint status` the sixth column says who leads.
    let leader = || -> Vec<usize> {
        let status = ctl("endpoint status");
        let lines = status.lines().enumerate();
        lines
            .filter(|(_, line)| line.split(", ").nth(4) == Some("true"))
            .map(|(number, _)| number)
            .collect()
    };
    let first = leader();
    assert_eq!(first.len(), 1);
    world.inject(0);
    let second = leader();
    assert_eq!(second.len(), 1);
    assert_ne!(first, second);
    world.heal(0);

    for value in 0..5 {
        assert_eq!(ctl(&format!("put k {value}")), "OK");
    }
    assert_eq!(ctl("get k --rev=3 --print-value-only"), "1");
    world.inject(1);
    assert!(ctl("get k --rev=3").contains("compacted"));
    assert_eq!(ctl("get k --print-value-only"), "4");
    world.heal(1);
    assert_eq!(world.numbers(), before);

    let ids = || ctl("member list | cut -d, -f1,3 | sort");
    let members = ids();
    world.inject(2);
    assert!(!ids().contains("n3"), "{}", ids());
    assert_eq!(ids().lines().count(), 2);
    assert_eq!(ctl("--endpoints=http://10.77.0.2:2379 put k alone"), "OK");
    world.heal(2);
    world.healthy();
    let again = ids();
    let unchanged = |ids: &str| {
        ids.lines()
            .filter(|line| !line.ends_with("n3"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(unchanged(&members), unchanged(&again));
    assert_eq!(again.lines().count(), 3);
    assert_ne!(members, again, "it is a new member");
    assert_eq!(
        ctl("--endpoints=http://10.77.0.3:2379 get k --print-value-only"),
        "alone"
    );
    assert_eq!(world.numbers()[..2], before[..2]);
    assert_eq!(world.all_traces(), traces);
    world.lab.down().expect("it goes");
}

#[test]
fn a_disk_is_filled_where_it_is_small_and_its_own() {
    let Some(_alone) = root::or_skip() else {
        return;
    };
    apart(a_disk_is_filled_where_it_is_small_and_its_own_in_a_lab);
}

fn a_disk_is_filled_where_it_is_small_and_its_own_in_a_lab() {
    let world = World::new("full", "{ fill: { at: n1 } }");
    let write = "head -c 200000 /dev/zero 2>/dev/null >/var/lib/schism-etcd/data/probe && echo written; rm -f /var/lib/schism-etcd/data/probe";
    let files = "cd /var/lib/schism-etcd/data && find . | sort";
    let before = world.on_each(files);
    assert_eq!(world.on_each(write), ["written"; 3]);
    world.inject(0);
    assert_eq!(world.on_each(write), ["", "written", "written"]);
    world.heal(0);
    assert_eq!(world.on_each(write), ["written"; 3]);
    assert_eq!(world.on_each(files), before);
    world.healthy();

    // Where everybody would be concerned it is refused, and so is what a lab has no means for.
    let refused = |faults: &str| {
        let faults: Faults = serde_yaml::from_str(faults).expect("faults");
        let program = PathBuf::from(env!("CARGO_BIN_EXE_schism"));
        let refused = preflight(&faults, &world.cluster, &*world.system, &program);
        refused.err().expect("it is impossible")[0].to_string()
    };
    assert!(refused("freeze").contains("control groups"));
    assert!(refused("{ power: { command: reboot } }").contains("this machine's kernel"));
    for node in world.cluster.nodes() {
        world
            .cluster
            .remote(&node.name)
            .run(&world.system.kill(node))
            .expect("it ends");
    }
    world.on_each("umount /var/lib/schism-etcd/data");
    assert!(refused("fill").contains("root file system"));
    world.lab.down().expect("it goes");
}
