//! Promises of the filler, kept with files that ffmpeg made.

mod bad_files;
mod rounds;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::id::TrackKind;

use super::tour::Tour;
use super::{BadFiller, Filler};
use crate::media::{AccessUnit, Config, Millis, Unit};
use crate::package::{Cut, Packaged, Packager};

pub(crate) const PICTURES: &[&str] = &["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"];
pub(crate) const SOUND: &[&str] = &["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"];
pub(crate) const H264: &[&str] = &["-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "50"];
pub(crate) const AAC: &[&str] = &["-c:a", "aac", "-ac", "2"];

const PATIENCE: Duration = Duration::from_secs(30);

/// A folder with files for one test.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file that ffmpeg makes with these settings.
    pub(crate) fn make(&self, name: &str, settings: &[&[&str]]) -> PathBuf {
        let path = self.path(name);
        let output = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-y"])
            .args(settings.iter().copied().flatten())
            .arg(&path)
            .output()
            .expect("these tests need ffmpeg");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaints}");
        path
    }
}

impl Filler {
    /// What is played before that time, as fast as it can be read.
    pub(crate) fn units_before(&self, until: Duration) -> Vec<Unit> {
        let mut tour = Tour::new(Arc::clone(&self.0));
        let round = &self.0.round;
        let lanes = round.video.iter().chain(&round.audio);
        let configs = lanes.map(|lane| Unit::Config(lane.track.id, lane.track.config.clone()));
        let mut units: Vec<_> = configs.collect();
        let samples = tour.read(Millis(0) + until, usize::MAX).unwrap();
        units.extend(samples.into_iter().map(Unit::Sample));
        units
    }
}

/// What packaging makes of units that come in time.
pub(crate) fn package(units: Vec<Unit>) -> Vec<Packaged> {
    let mut packager = Packager::new(Cut::default(), []);
    let (start, mut now) = (Instant::now(), Duration::ZERO);
    let mut pieces = Vec::new();
    for unit in units {
        if let Unit::Sample(sample) = &unit {
            now = now.max(sample.decode_time.since(Millis(0)));
        }
        pieces.extend(packager.push(unit, start + now).unwrap());
    }
    pieces.extend(packager.finish());
    pieces
}

fn open(path: &Path) -> Result<Filler, BadFiller> {
    Filler::open(path)
}

fn of(units: &[Unit], kind: TrackKind) -> Vec<&AccessUnit> {
    let samples = units.iter().filter_map(|unit| match unit {
        Unit::Sample(sample) if sample.track.kind() == kind => Some(sample),
        _ => None,
    });
    samples.collect()
}

#[tokio::test]
async fn it_plays_in_real_time_until_nobody_listens() {
    let files = Files::new();
    let path = files.make("both.mp4", &[PICTURES, SOUND, H264, AAC, &["-t", "2"]]);
    let filler = open(&path).unwrap();
    let tasks = TaskTracker::new();
    let mut units = filler.play(&tasks, CancellationToken::new());
    let began = Instant::now();

    let mut configs = Vec::new();
    while let Some(unit) = tokio::time::timeout(PATIENCE, units.recv()).await.unwrap() {
        match unit {
            Unit::Config(track, config) => configs.push((track.kind(), config)),
            Unit::Sample(sample) => {
                let due = sample.decode_time.since(Millis(0));
                assert!(
                    began.elapsed() + Duration::from_millis(5) >= due,
                    "{due:?} is early"
                );
                if due > Duration::from_millis(1200) {
                    break;
                }
            }
        }
    }
    assert!(matches!(
        &configs[..],
        [
            (TrackKind::Video, Config::Avc(_)),
            (TrackKind::Audio, Config::Aac(_))
        ]
    ));
    drop(units);
    tasks.close();
    tokio::time::timeout(PATIENCE, tasks.wait()).await.unwrap();
}

#[tokio::test]
async fn it_ends_with_the_program_though_nobody_takes_what_it_plays() {
    let files = Files::new();
    let path = files.make("pictures.mp4", &[PICTURES, H264, &["-t", "2"]]);
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let units = open(&path).unwrap().play(&tasks, stop.clone());
    stop.cancel();
    tasks.close();
    tokio::time::timeout(PATIENCE, tasks.wait()).await.unwrap();
    drop(units);
}

#[tokio::test]
async fn a_file_that_shrinks_under_it_ends_it_and_nothing_else() {
    let files = Files::new();
    let path = files.make("pictures.mp4", &[PICTURES, H264, &["-t", "2"]]);
    let filler = open(&path).unwrap();
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(1000)
        .unwrap();
    let tasks = TaskTracker::new();
    let mut units = filler.play(&tasks, CancellationToken::new());
    let all = async { while units.recv().await.is_some() {} };
    tokio::time::timeout(PATIENCE, all).await.unwrap();
}
