//! One connection: the session's bytes to and from a socket, its units to whoever packages them.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use program::tls::Tls;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use wire::id::ChannelName;

use super::desk::Verdict;
use super::ended::Ended;
use super::hook::Hook;
use super::keys::Secret;
use super::limits::{Flow, Limits};
use super::line::Line;
use super::places::Place;
use super::publisher::{Outlet, Publisher, size};
use super::refusals::Refusals;
use super::session::{Event, Patience, Session};
use crate::media::Unit;

/// How much is read at once of what nobody listens to any more.
const UNHEARD_BYTES: usize = 16 * 1024;
/// How long the origin may take no unit, or an encoder no answer.
const STUCK: Duration = Duration::from_secs(10);
/// How long an encoder has to read why it is let go.
const FAREWELL: Duration = Duration::from_secs(1);

/// What every connection needs of the origin.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) asks: mpsc::Sender<Ask>,
    pub(super) publishers: mpsc::Sender<Publisher>,
    pub(super) limits: Arc<HashMap<ChannelName, Limits>>,
    pub(super) hook: Option<Hook>,
    pub(super) patience: Patience,
    pub(super) refusals: Refusals,
    pub(super) stop: CancellationToken,
}

/// Asks the door what a key is good for.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) peer: IpAddr,
    pub(super) key: Secret,
    pub(super) answer: oneshot::Sender<Verdict>,
}

/// Serves one encoder inside TLS. Its handshake has the same time as RTMP's, which comes after it.
pub(super) async fn serve_tls(tls: Tls, socket: TcpStream, peer: IpAddr, host: Host, place: Place) {
    let (began, patience) = (Instant::now(), host.patience.handshake);
    let shaken = tokio::select! {
        () = host.stop.cancelled() => Err(Ended::Stopping),
        shaken = timeout_at(began + patience, tls.accept(socket)) => {
            match shaken {
                Ok(shaken) => shaken.map_err(|error| untaken(&error)),
                Err(_) => Err(Ended::NoHandshake(patience)),
            }
        }
    };
    match shaken {
        Ok(socket) => serve_since(began, socket, peer, host, place).await,
        Err(ended) => host.refusals.note(peer, &ended),
    }
}

fn untaken(error: &io::Error) -> Ended {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Ended::Closed,
        // What TLS itself finds wrong; it knows its words, whoever connects does not choose them.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Ended::Tls(error.to_string()),
        kind => Ended::Broke(kind),
    }
}

/// Serves one encoder to its end, and logs that end.
pub(super) async fn serve<S>(socket: S, peer: IpAddr, host: Host, place: Place)
where
    S: Line,
{
    serve_since(Instant::now(), socket, peer, host, place).await;
}

async fn serve_since<S>(began: Instant, socket: S, peer: IpAddr, host: Host, place: Place)
where
    S: Line,
{
    let mut connection = Connection {
        socket,
        peer,
        session: Session::new(began.into_std(), host.patience),
        host,
        stream: None,
    };
    let Err(mut ended) = connection.converse().await;
    if matches!(ended, Ended::Refused(_)) && connection.host.stop.is_cancelled() {
        // Whoever takes units heard of the stop first.
        ended = Ended::Stopping;
    }
    let refusals = &connection.host.refusals;
    // The channel is free again before the encoder hears of the end, since it may come back at once.
    match connection.stream.take() {
        Some(Stream { outlet, .. }) => {
            let channel = outlet.channel();
            refusals.count(&ended);
            if ended.is_peaceful() {
                info!(%channel, reason = %ended, "publisher gone");
            } else {
                warn!(%channel, reason = %ended, "publisher gone");
            }
        }
        None => refusals.note(peer, &ended),
    }
    connection.part(&ended).await;
    drop(place);
}

struct Connection<S> {
    socket: S,
    peer: IpAddr,
    session: Session,
    host: Host,
    /// What is published, once something is.
    stream: Option<Stream>,
}

/// Where units go, and how many.
struct Stream {
    outlet: Outlet,
    flow: Flow,
}

impl<S: Line> Connection<S> {
    async fn converse(&mut self) -> Result<Infallible, Ended> {
        loop {
            while let Some(event) = self.session.next(Instant::now().into_std())? {
                match event {
                    Event::Asks(key) => self.decide(&key).await?,
                    Event::Unit(unit) => self.deliver(unit).await?,
                }
            }
            self.send().await?;
            let bytes = self.read().await?;
            if let Some(Stream { outlet, .. }) = &self.stream {
                outlet.standing().hear(Instant::now().into_std());
            }
            self.session.came(bytes);
        }
    }

