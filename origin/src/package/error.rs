//! Why a publisher's units cannot be packaged, or not in the epoch that they came in.

use std::time::Duration;

use wire::id::{TrackId, TrackKind};

use crate::media::Millis;

/// Why a unit was not packaged. The packager stays as it was before the unit: what it holds can still be finished.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// The configuration is not one that players could use.
    #[error("the {} configuration cannot be used: {why}", kind_name(*.kind))]
    BadConfig {
        /// What it was for.
        kind: TrackKind,
        /// What is wrong with it.
        why: String,
    },
    /// A sample came before any configuration of its track.
    #[error("a sample of {} came before its configuration", name(*.0))]
    Unconfigured(TrackId),
    /// A track goes on with another configuration.
    #[error("the configuration of {} changed", name(*.0))]
    Reconfigured(TrackId),
    /// A track appeared in an epoch that began without it.
    #[error("{} joined after the epoch had begun", name(*.0))]
    Joined(TrackId),
    /// A track's timestamps jumped.
    #[error("timestamps of {} jumped from {from} to {to}", name(*.track))]
    Discontinuity {
        /// The track.
        track: TrackId,
        /// The timestamp before the jump.
        from: Millis,
        /// The timestamp after it.
        to: Millis,
    },
    /// One track has stopped while another goes on.
    #[error("{} is {:.1} s behind the other tracks", name(*.behind), .by.as_secs_f64())]
    Apart {
        /// The track that stopped.
        behind: TrackId,
        /// How far it is behind.
        by: Duration,
    },
    /// Media time is no longer where the epoch said that it would be at this time of day.
    #[error("media is {} ms {} the wall clock", .behind_ms.unsigned_abs(), if *.behind_ms < 0 { "ahead of" } else { "behind" })]
    Drifted {
        /// How far it is behind; negative where it is ahead.
        behind_ms: i64,
    },
    /// A rendition has no keyframe where its source has one, so that no player could change between them.
    #[error("{} has no keyframe where the source has one, at {:.3} s", name(*.track), .at.as_secs_f64())]
    Unaligned {
        /// The rendition.
        track: TrackId,
        /// Where the source was cut.
        at: Duration,
    },
    /// A rendition is not made any more.
    #[error("{} has ended", name(*.0))]
    Ended(TrackId),
    /// A rendition that is no part of the epoch cannot become one.
    #[error("{} is left out: {why}", name(*.track))]
    LeftOut {
        /// The rendition.
        track: TrackId,
        /// What is wrong with it.
        why: Box<PackageError>,
    },
    /// Keyframes are too rare to cut segments at.
    #[error("no keyframe for {} s: set the encoder's keyframe interval to 2 s", .longest.as_secs())]
    KeyframeInterval {
        /// The longest interval that is accepted.
        longest: Duration,
    },
    /// A sample, or what has to travel in one piece, is larger than a chunk may be.
    #[error("{bytes} bytes of {} in one piece are more than {limit}: lower the encoder's bitrate", name(*.track))]
    TooLarge {
        /// The track.
        track: TrackId,
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
            Self::Reconfigured(_)
            | Self::Joined(_)
            | Self::Discontinuity { .. }
            | Self::Apart { .. }
            | Self::Drifted { .. }
            | Self::Ended(_)
            | Self::Unaligned { .. } => true,
            // What only a rendition does wrong ends no publish.
            Self::TooLarge { track, .. } => is_rendition(*track),
            Self::BadConfig { .. }
            | Self::Unconfigured(_)
            | Self::LeftOut { .. }
            | Self::KeyframeInterval { .. } => false,
        }
    }

    /// Whether the epoch goes on as if nothing had happened: there is something to tell, and nothing to do.
    pub fn goes_on(&self) -> bool {
        matches!(self, Self::LeftOut { .. })
    }

    /// What it means for a rendition that is no part of the epoch.
    pub(super) fn leaves_out(self, track: TrackId) -> Self {
        let why = Box::new(self);
        Self::LeftOut { track, why }
    }

    /// Whether it is about a rendition, which no publisher can help.
    pub fn is_of_rendition(&self) -> bool {
        match self {
            Self::Unconfigured(track)
            | Self::Reconfigured(track)
            | Self::Joined(track)
            | Self::Ended(track)
            | Self::Discontinuity { track, .. }
            | Self::Apart { behind: track, .. }
            | Self::Unaligned { track, .. }
            | Self::LeftOut { track, .. }
            | Self::TooLarge { track, .. } => is_rendition(*track),
            Self::BadConfig { .. } | Self::Drifted { .. } | Self::KeyframeInterval { .. } => false,
        }
    }
}

/// A publisher knows its own tracks by what they are, an operator renditions by their names.
fn name(track: TrackId) -> String {
    if is_rendition(track) {
        track.to_string()
    } else {
        kind_name(track.kind()).to_owned()
    }
}

/// Whether a track is made of the publisher's own, which have the number 0.
pub(super) fn is_rendition(track: TrackId) -> bool {
    track.number() > 0
}

fn kind_name(kind: TrackKind) -> &'static str {
    match kind {
        TrackKind::Video => "video",
        TrackKind::Audio => "audio",
    }
}
