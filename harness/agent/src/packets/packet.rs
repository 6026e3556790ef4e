//! What must be known of a packet: where it comes from and goes to, and where its payload and its checksum are, to damage
//! the one and mend the other. IPv4 and IPv6, with TCP, UDP and ICMP; of anything else only the addresses are looked at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who sends it and who is to have it; `None` if it is no IP packet.
pub(super) fn ends(packet: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let four = |at: usize| -> Option<IpAddr> {
        let bytes: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
        Some(Ipv4Addr::from(bytes).into())
    };
    let six = |at: usize| -> Option<IpAddr> {
        let bytes: [u8; 16] = packet.get(at..at + 16)?.try_into().ok()?;
        Some(Ipv6Addr::from(bytes).into())
    };
    match packet.first()? >> 4 {
        4 => Some((four(12)?, four(16)?)),
        6 => Some((six(8)?, six(24)?)),
        _ => None,
    }
}

/// Flips one bit of the payload, the one that `draw` picks from so many. With `undetected` the checksum is made to fit, and
/// a packet whose bytes nobody would look at stays as it is; otherwise a packet without payload gets a wrong checksum.
pub(super) fn damage(packet: &mut [u8], undetected: bool, draw: impl FnOnce(usize) -> usize) {
    let Some(parts) = Parts::of(packet) else {
        return;
    };
    let payload = parts.payload.min(packet.len())..packet.len();
    if !payload.is_empty() {
        let bit = draw(payload.len() * 8);
        packet[payload.start + bit / 8] ^= 1 << (bit % 8);
        if undetected {
            parts.mend(packet);
        }
    } else if !undetected && let Some(at) = parts.checksum {
        packet[at] ^= 1 << draw(8);
    }
}

/// Where things are in a packet.
#[derive(Debug, PartialEq, Eq)]
struct Parts {
    protocol: u8,
    /// Where the header of TCP, UDP or ICMP begins.
    transport: usize,
    payload: usize,
    /// Where the transport's checksum is, if it has one.
    checksum: Option<usize>,
}

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP6: u8 = 58;

impl Parts {
    fn of(packet: &[u8]) -> Option<Self> {
        let (protocol, transport, fragment) = match packet.first()? >> 4 {
            4 => {
                let offset = u16::from_be_bytes([*packet.get(6)?, *packet.get(7)?]) & 0x3fff;
                (
                    *packet.get(9)?,
                    usize::from(packet[0] & 15) * 4,
                    offset != 0,
                )
            }
            6 => (*packet.get(6)?, 40, false),
            _ => return None,
        };
        let header = match protocol {
            TCP => usize::from(packet.get(transport + 12)? >> 4) * 4,
            UDP | ICMP | ICMP6 => 8,
            _ => 0,
        };
        let checksum = match protocol {
            TCP => Some(16),
            UDP => Some(6),
            ICMP | ICMP6 => Some(2),
            _ => None,
        };
        let checksum = checksum
            .map(|at| transport + at)
            .filter(|at| !fragment && at + 2 <= packet.len());
        Some(Self {
            protocol,
            transport,
            payload: transport + if fragment { 0 } else { header },
            checksum,
        })
    }

    /// Makes the checksum fit (RFC 1071).
    fn mend(&self, packet: &mut [u8]) {
        let Some(at) = self.checksum else { return };
        if self.protocol == UDP && packet[at..at + 2] == [0, 0] {
            // It has none.
            return;
        }
        packet[at..at + 2].fill(0);
        let length = packet.len() - self.transport;
        let mut sum = ones(&packet[self.transport..]);
        if self.protocol != ICMP {
            let addresses = if packet[0] >> 4 == 4 { 12..20 } else { 8..40 };
            sum += ones(&packet[addresses]) + u64::from(self.protocol) + length as u64;
        }
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        let mut value = !(sum as u16);
        if self.protocol == UDP && value == 0 {
            value = 0xffff;
        }
        packet[at..at + 2].copy_from_slice(&value.to_be_bytes());
    }
}

