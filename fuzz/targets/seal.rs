//! Whatever claims to be a sealed chunk is opened or refused; one that opens is the only spelling of itself.
#![no_main]

use bytes::Bytes;
use wire::chunk::{Seal, SealedChunk};
use wire::id::{ChunkId, Epoch, TrackId};
use wire::key::SecretKey;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let keys = [SecretKey::from_seed([1; 32]).public()];
    let bytes = Bytes::copy_from_slice(bytes);
    let record = Seal::new(bytes.clone()).open(&keys);
    let id = record.map_or_else(
        |_| ChunkId {
            channel: "demo".parse().expect("a name"),
            epoch: Epoch(1_790_000_000_000),
            track: TrackId::VIDEO,
            segment: 1,
            index: 0,
        },
        |record| record.id,
    );
    if let Ok(chunk) = SealedChunk::new(bytes.clone()).open(&id, &keys) {
        assert_eq!(chunk.bytes(), &bytes);
        assert_eq!(chunk.id(), &id);
    }
});
