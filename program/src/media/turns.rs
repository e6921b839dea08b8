//! Turns: answers leave piece by piece, each when the uplink takes it.
//!
//! Whoever shares an uplink with others says by [`Turns`] whose piece is next. Bytes that are owed to viewers are told
//! before they wait for their turn, so that it is known how much there still is to send.

use std::sync::Arc;

use futures::future::BoxFuture;

/// Lets pieces of answers leave.
pub trait Turns: Send + Sync {
    /// So many bytes more are owed to viewers.
    fn owe(&self, bytes: u64);

    /// So many of them have left, or are wanted no more.
    fn settle(&self, bytes: u64);

    /// Ready when so many bytes may leave; nothing to wait for if they may now.
    fn turn(&self, bytes: usize) -> Option<BoxFuture<'static, ()>>;

    /// How many bytes may take one turn.
    fn piece_bytes(&self) -> usize;
}

/// What is owed of one answer. Settled when dropped.
pub(super) struct Owed {
    turns: Option<Arc<dyn Turns>>,
    bytes: u64,
}

impl Owed {
    /// Nothing yet. Without turns everything may leave at once.
    pub(super) fn by(turns: Option<Arc<dyn Turns>>) -> Self {
        Self { turns, bytes: 0 }
    }

    pub(super) fn add(&mut self, bytes: u64) {
        if let Some(turns) = &self.turns {
            turns.owe(bytes);
            self.bytes += bytes;
        }
    }

    /// So many bytes have left.
    pub(super) fn sent(&mut self, bytes: usize) {
        if let Some(turns) = &self.turns {
            let bytes = self.bytes.min(bytes as u64);
            turns.settle(bytes);
            self.bytes -= bytes;
        }
    }

    pub(super) fn turn(&self, bytes: usize) -> Option<BoxFuture<'static, ()>> {
        self.turns.as_ref().and_then(|turns| turns.turn(bytes))
    }

    pub(super) fn piece_bytes(&self) -> usize {
        let turns = self.turns.as_ref();
        turns.map_or(usize::MAX, |turns| turns.piece_bytes().max(1))
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        if let Some(turns) = &self.turns {
            turns.settle(self.bytes);
        }
    }
}
