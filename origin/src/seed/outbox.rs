//! Outboxes: what waits for each seed, between the keeper that fills them and the thread that empties them.
//!
//! They are also how the thread learns which seeds there are, so no word of it can be lost. A full outbox
//! drops what is oldest, for a live stream has no use for it; init segments stay.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use wire::chunk::Chunk;
use wire::id::{BoxId, ChunkId};
use wire::presentation::Seed;

/// Chunks that may wait for a seed: some four segments of pictures and sound.
const CAPACITY: usize = 64;

/// News that may wait for a seed: there is one at the beginning and one at the end of an epoch, and one for each
/// that is taken down.
const MAX_NEWS: usize = 64;

#[derive(Clone, Debug, Default)]
pub(super) struct Outboxes(Arc<Mutex<BTreeMap<BoxId, Outbox>>>);

#[derive(Debug)]
struct Outbox {
    address: String,
    /// Signed news, told when no chunk waits: what they speak of has arrived then.
    news: VecDeque<Bytes>,
    waiting: VecDeque<Chunk>,
}

impl Outboxes {
    /// An empty outbox for a seed, in the place of what it had.
    pub(super) fn open(&self, Seed { id, zmq }: Seed) {
        self.lock().insert(
            id,
            Outbox {
                address: zmq,
                news: VecDeque::new(),
                waiting: VecDeque::new(),
            },
        );
    }

    pub(super) fn close(&self, seed: BoxId) {
        self.lock().remove(&seed);
    }

    /// Puts a chunk behind the others; what has to be dropped for it.
    pub(super) fn put(&self, seed: BoxId, chunk: Chunk) -> Option<ChunkId> {
        let mut all = self.lock();
        let Some(outbox) = all.get_mut(&seed) else {
            return Some(chunk.id().clone());
        };
        outbox.waiting.push_back(chunk);
        outbox.drop_oldest()
    }

    /// Puts news behind the chunks; the oldest make room.
    pub(super) fn tell(&self, seed: BoxId, news: Bytes) {
        if let Some(outbox) = self.lock().get_mut(&seed) {
            if outbox.news.len() >= MAX_NEWS {
                outbox.news.pop_front();
            }
            outbox.news.push_back(news);
        }
    }

    /// The news to tell now, if no chunk waits.
    pub(super) fn take_news(&self, seed: BoxId) -> Option<Bytes> {
        let mut all = self.lock();
        let outbox = all.get_mut(&seed).filter(|outbox| outbox.waiting.is_empty())?;
        outbox.news.pop_front()
    }

    /// The addresses of all seeds.
    pub(super) fn addresses(&self) -> BTreeMap<BoxId, String> {
        self.lock()
            .iter()
            .map(|(id, outbox)| (*id, outbox.address.clone()))
            .collect()
    }

    pub(super) fn is_empty(&self, seed: BoxId) -> bool {
        self.lock()
            .get(&seed)
            .is_none_or(|outbox| outbox.waiting.is_empty() && outbox.news.is_empty())
    }

    /// The chunk that has waited for longest.
    pub(super) fn take(&self, seed: BoxId) -> Option<Chunk> {
        self.lock().get_mut(&seed)?.waiting.pop_front()
    }

    /// Puts chunks that could not be sent before the others, in their order.
    pub(super) fn give_back(&self, seed: BoxId, chunks: impl DoubleEndedIterator<Item = Chunk>) {
        if let Some(outbox) = self.lock().get_mut(&seed) {
            for chunk in chunks.rev() {
                outbox.waiting.push_front(chunk);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<BoxId, Outbox>> {
        // Queues are whole at every moment at which a holder could have panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outbox {
    fn drop_oldest(&mut self) -> Option<ChunkId> {
        if self.waiting.len() <= CAPACITY {
            return None;
        }
        let oldest = self
            .waiting
            .iter()
            .position(|chunk| !chunk.id().is_init())
            .unwrap_or(0);
        self.waiting.remove(oldest).map(|chunk| chunk.id().clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::chunk;
    use super::*;

    fn seed() -> Seed {
        Seed {
            id: BoxId::from_bytes([1; 16]),
            zmq: "tcp://192.0.2.1:1".into(),
        }
    }

    #[test]
    fn a_full_outbox_drops_what_is_oldest_but_no_init_segment() {
        let (outboxes, id) = (Outboxes::default(), seed().id);
        outboxes.open(seed());
        assert_eq!(outboxes.put(id, chunk(1, 0, 0)), None);
        for segment in 1..64 {
            assert_eq!(outboxes.put(id, chunk(1, segment, 0)), None);
        }
        assert_eq!(outboxes.put(id, chunk(1, 64, 0)).map(|id| id.segment), Some(1));
        assert!(outboxes.take(id).unwrap().id().is_init());
        assert_eq!(outboxes.take(id).unwrap().id().segment, 2);
    }

    #[test]
    fn what_is_given_back_goes_first_again() {
        let (outboxes, id) = (Outboxes::default(), seed().id);
        outboxes.open(seed());
        outboxes.put(id, chunk(1, 3, 0));
        outboxes.give_back(id, [chunk(1, 1, 0), chunk(1, 2, 0)].into_iter());
        let order: Vec<_> = std::iter::from_fn(|| outboxes.take(id))
            .map(|chunk| chunk.id().segment)
            .collect();
        assert_eq!(order, [1, 2, 3]);
    }

    #[test]
    fn news_are_told_when_no_chunk_waits_and_few_are_kept() {
        let (outboxes, id) = (Outboxes::default(), seed().id);
        outboxes.open(seed());
        outboxes.put(id, chunk(1, 1, 0));
        for number in 0..=MAX_NEWS {
            outboxes.tell(id, vec![u8::try_from(number).unwrap()].into());
        }
        assert_eq!(outboxes.take_news(id), None);
        outboxes.take(id);
        assert!(!outboxes.is_empty(id));
        let told: Vec<_> = std::iter::from_fn(|| outboxes.take_news(id)).collect();
        assert_eq!((told.len(), told[0][0]), (MAX_NEWS, 1));
        assert!(outboxes.is_empty(id));
    }

    #[test]
    fn a_closed_outbox_takes_nothing() {
        let (outboxes, id) = (Outboxes::default(), seed().id);
        outboxes.open(seed());
        outboxes.close(id);
        assert!(outboxes.put(id, chunk(1, 1, 0)).is_some());
        assert!(outboxes.addresses().is_empty() && outboxes.is_empty(id));
    }
}
