//! The loop: packets come from the queue, wait in a heap for their time, and go. One thread, however many packets.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    io,
    net::IpAddr,
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::{
    copies::Copies,
    fate::{Fate, Link},
    packet,
    queue::{Held, Queue},
    treatment::Rule,
    wire::Verdict,
};

pub(super) struct Delayer {
    queue: Queue,
    copies: Option<Copies>,
    links: Vec<Link>,
    by_address: BTreeMap<IpAddr, usize>,
    waiting: BinaryHeap<Reverse<Waiting>>,
    rng: Pcg64,
    start: Instant,
    count: u64,
}

/// A packet that waits for its time; those of one moment go in the order in which they came.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    at: Duration,
    count: u64,
    id: u32,
    /// Its bytes, where they are not what the kernel has.
    instead: Option<Vec<u8>>,
    copy: Option<Vec<u8>>,
}

/// So many packets are taken from the queue before the heap is looked at again.
const BATCH: usize = 256;

impl Delayer {
    /// Takes a queue whose number is `first` or the next that is free.
    pub(super) fn open(rules: Vec<Rule>, seed: u64, first: u16) -> io::Result<Self> {
        let any = |is: fn(&Rule) -> bool| rules.iter().any(is);
        let singly = any(|r| r.treatment.singly());
        let whole = any(|r| r.treatment.whole());
        let copies = any(|r| r.treatment.duplicate > 0.0)
            .then(Copies::open)
            .transpose()?;
        let mut by_address = BTreeMap::new();
        let mut links = Vec::new();
        for rule in rules {
            by_address.extend(rule.from.into_iter().map(|ip| (ip, links.len())));
            links.push(Link::new(rule.treatment));
        }
        Ok(Self {
            queue: Queue::open(first, singly, whole)?,
            copies,
            links,
            by_address,
            waiting: BinaryHeap::new(),
            rng: Pcg64::seed_from_u64(seed),
            start: Instant::now(),
            count: 0,
        })
    }

    pub(super) fn queue_number(&self) -> u16 {
        self.queue.number()
    }

    /// Goes on until something breaks.
    pub(super) fn run(mut self) -> io::Result<()> {
        loop {
            self.release()?;
            let timeout = self.waiting.peek().map(|Reverse(first)| {
                let wait = first.at.saturating_sub(self.start.elapsed());
                Timespec::try_from(wait).expect("no delay is that long")
            });
            match poll(
                &mut [PollFd::from_borrowed_fd(self.queue.fd(), PollFlags::IN)],
                timeout.as_ref(),
            ) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
            for _ in 0..BATCH {
                if !self.take()? {
                    break;
                }
            }
        }
    }

    /// Lets those go whose time has come.
    fn release(&mut self) -> io::Result<()> {
        let now = self.start.elapsed();
        while let Some(Reverse(first)) = self.waiting.peek()
            && first.at <= now
        {
            let Reverse(due) = self.waiting.pop().expect("it was there a moment ago");
            self.queue
                .decide(due.id, Verdict::Accept, due.instead.as_deref())?;
            if let (Some(copy), Some(copies)) = (due.copy, &self.copies) {
                copies.send(&copy);
            }
        }
        Ok(())
    }

    /// Decides about the next packet; false if none waits.
    fn take(&mut self) -> io::Result<bool> {
        let Some(Held { id, bytes, length }) = self.queue.next()? else {
            return Ok(false);
        };
        let link = packet::ends(bytes).and_then(|(from, _)| self.by_address.get(&from).copied());
        let Some(link) = link.map(|i| &mut self.links[i]) else {
            self.queue.decide(id, Verdict::Accept, None)?;
            return Ok(true);
        };
        match link.fate(self.start.elapsed(), length, &mut self.rng) {
            Fate::Dropped => self.queue.decide(id, Verdict::Drop, None)?,
            Fate::Delivered { at, twice, damaged } => {
                let rng = &mut self.rng;
                let instead = damaged.then(|| {
                    let mut bytes = bytes.to_vec();
                    packet::damage(&mut bytes, link.treatment.undetected, |bits| {
                        rng.random_range(0..bits)
                    });
                    bytes
                });
                let copy = twice.then(|| instead.clone().unwrap_or_else(|| bytes.to_vec()));
                self.count += 1;
                self.waiting.push(Reverse(Waiting {
                    at,
                    count: self.count,
                    id,
                    instead,
                    copy,
                }));
            }
        }
        Ok(true)
    }
}
