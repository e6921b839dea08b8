//! The door: who may come in, and who may publish what.
//!
//! One task accepts connections and owns both lists, of places and of claims; a connection asks it
//! for the right to a channel.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, debug, info_span, warn};

use super::connection::{ClaimRequest, Host, serve};
use super::ended::Ended;
use super::keys::StreamKeys;
use super::places::{Claims, Places};
use super::publisher::Publisher;
use super::refusals::Refusals;
use super::session::Patience;
use crate::counts::Counts;

/// Connections that may wait for an answer; each asks once.
const MAILBOX: usize = 64;
/// The pause after the system refused a connection, as it does when files run out: it would refuse the next at once.
const BREATH: Duration = Duration::from_millis(200);

/// Takes encoders in at `listener` until `stop`, and hands on those that show one of `keys`.
///
/// Each connection is one of `tasks`. A publisher's stream is its [`Publisher`]'s; when nobody takes publishers
/// any more, encoders are told that the origin is stopping.
pub(crate) async fn run(
    listener: TcpListener,
    keys: StreamKeys,
    publishers: mpsc::Sender<Publisher>,
    counts: Counts,
    tasks: &TaskTracker,
    stop: CancellationToken,
) {
    let (claims, requests) = mpsc::channel(MAILBOX);
    let host = Host {
        keys: Arc::new(keys),
        claims,
        publishers,
        patience: Patience::default(),
        refusals: Refusals::new(counts),
        stop,
    };
    Door {
        host,
        places: Places::default(),
        claims: Claims::default(),
        connections: 0,
    }
    .keep(listener, requests, tasks)
    .await;
}

struct Door {
    host: Host,
    places: Places,
    claims: Claims,
    /// Connections so far: a name for each in the log, where its address has no place.
    connections: u64,
}

impl Door {
    async fn keep(
        mut self,
        listener: TcpListener,
        mut requests: mpsc::Receiver<ClaimRequest>,
        tasks: &TaskTracker,
    ) {
        let stop = self.host.stop.clone();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => match accepted {
                    Ok((socket, peer)) => self.admit(socket, peer, tasks),
                    Err(error) => {
                        warn!(%error, "failed to accept an RTMP connection");
                        tokio::time::sleep(BREATH).await;
                    }
                },
                Some(ClaimRequest { channel, answer }) = requests.recv() => {
                    // A connection that ended while it waited drops what it is given.
                    let _ = answer.send(self.claims.claim(channel));
                }
            }
        }
    }

    fn admit(&mut self, socket: TcpStream, peer: SocketAddr, tasks: &TaskTracker) {
        self.connections += 1;
        let span = info_span!("publisher", connection = self.connections);
        let place = match self.places.take(peer.ip()) {
            Ok(place) => place,
            Err(crowded) => {
                return span.in_scope(|| self.host.refusals.note(peer.ip(), &Ended::from(crowded)));
            }
        };
        span.in_scope(|| debug!(%peer, "connection accepted"));
        // Answers are small and waited for. Where this fails the connection did, and its task will see.
        let _ = socket.set_nodelay(true);
        tasks.spawn(serve(socket, peer.ip(), self.host.clone(), place).instrument(span));
    }
}
