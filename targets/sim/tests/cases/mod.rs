//! How many random histories a test looks at.

/// So many as usual; more with `SCHISM_PROPERTY_CASES`.
pub(crate) fn cases(usual: u64) -> u64 {
    let more = std::env::var("SCHISM_PROPERTY_CASES").ok();
    let more = more.and_then(|n| n.parse().ok());
    more.map_or(usual, |n: u64| n / 10).max(usual)
}
