//! Which files a rule is about: `*` stands for any characters but `/`, `**` for any at all, `?` for one but `/`.

use serde::{Deserialize, Serialize};

/// A pattern for a file's path from the top of the mount: `member/wal/*.wal`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Glob(String);

impl From<&str> for Glob {
    fn from(pattern: &str) -> Self {
        Self(pattern.trim_start_matches('/').to_owned())
    }
}

impl Glob {
    /// Whether it is about this path.
    ///
    /// O(pattern × path).
    pub(super) fn matches(&self, path: &str) -> bool {
        matches(self.0.as_bytes(), path.as_bytes())
    }
}

fn matches(pattern: &[u8], path: &[u8]) -> bool {
    // Row i holds whether the pattern's rest from i on matches the path's rest that was looked at last.
    let mut below = vec![false; pattern.len() + 1];
    for start in (0..=path.len()).rev() {
        let mut row = vec![false; pattern.len() + 1];
        row[pattern.len()] = start == path.len();
        let byte = path.get(start);
        for i in (0..pattern.len()).rev() {
            row[i] = match pattern[i] {
                b'*' if pattern.get(i + 1) == Some(&b'*') => {
                    row[i + 2] || byte.is_some() && below[i]
                }
                b'*' => row[i + 1] || byte.is_some_and(|b| *b != b'/') && below[i],
                b'?' => byte.is_some_and(|b| *b != b'/') && below[i + 1],
                own => byte == Some(&own) && below[i + 1],
            };
        }
        below = row;
    }
    below[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stop_at_a_slash_and_double_stars_do_not() {
        let yes = |p: &str, s: &str| assert!(Glob::from(p).matches(s), "{p} {s}");
        let no = |p: &str, s: &str| assert!(!Glob::from(p).matches(s), "{p} {s}");
        yes("member/wal/*.wal", "member/wal/0-0.wal");
        yes("/member/**", "member/wal/0-0.wal");
        yes("**.wal", "member/wal/0-0.wal");
        yes("**", "a");
        yes("a?c*", "abc");
        yes("*a*a", "aaba");
        no("member/*.wal", "member/wal/0-0.wal");
        no("a?c", "a/c");
        no("*a*a", "aabab");
        no("a", "");
        yes("*", "");
    }

    #[test]
    fn many_stars_cost_no_more_than_one() {
        let pattern = "*a".repeat(40);
        assert!(!Glob::from(pattern.as_str()).matches(&"a".repeat(39)));
        assert!(Glob::from(pattern.as_str()).matches(&"a".repeat(400)));
    }
}
