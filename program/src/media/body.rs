//! Bodies made of the store's own bytes, counted as they leave.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{Stream, unfold};
use hyper::body::{Body, Frame, SizeHint};
use wire::chunk::Chunk;

use super::conditions::Part;
use super::meter::Counter;
use super::turns::Owed;
use crate::store::Store;
use crate::window::{Segment, SegmentName};

/// A piece of what is handed to the socket: small enough that what was counted is nearly what was sent.
const FRAME_BYTES: usize = 64 << 10;

/// A part of a whole segment, its size known.
pub(super) struct Frames {
    waiting: VecDeque<Bytes>,
    left: u64,
    counter: Counter,
    owed: Owed,
    /// The turn that the next piece waits for.
    turn: Option<BoxFuture<'static, ()>>,
}

impl Frames {
    pub(super) fn new(frames: Vec<Bytes>, part: Part, counter: Counter, mut owed: Owed) -> Self {
        let mut at = 0;
        let cut = |frame: Bytes| {
            let (begins, ends) = (at, at + frame.len() as u64);
            at = ends;
            let start = part.start.clamp(begins, ends) - begins;
            let end = part.end.clamp(begins, ends) - begins;
            // Both are within the frame's own length.
            let range = usize::try_from(start).ok()?..usize::try_from(end).ok()?;
            (!range.is_empty()).then(|| frame.slice(range))
        };
        let left = part.end - part.start;
        owed.add(left);
        Self {
            waiting: frames.into_iter().filter_map(cut).collect(),
            left,
            counter,
            owed,
            turn: None,
        }
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        let Some(next) = this.waiting.front_mut() else {
            return Poll::Ready(None);
        };
        let bytes = next.len().min(FRAME_BYTES).min(this.owed.piece_bytes());
        if this.turn.is_none() {
            this.turn = this.owed.turn(bytes);
        }
        if let Some(turn) = &mut this.turn {
            ready!(turn.poll_unpin(context));
            this.turn = None;
        }
        let frame = next.split_to(bytes);
        if next.is_empty() {
            this.waiting.pop_front();
        }
        this.left -= bytes as u64;
        this.owed.sent(bytes);
        this.counter.sent(bytes);
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A segment stopped arriving: the connection has to be cut, so that its part does not pass for the whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("segment {} of track {} stopped after {chunks} chunks", name.number, name.track)]
pub(super) struct Unfinished {
    name: SegmentName,
    chunks: u16,
}

/// A segment's chunks: those that are here, then each as it arrives. One frame is one chunk, or a piece of it where pieces
/// take turns, so that a player finds a chunk complete as soon as its last byte is there. `patience` is how long the next
/// one may take.
pub(super) fn in_the_making(
    store: Store,
    name: SegmentName,
    begun: &Segment,
    (counter, owed): (Counter, Owed),
    patience: Duration,
) -> impl Stream<Item = Result<Bytes, Unfinished>> + use<> {
    let making = Making {
        store,
        name,
        counter,
        owed,
        patience,
        here: VecDeque::from(begun.chunks().to_vec()),
        taken: 0,
        rest: Bytes::new(),
        is_last: false,
    };
    unfold(Some(making), |making| async move {
        let mut making = making?;
        match making.next().await {
            Ok(Some(piece)) => Some((Ok(piece), Some(making))),
            Ok(None) => None,
            Err(unfinished) => Some((Err(unfinished), None)),
        }
    })
}

/// An answer whose segment is still being made.
struct Making {
    store: Store,
    name: SegmentName,
    counter: Counter,
    owed: Owed,
    patience: Duration,
    here: VecDeque<Chunk>,
    /// How many chunks were begun.
    taken: u16,
    /// What is left of the last of them.
    rest: Bytes,
    is_last: bool,
}

impl Making {
    /// The next piece, if the segment is not at its end.
    async fn next(&mut self) -> Result<Option<Bytes>, Unfinished> {
        if self.rest.is_empty() {
            if self.is_last {
                return Ok(None);
            }
            let chunk = match self.here.pop_front() {
                Some(chunk) => Some(chunk),
                None => {
                    let next = self.name.chunk(self.taken);
                    self.store.wait(next, self.patience).await
                }
            };
            let chunk = chunk.ok_or_else(|| Unfinished {
                name: self.name.clone(),
                chunks: self.taken,
            })?;
            self.taken += 1;
            self.is_last = chunk.record().last;
            self.rest = chunk.bytes().clone();
            self.owed.add(self.rest.len() as u64);
        }
        let bytes = self.rest.len().min(self.owed.piece_bytes());
        if let Some(turn) = self.owed.turn(bytes) {
            turn.await;
        }
        self.owed.sent(bytes);
        self.counter.sent(bytes);
        Ok(Some(self.rest.split_to(bytes)))
    }
}
