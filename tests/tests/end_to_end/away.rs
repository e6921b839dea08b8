//! While a publisher is away, and after everything has died: what was promised to be there is there.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use tests::{
    eventually::{eventually, until},
    mesh::Mesh,
    plan::{CHANNEL, Plan},
    publisher::Encoder,
    turn::Turn,
};

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_with_a_filler_never_goes_dark() -> Result<()> {
    let _turn = Turn::light().await;
    let folder = tempfile::tempdir()?;
    let settings = folder.path().join("origin.toml");
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("clip/clip.mp4");
    let text = format!("[[channel]]\nname = {CHANNEL:?}\nfiller = {:?}\n", clip.display());
    std::fs::write(&settings, text)?;
    let mesh = Mesh::launch(Plan {
        boxes: 1,
        origin_arguments: vec!["--config".into(), settings.display().to_string()],
        ..Plan::default()
    })
    .await?;

    // Nobody has published yet.
    let before = mesh.on_air(2, 1).await?;
    let replay = mesh.replay().await?;
    let publisher = another_epoch(&mesh, &newest_period(&before.periods)).await?;
    replay.stop().await?;
    let after = another_epoch(&mesh, &publisher).await?;
    ensure!(
        before.periods.iter().all(|period| period.id != after),
        "it goes on, and not back"
    );
    let channel = mesh.channel().await?.context("the channel")?;
    assert_eq!(channel.state, "live");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_plays_up_to_its_last_chunk_whatever_ends_the_origin() -> Result<()> {
    if !Encoder::is_installed() {
        eprintln!("skipped: there is no ffmpeg");
        return Ok(());
    }
    let _turn = Turn::light().await;
    let folder = tempfile::tempdir()?;
    let record = folder.path().to_string_lossy().into_owned();
    let mut mesh = Mesh::launch(Plan {
        boxes: 1,
        origin_arguments: vec!["--record".into(), record],
        ..Plan::default()
    })
    .await?;
    let _replay = mesh.replay().await?;
    mesh.on_air(3, 1).await?;
    mesh.origin.as_mut().context("the origin")?.process().kill()?;

    let file = only_file(&folder.path().join(CHANNEL))?;
    let pictures = pictures(&file)?;
    ensure!(pictures >= 6 * 25, "{pictures} pictures in {}", file.display());

    // Its next start makes an ordinary file of it.
    mesh.origin.as_mut().context("the origin")?.restart().await?;
    let whole = eventually("the recording to be finished", LIMIT, async || {
        let file = only_file(&folder.path().join(CHANNEL))?;
        Ok((!file.to_string_lossy().contains("part")).then_some(file))
    });
    let whole = whole.await?;
    ensure!(self::pictures(&whole)? >= pictures, "none is lost");
    Ok(())
}

fn newest_period(periods: &[tests::manifest::PeriodSummary]) -> String {
    periods.last().map(|period| period.id.clone()).unwrap_or_default()
}

/// The id of the newest period, once it is another than `known`.
async fn another_epoch(mesh: &Mesh, known: &str) -> Result<String> {
    let mut found = String::new();
    until("another epoch", LIMIT, async || {
        found = newest_period(&mesh.manifest().await?.periods);
        Ok(!found.is_empty() && found != known)
    })
    .await?;
    Ok(found)
}

fn only_file(folder: &Path) -> Result<std::path::PathBuf> {
    let mut files = std::fs::read_dir(folder).with_context(|| format!("{}", folder.display()))?;
    let file = files.next().context("no recording")??.path();
    Ok(file)
}

/// How many pictures ffmpeg decodes of a file, without a complaint.
fn pictures(file: &Path) -> Result<usize> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-count_frames", "-select_streams", "v:0"]);
    command.args(["-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"]);
    let output = command.arg(file).output()?;
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(complaints.trim().is_empty(), "{complaints}");
    let count = String::from_utf8(output.stdout)?;
    count
        .trim()
        .trim_end_matches(',')
        .parse()
        .with_context(|| count.clone())
}
