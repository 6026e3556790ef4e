//! What a link is like: echo requests (ICMP and ICMPv6) to another node, whose kernel answers them. Everything that the
//! delayer, or netem, or a real network does to packets shows in the answers, and nothing needs to run at the other end.
//!
//! Requests of `size` bytes go out one every `gap`; an answer that is not there within `wait` of the last request is lost.
//! To measure a rate the gap is zero: the answers then come in as fast as the link lets the requests through.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    os::fd::OwnedFd,
    str::FromStr,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, ipproto, recvfrom, sendto,
        socket_with, sockopt,
    },
};

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The median of the round trips, in microseconds.
    Delay,
    /// The share of requests without an answer, in percent.
    Loss,
    /// The share of answers that came twice, in percent.
    Duplicate,
    /// The share of answers that came after the answer to a later request, in percent.
    Reorder,
    /// The share of answers whose bytes are not what was sent, in percent.
    Damage,
    /// Thousands of bits a second.
    Rate,
}

impl FromStr for What {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Ok(match word {
            "delay" => Self::Delay,
            "loss" => Self::Loss,
            "duplicate" => Self::Duplicate,
            "reorder" => Self::Reorder,
            "damage" => Self::Damage,
            "rate" => Self::Rate,
            _ => {
                return Err(format!(
                    "unknown measure {word:?}: there are delay, loss, duplicate, reorder, damage and rate"
                ));
            }
        })
    }
}

/// How requests are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Requests {
    pub(super) count: u16,
    pub(super) gap: Duration,
    pub(super) size: usize,
    pub(super) wait: Duration,
}

/// What came back.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Seen {
    sent: usize,
    answered: usize,
    twice: usize,
    late: usize,
    damaged: usize,
    median: Duration,
    kilobits: u64,
}

impl Seen {
    /// A number, and what it counts.
    pub(super) fn say(&self, what: What) -> Result<String, String> {
        let share = |part: usize, whole: usize, words: &str| {
            let percent = (part * 100 + whole / 2) / whole.max(1);
            format!("{percent} % {words}, {part} of {whole}")
        };
        if self.answered == 0 && what != What::Loss {
            return Err(format!("none of {} requests was answered", self.sent));
        }
        Ok(match what {
            What::Loss => share(self.sent - self.answered, self.sent, "lost"),
            What::Duplicate => share(self.twice, self.answered, "came twice"),
            What::Reorder => share(self.late, self.answered, "out of order"),
            What::Damage => share(self.damaged, self.answered, "damaged"),
            What::Delay => format!(
                "{} us round trip, the median of {}",
                self.median.as_micros(),
                self.answered
            ),
            What::Rate => format!("{} kbit/s, of {} answers", self.kilobits, self.answered),
        })
    }
}

/// An echo's place in what was sent, from what came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Answer {
    sequence: u16,
    damaged: bool,
}

const HEADER: usize = 8;

/// Asks and listens.
pub(super) fn measure(to: IpAddr, requests: Requests) -> io::Result<Seen> {
    let (family, protocol) = match to {
        IpAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP),
        IpAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6),
    };
    let socket = socket_with(
        family,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        Some(protocol),
    )?;
    sockopt::set_socket_recv_buffer_size_force(&socket, 8 << 20)?;
    let number = std::process::id() as u16;
    let mut sent: Vec<Instant> = Vec::new();
    let mut came: Vec<(Instant, Answer)> = Vec::new();
    let start = Instant::now();
    let mut patience = start;
    while sent.len() < usize::from(requests.count) {
        let due = start + requests.gap * sent.len() as u32;
        if due <= Instant::now() {
            let bytes = request(to, number, sent.len() as u16, requests.size);
            match sendto(&socket, &bytes, SendFlags::empty(), &SocketAddr::new(to, 0)) {
                // A local queue that is full loses packets as a network does.
                Ok(_) | Err(Errno::NOBUFS) => {}
                Err(e) => return Err(e.into()),
            }
            sent.push(Instant::now());
            patience = Instant::now() + requests.wait;
        } else {
            listen(&socket, to, number, due, &mut came)?;
        }
    }
    while came
        .iter()
        .filter(|(_, a)| usize::from(a.sequence) < sent.len())
        .count()
        < sent.len()
        && Instant::now() < patience
    {
        listen(&socket, to, number, patience, &mut came)?;
    }
    // Duplicates come with what they double, or shortly after.
    listen_on(
        &socket,
        to,
        number,
        Instant::now() + Duration::from_millis(20),
        &mut came,
    )?;
    Ok(sum_up(&sent, &came, requests.size))
}

