//! What root in a node may not do: reach through to the host. The clock, modules, devices, the kernel's log and audit are
//! not divided by namespaces, so a node that had these rights would have the host's. Everything that tests of databases
//! need stays: network rules, mounts, tracing, niceness.

use rustix::{
    io,
    process::{Resource, Rlimit, getrlimit, setrlimit},
    thread::{
        CapabilitySet, CapabilitySets, capabilities, remove_capability_from_bounding_set,
        set_capabilities,
    },
};

/// What is given up.
const FORBIDDEN: CapabilitySet = CapabilitySet::SYS_TIME
    .union(CapabilitySet::SYS_MODULE)
    .union(CapabilitySet::SYS_RAWIO)
    .union(CapabilitySet::MKNOD)
    .union(CapabilitySet::SYSLOG)
    .union(CapabilitySet::AUDIT_CONTROL)
    .union(CapabilitySet::WAKE_ALARM);
/// How many files a process of a node may have open, at least.
const OPEN_FILES: u64 = 65_536;

/// Raises the limit of open files to what servers expect, or as far as this machine lets us.
pub(crate) fn raise_limits() -> io::Result<()> {
    let now = getrlimit(Resource::Nofile);
    let raise = |maximum: Option<u64>| {
        let current = now
            .current
            .map(|current| current.max(maximum.map_or(OPEN_FILES, |most| most.min(OPEN_FILES))));
        setrlimit(Resource::Nofile, Rlimit { current, maximum })
    };
    // Beyond the maximum only with CAP_SYS_RESOURCE, which is missing in many containers.
    raise(now.maximum.map(|most| most.max(OPEN_FILES))).or_else(|_| raise(now.maximum))
}

/// Gives it up, for this process and all its children for ever.
pub(crate) fn give_up() -> io::Result<()> {
    for capability in FORBIDDEN.iter() {
        remove_capability_from_bounding_set(capability)?;
    }
    let now = capabilities(None)?;
    set_capabilities(
        None,
        CapabilitySets {
            effective: now.effective - FORBIDDEN,
            permitted: now.permitted - FORBIDDEN,
            inheritable: CapabilitySet::empty(),
        },
    )
}
