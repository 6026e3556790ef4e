//! Real clusters of real processes, as an ordinary user can have them. This binary is the tests, and, started again by
//! them with `node embedded …`, the servers and their guard; with `owner DIR`, a process to be killed with its cluster.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "this is a test, and an owner says when it is ready"
)]

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
    time::{Duration, Instant},
};

use control::{
    Clocks, Cluster, Command, Measure, Net, Node, Peer, Primaries, Processes, Slow, System,
};
use embedded::{Client, ClientError, Embedded, EmbeddedConfig, Mode};
use libtest_mimic::{Arguments, Trial};
use schism_embedded as embedded;

/// Longer than anything here ever takes.
const LONG: Duration = Duration::from_secs(20);
/// A client's patience.
const CALL: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    match args.first().and_then(|a| a.to_str()) {
        Some("node") => return embedded::node_main(&args[2..]),
        Some("owner") => own(Path::new(&args[1])),
        _ => {}
    }
    let mut arguments = Arguments::from_args();
    // Each test has five servers of its own: one at a time is enough.
    arguments.test_threads.get_or_insert(1);
    let test = |name: &str, body: fn()| {
        Trial::test(name, move || {
            body();
            Ok(())
        })
    };
    let tests = vec![
        test(
            "an_acknowledged_write_survives_kill_9_of_each_node_in_turn",
            kills,
        ),
        test("compare_and_set_swaps_only_what_it_names", compare_and_set),
        test(
            "a_minority_refuses_or_loses_a_majority_goes_on_and_healing_joins_them",
            minority,
        ),
        test(
            "a_paused_leader_is_replaced_and_comes_back_as_a_follower",
            paused_leader,
        ),
        test(
            "one_replica_quorums_read_stale_values_behind_a_partition",
            stale_reads,
        ),
        test("overlapping_quorums_read_what_was_written", overlapping),
        test("a_slow_clock_loses_an_acknowledged_write", clock),
        test("a_one_way_cut_is_one_way", one_way),
        test(
            "links_are_slow_and_lossy_only_where_they_shall_be",
            slow_links,
        ),
        test("a_server_that_is_asked_to_end_ends", terminated),
        test("clients_can_be_cut_off_without_an_answer", cut_clients),
        test(
            "a_cut_survives_restart_and_healing_twice_is_healing_once",
            cut_survives,
        ),
        test("start_makes_a_fresh_cluster", fresh),
        test("strangers_cannot_speak_as_a_node", strangers),
        test(
            "nothing_is_left_when_the_owner_is_killed_while_a_server_is_stopped",
            owner_killed,
        ),
        test(
            "commands_for_a_cluster_that_is_gone_have_nothing_to_undo",
            gone,
        ),
    ];
    libtest_mimic::run(&arguments, tests).exit_code()
}

/// A cluster under test.
struct Up {
    cluster: Embedded,
    runtime: tokio::runtime::Runtime,
    home: tempfile::TempDir,
}

fn nobody() -> Cluster {
    Cluster::new(Vec::new(), Vec::new())
}

fn launch(dir: PathBuf, mode: Mode) -> Embedded {
    let exe = env::current_exe().unwrap();
    let nodes = 5;
    let config = EmbeddedConfig {
        dir,
        exe,
        nodes,
        mode,
    };
    let cluster = Embedded::launch(config).unwrap();
    System::start(&cluster, &nobody()).unwrap();
    cluster.await_healthy(&nobody(), LONG).unwrap();
    cluster
}

/// Runs a command as a remote of this machine would.
fn exec(command: &Command) -> (bool, String) {
    let output = std::process::Command::new(&command.argv[0])
        .args(&command.argv[1..])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success(), text)
}

