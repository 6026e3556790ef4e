//! Packets that arrive a second time. A queue can pass a packet on once; its copy is sent to ourselves through a raw
//! socket, with the addresses it came with. It comes in by the loopback device, which our rules leave out.

use std::{
    net::{IpAddr, SocketAddr},
    os::fd::OwnedFd,
};

use rustix::{
    io,
    net::{AddressFamily, SendFlags, SocketFlags, SocketType, ipproto, sendto, socket_with},
};

use super::packet;

#[derive(Debug)]
pub(super) struct Copies {
    four: OwnedFd,
    /// None where the machine has no IPv6.
    six: Option<OwnedFd>,
}

impl Copies {
    pub(super) fn open() -> io::Result<Self> {
        let open = |family| {
            socket_with(
                family,
                SocketType::RAW,
                SocketFlags::CLOEXEC,
                Some(ipproto::RAW),
            )
        };
        Ok(Self {
            four: open(AddressFamily::INET)?,
            six: open(AddressFamily::INET6).ok(),
        })
    }

    /// Sends it to ourselves. What cannot be sent is a duplicate that did not happen.
    pub(super) fn send(&self, bytes: &[u8]) {
        let Some((_, to)) = packet::ends(bytes) else {
            return;
        };
        let socket = match (to, &self.six) {
            (IpAddr::V4(_), _) => &self.four,
            (IpAddr::V6(_), Some(six)) => six,
            (IpAddr::V6(_), None) => return,
        };
        let _ = sendto(socket, bytes, SendFlags::DONTWAIT, &SocketAddr::new(to, 0));
    }
}
