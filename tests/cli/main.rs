//! The program as its users see it, where it needs no cluster: arguments, configuration, history files, exit codes.

mod adapters;
mod judging;
mod listing;
mod notations;
#[path = "../support/mod.rs"]
mod support;

use support::Shell;

/// Two clients: a write is acknowledged, then a read returns what was there before it.
const STALE: &str = r#"{"index":0,"time":1000000,"process":0,"type":"invoke","f":"write","key":"x","value":1,"node":"n1"}
{"index":1,"time":2000000,"process":0,"type":"ok","f":"write","key":"x","value":1,"node":"n1"}
{"index":2,"time":3000000,"process":0,"type":"invoke","f":"write","key":"x","value":2,"node":"n1"}
{"index":3,"time":4000000,"process":0,"type":"ok","f":"write","key":"x","value":2,"node":"n1"}
{"index":4,"time":5000000,"process":1,"type":"invoke","f":"read","key":"x","node":"n2"}
{"index":5,"time":6000000,"process":1,"type":"ok","f":"read","key":"x","value":1,"node":"n2"}
"#;

fn good() -> String {
    STALE.replace(
        r#""key":"x","value":1,"node":"n2""#,
        r#""key":"x","value":2,"node":"n2""#,
    )
}

#[test]
fn help_shows_the_exit_codes() {
    Shell::new()
        .schism(&["--help"])
        .code(0)
        .says("at least one violation")
        .says("demo");
}

#[test]
fn a_history_without_a_violation_passes_and_says_on_what_evidence() {
    let shell = Shell::new();
    shell.write("h.jsonl", &good());
    shell
        .schism(&["check", "h.jsonl"])
        .code(0)
        .says("PASS")
        .says("no violation found");
}

#[test]
fn a_stale_read_fails_in_words_with_value_key_and_nodes() {
    let shell = Shell::new();
    shell.write("h.jsonl", STALE);
    let said = shell.schism(&["check", "h.jsonl"]).code(1);
    said.says("FAIL").says("stale read").says("n2").says("x=2");
}

#[test]
fn the_json_verdict_is_one_of_four_words() {
    let shell = Shell::new();
    shell.write("h.jsonl", STALE);
    let said = shell.schism(&["check", "h.jsonl", "--json"]).code(1);
    let verdict: serde_json::Value = serde_json::from_str(&said.out).expect("one JSON object");
    assert_eq!(verdict["verdict"], "fail");
    assert_eq!(verdict["findings"][0]["code"], "stale-read");
}

#[test]
fn jepsens_own_history_is_judged_and_its_assumptions_are_said() {
    let shell = Shell::new();
    let edn = "{:type :invoke, :f :write, :value 1, :process 0}\n{:type :ok, :f :write, :value 1, :process 0}\n\
               {:type :invoke, :f :read, :value nil, :process 1}\n{:type :ok, :f :read, :value 1, :process 1}\n";
    shell.write("good.edn", edn);
    shell
        .schism(&["check", "good.edn"])
        .code(0)
        .says("EDN")
        .says("0 at first")
        .says("PASS");
    shell.write(
        "bad.edn",
        &edn.replace(":read, :value 1", ":read, :value 2"),
    );
    shell.schism(&["check", "bad.edn"]).code(1).says("2");
    shell.write("broken.edn", &edn.replace(":process 1}", ":process"));
    shell
        .schism(&["check", "broken.edn"])
        .code(2)
        .says("broken.edn:");
    shell.write("poem.txt", "roses are red\n");
    shell
        .schism(&["check", "poem.txt"])
        .code(2)
        .says("poem.txt");
}

