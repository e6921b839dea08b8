//! The promises of the ladder, kept with a real ffmpeg.

mod children;
mod source;
mod together;

use std::collections::BTreeMap;
use std::time::Duration;

use program::quantity::Bitrate;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::samples::{samples, shown};
use super::{FromLadder, Ladder, LadderSettings};
use crate::ffmpeg::Ffmpeg;
use crate::media::{AccessUnit, Millis, TrackId, TrackKind, Unit};
use crate::settings::RenditionSettings;

const PATIENCE: Duration = Duration::from_mins(1);

/// How far the source runs ahead of its rendition here: no child may need more to begin.
const AHEAD: Duration = Duration::from_secs(2);

fn v1() -> TrackId {
    TrackId::new(TrackKind::Video, 1).unwrap()
}

fn a1() -> TrackId {
    TrackId::new(TrackKind::Audio, 1).unwrap()
}

fn rendition(height: u32, audio: Option<u64>) -> RenditionSettings {
    RenditionSettings {
        height,
        video: Bitrate(60_000),
        audio: audio.map(Bitrate),
    }
}

/// A ladder, and everything that came of it.
struct Stage {
    ladder: Ladder,
    tasks: TaskTracker,
    stop: CancellationToken,
    units: Vec<Unit>,
    newest: BTreeMap<TrackId, Millis>,
    /// Tracks that came up and went down.
    news: Vec<(TrackId, bool)>,
}

impl Stage {
    fn new(ffmpeg: impl Into<std::path::PathBuf>, renditions: &[RenditionSettings]) -> Self {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let settings = LadderSettings {
            ffmpeg: Ffmpeg::new(ffmpeg),
            renditions: renditions.to_vec(),
            threads: std::num::NonZero::<u16>::MIN,
        };
        Self {
            ladder: Ladder::spawn(&tasks, &stop, &settings),
            tasks,
            stop,
            units: Vec::new(),
            newest: BTreeMap::new(),
            news: Vec::new(),
        }
    }

    async fn hears(&mut self) {
        let told = timeout(PATIENCE, self.ladder.next()).await;
        match told.expect("something comes of the ladder") {
            FromLadder::Unit(unit) => {
                if let Unit::Sample(sample) = &unit {
                    self.newest.insert(sample.track, sample.decode_time);
                }
                self.units.push(unit);
            }
            FromLadder::Up(track) => self.news.push((track, true)),
            FromLadder::Down(track) => self.news.push((track, false)),
        }
    }

    /// Feeds a whole source as fast as the rendition of its pictures follows, up to its last keyframe.
    async fn plays(&mut self, source: &[Unit]) {
        let mut first = None;
        for unit in source {
            if let Unit::Sample(sample) = unit {
                let first = *first.get_or_insert(sample.decode_time);
                while sample.decode_time.since(self.newest(v1()).max(first)) > AHEAD {
                    self.hears().await;
                }
            }
            self.ladder.feed(unit);
        }
        let keyframes = samples(source, TrackId::VIDEO);
        let last = keyframes.iter().rfind(|sample| sample.keyframe).unwrap();
        let last = shown([last])[0];
        while self.newest(v1()).0 < last {
            self.hears().await;
        }
    }

    /// The newest sample of a track.
    fn newest(&self, track: TrackId) -> Millis {
        self.newest.get(&track).copied().unwrap_or_default()
    }

    async fn ends(self) {
        self.stop.cancel();
        self.tasks.close();
        timeout(PATIENCE, self.tasks.wait())
            .await
            .expect("every task ends at the stop");
    }
}

/// Each picture of the source has one that is shown at the same millisecond, and keyframes are the same.
fn assert_aligned(source: &[AccessUnit], made: &[AccessUnit]) {
    let keyframes = |samples: &[AccessUnit]| shown(samples.iter().filter(|sample| sample.keyframe));
    let all = shown(made);
    assert!(made.iter().all(|sample| sample.composition_offset == 0));
    assert!(all.is_sorted_by(|one, next| one < next));
    assert_eq!(all, shown(source)[..all.len()], "one for one");
    let of_source = keyframes(source);
    assert!(of_source.len() >= 3, "keyframes to compare");
    assert_eq!(keyframes(made), of_source);
}
