//! `schism check` on histories of every kind, in every notation.

use crate::support::Shell;

/// Each line a call that was made and ended at once: `PROCESS TYPE F ASKED ANSWERED`.
fn edn(calls: &[(&str, &str, &str)]) -> String {
    let line = |(i, (f, asked, answered)): (usize, &(&str, &str, &str))| {
        let process = i % 2;
        format!(
            "{{:type :invoke, :f :{f}, :value {asked}, :process {process}}}\n\
             {{:type :ok, :f :{f}, :value {answered}, :process {process}}}\n"
        )
    };
    calls.iter().enumerate().map(line).collect()
}

#[test]
fn each_kind_of_history_is_recognized_and_judged() {
    type Row = (
        &'static str,
        &'static [(&'static str, &'static str, &'static str)],
        &'static str,
        &'static str,
    );
    let rows: [Row; 30] = [
        (
            "register",
            &[("write", "1", "1"), ("read", "nil", "1")],
            "✓ pass",
            "no violation found",
        ),
        (
            "register",
            &[("write", "1", "1"), ("read", "nil", "7")],
            "✗ fail",
            "value from nowhere",
        ),
        (
            "list-append",
            &[(
                "txn",
                "[[:append 1 1] [:r 1 nil]]",
                "[[:append 1 1] [:r 1 [1]]]",
            )],
            "✓ pass",
            "no violation found",
        ),
        (
            "list-append",
            &[(
                "txn",
                "[[:append 1 1] [:r 1 nil]]",
                "[[:append 1 1] [:r 1 [1 1]]]",
            )],
            "✗ fail",
            "element twice",
        ),
        (
            "rw-register",
            &[
                ("txn", "[[:w 1 1]]", "[[:w 1 1]]"),
                ("txn", "[[:r 1 nil]]", "[[:r 1 1]]"),
            ],
            "✓ pass",
            "no violation found",
        ),
        (
            "rw-register",
            &[("txn", "[[:w 1 1] [:r 1 nil]]", "[[:w 1 1] [:r 1 2]]")],
            "✗ fail",
            "",
        ),
        (
            "set-full",
            &[
                ("add", "1", "1"),
                ("add", "2", "2"),
                ("read", "nil", "[2 1]"),
            ],
            "✓ pass",
            "no violation found",
        ),
        (
            "set-full",
            &[
                ("add", "1", "1"),
                ("add", "2", "2"),
                ("read", "nil", "#{2}"),
            ],
            "✗ fail",
            "lost element",
        ),
        (
            "counter",
            &[("add", "5", "5"), ("add", "2", "2"), ("read", "nil", "7")],
            "✓ pass",
            "no violation found",
        ),
        (
            "counter",
            &[("add", "5", "5"), ("add", "2", "2"), ("read", "nil", "2")],
            "✗ fail",
            "counter too low",
        ),
        (
            "bank",
            &[
                ("read", "nil", "{0 10, 1 0}"),
                ("transfer", "{:from 0, :to 1, :amount 4}", "nil"),
                ("read", "nil", "{0 6, 1 4}"),
            ],
            "✓ pass",
            "no violation found",
        ),
        (
            "bank",
            &[
                ("read", "nil", "{0 10, 1 0}"),
                ("read", "nil", "{0 6, 1 0}"),
            ],
            "✗ fail",
            "total",
        ),
        (
            "unique-ids",
            &[("generate", "nil", "1"), ("generate", "nil", "2")],
            "✓ pass",
            "no violation found",
        ),
        (
            "unique-ids",
            &[("generate", "nil", "1"), ("generate", "nil", "1")],
            "✗ fail",
            "",
        ),
        (
            "queue",
            &[
                ("enqueue", "1", "1"),
                ("dequeue", "nil", "1"),
                ("drain", "nil", "[]"),
            ],
            "✓ pass",
            "no violation found",
        ),
        (
            "queue",
            &[("enqueue", "1", "1"), ("drain", "nil", "[]")],
            "✗ fail",
            "lost",
        ),
        (
            "lock",
            &[("acquire", "nil", "nil"), ("acquire", "nil", "nil")],
            "✗ fail",
            "",
        ),
        (
            "set-full",
            &[("add", "[0 1]", "[0 1]"), ("read", "[0 nil]", "[0 [1]]")],
            "✓ pass",
            "no violation found",
        ),
        (
            "election",
            &[
                ("leader", "nil", "{:term 1, :leader :n1}"),
                ("leader", "nil", "{:term 2, :leader :n2}"),
            ],
            "✓ pass",
            "no violation found",
        ),
        (
            "election",
            &[
                ("leader", "nil", "{:term 1, :leader :n1}"),
                ("leader", "nil", "{:term 1, :leader :n2}"),
            ],
            "✗ fail",
            "two leaders",
        ),
        (
            "consensus",
            &[
                ("propose", "1", "1"),
                ("propose", "2", "1"),
                ("learn", "nil", "1"),
            ],
            "✓ pass",
            "no violation found",
        ),
        (
            "consensus",
            &[("propose", "1", "1"), ("propose", "2", "2")],
            "✗ fail",
            "two different decisions",
        ),
        (
            "atomic-commit",
            &[("write", "1", "1"), ("read", "nil", "[1 1 1]")],
            "✓ pass",
            "no violation found",
        ),
        (
            "atomic-commit",
            &[
                ("write", "1", "1"),
                ("write", "2", "2"),
                ("read", "nil", "[1 1 2]"),
            ],
            "✗ fail",
            "part of a commit",
        ),
        (
            "snapshot",
            &[
                ("read", "[:x :y]", "[nil nil]"),
                ("write", "[:x 1]", "[:x 1]"),
            ],
            "? unknown",
            "nothing-partial",
        ),
        (
            "write-skew",
            &[("insert", "[3 1]", "[3 1]"), ("insert", "[4 2]", "[4 2]")],
            "? unknown",
            "no-contest",
        ),
        (
            "write-skew",
            &[("insert", "[3 1]", "[3 1]"), ("insert", "[3 2]", "[3 2]")],
            "✗ fail",
            "write skew on group 3",
        ),
        (
            "monotonic",
            &[
                ("add", "nil", "{:time 1, :value 1}"),
                ("read", "nil", "[{:time 1, :value 1}]"),
            ],
            "✓ pass",
            "no violation found",
        ),
        (
            "monotonic",
            &[
                ("add", "nil", "{:time 1, :value 1}"),
                ("read", "nil", "[{:time 2, :value 2}]"),
            ],
            "✗ fail",
            "lost row",
        ),
        (
            "unique-ids",
            &[("generate", "nil", "\"a\""), ("generate", "nil", "\"b\"")],
            "✓ pass",
            "no violation found",
        ),
    ];
    let shell = Shell::new();
    let mut names = Vec::new();
    for (i, (_, calls, ..)) in rows.iter().enumerate() {
        let name = format!("{i:02}.edn");
        shell.write(&name, &edn(calls));
        names.push(name);
    }
    let mut args = vec!["check"];
    args.extend(names.iter().map(String::as_str));
    let said = shell.schism(&args).code(1);
    let lines: Vec<&str> = said.out.lines().collect();
    assert_eq!(lines.len(), rows.len(), "{}", said.out);
    for ((workload, _, verdict, about), (name, line)) in rows.iter().zip(names.iter().zip(lines)) {
        assert!(
            line.starts_with(&format!("{verdict}  {name}  {workload}, ")) && line.contains(about),
            "{workload}: {line}"
        );
        // By itself it says what it was taken for, and the same verdict.
        let alone = shell.schism(&["check", name]);
        let code = match *verdict {
            "✗ fail" => 1,
            "? unknown" => 3,
            _ => 0,
        };
        assert_eq!(alone.code, Some(code), "{name}");
        alone.says(&format!("{name}: taken for {workload}: the functions"));
    }
}

