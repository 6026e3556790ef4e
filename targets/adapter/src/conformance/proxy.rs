//! A relay between an adapter and its node, that loses what it is told to lose: so it is known what the node was asked, and
//! what the adapter was not told.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

use crate::Address;

/// How a connection ends for the adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By a reset.
    Reset,
    /// As if the node had closed it.
    Close,
    /// Not at all: nothing comes any more.
    Silence,
}

/// What becomes of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// They arrive.
    Pass,
    /// Connections are ended, and no new ones are accepted.
    Down,
    /// Whatever is asked arrives. Of what the node says on each connection, so many pieces still do; the next one is lost.
    LoseAnswers { after: u32, end: End },
    /// What is asked is lost.
    LoseRequests { end: End },
}

/// A relay to one node. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) address: Address,
    mode: watch::Sender<Mode>,
    lost: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// To the node that serves there.
    pub(super) async fn to(upstream: &Address) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let at = listener.local_addr()?;
        let (mode, told) = watch::channel(Mode::Pass);
        let lost = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(serve(
            listener,
            at,
            upstream.clone(),
            told,
            Arc::clone(&lost),
        ));
        Ok(Self {
            address: Address {
                host: at.ip().to_string(),
                port: at.port(),
            },
            mode,
            lost,
            task,
        })
    }

    /// From now on.
    pub(super) fn set(&self, mode: Mode) {
        // Without connections nobody listens.
        let _ = self.mode.send_replace(mode);
    }

    /// How many pieces were lost so far.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::SeqCst)
    }

    /// Ends when more was lost than so many pieces.
    pub(super) fn loses(&self, more_than: u64) -> impl Future<Output = ()> + use<> {
        let lost = Arc::clone(&self.lost);
        async move {
            while lost.load(Ordering::SeqCst) <= more_than {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    listener: TcpListener,
    at: SocketAddr,
    upstream: Address,
    mut mode: watch::Receiver<Mode>,
    lost: Arc<AtomicU64>,
) {
    let mut listener = Some(listener);
    // Connections end with the relay.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let down = *mode.borrow_and_update() == Mode::Down;
        match &listener {
            Some(_) if down => listener = None,
            None if !down => match TcpListener::bind(at).await {
                Ok(again) => listener = Some(again),
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
            _ => {}
        }
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = mode.changed() => if changed.is_err() { return },
            accepted = accepted => if let Ok((client, _)) = accepted {
                let (upstream, mode, lost) = (upstream.clone(), mode.clone(), Arc::clone(&lost));
                connections.spawn(relay(client, upstream, mode, lost));
            },
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn relay(
    mut client: TcpStream,
    upstream: Address,
    mut mode: watch::Receiver<Mode>,
    lost: Arc<AtomicU64>,
) {
    let Ok(mut node) = TcpStream::connect((upstream.host.as_str(), upstream.port)).await else {
        return reset(&client);
    };
    let _ = (client.set_nodelay(true), node.set_nodelay(true));
    let (mut asked, mut said) = ([0; 16 << 10], [0; 16 << 10]);
    let mut pieces = 0;
    // A connection that lost something is of no use any more.
    let mut spoiled = false;
    let mut last = *mode.borrow_and_update();
    loop {
        let read = tokio::select! {
            changed = mode.changed() => match changed {
                Ok(()) => None,
                Err(_) => return reset(&client),
            },
            read = client.read(&mut asked) => Some((true, read)),
            read = node.read(&mut said) => Some((false, read)),
        };
        // What is read now is subject to what holds now, whoever was told first.
        let now = *mode.borrow_and_update();
        if now != last {
            (last, pieces) = (now, 0);
            if spoiled || now == Mode::Down {
                return reset(&client);
            }
        }
        let Some((is_request, read)) = read else {
            continue;
        };
        let Ok(n @ 1..) = read else { return };
        let end = match now {
            Mode::LoseRequests { end } if is_request => Some(end),
            Mode::LoseAnswers { after, end } if !is_request && pieces >= after => Some(end),
            _ => None,
        };
        if let Some(end) = end {
            lost.fetch_add(1, Ordering::SeqCst);
            spoiled = true;
            if ended(&client, end) {
                return;
            }
            continue;
        }
        let passed = match is_request {
            true => node.write_all(&asked[..n]).await,
            false => {
                pieces += 1;
                client.write_all(&said[..n]).await
            }
        };
        if passed.is_err() {
            return;
        }
    }
}

/// Whether it is over.
fn ended(client: &TcpStream, end: End) -> bool {
    match end {
        End::Reset => reset(client),
        End::Close => {}
        End::Silence => return false,
    }
    true
}

/// Closing it will be a reset.
fn reset(client: &TcpStream) {
    // Without that it is an ordinary end, which serves as well.
    let _ = rustix::net::sockopt::set_socket_linger(client, Some(Duration::ZERO));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers every byte with the same.
    async fn echo() -> Address {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut byte = [0];
                    while stream.read_exact(&mut byte).await.is_ok() {
                        stream.write_all(&byte).await.unwrap();
                    }
                });
            }
        });
        Address {
            host: "127.0.0.1".to_owned(),
            port,
        }
    }

    async fn ask(stream: &mut TcpStream, byte: u8) -> io::Result<u8> {
        stream.write_all(&[byte]).await?;
        let mut answer = [0];
        let read = tokio::time::timeout(Duration::from_millis(300), stream.read_exact(&mut answer));
        read.await.map_err(|_| io::ErrorKind::TimedOut)??;
        Ok(answer[0])
    }

    fn kind(result: io::Result<u8>) -> io::ErrorKind {
        result.unwrap_err().kind()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_loses_what_it_is_told_to_lose_and_nothing_else() {
        let node = echo().await;
        let proxy = Proxy::to(&node).await.unwrap();
        let port = proxy.address.port;
        let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        let mut stream = connect().await.unwrap();
        assert_eq!(ask(&mut stream, 1).await.unwrap(), 1);
        for (end, seen) in [
            (End::Reset, io::ErrorKind::ConnectionReset),
            (End::Close, io::ErrorKind::UnexpectedEof),
            (End::Silence, io::ErrorKind::TimedOut),
        ] {
            let mut stream = connect().await.unwrap();
            assert_eq!(ask(&mut stream, 2).await.unwrap(), 2);
            let before = proxy.lost();
            proxy.set(Mode::LoseAnswers { after: 1, end });
            assert_eq!(
                ask(&mut stream, 3).await.unwrap(),
                3,
                "one piece still arrives"
            );
            assert_eq!(kind(ask(&mut stream, 4).await), seen);
            assert_eq!(proxy.lost(), before + 1);
            proxy.set(Mode::LoseRequests { end });
            let mut stream = connect().await.unwrap();
            assert_eq!(kind(ask(&mut stream, 5).await), seen);
            proxy.set(Mode::Pass);
            let mut stream = connect().await.unwrap();
            assert_eq!(ask(&mut stream, 6).await.unwrap(), 6);
        }
        proxy.set(Mode::Down);
        assert_eq!(
            kind(ask(&mut stream, 7).await),
            io::ErrorKind::ConnectionReset
        );
        let refused = async {
            while connect().await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), refused)
            .await
            .unwrap();
        proxy.set(Mode::Pass);
        let again = async {
            loop {
                if let Ok(mut stream) = connect().await {
                    return ask(&mut stream, 8).await;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let again = tokio::time::timeout(Duration::from_secs(5), again)
            .await
            .unwrap();
        assert_eq!(again.unwrap(), 8);
    }
}
