//! Viewers: they ask the tracker for its manifest, fetch segments where it says, open every seal, and play by the
//! model of a [`Buffer`].

use std::time::{Duration, Instant};

use ::tests::{
    manifest::{Manifest, Track},
    plan::CHANNEL,
    segment::payloads,
};
use anyhow::{Context, Result, ensure};
use bytes::{Bytes, BytesMut};
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wire::{
    chunk::SealedChunk,
    id::{ChunkId, Epoch},
    key::PublicKey,
};

use crate::{
    buffer::{Buffer, Seen},
    run::Run,
};

/// How many segments behind the newest a viewer begins.
const BEHIND: u32 = 3;

/// More than this is not fetched ahead.
const AHEAD: Duration = Duration::from_secs(8);

/// How often it is looked for new segments.
const LOOK: Duration = Duration::from_millis(500);

/// How long one source may take for a segment before the next is asked.
const PATIENCE: Duration = Duration::from_millis(2500);

/// Everybody who watches.
pub(crate) struct Audience {
    stop: CancellationToken,
    viewers: Vec<JoinHandle<Result<Watched>>>,
}

/// What one viewer, or all together, had.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watched {
    pub(crate) seen: Seen,
    /// Segments fetched of each track.
    pub(crate) segments: u64,
    /// Of those, from the origin.
    pub(crate) from_origin: u64,
    /// Answers whose seals did not open.
    pub(crate) refused: u64,
}

impl Audience {
    /// So many viewers take their seats.
    pub(crate) async fn of(run: &Run, count: usize) -> Result<Self> {
        let channel = run.channel().await?.context("the channel is on air")?;
        let keys: Vec<PublicKey> = channel
            .keys
            .iter()
            .map(|key| key.parse())
            .collect::<Result<_, _>>()?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let viewers = (0..count).map(|_| {
            let viewer = Viewer {
                http: ::tests::mesh::client()?,
                manifest_url: run.tracker_url(&format!("/live/{CHANNEL}/manifest.mpd")),
                keys: keys.clone(),
                watched: Watched::default(),
            };
            Ok(tasks.spawn(viewer.watch(stop.clone())))
        });
        Ok(Self {
            viewers: viewers.collect::<Result<_>>()?,
            stop,
        })
    }

    /// Everybody goes home and tells what they saw, together.
    pub(crate) async fn leave(self) -> Result<Watched> {
        self.stop.cancel();
        let mut all = Watched::default();
        for viewer in self.viewers {
            let one = viewer.await??;
            all.seen.played += one.seen.played;
            all.seen.stalls.extend(one.seen.stalls);
            all.segments += one.segments;
            all.from_origin += one.from_origin;
            all.refused += one.refused;
        }
        Ok(all)
    }
}

impl Watched {
    /// Time spent waiting, of all time spent watching.
    pub(crate) fn rebuffering_percent(&self) -> f64 {
        let waited: Duration = self.seen.stalls.iter().sum();
        let all = waited + self.seen.played;
        100.0 * waited.as_secs_f64() / all.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// The longest interruption.
    pub(crate) fn longest_stall(&self) -> Duration {
        self.seen.stalls.iter().max().copied().unwrap_or_default()
    }
}

struct Viewer {
    http: reqwest::Client,
    manifest_url: String,
    keys: Vec<PublicKey>,
    watched: Watched,
}

impl Viewer {
    async fn watch(mut self, stop: CancellationToken) -> Result<Watched> {
        let mut buffer = Buffer::new(Instant::now());
        stop.run_until_cancelled(self.play(&mut buffer)).await;
        self.watched.seen = buffer.end(Instant::now());
        Ok(self.watched)
    }

    /// Plays for ever. What does not go well is tried again: how long that takes is what is measured.
    async fn play(&mut self, buffer: &mut Buffer) {
        let mut next = None;
        loop {
            if let Ok(manifest) = self.manifest().await {
                let newest = manifest.tracks.iter().map(Track::newest).min().unwrap_or(0);
                let oldest = manifest.tracks.iter().filter_map(|track| track.segments.first());
                let oldest = oldest.map(|(number, _)| *number).max().unwrap_or(1);
                let mut number = next.unwrap_or(newest.saturating_sub(BEHIND)).max(oldest);
                while number <= newest && buffer.ahead(Instant::now()) < AHEAD {
                    let Ok(length) = self.segment(&manifest, number).await else {
                        break;
                    };
                    buffer.append(Instant::now(), length);
                    number += 1;
                }
                next = Some(number);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The manifest by the session that the tracker gave with the first one.
    async fn manifest(&mut self) -> Result<Manifest> {
        let answer = self
            .http
            .get(&self.manifest_url)
            .send()
            .await?
            .error_for_status()?;
        let url = answer.url().clone();
        let text = answer.text().await?;
        let location = text
            .split_once("<Location>")
            .and_then(|(_, rest)| rest.split_once("</Location>"));
        if let Some((location, _)) = location {
            self.manifest_url = url.join(&location.replace("&amp;", "&"))?.into();
        }
        Manifest::parse(url.as_str(), &text)
    }

    /// Fetches a segment of all tracks; how long it plays.
    async fn segment(&mut self, manifest: &Manifest, number: u32) -> Result<Duration> {
        let epoch = manifest
            .periods
            .last()
            .context("a period")?
            .id
            .parse()
            .map(Epoch)?;
        let mut length = Duration::MAX;
        for track in &manifest.tracks {
            let found = track.segments.iter().find(|(at, _)| *at == number);
            let (_, path) = found.context("no such segment")?;
            let first = ChunkId {
                channel: CHANNEL.parse()?,
                epoch,
                track: track.id.parse()?,
                segment: number,
                index: 0,
            };
            length = length.min(self.track(manifest, path, &first).await?);
        }
        Ok(length)
    }

    /// Asks one source after the other, the origin last.
    async fn track(&mut self, manifest: &Manifest, path: &str, first: &ChunkId) -> Result<Duration> {
        for source in &manifest.sources {
            let fetched = tokio::time::timeout(PATIENCE, self.fetch(source.base.join(path)?)).await;
            let Ok(Ok(bytes)) = fetched else { continue };
            match open(bytes, first, &self.keys) {
                Ok(length) => {
                    self.watched.segments += 1;
                    self.watched.from_origin += u64::from(!source.is_box());
                    return Ok(length);
                }
                Err(_) => self.watched.refused += 1,
            }
        }
        anyhow::bail!("nobody has {first}")
    }

    async fn fetch(&self, url: url::Url) -> Result<Bytes> {
        Ok(self
            .http
            .get(url)
            .send()
            .await?
            .error_for_status()?
            .bytes()
            .await?)
    }
}

/// Opens every chunk of a segment; how long it plays.
fn open(segment: Bytes, first: &ChunkId, keys: &[PublicKey]) -> Result<Duration> {
    let mut rest = BytesMut::from(segment);
    let mut length = Duration::ZERO;
    let mut is_whole = false;
    for index in 0.. {
        let Some(mdat) = payloads(&rest, *b"mdat").next() else {
            break;
        };
        let bytes = rest.split_to(mdat.end).freeze();
        let id = ChunkId {
            index,
            ..first.clone()
        };
        let chunk = SealedChunk::new(bytes).open(&id, keys)?;
        let record = chunk.record();
        length += Duration::from_secs_f64(f64::from(record.duration) / f64::from(record.timescale.max(1)));
        is_whole = record.last;
    }
    ensure!(is_whole && rest.is_empty(), "{first} is not whole");
    Ok(length)
}