#[test]
fn what_cannot_be_told_apart_is_asked_for() {
    let shell = Shell::new();
    shell.write("adds.edn", &edn(&[("add", "1", "1"), ("add", "1", "1")]));
    shell
        .schism(&["check", "adds.edn"])
        .code(2)
        .says("the functions add could be set-full or counter; say which with --workload");
    shell
        .schism(&["check", "adds.edn", "--workload", "counter"])
        .code(3)
        .says("never read");
    shell
        .schism(&[
            "check",
            "adds.edn",
            "--workload=counter",
            "--on-unknown=pass",
        ])
        .code(0)
        .says("UNKNOWN");
    shell.write("odd.edn", &edn(&[("levitate", "1", "1")]));
    shell
        .schism(&["check", "odd.edn"])
        .code(2)
        .says("no workload known here has the functions levitate");
    // As elle-cli ships one: adds of pairs, and reads of numbers.
    shell.write(
        "pairs.edn",
        &edn(&[("add", "[0 1]", "[0 1]"), ("read", "[0 nil]", "[0 1 2]")]),
    );
    shell
        .schism(&["check", "pairs.edn"])
        .code(2)
        .says("--keys pairs, --keys none");
    shell
        .schism(&["check", "pairs.edn", "--keys", "none"])
        .code(1)
        .says("[0 1] is -9223372036854775808");
}

