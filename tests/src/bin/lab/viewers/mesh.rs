//! Segments from the mesh, as the page's player has them (`web-player/src/fetch/mesh.ts`): asked of one box, of another
//! when that one fails, every seal opened.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use ::tests::{
    manifest::{Manifest, Source},
    segment::payloads,
};
use anyhow::{Result, bail, ensure};
use bytes::{Bytes, BytesMut};
use reqwest::{StatusCode, header::RETRY_AFTER};
use tokio::sync::watch;
use wire::{chunk::SealedChunk, id::ChunkId, key::PublicKey};

use crate::buffer::Buffer;

use super::{
    asked::{Asked, What},
    race::{Fate, Heard, Resort, race},
    standing::Standings,
};

/// How long a segment is looked for, and how long the pauses between the rounds are.
const SEARCH: Duration = Duration::from_secs(20);
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A segment that nobody has in so many rounds does not exist.
const ROUNDS_OF_MISSES: u32 = 3;

/// Why an attempt came to nothing.
#[derive(Debug)]
pub(super) enum Why {
    NoAnswer,
    Answered(StatusCode, Option<Duration>),
    Refused,
}

/// Where one viewer has its segments from.
pub(super) struct Mesh {
    http: reqwest::Client,
    keys: Arc<[PublicKey]>,
    manifest: watch::Receiver<Arc<Manifest>>,
    buffer: Arc<Mutex<Buffer>>,
    standings: Mutex<Standings>,
    asked: Mutex<Vec<Asked>>,
}

impl Mesh {
    pub(super) fn new(
        http: reqwest::Client,
        keys: Arc<[PublicKey]>,
        manifest: watch::Receiver<Arc<Manifest>>,
        buffer: Arc<Mutex<Buffer>>,
    ) -> Self {
        Self {
            http,
            keys,
            manifest,
            buffer,
            standings: Mutex::default(),
            asked: Mutex::default(),
        }
    }

    /// Everything that was asked so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        lock(&self.asked).clone()
    }

    /// Fetches the segment that begins with `first`; how long it plays. Fails only when nobody had it for a long while.
    pub(super) async fn segment(&self, path: &str, first: &ChunkId) -> Result<Duration> {
        let until = Instant::now() + SEARCH;
        for round in 0.. {
            let sources = self.manifest.borrow().sources.clone();
            let order = lock(&self.standings).order(&sources, Instant::now());
            let resort = Resort {
                number: order.iter().position(|source| !source.is_box()),
                due: || lock(&self.buffer).stands_in(Instant::now()),
            };
            let mut last = None;
            let began = Mutex::new(vec![Instant::now(); order.len()]);
            let attempt = |number: usize, heard: Heard| {
                lock(&began)[number] = Instant::now();
                let base = order[number].base.clone();
                fetch(
                    self.http.clone(),
                    base.join(path),
                    first.clone(),
                    self.keys.clone(),
                    heard,
                )
            };
            let served = race((order.len(), resort), attempt, |number, fate| {
                let began = lock(&began)[number];
                self.note(&order[number], first, began, &fate);
                if let Fate::Failed(why) = fate {
                    last = Some(why);
                }
            });
            if let Some(length) = served.await {
                return Ok(length);
            }
            let is_missing = matches!(last, Some(Why::Answered(StatusCode::NOT_FOUND, _)));
            if is_missing && round + 1 >= ROUNDS_OF_MISSES || Instant::now() > until {
                break;
            }
            let pause = SHORTEST_PAUSE * 2_u32.saturating_pow(round);
            tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
        }
        bail!("nobody has {first}")
    }

    /// What an attempt says about whom was asked.
    fn note(&self, source: &Source, first: &ChunkId, began: Instant, fate: &Fate<Why>) {
        let now = Instant::now();
        let mut standings = lock(&self.standings);
        let what = match fate {
            Fate::Served => {
                standings.served(source);
                What::Served
            }
            Fate::Beaten { late } => {
                if *late {
                    standings.failed(source, now);
                }
                What::Beaten
            }
            Fate::Failed(Why::Refused) => {
                standings.lied(source, now);
                What::Refused
            }
            Fate::Failed(Why::Answered(StatusCode::NOT_FOUND, _)) => {
                standings.missed(source, now);
                What::Missing
            }
            Fate::Failed(Why::Answered(StatusCode::SERVICE_UNAVAILABLE, retry_after)) => {
                standings.busy(source, *retry_after, now);
                What::Busy
            }
            Fate::Failed(Why::NoAnswer | Why::Answered(..)) | Fate::Hanging => {
                standings.failed(source, now);
                What::Failed
            }
        };
        lock(&self.asked).push(Asked {
            began,
            ended: now,
            whom: source.location.clone(),
            segment: format!("{}/{}", first.track, first.segment),
            what,
        });
    }
}

/// Fetches a segment, opens every seal in it, and tells how long it plays.
async fn fetch(
    http: reqwest::Client,
    url: Result<url::Url, url::ParseError>,
    first: ChunkId,
    keys: Arc<[PublicKey]>,
    heard: Heard,
) -> Result<Duration, Why> {
    let url = url.map_err(|_| Why::NoAnswer)?;
    let mut answer = http.get(url).send().await.map_err(|_| Why::NoAnswer)?;
    if answer.status() != StatusCode::OK {
        let after = answer
            .headers()
            .get(RETRY_AFTER)
            .and_then(|after| after.to_str().ok());
        let after = after
            .and_then(|after| after.parse().ok())
            .map(Duration::from_secs);
        return Err(Why::Answered(answer.status(), after));
    }
    let total = answer.content_length();
    heard.now(0, total);
    let mut bytes = BytesMut::new();
    while let Some(piece) = answer.chunk().await.map_err(|_| Why::NoAnswer)? {
        bytes.extend_from_slice(&piece);
        heard.now(bytes.len() as u64, total);
    }
    open(bytes, &first, &keys).map_err(|_| Why::Refused)
}

/// Opens every chunk of a segment; how long it plays.
fn open(mut rest: BytesMut, first: &ChunkId, keys: &[PublicKey]) -> Result<Duration> {
    let mut length = Duration::ZERO;
    let mut is_whole = false;
    for index in 0.. {
        let Some(mdat) = payloads(&rest, *b"mdat").next() else {
            break;
        };
        let bytes: Bytes = rest.split_to(mdat.end).freeze();
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
