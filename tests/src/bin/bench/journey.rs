//! How long a chunk travels: from the publisher's last byte of it to when three boxes can give it to viewers.
//!
//! The built-in publisher notes when it gave the last byte of each picture to its socket. At every box a viewer
//! reads the segment in the making, as it comes, and notes when each chunk was whole. What lies between is the
//! chunk's journey; it holds the time to the next picture, without which the origin cannot know that
//! the chunk has ended.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use bytes::{Bytes, BytesMut};
use tests::{
    mesh::Mesh,
    plan::{CHANNEL, Plan},
    publisher::{Clip, Kind, Replay},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wire::{
    chunk::SealedChunk,
    id::{ChunkId, Epoch},
    key::PublicKey,
};

use crate::spread::Spread;

const BOXES: usize = 3;

/// When the last byte of each picture was sent, by its decoding time.
type Sent = Arc<Mutex<Vec<(Duration, Instant)>>>;

/// Where a chunk ends in media time, and when it was whole at a box.
type Seen = Vec<(Duration, Instant)>;

pub(crate) async fn measure(span: Duration) -> Result<()> {
    println!(
        "Journey: from the last byte of a video chunk given to the origin's RTMP socket until it was read"
    );
    println!(
        "whole, over HTTP, from the third box to have it; {} s of a 25/s stream, one machine.",
        span.as_secs()
    );
    println!(
        "It includes up to one picture's 40 ms: only the next picture tells the origin that a chunk ended."
    );
    for seeds in [3, 1] {
        let times = travel(seeds, span).await?;
        let how = if seeds == 3 {
            "three seeds: fed by the origin "
        } else {
            "one seed: through neighbours "
        };
        println!("  {how:32} {}", Spread::of(times));
    }
    Ok(())
}

async fn travel(seeds: u8, span: Duration) -> Result<Vec<Duration>> {
    let mut mesh = Mesh::launch(Plan {
        boxes: BOXES,
        origin_arguments: vec!["--seeds".into(), seeds.to_string()],
        ..Plan::default()
    })
    .await?;
    let sent = Sent::default();
    let note = sent.clone();
    let rtmp = mesh.origin().address("rtmp");
    let replay = Replay::observed(
        rtmp,
        &mesh.stream_key(),
        Clip::built_in(),
        move |time, at, unit| {
            if unit.kind == Kind::Video {
                note.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((time, at));
            }
        },
    )
    .await?;
    let from = mesh.on_air(2, BOXES).await?.track("v0").newest() + 1;

    let channel = mesh.channel().await?.context("the channel is on air")?;
    let keys = channel
        .keys
        .iter()
        .map(|key| key.parse())
        .collect::<Result<Vec<PublicKey>, _>>()?;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let watchers: Vec<_> = mesh
        .boxes
        .iter()
        .map(|peer_box| {
            let watcher = Watcher {
                http: mesh.http.clone(),
                address: peer_box.address("http"),
                keys: keys.clone(),
                epoch: Epoch(channel.epoch),
            };
            tasks.spawn(watcher.watch(from, stop.clone()))
        })
        .collect();
    tokio::time::sleep(span).await;
    stop.cancel();
    let mut seen = Vec::new();
    for watcher in watchers {
        seen.push(watcher.await??);
    }
    replay.stop().await?;
    mesh.stop()?;
    let sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(journeys(&sent, &seen))
}

/// One time for each chunk that all boxes were seen to have.
fn journeys(sent: &[(Duration, Instant)], seen: &[Seen]) -> Vec<Duration> {
    let mut last_seen: HashMap<Duration, (usize, Instant)> = HashMap::new();
    for &(end, at) in seen.iter().flatten() {
        let (count, last) = last_seen.entry(end).or_insert((0, at));
        *count += 1;
        *last = (*last).max(at);
    }
    let everywhere = last_seen
        .into_iter()
        .filter(|(_, (count, _))| *count == seen.len());
    everywhere
        .filter_map(|(end, (_, at))| {
            // Its last picture is the last one decoded before it ends.
            let number = sent.partition_point(|(time, _)| *time < end);
            let (_, last_byte) = sent.get(number.checked_sub(1)?)?;
            Some(at.saturating_duration_since(*last_byte))
        })
        .collect()
}

/// A viewer at one box who reads every segment while it is made.
struct Watcher {
    http: reqwest::Client,
    address: SocketAddr,
    keys: Vec<PublicKey>,
    epoch: Epoch,
}

impl Watcher {
    async fn watch(self, from: u32, stop: CancellationToken) -> Result<Seen> {
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
        let (address, epoch) = (self.address, self.epoch);
        let url = format!("http://{address}/live/{CHANNEL}/{epoch}/v0/{segment}.m4v");
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

    /// Where the chunk ends in media time, as its seal says.
    fn end_of(&self, bytes: Bytes, segment: u32, index: u16) -> Result<Duration> {
        let id = ChunkId {
            channel: CHANNEL.parse()?,
            epoch: self.epoch,
            track: "v0".parse()?,
            segment,
            index,
        };
        let chunk = SealedChunk::new(bytes).open(&id, &self.keys)?;
        let record = chunk.record();
        if record.timescale == 0 {
            bail!("{id} has no timescale");
        }
        let ticks = u128::from(record.time + u64::from(record.duration));
        let nanoseconds = ticks * 1_000_000_000 / u128::from(record.timescale);
        // The clip's times are whole milliseconds on the wire: half a picture is room enough.
        let end = Duration::from_nanos(u64::try_from(nanoseconds)?);
        Ok(end.saturating_sub(Duration::from_millis(20)))
    }
}

/// Cuts one whole chunk, up to the end of its `mdat`, off the front.
fn next_chunk(buffer: &mut BytesMut) -> Option<Bytes> {
    let mdat = tests::segment::payloads(buffer, *b"mdat").next()?;
    Some(buffer.split_to(mdat.end).freeze())
}
