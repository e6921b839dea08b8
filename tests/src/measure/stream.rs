//! What is published: a few seconds of a test picture and a tone, encoded once.

use std::path::{Path, PathBuf};

use crate::publisher::Clip;
use anyhow::{Result, ensure};
use tokio::process::Command;

/// A keyframe every two seconds of them, and as many AAC frames as fit: looped, it has no seam.
const SECONDS: &str = "8";
const SOUND_KILOBITS: u32 = 100;

/// Encodes at a constant rate into `file`, FLV or MP4 by its name: 720p H.264 at 30/s, and AAC.
pub async fn encode(file: &Path, kilobits: u32) -> Result<()> {
    println!("Encoding what will be published.");
    let pictures = format!("{}k", kilobits.saturating_sub(SOUND_KILOBITS));
    let sound = format!("{SOUND_KILOBITS}k");
    let mut ffmpeg = ffmpeg();
    for source in [
        "testsrc2=size=1280x720:rate=30,noise=alls=12:allf=t",
        "sine=frequency=440:sample_rate=48000",
    ] {
        ffmpeg.args(["-t", SECONDS, "-f", "lavfi", "-i", source]);
    }
    ffmpeg.args(["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"]);
    ffmpeg.args(["-g", "60", "-keyint_min", "60", "-sc_threshold", "0"]);
    for bound in ["-b:v", "-minrate", "-maxrate", "-bufsize"] {
        ffmpeg.args([bound, &pictures]);
    }
    ffmpeg.args([
        "-x264-params",
        "nal-hrd=cbr",
        "-c:a",
        "aac",
        "-b:a",
        &sound,
        "-ac",
        "2",
    ]);
    ended_well(ffmpeg.arg(file)).await
}

/// A clip at a constant rate, for publishers of our own.
pub async fn clip(folder: &Path, kilobits: u32) -> Result<Clip> {
    let file: PathBuf = folder.join("clip.mp4");
    encode(&file, kilobits).await?;
    Clip::read(&std::fs::read(&file)?)
}

fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"]);
    command
}

async fn ended_well(command: &mut Command) -> Result<()> {
    let status = command.status().await?;
    ensure!(status.success(), "ffmpeg ended with {status}");
    Ok(())
}
