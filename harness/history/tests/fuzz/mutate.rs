//! Texts that are almost right.

/// A source of numbers (SplitMix64; Steele, Lea & Flood 2014, section 4).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Less than `n`, which is not zero.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// What texts like to break at.
const PIECES: [&[u8]; 44] = [
    b"nil",
    b"null",
    b"true",
    b"-",
    b"0",
    b"-0",
    b"9223372036854775807",
    b"9223372036854775808",
    b"-9223372036854775809",
    b"18446744073709551616",
    b"4294967295",
    b"4294967296",
    b"65536",
    b"1e999",
    b"1e-999",
    b"0.1",
    b"1/3",
    b"1/0",
    b"##Inf",
    b"##NaN",
    b"#inst \"x\"",
    b"#_",
    b"\\u0000",
    b"\\ud800",
    b"\\o777",
    b"\\newline",
    b"\"",
    b"[",
    b"]",
    b"{",
    b"}",
    b"(",
    b")",
    b",",
    b":",
    b"|",
    b"-> ",
    b"...",
    b"\n",
    b"\r\n",
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
];

/// What nests, and how it closes.
const NESTS: [(&[u8], &[u8]); 7] = [
    (b"[", b"]"),
    (b"{\"a\":", b"}"),
    (b"{:a ", b"}"),
    (b"(", b")"),
    (b"#{", b"}"),
    (b"#_", b""),
    (b"#a ", b""),
];

/// A seed, mutated a few times; once in a while whole, and once in a while nothing of one.
pub(crate) fn text(chance: &mut Chance, seeds: &[&[u8]]) -> Vec<u8> {
    const LONGEST: usize = 1 << 20;
    if chance.below(40) == 0 {
        return (0..chance.below(300))
            .map(|_| chance.next() as u8)
            .collect();
    }
    let mut text = chance.pick(seeds).to_vec();
    for _ in 0..chance.below(5) {
        mutate(chance, &mut text, seeds);
        text.truncate(LONGEST);
    }
    text
}

fn mutate(chance: &mut Chance, text: &mut Vec<u8>, seeds: &[&[u8]]) {
    let at = chance.below(text.len() + 1);
    let to = at + chance.below(text.len() - at + 1);
    match chance.below(100) {
        0..15 => {
            if let Some(byte) = text.get_mut(at) {
                *byte ^= 1 << chance.below(8);
            }
        }
        15..40 => {
            let piece: &[u8] = chance.pick::<&[u8]>(&PIECES);
            insert(text, at, piece);
        }
        40..55 => number(chance, text, at),
        55..62 => drop(text.drain(at..to)),
        62..72 => {
            let again = text[at..to].to_vec();
            insert(text, to, &again);
        }
        72..82 => {
            let other = *chance.pick(seeds);
            let from = chance.below(other.len() + 1);
            let piece = other[from..].to_vec();
            text.splice(at..to, piece);
        }
        82..88 => text.truncate(at),
        88..94 => {
            let (open, close) = *chance.pick(&NESTS);
            let deep = *chance.pick(&[3, 100, 127, 128, 129, 400, 5_000, 100_000]);
            let closed = if chance.below(2) == 0 { deep } else { 0 };
            let nest = [open.repeat(deep), close.repeat(closed)].concat();
            text.splice(at..to, nest);
        }
        _ => {
            // Lines in another order, or one many times.
            let mut lines: Vec<&[u8]> = text.split_inclusive(|b| *b == b'\n').collect();
            let one = *chance.pick(
                &lines[..]
                    .iter()
                    .copied()
                    .chain([&b""[..]])
                    .collect::<Vec<_>>(),
            );
            let where_to = chance.below(lines.len() + 1);
            let times = *chance.pick(&[1, 1, 1, 1000]);
            lines.splice(where_to..where_to, vec![one; times]);
            *text = lines.concat();
        }
    }
}

fn insert(text: &mut Vec<u8>, at: usize, piece: &[u8]) {
    text.splice(at..at, piece.iter().copied());
}

/// Puts another number in the place of the first one after a place.
fn number(chance: &mut Chance, text: &mut Vec<u8>, at: usize) {
    let Some(from) = text[at..]
        .iter()
        .position(u8::is_ascii_digit)
        .map(|n| at + n)
    else {
        return;
    };
    let rest = &text[from..];
    let to = from
        + rest
            .iter()
            .position(|b| !b.is_ascii_digit())
            .unwrap_or(rest.len());
    let other = match chance.below(4) {
        0 => vec![b'9'; chance.below(400)],
        1 => chance.next().to_string().into_bytes(),
        2 => chance.below(9).to_string().into_bytes(),
        _ => chance.pick(&PIECES[4..17]).to_vec(),
    };
    text.splice(from..to, other);
}
