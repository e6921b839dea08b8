//! What boxes and origins are told when they are not believed.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use wire::id::{BoxId, ChannelName, Epoch};
use wire::key::PublicKey;
use wire::seal::Refusal;
use wire::tracker_id::TrackerId;

use crate::registry::BadRecord;
use crate::roster::NoRoom;

/// Why a box or an origin was not believed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the body took more than 10 seconds")]
    Slow,
    #[error(transparent)]
    Unsealed(#[from] Refusal),
    #[error("your clock is {millis} ms {side} the tracker's: only {limit} ms are allowed")]
    Clock {
        millis: u64,
        side: &'static str,
        limit: u64,
    },
    #[error("this is said to another tracker, or to none: this one calls itself {0}")]
    OtherTracker(TrackerId),
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    #[error("key {0} is not trusted here; the tracker's operator adds it with --trust-origin {0}")]
    Untrusted(Box<PublicKey>),
    #[error("channel {channel} belongs to the origin with key {owner}")]
    Owned {
        channel: ChannelName,
        owner: Box<PublicKey>,
    },
    #[error("channel {channel} is at epoch {current} already: {offered} has passed")]
    Passed {
        channel: ChannelName,
        current: Epoch,
        offered: Epoch,
    },
    #[error("there are {0} channels already, more than this tracker keeps")]
    TooManyChannels(usize),
    #[error("key {0} was followed by another, and counts no longer")]
    Retired(Box<PublicKey>),
    #[error("{0} is no box that is known here, or it is left out: others report nobody")]
    Stranger(BoxId),
    #[error("a box reports others once in two seconds at most")]
    TooOften,
    #[error("what is said to be forged is genuine: a key of its channel opens it")]
    Unfounded,
    #[error(transparent)]
    Record(#[from] BadRecord),
}

impl Refused {
    /// The reason in one word, as it is counted.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too-large",
            Self::Slow => "slow",
            Self::Unsealed(refusal) => refusal.reason(),
            Self::Clock { .. } => "clock",
            Self::OtherTracker(_) => "tracker",
            Self::NoRoom(NoRoom::Here(_)) | Self::TooManyChannels(_) => "full",
            Self::NoRoom(_) => "crowded",
            Self::Untrusted(_) => "untrusted",
            Self::Owned { .. } => "owned",
            Self::Passed { .. } => "passed",
            Self::Retired(_) => "retired",
            Self::Stranger(_) => "stranger",
            Self::TooOften => "too-often",
            Self::Unfounded => "unfounded",
            Self::Record(BadRecord::Document(_)) => "manifest",
            Self::Record(BadRecord::Chain(_)) => "succession",
            Self::Record(BadRecord::Takedown(_) | BadRecord::NoTakedown) => "takedown",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } | Self::Unsealed(Refusal::TooLarge { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Unsealed(Refusal::Forged(_))
            | Self::Untrusted(_)
            | Self::Retired(_)
            | Self::Stranger(_)
            | Self::Owned { .. } => StatusCode::FORBIDDEN,
            Self::Unsealed(_) | Self::Record(_) | Self::Unfounded => StatusCode::BAD_REQUEST,
            Self::Clock { .. } | Self::OtherTracker(_) | Self::Passed { .. } => StatusCode::CONFLICT,
            Self::NoRoom(_) | Self::TooManyChannels(_) | Self::TooOften => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// The answer, with the tracker's clock in it: whose own is wrong can set it right.
    pub(super) fn answer(&self, time: u64) -> Response {
        self.answered(time, None)
    }

    /// The same to a box, which is told the tracker's id besides where one of the two may be wrong: so both are right at
    /// its next try.
    pub(super) fn answer_to_box(&self, time: u64, tracker: TrackerId) -> Response {
        let is_about_it = matches!(self, Self::Clock { .. } | Self::OtherTracker(_));
        self.answered(time, is_about_it.then_some(tracker))
    }

    fn answered(&self, time: u64, tracker: Option<TrackerId>) -> Response {
        #[derive(Serialize)]
        struct Body {
            error: String,
            time: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            tracker: Option<TrackerId>,
        }
        let body = Body {
            error: self.to_string(),
            time,
            tracker,
        };
        (self.status(), Json(body)).into_response()
    }
}

/// Refuses a clock that is too far from `now`, in milliseconds.
pub(super) fn check_clock(theirs: u64, now: u64, behind: u64, ahead: u64) -> Result<(), Refused> {
    if theirs > now.saturating_add(ahead) {
        return Err(Refused::Clock {
            millis: theirs - now,
            side: "ahead of",
            limit: ahead,
        });
    }
    if theirs < now.saturating_sub(behind) {
        return Err(Refused::Clock {
            millis: now - theirs,
            side: "behind",
            limit: behind,
        });
    }
    Ok(())
}
