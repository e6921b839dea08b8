//! What tests are made of: keys, chunks, answers of a tracker, and patience with a deadline.

use std::time::Duration;

use program::lifecycle::now_ms;
use tokio::time::Instant;
use wire::announcement::{AnnouncementReply, ChannelNews, Neighbour, Reach};
use wire::chunk::{Chunk, Facts};
use wire::id::{BoxId, ChunkId, Epoch, TrackId};
use wire::key::SecretKey;

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn secret(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32])
}

/// The origin of channel `demo`.
pub(crate) fn origin() -> SecretKey {
    secret(200)
}

pub(crate) fn demo(segment: u32, index: u16) -> ChunkId {
    ChunkId {
        channel: "demo".parse().unwrap(),
        epoch: Epoch(1_790_000_000_000),
        track: TrackId::VIDEO,
        segment,
        index,
    }
}

pub(crate) fn demo_init() -> ChunkId {
    let ChunkId {
        channel,
        epoch,
        track,
        ..
    } = demo(1, 0);
    ChunkId::init(channel, epoch, track)
}

/// A chunk of four to a segment, two seconds each; it is genuine if `by` is the origin.
pub(crate) fn chunk(by: &SecretKey, id: &ChunkId) -> Chunk {
    let place = (u64::from(id.segment) - 1) * 4 + u64::from(id.index);
    let facts = Facts {
        id: id.clone(),
        last: id.index == 3,
        time: place * 500,
        duration: 500,
        timescale: 1000,
    };
    let media = vec![u8::try_from(place % 251).unwrap(); 20_000];
    let body = [mp4_box(*b"moof", &[]), mp4_box(*b"mdat", &media)].concat();
    Chunk::sealed(by, facts, &mp4_box(*b"styp", &[]), &body).unwrap()
}

/// A poster of that number.
pub(crate) fn poster(by: &SecretKey, number: u32) -> Chunk {
    let facts = Facts {
        id: ChunkId {
            track: TrackId::POSTER,
            ..demo(number, 0)
        },
        last: true,
        time: u64::from(number) * 10_000,
        duration: 10_000,
        timescale: 1000,
    };
    Chunk::sealed_poster(by, facts, &vec![7; 30_000]).unwrap()
}

pub(crate) fn init(by: &SecretKey) -> Chunk {
    let facts = Facts {
        id: demo_init(),
        last: true,
        time: 0,
        duration: 0,
        timescale: 1000,
    };
    let head = [mp4_box(*b"ftyp", b"cmfc"), mp4_box(*b"moov", &[1; 600])].concat();
    Chunk::sealed(by, facts, &head, &[]).unwrap()
}

fn mp4_box(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(8 + content.len()).unwrap();
    [&size.to_be_bytes()[..], &kind, content].concat()
}

/// A tracker's answer: channel `demo`, sealed by `by`, and these neighbours.
pub(crate) fn answer(by: &SecretKey, neighbours: Vec<Neighbour>) -> AnnouncementReply {
    let news = ChannelNews {
        carry: true,
        name: "demo".parse().unwrap(),
        live: true,
        epoch: demo(1, 0).epoch,
        keys: vec![by.public()],
    };
    AnnouncementReply {
        channels: vec![news],
        neighbours,
        ..empty_answer()
    }
}

/// A tracker that knows of nothing.
pub(crate) fn empty_answer() -> AnnouncementReply {
    AnnouncementReply {
        time: now_ms(),
        id: BoxId::of(&secret(0).public()),
        listed: true,
        why: None,
        channels: Vec::new(),
        neighbours: Vec::new(),
        origins: Vec::new(),
        reach: Reach::default(),
        giving: Vec::new(),
        takedowns: Vec::new(),
    }
}

/// Waits until it is so.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
