//! The conformance kit.

use super::{Shell, bad, have, tested, with};

const REDIS: [&str; 2] = ["redis-server", "python3"];

#[test]
fn honest_adapters_pass_every_check() {
    if !have(&["etcd", "redis-server", "python3"]) {
        return;
    }
    for file in ["etcd-v2.http.yaml", "redis.yaml"] {
        let shell = Shell::new();
        with(&shell, &[]);
        let (ended, checks) = tested(&shell, file, &[]);
        // On a busy machine there may be advice: what is asked of the time that things take.
        assert_eq!(bad(&checks), [""; 0], "{file}: {checks:#?}");
        assert_eq!(ended.code, Some(0));
        assert_eq!(checks.len(), 12);
        let drill = checks
            .iter()
            .find(|c| c["name"] == "lie drill")
            .expect("it is made");
        assert!(
            drill["saw"]
                .as_str()
                .expect("text")
                .contains("killed, paused and cut off"),
            "{drill}"
        );
    }
}

const LOCKED: &str = r#"import fcntl


def locked(ask, *words):
    with open("lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return ask(*words)


class Redis:"#;

const GONE: &str = r#"def gone(*_):
    raise NotSent("gone")


class Redis:"#;

/// A mistake: what it is, what makes it of the good program, and the check that is for it.
type Mistake = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

const MISTAKES: [Mistake; 12] = [
    (
        "a time limit is taken for a refusal",
        &[(
            "say(id=m[\"id\"], info=f\"timeout: {e}\")",
            "say(id=m[\"id\"], fail=f\"timeout: {e}\")",
        )],
        "lie drill",
    ),
    (
        "a lost connection is taken for a refusal",
        &[(
            "say(id=m[\"id\"], info=f\"error: {e}\")",
            "say(id=m[\"id\"], fail=f\"error: {e}\")",
        )],
        "lie drill",
    ),
    (
        "a call that nobody acknowledged is ok",
        &[(
            "say(id=m[\"id\"], info=f\"error: {e}\")",
            "say(id=m[\"id\"], ok=None)",
        )],
        "lie drill",
    ),
    (
        "it is never ready",
        &[("say(ready=", "say(steady=")],
        "starts",
    ),
    (
        "it cannot write",
        &[(
            "\"ops\": [\"read\", \"write\", \"cas\"]",
            "\"ops\": [\"read\"]",
        )],
        "says what it does",
    ),
    (
        "values come back as text",
        &[("ok=None if value is None else int(value)", "ok=value")],
        "reads what it wrote",
    ),
    (
        "what is not there is zero",
        &[(
            "ok=None if value is None else int(value)",
            "ok=int(value or 0)",
        )],
        "absent is absent",
    ),
    (
        "a mismatch is taken for an error",
        &[("{\"fail\": \"mismatch\"}", "{\"info\": \"mismatch\"}")],
        "a mismatch is fail",
    ),
    (
        "calls that it does not know are ok",
        &[("fail=\"unsupported\"", "ok=None")],
        "unknown calls refused",
    ),
    (
        "it chats",
        &[(
            "redis.ask(\"SET\", m[\"key\"], m[\"value\"])",
            "redis.ask(\"SET\", m[\"key\"], m[\"value\"]); print(\"wrote\", flush=True)",
        )],
        "clean output",
    ),
    (
        "a lock that all workers share",
        &[
            ("class Redis:", LOCKED),
            ("redis.ask(\"SET\",", "locked(redis.ask, \"SET\","),
        ],
        "workers are independent",
    ),
    (
        "a connection that was refused once is refused for ever",
        &[
            ("class Redis:", GONE),
            (
                "raise NotSent(f\"no-connection: {e}\")",
                "self.ask = gone; raise NotSent(f\"gone: {e}\")",
            ),
        ],
        "reconnects",
    ),
];

#[test]
fn each_mistake_is_caught_by_the_check_that_is_for_it() {
    if !have(&REDIS) {
        return;
    }
    for some in MISTAKES.chunks(4) {
        side_by_side(some, is_caught);
    }
}

/// They mostly wait.
fn side_by_side<T: Sync>(all: &[T], each: impl Fn(&T) + Sync) {
    std::thread::scope(|scope| {
        for one in all {
            let each = &each;
            scope.spawn(move || each(one));
        }
    });
}

fn is_caught((what, changes, check): &Mistake) {
    let shell = Shell::new();
    let changes: Vec<_> = changes
        .iter()
        .map(|(from, to)| ("redis.py", *from, *to))
        .collect();
    with(&shell, &changes);
    let (ended, checks) = tested(&shell, "redis.yaml", &[]);
    assert!(bad(&checks).contains(check), "{what}: {checks:#?}");
    assert_eq!(ended.code, Some(1), "{what}");
    let told = checks
        .iter()
        .find(|c| c["name"] == *check)
        .expect("it is there");
    assert!(
        !told["fix"].as_str().expect("text").is_empty(),
        "{what}: {told}"
    );
}

#[test]
fn rules_of_a_file_that_lie_are_caught() {
    if !have(&["etcd"]) {
        return;
    }
    let outcomes = |rules: &str| format!("timeout: 1s\noutcomes: {{ {rules} }}\nlaunch:");
    let lies = [
        "fail: [refused, timeout]",
        "fail: [refused, reset]",
        "ok: [2xx, timeout]",
    ];
    side_by_side(&lies, |rules| {
        let shell = Shell::new();
        let changes = [("etcd-v2.http.yaml", "launch:", &*outcomes(rules))];
        with(&shell, &changes);
        let (ended, checks) = tested(&shell, "etcd-v2.http.yaml", &[]);
        assert_eq!(bad(&checks), ["lie drill"], "{rules}: {checks:#?}");
        assert_eq!(ended.code, Some(1), "{rules}");
    });
    let shell = Shell::new();
    with(&shell, &[("etcd-v2.http.yaml", ", absent: 404", "")]);
    assert!(bad(&tested(&shell, "etcd-v2.http.yaml", &[]).1).contains(&"absent is absent"));
}

#[test]
fn where_there_is_no_node_it_says_what_to_do_and_ends_with_4() {
    let shell = Shell::new();
    with(&shell, &[]);
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("bound")
        .port();
    let at = format!("127.0.0.1:{port}");
    let said = shell.schism(&["adapter", "test", "redis.yaml", "--at", &at]);
    said.code(4).says(&format!("nobody serves at {at}"));
    for (wrong, told) in [
        (&["adapter", "test", "no.yaml"][..], "cannot read no.yaml"),
        (
            &["adapter", "test", "redis.yaml", "--at", "6379"],
            "write localhost:7000",
        ),
        (
            &["adapter", "try", "redis.yaml", "reed", "key=1"],
            "read, write and cas",
        ),
        (
            &["adapter", "try", "redis.yaml", "write", "key=1"],
            "write key=NUMBER value=NUMBER",
        ),
        (
            &["adapter", "try", "redis.yaml", "read", "key=x"],
            "read key=NUMBER",
        ),
    ] {
        shell.schism(wrong).code(2).says(told);
    }
}
