//! A balancer in front of several trackers: hands each connection to the first of them that takes it.

use std::net::SocketAddr;

use anyhow::Result;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

/// A running balancer. It ends when dropped.
#[derive(Debug)]
pub struct Balancer {
    address: SocketAddr,
    _stop: DropGuard,
}

impl Balancer {
    /// Stands in front of these, the first preferred.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn before(targets: Vec<SocketAddr>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let (tasks, hear) = (TaskTracker::new(), stop.clone());
        let inner = tasks.clone();
        tasks.spawn(stop.clone().run_until_cancelled_owned(async move {
            while let Ok((client, _)) = listener.accept().await {
                let carry = carry(client, targets.clone());
                inner.spawn(hear.clone().run_until_cancelled_owned(carry));
            }
        }));
        let stop = stop.drop_guard();
        Ok(Self { address, _stop: stop })
    }

    /// A URL on it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

async fn carry(mut client: TcpStream, targets: Vec<SocketAddr>) {
    for target in targets {
        if let Ok(mut server) = TcpStream::connect(target).await {
            // How a connection ends is for the two at its ends.
            let _ = copy_bidirectional(&mut client, &mut server).await;
            return;
        }
    }
}
