//! Who fetches chunk after chunk from boxes, whichever by lot, and opens every seal.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use ::tests::{plan::CHANNEL, status::ChannelStatus};
use anyhow::Result;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use wire::{
    chunk::SealedChunk,
    id::{ChunkId, Epoch},
    key::PublicKey,
};

use crate::faults::polluters::Tally;

/// Segments of the window, and chunks of a segment, by their length of 2 s and a quarter of one.
const WINDOW: u64 = 25;
const CHUNKS: u16 = 8;
const SEGMENT: Duration = Duration::from_secs(2);

/// Of so many fetches one is of pictures: the uplinks are small.
const SOUND: u32 = 50;

/// After an answer that is no chunk.
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) struct Fetcher {
    http: reqwest::Client,
    bases: Vec<String>,
    epoch: Epoch,
    keys: Vec<PublicKey>,
    tally: Arc<Tally>,
    random: StdRng,
}

impl Fetcher {
    /// So many of them, until the guard is dropped.
    pub(crate) fn crowd(
        count: usize,
        seed: u64,
        bases: &[String],
        channel: &ChannelStatus,
        tally: &Arc<Tally>,
    ) -> Result<DropGuard> {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let keys: Vec<PublicKey> = channel
            .keys
            .iter()
            .map(|key| key.parse())
            .collect::<Result<_, _>>()?;
        for number in (0_u64..).take(count) {
            let fetcher = Self {
                http: ::tests::mesh::client()?,
                bases: bases.to_vec(),
                epoch: Epoch(channel.epoch),
                keys: keys.clone(),
                tally: tally.clone(),
                random: StdRng::seed_from_u64(seed ^ (number << 32)),
            };
            let stop = stop.clone();
            tasks.spawn(async move { stop.run_until_cancelled(fetcher.fetch_for_ever()).await });
        }
        Ok(stop.drop_guard())
    }

    async fn fetch_for_ever(mut self) {
        loop {
            let fetched = self.fetch().await;
            if !matches!(fetched, Ok(true)) {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Fetches one chunk; whether there was one.
    async fn fetch(&mut self) -> Result<bool> {
        let (track, kind) = if self.random.random_ratio(1, SOUND) {
            ("v0", "m4v")
        } else {
            ("a0", "m4a")
        };
        let since = std::time::UNIX_EPOCH
            .elapsed()?
            .saturating_sub(Duration::from_millis(self.epoch.0));
        let newest = since.as_secs() / SEGMENT.as_secs();
        let id = ChunkId {
            channel: CHANNEL.parse()?,
            epoch: self.epoch,
            track: track.parse()?,
            segment: u32::try_from(newest.saturating_sub(self.random.random_range(0..WINDOW)).max(1))?,
            index: self.random.random_range(0..CHUNKS),
        };
        let base = &self.bases[self.random.random_range(0..self.bases.len())];
        let url = format!("{base}/{track}/{}.{}.{kind}", id.segment, id.index);
        let answer = self.http.get(url).send().await?;
        if !answer.status().is_success() {
            return Ok(false);
        }
        let bytes = answer.bytes().await?;
        self.tally.fetched.fetch_add(1, Ordering::Relaxed);
        if SealedChunk::new(bytes).open(&id, &self.keys).is_err() {
            self.tally.bad.fetch_add(1, Ordering::Relaxed);
        }
        Ok(true)
    }
}
