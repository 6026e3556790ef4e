//! `schism serve`: the folder of runs in a browser, read-only.
//!
//! ```text
//! /                              index.html as it is now, with the runs that go on
//! /CASE/FAULTS/RUN/FILE          a file of a run
//! /live/RUN  /live/RUN/events    a run while it goes on: a page, and what feeds it (server-sent events)
//! /history/RUN                   a page of windows into a run's history, for runs too large for their report
//! /api/RUN/history               those windows as JSON: ?from=&to=&limit=&after=
//! /download/RUN.tar.gz           all of a run
//! ```
//!
//! Two strangers are kept out. *A page in the same browser*: nothing here changes anything, the name that is asked for must
//! be this machine's (DNS rebinding), other sites may only lead here by a link ([`guard`]), and no page may be framed.
//! *What a system under test said*, which is in every file: it is `text/plain`, or on pages of ours whose policy runs no
//! script but the one whose hash it names. Paths are walked by the kernel, which keeps them in the folder ([`jail`]).
//!
//! Everything that takes memory, threads or sockets has a bound here, so that neither a slow reader nor a thousand of them
//! hold up anybody else; runs are other processes and know nothing of any of this.

mod address;
mod download;
mod files;
mod follow;
mod guard;
mod index;
mod jail;
mod live;
mod picture;
mod window;
mod wire;

use std::{path::PathBuf, sync::Arc};

pub(crate) use address::{Address, Token};
use axum::{
    Router,
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use runner::store::{RunEntry, Store};
use tokio::sync::{Semaphore, watch};
pub(crate) use wire::listen;

use crate::exit::Failure;

/// How many streams of live runs there may be.
const STREAMS: usize = 32;
/// How many archives are made at a time.
const DOWNLOADS: usize = 2;
/// How many windows are read at a time.
const WINDOWS: usize = 4;

/// What every request may use.
pub(crate) struct Server {
    store: Store,
    jail: jail::Jail,
    address: Address,
    index: index::Page,
    streams: Arc<Semaphore>,
    downloads: Arc<Semaphore>,
    windows: Arc<Semaphore>,
    /// Becomes true when the server ends.
    ending: watch::Receiver<bool>,
}

impl Server {
    /// Of a store, for those whom `address` lets in, until `ending` becomes true.
    pub(crate) fn new(
        store: Store,
        baseline: PathBuf,
        address: Address,
        ending: watch::Receiver<bool>,
    ) -> Result<Self, Failure> {
        let jail = jail::Jail::open(store.root()).map_err(|e| {
            Failure::infrastructure(format!("cannot open {}: {e}", store.root().display()))
        })?;
        Ok(Self {
            index: index::Page::new(store.clone(), baseline),
            store,
            jail,
            address,
            streams: Arc::new(Semaphore::new(STREAMS)),
            downloads: Arc::new(Semaphore::new(DOWNLOADS)),
            windows: Arc::new(Semaphore::new(WINDOWS)),
            ending,
        })
    }

    /// The run of this id, if there is one. Blocking.
    fn run(&self, id: &str) -> Option<RunEntry> {
        self.store.find(id).ok().flatten()
    }
}

/// All there is to ask.
pub(crate) fn router(server: Server) -> Router {
    let server = Arc::new(server);
    Router::new()
        .route("/", get(index::index))
        .route("/index.html", get(index::index))
        .route("/live/{run}", get(live::page))
        .route("/live/{run}/events", get(live::events))
        .route("/history/{run}", get(window::page))
        .route("/api/{run}/history", get(window::window))
        .route("/download/{name}", get(download::download))
        .fallback(files::file)
        .layer(middleware::from_fn_with_state(
            Arc::clone(&server),
            guard::guard,
        ))
        .with_state(server)
}

/// A few words and nothing of what was asked: what cannot be had, and why.
fn refusal(status: StatusCode, why: &'static str) -> Response {
    let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (status, plain, format!("{why}\n")).into_response()
}

fn not_found() -> Response {
    refusal(
        StatusCode::NOT_FOUND,
        "There is nothing of that name in this folder.",
    )
}

fn busy(why: &'static str) -> Response {
    let mut response = refusal(StatusCode::SERVICE_UNAVAILABLE, why);
    let wait = header::HeaderValue::from_static("5");
    response.headers_mut().insert(header::RETRY_AFTER, wait);
    response
}

fn broken() -> Response {
    refusal(StatusCode::INTERNAL_SERVER_ERROR, "This could not be read.")
}
