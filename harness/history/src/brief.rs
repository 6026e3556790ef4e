//! Messages that quote what they complain about, kept to a length that a person reads: a file of a gigabyte without a line
//! feed shall not be printed whole.

/// How many bytes of the beginning are kept, and how many of the end, where remedies stand.
const KEPT: (usize, usize) = (400, 200);

/// The message, without its middle if it is long.
pub(crate) fn brief(message: String) -> String {
    let (head, tail) = KEPT;
    if message.len() <= head + tail {
        return message;
    }
    let head = message.floor_char_boundary(head);
    let tail = message.ceil_char_boundary(message.len() - tail);
    format!("{} … {}", &message[..head], &message[tail..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_messages_keep_both_ends_and_whole_characters() {
        assert_eq!(brief("short".to_owned()), "short");
        let message = format!("a{}; it has read", "é".repeat(10_000));
        let short = brief(message);
        assert!(short.starts_with("aé") && short.ends_with("é; it has read"));
        assert!(short.len() < 620, "{}", short.len());
    }
}
