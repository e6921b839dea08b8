//! The promises of posters, kept with a real ffmpeg.

use std::os::unix::fs::PermissionsExt;

use tokio::time::timeout;

use super::*;
use crate::ladder::samples::{ffmpeg, pictures};
use crate::package::{Cut, Packaged, Packager};

const PATIENCE: Duration = Duration::from_mins(1);

/// A keyframe, packaged as players get it.
fn still(epoch: u64) -> Still {
    let mut packager = Packager::new(Cut::default(), []);
    let units = pictures("4", &["-vf", "scale=1280:720", "-bf", "2", "-g", "25"]);
    let mut pieces: Vec<_> = units
        .into_iter()
        .flat_map(|unit| packager.push(unit, std::time::Instant::now()).unwrap())
        .collect();
    pieces.extend(packager.finish());
    let init = pieces.iter().find_map(|piece| match piece {
        Packaged::Init { bytes, .. } => Some(bytes.clone()),
        Packaged::Chunk(_) => None,
    });
    let fragment = pieces.iter().find_map(|piece| match piece {
        Packaged::Chunk(chunk) if chunk.segment == 2 && chunk.index == 0 => Some(chunk.body.clone()),
        _ => None,
    });
    Still {
        epoch: Epoch(epoch),
        time: Duration::from_secs(2),
        init: init.unwrap(),
        fragment: fragment.unwrap(),
    }
}

/// Posters, and the tasks and the stop that they hear.
struct Studio {
    posters: Posters,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Studio {
    fn with(program: impl Into<std::path::PathBuf>, every: Duration) -> Self {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let posters = Posters::spawn(&tasks, stop.clone(), Ffmpeg::new(program), every);
        Self { posters, tasks, stop }
    }

    async fn next(&mut self) -> Poster {
        let next = timeout(PATIENCE, self.posters.next()).await;
        next.expect("a poster")
    }

    async fn ends(self) {
        self.stop.cancel();
        self.tasks.close();
        timeout(PATIENCE, self.tasks.wait())
            .await
            .expect("its task ends at the stop");
    }
}

#[tokio::test]
async fn a_keyframe_becomes_a_small_picture() {
    let mut studio = Studio::with("ffmpeg", EVERY);
    studio.posters.offer(still(7));
    let poster = studio.next().await;

    assert_eq!((poster.epoch, poster.number), (Epoch(7), 1));
    assert_eq!(poster.time, Duration::from_secs(2));
    assert!(poster.jpeg.len() < 200_000, "{} bytes", poster.jpeg.len());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("poster.jpg");
    std::fs::write(&path, &poster.jpeg).unwrap();
    let decoded = ffmpeg(&[
        "-i",
        path.to_str().unwrap(),
        "-f",
        "rawvideo",
        "-pix_fmt",
        "gray",
        "-",
    ]);
    // Of 1280 by 720, whose pixels are not square: it was 160 by 120 once.
    assert_eq!(decoded.len(), 640 * 480);

    let facts = poster.facts("demo".parse().unwrap());
    assert_eq!(facts.id.to_string(), "demo/7/poster/1.0");
    assert_eq!(
        (facts.time, facts.duration, facts.timescale),
        (2000, 10_000, 1000)
    );
    studio.ends().await;
}

#[tokio::test]
async fn posters_are_numbered_within_their_epoch_and_an_epoch_has_its_first_at_once() {
    let mut studio = Studio::with("ffmpeg", Duration::from_millis(200));
    let mut still = still(7);
    let mut numbers = Vec::new();
    for epoch in [7, 7, 8] {
        still.epoch = Epoch(epoch);
        studio.posters.offer(still.clone());
        let poster = studio.next().await;
        numbers.push((poster.epoch.0, poster.number));
    }
    assert_eq!(numbers, [(7, 1), (7, 2), (8, 1)]);
    studio.ends().await;

    let mut studio = Studio::with("ffmpeg", Duration::from_hours(1));
    for epoch in [8, 9] {
        still.epoch = Epoch(epoch);
        studio.posters.offer(still.clone());
        assert_eq!(studio.next().await.epoch, Epoch(epoch));
    }
    studio.ends().await;
}

#[tokio::test]
async fn what_is_offered_while_it_rests_is_not_forgotten() {
    let mut studio = Studio::with("ffmpeg", Duration::from_millis(500));
    let mut still = still(7);
    studio.posters.offer(still.clone());
    studio.next().await;
    // The task looks at it, and goes on resting.
    still.time = Duration::from_secs(4);
    studio.posters.offer(still.clone());
    assert_eq!(studio.next().await.time, still.time);
    studio.ends().await;
}

#[tokio::test]
async fn the_newest_keyframe_counts() {
    let mut studio = Studio::with("ffmpeg", Duration::ZERO);
    let mut still = still(7);
    for second in 1..=30 {
        still.time = Duration::from_secs(second);
        studio.posters.offer(still.clone());
    }
    assert_eq!(studio.next().await.time, still.time);
    studio.ends().await;
}

#[tokio::test]
async fn what_is_no_picture_costs_a_poster_and_nothing_else() {
    let mut studio = Studio::with("ffmpeg", Duration::ZERO);
    let good = still(7);
    studio.posters.offer(Still {
        fragment: Bytes::from(vec![0; 3 << 20]),
        ..good.clone()
    });
    // It makes no poster: the first one comes of what follows.
    let mut later = good;
    later.time = Duration::from_secs(9);
    let poster = loop {
        studio.posters.offer(later.clone());
        if let Ok(poster) = timeout(Duration::from_millis(100), studio.posters.next()).await {
            break poster;
        }
    };
    assert_eq!((poster.number, poster.time), (1, Duration::from_secs(9)));
    studio.ends().await;
}

#[tokio::test]
async fn without_ffmpeg_nothing_comes_and_nobody_waits() {
    let studio = Studio::with("/nonexistent/ffmpeg", Duration::ZERO);
    for _ in 0..3 {
        studio.posters.offer(still(7));
    }
    studio.tasks.close();
    timeout(PATIENCE, studio.tasks.wait())
        .await
        .expect("its task ends");
    studio.posters.offer(still(7));
}

#[tokio::test]
async fn a_picture_that_takes_for_ever_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("ffmpeg");
    std::fs::write(&program, "#!/bin/sh\nexec sleep 1000\n").unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let stop = CancellationToken::new();
    let given_up = picture::of(&Ffmpeg::new(&program), &still(7), &stop).await;
    assert!(matches!(given_up, Err(NoPicture::Late)), "{given_up:?}");

    // One under way does not hold up the end.
    let studio = Studio::with(&program, Duration::ZERO);
    studio.posters.offer(still(7));
    tokio::task::yield_now().await;
    studio.ends().await;
}