#[test]
fn what_is_expected_decides() {
    let shell = Shell::new();
    // Each reads what the other overwrites: write skew.
    let skew = "{:type :invoke, :f :txn, :value [[:r 1 nil] [:append 2 1]], :process 0}\n\
                {:type :invoke, :f :txn, :value [[:r 2 nil] [:append 1 1]], :process 1}\n\
                {:type :ok, :f :txn, :value [[:r 1 []] [:append 2 1]], :process 0}\n\
                {:type :ok, :f :txn, :value [[:r 2 []] [:append 1 1]], :process 1}\n\
                {:type :invoke, :f :txn, :value [[:r 1 nil] [:r 2 nil]], :process 0}\n\
                {:type :ok, :f :txn, :value [[:r 1 [1]] [:r 2 [1]]], :process 0}\n";
    shell.write("skew.edn", skew);
    for (expect, code) in [
        ("serializable", 1),
        ("strict-serializable", 1),
        ("repeatable-read", 1),
        ("snapshot-isolation", 0),
        ("read-committed", 0),
    ] {
        let said = shell
            .schism(&[
                "check",
                "skew.edn",
                "--workload",
                "list-append",
                "--expect",
                expect,
            ])
            .code(code);
        if code == 1 {
            said.says("write skew");
        }
    }
    shell.write("r.edn", &edn(&[("read", "nil", "5"), ("write", "1", "1")]));
    shell.schism(&["check", "r.edn"]).code(1).says("0 at first");
    shell
        .schism(&[
            "check",
            "r.edn",
            "--model",
            "cas-register",
            "--initial",
            "5",
        ])
        .code(0)
        .says("5 at first");
}

#[test]
fn unknown_names_are_refused_with_what_there_is() {
    let shell = Shell::new();
    shell.write("h.edn", &edn(&[("write", "1", "1"), ("read", "nil", "1")]));
    for (options, says) in [
        (&["--workload", "registr"][..], "did you mean register?"),
        (&["--model", "cas-registr"], "did you mean cas-register?"),
        (&["--expect", "linearisable"], "did you mean linearizable?"),
        (
            &["--workload", "register", "--model", "register"],
            "cannot be used with",
        ),
        (&["--initial", "x"], "nil, unknown or an integer"),
        (&["--workload", "bank", "--initial", "3"], "for registers"),
    ] {
        let mut args = vec!["check", "h.edn"];
        args.extend(options);
        shell.schism(&args).code(2).says(says);
    }
}

#[test]
fn of_several_each_has_a_line_and_the_worst_decides() {
    let shell = Shell::new();
    shell.write(
        "good.edn",
        &edn(&[("write", "1", "1"), ("read", "nil", "1")]),
    );
    shell.write(
        "bad.edn",
        &edn(&[("write", "1", "1"), ("read", "nil", "2")]),
    );
    shell.schism(&["check", "good.edn", "good.edn"]).code(0);
    shell.schism(&["check", "good.edn", "gone.edn"]).code(2);
    shell
        .schism(&["check", "gone.edn", "bad.edn", "good.edn"])
        .code(1)
        .says("! error  gone.edn");
    let said = shell
        .schism(&["check", "--json", "bad.edn", "good.edn", "gone.edn"])
        .code(1);
    let lines: Vec<serde_json::Value> = said
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let verdicts: Vec<&str> = lines.iter().filter_map(|l| l["verdict"].as_str()).collect();
    assert_eq!(verdicts, ["fail", "pass", "error"]);
    assert_eq!(
        lines[3],
        serde_json::json!({ "type": "verdict", "exit": 1, "of": 3 })
    );
}

#[test]
fn a_run_is_not_judged_as_something_else() {
    let shell = Shell::new();
    shell
        .schism(&["check", "latest", "--workload", "bank"])
        .code(2);
}

#[test]
fn the_commands_that_a_finding_names_show_it_again() {
    let shell = Shell::new();
    let two = edn(&[("add", "1", "1"), ("read", "nil", "[]"), ("add", "2", "2")]);
    shell.write("it is mine.edn", &two);
    let said = shell
        .schism(&["check", "it is mine.edn", "--expect", "linearizable"])
        .code(1);
    let again = "schism check 'it is mine.edn' --workload set-full --expect linearizable";
    said.says(again).says(&format!("{again} --finding 1\n"));
    let args = "--workload set-full --expect linearizable --finding";
    let args: Vec<&str> = ["check", "it is mine.edn"]
        .into_iter()
        .chain(args.split(' '))
        .collect();
    let card = shell.schism(&[&args[..], &["1"]].concat()).code(1);
    card.says("Smallest proof").says("Could it be the test?");
    shell
        .schism(&[&args[..], &["2"]].concat())
        .code(2)
        .says("it is mine.edn has no finding 2; it has 1");
    shell
        .schism(&["check", "a.edn", "b.edn", "--finding", "1"])
        .code(2)
        .says("--finding is about one history; give one");
}

