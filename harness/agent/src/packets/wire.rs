//! The messages of NFQUEUE, byte by byte (linux/netfilter/nfnetlink_queue.h): a netlink header, the family and the number
//! of the queue, then attributes. Netlink's own numbers are in the machine's byte order, netfilter's in the network's.

/// `NFNL_SUBSYS_QUEUE`, in the upper byte of a message's type.
const QUEUE: u16 = 3 << 8;
const PACKET: u16 = QUEUE;
const VERDICT: u16 = QUEUE | 1;
const CONFIG: u16 = QUEUE | 2;

const ERROR: u16 = 2;
const REQUEST: u16 = 1;
const ACK: u16 = 4;

/// Of a netlink header, and of that with the family and the queue's number.
const HEADER: usize = 16;
const HEADERS: usize = HEADER + 4;

/// What is done with a packet that the kernel holds for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Drop,
    Accept,
}

/// What the kernel says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message<'a> {
    /// It holds a packet.
    Packet {
        id: u32,
        /// Its first bytes, or all.
        bytes: &'a [u8],
        /// How many it has.
        length: usize,
    },
    /// How it took a request: zero, or an errno.
    Answer(i32),
    /// What we do not ask for.
    Other,
}

/// Asks for a queue.
pub(super) fn bind(queue: u16) -> Vec<u8> {
    const BIND: u8 = 1;
    config(queue, &[(1, &[BIND, 0, 0, 0])])
}

/// How packets are to be given: so many bytes of each, singly or in large pieces, at most so many of them at a time; what
/// is more than that passes.
pub(super) fn configure(queue: u16, bytes: u32, singly: bool, most: u32) -> Vec<u8> {
    const COPY_PACKET: u8 = 2;
    const FAIL_OPEN: u32 = 1;
    const GSO: u32 = 4;
    let flags = if singly { FAIL_OPEN } else { FAIL_OPEN | GSO };
    let mut params = bytes.to_be_bytes().to_vec();
    params.push(COPY_PACKET);
    config(
        queue,
        &[
            (2, &params),
            (3, &most.to_be_bytes()),
            (4, &(FAIL_OPEN | GSO).to_be_bytes()),
            (5, &flags.to_be_bytes()),
        ],
    )
}

fn config(queue: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    message(CONFIG, REQUEST | ACK, queue, attributes)
}

/// Decides about a packet, perhaps with other bytes than it had.
pub(super) fn verdict(queue: u16, id: u32, verdict: Verdict, bytes: Option<&[u8]>) -> Vec<u8> {
    let mut header = (verdict as u32).to_be_bytes().to_vec();
    header.extend(id.to_be_bytes());
    match bytes {
        None => message(VERDICT, REQUEST, queue, &[(2, &header)]),
        Some(bytes) => message(VERDICT, REQUEST, queue, &[(2, &header), (10, bytes)]),
    }
}

fn message(kind: u16, flags: u16, queue: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut out = vec![0; 4];
    out.extend(kind.to_ne_bytes());
    out.extend(flags.to_ne_bytes());
    out.extend([0; 8]);
    out.extend([0, 0]);
    out.extend(queue.to_be_bytes());
    for (name, value) in attributes {
        let length = u16::try_from(4 + value.len()).expect("no packet fills an attribute");
        out.extend(length.to_ne_bytes());
        out.extend(name.to_ne_bytes());
        out.extend(*value);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    let length = u32::try_from(out.len()).expect("a message is small");
    out[..4].copy_from_slice(&length.to_ne_bytes());
    out
}

/// Reads one message.
pub(super) fn read(bytes: &[u8]) -> Message<'_> {
    packet_or_answer(bytes).unwrap_or(Message::Other)
}

fn packet_or_answer(bytes: &[u8]) -> Option<Message<'_>> {
    let kind = u16::from_ne_bytes(array(bytes, 4)?);
    if kind == ERROR {
        return Some(Message::Answer(-i32::from_ne_bytes(array(bytes, HEADER)?)));
    }
    if kind != PACKET {
        return None;
    }
    let (mut id, mut payload, mut length) = (None, None, None);
    let mut rest = bytes.get(HEADERS..)?;
    while rest.len() >= 4 {
        let size = usize::from(u16::from_ne_bytes(array(rest, 0)?));
        let name = u16::from_ne_bytes(array(rest, 2)?) & 0x3fff;
        let value = rest.get(4..size)?;
        match name {
            1 => id = Some(u32::from_be_bytes(array(value, 0)?)),
            10 => payload = Some(value),
            13 => length = Some(u32::from_be_bytes(array(value, 0)?)),
            _ => {}
        }
        rest = rest.get(size.next_multiple_of(4)..).unwrap_or_default();
    }
    let bytes = payload.unwrap_or_default();
    Some(Message::Packet {
        id: id?,
        bytes,
        length: length.map_or(bytes.len(), |length| length as usize),
    })
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_laid_out_as_the_kernel_reads_them() {
        let ne = |n: u16| n.to_ne_bytes();
        let bind = bind(7);
        assert_eq!(bind.len(), 28);
        assert_eq!(bind[..4], 28_u32.to_ne_bytes());
        assert_eq!(bind[4..6], ne(0x302));
        assert_eq!(bind[6..8], ne(5));
        assert_eq!(bind[16..20], [0, 0, 0, 7]);
        assert_eq!(bind[20..24], [ne(8), ne(1)].concat());
        assert_eq!(bind[24..], [1, 0, 0, 0]);

        let configure = configure(7, 128, false, 9);
        // Five bytes of parameters are filled up to eight.
        assert_eq!(configure[20..24], [ne(9), ne(2)].concat());
        assert_eq!(configure[24..32], [0, 0, 0, 128, 2, 0, 0, 0]);
        assert_eq!(configure.len(), 20 + 12 + 3 * 8);

        let verdict = verdict(7, 5, Verdict::Accept, Some(b"abc"));
        assert_eq!(verdict[4..6], ne(0x301));
        assert_eq!(verdict[24..32], [0, 0, 0, 1, 0, 0, 0, 5]);
        assert_eq!(verdict[32..], [&ne(7)[..], &ne(10), b"abc\0"].concat());
    }

    #[test]
    fn a_packet_is_read_with_its_length() {
        let header = [&7_u32.to_be_bytes()[..], &[8, 0, 1]].concat();
        let full = message(PACKET, 0, 3, &[(1, &header), (10, b"hello")]);
        let packet = |bytes, length| Message::Packet {
            id: 7,
            bytes,
            length,
        };
        assert_eq!(read(&full), packet(b"hello", 5));
        let cut = message(
            PACKET,
            0,
            3,
            &[(1, &header), (13, &1500_u32.to_be_bytes()), (10, b"hello")],
        );
        assert_eq!(read(&cut), packet(b"hello", 1500));
    }

    #[test]
    fn answers_and_nonsense_are_told_apart() {
        let mut answer = vec![0; 36];
        answer[4..6].copy_from_slice(&ERROR.to_ne_bytes());
        answer[16..20].copy_from_slice(&(-16_i32).to_ne_bytes());
        assert_eq!(read(&answer), Message::Answer(16));
        let header = [0; 7];
        let whole = message(PACKET, 0, 3, &[(1, &header), (10, b"hello")]);
        for end in 0..whole.len() {
            let said = read(&whole[..end]);
            assert!(!matches!(said, Message::Answer(_)), "{end}: {said:?}");
        }
        assert_eq!(read(&[]), Message::Other);
    }
}
