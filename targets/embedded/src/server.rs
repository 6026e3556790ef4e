//! One server process: `schism node embedded serve`. HTTP on a loopback port, three doors:
//!
//! - `/kv/KEY` for clients: `GET`, `PUT {"value": 1}`, `POST /kv/KEY/cas {"from": 1, "to": 2}`;
//! - `/peer/…` for the other nodes, which know the cluster's token;
//! - `/admin/…` for schism, with the token too. It is the only door that no cut closes.

use std::{
    future::pending,
    io::{self, Write},
    net::Ipv4Addr,
    path::Path,
    sync::Arc,
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path as UrlPath, Request as HttpRequest, State},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use openraft::raft::{AppendEntriesRequest, VoteRequest};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::net::TcpSocket;

use crate::{
    chronicle::{Chronicle, Level},
    clock::WallClock,
    consensus::{Consensus, Types},
    layout::{Layout, Mode, node_dir},
    links::{CLIENTS, Fate, Links},
    peers::{FROM, Peers, TOKEN},
    quorum::{Entries, Quorum},
    wire::{Answer, Op, Request},
};

struct Server {
    token: String,
    links: Arc<Links>,
    clock: WallClock,
    store: Store,
}

enum Store {
    Consensus(Consensus),
    Quorum(Quorum),
}

/// Serves as this node until killed.
pub(crate) async fn serve(dir: &Path, node: &str) -> Result<(), String> {
    let layout = Layout::load(dir).map_err(|e| format!("cluster.json: {e}"))?;
    let me = layout.position(node).ok_or("no such node")?;
    let node_dir = node_dir(dir, node);
    let links = Arc::new(Links::new(&node_dir));
    let chronicle = Chronicle::new(WallClock::new(&node_dir));
    let mode = match layout.mode {
        Mode::Consensus => "consensus".to_owned(),
        Mode::Quorum { r, w } => format!("quorum, R={r} W={w}"),
    };
    chronicle.tell(Level::Info, &format!("server starts: {node}, {mode}"));
    let peers = Peers::new(layout.clone(), me, links.clone()).told_to(chronicle.clone());
    let peers = Arc::new(peers);
    let socket = reserve(layout.members[me].port).map_err(|e| format!("bind: {e}"))?;
    let store = match layout.mode {
        Mode::Consensus => Store::Consensus(Consensus::open(&node_dir, peers, chronicle).await?),
        Mode::Quorum { r, w } => Quorum::open(&node_dir, peers, r, w)
            .map(Store::Quorum)
            .map_err(|e| format!("log.jsonl: {e}"))?,
    };
    let server = Arc::new(Server {
        token: layout.token,
        links,
        clock: WallClock::new(&node_dir),
        store,
    });
    // From here on connections are taken; until then they are refused.
    let listener = socket.listen(1024).map_err(|e| format!("listen: {e}"))?;
    axum::serve(listener, router(server))
        .await
        .map_err(|e| e.to_string())
}

/// A socket bound to a loopback port (0 chooses a free one) that others of ours may share. The guard holds each port with
/// one that never listens, so that nobody else gets a port while its server is dead, and connections to it are refused.
pub(crate) fn reserve(port: u16) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    Ok(socket)
}

/// A line in the server's log.
pub(crate) fn complain(words: &str) {
    // Nobody is left to hear that even this failed.
    let _: io::Result<()> = writeln!(io::stderr(), "{words}");
}

fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route("/kv/{key}", get(read).put(write))
        .route("/kv/{key}/cas", post(cas))
        .route("/peer/ping", post(async || Json(())))
        .route("/peer/kv", post(forwarded))
        .route("/peer/raft/append", post(raft_append))
        .route("/peer/raft/vote", post(raft_vote))
        .route("/peer/quorum/get", post(quorum_get))
        .route("/peer/quorum/merge", post(quorum_merge))
        .route("/peer/quorum/digest", post(quorum_digest))
        .route("/peer/quorum/exchange", post(quorum_exchange))
        .route("/admin/leads", post(leads))
        .route("/admin/dropped", post(dropped))
        .route("/admin/clock", post(clock))
        .layer(DefaultBodyLimit::max(64 << 20))
        .layer(from_fn_with_state(server.clone(), receive))
        .with_state(server)
}

