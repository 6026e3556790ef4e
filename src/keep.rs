//! What an adapter was when a run was made: a copy of its file, and of its program as far as its words name it, in the run's
//! directory. Whoever reads the run later need not guess what was asked of the database, and how its answers were taken.
//!
//! Secrets belong into variables, which the file only names. What looks like one all the same is blotted out.

use std::{collections::BTreeSet, fs, path::Path};

use adapter::AdapterFile;
use runner::store::{RunDir, safe_name};
use serde_yaml::Value;

use crate::trust;

/// The place in the run's directory, beside what the program complained of.
const PLACE: &str = "adapter/source";
/// What stands where a secret stood.
const BLOT: &str = "[redacted]";
/// Names of what nobody else should know.
const SECRETIVE: [&str; 9] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "authorization",
    "cookie",
    "credential",
    "key",
];
/// Names that have such a word in them, and are not such.
const HARMLESS: [&str; 2] = ["key", "keys"];
/// Shorter texts hide nothing, and stand everywhere.
const SHORTEST: usize = 4;

/// Keeps the copies. What could not be kept.
pub(crate) fn adapter(dir: &RunDir, path: &Path, file: &AdapterFile) -> Vec<String> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) => return vec![format!("{} is not kept: {e}", path.display())],
    };
    let secrets = secrets(&text);
    let mut missing = Vec::new();
    for (path, bytes) in [(path.to_owned(), Ok(text.into_bytes()))]
        .into_iter()
        .chain(trust::programs(file))
    {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let kept = bytes.and_then(|bytes| {
            let bytes = without(&secrets, bytes).ok_or("a secret in it cannot be blotted out")?;
            let to = dir.file(&format!("{PLACE}/{}", safe_name(&name)));
            let to = to.map_err(|e| e.to_string())?;
            fs::write(to, bytes).map_err(|e| e.to_string())
        });
        if let Err(why) = kept {
            missing.push(format!("{} is not kept: {why}", path.display()));
        }
    }
    missing
}

/// What looks like a secret in the file of an adapter.
fn secrets(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if let Ok(value) = serde_yaml::from_str(text) {
        look(&value, false, &mut found);
    }
    // A text that names a variable has no secret, and one that is too short hides nothing.
    found.retain(|secret| secret.len() >= SHORTEST && !secret.contains("${") && secret != BLOT);
    found
}

fn look(value: &Value, secret: bool, found: &mut BTreeSet<String>) {
    match value {
        Value::Mapping(all) => {
            for (name, value) in all {
                let named = name.as_str().is_some_and(is_secretive);
                look(value, secret || named, found);
            }
        }
        Value::Sequence(all) => {
            words(all.iter().filter_map(Value::as_str), found);
            for value in all {
                look(value, secret, found);
            }
        }
        Value::String(text) if secret => {
            found.insert(text.clone());
        }
        Value::String(text) => {
            words(text.split_whitespace(), found);
            addresses(text, found);
        }
        Value::Number(number) if secret => {
            found.insert(number.to_string());
        }
        _ => {}
    }
}

/// `--password x`, `--password=x` and `PASSWORD=x` of a command.
fn words<'a>(all: impl Iterator<Item = &'a str>, found: &mut BTreeSet<String>) {
    let mut next = false;
    for word in all {
        if next {
            found.insert(word.to_owned());
        }
        let option = word.trim_start_matches('-');
        next = match option.split_once('=') {
            Some((name, value)) => {
                if is_secretive(name) {
                    found.insert(value.to_owned());
                }
                false
            }
            None => option.len() < word.len() && is_secretive(option),
        };
    }
}

/// The password of `http://user:password@host`.
fn addresses(text: &str, found: &mut BTreeSet<String>) {
    let after = text.split("://").skip(1);
    let users = after.filter_map(|rest| rest.split('/').next()?.rsplit_once('@'));
    found.extend(users.filter_map(|(user, _)| Some(user.split_once(':')?.1.to_owned())));
}

fn is_secretive(name: &str) -> bool {
    let name = name.to_lowercase();
    !HARMLESS.contains(&name.as_str()) && SECRETIVE.iter().any(|word| name.contains(word))
}

/// The same without the secrets; `None` of a text in which one is written so that it cannot be found.
fn without(secrets: &BTreeSet<String>, bytes: Vec<u8>) -> Option<Vec<u8>> {
    if secrets.is_empty() {
        return Some(bytes);
    }
    // A program that is no text is kept as it is only where there is nothing that it could give away.
    let mut text = String::from_utf8(bytes).ok()?;
    // The longest first: one may be part of another.
    let mut all: Vec<&String> = secrets.iter().collect();
    all.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    for secret in all {
        text = text.replace(secret.as_str(), BLOT);
    }
    self::secrets(&text)
        .is_disjoint(secrets)
        .then(|| text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
adapter: mydb
port: 7000
ops:
  read: { get: "/kv/{key}", headers: { Authorization: "Bearer abcd1234", Accept: text/plain, X-Api-Key: "${env:KEY}" } }
launch: { command: "mydb --data /var/lib/mydb --password hunter22 --auth-token=t0k3n-9" }
at: "http://me:pa55word@db1:7000/kv"
"#;

    #[test]
    fn what_looks_like_a_secret_is_blotted_out_and_nothing_else() {
        let secrets = secrets(FILE);
        let all: Vec<&str> = secrets.iter().map(String::as_str).collect();
        assert_eq!(all, ["Bearer abcd1234", "hunter22", "pa55word", "t0k3n-9"]);
        let text = without(&secrets, FILE.into()).unwrap();
        let text = String::from_utf8(text).unwrap();
        for secret in all {
            assert!(!text.contains(secret), "{text}");
        }
        for kept in [
            "/kv/{key}",
            "text/plain",
            "${env:KEY}",
            "/var/lib/mydb",
            "db1:7000",
        ] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
    }

    #[test]
    fn a_secret_that_cannot_be_found_again_keeps_the_whole_text_out() {
        let hidden = "adapter: x\npassword: \"hunt\\x65r22\"\n";
        let secrets = secrets(hidden);
        assert!(secrets.contains("hunter22"), "{secrets:?}");
        assert_eq!(without(&secrets, hidden.into()), None);
        assert_eq!(without(&secrets, vec![0xff, 0xfe]), None);
        assert_eq!(without(&BTreeSet::new(), vec![0xff]), Some(vec![0xff]));
    }
}
