//! Players that are programs of their own: how each is started, and how the pictures that it showed are counted.

use std::{process::Stdio, time::Duration};

use anyhow::{Context, Result, bail};
use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

use crate::table::Outcome;

/// Beyond the time that a player plays: to find out what it plays, and to end.
const PATIENCE: Duration = Duration::from_secs(25);

/// A player, and what it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Native {
    Ffmpeg,
    Mpv,
    Vlc,
    GStreamer,
}

impl Native {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ffmpeg => "ffmpeg",
            Self::Mpv => "mpv",
            Self::Vlc => "VLC",
            Self::GStreamer => "GStreamer",
        }
    }

    /// Plays `url` for about so long.
    pub(crate) async fn play(self, url: &str, span: Duration) -> Result<Outcome> {
        let said = match self {
            Self::Ffmpeg => ffmpeg(url, span).await,
            Self::Mpv => mpv(url, span).await,
            Self::Vlc => vlc(url, span).await,
            Self::GStreamer => gstreamer(url, span).await,
        }?;
        let pictures = match self {
            Self::Ffmpeg => last_number(&said, "frame="),
            Self::Mpv => last_number(&said, "frame:"),
            Self::Vlc => last_number(&said, "frames displayed :"),
            Self::GStreamer => said.matches("video:sink) (").count() as u64,
        };
        let complaints = said.lines().filter(|line| is_complaint(line));
        let complaints: Vec<_> = complaints.map(str::to_owned).collect();
        Ok(Outcome {
            pictures,
            latency: None,
            complaints,
        })
    }
}

async fn ffmpeg(url: &str, span: Duration) -> Result<String> {
    let mut command = Command::new("ffmpeg");
    command.args([
        "-hide_banner",
        "-nostdin",
        "-loglevel",
        "error",
        "-progress",
        "pipe:1",
    ]);
    // Whatever the clock says, no faster than it would be watched.
    command.args(["-re", "-i", url, "-t", &span.as_secs().to_string()]);
    command.args(["-f", "null", "-"]);
    run(command, "", span).await
}

async fn mpv(url: &str, span: Duration) -> Result<String> {
    // It may wait for the next segment before it ends.
    let mut command = Command::new("timeout");
    command.args(["--signal=INT", &(span.as_secs() + 12).to_string(), "mpv"]);
    command.args([
        "--no-config",
        "--vo=null",
        "--ao=null",
        "--terminal=yes",
        // Its line of status is a message too.
        "--msg-level=all=warn,statusline=status",
    ]);
    command.arg(format!("--length={}", span.as_secs()));
    command.args(["--term-status-msg=frame:${estimated-frame-number}\n", url]);
    run(command, "", span).await
}

async fn vlc(url: &str, span: Duration) -> Result<String> {
    // VLC will not run as root, and says how many pictures it showed when it is asked.
    let mut command = as_nobody("vlc");
    command.args([
        "-I",
        "oldrc",
        "--rc-fake-tty",
        "--no-color",
        "--no-lua",
        "--quiet",
    ]);
    command.args(["--vout", "vdummy", "--aout", "adummy", url]);
    run(command, "stats\nquit\n", span).await
}

async fn gstreamer(url: &str, span: Duration) -> Result<String> {
    let mut command = Command::new("timeout");
    command.args(["--signal=INT", &(span.as_secs() + 4).to_string()]);
    // As GStreamer 1.22 plays: with playbin3, its dashdemux2 prerolls and then waits for more in its buffer than a live
    // stream has ready; with playbin, its hlsdemux shows nothing.
    let player = if url.contains(".m3u8") {
        "playbin3"
    } else {
        "playbin"
    };
    command.args(["gst-launch-1.0", "-v", player]);
    command.arg(format!("uri={url}"));
    command.arg("video-sink=fakesink name=video silent=false sync=true");
    command.arg("audio-sink=fakesink name=audio sync=true");
    run(command, "", span).await
}

/// As the user nobody where we are root.
fn as_nobody(program: &str) -> Command {
    let mut command = Command::new(program);
    if rustix::process::geteuid().is_root() {
        command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", program]);
    }
    command.env("HOME", std::env::temp_dir());
    command
}

/// Runs a player, says `commands` to it when its time is over, and returns all that it said.
async fn run(mut command: Command, commands: &str, span: Duration) -> Result<String> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    command.kill_on_drop(true).stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("failed to start {program}"))?;
    let mut input = child.stdin.take().context("no stdin")?;
    let commands = commands.to_owned();
    let speak = async move {
        if !commands.is_empty() {
            // It buffers for a few seconds before it shows anything.
            tokio::time::sleep(span + Duration::from_secs(6)).await;
            let _ = input.write_all(commands.as_bytes()).await;
        }
        // Its end is the end of its commands, for who reads any.
        std::future::pending::<()>().await;
    };
    let output = tokio::select! {
        output = timeout(span + PATIENCE, child.wait_with_output()) => output,
        () = speak => bail!("it never ends"),
    };
    let output = output.with_context(|| format!("{program} does not end"))??;
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    Ok(said)
}

/// The number behind the last `label`.
fn last_number(said: &str, label: &str) -> u64 {
    let behind = said.rsplit_once(label).map_or("", |(_, behind)| behind);
    let digits: String = behind
        .trim_start()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().unwrap_or(0)
}

/// Whether a line tells of trouble with the media. That a segment is not there yet is no trouble to a live player.
fn is_complaint(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    let trouble = ["error", "invalid", "corrupt", "discontinu", "missing", "failed"];
    let usual = [
        "404",
        "429",
        "vdpau",
        "vaapi",
        "dbus",
        "alsa",
        "pulse",
        "interface",
        "not found",
        "gl ",
        "no error",
        // Media comes from another host than asked: ffmpeg's demuxer tries to use the old connection first.
        "keepalive request failed",
        // mpv ends in the middle of a download.
        "when loading first fragment",
        // VLC ends in the middle of decoding.
        "get_buffer() failed",
        "decode_slice_header",
    ];
    // VLC counts lost and discontinuous things in a frame, most of them none.
    let is_statistic = line.trim_start_matches([' ', '>']).starts_with('|');
    !is_statistic
        && trouble.iter().any(|word| line.contains(word))
        && !usual.iter().any(|word| line.contains(word))
}
