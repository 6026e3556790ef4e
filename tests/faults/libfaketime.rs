//! Clocks that are wrong by libfaketime: a PostgreSQL that was started with it follows, seen in the answers to queries; a
//! program in Go cannot, and is refused.

use std::time::{Duration, Instant};

use control::{Cluster, Command, Daemon, Daemons, Error, Node, Processes, RemoteExt, System};
use etcd::Etcd;
use nemesis::{Faults, preflight};

use crate::{
    nodes::{World, apart, program, soon},
    root,
};

const HOME: &str = "/var/lib/schism-postgres";
const ENVIRONMENT: &str = "/var/lib/schism-environment/schism-postgres";
const AS_ITSELF: &str = "setpriv --reuid=postgres --regid=postgres --clear-groups";

/// A server on each node, that knows nothing of the others.
struct Postgres {
    nodes: Vec<Node>,
    programs: String,
}

impl Postgres {
    fn new(nodes: Vec<Node>) -> Self {
        let versions = std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed");
        let mut versions = versions.map(|entry| entry.expect("it is readable").path());
        let newest = versions.by_ref().max().expect("PostgreSQL is installed");
        Self {
            nodes,
            programs: format!("{}/bin", newest.display()),
        }
    }
}

/// What the server answers, on a node.
fn psql(query: &str) -> String {
    format!("timeout 10 psql -h {HOME} -U postgres -d postgres -Atc '{query}'")
}

impl System for Postgres {
    fn name(&self) -> &str {
        "postgres"
    }
    fn version(&self, _: &Cluster) -> Result<String, Error> {
        Ok(self.programs.clone())
    }
    fn install(&self, _: &Cluster) -> Result<(), Error> {
        Ok(())
    }
    fn start(&self, cluster: &Cluster) -> Result<(), Error> {
        let make = format!(
            "rm -rf {HOME} && mkdir {HOME} && chown postgres: {HOME} && cd / &&
             exec {AS_ITSELF} {}/initdb -A trust -N -D {HOME}/data >/dev/null",
            self.programs
        );
        let make = Command::script::<&str>(&make, []).root();
        cluster.on_all(&self.nodes, |node, remote| {
            remote.run(&make.clone().deadline(Duration::from_secs(60)))?;
            remote.run(&self.daemon(node).start())
        })
    }
    fn await_healthy(&self, cluster: &Cluster, within: Duration) -> Result<(), Error> {
        let until = Instant::now() + within;
        let ask = Command::script::<&str>(&psql("select 1"), []).root();
        cluster.on_all(&self.nodes, |_, remote| {
            loop {
                match remote.run(&ask) {
                    Err(error) if Instant::now() >= until => return Err(error),
                    Err(_) => std::thread::sleep(Duration::from_millis(100)),
                    Ok(_) => return Ok(()),
                }
            }
        })
    }
    fn stop(&self, cluster: &Cluster) -> Result<(), Error> {
        cluster.on_all(&self.nodes, |node, remote| {
            remote.run(&self.kill(node)).map(drop)
        })
    }
    fn client_port(&self, _: &Node) -> u16 {
        5432
    }
    fn processes(&self) -> Option<&dyn Processes> {
        Some(self)
    }
}

impl Daemons for Postgres {
    fn daemon(&self, _: &Node) -> Daemon {
        let server = format!(
            "{AS_ITSELF} {}/postgres -D {HOME}/data -k {HOME} -c listen_addresses= -c fsync=off",
            self.programs
        );
        Daemon {
            argv: server.split(' ').map(str::to_owned).collect(),
            directory: HOME.to_owned(),
            log: "/var/log/schism-postgres.log".to_owned(),
            pid_file: "/run/schism-postgres.pid".to_owned(),
        }
    }
}

/// Milliseconds by which the server of a node says another time than the node, at least and at most.
fn wrong_by(world: &World<Postgres>, node: &str) -> (i64, i64) {
    let query = "select (extract(epoch from clock_timestamp()) * 1000)::bigint";
    let script = format!("date +%s%3N; {} || exit 1; date +%s%3N", psql(query));
    let said = world.on(node, &script);
    let times: Vec<i64> = said.lines().filter_map(|line| line.parse().ok()).collect();
    let [before, shown, after] = times[..] else {
        panic!("{said}")
    };
    (shown - after - 1, shown - before + 1)
}

#[track_caller]
fn shows(world: &World<Postgres>, node: &str, milliseconds: i64) {
    let (least, most) = wrong_by(world, node);
    assert!(
        (least - 1..=most + 1).contains(&milliseconds),
        "{node} is wrong by {least} to {most} ms, and not by {milliseconds}"
    );
}

/// The server of a node and all of its processes that have the library.
fn with_library(world: &World<Postgres>, node: &str) -> usize {
    let script = "grep -l libfaketime /proc/[0-9]*/maps 2>/dev/null | wc -l";
    world.on(node, script).parse().expect("a number")
}

