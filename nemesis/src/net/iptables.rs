//! iptables, and ip6tables for what has such an address: one chain a fault. The chain is filled before `INPUT` jumps to
//! it, so that a cut appears at once. `-w 5` waits for others who use the tables just now.

use control::{Command, Protocol};

use super::{Drop, Only, PREFIX, Verdict};

/// Removes our chain `$1` from both families. The tables are listed once and judged from the text: asking iptables
/// whether something exists gives the same exit status for "no" and for "I am not allowed to look".
const REMOVE: &str = r#"
remove() {
    for t in iptables ip6tables; do
        command -v $t >/dev/null 2>&1 || continue
        rules=$($t -w 5 -S 2>/dev/null) || { [ $t = ip6tables ] && continue; return 1; }
        jumps=$(printf '%s\n' "$rules" | grep -cx -e "-A INPUT -j $1")
        while [ "$jumps" -gt 0 ]; do
            $t -w 5 -D INPUT -j "$1" || return 1
            jumps=$((jumps - 1))
        done
        if printf '%s\n' "$rules" | grep -qx -e "-N $1"; then
            $t -w 5 -F "$1" && $t -w 5 -X "$1" || return 1
        fi
    done
}
"#;

pub(super) fn cut(fault: &str, drops: &[Drop]) -> Command {
    let script = format!(
        r#"{REMOVE}
chain=$1; shift
remove "$chain" || exit 1
four=; six=
for drop; do
    case $drop in 4*) t=iptables; four=1 ;; *) t=ip6tables; six=1 ;; esac
    $t -w 5 -N "$chain" 2>/dev/null
    # Words of ours: an address, numbers and names of options.
    $t -w 5 -A "$chain" ${{drop#? }} || {{ remove "$chain"; exit 1; }}
done
if [ -n "$four" ]; then iptables -w 5 -I INPUT 1 -j "$chain" || exit 1; fi
if [ -n "$six" ]; then ip6tables -w 5 -I INPUT 1 -j "$chain" || exit 1; fi"#
    );
    let drops = drops.iter().map(|drop| {
        let family = if drop.from.is_ipv4() { 4 } else { 6 };
        let only = match drop.only {
            Only::Any => String::new(),
            Only::All(Protocol::Icmp) if drop.from.is_ipv6() => " -p icmpv6".to_owned(),
            Only::All(protocol) => format!(" -p {}", protocol.word()),
            Only::To(protocol, port) => format!(" -p {} --dport {port}", protocol.word()),
            Only::From(protocol, port) => format!(" -p {} --sport {port}", protocol.word()),
            Only::Resets => " -p tcp --tcp-flags RST RST".to_owned(),
            Only::Unreachable if drop.from.is_ipv4() => {
                " -p icmp --icmp-type destination-unreachable".to_owned()
            }
            Only::Unreachable => " -p icmpv6 --icmpv6-type destination-unreachable".to_owned(),
            Only::Neighbours(kind) => format!(" -p icmpv6 --icmpv6-type {kind}"),
        };
        let verdict = match drop.verdict {
            Verdict::Pass => "RETURN",
            Verdict::Drop => "DROP",
            Verdict::Reset => "REJECT --reject-with tcp-reset",
            Verdict::Reject => "REJECT",
        };
        format!("{family} -s {}{only} -j {verdict}", drop.from)
    });
    Command::script(
        &script,
        std::iter::once(format!("{PREFIX}{fault}")).chain(drops),
    )
    .root()
    .idempotent()
}

pub(super) fn heal(fault: &str) -> Command {
    Command::script(
        &format!("{REMOVE}\nremove \"$1\""),
        [format!("{PREFIX}{fault}")],
    )
    .root()
    .idempotent()
}

pub(super) fn remaining() -> Command {
    Command::script(
        r#"rules=$(iptables -w 5 -S) || exit 1
           six=$(ip6tables -w 5 -S 2>/dev/null)
           printf '%s\n%s\n' "$rules" "$six" | sed -n "s/^-N $1\(f[0-9][0-9]*\)\$/\1/p" | sort -u"#,
        [PREFIX],
    )
    .root()
    .idempotent()
}

pub(super) fn dropped(fault: &str) -> Command {
    Command::script(
        r#"sum=0 seen=
           for t in iptables ip6tables; do
               rules=$($t -w 5 -nvxL "$1" 2>/dev/null) || continue
               seen=1
               for n in $(printf '%s\n' "$rules" | sed -n 's/^ *\([0-9][0-9]*\) .* \(DROP\|REJECT\) .*/\1/p')
               do sum=$((sum + n)); done
           done
           [ -n "$seen" ] && echo "$sum""#,
        [format!("{PREFIX}{fault}")],
    )
    .root()
    .idempotent()
}
