//! From an argument vector to the one string that SSH carries, which a login shell on the other side splits again.

/// Why words cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the argument {0:?} has a NUL byte in it, which no program can be given")]
pub struct Unquotable(String);

/// A POSIX shell command line that is split into exactly these words.
pub fn quote<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> Result<String, Unquotable> {
    let mut line = String::new();
    for word in words {
        let word = word.as_ref();
        let quoted = shlex::try_quote(word).map_err(|_| Unquotable(word.to_owned()))?;
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&quoted);
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// The words that a real shell makes of a line.
    fn split_by_sh(line: &str) -> Vec<String> {
        let script = format!("for w in {line}; do printf '%s\\0' \"$w\"; done");
        let out = Command::new("/bin/sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        assert!(out.status.success(), "{script}: {out:?}");
        let text = String::from_utf8(out.stdout).unwrap();
        let mut words: Vec<String> = text.split('\0').map(str::to_owned).collect();
        words.pop();
        words
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn a_real_shell_reads_back_what_was_quoted(words in prop::collection::vec("[^\0]{0,12}", 1..6)) {
            prop_assert_eq!(split_by_sh(&quote(&words).unwrap()), words);
        }
    }

    #[test]
    fn what_shells_stumble_over_arrives_unchanged() {
        let words = [
            "",
            "'",
            "\"",
            "$(id)",
            "`id`",
            "a b",
            "\n",
            "\\",
            "!",
            "*",
            "~",
            "-n",
            "#",
            ";",
            "ü\u{202e}",
        ];
        assert_eq!(split_by_sh(&quote(words).unwrap()), words);
    }

    #[test]
    fn a_nul_byte_is_refused() {
        assert!(quote(["a\0b"]).is_err());
    }
}
