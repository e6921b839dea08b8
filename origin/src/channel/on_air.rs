//! An epoch under way: its pieces are sealed, kept, told of, recorded and shown on posters.

use std::time::Duration;

use bytes::Bytes;
use program::store::Store;
use program::window::Refused;
use tracing::warn;
use wire::chunk::Chunk;
use wire::id::TrackId;
use wire::seal::Refusal;

use crate::package::{Packaged, Presentation, RawChunk};
use crate::poster::{Posters, Still};
use crate::record::Recording;
use crate::seal::Sealer;

/// An epoch under way.
pub(super) struct OnAir {
    pub(super) sealer: Sealer,
    recording: Option<Recording>,
    /// The init segment of its pictures.
    init: Option<Bytes>,
}

impl OnAir {
    pub(super) fn new(sealer: Sealer, recording: Option<Recording>) -> Self {
        Self {
            sealer,
            recording,
            init: None,
        }
    }

    /// Takes the next piece: from here on it is public.
    pub(super) async fn take(
        &mut self,
        piece: &Packaged,
        store: &Store,
        presentation: &mut Presentation,
        posters: Option<&Posters>,
    ) -> Result<(), Refusal> {
        keep(store, self.sealer.seal(piece)?).await;
        presentation.note(piece);
        if let Some(recording) = &mut self.recording {
            recording.note(piece);
        }
        match piece {
            Packaged::Init { description, bytes } if description.track == TrackId::VIDEO => {
                self.init = Some(bytes.clone());
            }
            Packaged::Chunk(chunk) if chunk.track == TrackId::VIDEO && chunk.index == 0 => {
                if let (Some(posters), Some(init)) = (posters, &self.init) {
                    posters.offer(self.still(init, chunk));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn still(&self, init: &Bytes, chunk: &RawChunk) -> Still {
        let millis = chunk.time * 1000 / u64::from(chunk.timescale.max(1));
        Still {
            epoch: self.sealer.epoch,
            time: Duration::from_millis(millis),
            init: init.clone(),
            fragment: chunk.body.clone(),
        }
    }
}

/// Keeps a chunk for whoever asks, seeds first.
pub(super) async fn keep(store: &Store, chunk: Chunk) {
    let id = chunk.id().clone();
    match store.insert(chunk).await {
        Ok(_) | Err(Refused::Stopping) => {}
        Err(refused) => warn!(chunk = %id, %refused, "chunk not kept"),
    }
}
