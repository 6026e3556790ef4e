//! `schism.yaml(5)`: made of the built-in defaults and the comments beside them, so that it says what the program does.

use clap_mangen::roff::{Roff, bold, roman};

use crate::config::DEFAULTS;

/// Values that have no default, and so no line there.
const WITHOUT_DEFAULT: [(&str, &str); 11] = [
    (
        "cluster.lab",
        "a local cluster of so many nodes for this run, or the lab of this name",
    ),
    ("cluster.nodes", "hosts, each [NAME=][USER@]HOST[:PORT]"),
    ("cluster.ssh.user", "log in as"),
    ("cluster.ssh.key", "private key to log in with"),
    (
        "cluster.ssh.passphrase",
        "its passphrase: ${env:NAME} or ${file:PATH}, never the text itself",
    ),
    (
        "cluster.ssh.password",
        "a password to log in with, likewise",
    ),
    ("cluster.ssh.sudo_password", "a password for sudo, likewise"),
    ("cluster.ssh.known_hosts", "host keys to trust"),
    (
        "fault_sets",
        "sets of faults by name, for cases: { rough: [partition, kill] }",
    ),
    (
        "profiles",
        "other values for the same keys by name, for --profile: { quick: { run: { time: 15s } } }",
    ),
    (
        "budget",
        "how long all cases may take together, such as 5h; what would not end within is left out, and named",
    ),
];

/// A value that a configuration can have.
struct Key {
    path: String,
    default: String,
    about: String,
}

/// The page.
pub(super) fn page() -> String {
    let mut roff = Roff::new();
    let version = format!("schism {}", env!("CARGO_PKG_VERSION"));
    roff.control("TH", ["schism.yaml", "5", "", &version, ""]);
    roff.control("SH", ["NAME"]);
    roff.text([roman("schism.yaml - what schism run does")]);
    roff.control("SH", ["DESCRIPTION"]);
    roff.text([roman(
        "A YAML file that schism run takes by its name, or finds as ./schism.yaml. Later sources win, value by value: the \
         built-in defaults, the file, variables (SCHISM_RUN__TIME=5m is run.time), flags. A key that is not known is an \
         error that says where it is. Durations and rates have units: 90s, 1000/s. schism config show --origin says what is in \
         force, and who said so.",
    )]);
    roff.control("SH", ["KEYS"]);
    for key in keys() {
        roff.control("TP", []);
        roff.text([bold(key.path)]);
        let default = match key.default.as_str() {
            "" => String::new(),
            default => format!(" Default: {default}."),
        };
        let about = match key.about.as_str() {
            "" => String::new(),
            about => format!("{about}."),
        };
        roff.text([roman(format!("{about}{default}").trim().to_owned())]);
    }
    roff.control("SH", ["DEFAULTS"]);
    roff.control("nf", []);
    for line in DEFAULTS.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(
        "schism-run(1), schism-config(1), schism-list(1) for the faults",
    )]);
    roff.render()
}

/// Every value, by the lines of the defaults and what their comments say.
fn keys() -> Vec<Key> {
    let mut keys = Vec::new();
    let mut path: Vec<(usize, &str)> = Vec::new();
    for line in DEFAULTS.lines() {
        let (code, about) = line.split_once('#').unwrap_or((line, ""));
        let Some((name, value)) = code.split_once(':') else {
            continue;
        };
        let depth = name.len() - name.trim_start().len();
        // An item of a list is no key of ours.
        if name.trim_start().starts_with(['-', '{']) {
            continue;
        }
        path.retain(|(d, _)| *d < depth);
        path.push((depth, name.trim()));
        let names: Vec<&str> = path.iter().map(|(_, name)| *name).collect();
        let (value, about) = (value.trim(), about.trim());
        if !value.is_empty() || !about.is_empty() {
            keys.push(Key {
                path: names.join("."),
                default: value.to_owned(),
                about: about.to_owned(),
            });
        }
    }
    keys.extend(WITHOUT_DEFAULT.map(|(path, about)| Key {
        path: path.to_owned(),
        default: String::new(),
        about: about.to_owned(),
    }));
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// The keys that a map of the configuration has, as its own refusal of another tells them.
    fn known(at: &str) -> Vec<String> {
        let mut yaml = String::new();
        let parts: Vec<&str> = at.split('.').filter(|p| !p.is_empty()).collect();
        for (depth, part) in parts.iter().enumerate() {
            yaml.push_str(&format!("{}{part}:\n", "  ".repeat(depth)));
        }
        yaml.push_str(&format!("{}no_such_key: 1\n", "  ".repeat(parts.len())));
        let why = serde_yaml::from_str::<Config>(&yaml)
            .expect_err("nothing is called so")
            .to_string();
        let (_, names) = why.split_once("expected").expect("it says what there is");
        let names = names.split('`').skip(1).step_by(2);
        names
            .map(|name| [parts.join("."), name.to_owned()].join("."))
            .collect()
    }

    #[test]
    fn every_key_that_the_program_knows_is_in_the_page() {
        let page: Vec<String> = keys().into_iter().map(|key| key.path).collect();
        let maps = [
            "",
            "target",
            "cluster",
            "cluster.ssh",
            "workloads",
            "workloads.register",
            "run",
            "expect",
        ];
        let mut seen = 0;
        for at in maps {
            for key in known(at) {
                let key = key.trim_start_matches('.');
                let is_map = maps.contains(&key);
                let there = page
                    .iter()
                    .any(|p| p == key || p.starts_with(&format!("{key}.")));
                assert!(there || is_map, "{key} is not in schism.yaml(5): {page:?}");
                seen += 1;
            }
        }
        assert!(seen > 25, "only {seen} keys were seen");
    }

    #[test]
    fn the_page_says_what_a_key_is_for_and_what_it_is_by_default() {
        let page = page();
        for said in [
            ".TH schism.yaml 5",
            "run.settle",
            "how long the cluster may take to recover",
        ] {
            assert!(page.contains(said), "{said}\n{page}");
        }
    }
}
