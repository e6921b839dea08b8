//! Whatever becomes of its children, the ladder goes on and holds nobody up.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::*;
use crate::ladder::samples::pictures;

/// A folder with an ffmpeg of our own.
struct Bench(tempfile::TempDir);

impl Bench {
    /// An ffmpeg that notes its process before it does that.
    fn with(line: &str) -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        let script = format!("#!/bin/sh\necho $$ >> {}\n{line}\n", bench.pids().display());
        std::fs::write(bench.ffmpeg(), script).unwrap();
        std::fs::set_permissions(bench.ffmpeg(), PermissionsExt::from_mode(0o755)).unwrap();
        bench
    }

    fn ffmpeg(&self) -> PathBuf {
        self.0.path().join("ffmpeg")
    }

    fn pids(&self) -> PathBuf {
        self.0.path().join("pids")
    }

    fn children(&self) -> Vec<Pid> {
        read(&self.pids())
    }
}

fn read(path: &Path) -> Vec<Pid> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .filter_map(|line| Pid::from_raw(line.parse().ok()?))
        .collect()
}

#[tokio::test]
async fn a_child_that_is_killed_is_told_of_and_started_again() {
    let bench = Bench::with("exec ffmpeg \"$@\"");
    let source = pictures("12", &["-g", "25"]);
    let mut stage = Stage::new(bench.ffmpeg(), &[rendition(60, None)]);
    let (begin, rest) = source.split_at(60);
    stage.plays(begin).await;
    let configs = |stage: &Stage| {
        let configs = stage.units.iter().filter(|unit| matches!(unit, Unit::Config(..)));
        configs.cloned().collect::<Vec<_>>()
    };
    let first = configs(&stage);

    kill_process(bench.children()[0], Signal::KILL).unwrap();
    while stage.news.last() != Some(&(v1(), false)) {
        stage.hears().await;
    }
    let warning = stage.ladder.warnings().pop().unwrap();
    assert_eq!(warning.code, "rendition");
    assert!(warning.text.contains("v1 is down"), "{warning:?}");
    assert_eq!(stage.ladder.expected(), []);

    // The source goes on at its own pace.
    let mut rest = rest.iter().cycle();
    while stage.news.last() != Some(&(v1(), true)) {
        stage.ladder.feed(rest.next().unwrap());
        let _ = timeout(Duration::from_millis(5), stage.hears()).await;
    }
    while configs(&stage).len() < 2 {
        stage.hears().await;
    }
    assert_eq!(configs(&stage)[1..], first, "it goes on as it was");
    assert_eq!(stage.ladder.warnings(), []);
    let children = bench.children();
    assert_eq!(children.len(), 2);
    stage.ends().await;
    for child in children {
        assert!(test_kill_process(child).is_err(), "a child outlives the ladder");
    }
}

#[tokio::test]
async fn without_ffmpeg_there_are_no_renditions_and_it_says_so_once() {
    let source = pictures("1", &[]);
    let mut stage = Stage::new("/nonexistent/ffmpeg", &[rendition(60, None), rendition(30, None)]);
    let begun = source.iter().flat_map(|unit| stage.ladder.feed(unit));
    assert_eq!(begun.count(), 2);
    for _ in 0..2 {
        stage.hears().await;
    }
    assert!(stage.news.contains(&(v1(), false)));
    assert_eq!(stage.ladder.expected(), []);
    stage.ladder.reset();
    let warnings = stage.ladder.warnings();
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].text.contains("/nonexistent/ffmpeg"),
        "{}",
        warnings[0].text
    );
    stage.ends().await;
}

#[tokio::test]
async fn a_child_that_is_too_slow_grows_nothing_and_holds_nobody_up() {
    let bench = Bench::with("exec sleep 1000");
    let source = pictures("1", &["-g", "25"]);
    let mut stage = Stage::new(bench.ffmpeg(), &[rendition(60, None)]);
    let pictures = samples(&source, TrackId::VIDEO);
    stage.ladder.feed(&source[0]);
    // 200 s of 25 pictures a second, 100 kB each: half a gigabyte.
    let large = bytes::Bytes::from(vec![7; 100_000]);
    for number in 0..5000_u64 {
        stage.ladder.feed(&Unit::Sample(AccessUnit {
            decode_time: Millis(number * 40),
            keyframe: number % 25 == 0,
            data: large.clone(),
            ..pictures[0].clone()
        }));
        tokio::task::yield_now().await;
    }
    let load = stage.ladder.intakes[0].load();
    assert!(
        load.bytes > 1 << 20 && load.bytes <= (8 << 20) + large.len(),
        "{load:?}"
    );
    let warning = stage.ladder.warnings().pop().unwrap();
    assert!(warning.text.contains("cannot keep up"), "{warning:?}");
    stage.ends().await;
    for child in bench.children() {
        assert!(test_kill_process(child).is_err(), "a child outlives the ladder");
    }
}

#[tokio::test]
async fn a_ladder_that_nobody_holds_ends() {
    let source = pictures("1", &[]);
    let mut stage = Stage::new("ffmpeg", &[rendition(60, None)]);
    for unit in &source {
        stage.ladder.feed(unit);
    }
    stage.hears().await;
    let Stage { ladder, tasks, .. } = stage;
    drop(ladder);
    tasks.close();
    timeout(PATIENCE, tasks.wait()).await.expect("its tasks end");
}
