//! What is multiplexed is carried by a task of its own.
//!
//! By itself libp2p reads a connection in the task that also asks each behaviour, and each protocol's name, at each wake:
//! a packet of a chunk that is half here would cost as much as a new stream. Here packets wake a task that knows of
//! streams alone, and the connection's task is woken for streams that begin and for the end.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::future::poll_fn;
use futures::task::AtomicWaker;
use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent, StreamMuxerExt};
use tokio_util::task::TaskTracker;

/// Streams that neighbours opened and that nobody has taken yet: beyond these the multiplexer keeps its own count.
const WAITING: usize = 32;

/// A multiplexer that another task carries.
pub(super) struct Driven<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    between: Mutex<Between<S>>,
    /// Wakes who carries the multiplexer.
    driver: AtomicWaker,
}

/// What passes between the connection and who carries it.
struct Between<S> {
    opened_there: VecDeque<S>,
    opened_here: Option<S>,
    wishes: bool,
    stage: Stage,
    /// Wakes the connection.
    connection: Option<Waker>,
}

enum Stage {
    Runs,
    /// The connection asks for an orderly end.
    Closes,
    /// The connection is gone.
    Abandoned,
    /// Nothing is carried any more. What went wrong is told once.
    Ended(Option<io::Error>),
}

impl<S: Send + 'static> Driven<S> {
    /// Lets a task of `tasks` carry a multiplexer that makes all progress there is to make when it is asked for a stream
    /// that was opened there, as yamux does. The task ends with the connection.
    pub(super) fn new<M>(muxer: M, tasks: &TaskTracker) -> Self
    where
        M: StreamMuxer<Substream = S, Error: Send + Sync + 'static> + Send + Unpin + 'static,
    {
        let shared = Arc::new(Shared {
            between: Mutex::new(Between {
                opened_there: VecDeque::new(),
                opened_here: None,
                wishes: false,
                stage: Stage::Runs,
                connection: None,
            }),
            driver: AtomicWaker::new(),
        });
        tasks.spawn(carry(muxer, shared.clone()));
        Self { shared }
    }
}

impl<S> Shared<S> {
    fn between(&self) -> MutexGuard<'_, Between<S>> {
        // Nothing is left half done where a panic could leave it.
        self.between.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Between<S> {
    fn wake(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.wake();
        }
    }

    /// What there is to say of the end; otherwise the connection waits.
    fn waits<T>(&mut self, cx: &Context<'_>) -> Poll<io::Result<T>> {
        if let Stage::Ended(error) = &mut self.stage {
            let error = error.take();
            return Poll::Ready(Err(error.unwrap_or_else(|| io::ErrorKind::NotConnected.into())));
        }
        if self
            .connection
            .as_ref()
            .is_none_or(|known| !known.will_wake(cx.waker()))
        {
            self.connection = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl<S> Drop for Driven<S> {
    fn drop(&mut self) {
        self.shared.between().stage = Stage::Abandoned;
        self.shared.driver.wake();
    }
}

impl<S: futures::AsyncRead + futures::AsyncWrite> StreamMuxer for Driven<S> {
    type Substream = S;
    type Error = io::Error;

    fn poll_inbound(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<S>> {
        let mut between = self.shared.between();
        let was_full = between.opened_there.len() >= WAITING;
        let Some(stream) = between.opened_there.pop_front() else {
            return between.waits(cx);
        };
        if was_full {
            self.shared.driver.wake();
        }
        Poll::Ready(Ok(stream))
    }

    fn poll_outbound(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<S>> {
        let mut between = self.shared.between();
        if let Some(stream) = between.opened_here.take() {
            return Poll::Ready(Ok(stream));
        }
        if !std::mem::replace(&mut between.wishes, true) {
            self.shared.driver.wake();
        }
        between.waits(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut between = self.shared.between();
        match &mut between.stage {
            Stage::Ended(error) => return Poll::Ready(error.take().map_or(Ok(()), Err)),
            stage @ Stage::Runs => *stage = Stage::Closes,
            Stage::Closes | Stage::Abandoned => {}
        }
        self.shared.driver.wake();
        between.waits(cx)
    }

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<StreamMuxerEvent>> {
        self.shared.between().waits(cx)
    }
}

/// Carries the multiplexer until the connection ends, from whichever side.
async fn carry<M>(mut muxer: M, shared: Arc<Shared<M::Substream>>)
where
    M: StreamMuxer<Error: Send + Sync + 'static> + Unpin,
{
    let ended = poll_fn(|cx| {
        shared.driver.register(cx.waker());
        turn(&mut muxer, &shared, cx)
    });
    let ended = ended.await;
    // Whoever holds a stream hears of the end no later than the connection does.
    drop(muxer);
    let mut between = shared.between();
    between.stage = Stage::Ended(ended.err().map(io::Error::other));
    between.wake();
}

fn turn<M>(muxer: &mut M, shared: &Shared<M::Substream>, cx: &mut Context<'_>) -> Poll<Result<(), M::Error>>
where
    M: StreamMuxer + Unpin,
{
    let (wishes, mut waiting) = {
        let between = shared.between();
        match between.stage {
            Stage::Runs => {}
            Stage::Closes => {
                drop(between);
                return muxer.poll_close_unpin(cx);
            }
            Stage::Abandoned | Stage::Ended(_) => return Poll::Ready(Ok(())),
        }
        let wishes = between.wishes && between.opened_here.is_none();
        (wishes, between.opened_there.len())
    };
    if wishes && let Poll::Ready(stream) = muxer.poll_outbound_unpin(cx)? {
        let mut between = shared.between();
        between.opened_here = Some(stream);
        between.wishes = false;
        between.wake();
    }
    while waiting < WAITING {
        let Poll::Ready(stream) = muxer.poll_inbound_unpin(cx)? else {
            return Poll::Pending;
        };
        let mut between = shared.between();
        between.opened_there.push_back(stream);
        waiting = between.opened_there.len();
        between.wake();
    }
    // All it could tell is that the address changed, and that of a TCP connection does not.
    let _ = muxer.poll_unpin(cx)?;
    Poll::Pending
}
