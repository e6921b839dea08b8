//! Why a connection ended: the one event that each leaves in the log, and what its encoder is told.

use std::io;
use std::time::Duration;

use wire::id::ChannelName;

use super::flv::BadTag;
use super::limits::OverLimit;
use super::places::Crowded;
use super::rtmp::{Status, Violation};

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Ended {
    #[error("the publisher stopped")]
    Unpublished,
    #[error("the connection was closed")]
    Closed,
    #[error("the connection broke: {0}")]
    Broke(io::ErrorKind),
    #[error("no media for {} s", .0.as_secs())]
    Silent(Duration),
    #[error("the origin is stopping")]
    Stopping,
    #[error("no handshake within {} s", .0.as_secs())]
    NoHandshake(Duration),
    #[error("nothing published within {} s", .0.as_secs())]
    NoPublish(Duration),
    #[error("more than {most} bytes before anything was published")]
    Chatter { most: u64 },
    #[error("the server's address has to be rtmp://HOST/live, the stream key goes behind it")]
    UnknownApp,
    #[error("this server takes streams, it plays none: watch at the tracker's page")]
    Play,
    #[error("no channel has this stream key")]
    UnknownKey,
    #[error("too many wrong stream keys came from this address: wait {} s", .0.as_secs() + 1)]
    Guesses(Duration),
    #[error("channel {0} has a publisher already")]
    Taken(ChannelName),
    #[error("the publisher came back on another connection")]
    Replaced,
    #[error("its stream key was removed")]
    Removed,
    #[error("{0} out of turn")]
    OutOfTurn(&'static str),
    #[error("the origin cannot keep up with the stream")]
    Overrun,
    #[error("the stream was refused: {0}")]
    Refused(String),
    #[error("the publish hook gave no answer, without which nobody may publish")]
    NoHook,
    #[error("no TLS: {0}")]
    Tls(String),
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
    #[error(transparent)]
    Crowded(#[from] Crowded),
    #[error(transparent)]
    Violation(#[from] Violation),
    #[error(transparent)]
    Tag(#[from] BadTag),
}

impl Ended {
    /// Whether this is how a publisher's stream ends when nothing is wrong with it.
    pub(super) fn is_peaceful(&self) -> bool {
        matches!(
            self,
            Self::Unpublished | Self::Closed | Self::Stopping | Self::Replaced
        )
    }

    /// What an encoder that still listens is told. The codes are those at which encoders show the description.
    pub(super) fn status(&self) -> Option<Status> {
        let code = match self {
            Self::Closed | Self::Broke(_) | Self::Tls(_) => return None,
            Self::Unpublished => "NetStream.Unpublish.Success",
            Self::UnknownApp => "NetConnection.Connect.InvalidApp",
            Self::UnknownKey | Self::Guesses(_) | Self::Taken(_) | Self::Removed => {
                "NetStream.Publish.BadName"
            }
            Self::Refused(_) | Self::NoHook | Self::OverLimit(_) | Self::Tag(_) => {
                "NetStream.Publish.Rejected"
            }
            Self::Play => "NetStream.Play.Failed",
            _ => "NetStream.Failed",
        };
        Some(Status {
            error: *self != Self::Unpublished,
            code,
            description: self.to_string(),
        })
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Broke(error.kind())
    }
}