fn ones(bytes: &[u8]) -> u64 {
    bytes
        .chunks(2)
        .map(|pair| u64::from(pair[0]) << 8 | u64::from(pair.get(1).copied().unwrap_or(0)))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A UDP packet over IPv4 from 192.0.2.1:5 to 192.0.2.2:7.
    fn udp(payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![
            0x45, 0, 0, 0, 0, 0, 0, 0, 64, UDP, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2,
        ];
        let length = 8 + payload.len() as u16;
        packet.extend([0, 5, 0, 7]);
        packet.extend(length.to_be_bytes());
        packet.extend([1, 1]);
        packet.extend(payload);
        packet
    }

    /// A TCP packet over IPv6, with options.
    fn tcp(payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x60, 0, 0, 0, 0, 0, TCP, 64];
        packet.extend(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1).octets());
        packet.extend(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2).octets());
        packet.extend([
            0, 5, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0x60, 0x18, 0, 9, 1, 1, 0, 0,
        ]);
        packet.extend([1, 1, 1, 0]);
        packet.extend(payload);
        packet
    }

    /// As a receiver sums it up: the transport with its checksum in place, and the addresses.
    fn fits(packet: &[u8], protocol: u8) -> bool {
        let (at, addresses) = if packet[0] >> 4 == 4 {
            (20, 12..20)
        } else {
            (40, 8..40)
        };
        let mut sum = ones(&packet[at..]) + ones(&packet[addresses]) + u64::from(protocol);
        sum += (packet.len() - at) as u64;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum == 0xffff
    }

    #[test]
    fn both_families_say_where_they_come_from() {
        let ends_of = |a: &str, b: &str| Some((a.parse().unwrap(), b.parse().unwrap()));
        assert_eq!(ends(&udp(b"")), ends_of("192.0.2.1", "192.0.2.2"));
        assert_eq!(ends(&tcp(b"")), ends_of("fd00::1", "fd00::2"));
        assert_eq!(ends(&[0x45, 0]), None);
        assert_eq!(ends(b"hello"), None);
        assert_eq!(ends(b""), None);
    }

    #[test]
    fn one_bit_of_the_payload_is_flipped_and_the_checksum_told_nothing() {
        for (mut packet, protocol) in [(udp(b"odd"), UDP), (tcp(b"hello"), TCP)] {
            Parts::of(&packet).unwrap().mend(&mut packet);
            assert!(fits(&packet, protocol));
            let before = packet.clone();
            damage(&mut packet, false, |bits| bits - 1);
            let last = packet.len() - 1;
            assert_eq!(packet[last], before[last] ^ 0x80);
            assert_eq!(packet[..last], before[..last]);
            assert!(!fits(&packet, protocol));
        }
    }

    #[test]
    fn undetected_damage_fits_its_checksum() {
        for (mut packet, protocol) in [(udp(b"odd"), UDP), (tcp(b"hello"), TCP)] {
            let before = packet.clone();
            damage(&mut packet, true, |_| 0);
            assert_ne!(packet, before);
            assert!(fits(&packet, protocol));
        }
    }

    #[test]
    fn without_payload_only_the_checksum_can_be_damaged() {
        let mut packet = tcp(b"");
        damage(&mut packet, true, |_| 0);
        assert_eq!(packet, tcp(b""));
        damage(&mut packet, false, |_| 0);
        let changed: Vec<usize> = (0..packet.len())
            .filter(|i| packet[*i] != tcp(b"")[*i])
            .collect();
        assert_eq!(changed, [56]);
    }

    #[test]
    fn a_datagram_without_a_checksum_gets_none() {
        let mut packet = udp(b"x");
        packet[26..28].fill(0);
        damage(&mut packet, true, |_| 0);
        assert_eq!(packet[26..28], [0, 0]);
    }

    #[test]
    fn what_is_cut_short_is_left_alone() {
        for whole in [udp(b"x"), tcp(b"x")] {
            for end in 0..whole.len() {
                let mut packet = whole[..end].to_vec();
                damage(&mut packet, true, |bits| bits - 1);
                damage(&mut packet, false, |bits| bits - 1);
                assert_eq!(packet.len(), end);
            }
        }
    }
}
