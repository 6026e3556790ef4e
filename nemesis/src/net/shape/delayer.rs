//! The delayer of `schism node packets`, and the rules that feed it. A chain named after the fault, in the table `mangle`
//! or `raw` of each family, is filled before `PREROUTING` jumps to it. Two tables, so that a long distance between nodes and what
//! happens to packets on the way add up: a queue's verdict passes over what follows in its own table.

use control::Command;

use super::{super::PREFIX, Layer, Means, Treated};

/// `off` takes away our chain `$chain` of `$table` from both families, and the process of `$pid_file`. In this order:
/// packets pass once nothing leads to the queue. The pid file holds a pid and the start of its process, as those of
/// `control::Daemon` do.
const OFF: &str = r#"
off() {
    for t in iptables ip6tables; do
        command -v $t >/dev/null 2>&1 || continue
        rules=$($t -w 5 -t "$table" -S 2>/dev/null) || { [ $t = ip6tables ] && continue; return 1; }
        jumps=$(printf '%s\n' "$rules" | grep -cx -e "-A PREROUTING -j $chain")
        while [ "$jumps" -gt 0 ]; do
            $t -w 5 -t "$table" -D PREROUTING -j "$chain" || return 1
            jumps=$((jumps - 1))
        done
        if printf '%s\n' "$rules" | grep -qx -e "-N $chain"; then
            $t -w 5 -t "$table" -F "$chain" && $t -w 5 -t "$table" -X "$chain" || return 1
        fi
    done
    n=0
    while alive; do
        kill -9 "$pid" 2>/dev/null
        n=$((n + 1))
        [ $n -le 200 ] || { echo "process $pid outlives SIGKILL" >&2; return 1; }
        sleep 0.05
    done
    rm -f "$pid_file" "${pid_file%.pid}.new"
    rmdir "${pid_file%/*}" /run/schism 2>/dev/null
    return 0
}
"#;

const ALIVE: &str = r#"
alive() {
    read -r pid start 2>/dev/null <"$pid_file" || return 1
    stat=$(cat "/proc/$pid/stat" 2>/dev/null) || return 1
    stat=${stat##*) }
    [ "${stat%% *}" != Z ] && [ "$(echo "$stat" | cut -d' ' -f20)" = "$start" ]
}
table=$1 chain=$2 pid_file=$3
"#;

/// Each further argument is a rule of the delayer's: addresses with commas between them, then words.
const ON: &str = r#"
helper=$4 seed=$5 first=$6
off || exit 1
shift 6
queue=$("$helper" node packets start "$pid_file" "$seed" "$first" "$@") || { off; exit 1; }
four=; six=
for rule; do
    for from in $(printf '%s' "${rule%% *}" | tr , ' '); do
        case $from in *:*) t=ip6tables; six=1 ;; *) t=iptables; four=1 ;; esac
        $t -w 5 -t "$table" -N "$chain" 2>/dev/null
        $t -w 5 -t "$table" -A "$chain" -s "$from" ! -i lo -j NFQUEUE --queue-num "$queue" --queue-bypass ||
            { off; exit 1; }
    done
done
if [ -n "$four" ]; then iptables -w 5 -t "$table" -I PREROUTING 1 -j "$chain" || { off; exit 1; }; fi
if [ -n "$six" ]; then ip6tables -w 5 -t "$table" -I PREROUTING 1 -j "$chain" || { off; exit 1; }; fi"#;

const STATE: &str = r#"
rules=$(for t in iptables ip6tables; do $t -w 5 -t "$table" -S PREROUTING 2>/dev/null; done | grep -cx -e "-A PREROUTING -j $chain")
if alive; then process=1; else process=; fi
case $rules,$process in 0,) echo gone ;; 0,1) echo "a delayer without rules" ;; *,1) echo "in force" ;; *) echo "rules without a delayer" ;; esac"#;

impl Layer {
    const fn table(self) -> &'static str {
        match self {
            Self::Packets => "mangle",
            Self::Distance => "raw",
        }
    }
    /// Where to look for a queue's number; nodes that share a network namespace look for the next one that is free.
    const fn queue(self) -> u16 {
        match self {
            Self::Packets => 21_000,
            Self::Distance => 23_000,
        }
    }
}

fn words(layer: Layer, fault: &str, node: &str) -> [String; 3] {
    [
        layer.table().to_owned(),
        format!("{PREFIX}{fault}"),
        format!("/run/schism/packets/{fault}-{node}.pid"),
    ]
}

/// What holds back, at the receiver, what comes from others.
pub(super) fn apply(
    layer: Layer,
    fault: &str,
    node: &str,
    helper: &str,
    seed: u64,
    treated: &[Treated],
) -> Command {
    let rules = treated.iter().map(|Treated { peers, effect }| {
        let from: Vec<_> = peers.iter().map(ToString::to_string).collect();
        format!("{} {}", from.join(","), effect.delayer())
    });
    let fixed = [
        helper.to_owned(),
        seed.to_string(),
        layer.queue().to_string(),
    ];
    Command::script(
        &format!("{ALIVE}{OFF}{ON}"),
        words(layer, fault, node)
            .into_iter()
            .chain(fixed)
            .chain(rules),
    )
    .root()
    .idempotent()
}

pub(super) fn undo(layer: Layer, fault: &str, node: &str) -> Command {
    Command::script(&format!("{ALIVE}{OFF}off"), words(layer, fault, node))
        .root()
        .idempotent()
}

pub(super) fn state(layer: Layer, fault: &str, node: &str) -> Command {
    Command::script(&format!("{ALIVE}{STATE}"), words(layer, fault, node))
        .root()
        .idempotent()
}

impl Means {
    /// Whether our delayer could be used: a queue as a target, in a chain that nothing leads to.
    pub(super) const LOOK_DELAYER: &str = r#"
look_delayer() {
    command -v iptables >/dev/null 2>&1 || { echo "no iptables"; return; }
    for table in mangle raw; do
        chain=schism_probe
        said=$({ iptables -w 5 -t $table -N $chain && iptables -w 5 -t $table -A $chain -j NFQUEUE --queue-num 0 --queue-bypass; } 2>&1)
        ok=$?
        iptables -w 5 -t $table -F $chain 2>/dev/null
        iptables -w 5 -t $table -X $chain 2>/dev/null
        [ $ok = 0 ] || { printf '%s\n' "${said:-iptables refuses NFQUEUE}" | head -n 1; return; }
    done
    echo yes
}
"#;
}