fn listen_on(
    socket: &OwnedFd,
    to: IpAddr,
    number: u16,
    until: Instant,
    came: &mut Vec<(Instant, Answer)>,
) -> io::Result<()> {
    while Instant::now() < until {
        listen(socket, to, number, until, came)?;
    }
    Ok(())
}

/// Takes what comes in, or returns empty-handed at this time.
fn listen(
    socket: &OwnedFd,
    to: IpAddr,
    number: u16,
    until: Instant,
    came: &mut Vec<(Instant, Answer)>,
) -> io::Result<()> {
    let wait = until.saturating_duration_since(Instant::now());
    let timeout = Timespec::try_from(wait).expect("no wait is that long");
    match poll(&mut [PollFd::new(socket, PollFlags::IN)], Some(&timeout)) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(e) => return Err(e.into()),
    }
    let mut buffer = [0; 2048];
    while let Ok((got, _, from)) = recvfrom(socket, &mut buffer[..], RecvFlags::DONTWAIT) {
        let from = from.and_then(|a| SocketAddr::try_from(a).ok());
        if from.is_some_and(|from| from.ip() == to)
            && let Some(answer) = answer(to, number, &buffer[..got])
        {
            came.push((Instant::now(), answer));
        }
    }
    Ok(())
}

fn request(to: IpAddr, number: u16, sequence: u16, size: usize) -> Vec<u8> {
    let kind = if to.is_ipv4() { 8 } else { 128 };
    let mut bytes = vec![kind, 0, 0, 0];
    bytes.extend(number.to_be_bytes());
    bytes.extend(sequence.to_be_bytes());
    bytes.extend((HEADER..size.max(HEADER)).map(|i| pattern(sequence, i)));
    // The kernel sums up ICMPv6 itself.
    if to.is_ipv4() {
        let mut sum: u32 = bytes
            .chunks(2)
            .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)))
            .sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        bytes[2..4].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    }
    bytes
}

fn pattern(sequence: u16, at: usize) -> u8 {
    (usize::from(sequence) + at) as u8
}

fn answer(to: IpAddr, number: u16, bytes: &[u8]) -> Option<Answer> {
    // A raw socket gives the header of IPv4 and not that of IPv6.
    let (kind, bytes) = match to {
        IpAddr::V4(_) => (0, bytes.get(usize::from(bytes.first()? & 15) * 4..)?),
        IpAddr::V6(_) => (129, bytes),
    };
    let head: [u8; HEADER] = bytes.get(..HEADER)?.try_into().ok()?;
    if head[0] != kind || head[4..6] != number.to_be_bytes() {
        return None;
    }
    let sequence = u16::from_be_bytes([head[6], head[7]]);
    let damaged = (HEADER..bytes.len()).any(|i| bytes[i] != pattern(sequence, i));
    Some(Answer { sequence, damaged })
}

