//! What ffmpeg is told to make of a track.

use std::fmt::Display;

use crate::media::Config;

use super::feed::format;

/// What one child makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A smaller picture.
    Video {
        height: u32,
        bits_per_second: u64,
        threads: u16,
    },
    /// Sound of a lower rate.
    Audio { bits_per_second: u64 },
}

/// All arguments, for a source so configured.
pub(super) fn arguments(source: &Config, target: Target) -> Vec<String> {
    let mut all = Arguments::default();
    // Times go through as they are, and a decoder begins as soon as it knows what it decodes.
    all.flag("-copyts");
    all.pair("-probesize", "2000000");
    all.pair("-analyzeduration", "500000");
    all.pair("-fpsprobesize", "0");
    if let Target::Video { threads, .. } = target {
        all.pair("-threads", threads);
    }
    all.pair("-f", format(source));
    all.pair("-i", "pipe:0");
    match target {
        Target::Video {
            height,
            bits_per_second,
            threads,
        } => all.video(height, bits_per_second, threads),
        Target::Audio { bits_per_second } => all.audio(bits_per_second),
    }
    all.pair("-flvflags", "no_duration_filesize");
    all.pair("-flush_packets", "1");
    all.pair("-f", "flv");
    all.flag("pipe:1");
    all.0
}

#[derive(Default)]
struct Arguments(Vec<String>);

impl Arguments {
    /// Pictures one for one, keyframes where the source has them and nowhere else, so that segments align and players
    /// switch at any of them. No picture is shown before one that was decoded earlier: what is decoded when it is shown
    /// has the source's shown time.
    fn video(&mut self, height: u32, bits_per_second: u64, threads: u16) {
        self.pair("-map", "0:v:0");
        self.pair("-vf", &format!("scale=-2:{height}"));
        self.pair("-fps_mode", "passthrough");
        // The source's milliseconds, and not what its frame rate makes of them.
        self.pair("-enc_time_base", "-1");
        self.pair("-c:v", "libx264");
        self.pair("-preset", "veryfast");
        self.pair("-tune", "zerolatency");
        self.pair("-pix_fmt", "yuv420p");
        self.pair("-bf", 0);
        self.pair("-sc_threshold", 0);
        self.pair("-g", 1_000_000);
        self.pair("-force_key_frames", "source");
        self.pair("-b:v", bits_per_second);
        self.pair("-maxrate", bits_per_second);
        self.pair("-bufsize", bits_per_second);
        self.pair("-threads", threads);
    }

    /// Sound in step with its timestamps: a hole becomes silence. No more than two channels, which is what a low rate
    /// has room for.
    fn audio(&mut self, bits_per_second: u64) {
        self.pair("-map", "0:a:0");
        self.pair("-af", "aresample=async=1,aformat=channel_layouts=mono|stereo");
        self.pair("-c:a", "aac");
        self.pair("-b:a", bits_per_second);
    }

    fn pair(&mut self, name: &str, value: impl Display + Copy) {
        self.0.extend([name.to_owned(), value.to_string()]);
    }

    fn flag(&mut self, flag: &str) {
        self.0.push(flag.to_owned());
    }
}
