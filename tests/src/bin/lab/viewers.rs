//! Viewers: they ask the tracker for its manifest, fetch pictures and sound beside each other as the page's player does,
//! open every seal, and play by the model of a [`Buffer`].

mod asked;
mod mesh;
mod race;
mod standing;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use ::tests::{
    manifest::{Manifest, Track},
    plan::CHANNEL,
};
use anyhow::{Context, Result};
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use wire::{
    id::{ChunkId, Epoch},
    key::PublicKey,
};

use crate::{
    buffer::{Buffer, Seen, Stall},
    run::Run,
};
use asked::During;
pub(crate) use asked::{Asked, Summary, What};
use mesh::Mesh;

/// How many segments are there to be played when the newest comes: the delay that manifests suggest.
const DELAY_SEGMENTS: u32 = 3;

/// How far apart viewers arrive: a crowd that comes at once is another matter.
const ARRIVE: Duration = Duration::from_millis(500);

/// How often the manifest is fetched: as it says itself.
const LOOK: Duration = Duration::from_secs(1);

/// How long a manifest may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// After nobody had a segment the player begins anew.
const APART: Duration = Duration::from_secs(3);

/// What is told of an interruption begins so long before it.
pub(crate) const BEFORE: Duration = Duration::from_secs(6);

/// Everybody who watches.
pub(crate) struct Audience {
    stop: CancellationToken,
    viewers: Vec<JoinHandle<Watched>>,
}

/// What one viewer, or all together, had.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watched {
    pub(crate) seen: Seen,
    pub(crate) asked: Vec<Asked>,
    /// What was asked around the longest interruption.
    pub(crate) worst: Option<(Duration, String)>,
}

impl Audience {
    /// So many viewers take their seats, one after another.
    pub(crate) async fn of(run: &Run, count: usize) -> Result<Self> {
        let channel = run.channel().await?.context("the channel is on air")?;
        let keys: Arc<[PublicKey]> = channel
            .keys
            .iter()
            .map(|key| key.parse())
            .collect::<Result<_, _>>()?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let mut viewers = Vec::with_capacity(count);
        for _ in 0..count {
            let viewer = Viewer {
                http: ::tests::mesh::client()?,
                manifest_url: run.tracker_url(&format!("/live/{CHANNEL}/manifest.mpd")),
                keys: keys.clone(),
                epoch: Epoch(channel.epoch),
            };
            viewers.push(tasks.spawn(viewer.watch(stop.clone())));
            tokio::time::sleep(ARRIVE).await;
        }
        Ok(Self { stop, viewers })
    }

    /// Everybody goes home and tells what they saw, together.
    pub(crate) async fn leave(self) -> Result<Watched> {
        self.stop.cancel();
        let mut all = Watched::default();
        for viewer in self.viewers {
            let one = viewer.await?;
            all.seen.played += one.seen.played;
            all.seen.stalls.extend(one.seen.stalls);
            all.asked.extend(one.asked);
            let is_worse = |(longest, _): &&(Duration, String)| {
                all.worst.as_ref().is_none_or(|(worst, _)| longest > worst)
            };
            if let Some(worst) = one.worst.as_ref().filter(is_worse) {
                all.worst = Some(worst.clone());
            }
        }
        Ok(all)
    }
}

