//! One queue of the kernel's, over a netlink socket of our own. When the socket is closed, however we end, the kernel drops
//! what it still held for us, and rules that say `--queue-bypass` let everything pass.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind,
        netlink::{self, SocketAddrNetlink},
        recv, send, socket_with, sockopt,
    },
};

use super::wire::{self, Message, Verdict};

/// A packet that the kernel holds for us.
#[derive(Debug)]
pub(super) struct Held<'a> {
    pub(super) id: u32,
    /// Its first bytes, or all.
    pub(super) bytes: &'a [u8],
    /// How many it has.
    pub(super) length: usize,
}

#[derive(Debug)]
pub(super) struct Queue {
    socket: OwnedFd,
    number: u16,
    buffer: Vec<u8>,
}

/// So many packets are held at most; more of them pass at once.
const MOST: u32 = 65_536;
/// Of a packet that is only delayed, this much tells where it comes from.
const HEADERS: u32 = 128;
const WHOLE: u32 = 0xffff;

impl Queue {
    /// Takes the first number from `first` on that nobody in this network namespace uses.
    pub(super) fn open(first: u16, singly: bool, whole: bool) -> io::Result<Self> {
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            Some(netlink::NETFILTER),
        )?;
        bind(&socket, &SocketAddrNetlink::new(0, 0))?;
        // Held packets are announced here first; what does not fit would pass without delay.
        sockopt::set_socket_recv_buffer_size_force(&socket, 16 << 20)?;
        let mut queue = Self {
            socket,
            number: first,
            buffer: vec![0; 1 << 17],
        };
        loop {
            match queue.request(&wire::bind(queue.number)) {
                Ok(()) => break,
                // Another process has it.
                Err(e)
                    if matches!(Errno::from_io_error(&e), Some(Errno::BUSY | Errno::PERM))
                        && queue.number < first.saturating_add(1000) =>
                {
                    queue.number += 1;
                }
                Err(e) => return Err(e),
            }
        }
        let bytes = if whole { WHOLE } else { HEADERS };
        queue.request(&wire::configure(queue.number, bytes, singly, MOST))?;
        Ok(queue)
    }

    pub(super) fn number(&self) -> u16 {
        self.number
    }

    /// Readable when a packet waits.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The next packet, if one waits.
    pub(super) fn next(&mut self) -> io::Result<Option<Held<'_>>> {
        loop {
            let got = match recv(&self.socket, &mut self.buffer[..], RecvFlags::DONTWAIT) {
                Ok((got, _)) => got,
                Err(Errno::AGAIN) => return Ok(None),
                // Announcements were lost, and those packets have passed.
                Err(Errno::NOBUFS | Errno::INTR) => continue,
                Err(e) => return Err(e.into()),
            };
            // Borrowed anew, because a loop that may return what it borrows cannot be told from one that does.
            if matches!(wire::read(&self.buffer[..got]), Message::Packet { .. }) {
                let Message::Packet { id, bytes, length } = wire::read(&self.buffer[..got]) else {
                    unreachable!("it was one a moment ago");
                };
                return Ok(Some(Held { id, bytes, length }));
            }
        }
    }

    /// Decides about a packet. One that the kernel no longer knows of is none of our concern.
    pub(super) fn decide(&self, id: u32, verdict: Verdict, bytes: Option<&[u8]>) -> io::Result<()> {
        let message = wire::verdict(self.number, id, verdict, bytes);
        send(&self.socket, &message, SendFlags::empty())?;
        Ok(())
    }

    /// Sends a request and awaits how it is taken.
    fn request(&mut self, message: &[u8]) -> io::Result<()> {
        send(&self.socket, message, SendFlags::empty())?;
        loop {
            let (got, _) = recv(&self.socket, &mut self.buffer[..], RecvFlags::empty())?;
            match wire::read(&self.buffer[..got]) {
                Message::Answer(0) => return Ok(()),
                Message::Answer(errno) => return Err(io::Error::from_raw_os_error(errno)),
                Message::Packet { .. } | Message::Other => {}
            }
        }
    }
}
