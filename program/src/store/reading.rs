//! Reading chunks from disk, on the time of whoever asks for them.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tracing::warn;
use wire::chunk::Chunk;

use super::Store;
use crate::window::{Kept, Segment};

/// Chunks that are read at a time. More would not be faster, and each takes its memory.
const AT_A_TIME: usize = 8;

/// Who may read now.
#[derive(Clone, Debug)]
pub(super) struct Readers(Arc<Semaphore>);

impl Default for Readers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_A_TIME)))
    }
}

impl Store {
    /// The chunk itself, from memory or from disk.
    pub(super) async fn read(&self, kept: Kept) -> Option<Chunk> {
        if let Some(chunk) = kept.chunk() {
            return Some(chunk.clone());
        }
        // The semaphore is never closed.
        let _turn = self.readers.0.acquire().await.ok()?;
        // Whoever was before us may have read the same.
        let kept = self.kept(kept.id().clone()).await?;
        if let Some(chunk) = kept.chunk() {
            return Some(chunk.clone());
        }
        let (id, file) = (kept.id().clone(), kept.on_disk().cloned()?);
        match spawn_blocking(move || file.read(kept.verified())).await.ok()? {
            Ok(chunk) => {
                let warmed = chunk.clone();
                self.look(move |window| window.warmed(warmed)).await?;
                Some(chunk)
            }
            Err(error) => {
                warn!(%error, "a chunk on disk is lost");
                self.look(move |window| window.lost(&id)).await?;
                None
            }
        }
    }

    /// A segment's chunks; where one cannot be read, those before it.
    pub(super) async fn read_all(&self, segment: Segment<Kept>) -> Option<Segment> {
        let mut chunks = Vec::with_capacity(segment.chunks().len());
        for kept in segment.chunks() {
            match self.read(kept.clone()).await {
                Some(chunk) => chunks.push(chunk),
                None => break,
            }
        }
        Some(segment.of(chunks))
    }
}
