//! `adapter.yaml(5)`: the file of an adapter, and the protocol of those that are programs.

use clap_mangen::roff::{Roff, roman};

/// What stands before each example, and the example.
const PARTS: [(&str, &str, &str); 5] = [
    (
        "OVER HTTP",
        "Each call becomes one request. {key}, {value}, {from} and {to} are filled in, in paths escaped; in json a text that is \
         one of them and nothing else stays a number. value is a JSONPath (RFC 9535) to a whole number, to text that is one, or to \
         null, which is absent; without it the whole answer is the number. absent and mismatch are the statuses that say so. \
         headers may have ${env:NAME} for secrets. cas may be missing.",
        "adapter: mydb\nport: 7000\nops:\n  read:  { get: \"/kv/{key}\", value: \"$.value\", absent: 404 }\n  write: { put: \
         \"/kv/{key}\", json: { value: \"{value}\" } }\n  cas:   { post: \"/kv/{key}/cas\", json: { from: \"{from}\", to: \
         \"{to}\" }, mismatch: 409 }",
    ),
    (
        "OUTCOMES",
        "Each call ends as ok, as fail, which means that it certainly did not happen and never will, or as info: it may have. A \
         status comes before its class; what is named here comes before what is usual, and these lists are what is usual. \
         Whatever nobody named is info. A read that came to nothing is fail, which harms nobody. timeout: 2s gives requests a \
         time limit of their own; otherwise the run's op_timeout ends a call as info.",
        "outcomes:\n  ok: 2xx\n  fail: [refused, 400, 401, 403, 405]\n  info: [timeout, reset, 429, 5xx]",
    ),
    (
        "BY A PROGRAM",
        "stdio, in place of ops, names a program, which is run in the folder of the file, once for each client. It reads lines of JSON \
         from its standard input and writes its replies to its standard output, which is for nothing else; what it writes to its \
         standard error is kept in the run's folder adapter/, where a copy of this file and of the program is, too, without what \
         looks like a secret; schism run -v tells it as it comes. A line with fields that are not known is no mistake. When a call's \
         deadline has passed, or the program ends, the call is info, and another program is started.",
        "adapter: mydb\nport: 7000\nstdio: python3 adapter.py\n\n\
         it is told    {\"hello\":{\"v\":1,\"node\":\"n1\",\"addr\":\"10.0.0.1:7000\",\"nodes\":[\"10.0.0.1:7000\"],\"deadline_ms\":5000}}\n\
         it says       {\"ready\":{\"v\":1,\"ops\":[\"read\",\"write\",\"cas\"]}}\n\
         it is told    {\"id\":1,\"op\":\"write\",\"key\":17,\"value\":93,\"deadline_ms\":5000}\n\
         it says       {\"id\":1,\"ok\":null}\n\
         it is told    {\"id\":2,\"op\":\"read\",\"key\":17,\"deadline_ms\":5000}\n\
         it says       {\"id\":2,\"ok\":93}             null is absent\n\
         it is told    {\"id\":3,\"op\":\"cas\",\"key\":17,\"from\":1,\"to\":2,\"deadline_ms\":5000}\n\
         it says       {\"id\":3,\"fail\":\"mismatch\"}   or \"info\": \"connection reset\"",
    ),
    (
        "STARTING NODES",
        "With launch, schism starts the database on the nodes of a lab or of cluster.nodes, as root, and can kill, pause and harm it; it \
         removes its data afterwards, in /var/lib/schism-NAME. Places: {node} is its name, {address} and {port} are where it serves, \
         {peer} is the next port, for the nodes among themselves, {data} is a directory for its data, {all} and {others} are lists of all nodes and of the others, with commas, each as each \
         says. The words are no shell's. primary \
         says how it is known which node leads, so that faults can aim at it. Without launch, or without a cluster, the nodes at --at HOST:PORT are others' business: \
         they are asked, under keys that nobody used before, and nothing is done to them.",
        "primary: { get: /status, when: \"$.role == 'leader'\" }\nlaunch:\n  command: mydb --id {node} --listen {address}:{port} --data {data} --peers {others}\n  each: \
         \"{node}=http://{address}:{peer}\"     # usually {address}:{port}\n  version: mydb --version",
    ),
    (
        "BEFORE ANY VERDICT COUNTS",
        "schism adapter try shows one call: the request, the answer, the outcome, and the rule that chose it. schism adapter test makes \
         twelve checks; the one that matters most loses answers to calls that the node carried out, and sees whether the adapter \
         says fail of any. A wrong fail makes a correct database look broken.",
        "schism adapter try ./mydb.http.yaml read key=1\nschism adapter test ./mydb.http.yaml\nschism run ./mydb.http.yaml --lab 5 \
         --faults partition,kill",
    ),
];

/// The page.
pub(super) fn page() -> String {
    let mut roff = Roff::new();
    let version = format!("schism {}", env!("CARGO_PKG_VERSION"));
    roff.control("TH", ["adapter.yaml", "5", "", &version, ""]);
    roff.control("SH", ["NAME"]);
    roff.text([roman("adapter.yaml - how schism asks a database of yours")]);
    for (title, about, example) in PARTS {
        roff.control("SH", [title]);
        roff.text([roman(about)]);
        roff.control("PP", []);
        roff.control("nf", []);
        for line in example.lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []);
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman("schism-adapter(1), schism-run(1), schism.yaml(5)")]);
    roff.render()
}

#[cfg(test)]
mod tests {
    use adapter::AdapterFile;

    use super::*;

    /// What the page shows is what the program reads.
    #[test]
    fn its_examples_are_adapters() {
        let [(.., ops), (.., outcomes), (.., stdio), (.., launch), _] = PARTS;
        let program = stdio.split("\n\n").next().expect("the file comes first");
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.yaml");
        for text in [
            format!("{ops}\n{outcomes}\n{launch}\n"),
            format!("{program}\n{launch}\n"),
        ] {
            std::fs::write(&file, &text).unwrap();
            assert!(AdapterFile::is_meant_by(&file), "{text}");
            AdapterFile::read(&file).unwrap_or_else(|e| panic!("{e}\n{text}"));
        }
    }
}
