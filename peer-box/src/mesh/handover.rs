//! How chunks pass between neighbours: a want, an answer, and the parts of the chunk.
//!
//! Each want has a task of its own at both ends, which the node starts, answers, and hears from. A chunk is handed on as
//! soon as its first part is here, the rest as it comes.

mod fetch;
mod serve;

use std::time::Duration;

use libp2p::PeerId;
use program::lifecycle::Lifecycle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::exchange::Want;
use wire::id::{BoxId, ChunkId};
use wire::seal::Refusal;

use super::pacer::Pacer;
use super::parcel::Parcel;
use super::schedule::Worth;
use super::talk::Line;
use crate::counts::Counts;
use fetch::Fetch;
pub(super) use serve::Servant;

/// Events of all wants together before their tasks have to wait.
const EVENTS: usize = 256;

/// Longer than the schedule waits for anything: its own deadlines come first.
const STUCK: Duration = Duration::from_secs(8);

/// What becomes of a want.
#[derive(Debug)]
pub(super) enum Event {
    /// A neighbour wants a chunk; what to answer goes back by the sender.
    Wanted(PeerId, Want, Answer),
    /// The last parts leave for it.
    Sent(PeerId, ChunkId),
    /// It was its turn, and it said nothing.
    Silent(PeerId, ChunkId),
    /// It was not served to the end, or waits no longer.
    Broke(PeerId, ChunkId),
    /// A neighbour that was asked, and what came of it.
    Fetched(PeerId, ChunkId, Outcome),
}

/// Where an answer goes: [`Reply::Wait`] and another, or another alone.
pub(super) type Answer = mpsc::Sender<Reply>;

/// What to answer to a want.
#[derive(Debug)]
pub(super) enum Reply {
    /// The chunk, to whom it goes, and what that is worth.
    Here(BoxId, Parcel, Worth),
    Wait,
    Busy,
    Gone,
}

/// What comes of a want.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It lets this box wait for its turn.
    Waits,
    /// Parts will follow.
    Begins,
    /// Its turn came when another had begun.
    Declined,
    Busy,
    Gone,
    /// So many bytes came, in parts that are what they should be.
    Comes(usize),
    /// As [`Outcome::Comes`], and these are the last of the chunk.
    Whole(usize),
    /// It was not answered, or not to the end.
    Failed,
    /// What came is not what was sealed: here it is.
    Refused(Refusal, Vec<u8>),
}

/// All wants, of this box and of its neighbours.
pub(super) struct Handover {
    pacer: Pacer,
    counts: Counts,
    tasks: TaskTracker,
    stop: CancellationToken,
    sender: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
}

impl Handover {
    /// None yet.
    pub(super) fn new(pacer: Pacer, counts: Counts, life: &Lifecycle) -> Self {
        let (sender, events) = mpsc::channel(EVENTS);
        Self {
            pacer,
            counts,
            tasks: life.tasks.clone(),
            stop: life.stop.child_token(),
            sender,
            events,
        }
    }

    /// Who serves what neighbours want.
    pub(super) fn servant(&self) -> Servant {
        Servant {
            pacer: self.pacer.clone(),
            counts: self.counts.clone(),
            events: self.sender.clone(),
        }
    }

    /// The next event.
    pub(super) async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// Asks a neighbour for what of the chunk is not here. It is asked no more once the token is cancelled.
    pub(super) fn fetch(
        &self,
        (peer, line): (PeerId, Line),
        id: ChunkId,
        parcel: Parcel,
        hands_on: bool,
    ) -> CancellationToken {
        let end = self.stop.child_token();
        let fetch = Fetch {
            peer,
            id,
            parcel,
            hands_on,
            events: self.sender.clone(),
        };
        let (ended, fetching) = (end.clone(), fetch.run(line));
        self.tasks
            .spawn(async move { ended.run_until_cancelled(fetching).await });
        end
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
