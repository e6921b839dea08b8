//! The door on a port of its own, and encoders that come to it over TCP.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use std::collections::HashMap;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::encoder::{Encoder, KEY};
use super::log;
use crate::counts::Counts;
use crate::ingest::keys::KeyRing;
use crate::ingest::{Entrance, Publisher, run};

/// Longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(30);

pub(super) async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    timeout(DEADLINE, event)
        .await
        .unwrap_or_else(|_| panic!("waited {DEADLINE:?} for {what}"))
}

/// An origin that has the channel `demo` behind [`KEY`], and `other`.
pub(super) struct Origin {
    pub(super) address: SocketAddr,
    pub(super) publishers: mpsc::Receiver<Publisher>,
    pub(super) keys: watch::Sender<Arc<KeyRing>>,
    pub(super) counts: Counts,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

pub(super) const OTHER_KEY: &str = "another-key-for-the-tests";

/// The keys of the settings.
pub(super) fn ring() -> KeyRing {
    let keys = [format!("demo={KEY}"), format!("other={OTHER_KEY}")];
    KeyRing::new(&keys.map(|text| text.parse().unwrap()), || [7; 16]).unwrap()
}

impl Origin {
    pub(super) async fn open() -> Self {
        Self::open_with(|_, _, _| {}).await
    }

    /// One whose entrance is changed before it opens.
    pub(super) async fn open_with(
        change: impl FnOnce(&mut Entrance, &TaskTracker, &CancellationToken),
    ) -> Self {
        log::prepare();
        let rtmp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = rtmp.local_addr().unwrap();
        let (keys, current) = watch::channel(Arc::new(ring()));
        let (sender, publishers) = mpsc::channel(4);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let counts = Counts::default();
        let mut entrance = Entrance {
            rtmp,
            rtmps: None,
            keys: current,
            limits: HashMap::new(),
            hook: None,
        };
        change(&mut entrance, &tasks, &stop);
        let (all, stopped, counted) = (tasks.clone(), stop.clone(), counts.clone());
        tasks.spawn(async move { run(entrance, sender, counted, &all, stopped).await });
        Self {
            address,
            publishers,
            keys,
            counts,
            tasks,
            stop,
        }
    }

    pub(super) async fn publisher(&mut self) -> Publisher {
        soon("a publisher", self.publishers.recv()).await.unwrap()
    }

    /// An encoder that publishes `demo`, and the publisher that it became.
    pub(super) async fn publish(&mut self) -> (Caller, Publisher) {
        let mut caller = Caller::call(self.address, Encoder::publisher(KEY)).await;
        caller.until("publishing", |encoder| encoder.publishing).await;
        (caller, self.publisher().await)
    }

    /// Stops, and waits for the end of every task.
    pub(super) async fn finish(self) {
        self.stop.cancel();
        self.tasks.close();
        soon("the end of every task", self.tasks.wait()).await;
    }
}

/// What an encoder speaks through.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Socket for T {}

/// An encoder on a socket.
pub(super) struct Caller {
    pub(super) socket: Box<dyn Socket>,
    pub(super) encoder: Encoder,
    closed: bool,
}

impl Caller {
    pub(super) async fn call(address: SocketAddr, encoder: Encoder) -> Self {
        let socket = soon("a connection", TcpStream::connect(address)).await.unwrap();
        Self::over(socket, encoder)
    }

    pub(super) fn over(socket: impl Socket + 'static, encoder: Encoder) -> Self {
        Self {
            socket: Box::new(socket),
            encoder,
            closed: false,
        }
    }

    /// Says something now and then, as encoders do, until `event`.
    pub(super) async fn speaking<T>(&mut self, what: &str, event: impl Future<Output = T>) -> T {
        let (mut event, mut ticks) = (Box::pin(event), interval(Duration::from_millis(20)));
        soon(what, async {
            loop {
                tokio::select! {
                    done = &mut event => return done,
                    _ = ticks.tick() => {
                        self.encoder.ping();
                        self.send().await;
                    }
                }
            }
        })
        .await
    }

    /// Sends and hears until `done`.
    pub(super) async fn until(&mut self, what: &str, done: impl Fn(&Encoder) -> bool) {
        soon(what, async {
            self.send().await;
            while !done(&self.encoder) {
                assert!(!self.closed, "closed while waiting for {what}");
                self.turn().await;
            }
        })
        .await;
    }

    /// Sends all it has, and hears until the server closes; why it said it did, if it did.
    pub(super) async fn refused(&mut self) -> Option<(String, String)> {
        soon("the server to close", async {
            self.send().await;
            while !self.closed {
                self.turn().await;
            }
        })
        .await;
        self.encoder
            .refusal()
            .map(|(code, description)| (code.to_owned(), description.to_owned()))
    }

    pub(super) async fn send(&mut self) {
        let bytes = std::mem::take(&mut self.encoder.outbox);
        self.socket.write_all(&bytes).await.unwrap();
    }

    async fn turn(&mut self) {
        let mut buffer = vec![0; 4096];
        match self.socket.read(&mut buffer).await {
            Ok(0) | Err(_) => self.closed = true,
            Ok(length) => {
                self.encoder.hear(&buffer[..length]);
                self.send().await;
            }
        }
    }
}
