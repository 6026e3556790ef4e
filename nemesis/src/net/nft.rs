//! nftables: one table a fault. `nft` of 1.0.6 knows no `destroy`, so "delete if it exists" is "add, then delete" within
//! one transaction, which succeeds whenever nft works at all.

use std::{fmt::Write as _, net::IpAddr};

use control::Command;

use super::{Drop, PREFIX};

pub(super) fn cut(fault: &str, drops: &[Drop]) -> Command {
    let table = format!("{PREFIX}{fault}");
    let mut rules = format!(
        "add table inet {table}\n\
         delete table inet {table}\n\
         table inet {table} {{\n\
         \tchain cut {{\n\
         \t\ttype filter hook input priority -5; policy accept;\n"
    );
    for Drop { from, port } in drops {
        let family = match from {
            IpAddr::V4(_) => "ip",
            IpAddr::V6(_) => "ip6",
        };
        let port = port.map_or_else(String::new, |port| format!(" tcp dport {port}"));
        writeln!(rules, "\t\t{family} saddr {from}{port} counter drop")
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
