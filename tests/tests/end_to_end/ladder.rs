//! Renditions beside the publisher's own tracks: cut together with them, and no loss to them when they fail.

use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use tests::{
    eventually::{eventually, until},
    manifest::{Manifest, PeriodSummary},
    mesh::Mesh,
    plan::{CHANNEL, Plan},
    process::children,
    turn::Turn,
};

/// A rendition is tried out before it goes on air.
const LIMIT: Duration = Duration::from_secs(40);

/// Between two epochs of a source that goes on.
/// A period ends where its sound does, which may be a few frames before its pictures.
const LONGEST_GAP: Duration = Duration::from_millis(120);

#[tokio::test(flavor = "multi_thread")]
async fn a_rendition_is_cut_with_its_source_and_comes_back_when_its_encoder_dies() -> Result<()> {
    let (_turn, mut mesh) = mesh(&[]).await?;
    let replay = mesh.replay().await?;
    let manifest = with_rendition(&mesh, 0).await?;
    let numbers = |manifest: &Manifest, track: &str| -> Vec<u32> {
        let segments = &manifest.track(track).segments;
        segments.iter().map(|(number, _)| *number).collect()
    };
    for (source, rendition) in [("v0", "v1"), ("a0", "a1")] {
        let (source, rendition) = (numbers(&manifest, source), numbers(&manifest, rendition));
        assert!(
            rendition.iter().all(|number| source.contains(number)),
            "{manifest:?}"
        );
    }

    let epoch = newest_epoch(&manifest);
    let origin = mesh.origin.as_mut().context("it was started")?.process().pid();
    for pid in children(origin) {
        // It may have ended by itself: posters take a moment only.
        let pid = Pid::from_raw(i32::try_from(pid)?).context("pid 0")?;
        let _ = kill_process(pid, Signal::KILL);
    }
    let manifest = with_rendition(&mesh, epoch + 1).await?;
    for pair in manifest.periods.windows(2) {
        let begin = |period: &PeriodSummary| period.id.parse::<u64>().map(Duration::from_millis);
        let lasts = pair[0].duration.as_deref().context("a period that is over")?;
        let lasts: f64 = lasts.trim_start_matches("PT").trim_end_matches('S').parse()?;
        let gap = begin(&pair[1])?.saturating_sub(begin(&pair[0])? + Duration::from_secs_f64(lasts));
        assert!(gap < LONGEST_GAP, "v0 stood still: {:?}", manifest.periods);
    }
    let channel = mesh.channel().await?.context("it is on air")?;
    assert_eq!(channel.state, "live");
    replay.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_has_a_poster_which_a_box_answers() -> Result<()> {
    let (_turn, mesh) = mesh(&[]).await?;
    let _replay = mesh.replay().await?;
    let poster = eventually("a poster from a box", LIMIT, async || {
        let Some(poster) = mesh.channel().await?.and_then(|channel| channel.poster) else {
            return Ok(None);
        };
        let answer = mesh.http.get(mesh.trackers[0].url(&poster)).send().await?;
        let from = answer.url().port();
        let is_from_box = mesh
            .boxes
            .iter()
            .any(|one| Some(one.address("http").port()) == from);
        if !answer.status().is_success() || !is_from_box {
            return Ok(None);
        }
        Ok(Some(answer.bytes().await?))
    });
    assert!(poster.await?.starts_with(&[0xFF, 0xD8, 0xFF]), "no JPEG");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_ffmpeg_the_source_alone_goes_out_and_the_channel_says_so() -> Result<()> {
    let (_turn, mesh) = mesh(&["--ffmpeg", "/nonexistent"]).await?;
    let _replay = mesh.replay().await?;
    let manifest = mesh.on_air(2, 1).await?;
    let tracks = &manifest.periods.last().context("a period")?.tracks;
    assert_eq!(*tracks, ["v0", "a0"]);
    until("a warning of the rendition", LIMIT, async || {
        let warnings = mesh.channel().await?.map(|channel| channel.warnings);
        let mut warnings = warnings.into_iter().flatten();
        Ok(warnings.any(|warning| warning.code == "rendition"))
    })
    .await
}

/// A mesh whose channel has a small rendition.
async fn mesh(more: &[&str]) -> Result<(Turn, Mesh)> {
    let turn = Turn::light().await;
    let folder = tempfile::TempDir::new()?;
    let file = folder.path().join("origin.toml");
    let rendition = "[[channel.rendition]]\nheight = 180\nvideo = \"200k\"\naudio = \"48k\"\n";
    std::fs::write(&file, format!("[[channel]]\nname = \"{CHANNEL}\"\n\n{rendition}"))?;
    let file = file.to_string_lossy().into_owned();
    let mut origin_arguments = vec!["--config".to_owned(), file];
    origin_arguments.extend(more.iter().map(|&one| one.to_owned()));
    let plan = Plan {
        boxes: 1,
        origin_arguments,
        ..Plan::default()
    };
    Ok((turn, Mesh::launch(plan).await?))
}

/// The manifest, once its newest period is at least that old an epoch and has segments of the rendition.
async fn with_rendition(mesh: &Mesh, from: u64) -> Result<Manifest> {
    eventually("segments of the rendition", LIMIT, async || {
        let Ok(manifest) = mesh.manifest().await else {
            return Ok(None);
        };
        let has = |id: &str| {
            let track = manifest.tracks.iter().find(|track| track.id == id);
            track.is_some_and(|track| track.segments.len() >= 2)
        };
        let is_there = newest_epoch(&manifest) >= from && has("v1") && has("a1");
        Ok(is_there.then_some(manifest))
    })
    .await
}

fn newest_epoch(manifest: &Manifest) -> u64 {
    let newest = manifest.periods.last();
    newest.and_then(|period| period.id.parse().ok()).unwrap_or(0)
}
