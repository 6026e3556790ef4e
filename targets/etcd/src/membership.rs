//! Members removed and added while the others serve. etcd counts a member by a number that it is given when it is added: one
//! that was removed never takes part again under its old number, nor with its old data, so it comes back with neither.

use std::time::Duration;

use control::{Command, Daemons, Membership, Node, quote};

use crate::{
    administration::endpoint,
    system::{Etcd, PEER_PORT},
};

/// Sets `ids` of the member called $2, as the others at $1 know it; `done` whether there is one.
const LISTED: &str = r#"
export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=$1
list() { all=$(etcdctl member list --command-timeout=2s) || return 2; }
listed() {
  ids=$(echo "$all" | while IFS=', ' read -r id status name peer rest; do
    [ "$name" = "$2" ] || [ "$peer" = "$3" ] && echo "$id"
  done)
  [ -n "$ids" ]
}
again() {
  n=$((n + 1))
  [ $n -le 30 ] || { echo "the others do not agree within fifteen seconds" >&2; exit 1; }
  sleep 0.5
}
n=0
"#;
/// Whether it took effect is seen in the list, whatever the answer was. A member that was added and never started has no
/// name: it is known by its address.
const REMOVE: &str = r#"
while :; do
  if list; then
    listed "$@" || exit 0
    for id in $ids; do etcdctl member remove "$id" --command-timeout=3s >/dev/null 2>&1; done
    list && ! listed "$@" && exit 0
  fi
  again
done
"#;
const ADD: &str = r#"
while :; do
  if list; then
    listed "$@" && exit 0
    etcdctl member add "$2" --peer-urls="$3" --command-timeout=3s >/dev/null 2>&1
    list && listed "$@" && exit 0
  fi
  again
done
"#;
const MEMBERS: &str = r#"
list || exit 1
echo "$all" | while IFS=', ' read -r id status name rest; do echo "$name"; done
"#;
/// Its own endpoint, data, and how it is killed and started.
const JOIN: &str = r#"
export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=$1
takes_part() { etcdctl endpoint health --command-timeout=1s >/dev/null 2>&1; }
takes_part && exit 0
# The directory itself may have a filesystem of ours on it.
empty() { [ ! -d "$1" ] || find "$1" -mindepth 1 -delete; }
sh -c "$3" && empty "$2" && sh -c "$4" || exit 1
n=0
until takes_part; do
  n=$((n + 1))
  [ $n -le 60 ] || { echo "it does not serve" >&2; exit 1; }
  sleep 0.25
done
"#;

impl Membership for Etcd {
    fn remove(&self, member: &Node, others: &[Node]) -> Command {
        ask(REMOVE, member, others)
    }
    fn add(&self, member: &Node, others: &[Node]) -> Command {
        ask(ADD, member, others)
    }
    fn join(&self, member: &Node) -> Command {
        let line =
            |command: Command| quote(command.argv).expect("our own words have no NUL in them");
        let words = [
            endpoint(member),
            Self::data(),
            line(self.daemon(member).kill()),
            line(self.started_as(member, "existing").start()),
        ];
        let join = Command::script(JOIN, words).root().idempotent();
        join.deadline(Duration::from_secs(60))
    }
    fn members(&self, member: &Node, others: &[Node]) -> Command {
        ask(MEMBERS, member, others)
    }
}

fn ask(script: &str, member: &Node, others: &[Node]) -> Command {
    let endpoints: Vec<String> = others.iter().map(endpoint).collect();
    let peer = format!("http://{}:{PEER_PORT}", member.address);
    let words = [endpoints.join(","), member.name.clone(), peer];
    let script = format!("{LISTED}{script}");
    Command::script(&script, words).root().idempotent()
}
