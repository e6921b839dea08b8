//! What is wrong with a file.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use wire::id::TrackKind;

use super::round::{LONGEST_KEYFRAME_INTERVAL, LONGEST_STEP};
use super::track::{MAX_SAMPLE_BYTES, MAX_SAMPLES};
use crate::package::PackageError;

/// A file that cannot be a filler.
#[derive(Debug, thiserror::Error)]
#[error("filler {}: {fault}", path.display())]
pub struct BadFiller {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub fault: Fault,
}

/// What is wrong with a file, and what helps.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The system does not let it be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is something else.
    #[error("is no MP4 file")]
    NotMp4,
    /// Its end is missing.
    #[error("ends before its {0} does: it was not copied whole")]
    Truncated(String),
    /// It has no `moov`.
    #[error("has no header (moov): whatever wrote it was stopped before its end")]
    NoHeader,
    /// Its samples come in fragments, which the reader does not know its way in.
    #[error("is a fragmented MP4; `ffmpeg -i IN -c copy OUT.mp4` makes an ordinary one of it")]
    Fragmented,
    /// What it says of itself is damaged, or of a kind that is not understood.
    #[error("has a header that cannot be read: {0}")]
    Header(String),
    /// Another codec.
    #[error("{} is {found}, and has to be {}; {REMEDY}", name(*.kind), wanted(*.kind))]
    Codec {
        /// Of what.
        kind: TrackKind,
        /// What it is.
        found: String,
    },
    /// There is neither picture nor sound.
    #[error("has neither pictures nor sound")]
    Silent,
    /// The codec's configuration is of no use.
    #[error(transparent)]
    Config(#[from] PackageError),
    /// It is too long to know all its samples.
    #[error("has {0} samples, more than {MAX_SAMPLES}: take a shorter one")]
    Samples(u64),
    /// A sample does not fit into a chunk.
    #[error("{} has a sample of {bytes} bytes, more than {MAX_SAMPLE_BYTES}: lower its bitrate; {REMEDY}", name(*.kind))]
    TooLarge {
        /// Of what.
        kind: TrackKind,
        /// Its size.
        bytes: u32,
    },
    /// Its edit list does more than to begin later.
    #[error("{} is cut by an edit list; {REMEDY}", name(*.0))]
    Edits(TrackKind),
    /// Nowhere can decoding begin.
    #[error("has no keyframe where its sound begins; {REMEDY}")]
    NoKeyframe,
    /// Segments would be too long.
    #[error("has no keyframe for {}, longer than {}; {REMEDY}", Seconds(*.0), Seconds(LONGEST_KEYFRAME_INTERVAL))]
    KeyframeInterval(Duration),
    /// A picture stays, or sound is missing, for so long that it would be taken for a break.
    #[error("{} pauses for {}, longer than {}; {REMEDY}", name(*.kind), Seconds(*.pause), Seconds(LONGEST_STEP))]
    Pause {
        /// Of what.
        kind: TrackKind,
        /// How long.
        pause: Duration,
    },
    /// Pictures and sound have less than a second in common.
    #[error("lasts {}, less than a second, as far as it has all its tracks", Seconds(*.0))]
    Short(Duration),
}

const REMEDY: &str = "`ffmpeg -i IN -r 25 -c:v libx264 -g 50 -c:a aac OUT.mp4` makes one that serves";

fn name(kind: TrackKind) -> &'static str {
    match kind {
        TrackKind::Video => "its video",
        TrackKind::Audio => "its sound",
    }
}

fn wanted(kind: TrackKind) -> &'static str {
    match kind {
        TrackKind::Video => "H.264 (avc1)",
        TrackKind::Audio => "AAC (mp4a)",
    }
}

struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:.1} s", self.0.as_secs_f64())
    }
}
