//! Serving: a want comes in, parts go out as the uplink carries them.

use std::io;

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::{PeerId, Stream};
use libp2p_stream::IncomingStreams;
use tokio::sync::mpsc;
use tokio::time::{Duration, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;
use wire::exchange::{Request, Response, Want};
use wire::id::{BoxId, ChunkId};
use wire::seal::Refusal;

use super::super::codec::read_frame;
use super::super::pacer::{NEARLY_DONE, Order, Pacer};
use super::super::parcel::Parcel;
use super::super::schedule::{Worth, is_small};
use super::{Event, Reply, STUCK};
use crate::counts::Counts;

/// A want is a name and a number.
const MAX_WANT_BYTES: usize = 256;

/// Whose turn it is has so long to say that it takes the chunk.
const GO: Duration = Duration::from_millis(500);

/// A want is answered once, and before that perhaps by a wait.
const ANSWERS: usize = 2;

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
        let want = match timeout(STUCK, read_want(&mut stream)).await {
            Ok(Ok(Ok(want))) => want,
            Ok(Ok(Err(refusal))) => return self.tell(Event::Nonsense(peer, refusal)).await,
            // It said nothing, and gets nothing.
            Ok(Err(_)) | Err(_) => return,
        };
        let (id, here) = (want.id.clone(), want.here);
        let (reply, mut answers) = mpsc::channel(ANSWERS);
        self.tell(Event::Wanted(peer, want, reply)).await;
        let mut answer = answers.recv().await.unwrap_or(Reply::Busy);
        let has_waited = matches!(answer, Reply::Wait);
        if has_waited {
            let Ok(turn) = wait_for(&mut answers, &mut stream).await else {
                return self.tell(Event::Broke(peer, id)).await;
            };
            answer = turn;
        }
        let (response, given) = match answer {
            Reply::Here(to, parcel, worth) => (Response::Here, Some((to, parcel, worth))),
            Reply::Busy | Reply::Wait => (Response::Busy, None),
            Reply::Gone => (Response::Gone, None),
        };
        let is_given = given.is_some();
        let answered = async {
            stream.write_all(&[response.encode()]).await?;
            let Some((to, parcel, worth)) = given else {
                stream.flush().await?;
                return stream.close().await;
            };
            let from = if has_waited {
                read_go(&mut stream).await?
            } else {
                here
            };
            let given = Given {
                peer,
                to,
                id: &id,
                parcel: &parcel,
                worth,
            };
            self.give(&mut stream, given, from.into()).await?;
            stream.close().await
        };
        let answered = answered.await;
        if let Err(error) = &answered {
            debug!(%peer, %error, "an answer did not get through");
            if is_given {
                let is_silent = error.kind() == io::ErrorKind::TimedOut;
                let event = if is_silent { Event::Silent } else { Event::Broke };
                self.tell(event(peer, id)).await;
            }
        }
    }

    /// Sends the parts from that number on, each when it is here and its turn has come.
    async fn give(&self, stream: &mut Stream, given: Given<'_>, from: usize) -> io::Result<()> {
        let Given {
            peer,
            to,
            id,
            parcel,
            worth,
        } = given;
        let count = parcel.count();
        let mut is_told = false;
        for number in from..count {
            if !is_told && count - number <= NEARLY_DONE {
                // Until these have left, the next has heard that it is its turn: the uplink need not wait for that.
                is_told = true;
                self.tell(Event::Sent(peer, id.clone())).await;
            }
            let Ok(Some(part)) = timeout(STUCK, parcel.part(number)).await else {
                // That is all there is: the end of the stream says so.
                stream.close().await?;
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            #[cfg(feature = "faults")]
            let part = crate::faults::spoil(part).await;
            let order = if is_small(parcel.size()) {
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

/// What is given to whom.
struct Given<'a> {
    peer: PeerId,
    to: BoxId,
    id: &'a ChunkId,
    parcel: &'a Parcel,
    worth: Worth,
}

/// The answer after a wait. Fails when who asked waits for it no longer.
async fn wait_for(answers: &mut mpsc::Receiver<Reply>, stream: &mut Stream) -> io::Result<Reply> {
    stream.write_all(&[Response::Wait.encode()]).await?;
    stream.flush().await?;
    let mut nothing = [0; 1];
    tokio::select! {
        answer = answers.recv() => Ok(answer.unwrap_or(Reply::Busy)),
        // Nothing is to be said meanwhile: this is the end of the stream, or no want.
        _ = stream.read(&mut nothing) => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Of whom the chunk is taken after a wait hears so: the parts that are there by now.
async fn read_go(stream: &mut Stream) -> io::Result<u16> {
    stream.flush().await?;
    let mut here = [0; 2];
    timeout(GO, stream.read_exact(&mut here)).await??;
    Ok(u16::from_be_bytes(here))
}

async fn read_want(stream: &mut Stream) -> io::Result<Result<Want, Refusal>> {
    let frame = read_frame(stream, "want", MAX_WANT_BYTES).await?;
    Ok(frame.and_then(|frame| match Request::decode(&frame)? {
        Request::Want(want) => Ok(want),
        _ => Err(Refusal::Malformed {
            what: "want",
            why: "of another kind".into(),
        }),
    }))
}
