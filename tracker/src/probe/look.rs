//! The tracker fetches chunks from boxes as a viewer would, and opens the seals: from those that others report, who may
//! lie, and now and then from any. A box that has not got the chunk, or says that it is full, is none the worse for it; one
//! that is slow time after time, or not there, is left out for a while.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
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

/// Every so often boxes are looked at that nobody reported, each about once a minute; where there are many, more seldom.
const ROUND: Duration = Duration::from_secs(5);

/// Not before a tracker has been there for a while: it has all boxes to find first.
const FIRST_ROUND: Duration = Duration::from_mins(1);
const ROUNDS_A_MINUTE: usize = 12;
const MOST_A_ROUND: usize = 20;

/// A chunk is a fraction of a second of media. Who takes as long for one as a whole segment lasts, from asking to its last
/// byte, is slow.
const SLOW: Duration = Duration::from_secs(2);

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
    let mut rounds = tokio::time::interval_at(Instant::now() + FIRST_ROUND, ROUND);
    for ticks in [&mut turns, &mut rounds] {
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    loop {
        tokio::select! {
            Some(id) = suspected.recv() => suspects.add(id, tools.clock.now()),
            _ = turns.tick() => {}
            _ = rounds.tick() => {
                let end = Instant::now() + ROUND;
                let some = some(&tools.roster.view(), &mut rand::rng());
                for id in some {
                    match look(&tools, &fetcher, id).await {
                        // It is looked at again soon: one look says little.
                        Seen::Slow => suspects.add(id, tools.clock.now()),
                        Seen::Forged | Seen::Fine | Seen::Nothing => {}
                    }
                    if Instant::now() >= end {
                        break;
                    }
                }
            }
            else => return,
        }
        while let Some(id) = suspects.due(tools.clock.now()) {
            if look(&tools, &fetcher, id).await == Seen::Forged {
                suspects.found_out(id);
            }
        }
    }
}

/// Some of the boxes that viewers are sent to, by chance.
fn some(view: &View, rng: &mut impl Rng) -> Vec<BoxId> {
    let listed: Vec<BoxId> = view.listed().map(|alive| alive.record.id).collect();
    let count = listed.len().div_ceil(ROUNDS_A_MINUTE).min(MOST_A_ROUND);
    listed.sample(rng, count).copied().collect()
}

/// What a look showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Forged,
    Slow,
    Fine,
    Nothing,
}

/// Has a look at what that box hands out.
async fn look(tools: &Tools, fetcher: &Fetcher, id: BoxId) -> Seen {
    let view = tools.roster.view();
    let known = view.boxes.get(&id).filter(|known| known.proved_at().is_some());
    let sample = known.and_then(|known| {
        let sample = Sample::of(&view, &known.record, &mut rand::rng(), tools.clock.now())?;
        Some((&known.record, sample))
    });
    let Some((record, sample)) = sample else {
        debug!(%id, "nothing to look at yet");
        return Seen::Nothing;
    };
    let asked = Instant::now();
    let (seen, word) = match fetcher.sample(record, &sample).await {
        Ok((_, Err(refusal))) => {
            warn!(%id, %refusal, "box left out: it handed out what no origin sealed");
            (Seen::Forged, "bad")
        }
        Ok((_, Ok(()))) if asked.elapsed() > SLOW => (Seen::Slow, "slow"),
        Ok((bytes, Ok(()))) => {
            let rate = rate(bytes, asked.elapsed());
            tools.roster.mention(News::Timed(id, rate)).await;
            (Seen::Fine, "sound")
        }
        Err(why) => {
            debug!(%id, %why, "nothing to look at");
            match why {
                Unproved::Unreachable { .. } => (Seen::Slow, "slow"),
                _ => (Seen::Nothing, "nothing"),
            }
        }
    };
    tools.metrics.looked(word);
    match seen {
        Seen::Forged => tools.roster.mention(News::FoundOut(id)).await,
        Seen::Slow | Seen::Fine => tools.roster.mention(News::Looked(id, seen == Seen::Slow)).await,
        Seen::Nothing => {}
    }
    seen
}

/// Bits per second.
fn rate(bytes: usize, took: Duration) -> u64 {
    let millis = took.as_millis().max(1);
    let bits = u128::try_from(bytes).unwrap_or(u128::MAX).saturating_mul(8);
    u64::try_from(bits.saturating_mul(1000) / millis).unwrap_or(u64::MAX)
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
    /// What opening the seal said, if there was anything to open, and how many bytes that was.
    async fn sample(
        &self,
        record: &BoxRecord,
        sample: &Sample,
    ) -> Result<(usize, Result<(), Refusal>), Unproved> {
        let http = record.http();
        let response = self.ask(record, &http, &sample.path()).await?;
        // Longer than any chunk is not cut to one.
        let bytes: BytesMut = bounded(response, MAX_CHUNK_BYTES + 1)
            .await
            .map_err(|error| Unproved::broken(&http, &error))?;
        Ok((bytes.len(), sample.open(bytes.freeze())))
    }
}