#[test]
fn a_torn_last_line_is_dropped_and_mentioned() {
    let shell = Shell::new();
    let torn = format!("{}{}", good(), r#"{"index":6,"time":70"#);
    shell.write("h.jsonl", &torn);
    shell.schism(&["check", "h.jsonl"]).code(0).says("torn");
}

#[test]
fn a_corrupt_line_is_named_by_file_line_and_reason() {
    let shell = Shell::new();
    shell.write(
        "h.jsonl",
        &STALE.replace(
            r#""type":"ok","f":"write","key":"x","value":2"#,
            r#""type":"maybe""#,
        ),
    );
    shell
        .schism(&["check", "h.jsonl"])
        .code(2)
        .says("h.jsonl:4")
        .says("maybe");
}

#[test]
fn a_completion_without_a_call_is_named_by_line() {
    let shell = Shell::new();
    let orphan: String = STALE.lines().skip(1).map(|l| format!("{l}\n")).collect();
    shell.write("h.jsonl", &orphan);
    shell
        .schism(&["check", "h.jsonl"])
        .code(2)
        .says("h.jsonl:1")
        .says("never made");
}

#[test]
fn an_unknown_key_in_the_configuration_stops_before_anything_runs() {
    let shell = Shell::new();
    shell.write("s.yaml", "version: 1\nrun:\n  tyme: 5s\n");
    shell
        .schism(&["run", "s.yaml"])
        .code(2)
        .says("s.yaml:3:3")
        .says("did you mean `time`?");
    assert!(!shell.path().join("runs").exists());
}

#[test]
fn a_bad_duration_says_what_to_write() {
    let shell = Shell::new();
    shell
        .schism(&["run", "--time", "90"])
        .code(2)
        .says("--time")
        .says("90s");
    shell.schism(&["run", "--time", "soon"]).code(2).says("30s");
}

#[test]
fn an_unknown_target_lists_those_there_are() {
    Shell::new()
        .schism(&["run", "etdc"])
        .code(2)
        .says("did you mean etcd?")
        .says("embedded");
}

#[test]
fn an_unknown_fault_lists_those_there_are() {
    Shell::new()
        .schism(&["run", "--faults", "partitoin"])
        .code(2)
        .says("did you mean partition");
}

#[test]
fn faults_are_listed_with_what_they_need_and_whether_a_target_can_take_them() {
    let shell = Shell::new();
    let all = shell.schism(&["list", "faults"]).code(0);
    all.says("kill: ").says("needs: ").says("healed: ");
    let said = shell
        .schism(&["list", "faults", "embedded", "--json"])
        .code(0);
    let said: serde_json::Value = serde_json::from_str(&said.out).expect("one JSON object");
    let fault = |name: &str| {
        let faults = said["faults"].as_array().expect("a list").iter();
        faults
            .clone()
            .find(|f| f["fault"] == name)
            .expect("a fault")
    };
    assert_eq!(fault("partition")["possible"], true);
    assert_eq!(fault("kill")["refused"], serde_json::json!([]));
    shell
        .schism(&["list", "faults", "etcd"])
        .code(2)
        .says("--lab");
    shell
        .schism(&["list", "runs", "etcd"])
        .code(2)
        .says("list faults");
}

#[test]
fn an_option_of_another_target_is_refused() {
    Shell::new()
        .schism(&["run", "embedded", "--serializable"])
        .code(2)
        .says("etcd");
}

#[test]
fn a_fault_that_the_target_cannot_take_is_refused_with_what_to_do_instead() {
    let shell = Shell::new();
    // Nobody leads where every node is equal.
    let args = [
        "run",
        "embedded",
        "--mode",
        "quorum",
        "--faults",
        "kill@leader",
    ];
    shell.schism(&args).code(2).says("leader");
    assert!(!shell.path().join("runs").exists());
}

#[test]
fn an_unreachable_host_is_an_infrastructure_error_that_names_it() {
    // Nothing listens on port 1 of the loopback interface.
    let args = [
        "run",
        "etcd",
        "--node",
        "127.0.0.1:1",
        "--ssh-user",
        "nobody",
    ];
    Shell::new()
        .schism(&args)
        .code(4)
        .says("127.0.0.1:1")
        .says("n1");
}

#[test]
fn etcd_without_a_cluster_says_how_to_give_it_one() {
    Shell::new()
        .schism(&["run", "etcd"])
        .code(2)
        .says("--lab 5")
        .says("--node");
}

#[test]
fn a_run_that_is_not_there_is_a_usage_error() {
    let shell = Shell::new();
    shell.schism(&["show", "nosuch"]).code(2).says("no run");
    shell.schism(&["check", "nosuch"]).code(2).says("nosuch");
    shell.schism(&["list"]).code(0).says("no runs");
}

#[test]
fn text_from_the_system_under_test_cannot_reach_the_terminal_as_control_characters() {
    let shell = Shell::new();
    let hostile = STALE.replace(r#""node":"n2""#, r#""node":"\u001b[31mn2\u202e::error::""#);
    shell.write("h.jsonl", &hostile);
    let said = shell.schism(&["check", "h.jsonl"]).code(1);
    assert!(
        !said.out.contains('\u{1b}') && !said.out.contains('\u{202e}'),
        "{:?}",
        said.out
    );
    assert!(
        !said.err.contains('\u{1b}') && !said.err.contains('\u{202e}'),
        "{:?}",
        said.err
    );
}
