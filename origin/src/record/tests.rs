//! Promises of recording: what came in plays, whatever happens to the program or its disk.

mod crash;
mod disk;
mod limits;
mod playing;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::id::{ChannelName, Epoch};

use super::name::{Name, Stage};
use super::{RecordSettings, Recorder};
use crate::filler::{Files, Filler, package};
use crate::package::Packaged;

const EPOCH: Epoch = Epoch(1_793_697_300_000);
const PATIENCE: Duration = Duration::from_mins(1);

/// What packaging makes of a file that ffmpeg made, played for so long.
fn pieces(settings: &[&[&str]], length: Duration) -> Vec<Packaged> {
    let files = Files::new();
    let filler = Filler::open(&files.make("source.mp4", settings)).unwrap();
    package(filler.units_before(length))
}

/// A recorder, and the folder that it works in.
struct Studio {
    folder: PathBuf,
    recorder: Recorder,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// The folder, when it is of this test alone.
    temporary: Option<TempDir>,
}

impl Studio {
    fn open() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let studio = Self::open_in(temporary.path(), |_| {});
        Self {
            temporary: Some(temporary),
            ..studio
        }
    }

    fn open_in(folder: &Path, change: impl FnOnce(&mut RecordSettings)) -> Self {
        let mut settings = RecordSettings {
            folder: folder.into(),
            size: None,
            age: None,
        };
        change(&mut settings);
        settings.check().unwrap();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        Self {
            folder: folder.into(),
            recorder: Recorder::spawn(&tasks, stop.clone(), settings),
            tasks,
            stop,
            temporary: None,
        }
    }

    /// Records an epoch from its beginning to its end, and answers with whether the recording went on until then.
    async fn record(&self, epoch: Epoch, pieces: &[Packaged]) -> bool {
        let mut recording = self.recorder.begin(&channel(), epoch);
        for piece in pieces {
            recording.note(piece);
            // Faster than any stream; the disk must not be too slow for this.
            until(|| self.recorder.queued.available_permits() > super::QUEUE_BYTES / 2).await;
            until(|| recording.queue.as_ref().is_none_or(|queue| queue.capacity() > 16)).await;
        }
        until(|| {
            recording
                .queue
                .as_ref()
                .is_none_or(|queue| queue.is_closed() || queue.capacity() == super::QUEUE)
        })
        .await;
        let went_on = recording.goes_on();
        recording.finish();
        went_on
    }

    fn file(&self, epoch: Epoch, stage: Stage) -> PathBuf {
        file_in(&self.folder, epoch, stage)
    }

    /// All files of the channel.
    fn files(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.folder.join("demo")) else {
            return Vec::new();
        };
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    async fn close(self) {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(PATIENCE, self.tasks.wait()).await.unwrap();
        drop(self.temporary);
    }
}

fn channel() -> ChannelName {
    "demo".parse().unwrap()
}

fn file_in(folder: &Path, epoch: Epoch, stage: Stage) -> PathBuf {
    folder.join("demo").join(Name::new(epoch.0, epoch).at(stage))
}

/// A recording that ended so many hours ago.
fn old(folder: &Path, epoch: u64, hours: u64) -> PathBuf {
    let path = file_in(folder, Epoch(epoch), Stage::Whole);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, vec![0; 100_000]).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_hours(hours))
        .unwrap();
    path
}

async fn until(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited too long");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What ffprobe says of streams, a line for each.
fn probe(file: &Path, entries: &str, more: &[&str]) -> Vec<String> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-of", "csv=p=0", "-show_entries", entries])
        .args(more)
        .arg(file)
        .output()
        .expect("these tests need ffmpeg");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{complaints}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| line.trim_end_matches(','));
    lines
        .filter(|line| !line.is_empty())
        .map(ToOwned::to_owned)
        .collect()
}

/// Decodes all of a file; ffmpeg must not complain.
fn decode(file: &Path) {
    let output = Command::new("ffmpeg")
        .args(["-v", "warning", "-xerror", "-err_detect", "explode", "-i"])
        .arg(file)
        .args(["-map", "0", "-f", "null", "-"])
        .output()
        .expect("these tests need ffmpeg");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{complaints}");
}

/// How many pictures, and frames of sound, can be decoded.
fn decoded(file: &Path) -> Vec<u32> {
    let counts = probe(file, "stream=nb_read_frames", &["-count_frames"]);
    counts.iter().map(|count| count.parse().unwrap_or(0)).collect()
}
