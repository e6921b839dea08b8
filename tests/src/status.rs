//! What the tracker's API tells about channels and boxes.

use serde::Deserialize;

/// A channel in `/api/v1/channels`.
#[derive(Clone, Debug, Deserialize)]
pub struct ChannelStatus {
    /// Its name.
    pub name: String,
    /// Whether it is on air.
    pub live: bool,
    /// The epoch that it is in, or was in last.
    #[serde(default)]
    pub epoch: u64,
    /// The public keys that its chunks are sealed with, in hexadecimal.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Its newest whole segment.
    #[serde(default)]
    pub newest: u32,
    /// `live`, `away` or `ended`.
    #[serde(default)]
    pub state: String,
    /// What is wrong with its encoder's stream.
    #[serde(default)]
    pub warnings: Vec<WarningStatus>,
    /// The path of its newest poster.
    #[serde(default)]
    pub poster: Option<String>,
    /// What its origin says about itself.
    pub origin: Option<OriginStatus>,
}

/// A warning in `/api/v1/channels`.
#[derive(Clone, Debug, Deserialize)]
pub struct WarningStatus {
    /// What it is, for programs.
    pub code: String,
    /// What it is, for people.
    pub text: String,
}

/// An origin in `/api/v1/channels`.
#[derive(Clone, Debug, Deserialize)]
pub struct OriginStatus {
    /// Media bytes of the channel that it sent to viewers.
    #[serde(default)]
    pub viewer_bytes: u64,
}

/// A box in `/api/v1/boxes`.
#[derive(Clone, Debug, Deserialize)]
pub struct BoxStatus {
    /// Its id.
    pub id: String,
    /// Where viewers reach it.
    pub http: String,
    /// The channels that it carries.
    #[serde(default)]
    pub channels: Vec<String>,
    /// Whether viewers are sent there.
    #[serde(default = "yes")]
    pub listed: bool,
    /// Media bytes that it sent to viewers.
    #[serde(default)]
    pub viewer_bytes: u64,
}

fn yes() -> bool {
    true
}

/// What `/api/v1/channels` answers.
#[derive(Debug, Deserialize)]
pub struct Channels {
    /// All of them.
    pub channels: Vec<ChannelStatus>,
}

/// What `/api/v1/boxes` answers.
#[derive(Debug, Deserialize)]
pub struct Boxes {
    /// All of them.
    pub boxes: Vec<BoxStatus>,
}
