//! The TCP connection under a session, up to the moment at which an SSH server has spoken.

use std::{
    io::ErrorKind,
    net::{TcpStream, ToSocketAddrs},
    thread,
    time::{Duration, Instant},
};

use rustix::net::sockopt;

use super::Endpoint;

/// How long nothing arrives before the kernel asks whether the other side is still there, and how long between asking
/// again. It also does so for sessions that wait in the pool.
const PROBE: Duration = Duration::from_secs(15);
/// How many such questions go unanswered before the connection counts as lost.
const PROBES: u32 = 4;
/// How often the first bytes are looked for while fewer have come than tell.
const LOOK: Duration = Duration::from_millis(10);

/// Connects, and sees that it is SSH that answers.
pub(super) fn connect(to: &Endpoint, until: Instant) -> Result<TcpStream, String> {
    let socket = reach(to, until).map_err(|e| e.to_string())?;
    configure(&socket).map_err(|e| e.to_string())?;
    greeted(&socket, until)?;
    Ok(socket)
}

/// Tries the addresses of the host in turn, each for its share of the time.
fn reach(to: &Endpoint, until: Instant) -> std::io::Result<TcpStream> {
    let addresses: Vec<_> = (to.host.as_str(), to.port).to_socket_addrs()?.collect();
    let mut last = std::io::Error::new(ErrorKind::NotFound, "the name has no address");
    for (tried, address) in addresses.iter().enumerate() {
        let untried = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = left(until) / untried;
        match TcpStream::connect_timeout(address, share.max(Duration::from_millis(1))) {
            Ok(socket) => return Ok(socket),
            Err(e) => last = e,
        }
    }
    Err(last)
}

fn configure(socket: &TcpStream) -> std::io::Result<()> {
    // Small packets of a dialogue must not wait for each other.
    socket.set_nodelay(true)?;
    sockopt::set_socket_keepalive(socket, true)?;
    sockopt::set_tcp_keepidle(socket, PROBE)?;
    sockopt::set_tcp_keepintvl(socket, PROBE)?;
    sockopt::set_tcp_keepcnt(socket, PROBES)?;
    // The same patience with what was sent and is not acknowledged, where the kernel would go on for a quarter of an
    // hour.
    let unheard = PROBE * PROBES;
    sockopt::set_tcp_user_timeout(socket, u32::try_from(unheard.as_millis()).unwrap_or(0))?;
    Ok(())
}

/// Waits for the first bytes without taking them. libssh2 would skip lines that are not SSH's for as long as they come
/// (RFC 4253, section 4.2, allows a server to send such, and none that we know does).
fn greeted(socket: &TcpStream, until: Instant) -> Result<(), String> {
    const GREETING: &[u8] = b"SSH-";
    let mut seen = [0; 40];
    loop {
        let left = left(until);
        if left.is_zero() {
            return Err("it accepts connections, but says nothing in time".to_owned());
        }
        socket
            .set_read_timeout(Some(left))
            .map_err(|e| e.to_string())?;
        match socket.peek(&mut seen) {
            Ok(0) => return Err("it closed the connection without a word".to_owned()),
            Ok(n) if n >= GREETING.len() && seen.starts_with(GREETING) => return Ok(()),
            Ok(n) if n < GREETING.len() && GREETING.starts_with(&seen[..n]) => {
                thread::sleep(LOOK);
            }
            Ok(n) => {
                return Err(format!(
                    "something else than SSH answers there: {:?}",
                    String::from_utf8_lossy(&seen[..n])
                ));
            }
            Err(e)
                if matches!(
                    e.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) => {}
            Err(e) => return Err(e.to_string()),
        }
    }
}

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}