/// Whatever arrives passes here first.
async fn receive(State(server): State<Arc<Server>>, request: HttpRequest, next: Next) -> Response {
    let fate = {
        let header = |name| request.headers().get(name).and_then(|v| v.to_str().ok());
        let ours = header(TOKEN) == Some(&server.token);
        let from = match request.uri().path().split('/').nth(1) {
            Some("admin") if ours => None,
            Some("peer") if ours => header(FROM),
            Some("kv") => Some(CLIENTS),
            _ => return StatusCode::UNAUTHORIZED.into_response(),
        };
        from.map_or(Fate::After(Duration::ZERO), |peer| {
            match server.links.drops(peer) {
                true => Fate::Lost,
                false => server.links.fate(peer),
            }
        })
    };
    match fate {
        Fate::After(late) if late.is_zero() => {}
        Fate::After(late) => tokio::time::sleep(late).await,
        // No answer, ever. This ends when the sender gives up and closes the connection.
        Fate::Lost => pending().await,
    }
    next.run(request).await
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Answer> {
    serde_json::from_slice(body).map_err(|e| Answer::Rejected(e.to_string()))
}

impl Server {
    async fn perform(&self, key: String, op: Op) -> Answer {
        let request = Request { key, op };
        match &self.store {
            Store::Consensus(store) => store.perform(request).await,
            Store::Quorum(store) => store.perform(request).await,
        }
    }
    fn consensus(&self) -> Result<&Consensus, Answer> {
        match &self.store {
            Store::Consensus(store) => Ok(store),
            Store::Quorum(_) => Err(Answer::Rejected("not in quorum mode".into())),
        }
    }
    fn quorum(&self) -> Result<&Quorum, Answer> {
        match &self.store {
            Store::Quorum(store) => Ok(store),
            Store::Consensus(_) => Err(Answer::Rejected("not in consensus mode".into())),
        }
    }
}

async fn read(State(server): State<Arc<Server>>, UrlPath(key): UrlPath<String>) -> Answer {
    server.perform(key, Op::Read).await
}

async fn write(
    State(server): State<Arc<Server>>,
    UrlPath(key): UrlPath<String>,
    body: Bytes,
) -> Result<Answer, Answer> {
    #[derive(Deserialize)]
    struct Write {
        value: i64,
    }
    let Write { value } = parse(&body)?;
    Ok(server.perform(key, Op::Write(value)).await)
}

async fn cas(
    State(server): State<Arc<Server>>,
    UrlPath(key): UrlPath<String>,
    body: Bytes,
) -> Result<Answer, Answer> {
    #[derive(Deserialize)]
    struct Cas {
        from: i64,
        to: i64,
    }
    let Cas { from, to } = parse(&body)?;
    Ok(server.perform(key, Op::Cas { from, to }).await)
}

async fn forwarded(State(server): State<Arc<Server>>, body: Bytes) -> Result<Answer, Answer> {
    Ok(server.consensus()?.perform_forwarded(parse(&body)?).await)
}

fn raft_failed(error: impl std::fmt::Display) -> Answer {
    Answer::Lost(error.to_string())
}

async fn raft_append(State(server): State<Arc<Server>>, body: Bytes) -> Result<Response, Answer> {
    let request = parse::<AppendEntriesRequest<Types>>(&body)?;
    let raft = &server.consensus()?.raft;
    let response = raft.append_entries(request).await.map_err(raft_failed)?;
    Ok(Json(response).into_response())
}

async fn raft_vote(State(server): State<Arc<Server>>, body: Bytes) -> Result<Response, Answer> {
    let request = parse::<VoteRequest<u64>>(&body)?;
    let raft = &server.consensus()?.raft;
    let response = raft.vote(request).await.map_err(raft_failed)?;
    Ok(Json(response).into_response())
}

async fn quorum_get(State(server): State<Arc<Server>>, body: Bytes) -> Result<Response, Answer> {
    let key: String = parse(&body)?;
    Ok(Json(server.quorum()?.get(&key)).into_response())
}

async fn quorum_merge(State(server): State<Arc<Server>>, body: Bytes) -> Result<Response, Answer> {
    let news: Entries = parse(&body)?;
    let stored = server.quorum()?.merge(&news);
    stored.map_err(|e| Answer::Lost(e.to_string()))?;
    Ok(Json(()).into_response())
}

async fn quorum_digest(State(server): State<Arc<Server>>) -> Result<Response, Answer> {
    Ok(Json(server.quorum()?.digest()).into_response())
}

async fn quorum_exchange(
    State(server): State<Arc<Server>>,
    body: Bytes,
) -> Result<Response, Answer> {
    let theirs: Entries = parse(&body)?;
    let news = server.quorum()?.exchange(&theirs);
    Ok(Json(news.map_err(|e| Answer::Lost(e.to_string()))?).into_response())
}

async fn leads(State(server): State<Arc<Server>>) -> Response {
    let leads = match &server.store {
        Store::Consensus(store) => store.leads().await,
        Store::Quorum(_) => false,
    };
    Json(leads).into_response()
}

async fn dropped(State(server): State<Arc<Server>>) -> Response {
    Json(server.links.dropped()).into_response()
}

/// Microseconds since 1970, as this node sees it.
async fn clock(State(server): State<Arc<Server>>) -> Response {
    Json(server.clock.now()).into_response()
}
