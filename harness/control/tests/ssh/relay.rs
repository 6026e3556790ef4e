//! A wire that breaks: everything between the client and the server goes through it, up to so many bytes.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// Relays connections to `port` until `budget` bytes have gone there; then none exists any more, nor is made.
pub(crate) fn relay(port: u16, budget: u64) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = listener.local_addr().unwrap().port();
    let left = Arc::new(AtomicU64::new(budget));
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, left) = (client.unwrap(), Arc::clone(&left));
            if left.load(Ordering::SeqCst) == 0 {
                continue;
            }
            let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let (from, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || pump(from, to, &AtomicU64::new(u64::MAX)));
            thread::spawn(move || pump(client, server, &left));
        }
    });
    here
}

fn pump(mut from: TcpStream, mut to: TcpStream, left: &AtomicU64) {
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        let before = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |l| {
            Some(l.saturating_sub(n as u64))
        });
        if before.is_ok_and(|l| l < n as u64) || to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    // Either side may have gone already.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
