//! A long-running process on a node, without an init system: started by hand, known by its pid file.
//!
//! A pid file lies as soon as its process has died and the kernel has given the number away again. Ours therefore holds
//! two numbers, the pid and the process's start time in clock ticks since boot (field 22 of `/proc/PID/stat`,
//! proc_pid_stat(5)); together they name one process for as long as the machine is up. All commands are POSIX shell
//! scripts of ours with the varying parts as arguments, so that nothing needs to be quoted.

use crate::{Command, Node, Processes};

/// One daemon on one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Where it runs; created if it is missing.
    pub directory: String,
    /// Where what it prints is appended.
    pub log: String,
    /// Where its pid and start time are kept.
    pub pid_file: String,
}

/// Sets `pid` and `state` of the process in the pid file `$1`; fails if there is none or if it is a zombie.
const FIND: &str = r#"
find() {
  read -r pid start 2>/dev/null <"$1" || return 1
  stat=$(cat "/proc/$pid/stat" 2>/dev/null) || return 1
  stat=${stat##*) }
  state=${stat%% *}
  [ "$state" != Z ] && [ "$(echo "$stat" | cut -d' ' -f20)" = "$start" ]
}
"#;

/// Where the files are that add to the environments of daemons. Not in `/run`: what is started after a power loss shall be
/// what it was before.
const ENVIRONMENTS: &str = "/var/lib/schism-environment";

impl Daemon {
    /// Where a file may be of which each line `NAME=value` is added to its environment when it is started.
    pub fn environment_file(&self) -> String {
        let (_, name) = self.pid_file.rsplit_once('/').unwrap_or_default();
        let name = name.strip_suffix(".pid").unwrap_or(name);
        format!("{ENVIRONMENTS}/{name}")
    }

    /// Starts it, unless it runs. Exits with zero once it has been seen alive a moment after its start; otherwise the
    /// last lines of its log are the complaint. Two starts at once, such as one whose connection was lost and the one sent
    /// in its place, take turns.
    pub fn start(&self) -> Command {
        let script = format!(
            r#"{FIND}
pid_file=$1 log=$2 dir=$3 environment=$4
shift 4
mkdir -p "$dir" "${{pid_file%/*}}" "${{log%/*}}" && cd "$dir" || exit 1
exec 9<"$dir" && flock -w 20 9 || {{ echo "another start of it does not end" >&2; exit 1; }}
find "$pid_file" && exit 0
echo "=== schism starts $1" >>"$log" || exit 1
if [ -e "$environment" ]; then
  while IFS= read -r line; do
    case $line in *=*) set -- "$line" "$@" ;; esac
  done <"$environment" || exit 1
  set -- env "$@"
fi
setsid nohup "$@" </dev/null >>"$log" 2>&1 9<&- &
pid=$!
start=$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d' ' -f20)
echo "$pid $start" >"$pid_file.new" && mv "$pid_file.new" "$pid_file" || exit 1
sleep 0.1
find "$pid_file" && exit 0
echo "it ended at once; its log ends with:" >&2
tail -n 5 "$log" >&2
exit 1
"#
        );
        let environment = self.environment_file();
        let fixed = [&self.pid_file, &self.log, &self.directory, &environment];
        Command::script(&script, fixed.into_iter().chain(&self.argv).cloned())
            .root()
            .idempotent()
    }

    /// Kills it with SIGKILL and waits until it is gone.
    pub fn kill(&self) -> Command {
        self.with_pid_file(
            r#"
n=0
while find "$1"; do
  kill -9 "$pid" 2>/dev/null
  n=$((n + 1))
  [ $n -le 200 ] || { echo "process $pid outlives SIGKILL (state $state)" >&2; exit 1; }
  sleep 0.05
done
rm -f "$1"
"#,
        )
    }

    /// Asks it to end with SIGTERM and waits until it has; it may take ten seconds to put its things in order.
    pub fn terminate(&self) -> Command {
        self.with_pid_file(
            r#"
find "$1" || { rm -f "$1"; exit 0; }
kill -TERM "$pid" 2>/dev/null
n=0
while find "$1"; do
  n=$((n + 1))
  [ $n -le 200 ] || { echo "process $pid has not ended ten seconds after SIGTERM (state $state)" >&2; exit 1; }
  sleep 0.05
done
rm -f "$1"
"#,
        )
    }

    /// Stops its threads with SIGSTOP and waits until they have stopped.
    pub fn pause(&self) -> Command {
        self.with_pid_file(
            r#"
n=0
while find "$1" && [ "$state" != T ]; do
  kill -STOP "$pid" 2>/dev/null
  n=$((n + 1))
  [ $n -le 100 ] || { echo "process $pid does not stop (state $state)" >&2; exit 1; }
  sleep 0.02
done
find "$1" || { echo "there is no process to pause" >&2; exit 1; }
"#,
        )
    }

    /// Lets it go on with SIGCONT.
    pub fn resume(&self) -> Command {
        self.with_pid_file("\nif find \"$1\"; then kill -CONT \"$pid\"; fi\n")
    }

    /// Prints `running`, `paused` or `gone`.
    pub fn state(&self) -> Command {
        self.with_pid_file(
            r#"
find "$1" || { echo gone; exit 0; }
[ "$state" = T ] && echo paused || echo running
"#,
        )
    }

    /// Removes its directory with all that it wrote there. A filesystem that was laid under a directory in it stays, empty.
    pub fn remove(&self) -> Command {
        const REMOVE: &str = r#"
rm -rf "$1" 2>/dev/null && exit 0
for d in "$1"/*; do mountpoint -q "$d" && [ -z "$(ls -A "$d")" ] && exit 0; done
rm -rf "$1"
"#;
        Command::script(REMOVE, [self.directory.clone()])
            .root()
            .idempotent()
    }

    fn with_pid_file(&self, script: &str) -> Command {
        Command::script(&format!("{FIND}{script}"), [self.pid_file.clone()])
            .root()
            .idempotent()
    }
}

/// A system that is one daemon on each node: what [`Processes`] asks for follows.
pub trait Daemons: Send + Sync {
    /// The daemon of a node.
    fn daemon(&self, node: &Node) -> Daemon;
    /// [`Processes::bypasses_libc`].
    fn bypasses_libc(&self) -> bool {
        false
    }
}

impl<T: Daemons> Processes for T {
    fn kill(&self, node: &Node) -> Command {
        self.daemon(node).kill()
    }
    fn start(&self, node: &Node) -> Command {
        self.daemon(node).start()
    }
    fn pause(&self, node: &Node) -> Command {
        self.daemon(node).pause()
    }
    fn resume(&self, node: &Node) -> Command {
        self.daemon(node).resume()
    }
    fn state(&self, node: &Node) -> Command {
        self.daemon(node).state()
    }
    fn terminate(&self, node: &Node) -> Option<Command> {
        Some(self.daemon(node).terminate())
    }
    fn pid_file(&self, node: &Node) -> Option<String> {
        Some(self.daemon(node).pid_file)
    }
    fn environment_file(&self, node: &Node) -> Option<String> {
        Some(self.daemon(node).environment_file())
    }
    fn bypasses_libc(&self) -> bool {
        Daemons::bypasses_libc(self)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command as Process;

    use super::*;

    fn run(command: &Command) -> (i32, String, String) {
        let out = Process::new(&command.argv[0])
            .args(&command.argv[1..])
            .output()
            .unwrap();
        let text = |b: &[u8]| String::from_utf8_lossy(b).trim().to_owned();
        (
            out.status.code().unwrap(),
            text(&out.stdout),
            text(&out.stderr),
        )
    }

    fn sleeper(dir: &std::path::Path, argv: &[&str]) -> Daemon {
        let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
        Daemon {
            argv: argv.iter().map(|s| (*s).to_owned()).collect(),
            directory: path("data dir"),
            log: path("logs/it's.log"),
            pid_file: path("run/d.pid"),
        }
    }

    #[test]
    fn a_daemon_goes_through_its_life_and_every_command_may_be_repeated() {
        let dir = tempfile::tempdir().unwrap();
        let d = sleeper(dir.path(), &["sleep", "60"]);
        let state = || run(&d.state()).1;
        assert_eq!(state(), "gone");
        for _ in 0..2 {
            assert_eq!(run(&d.start()).0, 0);
            assert_eq!(state(), "running");
        }
        let pid = std::fs::read_to_string(dir.path().join("run/d.pid")).unwrap();
        for _ in 0..2 {
            assert_eq!(run(&d.pause()).0, 0);
            assert_eq!(state(), "paused");
        }
        for _ in 0..2 {
            assert_eq!(run(&d.resume()).0, 0);
            assert_eq!(state(), "running");
        }
        assert_eq!(
            std::fs::read_to_string(dir.path().join("run/d.pid")).unwrap(),
            pid
        );
        run(&d.pause());
        for _ in 0..2 {
            assert_eq!(run(&d.kill()).0, 0);
            assert_eq!(state(), "gone");
        }
        assert_eq!(
            run(&d.resume()).0,
            0,
            "resuming what was killed meanwhile is no error"
        );
        assert_eq!(run(&d.pause()).0, 1);
    }

    #[test]
    fn it_is_asked_to_end_and_may_put_its_things_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let script = "trap 'echo bye >said; exit 0' TERM; while :; do sleep 0.05; done";
        let d = sleeper(dir.path(), &["sh", "-c", script]);
        assert_eq!(run(&d.start()).0, 0);
        for _ in 0..2 {
            assert_eq!(run(&d.terminate()).0, 0);
            assert_eq!(run(&d.state()).1, "gone");
        }
        let said = std::fs::read_to_string(dir.path().join("data dir/said"));
        assert_eq!(said.unwrap(), "bye\n");
    }

    #[test]
    fn a_daemon_is_started_with_what_its_file_says_and_without_it_where_there_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let script = "echo \"$ONE|$TWO\" >>said; exec sleep 60";
        let d = sleeper(dir.path(), &["sh", "-c", script]);
        let file = dir.path().join("environment");
        let start = || {
            let mut start = d.start();
            for word in &mut start.argv {
                if *word == d.environment_file() {
                    *word = file.to_str().unwrap().to_owned();
                }
            }
            assert_eq!(run(&start).0, 0);
            assert_eq!(run(&d.kill()).0, 0);
        };
        start();
        std::fs::write(&file, "run 7\nONE=it's $HOME\nTWO=a=b\n").unwrap();
        start();
        let said = std::fs::read_to_string(dir.path().join("data dir/said"));
        assert_eq!(said.unwrap(), "|\nit's $HOME|a=b\n");
        assert_eq!(d.environment_file(), "/var/lib/schism-environment/d");
    }

    #[test]
    fn a_reused_pid_is_not_taken_for_the_daemon() {
        let dir = tempfile::tempdir().unwrap();
        let d = sleeper(dir.path(), &["sleep", "60"]);
        std::fs::create_dir_all(dir.path().join("run")).unwrap();
        std::fs::write(
            dir.path().join("run/d.pid"),
            format!("{} 1", std::process::id()),
        )
        .unwrap();
        assert_eq!(run(&d.state()).1, "gone");
        assert_eq!(run(&d.kill()).0, 0);
    }

    #[test]
    fn several_starts_at_once_start_it_once() {
        let dir = tempfile::tempdir().unwrap();
        let d = sleeper(dir.path(), &["sh", "-c", "echo up >>starts; exec sleep 60"]);
        std::thread::scope(|scope| {
            for start in [(); 6].map(|()| scope.spawn(|| run(&d.start()))) {
                assert_eq!(start.join().unwrap().0, 0);
            }
        });
        let starts = std::fs::read_to_string(dir.path().join("data dir/starts"));
        assert_eq!(run(&d.kill()).0, 0);
        assert_eq!(starts.unwrap(), "up\n");
    }

    #[test]
    fn a_daemon_that_ends_at_once_is_reported_with_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let d = sleeper(dir.path(), &["sh", "-c", "echo no such port; exit 3"]);
        let (status, _, complaint) = run(&d.start());
        assert_eq!(status, 1);
        assert!(complaint.contains("no such port"), "{complaint}");
    }
}
