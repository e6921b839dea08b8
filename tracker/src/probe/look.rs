//! Boxes are reported by others, who may lie. So the tracker has a look: it fetches a chunk from the box as a viewer
//! would, and opens the seal. A box that is slow, or has not got the chunk, is none the worse for it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rand::{Rng, RngExt};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tracing::{debug, warn};
use wire::chunk::{MAX_CHUNK_BYTES, SealedChunk};
use wire::id::{BoxId, ChunkId, TrackKind};
use wire::key::PublicKey;
use wire::seal::Refusal;

use super::Tools;
use super::fetch::{Fetcher, Unproved, bounded};
use super::suspects::Suspects;
use crate::registry::BoxRecord;
use crate::roster::{News, View};

/// Suspects are looked through so often.
const TURN: Duration = Duration::from_secs(1);

/// Reports that wait to be taken in. What finds no place was reported by others too, or will be again.
pub(super) const MAILBOX: usize = 16;

/// What is fetched, and whose seal it has to have.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sample {
    id: ChunkId,
    keys: Vec<PublicKey>,
}

/// Looks at each box that is suspected, one at a time.
pub(super) async fn run(tools: Tools, fetcher: Fetcher, mut suspected: mpsc::Receiver<BoxId>) {
    let mut suspects = Suspects::default();
    let mut turns = tokio::time::interval(TURN);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Some(id) = suspected.recv() => suspects.add(id, tools.clock.now()),
            _ = turns.tick() => {}
            else => return,
        }
        while let Some(id) = suspects.due(tools.clock.now()) {
            if look(&tools, &fetcher, id).await {
                suspects.found_out(id);
            }
        }
    }
}

/// Has a look at what that box hands out. Returns whether it is found out.
async fn look(tools: &Tools, fetcher: &Fetcher, id: BoxId) -> bool {
    let view = tools.roster.view();
    let known = view.boxes.get(&id).filter(|known| known.proved_at().is_some());
    let sample = known.and_then(|known| {
        let sample = Sample::of(&view, &known.record, &mut rand::rng(), tools.clock.now())?;
        Some((&known.record, sample))
    });
    let Some((record, sample)) = sample else {
        debug!(%id, "nothing to look at yet");
        return false;
    };
    match fetcher.sample(record, &sample).await {
        Ok(Ok(())) => tools.metrics.looked("sound"),
        Ok(Err(refusal)) => {
            warn!(%id, %refusal, "box left out: it handed out what no origin sealed");
            tools.metrics.looked("bad");
            tools.roster.mention(News::FoundOut(id)).await;
            return true;
        }
        Err(why) => {
            debug!(%id, %why, "nothing to look at");
            tools.metrics.looked("nothing");
        }
    }
    false
}

impl Sample {
    /// A chunk of the newest segment that the box says it has, of an epoch that is under way.
    fn of(view: &View, record: &BoxRecord, rng: &mut impl Rng, now: u64) -> Option<Self> {
        let mut carried = record.announcement.carried.iter();
        carried.find_map(|carried| {
            let channel = view.channels.get(&carried.channel)?;
            let presentation = &channel.record.presentation;
            let is_under_way = channel.live() && presentation.epoch == carried.epoch && carried.newest > 0;
            if !is_under_way || presentation.tracks.is_empty() {
                return None;
            }
            let track = presentation
                .tracks
                .get(rng.random_range(0..presentation.tracks.len()))?;
            Some(Self {
                id: ChunkId {
                    channel: carried.channel.clone(),
                    epoch: carried.epoch,
                    track: track.track,
                    segment: carried.newest,
                    index: 0,
                },
                keys: channel.record.keys(now),
            })
        })
    }

    fn path(&self) -> String {
        let ChunkId {
            channel,
            epoch,
            track,
            segment,
            index,
        } = &self.id;
        let kind = match track.kind() {
            TrackKind::Audio => "m4a",
            TrackKind::Video => "m4v",
        };
        format!("/live/{channel}/{epoch}/{track}/{segment}.{index}.{kind}")
    }

    fn open(&self, bytes: Bytes) -> Result<(), Refusal> {
        SealedChunk::new(bytes).open(&self.id, &self.keys).map(drop)
    }
}

impl Fetcher {
    /// What opening the seal said, if there was anything to open.
    async fn sample(&self, record: &BoxRecord, sample: &Sample) -> Result<Result<(), Refusal>, Unproved> {
        let http = record.http();
        let response = self.ask(record, &http, &sample.path()).await?;
        // Longer than any chunk is not cut to one.
        let bytes: BytesMut = bounded(response, MAX_CHUNK_BYTES + 1)
            .await
            .map_err(|error| Unproved::broken(&http, &error))?;
        Ok(sample.open(bytes.freeze()))
    }
}
