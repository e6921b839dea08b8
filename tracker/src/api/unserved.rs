//! What viewers are told when there is nothing for them.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use program::http::error;
use wire::id::ChannelName;

use crate::document::{BadAsk, BadMediaPath};
use crate::edge::Missing;

/// How much of a name that is none an error repeats.
const SHOWN: usize = 48;

/// Why a viewer is not served.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unserved {
    #[error("there is no channel {0:?}")]
    Channel(String),
    #[error("channel {0} is off air")]
    OffAir(ChannelName),
    #[error("this of channel {0} was taken down")]
    TakenDown(ChannelName),
    #[error("channel {0} has no {1:?}")]
    Document(ChannelName, String),
    #[error(transparent)]
    Name(#[from] BadMediaPath),
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error("it did not come in time")]
    Late,
    #[error("the request has no Host that could lead back here")]
    NoHost,
    #[error(transparent)]
    Ask(#[from] BadAsk),
    #[error("what was asked for did not come in time")]
    InVain,
    #[error("too many requests are held already")]
    Crowded,
}

impl Unserved {
    /// There is no channel of that name.
    pub(super) fn no_channel(name: &str) -> Self {
        Self::Channel(name.chars().take(SHOWN).collect())
    }

    /// The channel has no document of that name.
    pub(super) fn no_document(channel: &ChannelName, name: &str) -> Self {
        Self::Document(channel.clone(), name.chars().take(SHOWN).collect())
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Channel(_)
            | Self::OffAir(_)
            | Self::Document(..)
            | Self::Name(_)
            | Self::Missing(_)
            | Self::Late => StatusCode::NOT_FOUND,
            Self::TakenDown(_) => StatusCode::GONE,
            Self::NoHost | Self::Ask(_) => StatusCode::BAD_REQUEST,
            Self::InVain | Self::Crowded => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for Unserved {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = error(status, self.to_string());
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
