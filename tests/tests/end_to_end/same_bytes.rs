//! A viewer gets from every box what the origin made: the same bytes, and they play.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};
use tests::{mesh::Mesh, segment::hash, turn::Turn};

use crate::support::{carried_from, fetch, media_url};

/// Three are fed by the origin, so two have it from their neighbours.
const BOXES: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn every_box_serves_the_origins_bytes_whoever_it_has_them_from() -> Result<()> {
    let _turn = Turn::light().await;
    let mesh = Mesh::of(BOXES).await?;
    let _encoder = mesh.publish()?;
    mesh.on_air(1, 3).await?;
    let mut first = 0;
    for peer_box in &mesh.boxes {
        first = first.max(carried_from(&mesh, peer_box).await?);
    }
    let manifest = mesh.on_air(first + 3, 3).await?;

    for track in &manifest.tracks {
        let segments = track.segments.iter().filter(|(number, _)| *number >= first);
        for relative in segments.map(|(_, relative)| relative).chain([&track.init]) {
            let made = fetch(&mesh, mesh.origin(), relative).await?;
            ensure!(!made.is_empty(), "{relative} is empty");
            for peer_box in &mesh.boxes {
                let served = fetch(&mesh, peer_box, relative).await?;
                let url = media_url(peer_box, relative);
                assert_eq!(hash(&served), hash(&made), "{url} differs from the origin's");
            }
        }
    }

    // Every answer names its content, so that caches and players can tell.
    let newest_but_one = manifest.track("v0").segments.len() - 2;
    let (_, relative) = &manifest.track("v0").segments[newest_but_one];
    let made = fetch(&mesh, mesh.origin(), relative).await?;
    for node in mesh.boxes.iter().chain(&mesh.origin) {
        let answer = mesh.http.head(media_url(node, relative)).send().await?;
        let headers = answer.headers();
        assert_eq!(headers["etag"], format!("\"{}\"", hash(&made)).as_str());
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert!(headers["cache-control"].to_str()?.contains("immutable"));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ffmpeg_publishes_decodes_without_an_error_and_starts_together() -> Result<()> {
    let _turn = Turn::light().await;
    let mesh = Mesh::of(1).await?;
    let _encoder = mesh.publish()?;
    decodes_and_starts_together(&mesh).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_built_in_publisher_replays_with_b_frames_does_so_too() -> Result<()> {
    let _turn = Turn::light().await;
    let mesh = Mesh::of(1).await?;
    let _replay = mesh.replay().await?;
    decodes_and_starts_together(&mesh).await
}

/// The time of one AAC frame and a bit: sound cannot be cut more finely.
const TOGETHER_SECONDS: f64 = 0.03;

async fn decodes_and_starts_together(mesh: &Mesh) -> Result<()> {
    mesh.on_air(1, 1).await?;
    let first = carried_from(mesh, &mesh.boxes[0]).await?;
    // Six segments hold the seam of the clip's loop.
    let manifest = mesh.on_air(first + 5, 1).await?;
    let mut files = Vec::new();
    for track in &manifest.tracks {
        let init = fetch(mesh, &mesh.boxes[0], &track.init).await?;
        let mut whole = init.clone();
        for (number, relative) in track.segments.iter().filter(|(number, _)| *number >= first) {
            let segment = fetch(mesh, &mesh.boxes[0], relative).await?;
            whole.extend_from_slice(&segment);
            let one = mesh.folder().join(format!("{}-{number}.mp4", track.id));
            fs::write(one, [&init[..], &segment].concat())?;
        }
        let file = mesh.folder().join(format!("{}.mp4", track.id));
        let samples = samples(&whole)?;
        ensure!(
            samples > 100,
            "{}: the mp4 crate reads {samples} samples",
            track.id
        );
        fs::write(&file, whole)?;
        files.push(file);
    }

    let complaints = decode(&files)?;
    assert_eq!(complaints, "", "ffmpeg complains");

    for number in first..=manifest.track("v0").newest() {
        let start = |track| start_time(&mesh.folder().join(format!("{track}-{number}.mp4")));
        let (picture, sound) = (start("v0")?, start("a0")?);
        assert!(
            (picture - sound).abs() <= TOGETHER_SECONDS,
            "segment {number}: picture starts at {picture} s, sound at {sound} s"
        );
    }
    Ok(())
}

/// How many samples a second implementation finds in a fragmented file.
fn samples(file: &[u8]) -> Result<u32> {
    let size = file.len() as u64;
    let reader = mp4::Mp4Reader::read_header(std::io::Cursor::new(file), size)?;
    let track = *reader.tracks().keys().next().context("no track")?;
    Ok(reader.sample_count(track)?)
}

fn decode(files: &[impl AsRef<Path>]) -> Result<String> {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-loglevel", "warning", "-nostdin"]);
    for file in files {
        command.arg("-i").arg(file.as_ref());
    }
    for number in 0..files.len() {
        command.args(["-map", &number.to_string()]);
    }
    let output = command.args(["-f", "null", "-"]).output()?;
    ensure!(output.status.success(), "ffmpeg ended with {}", output.status);
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

fn start_time(file: &Path) -> Result<f64> {
    let mut command = Command::new("ffprobe");
    command.args([
        "-v",
        "error",
        "-show_entries",
        "packet=pts_time",
        "-of",
        "csv=p=0",
    ]);
    let output = command.arg(file).output()?;
    let text = String::from_utf8(output.stdout)?;
    let times = text
        .lines()
        .filter_map(|line| line.trim_end_matches(',').parse::<f64>().ok());
    times
        .reduce(f64::min)
        .with_context(|| format!("{} has no packets", file.display()))
}
