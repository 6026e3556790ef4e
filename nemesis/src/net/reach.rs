//! Whether one node reaches another: a TCP connection within a second, made with whatever the node has: bash, nc,
//! python3, perl, and ping where there is nothing else. A refused connection is an answer too, and so proves the link
//! as well as an open one.

use std::{net::IpAddr, time::Duration};

use control::Command;

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
