//! What is wrong with a configuration, in our words: where, why, and what was probably meant.

use std::path::Path;

use super::values::SECRET;

/// An error of the YAML library in our words, with its place and the line it is about.
pub(crate) fn explain(path: &Path, text: &str, error: &serde_yaml::Error) -> String {
    let message = error.to_string();
    let Some(place) = error.location() else {
        return format!("{}: {}", path.display(), said(&message));
    };
    let (line, column) = duplicate(&message, text).unwrap_or((place.line(), place.column()));
    let why = said(message.split(" at line ").next().unwrap_or(&message));
    let (why, keys) = why.split_once('\n').unwrap_or((&why, ""));
    let excerpt = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    if why.contains(SECRET) {
        // The line may show the secret.
        return format!("{}:{line}:{column}: {why}", path.display());
    }
    let margin = " ".repeat(line.to_string().len());
    let mut report = format!(
        "{}:{line}:{column}: {why}\n\n  {line} | {excerpt}\n  {margin} | {}^",
        path.display(),
        " ".repeat(column.saturating_sub(1)),
    );
    if !keys.is_empty() {
        report.push_str("\n\n");
        report.push_str(keys);
    }
    report
}

/// Where a key stands for the second time. The YAML library names only the map that has both.
fn duplicate(message: &str, text: &str) -> Option<(usize, usize)> {
    let (_, rest) = message.split_once("duplicate field `")?;
    let key = rest.split('`').next()?;
    let is_key = |line: &str| {
        line.trim_start()
            .strip_prefix(key)
            .is_some_and(|l| l.trim_start().starts_with(':'))
    };
    let (at, line) = text
        .lines()
        .enumerate()
        .filter(|(_, line)| is_key(line))
        .nth(1)?;
    Some((at + 1, line.len() - line.trim_start().len() + 1))
}

/// `unknown field` becomes `unknown key` with the nearest of those that exist; the list of them stands on a line of its
/// own.
pub(super) fn said(message: &str) -> String {
    let message = message.split(" at line ").next().unwrap_or(message);
    for (theirs, ours) in [("unknown field `", "key"), ("unknown variant `", "value")] {
        let Some((before, rest)) = message.split_once(theirs) else {
            continue;
        };
        let Some((word, expected)) = rest.split_once('`') else {
            continue;
        };
        let there: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        let nearest = there
            .iter()
            .map(|k| (strsim::damerau_levenshtein(word, k), k))
            .filter(|(distance, k)| *distance <= 1 + k.len() / 4)
            .min();
        let hint = nearest.map_or_else(String::new, |(_, k)| format!("; did you mean `{k}`?"));
        return format!(
            "{before}unknown {ours} `{word}`{hint}\n{ours}s here: {}",
            there.join(", ")
        );
    }
    message.to_owned()
}
