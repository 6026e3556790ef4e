//! tc netem, at the sender: an `htb` qdisc at the root of the device that leads to the peers, which passes on directly what no
//! filter catches, and a class with a `netem` for each peer, to which filters send what goes there. (A `prio`, as others
//! use, has sixteen bands and decides about the order of everything else too.)
//!
//! Only where the device has no traffic control but the kernel's own (its root qdisc has the handle 0), or one qdisc
//! without classes that can be put back as it is shown; anything else is refused, because it could not be restored.

use control::Command;

use super::{Means, Treated};

/// `off` removes our root qdiscs, and puts back what was there: told by the files `$state.DEVICE`.
const OFF: &str = r#"
state=$1
off() {
    for file in "$state".*; do
        [ -e "$file" ] || continue
        dev=${file#"$state".}
        { read -r handle; read -r old; } <"$file"
        if tc qdisc show dev "$dev" 2>/dev/null | grep -q "^qdisc htb $handle: root "; then
            tc qdisc del dev "$dev" root || return 1
        fi
        if [ -n "$old" ] && tc qdisc show dev "$dev" 2>/dev/null | grep -q "^qdisc [^ ]* 0: root"; then
            tc qdisc add dev "$dev" root $old || return 1
        fi
        rm -f "$file"
    done
    rmdir "${state%/*}" /run/schism 2>/dev/null
    return 0
}
"#;

/// Each further argument is a peer: its addresses with commas between them, then what to do.
const ON: &str = r#"
handle=$2
off || exit 1
shift 2
mkdir -p "${state%/*}" || exit 1
minor=0
for effect; do
    minor=$((minor + 1))
    class=$handle:$(printf %x $minor)
    peers=${effect%% *} does=${effect#* }
    for to in $(printf '%s' "$peers" | tr , ' '); do
        dev=$(ip -o route get "$to" 2>/dev/null | sed -n 's/.* dev \([^ ]*\).*/\1/p')
        [ -n "$dev" ] || { echo "there is no route to $to" >&2; off; exit 1; }
        if [ ! -e "$state.$dev" ]; then
            root=$(tc qdisc show dev "$dev" | sed -n 's/^qdisc \([^ ]*\) \([0-9a-f]*\): root refcnt [0-9]* *\(.*\)/\2 \1 \3/p')
            [ -n "$root" ] || root=$(tc qdisc show dev "$dev" | sed -n 's/^qdisc \([^ ]*\) \([0-9a-f]*\): root *\(.*\)/\2 \1 \3/p')
            number=${root%% *}
            case $number in
                0) old= ;;
                5c??) echo "$dev is under another packet fault" >&2; off; exit 1 ;;
                *)
                    [ -z "$(tc class show dev "$dev")" ] && [ "$(tc qdisc show dev "$dev" | grep -vc ' ingress \| clsact ')" = 1 ] ||
                        { echo "$dev has traffic control of its own (${root#* }), which could not be put back" >&2; off; exit 1; }
                    # Sizes are shown with a unit that tc does not read.
                    old="handle $number: $(printf '%s' "${root#* }" | sed 's/\(limit [0-9]*\)[pb]/\1/')" ;;
            esac
            printf '%s\n%s\n' "$handle" "$old" >"$state.$dev" || exit 1
            [ -z "$old" ] || tc qdisc del dev "$dev" root || { off; exit 1; }
            tc qdisc add dev "$dev" root handle $handle: htb || { off; exit 1; }
        fi
        # Several addresses of a peer share its class, if one device leads to all of them.
        if ! tc qdisc show dev "$dev" | grep -q " parent $class "; then
            tc class add dev "$dev" parent $handle: classid $class htb rate 32gbit quantum 60000 || { off; exit 1; }
            tc qdisc add dev "$dev" parent $class $does || { off; exit 1; }
        fi
        case $to in
            *:*) tc filter add dev "$dev" parent $handle: protocol ipv6 prio 6 u32 match ip6 dst "$to/128" flowid $class ;;
            *) tc filter add dev "$dev" parent $handle: protocol ip prio 4 u32 match ip dst "$to/32" flowid $class ;;
        esac || { off; exit 1; }
    done
done"#;

const STATE: &str = r#"
seen=
for file in "$state".*; do
    [ -e "$file" ] || continue
    dev=${file#"$state".}
    read -r handle <"$file"
    if tc qdisc show dev "$dev" | grep -q "^qdisc htb $handle: root "; then seen=1; else echo "$dev has lost its qdisc"; exit; fi
done
if [ -n "$seen" ]; then echo "in force"; else echo gone; fi"#;

fn state_file(fault: &str, node: &str) -> String {
    format!("/run/schism/packets/{fault}-{node}.tc")
}

/// Handles of ours are 5c00 to 5cff.
fn handle(fault: &str) -> String {
    let number: u32 = fault.trim_start_matches('f').parse().unwrap_or_default();
    format!("5c{:02x}", number % 256)
}

/// What holds back, at the sender, what goes to others.
pub(super) fn apply(fault: &str, node: &str, treated: &[Treated]) -> Command {
    let effects = treated.iter().map(|Treated { peers, effect }| {
        let to: Vec<_> = peers.iter().map(ToString::to_string).collect();
        format!("{} {}", to.join(","), effect.netem())
    });
    let fixed = [state_file(fault, node), handle(fault)];
    Command::script(&format!("{OFF}{ON}"), fixed.into_iter().chain(effects))
        .root()
        .idempotent()
}

pub(super) fn undo(fault: &str, node: &str) -> Command {
    Command::script(&format!("{OFF}off"), [state_file(fault, node)])
        .root()
        .idempotent()
}

pub(super) fn state(fault: &str, node: &str) -> Command {
    Command::script(&format!("state=$1\n{STATE}"), [state_file(fault, node)])
        .root()
        .idempotent()
}

impl Means {
    /// Whether the kernel has netem: tried on a device of our own that leads nowhere.
    pub(super) const LOOK_NETEM: &str = r#"
look_netem() {
    command -v tc >/dev/null 2>&1 && command -v ip >/dev/null 2>&1 || { echo "no tc"; return; }
    dev=schismprobe
    ip link del $dev 2>/dev/null
    ip link add $dev type dummy 2>/dev/null || ip link add $dev type veth peer name ${dev}2 2>/dev/null ||
        { echo "no device to try netem on can be made"; return; }
    said=$({ tc qdisc add dev $dev root handle 1: htb && tc class add dev $dev parent 1: classid 1:1 htb rate 1gbit &&
        tc qdisc add dev $dev parent 1:1 netem delay 1ms; } 2>&1)
    ok=$?
    ip link del $dev
    if [ $ok = 0 ]; then echo yes; else printf '%s\n' "${said:-tc refuses netem}" | head -n 1; fi
}
"#;
}
