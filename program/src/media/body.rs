//! Bodies made of the store's own bytes, counted as they leave.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{Stream, unfold};
use hyper::body::{Body, Frame, SizeHint};

use super::conditions::Part;
use super::meter::Counter;
use crate::store::Store;
use crate::window::{Segment, SegmentName};

/// A piece of what is handed to the socket: small enough that what was counted is nearly what was sent.
const FRAME_BYTES: usize = 64 << 10;

/// A part of a whole segment, its size known.
pub(super) struct Frames {
    waiting: VecDeque<Bytes>,
    left: u64,
    counter: Counter,
}

impl Frames {
    pub(super) fn new(frames: Vec<Bytes>, part: Part, counter: Counter) -> Self {
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
        Self {
            waiting: frames.into_iter().filter_map(cut).collect(),
            left: part.end - part.start,
            counter,
        }
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(mut frame) = self.waiting.pop_front() else {
            return Poll::Ready(None);
        };
        let rest = frame.split_off(frame.len().min(FRAME_BYTES));
        if !rest.is_empty() {
            self.waiting.push_front(rest);
        }
        self.left -= frame.len() as u64;
        self.counter.sent(frame.len());
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

/// A segment's chunks: those that are here, then each as it arrives. One frame is one chunk, so that a player
/// finds a chunk complete as soon as its last byte is there. `patience` is how long the next one may take.
pub(super) fn in_the_making(
    store: Store,
    name: SegmentName,
    begun: &Segment,
    counter: Counter,
    patience: Duration,
) -> impl Stream<Item = Result<Bytes, Unfinished>> + use<> {
    let here = VecDeque::from(begun.chunks().to_vec());
    unfold(Some((here, 0_u16)), move |state| {
        let (store, name, counter) = (store.clone(), name.clone(), counter.clone());
        async move {
            let (mut here, index) = state?;
            let chunk = match here.pop_front() {
                Some(chunk) => Some(chunk),
                None => store.wait(name.chunk(index), patience).await,
            };
            let Some(chunk) = chunk else {
                return Some((Err(Unfinished { name, chunks: index }), None));
            };
            counter.sent(chunk.bytes().len());
            let goes_on = !chunk.record().last;
            Some((Ok(chunk.bytes().clone()), goes_on.then_some((here, index + 1))))
        }
    })
}
