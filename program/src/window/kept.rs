//! A chunk as the window holds it: in memory, on disk, or both.

use std::sync::Arc;

use wire::chunk::{Chunk, ChunkRecord, Verified};
use wire::id::ChunkId;

use crate::disk::ChunkFile;

/// A chunk, wherever its bytes are. Cheap to clone; while a clone lives, its file does.
#[derive(Clone, Debug)]
pub struct Kept {
    verified: Verified,
    /// One of these two, at least.
    chunk: Option<Chunk>,
    file: Option<Arc<ChunkFile>>,
}

impl Kept {
    /// A chunk in memory.
    pub(crate) fn of(chunk: Chunk) -> Self {
        Self {
            verified: chunk.verified().clone(),
            chunk: Some(chunk),
            file: None,
        }
    }

    /// The chunk's name.
    pub fn id(&self) -> &ChunkId {
        self.verified.id()
    }

    /// What the origin said of it.
    pub fn record(&self) -> &ChunkRecord {
        self.verified.record()
    }

    /// All but its bytes.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }

    /// The chunk, if it is in memory.
    pub fn chunk(&self) -> Option<&Chunk> {
        self.chunk.as_ref()
    }

    /// Where it is on disk, if it is.
    pub(crate) fn on_disk(&self) -> Option<&Arc<ChunkFile>> {
        self.file.as_ref()
    }

    pub(super) fn disk_bytes(&self) -> usize {
        self.file.as_ref().map_or(0, |file| file.size())
    }

    pub(super) fn is_in_both(&self) -> bool {
        self.chunk.is_some() && self.file.is_some()
    }

    /// It is on disk now, too. Whether it was not before.
    pub(super) fn file(&mut self, file: Arc<ChunkFile>) -> bool {
        let is_new = self.file.is_none();
        if is_new {
            self.file = Some(file);
        }
        is_new
    }

    /// Its bytes are in memory again; how many that adds.
    pub(super) fn warm(&mut self, chunk: Chunk) -> usize {
        if self.chunk.is_some() || chunk.record() != self.record() {
            return 0;
        }
        self.chunk.insert(chunk).bytes().len()
    }

    /// Lets go of its bytes in memory if they are on disk; how many those were.
    pub(super) fn cool(&mut self) -> usize {
        let chunk = self.file.as_ref().and_then(|_| self.chunk.take());
        chunk.map_or(0, |chunk| chunk.bytes().len())
    }
}
