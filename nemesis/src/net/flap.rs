//! Links that go down and come back again and again: a shell loop on the node that cuts and heals, each for the same time.
//! It is a process group of its own, so that its end is the end of whatever it was running, too; what it left is then healed.

use std::time::Duration;

use control::{Command, Daemon};

/// What starts the loop, what ends it, and what tells `flapping`, `cut` or `gone`.
pub(crate) struct Flapping {
    pub(crate) apply: Command,
    pub(crate) undo: Command,
    pub(crate) state: Command,
}

const LOOP: &str = r#"
while :; do
    printf '%s' "$3" | /bin/sh -c "$2"
    sleep "$1"
    /bin/sh -c "$4"
    sleep "$1"
done"#;

/// Sets `pid` if the loop of the pid file `$1` lives; a number that was given to another process is not taken for it.
const ALIVE: &str = r#"
alive() {
    read -r pid start 2>/dev/null <"$1" || return 1
    stat=$(cat "/proc/$pid/stat" 2>/dev/null) || return 1
    stat=${stat##*) }
    [ "${stat%% *}" != Z ] && [ "$(echo "$stat" | cut -d' ' -f20)" = "$start" ]
}
"#;

const END: &str = r#"
if alive "$1"; then
    # Not by whether it can be signalled: where nothing reaps orphans, as in containers without an init, zombies can be.
    lives() { cat /proc/[0-9]*/stat 2>/dev/null | sed 's/.*) //' | grep -q "^[^ZX] [0-9]* $pid "; }
    n=0
    # Not `-- -PID`, which dash does not read.
    while kill -9 "-$pid" 2>/dev/null; lives; do
        n=$((n + 1))
        [ $n -le 200 ] || { echo "process group $pid outlives SIGKILL" >&2; exit 1; }
        sleep 0.05
    done
fi
rm -f "$1" "$1.new"
rmdir "${1%/*}" /run/schism 2>/dev/null
exec /bin/sh -c "$2""#;

const STATE: &str = r#"
if alive "$1"; then echo flapping; exit; fi
left=$(/bin/sh -c "$2") || exit 1
if printf '%s\n' "$left" | grep -qx -e "$3"; then echo cut; else echo gone; fi"#;

/// From the commands that cut, heal and list for good.
pub(crate) fn flapping(
    fault: &str,
    node: &str,
    period: Duration,
    cut: &Command,
    heal: &Command,
    remaining: &Command,
) -> Flapping {
    let directory = "/run/schism/flaps".to_owned();
    let pid_file = format!("{directory}/{fault}-{node}.pid");
    let line = |command: &Command| {
        let words = command.argv.iter().map(String::as_str);
        shlex::try_join(words).expect("commands of ours have no zero bytes")
    };
    let argv = [
        "/bin/sh".to_owned(),
        "-c".to_owned(),
        LOOP.to_owned(),
        "schism".to_owned(),
        format!("{:.3}", period.as_secs_f64()),
        line(cut),
        cut.stdin.clone().unwrap_or_default(),
        line(heal),
    ];
    let daemon = Daemon {
        argv: argv.to_vec(),
        directory,
        log: "/dev/null".to_owned(),
        pid_file: pid_file.clone(),
    };
    let script = |text: &str, args: Vec<String>| {
        Command::script(&format!("{ALIVE}{text}"), args)
            .root()
            .idempotent()
    };
    Flapping {
        apply: daemon.start(),
        undo: script(END, vec![pid_file.clone(), line(heal)]),
        state: script(STATE, vec![pid_file, line(remaining), fault.to_owned()]),
    }
}
