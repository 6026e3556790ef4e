//! `schism serve`: the folder of runs in a browser.

use std::{future::IntoFuture, time::Duration};

use runner::store::Store;
use tokio::sync::watch;

use crate::{
    args::ServeArgs,
    exit::{Exit, Failure},
    serve::{self, Address, Server, Token},
    terminal::Terminal,
};

/// How long requests may take to end when the server does.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Serves until it is interrupted, which is how it is meant to end.
pub(crate) fn serve(args: &ServeArgs, terminal: &Terminal) -> Result<Exit, Failure> {
    let token = args.token.as_deref().map(Token::from_option).transpose()?;
    // One that was made is shown once; one that was given is known.
    let shown = match args.token.as_deref() {
        Some("auto") => token.as_ref().map(|t| t.reveal().to_owned()),
        _ => None,
    };
    let address = Address::new(&args.host, args.port, token)?;
    let store = store(args, terminal)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .thread_name("schism-serve")
        .build()
        .map_err(|e| Failure::infrastructure(format!("cannot start threads: {e}")))?;
    let served = runtime.block_on(listen(address, store, shown, terminal));
    // Whoever still reads a file is not waited for.
    runtime.shutdown_background();
    served.map(|()| Exit::Pass)
}

/// The folder, which has to be there: a server that only reads makes none.
fn store(args: &ServeArgs, terminal: &Terminal) -> Result<Store, Failure> {
    let dir = args.dir.as_deref().unwrap_or(terminal.runs());
    if !dir.is_dir() {
        return Err(Failure::usage(format!(
            "{} is no folder; name the folder of runs, as in schism serve runs; schism demo makes one with two runs in it",
            dir.display()
        )));
    }
    Ok(Store::open(dir)?)
}

async fn listen(
    address: Address,
    store: Store,
    shown: Option<String>,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let interrupted = interrupted()?;
    let wire = serve::listen(&address).await?;
    let bound = wire.address();
    let socket = bound.map_err(|e| Failure::infrastructure(format!("no address: {e}")))?;
    let (guarded, local) = (address.token.is_some(), address.is_loopback());
    let address = Address { socket, ..address };
    let (end, ending) = watch::channel(false);
    let root = store.root().display().to_string();
    let server = Server::new(
        store,
        terminal.baseline().to_owned(),
        address,
        ending.clone(),
    )?;
    let query = shown.map_or(String::new(), |token| format!("?token={token}"));
    terminal.print(&format!("http://{socket}/{query}\n"));
    terminal.say(&format!("serving {root}, read-only; Ctrl-C ends it\n"));
    if guarded && query.is_empty() {
        terminal.say("open it once with ?token= and your token\n");
    }
    if !local {
        terminal
            .say("not encrypted: whoever can read along on this network reads the token, too\n");
    }
    let mut closing = ending;
    let serving = axum::serve(wire, serve::router(server)).with_graceful_shutdown(async move {
        // An error means that nobody can end it any more, which is an end as well.
        let _ = closing.wait_for(|end| *end).await;
    });
    let mut serving = std::pin::pin!(serving.into_future());
    tokio::select! {
        ended = &mut serving => return ended.map_err(|e| Failure::infrastructure(format!("the server broke: {e}"))),
        () = interrupted => {}
    }
    end.send_replace(true);
    // Streams end at once; downloads are cut off after a while.
    let _ = tokio::time::timeout(LAST_WORDS, serving).await;
    Ok(())
}

/// Ready when somebody wants an end.
fn interrupted() -> Result<impl Future<Output = ()>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let broken =
        |e: std::io::Error| Failure::infrastructure(format!("cannot watch for interrupts: {e}"));
    let mut int = signal(SignalKind::interrupt()).map_err(broken)?;
    let mut term = signal(SignalKind::terminate()).map_err(broken)?;
    Ok(async move {
        tokio::select! {
            _ = int.recv() => {}
            _ = term.recv() => {}
        }
    })
}
