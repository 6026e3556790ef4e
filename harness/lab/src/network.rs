//! The lab's network: one bridge in the supervisor's namespace, one pair of linked interfaces per node. Built with
//! `ip -batch`, which is on every system that has a network and takes the whole list in one process; what to do is
//! decided by pure functions here.

use std::{
    io::Write,
    net::Ipv4Addr,
    process::{Command, Stdio},
};

use crate::{
    LabError,
    config::{CONTROL, address},
    preflight::find_program,
};

/// The bridge, in the supervisor's namespace. It learns at once: no spanning tree, no listening phase. Its hardware address
/// is fixed: otherwise it is the lowest of its ports', and changes when nodes come and go.
pub(crate) fn bridge() -> String {
    format!(
        "link set lo up\n\
         link add br0 address {} type bridge stp_state 0 forward_delay 0\n\
         addr add {CONTROL}/24 dev br0\n\
         link set br0 up\n",
        hardware(CONTROL)
    )
}

/// A node's interface, from inside its namespace. The other end is created in the namespace of process 1, which is the
/// supervisor as long as the caller is in the supervisor's PID namespace.
pub(crate) fn interface(number: u8) -> String {
    format!(
        "link set lo up\n\
         link add eth0 address {} type veth peer name v{number} netns 1\n\
         addr add {}/24 dev eth0\n\
         link set eth0 up\n\
         neigh replace {CONTROL} lladdr {} dev eth0 nud reachable\n",
        hardware(address(number)),
        address(number),
        hardware(CONTROL),
    )
}

/// Plugs a node's other end into the bridge, in the supervisor's namespace.
///
/// Here and in the node, control and node are told each other's hardware address, once, as if they had just asked. While a
/// port comes up, for a few milliseconds, a question would be lost; and ARP asks again only after a whole second.
pub(crate) fn plug(number: u8) -> String {
    let address = address(number);
    format!(
        "link set v{number} master br0 up\n\
         neigh replace {address} lladdr {} dev br0 nud reachable\n",
        hardware(address)
    )
}

/// The hardware address that belongs to an address: locally administered, and the same at every start, so that a node that
/// was restarted is not mistaken for its predecessor by what its neighbours remember.
fn hardware(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

/// Removes a node's other end. It goes with the node's namespace by itself, but some time after: too late for a node that
/// is started again at once.
pub(crate) fn unplug(number: u8) -> String {
    format!("link del v{number}\n")
}

/// Runs a batch.
pub(crate) fn ip(batch: &str) -> Result<(), LabError> {
    let failed = |reason: String| LabError::Tool { tool: "ip", reason };
    let program = find_program("ip").ok_or_else(|| failed("not found".into()))?;
    let mut child = Command::new(&program)
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(LabError::io("starting", program))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin
            .write_all(batch.as_bytes())
            .map_err(|error| failed(error.to_string()))?;
    }
    let output = child
        .wait_with_output()
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(format!(
        "{} (of: {})",
        String::from_utf8_lossy(&output.stderr).trim(),
        batch.trim().replace('\n', "; ")
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_its_own_addresses() {
        let batch = interface(17);
        assert!(
            batch.contains(
                "link add eth0 address 02:00:0a:4d:00:11 type veth peer name v17 netns 1"
            )
        );
        assert!(batch.contains("addr add 10.77.0.17/24 dev eth0"));
    }

    #[test]
    fn the_control_side_is_on_the_bridge() {
        assert!(bridge().contains("addr add 10.77.0.254/24 dev br0"));
        assert!(plug(3).starts_with("link set v3 master br0 up\n"));
    }

    #[test]
    fn a_refused_batch_is_quoted_in_the_error() {
        let error = ip("no such command\n").unwrap_err().to_string();
        assert!(
            error.starts_with("ip: ") && error.contains("no such command"),
            "{error}"
        );
    }
}
