//! Numbers as people read them.

use std::time::Duration;

use history::Nanos;

/// `82,114`.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `1 call`, `3 calls`.
pub(crate) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

/// `97.1%`; never `100%` or `0%` of something that is not all or nothing.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let tenths = (part as u128 * 1000 + whole as u128 / 2) / whole as u128;
    match tenths {
        0 if part == 0 => "0%".to_owned(),
        0 => "<0.1%".to_owned(),
        1000 if part == whole => "100%".to_owned(),
        1000 => ">99.9%".to_owned(),
        t => format!("{}.{}%", t / 10, t % 10),
    }
}

/// `850 µs`, `2.1 ms`, `407 ms`, `12.4 s`, `1m 52s`.
pub(crate) fn span(d: Duration) -> String {
    let us = d.as_micros();
    match us {
        0 if d.is_zero() => "0 ms".to_owned(),
        0 => format!("{} ns", d.as_nanos()),
        1..1_000 => format!("{us} µs"),
        1_000..10_000 => format!("{}.{} ms", us / 1000, us / 100 % 10),
        10_000..1_000_000 => format!("{} ms", us / 1000),
        1_000_000..60_000_000 => format!("{}.{} s", us / 1_000_000, us / 100_000 % 10),
        _ => format!("{}m {:02}s", us / 60_000_000, us / 1_000_000 % 60),
    }
}

/// The length of a stretch of time that is given as nanoseconds.
pub(crate) fn nanos(n: Nanos) -> String {
    span(Duration::from_nanos(n.0))
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list<S: AsRef<str>>(items: &[S]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [init @ .., last] => {
            let init: Vec<&str> = init.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", init.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(82_114), "82,114");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000_000), "1,000,000");
        assert_eq!(percent(999_999, 1_000_000), ">99.9%");
        assert_eq!(percent(1, 1_000_000), "<0.1%");
        assert_eq!(percent(0, 0), "–");
        assert_eq!(percent(971, 1000), "97.1%");
        assert_eq!(span(Duration::from_micros(2_140)), "2.1 ms");
        assert_eq!(span(Duration::from_secs(112)), "1m 52s");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }
}
