//! A program that is killed loses no chunk that it wrote, and its next start makes the file whole.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, SystemTime};

use program::quantity::Span;

use super::super::name::Stage;
use super::{EPOCH, Studio, decode, decoded, file_in, old, pieces, probe, until};
use crate::filler::{AAC, H264, PICTURES, SOUND};
use crate::package::Packaged;

const BOTH: &[&[&str]] = &[PICTURES, SOUND, H264, AAC, &["-t", "4"]];

/// A file as a program leaves it that is killed behind its last chunk.
static KILLED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    // A test has a runtime of its own, in which no other can be started.
    thread::spawn(record_without_an_end).join().unwrap()
});

fn record_without_an_end() -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let pieces = pieces(BOTH, Duration::from_secs(4));
    runtime.block_on(async {
        let studio = Studio::open();
        let mut recording = studio.recorder.begin(&super::channel(), EPOCH);
        for piece in &pieces {
            recording.note(piece);
        }
        until(|| recording.queue.as_ref().unwrap().capacity() == super::super::QUEUE).await;
        let expected: usize = pieces
            .iter()
            .map(|piece| match piece {
                Packaged::Chunk(chunk) => chunk.body.len(),
                Packaged::Init { .. } => 0,
            })
            .sum();
        let path = studio.file(EPOCH, Stage::Part);
        until(|| fs::metadata(&path).is_ok_and(|data| data.len() > expected as u64)).await;
        fs::read(path).unwrap()
    })
}

/// A folder where that file was left.
fn left(bytes: &[u8]) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = file_in(folder.path(), EPOCH, Stage::Part);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    let whole = file_in(folder.path(), EPOCH, Stage::Whole);
    (folder, path, whole)
}

/// Where whole fragments end.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let (mut at, mut ends) = (0, Vec::new());
    while let Some(header) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        at += u32::from_be_bytes(*header.first_chunk().unwrap()) as usize;
        if &header[4..] == b"mdat" {
            ends.push(at);
        }
    }
    ends
}

#[test]
fn what_was_written_plays_before_it_has_an_index() {
    let bytes = &*KILLED;
    let (_folder, path, _) = left(bytes);
    decode(&path);
    assert_eq!(decoded(&path)[0], 101);
    let began = probe(&path, "stream=start_time", &[]);
    assert_eq!(began[0], "0.000000", "the edit list is kept");
}

#[tokio::test]
async fn a_file_that_was_cut_anywhere_plays_and_is_made_whole_up_to_its_last_chunk() {
    let bytes = &*KILLED;
    let ends = ends(bytes);
    for cut in [
        ends[2],
        ends[2] + 1,
        ends[2] + 20,
        ends[5] - 1,
        ends[9] + 300,
        bytes.len() - 1,
        bytes.len(),
    ] {
        let (folder, part, whole) = left(&bytes[..cut]);
        let played = Command::new("ffmpeg")
            .args(["-v", "quiet", "-i"])
            .arg(&part)
            .args(["-f", "null", "-"])
            .status()
            .unwrap();
        assert!(played.success(), "cut at {cut}, it plays as it is");

        let studio = Studio::open_in(folder.path(), |_| {});
        until(|| whole.exists()).await;
        assert!(!part.exists());
        decode(&whole);
        let fragments = ends.iter().filter(|end| **end <= cut).count();
        let moofs = bytes[..ends[fragments - 1]]
            .windows(4)
            .filter(|bytes| bytes == b"moof")
            .count();
        assert_eq!(moofs, fragments);
        let only_these = left(&bytes[..ends[fragments - 1]]);
        assert_eq!(decoded(&whole), decoded(&only_these.1), "cut at {cut}");
        studio.close().await;
    }
}

#[tokio::test]
async fn a_crash_while_the_index_is_written_costs_nothing() {
    let bytes = &*KILLED;
    let (folder, _, whole) = left(bytes);
    Studio::open_in(folder.path(), |_| {}).close_when(&whole).await;
    let finished = fs::read(&whole).unwrap();
    let index = finished.len() - bytes.len();

    // Killed with half an index, with a whole one, and before the file got its name.
    let mut half = bytes.clone();
    half.extend(&finished[bytes.len()..bytes.len() + index / 2]);
    let mut unsaid = bytes.clone();
    unsaid.extend(&finished[bytes.len()..]);
    for left_over in [&half, &unsaid, &finished] {
        let (folder, part, whole) = left(left_over);
        assert_eq!(decoded(&part)[0], 101, "it plays as it was left");
        Studio::open_in(folder.path(), |_| {}).close_when(&whole).await;
        decode(&whole);
        assert_eq!(decoded(&whole)[0], 101);
    }
}

#[tokio::test]
async fn a_file_without_a_chunk_is_removed_when_nobody_can_be_making_it() {
    let bytes = &*KILLED;
    for cut in [0, 20, 300] {
        let (folder, part, whole) = left(&bytes[..cut]);
        let old = fs::File::options().write(true).open(&part).unwrap();
        old.set_modified(SystemTime::now() - Duration::from_hours(1))
            .unwrap();
        let studio = Studio::open_in(folder.path(), |_| {});
        until(|| !part.exists()).await;
        assert!(!whole.exists());
        studio.close().await;
    }
}

#[tokio::test]
async fn what_is_no_recording_inside_is_left_alone() {
    let (folder, part, whole) = left(&[b'x'; 10_000]);
    look_through(folder.path()).await;
    assert!(part.exists() && !whole.exists());
}

#[tokio::test]
async fn what_another_program_still_records_is_left_alone() {
    let (folder, part, whole) = left(&KILLED);
    let writer = fs::File::options().append(true).open(&part).unwrap();
    writer.lock().unwrap();
    look_through(folder.path()).await;
    assert!(part.exists() && !whole.exists());
    drop(writer);
    look_through(folder.path()).await;
    assert!(!part.exists() && whole.exists());
}

/// Lets a recorder look through the folder once: an old recording that is gone tells that it did.
async fn look_through(folder: &Path) {
    let witness = old(folder, 1, 2);
    let hour = Span(Duration::from_hours(1));
    let studio = Studio::open_in(folder, |settings| settings.age = Some(hour));
    until(|| !witness.exists()).await;
    studio.close().await;
}

impl Studio {
    async fn close_when(self, exists: &Path) {
        until(|| exists.exists()).await;
        self.close().await;
    }
}
