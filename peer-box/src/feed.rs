//! The feed: what origins push to this box over ZeroMQ is verified, stored and answered.
//!
//! libzmq blocks, so its sockets live on a thread of their own ([`socket`]). A peer gets as far as its bytes
//! carry it: its address has to be one that a tracker named ([`gate`]), its first words a hello from an origin
//! ([`admission`]), and each chunk's seal has to open ([`Judge`]).

mod admission;
mod gate;
mod inbox;
mod receipts;
mod socket;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use bytes::Bytes;
use program::lifecycle::Lifecycle;
use program::listen::ListenError;
use program::store::Store;
use program::window::{Refused, Verdict};
use tokio::sync::mpsc;
use tracing::{debug, error};
use wire::chunk::Seal;
use wire::feed::{Answer, FromOrigin};
use wire::id::{BoxId, ChunkId};

use crate::clock::Clock;
use crate::counts::Counts;
use crate::news::{Following, News, Unopened};
use crate::nudge::Nudge;
use admission::Admission;
use socket::Sockets;

/// What the feed takes from, and gives to, the rest of the box.
pub(crate) struct Surroundings {
    /// This box.
    pub(crate) me: BoxId,
    /// Where chunks are kept.
    pub(crate) store: Store,
    /// What the trackers told.
    pub(crate) news: Following,
    /// The time by which a hello is judged.
    pub(crate) clock: Clock,
    /// Asks the trackers when an origin or a channel is not known here.
    pub(crate) nudge: Nudge,
    /// What is counted.
    pub(crate) counts: Counts,
    /// Where news go that are for everybody.
    pub(crate) tell: mpsc::Sender<Bytes>,
}

/// A port for origins, bound and not yet served.
pub(crate) struct Bound {
    sockets: Sockets,
    address: SocketAddr,
}

impl Bound {
    /// Binds the port.
    pub(crate) fn listen(address: SocketAddr) -> Result<Self, ListenError> {
        let (sockets, address) = Sockets::bind(address)?;
        Ok(Self { sockets, address })
    }

    /// Where origins connect.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts the thread. It ends at the stop of `life`.
    pub(crate) fn spawn(self, around: Surroundings, life: &Lifecycle) {
        let stop = life.stop.clone();
        let runtime = tokio::runtime::Handle::current();
        let thread = life.tasks.spawn_blocking({
            let stop = stop.clone();
            move || self.sockets.run(Judge::new(around), &runtime, &stop)
        });
        life.tasks.spawn(async move {
            if let Err(failure) = thread.await {
                error!(%failure, "the feed has ended, the box goes with it");
                stop.cancel();
            }
        });
    }
}

/// Decides what each message is answered.
struct Judge {
    around: Surroundings,
    admission: Admission,
}

impl Judge {
    fn new(around: Surroundings) -> Self {
        let admission = Admission::new(around.me);
        Self { around, admission }
    }

    /// The answer to a message of these frames from the peer with this routing id.
    async fn answer(&mut self, peer: &[u8], frames: Vec<Bytes>) -> Answer {
        let news = self.around.news.borrow().clone();
        let answer = match FromOrigin::parse(frames) {
            Ok(FromOrigin::Hello(hello)) => {
                let keys = news.origin_keys();
                match self
                    .admission
                    .hello(peer, &hello, &keys, self.around.clock.now_ms())
                {
                    Ok(()) => Answer::Welcome,
                    Err(why) => Answer::Unwelcome(why.to_string()),
                }
            }
            Ok(FromOrigin::Chunk(..) | FromOrigin::News(_)) if !self.admission.is_welcome(peer) => {
                Answer::Unwelcome("say hello first".into())
            }
            Ok(FromOrigin::Chunk(seal, bytes)) => match seal.claimed() {
                Ok(record) => self.take(&news, record.id, &seal, bytes).await,
                Err(refusal) => Answer::Unwelcome(refusal.to_string()),
            },
            Ok(FromOrigin::News(bytes)) => self.hear(&news, bytes),
            Err(refusal) => {
                self.admission.forget(peer);
                Answer::Unwelcome(refusal.to_string())
            }
        };
        if let Answer::Unwelcome(reason) = &answer {
            debug!(reason, "a message on the feed was refused");
            // It may be an origin that no tracker has told of yet.
            self.around.nudge.give();
        }
        answer
    }

    async fn take(&self, news: &News, id: ChunkId, seal: &Seal, bytes: Bytes) -> Answer {
        match self.store(news, &id, seal, bytes).await {
            Ok(Verdict::New) => {
                self.around.counts.accepted_from_origin();
                Answer::Received(id)
            }
            Ok(Verdict::Duplicate) => Answer::Received(id),
            Err(untaken) => {
                let reason = untaken.reason();
                debug!(chunk = %id, reason, "a chunk on the feed was refused");
                self.around.counts.refused(reason);
                if matches!(untaken, Untaken::Unopened(Unopened::UnknownChannel(_))) {
                    self.around.nudge.give();
                }
                Answer::Refused(id, reason.into())
            }
        }
    }

    /// News of a channel are for every box: they are passed on by the mesh.
    fn hear(&self, known: &News, bytes: Bytes) -> Answer {
        let opened = wire::news::News::claimed(&bytes).and_then(|claimed| {
            let keys = known.keys_of(&claimed.channel).unwrap_or_default();
            wire::news::News::open(&bytes, keys)
        });
        match opened {
            // When there is no room they go by another seed.
            Ok(_) => {
                let _ = self.around.tell.try_send(bytes);
                Answer::Heard
            }
            Err(refusal) => {
                let reason = refusal.reason();
                debug!(reason, "news on the feed were refused");
                Answer::Unheard(reason.into())
            }
        }
    }

    /// Verifies and stores; the small seal is opened before the large chunk.
    async fn store(&self, news: &News, id: &ChunkId, seal: &Seal, bytes: Bytes) -> Result<Verdict, Untaken> {
        let record = news.open_seal(seal)?;
        if self.around.store.judge(record).await? == Verdict::Duplicate {
            return Ok(Verdict::Duplicate);
        }
        let chunk = news.open_chunk(id, bytes)?;
        Ok(self.around.store.insert(chunk).await?)
    }
}

/// Why a chunk was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Untaken {
    #[error(transparent)]
    Unopened(#[from] Unopened),
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl Untaken {
    /// The reason in one word, as the origin is told.
    fn reason(&self) -> &'static str {
        match self {
            Self::Unopened(unopened) => unopened.reason(),
            Self::Refused(refused) => refused.reason(),
        }
    }
}
