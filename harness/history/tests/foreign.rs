//! EDN is read as it is meant, what we write is read back, and mistakes have a place.
#![expect(clippy::unwrap_used, reason = "all of this file is a test")]

use std::io::Read;

use proptest::prelude::*;
use schism_history::{
    Datum, Event, History, Index, Key, Moment, Nanos, Nodes, Outcome, Process, Reason, Register,
    RegisterCall, RegisterOp, RegisterReturn, Txn, edn,
    foreign::{
        self, Assumptions, BUFFER, Caller, ForeignError, Format, Keys, Kind, LONGEST, Nil, Notes,
        Reader,
    },
};

fn parsed(text: &str) -> Datum {
    edn::parse(text.as_bytes()).unwrap().expect("a form")
}

fn refused(text: &[u8]) -> (usize, String) {
    edn::parse(text).expect_err("not EDN")
}

#[test]
fn every_kind_of_form_is_read_and_written() {
    let ints = |ns: &[i64]| ns.iter().copied().map(Datum::Int).collect::<Vec<_>>();
    let cases = [
        ("nil", Datum::Nil, "nil"),
        ("true", Datum::Bool(true), "true"),
        (
            "-9223372036854775808",
            Datum::Int(i64::MIN),
            "-9223372036854775808",
        ),
        ("+7N", Datum::Int(7), "7"),
        (
            "9223372036854775808",
            Datum::Number("9223372036854775808".into()),
            "9223372036854775808",
        ),
        ("-22/7", Datum::Number("-22/7".into()), "-22/7"),
        ("1.50M", Datum::Number("1.50M".into()), "1.50M"),
        ("1e999", Datum::Number("1e999".into()), "1e999"),
        ("-2.5e-3", Datum::Float(-0.0025), "-0.0025"),
        ("1e3", Datum::Float(1000.0), "1000.0"),
        ("##-Inf", Datum::Float(f64::NEG_INFINITY), "##-Inf"),
        (r"\newline", Datum::Char('\n'), r"\newline"),
        (r"\(", Datum::Char('('), r"\("),
        (r"\u00e9", Datum::Char('é'), r"\é"),
        (r"\o101", Datum::Char('A'), r"\A"),
        (
            r#""a\"\\\n\u00e9\101\ud834\udd1e\ud834!""#,
            Datum::text("a\"\\\néA𝄞\u{fffd}!"),
            "\"a\\\"\\\\\\néA𝄞\u{fffd}!\"",
        ),
        (
            ":jepsen.os/debian",
            Datum::keyword("jepsen.os/debian"),
            ":jepsen.os/debian",
        ),
        ("-", Datum::Symbol("-".into()), "-"),
        (
            "clojure.core/+'",
            Datum::Symbol("clojure.core/+'".into()),
            "clojure.core/+'",
        ),
        (
            "(1,2 ; comment\n 3)",
            Datum::List(ints(&[1, 2, 3])),
            "(1 2 3)",
        ),
        ("[1 #_2 #_ #_ 3 4 5]", Datum::Vector(ints(&[1, 5])), "[1 5]"),
        ("#{1 2}", Datum::Set(ints(&[1, 2])), "#{1 2}"),
        (
            "{1 2, nil []}",
            Datum::Map(vec![
                (Datum::Int(1), Datum::Int(2)),
                (Datum::Nil, Datum::Vector(vec![])),
            ]),
            "{1 2, nil []}",
        ),
        (
            "#inst \"2026\"",
            Datum::Tagged(Box::new(("inst".into(), Datum::text("2026")))),
            "#inst \"2026\"",
        ),
    ];
    for (text, datum, written) in cases {
        assert_eq!(parsed(text), datum, "{text}");
        assert_eq!(datum.to_string(), written);
        assert_eq!(parsed(written), datum, "{written}");
    }
    assert_eq!(edn::parse(b" ; nothing\n #_ 1 ,"), Ok(None));
}

#[test]
fn what_is_not_edn_is_refused_at_its_byte() {
    let cases: [(&[u8], usize, &str); 12] = [
        (b"[1 2", 4, "the text ends inside of a vector"),
        (b" \"ab", 4, "the text ends inside of a string"),
        (b"{:a 1 :b}", 8, "the last key of this map has no value"),
        (b"[1 )", 3, "')' closes nothing"),
        (b"[:]", 1, "a keyword needs a name"),
        (b"[017]", 1, "a number with a leading zero"),
        (b" 12ab", 1, "not a number"),
        (b"\"a\\q\"", 2, "a string has no escape \\q"),
        (b"[\"\xff\"]", 2, "not UTF-8"),
        (b"\\frog", 0, "no such character"),
        (b"#<Object 1>", 0, "# begins a set, a discard or a tag"),
        (b"^{:a 1} []", 0, "'^' is Clojure, not EDN"),
    ];
    for (text, at, reason) in cases {
        assert_eq!(refused(text), (at, reason.to_owned()));
    }
}

