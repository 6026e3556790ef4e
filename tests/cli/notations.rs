//! `schism export` and `schism import`: histories from one notation into another and back.

use crate::support::Shell;

/// A journal of each kind, one call of each function and each way to end.
const JOURNALS: [(&str, &str); 15] = [
    (
        "register",
        r#"{"index":0,"time":10,"process":0,"type":"invoke","f":"write","key":"x y","value":17,"node":"n2"}
{"index":1,"time":20,"process":1,"type":"invoke","f":"read","key":"x y"}
{"index":2,"time":30,"process":0,"type":"ok","f":"write","key":"x y","node":"n2"}
{"index":3,"time":40,"process":1,"type":"ok","f":"read","key":"x y","value":null}
{"index":5,"time":50,"process":1,"type":"invoke","f":"cas","key":3,"value":[17,-2],"node":"n1"}
{"index":6,"time":60,"process":1,"type":"fail","f":"cas","key":3,"error":"cas-mismatch","node":"n1"}
{"index":7,"time":70,"process":0,"type":"invoke","f":"write","key":3,"value":1}
{"index":9,"time":80,"process":0,"type":"info","f":"write","key":3,"error":["timeout","after 5 s: \"\\"]}
{"index":10,"time":90,"process":1,"type":"invoke","f":"read","key":3}
"#,
    ),
    (
        "list-append",
        r#"{"index":0,"time":10,"process":0,"type":"invoke","f":"txn","value":[["append",1,5],["r","k",null]]}
{"index":1,"time":20,"process":0,"type":"ok","f":"txn","value":[["append",1,5],["r","k",[5,6]]]}
"#,
    ),
    (
        "rw-register",
        r#"{"index":0,"time":10,"process":0,"type":"invoke","f":"txn","value":[["w",1,5],["r","k",null]]}
{"index":1,"time":20,"process":0,"type":"ok","f":"txn","value":[["w",1,5],["r","k",null]]}
"#,
    ),
    (
        "set-full",
        r#"{"index":0,"time":10,"process":0,"type":"invoke","f":"add","key":"a","value":5}
{"index":1,"time":20,"process":0,"type":"ok","f":"add","key":"a"}
{"index":2,"time":30,"process":0,"type":"invoke","f":"read","key":"a"}
{"index":3,"time":40,"process":0,"type":"ok","f":"read","key":"a","value":[5]}
"#,
    ),
    (
        "counter",
        r#"{"index":0,"time":10,"process":0,"type":"invoke","f":"add","value":5}
{"index":1,"time":20,"process":0,"type":"ok","f":"add"}
{"index":2,"time":30,"process":0,"type":"invoke","f":"add","value":5}
{"index":3,"time":40,"process":0,"type":"ok","f":"add","value":10}
{"index":4,"time":50,"process":0,"type":"invoke","f":"read"}
{"index":5,"time":60,"process":0,"type":"ok","f":"read","value":10}
"#,
    ),
    (
        "bank",
        r#"{"index":0,"time":10,"process":0,"type":"invoke","f":"transfer","value":{"from":0,"to":"b","amount":5}}
{"index":1,"time":20,"process":0,"type":"ok","f":"transfer"}
{"index":2,"time":30,"process":0,"type":"invoke","f":"read"}
{"index":3,"time":40,"process":0,"type":"ok","f":"read","value":{"0":5,"b":null}}
"#,
    ),
    (
        "unique-ids",
        r#"{"index":0,"time":10,"process":0,"type":"invoke","f":"generate"}
{"index":1,"time":20,"process":0,"type":"ok","f":"generate","value":"n1-1"}
"#,
    ),
    (
        "queue",
        r#"{"index":0,"time":10,"process":0,"type":"invoke","f":"enqueue","key":1,"value":5}
{"index":1,"time":20,"process":0,"type":"ok","f":"enqueue","key":1}
{"index":2,"time":30,"process":0,"type":"invoke","f":"dequeue","key":1}
{"index":3,"time":40,"process":0,"type":"ok","f":"dequeue","key":1,"value":null}
{"index":4,"time":50,"process":0,"type":"invoke","f":"drain","key":1}
{"index":5,"time":60,"process":0,"type":"ok","f":"drain","key":1,"value":[5]}
"#,
    ),
    (
        "lock",
        r#"{"index":0,"time":10,"process":0,"type":"invoke","f":"acquire","key":"l"}
{"index":1,"time":20,"process":0,"type":"ok","f":"acquire","key":"l","value":4}
{"index":2,"time":30,"process":0,"type":"invoke","f":"release","key":"l"}
{"index":3,"time":40,"process":0,"type":"ok","f":"release","key":"l"}
"#,
    ),
    (
        "election",
        r#"{"index":0,"time":10,"process":0,"type":"invoke","f":"leader","key":"g"}
{"index":1,"time":20,"process":0,"type":"ok","f":"leader","key":"g","value":{"term":4,"leader":"n1"}}
"#,
    ),
    (
        "consensus",
        r#"{"index":0,"time":10,"process":0,"type":"invoke","f":"propose","value":3}
{"index":1,"time":20,"process":0,"type":"ok","f":"propose","value":4}
{"index":2,"time":30,"process":0,"type":"invoke","f":"learn"}
{"index":3,"time":40,"process":0,"type":"ok","f":"learn","value":null}
"#,
    ),
    (
        "atomic-commit",
        r#"{"index":0,"time":10,"process":0,"type":"invoke","f":"write","value":3}
{"index":1,"time":20,"process":0,"type":"ok","f":"write"}
{"index":2,"time":30,"process":0,"type":"invoke","f":"read"}
{"index":3,"time":40,"process":0,"type":"ok","f":"read","value":[3,null]}
"#,
    ),
    (
        "snapshot",
        r#"{"index":0,"time":10,"process":0,"type":"invoke","f":"write","key":1,"value":3}
{"index":1,"time":20,"process":0,"type":"ok","f":"write","key":1}
{"index":2,"time":30,"process":0,"type":"invoke","f":"read","value":[1,"b"]}
{"index":3,"time":40,"process":0,"type":"ok","f":"read","value":[3,null]}
"#,
    ),
    (
        "write-skew",
        r#"{"index":0,"time":10,"process":0,"type":"invoke","f":"insert","key":1,"value":3}
{"index":1,"time":20,"process":0,"type":"ok","f":"insert","key":1}
"#,
    ),
    (
        "monotonic",
        r#"{"index":0,"time":10,"process":0,"type":"invoke","f":"add"}
{"index":1,"time":20,"process":0,"type":"ok","f":"add","value":{"time":17,"value":1}}
{"index":2,"time":30,"process":0,"type":"invoke","f":"read"}
{"index":3,"time":40,"process":0,"type":"ok","f":"read","value":[{"time":17,"value":1},{"time":18,"value":2}]}
"#,
    ),
];

