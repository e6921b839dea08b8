//! A disk that fails stops the recording, and nothing else.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::super::name::Stage;
use super::super::{BadFolder, RecordSettings};
use super::{EPOCH, Studio, decoded, pieces, until};
use crate::filler::{AAC, H264, PICTURES, SOUND};
use wire::id::Epoch;

const BOTH: &[&[&str]] = &[PICTURES, SOUND, H264, AAC, &["-t", "4"]];

/// A disk of so many bytes; none where the test may not have one.
struct Disk(tempfile::TempDir);

impl Disk {
    fn of(bytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"])
            .arg(folder.path())
            .output();
        mounted
            .is_ok_and(|mounted| mounted.status.success())
            .then(|| Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_stops_the_recording_which_plays_and_the_next_epoch_tries_again() {
    let Some(disk) = Disk::of(400 << 10) else {
        eprintln!("not run: only root can mount a disk that is too small");
        return;
    };
    let pieces = pieces(BOTH, Duration::from_secs(20));
    let studio = Studio::open_in(disk.path(), |_| {});
    assert!(!studio.record(EPOCH, &pieces).await, "it stopped");
    let file = studio.file(EPOCH, Stage::Whole);
    until(|| file.exists()).await;
    let whole = decoded(&file)[0];
    assert!((25..501).contains(&whole), "{whole} pictures were kept");

    let next = Epoch(EPOCH.0 + 60_000);
    assert!(!studio.record(next, &pieces).await, "there is no room");
    fs::remove_file(&file).unwrap();
    let next = Epoch(EPOCH.0 + 120_000);
    assert!(studio.record(next, &pieces[..20]).await, "there is room again");
    studio.close().await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_stops_the_recording_only() {
    let pieces = pieces(BOTH, Duration::from_secs(4));
    let studio = Studio::open();
    fs::write(studio.folder.join("demo"), "in the way").unwrap();
    assert!(!studio.record(EPOCH, &pieces).await);
    studio.close().await;
}

#[tokio::test]
async fn a_disk_that_does_not_keep_up_stops_the_recording_and_holds_nobody() {
    let pieces = pieces(BOTH, Duration::from_secs(4));
    let studio = Studio::open();
    // Nothing takes from the queue while this task does not wait for anything, on one thread.
    let mut recording = studio.recorder.begin(&super::channel(), EPOCH);
    let all = studio.recorder.queued.available_permits();
    let taken = studio
        .recorder
        .queued
        .try_acquire_many(u32::try_from(all).unwrap() - 1000)
        .unwrap();
    for piece in &pieces {
        recording.note(piece);
    }
    assert!(!recording.goes_on());
    drop(taken);
    drop(recording);
    studio.close().await;
}

#[test]
fn a_folder_that_is_of_no_use_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "").unwrap();
    let settings = RecordSettings {
        folder: path.join("recordings"),
        size: None,
        age: None,
    };
    let refusal: BadFolder = settings.check().unwrap_err();
    assert!(refusal.to_string().contains("file/recordings"), "{refusal}");
    assert_eq!(refusal.error.kind(), io::ErrorKind::NotADirectory);
}