fn sum_up(sent: &[Instant], came: &[(Instant, Answer)], size: usize) -> Seen {
    let mut seen = Seen {
        sent: sent.len(),
        ..Seen::default()
    };
    let mut first: Vec<Option<Instant>> = vec![None; sent.len()];
    let mut again = vec![false; sent.len()];
    let mut latest = 0;
    for (at, answer) in came {
        let Some(place) = first.get_mut(usize::from(answer.sequence)) else {
            continue;
        };
        if place.is_some() {
            again[usize::from(answer.sequence)] = true;
            continue;
        }
        *place = Some(*at);
        seen.answered += 1;
        seen.damaged += usize::from(answer.damaged);
        seen.late += usize::from(answer.sequence < latest);
        latest = latest.max(answer.sequence);
    }
    seen.twice = again.into_iter().filter(|twice| *twice).count();
    let mut trips: Vec<Duration> = sent
        .iter()
        .zip(&first)
        .filter_map(|(sent, came)| Some(came.as_ref()?.saturating_duration_since(*sent)))
        .collect();
    trips.sort_unstable();
    seen.median = trips.get(trips.len() / 2).copied().unwrap_or_default();
    let arrivals = first.iter().flatten();
    if let (Some(from), Some(to)) = (arrivals.clone().min(), arrivals.max()) {
        // The first answer starts the clock, so its bytes do not count. The IP header does.
        let bits = (seen.answered - 1) as f64 * (size + 20) as f64 * 8.0;
        let span = to.duration_since(*from).as_secs_f64().max(1e-6);
        seen.kilobits = (bits / span / 1e3) as u64;
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const SIX: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

    /// What the other end makes of a request.
    fn echo(to: IpAddr, mut request: Vec<u8>) -> Vec<u8> {
        if to.is_ipv4() {
            request[0] = 0;
            [vec![0x45; 20], request].concat()
        } else {
            request[0] = 129;
            request
        }
    }

    #[test]
    fn an_answer_is_known_by_its_number_and_its_bytes() {
        for to in [FOUR, SIX] {
            let said = |sequence, damaged| Some(Answer { sequence, damaged });
            let mut reply = echo(to, request(to, 7, 300, 64));
            assert_eq!(answer(to, 7, &reply), said(300, false));
            assert_eq!(answer(to, 8, &reply), None, "another's");
            *reply.last_mut().unwrap() ^= 1;
            assert_eq!(answer(to, 7, &reply), said(300, true));
            assert_eq!(answer(to, 7, &request(to, 7, 1, 64)), None, "no answer");
            assert_eq!(answer(to, 7, &reply[..5]), None);
        }
    }

    #[test]
    fn answers_are_summed_up() {
        let start = Instant::now();
        let ms = |n: u64| start + Duration::from_millis(n);
        let sent: Vec<Instant> = (0..5).map(|i| ms(i * 10)).collect();
        let came = |at, sequence, damaged| (ms(at), Answer { sequence, damaged });
        // 0 is answered twice, 2 before 1, 3 damaged, 4 not at all; 9 was never sent.
        let came = [
            came(5, 0, false),
            came(6, 0, false),
            came(25, 2, false),
            came(30, 1, false),
            came(45, 3, true),
            came(46, 9, false),
        ];
        let seen = sum_up(&sent, &came, 980);
        let say = |what| seen.say(what).unwrap();
        assert_eq!(say(What::Loss), "20 % lost, 1 of 5");
        assert_eq!(say(What::Duplicate), "25 % came twice, 1 of 4");
        assert_eq!(say(What::Reorder), "25 % out of order, 1 of 4");
        assert_eq!(say(What::Damage), "25 % damaged, 1 of 4");
        assert_eq!(say(What::Delay), "15000 us round trip, the median of 4");
        // 3000 bytes in 40 ms.
        assert_eq!(say(What::Rate), "600 kbit/s, of 4 answers");
    }

    #[test]
    fn silence_is_loss_and_nothing_else() {
        let seen = sum_up(&[Instant::now()], &[], 64);
        assert_eq!(seen.say(What::Loss).unwrap(), "100 % lost, 1 of 1");
        assert_eq!(
            seen.say(What::Delay).unwrap_err(),
            "none of 1 requests was answered"
        );
    }
}