#[test]
fn a_database_that_was_started_with_libfaketime_goes_by_a_wrong_clock() {
    let Some(_alone) = root::or_skip() else {
        return;
    };
    apart(a_database_that_was_started_with_libfaketime_goes_by_a_wrong_clock_in_a_lab);
}

fn a_database_that_was_started_with_libfaketime_goes_by_a_wrong_clock_in_a_lab() {
    let mut world = World::of(
        "faketime",
        2,
        "clock: { with: libfaketime, at: n2, how: ahead, by: 1h }",
        Postgres::new,
    );
    for more in ["back, by: 90s", "ahead, by: 250ms"] {
        let more = format!("clock: {{ with: libfaketime, at: n2, how: {more} }}");
        let more: Faults = serde_yaml::from_str(&more).expect("faults");
        world.faults.0.extend(more.0);
    }
    assert!(with_library(&world, "n1") > 0 && with_library(&world, "n2") > 0);
    // Somebody asks it for something; a server at rest seldom wants to know the time.
    for node in ["n1", "n2"] {
        let load = format!(
            "i=0; while [ $i -lt 600 ]; do {}; sleep 0.3; i=$((i + 1)); done",
            psql("select now()")
        );
        world.on(
            node,
            &format!(
                "setsid sh -c '{}' </dev/null >/dev/null 2>&1 &",
                load.replace('\'', "\"")
            ),
        );
    }
    for number in [0, 1] {
        let offset = [3_600_000, -90_000][number];
        shows(&world, "n2", 0);
        world.inject(number);
        shows(&world, "n2", offset);
        shows(&world, "n1", 0);
        if number == 1 {
            // A server that is started anew goes by it, too.
            let (node, system) = (world.cluster.nodes()[1].clone(), world.system.clone());
            for command in [system.kill(&node), Processes::start(&*system, &node)] {
                world.cluster.remote("n2").run(&command).expect("it runs");
            }
            world.healthy();
            shows(&world, "n2", offset);
        }
        world.heal(number);
        shows(&world, "n2", 0);
    }
    a_program_in_go_is_refused(&world);

    // Nobody is left to heal: the node does it, and starts the server without the library.
    world.inject(2);
    shows(&world, "n2", 250);
    world.die();
    soon_within_the_lease(&world);
    world.healthy();
    for node in ["n1", "n2"] {
        shows(&world, node, 0);
        assert_eq!(with_library(&world, node), 0);
    }
    world.lab.down().expect("it goes");
}

fn soon_within_the_lease(world: &World<Postgres>) {
    let left =
        format!("ls {ENVIRONMENT} {ENVIRONMENT}.clock /dev/shm/*schism-clock* 2>/dev/null | wc -l");
    let gone = || ["n1", "n2"].map(|node| world.on(node, &left)) == ["0", "0"];
    // Once for the lease, and once for two undos.
    if !crate::support::eventually(Duration::from_secs(30), gone) {
        soon("nothing of libfaketime is left", gone);
    }
}

fn a_program_in_go_is_refused(world: &World<Postgres>) {
    // Before anything is deployed, where it is known.
    let faults: Faults = serde_yaml::from_str("clock: { with: libfaketime }").expect("faults");
    let etcd = Etcd::new(world.cluster.nodes().to_vec());
    let refused = preflight(&faults, &world.cluster, &etcd, &program());
    let refused = refused.err().expect("it is impossible")[0].to_string();
    assert!(
        refused.contains("without the C library") && refused.contains("leave `with` out"),
        "{refused}"
    );
    // Where it is not known, by what has been started.
    let helper = program().display().to_string();
    world
        .cluster
        .remote("n1")
        .upload(
            &std::fs::read(&helper).expect("it is there"),
            "/var/tmp/schism-test",
            0o755,
        )
        .expect("there is room");
    let said = world.on("n1", &format!(
        r#"
        cd /tmp
        end="http://127.0.0.1:23790" peer="http://127.0.0.1:23800"
        set -- etcd --data-dir /tmp/go --listen-client-urls $end --advertise-client-urls $end --listen-peer-urls $peer
        set -- "$@" --initial-advertise-peer-urls $peer --initial-cluster default=$peer
        while IFS= read -r line; do
            case $line in *=*) set -- "$line" "$@" ;; esac
        done <{ENVIRONMENT}
        timeout 60 env "$@" >/dev/null 2>&1 &
        i=0
        while ! pgrep -x etcd >/run/go.pid && [ $i -lt 200 ]; do i=$((i + 1)); sleep 0.05; done
        sleep 1
        /var/tmp/schism-test node clock library follow {ENVIRONMENT} /run/go.pid 2>&1
        kill $! $(cat /run/go.pid); wait; rm -rf /tmp/go /run/go.pid /var/tmp/schism-test
        exit 0"#
    ));
    assert!(said.contains("is a Go program"), "{said}");
}