impl Watched {
    /// Time spent waiting, of all time spent watching.
    pub(crate) fn rebuffering_percent(&self) -> f64 {
        let waited: Duration = self.seen.stalls.iter().map(Stall::length).sum();
        let all = waited + self.seen.played;
        100.0 * waited.as_secs_f64() / all.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// The longest interruption.
    pub(crate) fn longest_stall(&self) -> Duration {
        let stalls = self.seen.stalls.iter();
        stalls.map(Stall::length).max().unwrap_or_default()
    }

    /// How many segments came, of each track; by which attempts.
    pub(crate) fn count(&self, which: impl Fn(&Asked) -> bool) -> usize {
        self.asked.iter().filter(|asked| which(asked)).count()
    }
}

struct Viewer {
    http: reqwest::Client,
    manifest_url: String,
    keys: Arc<[PublicKey]>,
    epoch: Epoch,
}

impl Viewer {
    async fn watch(mut self, stop: CancellationToken) -> Watched {
        let Some(first) = stop.run_until_cancelled(self.first_manifest()).await else {
            return Watched::default();
        };
        let newest = newest(&first);
        let (manifest, told) = watch::channel(Arc::new(first));
        let tracks = manifest.borrow().tracks.clone();
        let buffer = Arc::new(Mutex::new(Buffer::new(tracks.len(), Instant::now())));
        let mesh = Mesh::new(self.http.clone(), self.keys.clone(), told.clone(), buffer.clone());
        let mesh = Arc::new(mesh);
        let mut players = JoinSet::new();
        for (number, track) in tracks.into_iter().enumerate() {
            let playing = Playing {
                number,
                track: track.id,
                epoch: self.epoch,
                mesh: mesh.clone(),
                buffer: buffer.clone(),
                told: told.clone(),
            };
            players.spawn(playing.play_from((newest + 1).saturating_sub(DELAY_SEGMENTS).max(1)));
        }
        stop.run_until_cancelled(self.keep_looking(&manifest)).await;
        players.shutdown().await;
        let seen = lock(&buffer).clone().end(Instant::now());
        let asked = mesh.asked();
        let longest = seen.stalls.iter().max_by_key(|stall| stall.length());
        let worst = longest.map(|stall| {
            let from = stall.began.checked_sub(BEFORE).unwrap_or(stall.began);
            let until = stall.ended;
            let asked = &asked;
            (stall.length(), During { asked, from, until }.to_string())
        });
        Watched { seen, asked, worst }
    }

    /// The first manifest in which a segment has just become whole: from then on the player is the delay behind.
    async fn first_manifest(&mut self) -> Manifest {
        let mut before = None;
        loop {
            if let Ok(manifest) = self.manifest().await {
                let now = newest(&manifest);
                if before.is_some_and(|before| now > before && now >= DELAY_SEGMENTS) {
                    return manifest;
                }
                before = Some(now);
            }
            tokio::time::sleep(LOOK / 5).await;
        }
    }

    async fn keep_looking(&mut self, told: &watch::Sender<Arc<Manifest>>) {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Ok(Ok(manifest)) = tokio::time::timeout(PATIENCE, self.manifest()).await {
                told.send_replace(Arc::new(manifest));
            }
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
}

/// One track of what a viewer plays.
struct Playing {
    number: usize,
    track: String,
    epoch: Epoch,
    mesh: Arc<Mesh>,
    buffer: Arc<Mutex<Buffer>>,
    told: watch::Receiver<Arc<Manifest>>,
}

impl Playing {
    /// Fetches segment after segment as the manifest tells of them. What is not had is tried again: how long that takes
    /// is what is measured. All that a live stream has fits into the buffer.
    async fn play_from(mut self, first: u32) {
        for number in first.. {
            while let Some(path) = self.path(number).await {
                let Ok(id) = self.first_chunk(number) else { return };
                match self.mesh.segment(&path, &id).await {
                    Ok(length) => {
                        lock(&self.buffer).append(self.number, Instant::now(), length);
                        break;
                    }
                    Err(_) => tokio::time::sleep(APART).await,
                }
            }
        }
    }

    /// Where the segment is, as soon as there is one of that number.
    async fn path(&mut self, number: u32) -> Option<String> {
        let id = &self.track;
        let find = |manifest: &Manifest| {
            let track = manifest.tracks.iter().find(|track| track.id == *id)?;
            let found = track.segments.iter().find(|(at, _)| *at == number);
            found.map(|(_, path)| path.clone())
        };
        let told = self
            .told
            .wait_for(|manifest| find(manifest).is_some())
            .await
            .ok()?;
        find(&told)
    }

    fn first_chunk(&self, segment: u32) -> Result<ChunkId> {
        Ok(ChunkId {
            channel: CHANNEL.parse()?,
            epoch: self.epoch,
            track: self.track.parse()?,
            segment,
            index: 0,
        })
    }
}

/// The newest segment that all tracks have.
fn newest(manifest: &Manifest) -> u32 {
    manifest.tracks.iter().map(Track::newest).min().unwrap_or(0)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
