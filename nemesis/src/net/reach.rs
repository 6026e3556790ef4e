//! Whether one node reaches another: a TCP connection within a second, made with whatever the node has: bash, nc,
//! python3, perl, and ping where there is nothing else. A refused connection is an answer too, and so proves the link
//! as well as an open one.

use std::{net::IpAddr, time::Duration};

use control::{Command, Protocol};

/// Tries `$1` as port at each further argument, all at once; one that answers is enough.
const SCRIPT: &str = r#"
export LC_ALL=C
port=$1; shift
try() {
    if command -v bash >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1; then
        said=$(timeout 1 bash -c ': <>"/dev/tcp/$0/$1"' "$1" "$port" 2>&1) && return 0
        case $said in *refused*) return 0 ;; *"No such file"*) ;; *) return 1 ;; esac
    fi
    if command -v nc >/dev/null 2>&1; then
        said=$(nc -w 1 "$1" "$port" </dev/null 2>&1 >/dev/null) && return 0
        case $said in *refused*) return 0 ;; *) return 1 ;; esac
    fi
    if command -v python3 >/dev/null 2>&1; then
        python3 -c '
import socket, sys
try: socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)
except ConnectionRefusedError: pass
except OSError: sys.exit(1)' "$1" "$port"
        return
    fi
    if command -v perl >/dev/null 2>&1; then
        perl -MIO::Socket::IP -e '
exit 0 if IO::Socket::IP->new(PeerHost => $ARGV[0], PeerPort => $ARGV[1], Timeout => 1);
exit($!{ECONNREFUSED} ? 0 : 1)' "$1" "$port"
        return
    fi
    ping -c 1 -W 1 "$1" >/dev/null 2>&1
}
pids=
for address; do try "$address" & pids="$pids $!"; done
reached=1
for pid in $pids; do wait "$pid" && reached=0; done
exit $reached"#;

/// A probe of these addresses.
pub(super) fn tcp(to: &[IpAddr], port: u16) -> Command {
    let to = to.iter().map(ToString::to_string);
    Command::script(SCRIPT, std::iter::once(port.to_string()).chain(to))
        .idempotent()
        .deadline(Duration::from_secs(5))
}

/// Sends to each further argument: `PROTOCOL PORT ADDRESS…`. Whether anything arrives is for the other end to say.
const SEND: &str = r#"
by=$1 port=$2; shift 2
datagrams() {
    if command -v bash >/dev/null 2>&1; then bash -c 'echo >"/dev/udp/$0/$1"' "$1" "$port"
    elif command -v python3 >/dev/null 2>&1; then
        python3 -c '
import socket, sys
socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM).sendto(b"\n", (sys.argv[1], int(sys.argv[2])))' "$1" "$port"
    elif command -v perl >/dev/null 2>&1; then
        perl -MIO::Socket::IP -e 'IO::Socket::IP->new(PeerHost => $ARGV[0], PeerPort => $ARGV[1], Proto => "udp")->send("\n")' "$1" "$port"
    else echo x | nc -u -w 1 "$1" "$port"; fi
}
for address; do
    case $by in udp) datagrams "$address" ;; *) ping -c 2 -i 0.2 -W 1 "$address" ;; esac &
done >/dev/null 2>&1
wait
exit 0"#;

/// Sends something other than TCP to these addresses.
pub(super) fn send(to: &[IpAddr], by: Protocol, port: u16) -> Command {
    if by == Protocol::Tcp {
        return tcp(to, port);
    }
    let words = [by.word().to_owned(), port.to_string()];
    let to = to.iter().map(ToString::to_string);
    Command::script(SEND, words.into_iter().chain(to))
        .root()
        .idempotent()
        .deadline(Duration::from_secs(5))
}