#[test]
fn each_kind_of_history_becomes_edn_and_comes_back_as_it_was() {
    for (workload, journal) in JOURNALS {
        let shell = Shell::new();
        shell.write("h.jsonl", journal);
        let there = ["export", "h.jsonl", "--workload", workload, "-o", "h.edn"];
        shell.schism(&there).code(0).says("h.edn: ");
        let edn = std::fs::read_to_string(shell.path().join("h.edn")).expect("written");
        assert!(edn.starts_with("{:index 0, :time 10, :type :invoke, :process 0, :f :"));
        let mut back = vec!["import", "h.edn", "--workload", workload];
        if workload == "register" {
            back.extend(["--initial", "nil", "--nil", "value"]);
        }
        let back = shell.schism(&back).code(0);
        assert_eq!(back.out, journal, "{workload}:\n{edn}");
    }
}

#[test]
fn keys_and_values_are_written_as_jepsens_independent_has_them() {
    let shell = Shell::new();
    shell.write("h.jsonl", JOURNALS[0].1);
    let said = shell.schism(&["export", "h.jsonl", "--to", "edn"]).code(0);
    let first = "{:index 0, :time 10, :type :invoke, :process 0, :f :write, :value [\"x y\" 17], :node \"n2\"}\n";
    assert!(said.out.starts_with(first), "{}", said.out);
    said.says("{:index 6, :time 60, :type :fail, :process 1, :f :cas, :value [3 [17 -2]], :error :cas-mismatch, :node \"n1\"}\n");
}

#[test]
fn what_was_assumed_is_told_to_whoever_judges_the_copy() {
    let shell = Shell::new();
    let edn = "{:type :invoke, :f :read, :value nil, :process 0}\n{:type :ok, :f :read, :value 0, :process 0}\n";
    shell.write("h.edn", edn);
    shell
        .schism(&["import", "h.edn", "-o", "h.jsonl"])
        .code(0)
        .says(
            "h.jsonl: 1 calls; to judge it: schism check h.jsonl --workload register --initial 0\n",
        );
    let judge = ["check", "h.jsonl", "--workload", "register"];
    shell.schism(&judge).code(1).says("value from nowhere");
    shell
        .schism(&[&judge[..], &["--initial", "0"]].concat())
        .code(0);
    shell
        .schism(&["export", "h.jsonl", "--initial", "0", "-o", "again.edn"])
        .code(0)
        .says("--initial 0 --nil value");
}

#[test]
fn mistakes_are_named_by_file_line_and_column_and_leave_nothing_behind() {
    let shell = Shell::new();
    shell.write(
        "h.edn",
        "{:type :invoke, :f :write, :value 1, :process 0}\n  {:type :ok, :f :write :value}\n",
    );
    let wrong = shell.schism(&["import", "h.edn", "-o", "h.jsonl"]).code(2);
    wrong.says("h.edn:2:");
    assert!(!shell.path().join("h.jsonl").exists());
    shell.write("h.jsonl", "{\"index\":0,\"time\":0,\n");
    shell
        .schism(&["export", "h.jsonl", "--workload", "register"])
        .code(2)
        .says("h.jsonl:1:");
    shell
        .schism(&["import", "nosuch.edn"])
        .code(2)
        .says("nosuch.edn");
    shell.schism(&["export", "nosuch"]).code(2).says("no run");
    shell
        .schism(&["import", "h.edn", "--workload", "regster"])
        .code(2)
        .says("did you mean register?");
}

#[test]
fn a_history_is_never_written_over_itself() {
    let shell = Shell::new();
    shell.write("h.jsonl", JOURNALS[6].1);
    shell
        .schism(&["export", "h.jsonl", "-o", "./h.jsonl"])
        .code(2)
        .says("is the history itself");
    let there = std::fs::read_to_string(shell.path().join("h.jsonl")).expect("there");
    assert_eq!(there, JOURNALS[6].1);
    shell
        .schism(&["export", "h.jsonl", "-o", "no/such/dir.edn"])
        .code(2)
        .says("no/such/dir.edn");
}

#[test]
fn sessions_without_real_time_are_not_given_one() {
    let shell = Shell::new();
    shell.write("h.txt", "w 1 1\n-----\n=====\nr 1 1\n-----\n");
    shell
        .schism(&["import", "h.txt"])
        .code(2)
        .says("says nothing of real time");
}
