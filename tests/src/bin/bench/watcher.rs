//! A viewer who reads every segment of a channel's pictures while it is made, and notes when each chunk was whole.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use bytes::{Bytes, BytesMut};
use tests::status::ChannelStatus;
use tokio_util::sync::CancellationToken;
use wire::{
    chunk::SealedChunk,
    id::{ChunkId, Epoch},
    key::PublicKey,
};

/// Where each chunk ends in media time, and when it was whole.
pub(crate) type Seen = Vec<(Duration, Instant)>;

/// The publisher's times are whole milliseconds: less than half a picture is room enough to tell pictures apart.
const HALF_A_PICTURE: Duration = Duration::from_millis(15);

/// One viewer, of one channel, at one program.
pub(crate) struct Watcher {
    http: reqwest::Client,
    address: SocketAddr,
    channel: String,
    keys: Vec<PublicKey>,
    epoch: Epoch,
}

impl Watcher {
    /// Of `channel`, as its tracker tells it, at `address`.
    pub(crate) fn new(http: reqwest::Client, address: SocketAddr, channel: &ChannelStatus) -> Result<Self> {
        let keys = channel.keys.iter().map(|key| key.parse());
        Ok(Self {
            http,
            address,
            channel: channel.name.clone(),
            keys: keys.collect::<Result<_, _>>()?,
            epoch: Epoch(channel.epoch),
        })
    }

    /// Watches from that segment on, until `stop`.
    pub(crate) async fn watch(self, from: u32, stop: CancellationToken) -> Result<Seen> {
        let mut seen = Vec::new();
        for segment in from.. {
            let read = stop.run_until_cancelled(self.read(segment, &mut seen));
            match read.await {
                Some(read) => read?,
                None => break,
            }
        }
        Ok(seen)
    }

    async fn read(&self, segment: u32, seen: &mut Seen) -> Result<()> {
        let Self {
            address,
            channel,
            epoch,
            ..
        } = self;
        let url = format!("http://{address}/live/{channel}/{epoch}/v0/{segment}.m4v");
        // Who asks too early is held for a while, then told to ask again.
        let mut answer = loop {
            let answer = self.http.get(&url).send().await?;
            if answer.status().is_success() {
                break answer;
            }
        };
        let mut buffer = BytesMut::new();
        let mut index = 0;
        while let Some(part) = answer.chunk().await? {
            let at = Instant::now();
            buffer.extend_from_slice(&part);
            while let Some(bytes) = next_chunk(&mut buffer) {
                seen.push((self.end_of(bytes, segment, index)?, at));
                index += 1;
            }
        }
        Ok(())
    }

    /// Where the chunk ends in media time, as its seal says, and a little before: what was sent at that time or later is
    /// not in it.
    fn end_of(&self, bytes: Bytes, segment: u32, index: u16) -> Result<Duration> {
        let id = ChunkId {
            channel: self.channel.parse()?,
            epoch: self.epoch,
            track: "v0".parse()?,
            segment,
            index,
        };
        let chunk = SealedChunk::new(bytes).open(&id, &self.keys)?;
        let record = chunk.record();
        ensure!(record.timescale > 0, "{id} has no timescale");
        let ticks = u128::from(record.time + u64::from(record.duration));
        let nanoseconds = ticks * 1_000_000_000 / u128::from(record.timescale);
        let end = Duration::from_nanos(u64::try_from(nanoseconds)?);
        Ok(end.saturating_sub(HALF_A_PICTURE))
    }
}

/// Cuts one whole chunk, up to the end of its `mdat`, off the front.
fn next_chunk(buffer: &mut BytesMut) -> Option<Bytes> {
    let mdat = tests::segment::payloads(buffer, *b"mdat").next()?;
    Some(buffer.split_to(mdat.end).freeze())
}