    async fn read(&mut self) -> Result<usize, Ended> {
        let (deadline, overdue) = self.session.deadline();
        let room = self.session.room();
        let read = pin!(timeout_at(deadline.into(), self.socket.read_buf(room)));
        let refused = async {
            match &mut self.stream {
                Some(Stream { outlet, .. }) => outlet.over().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.host.stop.cancelled() => Err(Ended::Stopping),
            why = refused => Err(why),
            read = read => match read.map_err(|_| overdue)? {
                Ok(0) => Err(Ended::Closed),
                Ok(length) => Ok(length),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// Sends whatever the session has to say.
    async fn send(&mut self) -> Result<(), Ended> {
        let output = self.session.output();
        if output.is_empty() {
            return Ok(());
        }
        tokio::select! {
            () = self.host.stop.cancelled() => Err(Ended::Stopping),
            // What was sent is taken out, so that a farewell does not begin in the middle of a message.
            sent = timeout(STUCK, self.socket.write_all_buf(output)) => {
                sent.map_err(|_| Ended::Broke(std::io::ErrorKind::TimedOut))?.map_err(Ended::from)
            }
        }
    }

    /// Whether whoever shows `key` may publish; if so, makes a publisher of it.
    async fn decide(&mut self, key: &Secret) -> Result<(), Ended> {
        let stop = self.host.stop.clone();
        let admitted = tokio::select! {
            () = stop.cancelled() => return Err(Ended::Stopping),
            admitted = self.admit(key) => admitted?,
        };
        info!(channel = %admitted.outlet.channel(), "publisher arrived");
        let now = Instant::now().into_std();
        admitted.outlet.standing().hear(now);
        self.stream = Some(admitted);
        self.session.accept(now);
        self.socket.doze();
        Ok(())
    }

    async fn admit(&self, key: &Secret) -> Result<Stream, Ended> {
        let host = &self.host;
        let claim = match host.ask(self.peer, key).await? {
            Verdict::Granted(claim) => claim,
            Verdict::Refused(why) => return Err(why),
            Verdict::Held(holder, taken) => {
                let asked = Instant::now().into_std();
                if !holder.outlast(asked, host.patience.quiet).await {
                    return Err(taken);
                }
                match host.ask(self.peer, key).await? {
                    Verdict::Granted(claim) => claim,
                    Verdict::Refused(why) | Verdict::Held(_, why) => return Err(why),
                }
            }
        };
        // While the hook and the channel take their time this one is not silent.
        claim.standing.deafen();
        let channel = &claim.channel;
        let visit = match &host.hook {
            Some(hook) => Some(hook.ask(channel.clone(), self.peer, rand::random()).await?),
            None => None,
        };
        let limits = host.limits.get(channel).copied().unwrap_or_default();
        let flow = Flow::new(&limits, Instant::now().into_std());
        let (outlet, publisher) = Outlet::open(claim, limits, visit);
        let sent = timeout(STUCK, host.publishers.send(publisher)).await;
        // Where nobody takes publishers the origin is stopping.
        sent.map_err(|_| Ended::Overrun)?.map_err(|_| Ended::Stopping)?;
        Ok(Stream { outlet, flow })
    }

    /// Hands `unit` on. While that has to wait nothing is read, so that a slow origin slows the encoder.
    async fn deliver(&mut self, unit: Unit) -> Result<(), Ended> {
        let Stream { outlet, flow } = self
            .stream
            .as_mut()
            .expect("a session has units only after it was accepted");
        let begun = Instant::now();
        flow.take(size(&unit), begun.into_std())?;
        let Some(unit) = outlet.try_send(unit)? else {
            return Ok(());
        };
        let standing = Arc::clone(outlet.standing());
        standing.deafen();
        tokio::select! {
            () = self.host.stop.cancelled() => return Err(Ended::Stopping),
            why = standing.dismissed() => return Err(why),
            sent = timeout(STUCK, outlet.send(unit)) => sent.map_err(|_| Ended::Overrun)??,
        }
        standing.hear(Instant::now().into_std());
        self.session.excuse(begun.elapsed());
        Ok(())
    }

    /// Tells the encoder why, and closes so that it can read that: closing while bytes of its own are
    /// unread would reset the connection, and what it was told would be lost.
    async fn part(&mut self, ended: &Ended) {
        if matches!(ended, Ended::Closed | Ended::Broke(_)) {
            return;
        }
        self.session.part(ended);
        let socket = &mut self.socket;
        let farewell = async {
            socket.write_all_buf(self.session.output()).await?;
            socket.shutdown().await?;
            let mut unheard = vec![0; UNHEARD_BYTES];
            while socket.read(&mut unheard).await? > 0 {}
            Ok::<_, std::io::Error>(())
        };
        // An encoder that does not wait for it has no use for it.
        let _ = timeout(FAREWELL, farewell).await;
    }
}

impl Host {
    /// What the door says to a key.
    async fn ask(&self, peer: IpAddr, key: &Secret) -> Result<Verdict, Ended> {
        let (answer, answered) = oneshot::channel();
        let key = key.clone();
        // Where nobody answers the origin is stopping.
        let ask = Ask { peer, key, answer };
        self.asks.send(ask).await.map_err(|_| Ended::Stopping)?;
        tokio::select! {
            biased;
            answer = answered => answer.map_err(|_| Ended::Stopping),
            // A question that slips in just as the door closes is neither answered nor dropped.
            () = self.asks.closed() => Err(Ended::Stopping),
        }
    }
}