#[test]
fn nesting_is_limited_whatever_it_is_made_of() {
    for piece in ["[", "(", "{", "#{", "#_", "#a ", "{:value ", "[\"a\" "] {
        let (at, reason) = refused(piece.repeat(1_000_000).as_bytes());
        assert!(reason.starts_with("nested more than"), "{piece}: {reason}");
        assert!(at <= piece.len() * (edn::DEPTH + 1));
    }
    let deepest = "[".repeat(edn::DEPTH) + &"]".repeat(edn::DEPTH);
    assert_eq!(parsed(&deepest).to_string(), deepest);
}

/// A text that is made while it is read.
struct Endless<'a> {
    head: &'a [u8],
    again: u8,
}

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.head.read(buffer)? {
            0 => {
                buffer.fill(self.again);
                Ok(buffer.len())
            }
            read => Ok(read),
        }
    }
}

#[test]
fn an_op_without_end_is_refused_before_it_fills_the_memory() {
    let (head, again) = (&b"{:type :ok, :value \""[..], b'x');
    let error = Reader::new(Format::Edn, Endless { head, again }).next();
    let error = error.unwrap().expect_err("too long").to_string();
    let expected = format!("line 1, column 1: one op is longer than {LONGEST} bytes");
    assert_eq!(error, expected);
}

#[test]
fn ops_are_the_same_wherever_a_buffer_ends() {
    // Of lengths that share no factor with the buffer's.
    let op =
        "{:type :info, :process :nemesis, :f :start, :value \"né\\\"]\", :error [:a \\} 1/2]}\n";
    let text = format!(
        "; {}\n[{}]",
        "-".repeat(BUFFER / 2),
        op.repeat(3 * BUFFER / op.len())
    );
    let ops: Vec<_> = Reader::new(Format::Edn, text.as_bytes())
        .map(Result::unwrap)
        .collect();
    assert_eq!(ops.len(), 3 * BUFFER / op.len());
    for (i, found) in ops.iter().enumerate() {
        assert_eq!(found.value, Datum::text("né\"]"));
        assert_eq!(found.place.line, i as u64 + 2);
        assert_eq!(found.place.column, if i == 0 { 2 } else { 1 });
    }
}

#[test]
fn records_with_tags_string_keys_and_unknown_fields_are_ops() {
    let text = br#"(#jepsen.history.Op{:index 3, "time" 5, :type :info, :process 2, :f :cas, :value [:k [1 2]],
        :error [:timeout "5 s"], :exception {:via [{:type Foo}]}} #_{:type 1})"#;
    let ops: Vec<_> = Reader::new(Format::Edn, &text[..])
        .map(Result::unwrap)
        .collect();
    let [op] = &ops[..] else { panic!("{ops:?}") };
    assert_eq!((op.kind, &op.caller), (Kind::Info, &Caller::Process(2)));
    assert_eq!(
        (op.index, op.time, op.f.as_deref()),
        (Some(3), Some(5), Some("cas"))
    );
    assert_eq!(op.keyed().unwrap().0, &Datum::keyword("k"));
    let expected = Datum::vector([Datum::keyword("timeout"), Datum::text("5 s")]);
    assert_eq!(op.error, Some(expected));
}