#[test]
fn a_pass_is_certified_and_the_order_is_replayed() {
    let shell = Shell::new();
    let lock = edn(&[("acquire", "nil", "nil"), ("release", "nil", "nil")]);
    shell.write("good.edn", &lock);
    let judge = ["check", "good.edn", "--model", "mutex"];
    shell
        .schism(&[&judge[..], &["--certify"]].concat())
        .code(0)
        .says("good.edn.cert.json: an order of 2 calls; to replay it: schism check good.edn --model mutex --verify good.edn.cert.json\n");
    let verify = [&judge[..], &["--verify", "good.edn.cert.json"]].concat();
    let said = shell.schism(&verify).code(0);
    assert_eq!(
        said.out,
        "✓ pass  good.edn  mutex, linearizable  2 calls  the order in good.edn.cert.json is possible\n"
    );
    let order = std::fs::read_to_string(shell.path().join("good.edn.cert.json")).expect("there");
    for (from, to, code, reason) in [
        (
            "[0,2]",
            "[2,0]",
            3,
            "proves nothing: the model does not allow the call at event 2",
        ),
        ("[0,2]", "[0]", 3, "ended and is not there"),
        ("mutex", "stack", 3, "is about a stack"),
        ("[0,2]", "[0,", 2, "good.edn.cert.json:"),
    ] {
        assert!(order.contains(from), "{order}");
        shell.write("good.edn.cert.json", &order.replace(from, to));
        shell.schism(&verify).code(code).says(reason);
    }
    let double = edn(&[("acquire", "nil", "nil"), ("acquire", "nil", "nil")]);
    shell.write("bad.edn", &double);
    shell
        .schism(&["check", "bad.edn", "--model", "mutex", "--certify"])
        .code(1)
        .says("no certificate");
    shell
        .schism(&["check", "good.edn", "--workload", "lock", "--certify"])
        .code(2)
        .says("name a model with --model");
    shell
        .schism(&["check", "good.edn", "--model", "mutx"])
        .code(2)
        .says("did you mean mutex?")
        .says("fifo-queue");
    shell
        .schism(&["check", "good.edn", "--model", "mutex", "--initial", "3"])
        .code(2)
        .says("--initial means nothing for a mutex");
}

#[test]
fn the_calls_of_a_finding_are_judged_alone() {
    let shell = Shell::new();
    let calls = [
        ("write", "1", "1"),
        ("write", "2", "2"),
        ("read", "nil", "2"),
        ("write", "3", "3"),
        ("read", "nil", "2"),
    ];
    shell.write("h.edn", &edn(&calls));
    let finding = ["check", "h.edn", "--finding", "1"];
    let said = shell
        .schism(&[&finding[..], &["--minimal"]].concat())
        .code(1);
    assert_eq!(
        said.out,
        "✗ fail  h.edn          register, linearizable  5 calls  stale read on key 0\n\
         ✗ fail  minimal.jsonl  register, linearizable  3 calls  stale read on key 0\n"
    );
    // What was assumed of the whole is told of the part.
    said.says("schism check minimal.jsonl --workload register --initial 0\n");
    let elsewhere = [&finding[..], &["--minimal=small.jsonl"]].concat();
    shell.schism(&elsewhere).code(1).says("small.jsonl");
    let wrong = [
        (&["check", "h.edn", "--minimal"][..], "--finding"),
        (
            &["check", "h.edn", "--finding", "1", "--minimal=./h.edn"],
            "is the history itself",
        ),
        (
            &["check", "h.edn", "--finding", "1", "--minimal", "--json"],
            "--json",
        ),
        (
            &["check", "h.edn", "--finding", "7", "--minimal"],
            "h.edn has no finding 7; it has 1",
        ),
    ];
    for (args, reason) in wrong {
        shell.schism(args).code(2).says(reason);
    }
    let there = std::fs::read_to_string(shell.path().join("h.edn")).expect("there");
    assert_eq!(there, edn(&calls));
}

#[test]
fn a_code_is_explained_and_an_unknown_one_is_hinted_at() {
    let shell = Shell::new();
    shell
        .schism(&["explain", "g1a"])
        .code(0)
        .says("G1a: aborted read")
        .says("read-committed");
    shell
        .schism(&["explain", "stale-raed"])
        .code(2)
        .says("did you mean stale-read?");
    shell
        .schism(&["explain"])
        .code(0)
        .says("long-fork")
        .says("counter/never-read");
}
