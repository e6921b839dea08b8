//! Boxes are reported by others, who may lie. So the tracker has a look: it fetches a chunk from the box as a viewer
//! would, and opens the seal. A box that is slow, or has not got the chunk, is none the worse for it.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use rand::{Rng, RngExt};
use tokio::sync::mpsc;
use tracing::{debug, warn};
use wire::chunk::{MAX_CHUNK_BYTES, SealedChunk};
use wire::id::{BoxId, ChunkId, TrackKind};
use wire::key::PublicKey;
use wire::seal::Refusal;

use super::Tools;
use super::fetch::{Fetcher, Unproved, bounded};
use crate::clock::SECOND;
use crate::registry::BoxRecord;
use crate::roster::{News, View};

/// One box is looked at no oftener than this.
const APART: u64 = 10 * SECOND;

/// Looks that wait. One is taken at a time, and what finds no place was reported by others too, or will be again.
pub(super) const MAILBOX: usize = 16;

/// What is fetched, and whose seal it has to have.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sample {
    id: ChunkId,
    keys: Vec<PublicKey>,
}

/// Looks at each box that is suspected, one at a time.
pub(super) async fn run(tools: Tools, fetcher: Fetcher, mut suspects: mpsc::Receiver<BoxId>) {
    let mut looked = Looked::default();
    while let Some(id) = suspects.recv().await {
        let now = tools.clock.now();
        let view = tools.roster.view();
        let Some(known) = view.boxes.get(&id).filter(|known| known.proved_at().is_some()) else {
            continue;
        };
        let Some(sample) = Sample::of(&view, &known.record, &mut rand::rng(), now) else {
            continue;
        };
        if !looked.is_due(id, now) {
            continue;
        }
        match fetcher.sample(&known.record, &sample).await {
            Ok(Ok(())) => tools.metrics.looked("sound"),
            Ok(Err(refusal)) => {
                warn!(%id, %refusal, "box left out: it handed out what no origin sealed");
                tools.metrics.looked("bad");
                tools.roster.mention(News::FoundOut(id)).await;
            }
            Err(why) => {
                debug!(%id, %why, "nothing to look at");
                tools.metrics.looked("nothing");
            }
        }
    }
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

/// When each box was looked at last.
#[derive(Debug, Default)]
struct Looked(HashMap<BoxId, u64>);

impl Looked {
    /// Whether it is time for a look; then it counts as taken.
    fn is_due(&mut self, id: BoxId, now: u64) -> bool {
        self.0.retain(|_, at| now.saturating_sub(*at) < APART);
        let is_due = !self.0.contains_key(&id);
        if is_due {
            self.0.insert(id, now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, box_id};

    #[test]
    fn one_box_is_looked_at_now_and_then_and_each_by_itself() {
        let mut looked = Looked::default();
        assert!(looked.is_due(box_id(1), NOW));
        assert!(!looked.is_due(box_id(1), NOW + APART - 1));
        assert!(looked.is_due(box_id(2), NOW + 1));
        assert!(looked.is_due(box_id(1), NOW + APART));
        assert!(looked.is_due(box_id(1), NOW + 3 * APART));
        assert_eq!(looked.0.len(), 1);
    }
}