fn run(command: &Command) -> String {
    let (success, text) = exec(command);
    assert!(success, "{command:?}");
    text
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LONG;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Up {
    fn new(mode: Mode) -> Self {
        let home = tempfile::tempdir().unwrap();
        Self {
            cluster: launch(home.path().join("cluster"), mode),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            home,
        }
    }
    fn nodes(&self) -> Vec<Node> {
        self.cluster.nodes().to_vec()
    }
    fn client(&self, node: &Node) -> Client {
        self.cluster.client(node)
    }
    fn within<T>(
        &self,
        call: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        let call = async { tokio::time::timeout(CALL, call).await };
        let lost = |_| Err(ClientError::Lost("timeout".into()));
        self.runtime.block_on(call).unwrap_or_else(lost)
    }
    fn read(&self, node: &Node, key: &str) -> Result<Option<i64>, ClientError> {
        self.within(self.client(node).read(key))
    }
    fn write(&self, node: &Node, key: &str, value: i64) -> Result<(), ClientError> {
        self.within(self.client(node).write(key, value))
    }
    fn cas(&self, node: &Node, key: &str, from: i64, to: i64) -> Result<(), ClientError> {
        self.within(self.client(node).cas(key, from, to))
    }
    fn leader(&self) -> Node {
        until("a leader", || {
            Primaries::primaries(&self.cluster, &nobody())
                .unwrap()
                .pop()
        })
    }
    /// Cuts every link between the two sides, both ways.
    fn split(&self, fault: &str, a: &[Node], b: &[Node]) {
        for (side, other) in [(a, b), (b, a)] {
            let from: Vec<_> = other.iter().cloned().map(Peer::Node).collect();
            for node in side {
                run(&self.cluster.cut(fault, node, &from));
            }
        }
    }
    fn heal(&self, fault: &str) {
        for node in self.nodes() {
            run(&self.cluster.heal(fault, &node));
        }
    }
    fn reaches(&self, from: &Node, to: &Node) -> bool {
        exec(&self.cluster.reaches(from, to)).0
    }
}

fn kills() {
    let up = Up::new(Mode::Consensus);
    let mut acknowledged = BTreeMap::new();
    let mut number = 0;
    let mut write_some = |up: &Up, acknowledged: &mut BTreeMap<String, i64>| {
        for node in up.nodes() {
            number += 1;
            let key = format!("k{number}");
            if up.write(&node, &key, number).is_ok() {
                acknowledged.insert(key, number);
            }
        }
    };
    for node in up.nodes() {
        write_some(&up, &mut acknowledged);
        run(&up.cluster.kill(&node));
        assert_eq!(run(&up.cluster.state(&node)), "gone");
        assert!(matches!(up.read(&node, "k1"), Err(ClientError::NotSent(_))));
        write_some(&up, &mut acknowledged);
        run(&Processes::start(&up.cluster, &node));
        run(&Processes::start(&up.cluster, &node));
        assert_eq!(run(&up.cluster.state(&node)), "running");
    }
    for node in up.nodes() {
        run(&up.cluster.kill(&node));
    }
    for node in up.nodes() {
        run(&Processes::start(&up.cluster, &node));
    }
    up.cluster.await_healthy(&nobody(), LONG).unwrap();
    assert!(acknowledged.len() > 40, "only {} of 50", acknowledged.len());
    let node = &up.nodes()[4];
    for (key, value) in acknowledged {
        let found = until("a read", || up.read(node, &key).ok());
        assert_eq!(found, Some(value), "{key}");
    }
}

fn compare_and_set() {
    let up = Up::new(Mode::Consensus);
    let nodes = up.nodes();
    assert_eq!(up.cas(&nodes[0], "a/b?", 0, 1), Err(ClientError::Mismatch));
    up.write(&nodes[1], "a/b?", 1).unwrap();
    assert_eq!(up.cas(&nodes[2], "a/b?", 2, 3), Err(ClientError::Mismatch));
    up.cas(&nodes[3], "a/b?", 1, 2).unwrap();
    assert_eq!(up.read(&nodes[4], "a/b?"), Ok(Some(2)));
    assert_eq!(up.read(&nodes[4], "a/b"), Ok(None));
}

fn minority() {
    let up = Up::new(Mode::Consensus);
    up.write(&up.nodes()[0], "x", 1).unwrap();
    let leader = up.leader();
    let (mut majority, mut minority) = (up.nodes(), vec![leader.clone()]);
    majority.retain(|n| *n != leader);
    minority.push(majority.remove(0));
    up.split("f1", &majority, &minority);

    for node in &majority {
        until("the majority goes on", || up.write(node, "x", 2).ok());
        assert_eq!(up.read(node, "x"), Ok(Some(2)));
    }
    for node in &minority {
        assert!(matches!(
            up.read(node, "x"),
            Err(ClientError::Unavailable(_))
        ));
        let write = up.write(node, "y", 3);
        assert!(
            matches!(
                write,
                Err(ClientError::Unavailable(_) | ClientError::Lost(_))
            ),
            "{write:?}"
        );
    }
    assert!(up.reaches(&majority[0], &majority[1]));
    assert!(!up.reaches(&majority[0], &minority[0]));
    let dropped: u64 = run(&up.cluster.dropped("f1", &majority[0]))
        .parse()
        .unwrap();
    assert!(dropped > 0);
    assert!(
        !Primaries::primaries(&up.cluster, &nobody())
            .unwrap()
            .contains(&leader)
    );

    up.heal("f1");
    for node in up.nodes() {
        until("all serve again", || up.read(&node, "x").ok());
        assert_eq!(up.read(&node, "x"), Ok(Some(2)));
    }
}

fn paused_leader() {
    let up = Up::new(Mode::Consensus);
    let leader = up.leader();
    let mut others = up.nodes();
    others.retain(|n| *n != leader);
    up.write(&others[0], "x", 1).unwrap();
    run(&up.cluster.pause(&leader));
    run(&up.cluster.pause(&leader));
    assert_eq!(run(&up.cluster.state(&leader)), "paused");
    for node in &others {
        until("another leads", || up.write(node, "x", 2).ok());
    }
    assert!(matches!(up.read(&leader, "x"), Err(ClientError::Lost(_))));
    run(&up.cluster.resume(&leader));
    assert_eq!(run(&up.cluster.state(&leader)), "running");
    assert_eq!(
        until("it serves again", || up.read(&leader, "x").ok()),
        Some(2)
    );
}

fn stale_reads() {
    let up = Up::new(Mode::Quorum { r: 1, w: 1 });
    let nodes = up.nodes();
    up.write(&nodes[0], "x", 1).unwrap();
    for node in &nodes {
        until("replication", || {
            (up.read(node, "x") == Ok(Some(1))).then_some(())
        });
    }
    up.split("f1", &nodes[..2], &nodes[2..]);
    up.write(&nodes[0], "x", 2).unwrap();
    assert_eq!(up.read(&nodes[4], "x"), Ok(Some(1)), "stale");
    assert_eq!(up.cas(&nodes[0], "x", 2, 3), Err(ClientError::Unsupported));
    up.heal("f1");
    for node in &nodes {
        until("convergence", || {
            (up.read(node, "x") == Ok(Some(2))).then_some(())
        });
    }
    run(&up.cluster.kill(&nodes[0]));
    run(&Processes::start(&up.cluster, &nodes[0]));
    assert_eq!(
        until("it is back", || up.read(&nodes[0], "x").ok()),
        Some(2)
    );
}

fn overlapping() {
    let up = Up::new(Mode::Quorum { r: 3, w: 3 });
    let nodes = up.nodes();
    for value in 0..200_usize {
        let at = |shift| &nodes[(value + shift) % nodes.len()];
        up.write(at(0), "x", value as i64).unwrap();
        assert_eq!(up.read(at(3), "x"), Ok(Some(value as i64)));
    }
    up.split("f1", &nodes[..2], &nodes[2..]);
    assert!(matches!(
        up.read(&nodes[0], "x"),
        Err(ClientError::Unavailable(_))
    ));
    let refused = |e| matches!(e, ClientError::Unavailable(_));
    until("a definite no", || {
        up.write(&nodes[0], "y", 1)
            .is_err_and(refused)
            .then_some(())
    });
    up.write(&nodes[4], "x", 1000).unwrap();
    up.heal("f1");
    until("the minority is back", || up.write(&nodes[0], "y", 2).ok());
    assert_eq!(up.read(&nodes[0], "x"), Ok(Some(1000)));
}

fn clock() {
    let up = Up::new(Mode::Quorum { r: 3, w: 3 });
    let nodes = up.nodes();
    run(&up.cluster.set(&nodes[0], -60_000));
    let wrong_by = || -> i64 {
        let shown = run(&up.cluster.wrong_by(&nodes[0]));
        shown.split(' ').next().unwrap().parse().unwrap()
    };
    assert!((wrong_by() + 60_000).abs() < 1_000);
    up.write(&nodes[1], "x", 1).unwrap();
    up.write(&nodes[0], "x", 2).unwrap();
    assert_eq!(
        up.read(&nodes[0], "x"),
        Ok(Some(1)),
        "the later write is lost"
    );
    run(&up.cluster.set(&nodes[0], 0));
    assert!(wrong_by().abs() < 1_000);
    up.write(&nodes[0], "x", 3).unwrap();
    assert_eq!(up.read(&nodes[1], "x"), Ok(Some(3)));
}

fn one_way() {
    let up = Up::new(Mode::Quorum { r: 1, w: 1 });
    let nodes = up.nodes();
    let (deaf, mute) = (&nodes[0], &nodes[1]);
    run(&up.cluster.cut("f1", deaf, &[Peer::Node(mute.clone())]));
    // A probe needs both directions: its question, or its answer, is what is dropped.
    assert!(!up.reaches(deaf, mute) && !up.reaches(mute, deaf));
    assert!(up.reaches(deaf, &nodes[2]) && up.reaches(&nodes[2], mute));
    // Without the others, who would carry writes around the cut, they go one way only.
    up.split("f2", &nodes[..2], &nodes[2..]);
    up.write(mute, "from-mute", 1).unwrap();
    up.write(deaf, "from-deaf", 1).unwrap();
    until("arrival", || {
        (up.read(mute, "from-deaf") == Ok(Some(1))).then_some(())
    });
    assert_eq!(up.read(deaf, "from-mute"), Ok(None));
    let asked: u64 = run(&up.cluster.dropped("f1", deaf)).parse().unwrap();
    assert!(asked > 0);
    assert_eq!(run(&up.cluster.remaining(deaf)), "f1\nf2");
    assert_eq!(run(&up.cluster.remaining(mute)), "f2");
    up.heal("f1");
    until("arrival", || {
        (up.read(deaf, "from-mute") == Ok(Some(1))).then_some(())
    });
}

fn slow_links() {
    let up = Up::new(Mode::Quorum { r: 3, w: 3 });
    let nodes = up.nodes();
    let milliseconds = |from: usize, to: usize| -> u64 {
        let measure = up
            .cluster
            .measure(Measure::RoundTrip, &nodes[from], &nodes[to]);
        let said = run(&measure.unwrap());
        said.strip_suffix(" ms").unwrap().parse().unwrap()
    };
    // A write that waits for two others, as a client sees it: measured by nobody but us.
    let write = |value: i64| {
        let began = std::time::Instant::now();
        up.write(&nodes[0], "x", value).unwrap();
        began.elapsed().as_millis()
    };
    let slow = Slow {
        delay: 150,
        jitter: 20,
        loss: 0.0,
    };
    let quick = || (0..5).map(write).min().unwrap();
    // A busy machine is slow, too, but not always.
    let soon = |what: &str, so: &dyn Fn() -> bool| until(what, || so().then_some(()));
    soon("all is quick", &|| {
        quick() < 100 && milliseconds(0, 1) < 100
    });
    let others: Vec<_> = nodes[1..].iter().map(|n| (n.clone(), slow)).collect();
    let struck = |fault: &str, from: &[(Node, Slow)]| {
        run(&up.cluster.slow(fault, &nodes[0], from, 7).unwrap());
    };
    struck("f1", &others);
    // One way: the others' answers come late; and what they ask for, too.
    assert!(quick() >= 130, "answers are late");
    assert!(milliseconds(0, 1) >= 130 && milliseconds(1, 0) >= 130);
    soon("no others", &|| milliseconds(1, 2) < 100);
    assert_eq!(run(&up.cluster.remaining(&nodes[0])), "f1");
    // Another fault adds to it, and each heals alone.
    struck("f2", &others[..1]);
    assert!(milliseconds(0, 1) >= 260);
    soon("only there", &|| milliseconds(0, 2) < 260);
    up.heal("f1");
    soon("one is left", &|| {
        (130..260).contains(&milliseconds(0, 1)) && milliseconds(0, 2) < 100
    });
    up.heal("f2");
    soon("all is quick again", &|| {
        quick() < 100 && milliseconds(0, 1) < 100
    });

    let lossy = Slow {
        loss: 30.0,
        ..Slow::default()
    };
    let lost = |from: usize, to: usize| -> u64 {
        let measure = up.cluster.measure(Measure::Loss, &nodes[from], &nodes[to]);
        let said = run(&measure.unwrap());
        said.strip_suffix(" lost").unwrap().parse().unwrap()
    };
    assert_eq!(lost(0, 1), 0);
    struck("f3", &[(nodes[1].clone(), lossy)]);
    assert!((15..50).contains(&lost(1, 0)), "questions are lost");
    assert!((15..50).contains(&lost(0, 1)), "so are answers");
    assert_eq!(lost(0, 2), 0);
    up.heal("f3");
    assert_eq!((lost(0, 1), lost(1, 0)), (0, 0));
}

fn terminated() {
    let up = Up::new(Mode::Consensus);
    let node = &up.nodes()[0];
    run(&up.cluster.terminate(node).unwrap());
    assert_eq!(run(&up.cluster.state(node)), "gone");
    // Nothing to end is no error.
    run(&up.cluster.terminate(node).unwrap());
    run(&Processes::start(&up.cluster, node));
    assert_eq!(run(&up.cluster.state(node)), "running");
}

fn cut_clients() {
    let up = Up::new(Mode::Consensus);
    let nodes = up.nodes();
    let clients = Peer::Clients {
        addresses: vec!["127.0.0.1".into()],
        port: up.cluster.client_port(&nodes[0]),
    };
    run(&up.cluster.cut("f1", &nodes[0], &[clients]));
    assert_eq!(
        up.write(&nodes[0], "x", 1),
        Err(ClientError::Lost("timeout".into()))
    );
    assert!(up.reaches(&nodes[1], &nodes[0]));
    assert_eq!(up.read(&nodes[1], "x"), Ok(None));
    up.heal("f1");
    up.write(&nodes[0], "x", 1).unwrap();
}

fn cut_survives() {
    let up = Up::new(Mode::Quorum { r: 1, w: 1 });
    let nodes = up.nodes();
    let from = [Peer::Node(nodes[1].clone())];
    for fault in ["f1", "f2", "f2"] {
        run(&up.cluster.cut(fault, &nodes[0], &from));
    }
    run(&up.cluster.kill(&nodes[0]));
    run(&up.cluster.kill(&nodes[0]));
    run(&Processes::start(&up.cluster, &nodes[0]));
    until("it serves", || up.read(&nodes[0], "x").ok());
    assert_eq!(run(&up.cluster.remaining(&nodes[0])), "f1\nf2");
    assert!(!up.reaches(&nodes[1], &nodes[0]));
    up.heal("f1");
    up.heal("f1");
    assert_eq!(run(&up.cluster.remaining(&nodes[0])), "f2");
    assert!(!up.reaches(&nodes[1], &nodes[0]));
    up.heal("f2");
    assert!(up.reaches(&nodes[1], &nodes[0]));
}

fn fresh() {
    let up = Up::new(Mode::Consensus);
    let node = &up.nodes()[0];
    up.write(node, "x", 1).unwrap();
    run(&up
        .cluster
        .cut("f1", node, &[Peer::Node(up.nodes()[1].clone())]));
    System::start(&up.cluster, &nobody()).unwrap();
    up.cluster.await_healthy(&nobody(), LONG).unwrap();
    assert_eq!(up.read(node, "x"), Ok(None));
    assert_eq!(run(&up.cluster.remaining(node)), "");
    up.cluster.stop(&nobody()).unwrap();
    for node in up.nodes() {
        assert_eq!(run(&up.cluster.state(&node)), "gone");
    }
}

fn strangers() {
    let up = Up::new(Mode::Quorum { r: 1, w: 1 });
    let port = up.cluster.client_port(&up.nodes()[0]);
    let status = |path: &str, token: &str| {
        let request = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = request.post(format!("http://127.0.0.1:{port}{path}"));
        let request = request.header("x-schism-token", token).body("{}").send();
        up.runtime.block_on(request).unwrap().status().as_u16()
    };
    let layout = fs::read(up.home.path().join("cluster/cluster.json")).unwrap();
    let layout: serde_json::Value = serde_json::from_slice(&layout).unwrap();
    let token = layout["token"].as_str().unwrap();
    for path in ["/peer/quorum/merge", "/admin/dropped", "/nowhere"] {
        assert_eq!(status(path, "guess"), 401, "{path}");
    }
    for path in ["/peer/quorum/merge", "/admin/dropped"] {
        assert_eq!(status(path, token), 200, "{path}");
    }
}

fn own(dir: &Path) -> ! {
    let cluster = launch(dir.to_owned(), Mode::Quorum { r: 1, w: 1 });
    let paused = &cluster.nodes()[1];
    run(&cluster.pause(paused));
    println!("ready");
    loop {
        std::thread::park();
    }
}

fn owner_killed() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("cluster");
    let mut owner = std::process::Command::new(env::current_exe().unwrap())
        .args(["owner".as_ref(), dir.as_os_str()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let stdout = owner.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    // Whoever has the directory among its arguments is of this cluster.
    let needle = dir.to_str().unwrap().as_bytes();
    let members = || {
        let pids = fs::read_dir("/proc").unwrap().flatten();
        let theirs = pids.filter(|pid| {
            let words = fs::read(pid.path().join("cmdline")).unwrap_or_default();
            words.windows(needle.len()).any(|w| w == needle)
        });
        theirs.count()
    };
    assert_eq!(members(), 7, "owner, guard, five servers");
    owner.kill().unwrap();
    owner.wait().unwrap();
    until("all of them gone", || (members() == 0).then_some(()));
}

fn gone() {
    let up = Up::new(Mode::Quorum { r: 1, w: 1 });
    let Up { cluster, home, .. } = up;
    let node = cluster.nodes()[0].clone();
    let processes = [
        cluster.kill(&node),
        Processes::start(&cluster, &node),
        cluster.resume(&node),
    ];
    let net = [cluster.heal("f1", &node), cluster.remaining(&node)];
    let state = cluster.state(&node);
    let evidence = [cluster.reaches(&node, &node), cluster.dropped("f1", &node)];
    drop(cluster);
    for command in processes.iter().chain(&net) {
        assert_eq!(run(command), "");
    }
    assert_eq!(run(&state), "gone");
    for command in &evidence {
        assert!(!exec(command).0);
    }
    drop(home);
    assert_eq!(run(&processes[1]), "");
}
