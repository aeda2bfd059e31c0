//! Network between two programs that a test can cut.

use std::{net::Ipv4Addr, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// State of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Works.
    Works,
    /// Stalls without an error. Data that was sent arrives once the network works again.
    Stalls,
    /// Resets all connections, including new ones.
    Resets,
    /// Loses what is sent. The connection breaks once the network works again.
    Drops,
    /// Loses only what the server sends.
    DropsAnswers,
}

/// TCP proxy to another address.
pub struct Proxy {
    pub port: u16,
}

impl Proxy {
    /// Starts a proxy whose target is set later.
    pub async fn start(to: watch::Receiver<Option<u16>>, network: watch::Receiver<Network>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (mut to, network) = (to.clone(), network.clone());
                tokio::spawn(async move {
                    let port = to.wait_for(Option::is_some).await.unwrap().unwrap();
                    if *network.borrow() == Network::Resets {
                        return;
                    }
                    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                    if let Ok(server) = TcpStream::connect(server).await {
                        join(client, server, network).await;
                    }
                });
            }
        });
        Self { port }
    }
}

/// Forwards bytes in both directions until one side closes or the network breaks the connection.
async fn join(client: TcpStream, server: TcpStream, mut network: watch::Receiver<Network>) {
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let broken = network.clone();
    tokio::select! {
        () = pass(from_client, to_server, broken.clone(), &[Network::Drops]) => {}
        () = pass(from_server, to_client, broken, &[Network::Drops, Network::DropsAnswers]) => {}
        _ = network.wait_for(|network| *network == Network::Resets) => {}
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut network: watch::Receiver<Network>,
    dropping: &[Network],
) {
    let mut bytes = vec![0; 64 * 1024];
    let mut lost = false;
    loop {
        let read = tokio::select! {
            read = from.read(&mut bytes) => read.unwrap_or(0),
            _ = network.wait_for(|network| *network == Network::Works), if lost => return,
        };
        if read == 0 {
            return;
        }
        if dropping.contains(&*network.borrow()) {
            lost = true;
            continue;
        }
        network.wait_for(|network| *network != Network::Stalls).await.ok();
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
