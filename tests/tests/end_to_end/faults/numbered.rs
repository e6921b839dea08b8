//! Somebody who watches in low latency: reads the manifest once, then asks for one number after the other, and shows
//! each segment two seconds after it was live.

use std::{
    ops::AddAssign,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, ensure};
use tests::{mesh::Mesh, plan::CHANNEL};

/// How far behind live pictures are shown, as `low-latency.mpd` asks for.
const BEHIND: Duration = Duration::from_secs(2);

/// Who says nothing for this long is left for the next.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is asked for, and of whom.
#[derive(Clone, Debug)]
pub(super) struct Numbered {
    http: reqwest::Client,
    bases: Vec<String>,
    epoch: u64,
    segment: Duration,
}

/// How it went.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watched {
    /// Whole segments shown.
    pub(super) segments: u32,
    /// How long pictures or sound stood still.
    pub(super) stood_still: Duration,
    /// Media bytes.
    pub(super) bytes: usize,
}

impl Numbered {
    /// Reads the manifest of a tracker, this once.
    pub(super) async fn open(mesh: &Mesh) -> Result<Self> {
        let url = mesh.trackers[0].url(&format!("/live/{CHANNEL}/low-latency.mpd"));
        let mpd = mesh
            .http
            .get(&url)
            .send()
            .await?
            .error_for_status()?
            .text()
            .await?;
        let template = mpd
            .split("<SegmentTemplate")
            .nth(1)
            .context("no SegmentTemplate")?;
        let number = |name: &str| -> Result<f64> {
            let text = attribute(template, name).with_context(|| format!("no {name}: {mpd}"))?;
            Ok(text.parse::<u32>()?.into())
        };
        let media = attribute(template, "media").context("no media")?;
        let bases = mpd.split("<BaseURL").skip(1);
        let bases = bases.filter_map(|base| Some(base.split_once('>')?.1.split_once('<')?.0.to_owned()));
        Ok(Self {
            http: reqwest::Client::builder()
                .no_proxy()
                .connect_timeout(PATIENCE)
                .build()?,
            bases: bases.collect(),
            epoch: media.split('/').next().context("no epoch")?.parse()?,
            segment: Duration::from_secs_f64(number("duration")? / number("timescale")?),
        })
    }

    /// Watches pictures and sound for `span`.
    pub(super) async fn watch(self, span: Duration) -> Result<Watched> {
        let (mut pictures, sound) =
            tokio::try_join!(self.track("v0", "m4v", span), self.track("a0", "m4a", span))?;
        pictures += sound;
        Ok(pictures)
    }

    async fn track(&self, track: &str, extension: &str, span: Duration) -> Result<Watched> {
        let begun = self.now()?;
        let first = u32::try_from(begun.as_millis() / self.segment.as_millis())? + 1;
        let mut watched = Watched::default();
        for number in first.. {
            let begins = self.segment * (number - 1) + watched.stood_still;
            if begins > begun + span {
                break;
            }
            tokio::time::sleep(begins.saturating_sub(self.now()?)).await;
            let path = format!("{}/{track}/{number}.{extension}", self.epoch);
            watched.bytes += self.fetch(&path).await?;
            watched.segments += 1;
            let shown = self.segment * number + BEHIND + watched.stood_still;
            watched.stood_still += self.now()?.saturating_sub(shown);
        }
        Ok(watched)
    }

    /// Since the epoch began.
    fn now(&self) -> Result<Duration> {
        let now = SystemTime::UNIX_EPOCH.elapsed()?;
        Ok(now.saturating_sub(Duration::from_millis(self.epoch)))
    }

    async fn fetch(&self, path: &str) -> Result<usize> {
        let mut why = String::new();
        for _ in 0..3 {
            for base in &self.bases {
                let request = self.http.get(format!("{base}{path}")).send();
                let whole = async { request.await?.error_for_status()?.bytes().await };
                match tokio::time::timeout(PATIENCE + self.segment, whole).await {
                    Ok(Ok(bytes)) => {
                        ensure!(!bytes.is_empty(), "{path} is empty");
                        return Ok(bytes.len());
                    }
                    Ok(Err(error)) => why = format!("{error}"),
                    Err(_) => why = format!("{base} is silent"),
                }
            }
        }
        anyhow::bail!("{path} is nowhere: {why}")
    }
}

impl AddAssign for Watched {
    fn add_assign(&mut self, other: Self) {
        self.segments = self.segments.min(other.segments);
        self.stood_still = self.stood_still.max(other.stood_still);
        self.bytes += other.bytes;
    }
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, behind) = tag.split_once(&format!(" {name}=\""))?;
    Some(behind.split_once('"')?.0)
}
