//! One connection: the session's bytes to and from a socket, its units to whoever packages them.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use wire::id::ChannelName;

use super::ended::Ended;
use super::keys::{Secret, StreamKeys};
use super::places::{Claim, Place};
use super::publisher::{Outlet, Publisher};
use super::refusals::Refusals;
use super::session::{Event, Patience, Session};
use crate::media::Unit;

/// How much is read at once.
const READ_BYTES: usize = 16 * 1024;
/// How long the origin may take no unit, or an encoder no answer.
const STUCK: Duration = Duration::from_secs(10);
/// How long an encoder has to read why it is let go.
const FAREWELL: Duration = Duration::from_secs(1);

/// What every connection needs of the origin.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) keys: Arc<StreamKeys>,
    pub(super) claims: mpsc::Sender<ClaimRequest>,
    pub(super) publishers: mpsc::Sender<Publisher>,
    pub(super) patience: Patience,
    pub(super) refusals: Refusals,
    pub(super) stop: CancellationToken,
}

/// Asks the door for the right to publish a channel; `None` is the answer when somebody else has it.
#[derive(Debug)]
pub(super) struct ClaimRequest {
    pub(super) channel: ChannelName,
    pub(super) answer: oneshot::Sender<Option<Claim>>,
}

/// Serves one encoder to its end, and logs that end.
pub(super) async fn serve<S>(socket: S, peer: IpAddr, host: Host, place: Place)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let session = Session::new(Instant::now().into_std(), host.patience);
    let mut connection = Connection {
        socket,
        session,
        host,
        outlet: None,
    };
    let Err(mut ended) = connection.converse().await;
    if matches!(ended, Ended::Refused(_)) && connection.host.stop.is_cancelled() {
        // Whoever takes units heard of the stop first.
        ended = Ended::Stopping;
    }
    let refusals = &connection.host.refusals;
    // The channel is free again before the encoder hears of the end, since it may come back at once.
    match connection.outlet.take() {
        Some(Outlet { channel, .. }) => {
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
    session: Session,
    host: Host,
    /// Where units go, once somebody publishes.
    outlet: Option<Outlet>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    async fn converse(&mut self) -> Result<Infallible, Ended> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            while let Some(event) = self.session.next(Instant::now().into_std())? {
                match event {
                    Event::Asks(key) => self.decide(&key).await?,
                    Event::Unit(unit) => self.deliver(unit).await?,
                }
            }
            self.send().await?;
            let length = self.read(&mut buffer).await?;
            self.session.push(buffer.get(..length).unwrap_or_default());
        }
    }

    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Ended> {
        let (deadline, overdue) = self.session.deadline();
        let read = pin!(timeout_at(deadline.into(), self.socket.read(buffer)));
        let refused = async {
            match &mut self.outlet {
                Some(outlet) => outlet.closed().await,
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
        let host = &self.host;
        let channel = host.keys.channel(key).ok_or(Ended::UnknownKey)?;
        let (answer, answered) = oneshot::channel();
        let request = ClaimRequest {
            channel: channel.clone(),
            answer,
        };
        // Where nobody answers, and nobody takes publishers, the origin is stopping.
        host.claims.send(request).await.map_err(|_| Ended::Stopping)?;
        let answer = tokio::select! {
            biased;
            answer = answered => answer.map_err(|_| Ended::Stopping)?,
            // A request that slips in just as the door closes is neither answered nor dropped.
            () = host.claims.closed() => return Err(Ended::Stopping),
        };
        let claim = answer.ok_or(Ended::Taken(channel.clone()))?;

        let (outlet, publisher) = Outlet::open(channel.clone(), claim);
        tokio::select! {
            () = host.stop.cancelled() => return Err(Ended::Stopping),
            sent = timeout(STUCK, host.publishers.send(publisher)) => {
                sent.map_err(|_| Ended::Overrun)?.map_err(|_| Ended::Stopping)?;
            }
        }
        info!(%channel, "publisher arrived");
        self.outlet = Some(outlet);
        self.session.accept(Instant::now().into_std());
        Ok(())
    }

    /// Hands `unit` on. While that has to wait nothing is read, so that a slow origin slows the encoder.
    async fn deliver(&mut self, unit: Unit) -> Result<(), Ended> {
        let outlet = self
            .outlet
            .as_mut()
            .expect("a session has units only after it was accepted");
        let Some(unit) = outlet.try_send(unit)? else {
            return Ok(());
        };
        let begun = Instant::now();
        tokio::select! {
            () = self.host.stop.cancelled() => return Err(Ended::Stopping),
            sent = timeout(STUCK, outlet.send(unit)) => sent.map_err(|_| Ended::Overrun)??,
        }
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
            let mut unheard = vec![0; READ_BYTES];
            while socket.read(&mut unheard).await? > 0 {}
            Ok::<_, std::io::Error>(())
        };
        // An encoder that does not wait for it has no use for it.
        let _ = timeout(FAREWELL, farewell).await;
    }
}
