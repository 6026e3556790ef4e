//! nftables: one table a fault. `nft` of 1.0.6 knows no `destroy`, so "delete if it exists" is "add, then delete" within
//! one transaction, which succeeds whenever nft works at all.

use std::{fmt::Write as _, net::IpAddr};

use control::{Command, Protocol};

use super::{Drop, Only, PREFIX, Verdict};

pub(super) fn cut(fault: &str, drops: &[Drop]) -> Command {
    let table = format!("{PREFIX}{fault}");
    let mut rules = format!(
        "add table inet {table}\n\
         delete table inet {table}\n\
         table inet {table} {{\n\
         \tchain cut {{\n\
         \t\ttype filter hook input priority -5; policy accept;\n"
    );
    for Drop {
        from,
        only,
        verdict,
    } in drops
    {
        let family = match from {
            IpAddr::V4(_) => "ip",
            IpAddr::V6(_) => "ip6",
        };
        let only = match only {
            Only::Any => String::new(),
            Only::All(Protocol::Icmp) if from.is_ipv6() => " meta l4proto ipv6-icmp".to_owned(),
            Only::All(protocol) => format!(" meta l4proto {}", protocol.word()),
            Only::To(protocol, port) => format!(" {} dport {port}", protocol.word()),
            Only::From(protocol, port) => format!(" {} sport {port}", protocol.word()),
            Only::Resets => " tcp flags & rst == rst".to_owned(),
            Only::Unreachable if from.is_ipv4() => " icmp type destination-unreachable".to_owned(),
            Only::Unreachable => " icmpv6 type destination-unreachable".to_owned(),
            Only::Neighbours(kind) => format!(" icmpv6 type {kind}"),
        };
        let verdict = match verdict {
            // Not counted, as nothing is lost. Other tables of ours come all the same.
            Verdict::Pass => "accept",
            Verdict::Drop => "counter drop",
            Verdict::Reset => "counter reject with tcp reset",
            Verdict::Reject => "counter reject",
        };
        writeln!(rules, "\t\t{family} saddr {from}{only} {verdict}")
            .expect("strings take everything");
    }
    rules.push_str("\t}\n}\n");
    Command::new(["nft", "-f", "-"])
        .stdin(rules)
        .root()
        .idempotent()
}

pub(super) fn heal(fault: &str) -> Command {
    let table = format!("{PREFIX}{fault}");
    Command::new([
        "nft".to_owned(),
        format!("add table inet {table}; delete table inet {table}"),
    ])
    .root()
    .idempotent()
}

pub(super) fn remaining() -> Command {
    Command::script(
        r#"tables=$(nft list tables) || exit 1
           printf '%s\n' "$tables" | sed -n "s/^table inet $1\(f[0-9][0-9]*\)\$/\1/p""#,
        [PREFIX],
    )
    .root()
    .idempotent()
}

pub(super) fn dropped(fault: &str) -> Command {
    Command::script(
        r#"table=$(nft list table inet "$1") || exit 1
           sum=0
           for n in $(printf '%s\n' "$table" | sed -n 's/.*counter packets \([0-9]*\) .*/\1/p')
           do sum=$((sum + n)); done
           echo "$sum""#,
        [format!("{PREFIX}{fault}")],
    )
    .root()
    .idempotent()
}
