//! The store: one task owns the window, everybody else holds a [`Store`] and asks.
//!
//! Whoever waits for a chunk is woken by the insertion itself, so nothing can be missed in between. Whoever
//! follows all insertions does so through [`Arrivals`], which is bounded and says so when it has lost count.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info_span};
use wire::announcement::Carried;
use wire::chunk::{Chunk, ChunkRecord};
use wire::id::ChunkId;

use crate::window::{Refused, Segment, SegmentName, Verdict, Window};

/// Requests under way before who asks has to wait.
const MAILBOX: usize = 256;

/// Arrivals that a slow follower may fall behind. They are the newest chunks, which the window holds too.
const ARRIVALS: usize = 256;

/// Who may wait for chunks at a time, all together.
const MAX_WAITING: usize = 16_384;

/// How often the window lets go of what time alone has made old.
const TIDY: Duration = Duration::from_secs(1);

/// The handle to the store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    mailbox: mpsc::Sender<Request>,
    arrivals: broadcast::WeakSender<Chunk>,
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
    Wait(ChunkId, oneshot::Sender<Chunk>),
    Look(Box<dyn FnOnce(&Window) + Send>),
}

impl Store {
    /// Starts the task. It ends at `stop`, or when the last handle is dropped.
    pub fn spawn(tasks: &TaskTracker, stop: CancellationToken, window: Window) -> Self {
        let (mailbox, requests) = mpsc::channel(MAILBOX);
        let (arrivals, _) = broadcast::channel(ARRIVALS);
        let weak = arrivals.downgrade();
        let task = Task {
            window,
            arrivals,
            waiting: HashMap::new(),
        };
        tasks.spawn(task.run(requests, stop).instrument(info_span!("store")));
        Self {
            mailbox,
            arrivals: weak,
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
        self.look(move |window| window.chunk(&id).cloned()).await?
    }

    /// The chunk of that name, now or when it comes, if it comes in time.
    pub async fn wait(&self, id: ChunkId, within: Duration) -> Option<Chunk> {
        let (reply, chunk) = oneshot::channel();
        self.mailbox.send(Request::Wait(id, reply)).await.ok()?;
        timeout(within, self.answered(chunk)).await.ok()?
    }

    /// A segment: all of it, or its beginning as far as it is here.
    pub async fn segment(&self, name: SegmentName) -> Option<Segment> {
        self.look(move |window| window.segment(&name)).await?
    }

    /// The newest chunk of the track that `name` is a segment of.
    pub async fn newest_of_track(&self, name: SegmentName) -> Option<Chunk> {
        self.look(move |window| window.newest_of_track(&name).cloned())
            .await?
    }

    /// Everything that is here: init segments first, then the newest segment first.
    pub async fn held(&self) -> Vec<Chunk> {
        self.look(Window::held).await.unwrap_or_default()
    }

    /// Each channel's epoch, with its newest whole segment.
    pub async fn carried(&self) -> Vec<Carried> {
        self.look(Window::carried).await.unwrap_or_default()
    }

    /// Bytes held.
    pub async fn bytes(&self) -> usize {
        self.look(Window::bytes).await.unwrap_or_default()
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
        F: FnOnce(&Window) -> T + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        // Who asked may have gone: then nobody misses the answer.
        let look = move |window: &Window| drop(reply.send(question(window)));
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

struct Task {
    window: Window,
    arrivals: broadcast::Sender<Chunk>,
    waiting: HashMap<ChunkId, Vec<oneshot::Sender<Chunk>>>,
}

impl Task {
    async fn run(mut self, mut requests: mpsc::Receiver<Request>, stop: CancellationToken) {
        // Without its store a program is an empty shell: whatever ends the task ends the program.
        let _end = stop.clone().drop_guard();
        let mut tidy = interval(TIDY);
        tidy.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                request = requests.recv() => match request {
                    Some(request) => self.answer(request),
                    None => return,
                },
                _ = tidy.tick() => self.tidy(),
            }
        }
    }

    fn answer(&mut self, request: Request) {
        match request {
            Request::Insert(chunk, reply) => {
                let verdict = self.window.insert(chunk.clone(), SystemTime::now());
                if verdict == Ok(Verdict::New) {
                    self.tell(chunk);
                }
                let _ = reply.send(verdict);
            }
            Request::Wait(id, reply) => match self.window.chunk(&id) {
                Some(chunk) => {
                    let _ = reply.send(chunk.clone());
                }
                None => self.keep_waiting(id, reply),
            },
            Request::Look(look) => look(&self.window),
        }
    }

    fn tell(&mut self, chunk: Chunk) {
        for waiting in self.waiting.remove(chunk.id()).unwrap_or_default() {
            let _ = waiting.send(chunk.clone());
        }
        // Nobody follows: nobody has to be told.
        let _ = self.arrivals.send(chunk);
    }

    fn keep_waiting(&mut self, id: ChunkId, reply: oneshot::Sender<Chunk>) {
        let waiting: usize = self.waiting.values().map(Vec::len).sum();
        if waiting < MAX_WAITING {
            self.waiting.entry(id).or_default().push(reply);
        }
    }

    fn tidy(&mut self) {
        self.window.expire(SystemTime::now());
        self.waiting.retain(|_, waiting| {
            waiting.retain(|reply| !reply.is_closed());
            !waiting.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Handle;

    use super::*;
    use crate::window::samples::{CHUNKS, chunk, segment, video};

    fn store() -> (Store, CancellationToken) {
        let stop = CancellationToken::new();
        (
            Store::spawn(&TaskTracker::new(), stop.clone(), Window::default()),
            stop,
        )
    }

    #[tokio::test]
    async fn who_waits_for_a_chunk_gets_it_when_it_comes() {
        let (store, _stop) = store();
        let first = video(1).chunk(0);
        let minute = Duration::from_mins(1);
        let (waited, inserted) = tokio::join!(
            store.wait(first.clone(), minute),
            store.insert(chunk(first.clone()))
        );
        assert_eq!(inserted, Ok(Verdict::New));
        assert_eq!(waited.unwrap().id(), &first);
        assert_eq!(
            store.wait(first.clone(), Duration::ZERO).await.unwrap().id(),
            &first
        );
        assert!(
            store
                .wait(video(1).chunk(1), Duration::from_millis(1))
                .await
                .is_none()
        );
    }

    #[tokio::test]
    async fn every_insertion_is_told_once_in_its_order() {
        let (store, _stop) = store();
        let mut arrivals = store.arrivals();
        for chunk in segment(&video(1)) {
            store.insert(chunk.clone()).await.unwrap();
            assert_eq!(store.insert(chunk).await, Ok(Verdict::Duplicate));
        }
        for index in 0..CHUNKS {
            let Some(Arrival::Chunk(chunk)) = arrivals.next().await else {
                panic!("a chunk")
            };
            assert_eq!(chunk.id(), &video(1).chunk(index));
        }
    }

    #[tokio::test]
    async fn a_slow_follower_is_told_that_it_missed_some() {
        let (store, _stop) = store();
        let mut arrivals = store.arrivals();
        let segments = u32::try_from(ARRIVALS).unwrap() / u32::from(CHUNKS) + 1;
        for number in 1..=segments {
            for chunk in segment(&video(number)) {
                store.insert(chunk).await.unwrap();
            }
        }
        assert!(matches!(arrivals.next().await, Some(Arrival::Missed(4))));
        assert!(matches!(arrivals.next().await, Some(Arrival::Chunk(_))));
    }

    #[tokio::test]
    async fn a_store_that_fails_ends_the_program() {
        let (store, stop) = store();
        let fails = store.look(|_| -> () { panic!("a fault in the window") });
        assert_eq!(fails.await, None);
        stop.cancelled().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn nobody_waits_for_a_store_that_ends_at_that_moment() {
        for _ in 0..300 {
            let (store, stop) = store();
            let asking = (0..3).map(|_| {
                let (store, stop) = (store.clone(), stop.clone());
                tokio::task::spawn_blocking(move || {
                    Handle::current().block_on(async {
                        while !stop.is_cancelled() {
                            store.carried().await;
                        }
                        store.carried().await;
                    });
                })
            });
            let asking: Vec<_> = asking.collect();
            stop.cancel();
            for asked in asking {
                timeout(Duration::from_secs(10), asked)
                    .await
                    .expect("an answer")
                    .unwrap();
            }
        }
    }

    #[tokio::test]
    async fn a_store_that_has_ended_says_so() {
        let (store, stop) = store();
        let mut arrivals = store.arrivals();
        stop.cancel();
        assert!(arrivals.next().await.is_none());
        assert_eq!(
            store.insert(chunk(video(1).chunk(0))).await,
            Err(Refused::Stopping)
        );
        assert!(store.held().await.is_empty());
        assert!(store.arrivals().next().await.is_none());
    }
}
