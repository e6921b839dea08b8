//! The store: one task owns the window, everybody else holds a [`Store`] and asks.
//!
//! Whoever waits for a chunk is woken by the insertion itself, so nothing can be missed in between. Whoever
//! follows all insertions does so through [`Arrivals`], which is bounded and says so when it has lost count. Where chunks
//! are on disk, whoever asks reads them there: the task never waits for a disk.

mod reading;
mod task;
#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info_span};
use wire::announcement::Carried;
use wire::chunk::{Chunk, ChunkRecord, Verified};
use wire::id::{ChannelName, ChunkId, Epoch};

use crate::disk::Shelf;
use crate::window::{Kept, Refused, Segment, SegmentName, Verdict, Window};
use reading::Readers;
use task::Task;

/// Requests under way before who asks has to wait.
const MAILBOX: usize = 256;

/// Arrivals that a slow follower may fall behind. They are the newest chunks, which the window holds too.
const ARRIVALS: usize = 256;

/// The handle to the store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    mailbox: mpsc::Sender<Request>,
    arrivals: broadcast::WeakSender<Chunk>,
    readers: Readers,
}

/// Chunks as they are inserted.
#[derive(Debug)]
pub struct Arrivals(broadcast::Receiver<Chunk>);

/// What a follower of insertions hears.
#[derive(Clone, Debug)]
pub enum Arrival {
    /// A chunk was inserted.
    Chunk(Chunk),
    /// The follower was too slow, and this many insertions passed it by: [`Store::held`] tells what is here.
    Missed(u64),
}