#[test]
fn formats_are_told_by_their_first_lines() {
    let cases = [
        (r#"{"index":0,"time":1"#, Format::Journal),
        ("[\n {\"type\"", Format::Json),
        (r#"{"type": "ok"}"#, Format::Json),
        ("; comment\n\n[{:type", Format::Edn),
        ("{:process 9", Format::Edn),
        ("#jepsen.history.Op{:index", Format::Edn),
        ("3\t:invoke\t:read\tnil", Format::Log),
        (
            "starting\nINFO  jepsen.util - :nemesis\t:info\t:start\tnil",
            Format::Log,
        ),
        ("w 0 0", Format::Plume),
        ("=====\n", Format::Plume),
        ("r(4, 0, 15, 0)", Format::Plume),
    ];
    for (text, format) in cases {
        assert_eq!(
            foreign::sniff(text.as_bytes()).unwrap().format,
            format,
            "{text}"
        );
    }
    for text in ["", "hello", "\u{feff}<html>"] {
        let error = foreign::sniff(text.as_bytes()).expect_err("no history");
        assert!(matches!(error, ForeignError::Unrecognized(_)), "{text}");
    }
}

/// `0: w 1 2, r 3 4`, a line an op that ended.
fn transactions(text: &str) -> Result<Vec<String>, String> {
    let ops = foreign::Reader::new(Format::Plume, text.as_bytes());
    let ops: Result<Vec<_>, _> = ops.collect();
    let ops = ops.map_err(|error| error.to_string())?;
    let ended = ops.into_iter().filter(|op| op.kind == Kind::Ok);
    Ok(ended
        .map(|op| format!("{:?} {}", op.caller, op.value))
        .collect())
}

#[test]
fn plume_says_of_each_access_where_it_is_and_awdit_draws_lines() {
    let told = transactions("w(1,2,0,0)\nr(3,4,0,0)\nw(3,4,1,0)\nr(1,2,0,1)\nw(5,6,1,1)\n");
    let drawn = transactions("w 1 2\nr 3 4\n-----\nr 1 2\n=====\nw 3 4\n-----\nw 5 6\n");
    let (mut told, mut drawn) = (told.unwrap(), drawn.unwrap());
    assert_eq!(told.len(), 4);
    told.sort();
    drawn.sort();
    assert_eq!(told, drawn);

    for (text, reason) in [
        (
            "w(1,2,0,0)\nw(1,3,0,1)\nr(1,2,0,0)\n",
            "transaction 0 of session 0 goes on after",
        ),
        (
            "w(1,2,0,0)\nw 1 3\n",
            "the lines above say in which transaction",
        ),
        ("w 1 3\nw(1,2,0,0)\n", "the lines above do not say"),
        ("w(1,2,0)\n", "four integers"),
        ("w(1,2,0,0,0)\n", "four integers"),
    ] {
        let error = transactions(text).expect_err(text);
        assert!(error.contains(reason), "{text}: {error}");
    }
}

proptest! {
    /// Lines that look as they always do take a way of their own; and so do transactions that need not become ops.
    #[test]
    fn every_way_through_plume_text_leads_to_the_same(
        accesses in proptest::collection::vec(
            (any::<bool>(), -3i64..3, -3i64..3, 0i64..3, 0i64..2, 0u8..40),
            0..24,
        )
    ) {
        let line = |(i, (reads, key, value, session, step, kind)): (usize, &(bool, i64, i64, i64, i64, u8))| {
            let does = if *reads { 'r' } else { 'w' };
            // Numbers grow, as a rule, and a transaction has some accesses.
            let number = if *kind == 0 { 0 } else { (i / 3) as i64 + step };
            match kind {
                1 => format!("{does}({key}, {value}, {session}, {number})\n"),
                2 => format!("{does}(+{key},{value},{session},{number})\n").replace("+-", "-"),
                3 => format!("{does}({key},9223372036854775807,{session},{number})\r\n"),
                4 => format!("{does}({key},{value},-1,{number})\n"),
                5 => format!("{does}({key},99999999999999999999,{session},{number})\n"),
                6 => "\n".to_owned(),
                _ => format!("{does}({key},{value},{session},{number})\n"),
            }
        };
        let plume: String = accesses.iter().enumerate().map(line).collect();
        let awdit = |(reads, key, value, .., kind): &(bool, i64, i64, i64, i64, u8)| {
            let does = if *reads { 'r' } else { 'w' };
            match kind {
                0..6 => "-----\n".to_owned(),
                6..8 => "=====\n".to_owned(),
                8 => format!("{does} {key} nil\n"),
                9 => format!("{does} \"x\" {value}\n"),
                _ => format!("{does} {key} {value}\n"),
            }
        };
        let awdit: String = accesses.iter().map(awdit).collect();
        for text in [plume, awdit] {
            let text = || Reader::new(Format::Plume, text.as_bytes());
            let by_ops = foreign::transactions(text()).map(|i| (i.history, i.notes));
            let at_once = foreign::read_transactions(text()).map(|i| (i.history, i.notes));
            prop_assert_eq!(format!("{by_ops:?}"), format!("{at_once:?}"));
        }
    }
}

fn registers(text: &str) -> Result<foreign::Imported<Register>, ForeignError> {
    let (sniffed, ops) = foreign::open(text.as_bytes())?;
    foreign::registers(ops, &Assumptions::of(sniffed.format))
}

#[test]
fn what_the_text_leaves_open_is_settled_and_counted() {
    let imported = registers(
        "{:type :info, :process :nemesis, :f :start, :value nil, :index 0}
         {:type :invoke, :process 0, :f :read, :value [:x nil], :time 50, :index 5}
         {:type :invoke, :process 1, :f :cas, :value [:x [1 2]], :time 40, :index 6}
         {:type :ok, :process 0, :f :read, :value [:x nil], :time 60, :index 6}
         {:type :info, :process 1, :f :cas, :value [:x [1 2]], :error :timeout, :time -1, :index 8}",
    );
    let imported = imported.unwrap();
    let expected = Notes {
        of_others: 1,
        nil_reads: 1,
        renumbered: 1,
        retimed: 2,
    };
    assert_eq!(imported.notes, expected);
    let [read, cas] = imported.history.spans() else {
        panic!("two calls")
    };
    assert_eq!((read.invoked, read.completed), (Index(5), Some(Index(7))));
    assert!(matches!(&read.outcome, Outcome::Fail(why) if why.class() == "nil-read"));
    assert_eq!(cas.call.key, Key::Text(":x".into()));
    assert_eq!(cas.call.op, RegisterOp::Cas { from: 1, to: 2 });
    assert_eq!(cas.outcome, Outcome::Info(Reason::new("timeout")));
    assert_eq!((cas.start, cas.end), (Nanos(50), Some(Nanos(60))));
}

#[test]
fn what_is_no_register_is_refused_with_its_place() {
    let call = "{:type :invoke, :process 0, :f :write, :value 1}\n";
    for (second, reason) in [
        (
            "{:type :ok, :process 3}",
            "line 2, column 1: event 1: process 3 completes a call that it never made",
        ),
        (
            " {:type :invoke, :process 1, :f :enqueue}",
            "line 2, column 2: a register has no function \"enqueue\"; it has read, write and cas",
        ),
        (
            "{:type :invoke, :process 1, :f :write, :value :a}",
            "line 2, column 1: a register holds 64-bit integers here, not :a",
        ),
        (
            "{:type :invoke, :process 1, :f :write, :value [3 1]}",
            "line 2, column 1: some calls have a key and others have none",
        ),
        (
            "{:type :invoke, :process 5000000000, :f :read}",
            "line 2, column 1: process 5000000000 is not within 0 and 4294967295",
        ),
        (
            "{:type :done, :process 1}",
            "line 2, column 8: the type of an op is invoke, ok, fail or info, not :done",
        ),
        ("{:type :ok}", "line 2, column 1: this op has no process"),
        ("7", "line 2, column 1: an op is a map, but here is '7'"),
    ] {
        let error = registers(&format!("{call}{second}")).expect_err("refused");
        assert_eq!(error.to_string(), reason);
    }
    let torn = registers("[{:type :invoke, :process 0, :f :read}\n").expect_err("torn");
    let expected = "line 2, column 1: the text ends before the ']' that ends the history";
    assert_eq!(torn.to_string(), expected);
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        Just("\"}\n{:index 0}\u{2028}\0\\ud800".to_owned())
    ]
}

/// A history of calls that do not overlap, each by a process of its own.
fn events() -> impl Strategy<Value = Vec<Event<Register>>> {
    let key = prop_oneof![
        any::<i64>().prop_map(Key::Int),
        hostile().prop_map(|s| Key::Text(s.into()))
    ];
    let op = prop_oneof![
        any::<Option<i64>>().prop_map(|v| (RegisterOp::Read, RegisterReturn::Value(v))),
        any::<i64>().prop_map(|v| (RegisterOp::Write(v), RegisterReturn::Done)),
        any::<(i64, i64)>()
            .prop_map(|(from, to)| (RegisterOp::Cas { from, to }, RegisterReturn::Done)),
    ];
    // A class alone is a name to the reader, whatever is in it.
    let reason = (hostile(), hostile()).prop_map(|(c, d)| Reason::with_detail(&c, &d));
    let call = (key, op, reason, 0..3_u8);
    prop::collection::vec(call, 0..12).prop_map(|calls| {
        let each = calls.into_iter().zip(0_u32..);
        let both = each.flat_map(|((key, (op, ret), reason, end), i)| {
            let outcome = match end {
                0 => Outcome::Ok(ret),
                1 => Outcome::Fail(reason),
                _ => Outcome::Info(reason),
            };
            let call = Moment::Invoke(RegisterCall { key, op });
            [(2 * i, i, call), (2 * i + 1, i, Moment::Complete(outcome))]
        });
        let event = |(index, process, moment)| Event {
            index: Index(index),
            time: Nanos(u64::from(index) * 7),
            process: Process(process),
            node: None,
            moment,
        };
        both.map(event).collect()
    })
}

proptest! {
    #[test]
    fn what_we_write_as_edn_is_read_back(events in events()) {
        let mut writer = edn::Writer::new(Vec::new(), Nodes::default());
        for event in &events {
            writer.write(event).unwrap();
        }
        let text = writer.into_inner();
        let history = History::new(Nodes::default(), events).unwrap();
        let read = || Reader::new(Format::Edn, &text[..]);
        let told = Assumptions { initial: None, nil: Nil::Absent };
        prop_assert_eq!(&foreign::registers(read(), &told).unwrap().history, &history);
        let imported = foreign::history::<Register>(read(), Keys::InValue).unwrap();
        prop_assert_eq!(&imported.history, &history);
        prop_assert_eq!(imported.notes, Notes::default());
    }

    #[test]
    fn what_the_journal_has_is_read_as_json(events in events()) {
        let mut writer = schism_history::journal::Writer::new(Vec::new(), Nodes::default());
        for event in &events {
            writer.write(event).unwrap();
        }
        let text = writer.into_inner();
        let history = History::new(Nodes::default(), events).unwrap();
        let imported = foreign::history::<Register>(Reader::new(Format::Journal, &text[..]), Keys::InField);
        prop_assert_eq!(imported.unwrap().history, history);
    }
}

#[test]
fn transactions_are_read_as_the_journal_reads_them() {
    let text = r#"
        {:type :invoke, :process 0, :value [[:append 3 1] [:r 4 nil] [:w "x" -7] [:r :y]]}
        {:type :invoke, :process 1, :value [[:r 3 nil]]}
        {:type :info, :process :nemesis, :value nil}
        {:type :ok, :process 0, :value [[:append 3 1] [:r 4 [1 2]] [:w "x" -7] [:r :y 9]]}
        {:type :fail, :process 1, :error :conflict}
        {:type :invoke, :process 2, :f :txn, :value [[:append 3 2]]}
        {:type :ok, :process 2, :f :txn, :value nil}"#;
    let read = |text: &str| foreign::transactions(foreign::open(text.as_bytes())?.1);
    let ours = read(text).expect("transactions");
    assert_eq!(ours.notes.of_others, 1);
    let named = text
        .replace(":value", ":f :txn, :value")
        .replace(":f :txn, :f :txn", ":f :txn");
    let ops = foreign::open(named.as_bytes()).expect("EDN").1;
    let theirs = foreign::history::<Txn>(ops, Keys::InField);
    // JSON has no keywords: there :y is a string.
    let theirs = theirs.map(|i| format!("{:?}", i.history.spans()).replace("\"y\"", "\":y\""));
    assert_eq!(
        format!("{:?}", ours.history.spans()),
        theirs.expect("transactions")
    );
    for (from, to, error) in [
        (
            "[:r 4 [1 2]]",
            "[:r 4 [1 x]]",
            "line 5, column 9: a read sees nil, a 64-bit integer or a list of them, not [1 x]",
        ),
        (
            "[:append 3 2]",
            "[:append 3 nil]",
            "line 7, column 9: a 64-bit integer is needed in [:append 3 nil]",
        ),
        (
            "[:append 3 2]",
            "[:inc 3 2]",
            "line 7, column 9: a step is [:append KEY VALUE], [:w KEY VALUE] or [:r KEY SEEN], not [:inc 3 2]",
        ),
        (
            "[:r 4 [1 2]]",
            "[:r 5 [1 2]]",
            "line 5, column 9: step 2 of the transaction came back as another",
        ),
        (
            "[:append 3 1] [:r 4 [1 2]]",
            "[:append 3 1]",
            "line 5, column 9: the transaction had 4 steps, and 3 came back",
        ),
        (
            ":f :txn, :value [[",
            ":f :read, :value [[",
            "line 7, column 9: a transaction has no call \"read\"; it is called txn, and its steps are append, w and r",
        ),
    ] {
        assert!(text.contains(from));
        let told = read(&text.replace(from, to)).expect_err(to);
        assert_eq!(told.to_string(), error);
    }
}

#[test]
fn integers_in_lists_are_read_whatever_their_length() {
    for n in ["0", "7", "999999999999999999", "9223372036854775807"] {
        let list = parsed(&format!("[1 {n} {n}]"));
        let n = Datum::Int(n.parse().unwrap());
        assert_eq!(list, Datum::vector([Datum::Int(1), n.clone(), n]));
    }
    assert_eq!(
        parsed("[9223372036854775808]"),
        Datum::vector([Datum::Number("9223372036854775808".into())])
    );
    assert_eq!(refused(b"[1 07]").0, 3);
    assert_eq!(parsed("[1.5 2,3]").to_string(), "[1.5 2 3]");
}
