//! What operators do with etcd: by `etcdctl` on a node, against that node's own member, so that a cluster whose other members
//! cannot be reached can still be asked.

use control::{Administration, Chore, Command, Node};

use crate::system::{CLIENT_PORT, Etcd};

const MOVE: &str = r#"
export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=$1
id=$(etcdctl member list | while IFS=', ' read -r id status name rest; do [ "$name" = "$2" ] && echo "$id"; done)
[ -n "$id" ] || { echo "$2 is no member" >&2; exit 1; }
etcdctl move-leader "$id" >/dev/null
"#;
const LEADS: &str = r#"
export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=$1
status=$(etcdctl endpoint status -w json) || exit 1
number() { echo "$status" | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"; }
if [ "$(number member_id)" = "$(number leader)" ]; then echo leads; else echo follows; fi
"#;
/// Everything before the newest revision is forgotten.
const COMPACT: &str = r#"
export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=$1
revision=$(etcdctl endpoint status -w json | sed -n 's/.*"revision":\([0-9]*\).*/\1/p')
etcdctl compact "$revision" >/dev/null
"#;
const COMPACTED: &str = r#"
export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=$1
etcdctl endpoint hashkv -w json | sed -n 's/.*"compact_revision":\([0-9]*\).*/compacted to \1/p'
"#;
/// The member writes its database anew, and answers nobody meanwhile.
const DEFRAGMENT: &str = r#"
export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=$1
etcdctl defrag --command-timeout=20s >/dev/null
"#;

impl Administration for Etcd {
    fn programs(&self) -> &[&str] {
        &["etcdctl"]
    }
    fn move_leader(&self, from: &Node, to: &Node) -> Option<Command> {
        Some(Command::script(MOVE, [endpoint(from), to.name.clone()]).root())
    }
    fn leads(&self, node: &Node) -> Option<Command> {
        Some(look(LEADS, node))
    }
    fn chores(&self, node: &Node) -> Vec<Chore> {
        let database = format!("{}/member/snap/db", Self::data());
        let inode = Command::new(["stat", "-c", "file %i", &database]);
        let chore = |name: &str, script: &str, look: Command| Chore {
            name: name.to_owned(),
            run: Command::script(script, [endpoint(node)]).root(),
            look,
        };
        vec![
            chore("compact", COMPACT, look(COMPACTED, node)),
            chore("defragment", DEFRAGMENT, inode.root().idempotent()),
        ]
    }
}

pub(crate) fn endpoint(node: &Node) -> String {
    format!("http://{}:{CLIENT_PORT}", node.address)
}

fn look(script: &str, node: &Node) -> Command {
    Command::script(script, [endpoint(node)])
        .root()
        .idempotent()
}
