//! Names that are safe in paths, in shells, in URLs and in artifact uploaders: ASCII letters, digits and `._+-`, not
//! beginning with a dot or a dash.

use chrono::{DateTime, NaiveDateTime, Utc};

use super::Error;

const LONGEST: usize = 100;
const TIME: &str = "%Y%m%dT%H%M%SZ";

/// The nearest safe name: what is not allowed becomes `-`.
pub fn safe_name(text: &str) -> String {
    let mut name: String = text
        .chars()
        .map(|c| if is_safe(c) { c } else { '-' })
        .take(LONGEST)
        .collect();
    if check(&name).is_err() {
        name.insert(0, '_');
        name.truncate(LONGEST);
    }
    name
}

/// Five characters to tell runs of the same second apart, and to put them in order: two of the fraction of the second in which
/// they were started, three from entropy.
pub fn run_suffix(started: DateTime<Utc>, entropy: u64) -> String {
    // In the order of their codes, as names are sorted.
    const DIGITS: &[u8; 32] = b"23456789abcdefghijkmnpqrstuvwxyz";
    // A leap second has more than a thousand.
    let fraction = u64::from(started.timestamp_subsec_millis().min(999));
    let number = fraction << 15 | entropy & 0x7fff;
    (0..5)
        .rev()
        .map(|i| char::from(DIGITS[(number >> (5 * i)) as usize % DIGITS.len()]))
        .collect()
}

/// Whether a name is safe.
pub(super) fn check(name: &str) -> Result<(), Error> {
    let why = if name.is_empty() {
        "it is empty"
    } else if name.len() > LONGEST {
        "it is longer than 100 characters"
    } else if name.starts_with(['.', '-']) {
        "it begins with a dot or a dash"
    } else if !name.chars().all(is_safe) {
        "only ASCII letters, digits and . _ + - are allowed"
    } else {
        return Ok(());
    };
    Err(Error::Name {
        name: name.to_owned(),
        why,
    })
}

/// `20261121T024512Z-k3f9`.
pub(super) fn run_id(started: DateTime<Utc>, suffix: &str) -> Result<String, Error> {
    let id = format!("{}-{suffix}", started.format(TIME));
    check(&id).map(|()| id)
}

/// Whether this could be a run's id.
pub fn is_run_id(name: &str) -> bool {
    parse_run_id(name).is_some()
}

/// The id of a suite that was started then: `20261121T024512Z-b7kx`.
pub fn suite_id(started: DateTime<Utc>, suffix: &str) -> Result<String, Error> {
    run_id(started, suffix)
}

/// The parts of a run's id; `None` if it is not one.
pub(super) fn parse_run_id(id: &str) -> Option<(DateTime<Utc>, &str)> {
    check(id).ok()?;
    let (time, suffix) = id.split_once('-')?;
    let time = NaiveDateTime::parse_from_str(time, TIME).ok()?;
    (!suffix.is_empty()).then_some((time.and_utc(), suffix))
}

fn is_safe(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-')
}
