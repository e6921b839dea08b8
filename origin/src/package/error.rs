//! Why a publisher's units cannot be packaged, or not in the epoch that they came in.

use std::time::Duration;

use wire::id::TrackKind;

use crate::media::Millis;

/// Why a unit was not packaged. The packager stays as it was before the unit: what it holds can still be finished.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// The configuration is not one that players could use.
    #[error("the {} configuration cannot be used: {why}", name(*.kind))]
    BadConfig {
        /// The track that it was for.
        kind: TrackKind,
        /// What is wrong with it.
        why: String,
    },
    /// A sample came before any configuration of its track.
    #[error("a sample of {} came before its configuration", name(*.0))]
    Unconfigured(TrackKind),
    /// A track goes on with another configuration.
    #[error("the configuration of {} changed", name(*.0))]
    Reconfigured(TrackKind),
    /// A track appeared in an epoch that began without it.
    #[error("{} joined after the epoch had begun", name(*.0))]
    Joined(TrackKind),
    /// A track's timestamps jumped.
    #[error("timestamps of {} jumped from {from} to {to}", name(*.kind))]
    Discontinuity {
        /// The track.
        kind: TrackKind,
        /// The timestamp before the jump.
        from: Millis,
        /// The timestamp after it.
        to: Millis,
    },
    /// One track has stopped while the other goes on.
    #[error("{} is {:.1} s behind the other track", name(*.behind), .by.as_secs_f64())]
    Apart {
        /// The track that stopped.
        behind: TrackKind,
        /// How far it is behind.
        by: Duration,
    },
    /// Keyframes are too rare to cut segments at.
    #[error("no keyframe for {} s: set the encoder's keyframe interval to 2 s", .longest.as_secs())]
    KeyframeInterval {
        /// The longest interval that is accepted.
        longest: Duration,
    },
    /// A sample, or what has to travel in one piece, is larger than a chunk may be.
    #[error("{bytes} bytes of {} in one piece are more than {limit}: lower the encoder's bitrate", name(*.kind))]
    TooLarge {
        /// The track.
        kind: TrackKind,
        /// What would have to travel in one chunk.
        bytes: usize,
        /// The most that may.
        limit: usize,
    },
}

impl PackageError {
    /// Whether the publisher did nothing wrong: its epoch ends here, and the same unit may begin the next one.
    pub fn begins_anew(&self) -> bool {
        match self {
            Self::Reconfigured(_) | Self::Joined(_) | Self::Discontinuity { .. } | Self::Apart { .. } => true,
            Self::BadConfig { .. }
            | Self::Unconfigured(_)
            | Self::KeyframeInterval { .. }
            | Self::TooLarge { .. } => false,
        }
    }
}

fn name(kind: TrackKind) -> &'static str {
    match kind {
        TrackKind::Video => "video",
        TrackKind::Audio => "audio",
    }
}