impl Arrivals {
    /// The next insertion, in the order in which they were made; `None` once the store has ended.
    pub async fn next(&mut self) -> Option<Arrival> {
        match self.0.recv().await {
            Ok(chunk) => Some(Arrival::Chunk(chunk)),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Arrival::Missed(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

enum Request {
    Insert(Chunk, oneshot::Sender<Result<Verdict, Refused>>),
    Wait(ChunkId, oneshot::Sender<Kept>),
    Look(Box<dyn FnOnce(&mut Window) + Send>),
}

impl Store {
    /// Starts the task. It ends at `stop`, or when the last handle is dropped.
    pub fn spawn(tasks: &TaskTracker, stop: CancellationToken, window: Window) -> Self {
        Self::on(None, tasks, stop, window)
    }

    /// As [`Store::spawn`], with chunks on disk too, as many as the window's limits allow there.
    pub fn on_disk(tasks: &TaskTracker, stop: CancellationToken, window: Window, shelf: Shelf) -> Self {
        Self::on(Some(shelf), tasks, stop, window)
    }

    fn on(shelf: Option<Shelf>, tasks: &TaskTracker, stop: CancellationToken, window: Window) -> Self {
        let (mailbox, requests) = mpsc::channel(MAILBOX);
        let (arrivals, _) = broadcast::channel(ARRIVALS);
        let weak = arrivals.downgrade();
        let disk = shelf.map(|shelf| shelf.spawn(tasks, stop.clone()));
        let task = Task::new(window, arrivals, disk);
        tasks.spawn(task.run(requests, stop).instrument(info_span!("store")));
        Self {
            mailbox,
            arrivals: weak,
            readers: Readers::default(),
        }
    }

    /// Keeps a chunk, and tells those who wait for it or follow all.
    pub async fn insert(&self, chunk: Chunk) -> Result<Verdict, Refused> {
        let (reply, verdict) = oneshot::channel();
        let sent = self.mailbox.send(Request::Insert(chunk, reply)).await;
        sent.map_err(|_| Refused::Stopping)?;
        self.answered(verdict).await.unwrap_or(Err(Refused::Stopping))
    }

    /// Whether a chunk with this record is worth fetching.
    pub async fn judge(&self, record: ChunkRecord) -> Result<Verdict, Refused> {
        let judged = self
            .look(move |window| window.judge(&record, SystemTime::now()))
            .await;
        judged.unwrap_or(Err(Refused::Stopping))
    }

    /// The chunk of that name.
    pub async fn chunk(&self, id: ChunkId) -> Option<Chunk> {
        let kept = self.kept(id).await?;
        self.read(kept).await
    }

    /// The chunk of that name, which a viewer asks for.
    pub async fn part(&self, name: SegmentName, index: u16) -> Option<Chunk> {
        let kept = self.look(move |window| {
            window.asked(&name, SystemTime::now());
            window.chunk(&name.chunk(index)).cloned()
        });
        self.read(kept.await??).await
    }

    async fn kept(&self, id: ChunkId) -> Option<Kept> {
        self.look(move |window| window.chunk(&id).cloned()).await?
    }

    /// The chunk of that name, now or when it comes, if it comes in time.
    pub async fn wait(&self, id: ChunkId, within: Duration) -> Option<Chunk> {
        let (reply, chunk) = oneshot::channel();
        self.mailbox.send(Request::Wait(id, reply)).await.ok()?;
        let kept = timeout(within, self.answered(chunk)).await.ok()?;
        self.read(kept?).await
    }

    /// A segment, which a viewer asks for: all of it, or its beginning as far as it is here.
    pub async fn segment(&self, name: SegmentName) -> Option<Segment> {
        let segment = self.look(move |window| {
            window.asked(&name, SystemTime::now());
            window.segment(&name)
        });
        self.read_all(segment.await??).await
    }

    /// The record of the newest chunk of the track that `name` is a segment of.
    pub async fn newest_of_track(&self, name: SegmentName) -> Option<ChunkRecord> {
        let newest = self.look(move |window| window.newest_of_track(&name).map(|kept| kept.record().clone()));
        newest.await?
    }

    /// Everything that is here, but for the bytes: init segments first, then the newest segment first.
    pub async fn held(&self) -> Vec<Verified> {
        self.look(|window| window.held()).await.unwrap_or_default()
    }

    /// Each channel's epoch, with its newest whole segment.
    pub async fn carried(&self) -> Vec<Carried> {
        self.look(|window| window.carried()).await.unwrap_or_default()
    }

    /// Lets go of an epoch, by its origin's word, and takes nothing of it from now on.
    pub async fn take_down(&self, channel: ChannelName, epoch: Epoch) {
        self.look(move |window| window.take_down(&channel, epoch)).await;
    }

    /// Whether the epoch was taken down.
    pub async fn is_taken_down(&self, channel: ChannelName, epoch: Epoch) -> bool {
        let asked = self.look(move |window| window.is_taken_down(&channel, epoch));
        asked.await.unwrap_or_default()
    }

    /// Bytes held in memory.
    pub async fn bytes(&self) -> usize {
        self.look(|window| window.bytes()).await.unwrap_or_default()
    }

    /// Bytes held on disk.
    pub async fn disk_bytes(&self) -> usize {
        self.look(|window| window.disk_bytes()).await.unwrap_or_default()
    }

    /// Every insertion from now on. To know all chunks, call this first and [`Store::held`] after it.
    pub fn arrivals(&self) -> Arrivals {
        let following = self.arrivals.upgrade().map(|arrivals| arrivals.subscribe());
        // Of a store that has ended: a sender that is gone.
        Arrivals(following.unwrap_or_else(|| broadcast::channel(1).1))
    }

    /// Answers a question from the window; `None` when the store has ended.
    async fn look<T, F>(&self, question: F) -> Option<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Window) -> T + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        // Who asked may have gone: then nobody misses the answer.
        let look = move |window: &mut Window| drop(reply.send(question(window)));
        self.mailbox.send(Request::Look(Box::new(look))).await.ok()?;
        self.answered(answer).await
    }

    /// What the task answered; `None` when it has ended.
    ///
    /// A request that slips into the mailbox just as the task lets go of it is neither answered nor dropped, so
    /// the end of the task is watched too.
    async fn answered<T>(&self, answer: oneshot::Receiver<T>) -> Option<T> {
        tokio::select! {
            biased;
            answer = answer => answer.ok(),
            () = self.mailbox.closed() => None,
        }
    }
}
