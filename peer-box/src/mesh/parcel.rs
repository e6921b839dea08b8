//! A chunk on its way: whoever fetches it puts parts in, whoever hands it on takes them out, some as they come.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;
use wire::chunk::Chunk;
use wire::parts::Parts;
use wire::seal::Refusal;

/// A chunk of which some parts are here. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Parcel(Arc<watch::Sender<State>>);

#[derive(Debug)]
struct State {
    parts: Parts,
    /// Somebody sends it, and nobody else need.
    is_taken: bool,
    /// No more parts will come.
    is_over: bool,
}

impl Parcel {
    pub(super) fn new(parts: Parts) -> Self {
        let is_over = parts.is_whole();
        Self(Arc::new(watch::Sender::new(State {
            parts,
            is_taken: false,
            is_over,
        })))
    }

    /// How many parts are here.
    pub(super) fn here(&self) -> usize {
        self.0.borrow().parts.here()
    }

    /// How many bytes the chunk has, without its seal.
    pub(super) fn size(&self) -> usize {
        self.0.borrow().parts.verified().record().size as usize
    }

    pub(super) fn is_whole(&self) -> bool {
        self.0.borrow().parts.is_whole()
    }

    /// How many parts the chunk has.
    pub(super) fn count(&self) -> usize {
        self.0.borrow().parts.count()
    }

    /// How many bytes the parts from that number on have as they travel.
    pub(super) fn bytes_from(&self, number: usize) -> usize {
        let parts = &self.0.borrow().parts;
        (number..parts.count()).map(|part| parts.frame_bytes(part)).sum()
    }

    /// Whether it is to be taken of whoever offers it now: of the first, until [`Parcel::is_not_taken`].
    pub(super) fn take(&self) -> bool {
        let mut was_taken = true;
        self.0.send_if_modified(|state| {
            was_taken = std::mem::replace(&mut state.is_taken, true);
            false
        });
        !was_taken
    }

    /// It does not come of whom it was taken: it is taken of another.
    pub(super) fn is_not_taken(&self) {
        self.0.send_if_modified(|state| {
            state.is_taken = false;
            false
        });
    }

    /// Takes a part that came. One that somebody else brought before makes no difference.
    pub(super) fn add(&self, number: usize, frame: Bytes) -> Result<(), Refusal> {
        let mut added = Ok(());
        self.0.send_if_modified(|state| {
            if number != state.parts.here() {
                return false;
            }
            added = state.parts.add(frame);
            state.is_over |= state.parts.is_whole();
            added.is_ok()
        });
        added
    }

    /// No more of it will come: who waits for that is told.
    pub(super) fn ends(&self) {
        self.0.send_modify(|state| state.is_over = true);
    }

    /// The part of that number, now or when it comes; nothing if it never will.
    pub(super) async fn part(&self, number: usize) -> Option<Bytes> {
        let mut changes = self.0.subscribe();
        let is_decided = |state: &State| state.is_over || state.parts.get(number).is_some();
        let state = changes.wait_for(|state| is_decided(state)).await.ok()?;
        state.parts.get(number).cloned()
    }

    /// The chunk, once it is whole.
    pub(super) fn chunk(&self) -> Result<Chunk, Refusal> {
        self.0.borrow().parts.chunk()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{chunk, demo, origin};

    #[tokio::test]
    async fn parts_are_handed_on_as_they_come_and_no_further() {
        let chunk = chunk(&origin(), &demo(1, 0));
        let whole = Parts::of(&chunk);
        let coming = Parcel::new(Parts::awaited(chunk.verified().clone()).unwrap());
        let takes = async { (coming.part(0).await, coming.part(1).await) };
        let brings = async {
            let first = whole.get(0).unwrap();
            coming.add(0, first.clone()).unwrap();
            coming.add(0, first.clone()).unwrap();
            assert_eq!(coming.here(), 1, "brought twice, it is here once");
            coming.ends();
        };
        let (parts, ()) = tokio::join!(takes, brings);
        assert_eq!(parts, (whole.get(0).cloned(), None));
    }

    #[test]
    fn of_several_who_offer_a_chunk_it_is_taken_of_one() {
        let chunk = chunk(&origin(), &demo(1, 0));
        let coming = Parcel::new(Parts::awaited(chunk.verified().clone()).unwrap());
        assert_eq!((coming.take(), coming.clone().take()), (true, false));
        coming.is_not_taken();
        assert!(coming.take());
    }
}
