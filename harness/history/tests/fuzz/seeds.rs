//! Valid texts, of every notation and every operation.

pub(crate) const REGISTER: &[&[u8]] = &[
    br#"{"index":0,"time":10,"process":0,"type":"invoke","f":"write","key":"x","value":17,"node":"n1"}
{"index":1,"time":20,"process":1,"type":"invoke","f":"read","key":"x","node":"n2"}
{"index":2,"time":30,"process":0,"type":"ok","f":"write","key":"x","node":"n1"}
{"index":3,"time":40,"process":1,"type":"ok","f":"read","key":"x","value":17,"node":"n2"}
"#,
    br#"{"index":0,"time":10,"process":4294967295,"type":"invoke","f":"cas","key":7,"value":[1,-2]}
{"index":1,"time":20,"process":4294967295,"type":"info","f":"cas","key":7,"error":["timeout","5s"]}
"#,
    br#"{"index":5,"time":0,"process":2,"type":"invoke","f":"read","key":1,"extra":{"a":[1,{"b":null}]}}
{"index":6,"time":0,"process":2,"type":"fail","f":"read","key":1,"error":"refused"}
"#,
];

/// Each operation: a call with its fields, and what it returned.
pub(crate) const CODECS: &[&[u8]] = &[
    br#"register {"f":"write","key":"x","value":17} null"#,
    br#"register {"f":"read","key":1} 17"#,
    br#"register {"f":"cas","key":1,"value":[1,2]} null"#,
    br#"txn {"f":"txn","value":[["append",3,1],["r",4,null],["w","x",-1]]} [["append",3,1],["r",4,[1,2]],["w","x",-1]]"#,
    br#"txn {"f":"txn","value":[["r","a b",null]]} [["r","a b",7]]"#,
    br#"bank {"f":"transfer","value":{"from":0,"to":"b","amount":5}} null"#,
    br#"bank {"f":"read"} {"0":5,"b":null}"#,
    br#"consensus {"f":"propose","key":1,"value":3} 3"#,
    br#"consensus {"f":"learn"} null"#,
    br#"counter {"f":"add","value":-3} 5"#,
    br#"counter {"f":"read","key":"c"} 5"#,
    br#"election {"f":"leader"} {"leader":"n1","term":3}"#,
    br#"guarded {"f":"insert","key":1,"value":3} null"#,
    br#"lock {"f":"acquire","key":"l"} 7"#,
    br#"lock {"f":"release"} null"#,
    br#"log {"f":"txn","value":[["poll"],["send",1,9]]} [["poll",{"1":[[0,7],[null,8]],"x":[]}],["send",1,[2,9]],["rebalance",[1]]]"#,
    br#"log {"f":"assign","value":{"keys":[1,"x"],"seek-to-beginning?":true}} null"#,
    br#"log {"f":"subscribe","value":[1,2]} null"#,
    br#"monotonic {"f":"add"} {"value":1,"time":2}"#,
    br#"queue {"f":"enqueue","value":7} null"#,
    br#"queue {"f":"drain","key":1} [7,8]"#,
    br#"rows {"f":"read"} [1,null]"#,
    br#"set {"f":"add","value":1} null"#,
    br#"set {"f":"read","key":"s"} [1,2,2]"#,
    br#"snapshot {"f":"read","value":[1,"x"]} [3,null]"#,
    br#"snapshot {"f":"write","key":1,"value":3} null"#,
    br#"unique-ids {"f":"generate"} "a-1""#,
];

pub(crate) const EDN: &[&[u8]] = &[
    br#"{:index 0, :type :invoke, :process 0, :f :write, :value 3, :time 5}
{:index 1, :type :ok, :process 0, :f :write, :value 3, :time 9}
"#,
    br#"[#jepsen.history.Op{:type :invoke :f :cas :value [1 2] :process 3}
 #jepsen.history.Op{:type :info :f :cas :value [1 2] :process 3 :error [:timeout "x"]}]"#,
    br#"{:type :invoke, :f :txn, :value [[:append 1 2] [:r 3 nil]], :process 0}
{:type :ok, :f :txn, :value [[:append 1 2] [:r 3 [4 5]]], :process 0}
"#,
    br#"({:process :nemesis, :type :info, :f :start, :value #{"n1" "n2"}} {:type :invoke :f :read :value [7 nil] :process 1})"#,
];

/// Single values of EDN.
pub(crate) const DATA: &[&[u8]] = &[
    br#"{:a [1 2.5 -3N 1/3 4.0M ##Inf], "b" #{\a \newline \u00e9}, nil (true false sym/bol #inst "2026-01-01")}"#,
    br#"[1 #_ 2 ; comment
 "a\"\\\n\u00e9\101"]"#,
];

pub(crate) const JSON: &[&[u8]] = &[
    br#"[{"type":"invoke","f":"txn","value":[["r",1,null],["append",2,3]],"process":0,"time":1,"index":0},
 {"type":"ok","f":"txn","value":[["r",1,[4]],["append",2,3]],"process":0,"time":2,"index":1}]"#,
    br#"{"type":"invoke","f":"read","value":null,"process":0}
{"type":"ok","f":"read","value":3,"process":0,"error":{"a":[]}}
"#,
];

pub(crate) const LOG: &[&[u8]] = &[
    b"INFO  jepsen.util - 0\t:invoke\t:write\t4\nsomething else\nINFO  jepsen.util - 0\t:ok\t:write\t4\nINFO  jepsen.util - :nemesis\t:info\t:start\tnil\n",
    b"0\t:invoke\t:cas\t[1 2]\n0\t:info\t:cas\t:timed-out\n",
];

pub(crate) const PLUME: &[&[u8]] = &[
    b"w 1 2\nr 3 4\n-----\nr 1 2\n=====\nw 3 4\nw 5 6\n-----\n",
    b"r x -1\n",
    b"r(4,0,15,0)\nw(9,1,15,0)\nr(2,0,8,1)\nw(3,1,15,2)\n",
];

pub(crate) const DRAWINGS: &[&[u8]] = &[
    "p0@n1: |--write x 1--|         |--read x -> 2--|
p1@n2:      |--write x 2 info--|
# people
p2:            |--cas x [1,2] fail:no--|  |--read y ..."
        .as_bytes(),
    "p7: |-read z → nil-||-write y -3-|".as_bytes(),
];

pub(crate) const FAULTS: &[&[u8]] = &[
    br#"{"time":1,"until":2,"fault":0,"step":"plan","ok":true,"kind":"partition","what":"{n1} | {n2}","nodes":["n1"],"sides":[["n1"],["n2"]]}
{"time":3,"until":4,"fault":0,"step":"inject","ok":true,"kind":"partition","what":"{n1} | {n2}"}
{"time":5,"until":9,"fault":0,"step":"heal-verify","ok":false,"kind":"kill","what":"","detail":"no pid"}
"#,
];

/// Bytes of which events are made, four each: how far on in the record and in time, whose, and what.
pub(crate) const EVENTS: &[&[u8]] = &[
    &[1, 0, 0, 0, 1, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1, 2],
    &[1, 0, 0, 0, 1, 0, 0, 3, 1, 5, 7, 0, 1, 0, 7, 1],
];
