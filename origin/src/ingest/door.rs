//! The door: who may come in, and who may publish what.
//!
//! One task accepts connections and owns what is known of them: their places, and the desk's lists. A connection
//! asks it for the right to a channel.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use program::tls::Tls;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, debug, info_span, warn};
use wire::id::ChannelName;

use super::connection::{Ask, Host, serve, serve_tls};
use super::desk::Desk;
use super::ended::Ended;
use super::hook::Hook;
use super::keys::KeyRing;
use super::limits::Limits;
use super::places::Places;
use super::publisher::Publisher;
use super::refusals::Refusals;
use super::session::Patience;
use crate::counts::Counts;

/// Connections that may wait for an answer; each asks once or twice.
const MAILBOX: usize = 64;
/// The pause after the system refused a connection, as it does when files run out: it would refuse the next at once.
const BREATH: Duration = Duration::from_millis(200);

/// Where encoders come in, and what is known of them before.
#[derive(Debug)]
pub(crate) struct Entrance {
    /// Where they speak RTMP.
    pub(crate) rtmp: TcpListener,
    /// Where they speak RTMP inside TLS.
    pub(crate) rtmps: Option<(TcpListener, Tls)>,
    /// The stream keys that count now. Whose key counts no longer is sent away.
    pub(crate) keys: watch::Receiver<Arc<KeyRing>>,
    /// What may be pushed; to a channel that is not among them, anything.
    pub(crate) limits: HashMap<ChannelName, Limits>,
    /// Who else is asked.
    pub(crate) hook: Option<Hook>,
}

/// Takes encoders in until `stop`, and hands on those that show a right key.
///
/// Each connection is one of `tasks`. A publisher's stream is its [`Publisher`]'s; when nobody takes publishers
/// any more, encoders are told that the origin is stopping.
pub(crate) async fn run(
    entrance: Entrance,
    publishers: mpsc::Sender<Publisher>,
    counts: Counts,
    tasks: &TaskTracker,
    stop: CancellationToken,
) {
    let (asks, questions) = mpsc::channel(MAILBOX);
    let Entrance {
        rtmp,
        rtmps,
        keys,
        limits,
        hook,
    } = entrance;
    let host = Host {
        asks,
        publishers,
        limits: Arc::new(limits),
        hook,
        patience: Patience::default(),
        refusals: Refusals::new(counts),
        stop,
    };
    let door = Door {
        host,
        keys,
        places: Places::default(),
        desk: Desk::default(),
        connections: 0,
    };
    door.keep(&rtmp, rtmps.as_ref(), questions, tasks).await;
}

struct Door {
    host: Host,
    keys: watch::Receiver<Arc<KeyRing>>,
    places: Places,
    desk: Desk,
    /// Connections so far: a name for each in the log, where its address has no place.
    connections: u64,
}

impl Door {
    async fn keep(
        mut self,
        rtmp: &TcpListener,
        rtmps: Option<&(TcpListener, Tls)>,
        mut questions: mpsc::Receiver<Ask>,
        tasks: &TaskTracker,
    ) {
        let stop = self.host.stop.clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                accepted = rtmp.accept() => self.admit(accepted, None, tasks).await,
                (accepted, tls) = accept(rtmps) => self.admit(accepted, Some(tls), tasks).await,
                Some(Ask { peer, key, answer }) = questions.recv() => {
                    let ring = Arc::clone(&self.keys.borrow());
                    // A connection that ended while it waited drops what it is given.
                    let _ = answer.send(self.desk.judge(&ring, peer, &key, Instant::now()));
                }
                Ok(()) = self.keys.changed() => {
                    let ring = Arc::clone(&self.keys.borrow_and_update());
                    self.desk.claims.dismiss_unless(|key| ring.holds(key));
                }
            }
        }
    }

    async fn admit(
        &mut self,
        accepted: std::io::Result<(TcpStream, SocketAddr)>,
        tls: Option<&Tls>,
        tasks: &TaskTracker,
    ) {
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "failed to accept an RTMP connection");
                return tokio::time::sleep(BREATH).await;
            }
        };
        self.connections += 1;
        let span = info_span!("publisher", connection = self.connections);
        let place = match self.places.take(peer.ip()) {
            Ok(place) => place,
            Err(crowded) => {
                return span.in_scope(|| self.host.refusals.note(peer.ip(), &Ended::from(crowded)));
            }
        };
        span.in_scope(|| debug!(%peer, tls = tls.is_some(), "connection accepted"));
        // Answers are small and waited for. Where this fails the connection did, and its task will see.
        let _ = socket.set_nodelay(true);
        let host = self.host.clone();
        match tls {
            None => tasks.spawn(serve(socket, peer.ip(), host, place).instrument(span)),
            Some(tls) => tasks.spawn(serve_tls(tls.clone(), socket, peer.ip(), host, place).instrument(span)),
        };
    }
}

/// The next connection that speaks TLS; none ever where nobody listens for them.
async fn accept(rtmps: Option<&(TcpListener, Tls)>) -> (std::io::Result<(TcpStream, SocketAddr)>, &Tls) {
    match rtmps {
        Some((listener, tls)) => (listener.accept().await, tls),
        None => std::future::pending().await,
    }
}
