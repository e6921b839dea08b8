//! Recordings take no more room than they may, and what is being recorded is never removed.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use program::quantity::{Size, Span};
use tokio::sync::{Semaphore, mpsc};
use wire::id::Epoch;

use super::super::Queued;
use super::super::name::Stage;
use super::super::writer::Writer;
use super::{EPOCH, Studio, channel, decode, decoded, old, pieces, probe, until};
use crate::filler::{AAC, H264, PICTURES, SOUND};
use crate::package::Packaged;

const BOTH: &[&[&str]] = &[PICTURES, SOUND, H264, AAC, &["-t", "4"]];

#[tokio::test]
async fn old_recordings_make_room_when_a_new_one_ends() {
    let pieces = pieces(BOTH, Duration::from_secs(4));
    let folder = tempfile::tempdir().unwrap();
    let (oldest, newer) = (old(folder.path(), 1, 3), old(folder.path(), 2, 2));
    let foreign = folder.path().join("demo/holiday.mp4");
    fs::write(&foreign, vec![0; 100_000]).unwrap();

    // Room for the new one and one of the others.
    let room = bytes(&pieces) + 150_000;
    let studio = Studio::open_in(folder.path(), |settings| settings.size = Some(Size(room)));
    assert!(studio.record(EPOCH, &pieces).await);
    let file = studio.file(EPOCH, Stage::Whole);
    until(|| file.exists() && !oldest.exists()).await;
    assert!(newer.exists(), "no more than had to");
    assert!(foreign.exists());
    studio.close().await;
}

#[tokio::test]
async fn recordings_that_are_too_old_are_removed_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let (oldest, newer) = (old(folder.path(), 1, 30), old(folder.path(), 2, 2));
    let day = Span(Duration::from_hours(24));
    let studio = Studio::open_in(folder.path(), |settings| settings.age = Some(day));
    until(|| !oldest.exists()).await;
    studio.close().await;
    assert!(newer.exists());
}

#[tokio::test]
async fn a_recording_that_alone_is_too_large_stops_and_stays() {
    let pieces = pieces(BOTH, Duration::from_secs(12));
    let folder = tempfile::tempdir().unwrap();
    let room = bytes(&pieces) / 2;
    let witness = old(folder.path(), 1, 3);
    let studio = Studio::open_in(folder.path(), |settings| settings.size = Some(Size(room)));
    assert!(!studio.record(EPOCH, &pieces).await, "it stopped");
    let file = studio.file(EPOCH, Stage::Whole);
    until(|| file.exists() && !witness.exists()).await;
    studio.close().await;
    decode(&file);
    assert!(fs::metadata(&file).unwrap().len() > room * 9 / 10);
}

#[tokio::test]
async fn an_epoch_that_never_ends_goes_on_in_another_file_without_losing_anything() {
    let pieces = pieces(BOTH, Duration::from_millis(11_500));
    let studio = Studio::open();
    let one = Epoch(1);
    studio.record(one, &pieces).await;
    let one = studio.file(one, Stage::Whole);
    until(|| one.exists()).await;
    let expected = decoded(&one);
    fs::remove_file(one).unwrap();

    let desk = Arc::clone(&studio.recorder.desk);
    let mut writer = Writer::new(desk, &channel(), EPOCH);
    writer.longest = Duration::from_secs(5);
    run(writer, &pieces).await;
    let files = studio.files();
    assert_eq!(
        files,
        [
            "2026-11-03T09-15-00Z-1793697300000.mp4",
            "2026-11-03T09-15-06Z-1793697300000.mp4",
        ]
    );
    let (mut pictures, mut sounds) = (0, 0);
    for name in &files {
        let file = studio.folder.join("demo").join(name);
        decode(&file);
        let told = probe(&file, "stream=start_time", &[]);
        assert_eq!(told[0], "0.000000");
        let start: f64 = told[1].parse().unwrap();
        assert!(start < 0.025, "{told:?}");
        let counts = decoded(&file);
        pictures += counts[0];
        sounds += counts[1];
    }
    assert_eq!([pictures, sounds], expected[..]);
    studio.close().await;
}

fn bytes(pieces: &[Packaged]) -> u64 {
    let chunks = pieces.iter().map(|piece| match piece {
        Packaged::Chunk(chunk) => chunk.body.len() as u64,
        Packaged::Init { .. } => 0,
    });
    chunks.sum()
}

/// Runs a writer to its end.
async fn run(writer: Writer, pieces: &[Packaged]) {
    let (queue, queued) = mpsc::channel(pieces.len());
    let room = Arc::new(Semaphore::new(pieces.len()));
    for piece in pieces {
        let place = Arc::clone(&room).try_acquire_owned().unwrap();
        let piece = piece.clone();
        queue.try_send(Queued { piece, _place: place }).unwrap();
    }
    drop(queue);
    tokio::task::spawn_blocking(move || writer.run(queued))
        .await
        .unwrap();
}
