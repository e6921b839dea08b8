//! The publisher that people use: ffmpeg, fed by its own test sources.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::process::Process;

/// What ffmpeg shows and how it encodes.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Width and height in pixels.
    pub size: (u16, u16),
    /// Pictures a second; a keyframe comes every two seconds.
    pub rate: u8,
    /// Bits a second for the picture.
    pub bits_per_second: u32,
}

impl Default for Picture {
    fn default() -> Self {
        Self {
            size: (640, 360),
            rate: 25,
            bits_per_second: 800_000,
        }
    }
}

/// A running ffmpeg. It ends when dropped.
#[derive(Debug)]
pub struct Encoder {
    process: Process,
}

impl Encoder {
    /// Whether ffmpeg is installed.
    pub fn is_installed() -> bool {
        quietly(Command::new("ffmpeg").arg("-version"))
    }

    /// Begins to push `picture` to `url`, logging into `folder`.
    ///
    /// # Errors
    /// When ffmpeg cannot be started.
    pub fn start(url: &str, picture: &Picture, folder: &Path) -> Result<Self> {
        Self::start_as("ffmpeg", url, picture, folder)
    }

    /// As [`Encoder::start`], with a name of its own for the log.
    ///
    /// # Errors
    /// As [`Encoder::start`].
    pub fn start_as(name: &str, url: &str, picture: &Picture, folder: &Path) -> Result<Self> {
        let (width, height) = picture.size;
        let rate = picture.rate;
        let bits = picture.bits_per_second.to_string();
        let keyframes = (u32::from(rate) * 2).to_string();

        let mut command = Command::new("ffmpeg");
        command.args(["-hide_banner", "-loglevel", "warning", "-nostdin", "-re"]);
        command.args(["-f", "lavfi", "-i"]);
        command.arg(format!("testsrc2=size={width}x{height}:rate={rate}{}", clock()));
        command.args([
            "-re",
            "-f",
            "lavfi",
            "-i",
            "sine=frequency=440:beep_factor=2:sample_rate=48000",
        ]);
        command.args(["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"]);
        command.args([
            "-pix_fmt", "yuv420p", "-b:v", &bits, "-maxrate", &bits, "-bufsize", &bits,
        ]);
        command.args(["-g", &keyframes, "-keyint_min", &keyframes, "-sc_threshold", "0"]);
        command.args(["-c:a", "aac", "-b:a", "96k", "-ac", "2", "-f", "flv", url]);
        let process = Process::start(name, command, folder)?;
        Ok(Self { process })
    }

    /// The process itself.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// A filter that burns the wall clock into the picture, where this ffmpeg can write.
fn clock() -> &'static str {
    const CLOCK: &str = ",drawtext=text='%{localtime\\:%T}':fontsize=h/8:fontcolor=white:box=1:boxcolor=black@0.6:boxborderw=8:x=(w-text_w)/2:y=h-2*text_h";
    let mut trial = Command::new("ffmpeg");
    trial.args(["-loglevel", "quiet", "-nostdin", "-f", "lavfi", "-i"]);
    trial.arg(format!("color=size=320x180:rate=1{CLOCK}"));
    trial.args(["-frames:v", "1", "-f", "null", "-"]);
    if quietly(&mut trial) { CLOCK } else { "" }
}

fn quietly(command: &mut Command) -> bool {
    use std::process::Stdio;
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
