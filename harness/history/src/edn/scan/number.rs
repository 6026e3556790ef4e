//! Numbers other than short integers.

use crate::Datum;

/// Long ones, `7N`, ratios, decimals, floating point.
pub(super) fn rare(token: &[u8]) -> Option<Datum> {
    let text = std::str::from_utf8(token).ok()?;
    let whole = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        plain && (digits.len() == 1 || !digits.starts_with('0'))
    };
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let integer = unsigned.strip_suffix('N').unwrap_or(unsigned);
    if whole(integer) {
        let plain = text.strip_suffix('N').unwrap_or(text);
        return Some(match plain.parse() {
            Ok(n) => Datum::Int(n),
            Err(_) => Datum::Number(plain.into()),
        });
    }
    if let Some((numerator, denominator)) = unsigned.split_once('/') {
        return (whole(numerator) && whole(denominator)).then(|| Datum::Number(text.into()));
    }
    let (decimal, exact) = match unsigned.strip_suffix('M') {
        Some(decimal) => (decimal, true),
        None => (unsigned, false),
    };
    let (mantissa, exponent) = match decimal.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (decimal, None),
    };
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_is_good = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    if !(whole(before) && digits(after) && exponent_is_good) {
        return None;
    }
    if exact {
        return Some(Datum::Number(text.into()));
    }
    match text.parse::<f64>() {
        Ok(x) if x.is_finite() => Some(Datum::Float(x)),
        _ => Some(Datum::Number(text.into())),
    }
}
