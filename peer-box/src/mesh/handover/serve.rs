//! Serving: a want comes in, parts go out as the uplink carries them.

use std::io;

use futures::{AsyncWriteExt, StreamExt};
use libp2p::{PeerId, Stream};
use libp2p_stream::IncomingStreams;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;
use wire::exchange::{Request, Response};
use wire::id::{BoxId, ChunkId};
use wire::seal::Refusal;

use super::super::codec::read_frame;
use super::super::pacer::{Order, Pacer};
use super::super::parcel::Parcel;
use super::super::schedule::Worth;
use super::{Event, Reply, STUCK};
use crate::counts::Counts;

/// A want is a name and a number.
const MAX_WANT_BYTES: usize = 256;

/// What it takes to serve.
#[derive(Clone)]
pub(super) struct Servant {
    pub(super) pacer: Pacer,
    pub(super) counts: Counts,
    pub(super) events: mpsc::Sender<Event>,
}

/// Serves each stream that a neighbour opens.
pub(super) async fn listen(
    mut streams: IncomingStreams,
    servant: Servant,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    while let Some(Some((peer, stream))) = stop.run_until_cancelled(streams.next()).await {
        let (servant, stop) = (servant.clone(), stop.clone());
        tasks.spawn(async move { stop.run_until_cancelled(servant.serve(peer, stream)).await });
    }
}

impl Servant {
    async fn serve(self, peer: PeerId, mut stream: Stream) {
        let id = match timeout(STUCK, read_want(&mut stream)).await {
            Ok(Ok(Ok(want))) => want,
            Ok(Ok(Err(refusal))) => return self.tell(Event::Nonsense(peer, refusal)).await,
            // It said nothing, and gets nothing.
            Ok(Err(_)) | Err(_) => return,
        };
        let (id, here) = id;
        let (reply, answer) = oneshot::channel();
        self.tell(Event::Wanted(peer, id.clone(), reply)).await;
        let answer = answer.await.unwrap_or(Reply::Gone);
        let (response, given) = match answer {
            Reply::Here(to, parcel, worth) => (Response::Here, Some((to, parcel, worth))),
            Reply::Busy => (Response::Busy, None),
            Reply::Gone => (Response::Gone, None),
        };
        let is_given = given.is_some();
        let answered = async {
            stream.write_all(&[response.encode()]).await?;
            if let Some((to, parcel, worth)) = given {
                self.give(&mut stream, to, &parcel, worth, here.into()).await?;
            } else {
                stream.flush().await?;
            }
            stream.close().await
        };
        let answered = answered.await;
        if let Err(error) = &answered {
            debug!(%peer, %error, "an answer did not get through");
        }
        if is_given {
            let event = match answered {
                Ok(()) => Event::Sent(peer, id),
                Err(_) => Event::Broke(peer, id),
            };
            self.tell(event).await;
        }
    }

    /// Sends the parts from that number on, each when it is here and its turn has come.
    async fn give(
        &self,
        stream: &mut Stream,
        to: BoxId,
        parcel: &Parcel,
        worth: Worth,
        from: usize,
    ) -> io::Result<()> {
        let count = parcel.count();
        for number in from..count {
            let Ok(Some(part)) = timeout(STUCK, parcel.part(number)).await else {
                // That is all there is: the end of the stream says so.
                stream.close().await?;
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            #[cfg(feature = "faults")]
            let part = crate::faults::spoil(part).await;
            let order = if count == 1 {
                Order::SMALL
            } else {
                Order::of(worth, count - number)
            };
            self.pacer.turn(order, part.len()).await;
            let sent = async {
                stream.write_all(&part).await?;
                stream.flush().await
            };
            timeout(STUCK, sent).await??;
            self.counts.sent_to_neighbour(to, part.len());
        }
        Ok(())
    }

    async fn tell(&self, event: Event) {
        // Where nobody listens to events the node has ended.
        let _ = self.events.send(event).await;
    }
}

async fn read_want(stream: &mut Stream) -> io::Result<Result<(ChunkId, u16), Refusal>> {
    let frame = read_frame(stream, "want", MAX_WANT_BYTES).await?;
    Ok(frame.and_then(|frame| match Request::decode(&frame)? {
        Request::Want(id, here) => Ok((id, here)),
        _ => Err(Refusal::Malformed {
            what: "want",
            why: "of another kind".into(),
        }),
    }))
}
