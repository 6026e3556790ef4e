//! Raft's messages, carried by [`Peers`].

use std::{iter::repeat, sync::Arc, time::Duration};

use openraft::{
    EmptyNode, RaftNetwork, RaftNetworkFactory,
    error::{InstallSnapshotError, NetworkError, RPCError, RaftError, Unreachable},
    network::{Backoff, RPCOption},
    raft::{
        AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest,
        InstallSnapshotResponse, VoteRequest, VoteResponse,
    },
};
use serde::{Serialize, de::DeserializeOwned};

use super::Types;
use crate::peers::{CallError, Peers};

/// Makes the ways to the others.
pub(crate) struct Network(pub(crate) Arc<Peers>);

/// The way to one of them.
pub(crate) struct Way {
    peers: Arc<Peers>,
    to: usize,
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Way;

    async fn new_client(&mut self, target: u64, _: &EmptyNode) -> Way {
        Way {
            peers: self.0.clone(),
            to: usize::try_from(target).expect("node ids are positions in the member list"),
        }
    }
}

type Failure<E> = RPCError<u64, EmptyNode, RaftError<u64, E>>;

impl Way {
    async fn rpc<Q, A, E>(&self, path: &str, request: &Q, within: Duration) -> Result<A, Failure<E>>
    where
        Q: Serialize + Sync,
        A: DeserializeOwned,
        E: std::error::Error,
    {
        // Whoever refuses at once will do so again: "unreachable" makes Raft wait a little first.
        let refused = |e: CallError| RPCError::Unreachable(Unreachable::new(&e));
        match self.peers.call(self.to, path, request, within).await {
            Ok(reply) if reply.status == 200 => serde_json::from_slice(&reply.body)
                .map_err(|e| RPCError::Network(NetworkError::new(&e))),
            Ok(reply) => Err(refused(CallError::Lost(format!("status {}", reply.status)))),
            Err(e @ CallError::NotSent(_)) => Err(refused(e)),
            Err(e @ CallError::Lost(_)) => Err(RPCError::Network(NetworkError::new(&e))),
        }
    }
}

impl RaftNetwork<Types> for Way {
    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, RPCError<u64, EmptyNode, RaftError<u64>>> {
        self.rpc("/peer/raft/append", &request, option.hard_ttl())
            .await
    }

    async fn install_snapshot(
        &mut self,
        _: InstallSnapshotRequest<Types>,
        _: RPCOption,
    ) -> Result<
        InstallSnapshotResponse<u64>,
        RPCError<u64, EmptyNode, RaftError<u64, InstallSnapshotError>>,
    > {
        let none = CallError::NotSent("the log is kept whole: there are no snapshots".into());
        Err(RPCError::Unreachable(Unreachable::new(&none)))
    }

    async fn vote(
        &mut self,
        request: VoteRequest<u64>,
        option: RPCOption,
    ) -> Result<VoteResponse<u64>, RPCError<u64, EmptyNode, RaftError<u64>>> {
        self.rpc("/peer/raft/vote", &request, option.hard_ttl())
            .await
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(repeat(Duration::from_millis(100)))
    }
}
