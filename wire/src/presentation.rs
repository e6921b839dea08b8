//! What an origin tells the tracker of a channel, and what it hears back.

use bytes::Bytes;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::Version;
use crate::address::HttpBase;
use crate::id::{BoxId, ChannelName, Epoch, TrackId};
use crate::key::{PublicKey, SecretKey};
use crate::seal::{Refusal, SelfSigned, Signed, open_own, sign};

/// The path that presentations are posted to.
pub const PATH: &str = "/api/v1/presentations";

const MAX_MPD_BYTES: usize = 256 << 10;
const MAX_TRACKS: usize = 32;
const MAX_CODECS_BYTES: usize = 64;
const MAX_SILENT: usize = 64;

/// A channel as its origin presents it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Presentation {
    /// The version of the protocol.
    #[n(0)]
    pub version: Version,
    /// The origin's key.
    #[n(1)]
    pub key: PublicKey,
    /// The origin's clock in milliseconds since 1970: only growing.
    #[n(2)]
    pub sequence: u64,
    /// The channel.
    #[n(3)]
    pub channel: ChannelName,
    /// Its newest epoch.
    #[n(4)]
    pub epoch: Epoch,
    /// Whether it is on air.
    #[n(5)]
    pub live: bool,
    /// Where viewers reach the origin; an unspecified host is where it is seen to come from.
    #[n(6)]
    pub http: HttpBase,
    /// The MPD, without `BaseURL`, `Location` and `UTCTiming`.
    #[n(7)]
    pub mpd: String,
    /// The newest whole segment, 0 for none.
    #[n(8)]
    pub newest: u32,
    /// Media bytes of the channel that the origin sent to viewers since it started.
    #[n(9)]
    pub viewer_bytes: u64,
    /// The tracks.
    #[n(10)]
    pub tracks: Vec<TrackSummary>,
    /// Seeds that the origin wants replaced.
    #[n(11)]
    pub silent: Vec<BoxId>,
}

/// A track in a few words.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct TrackSummary {
    /// The track.
    #[n(0)]
    pub track: TrackId,
    /// Its codecs (RFC 6381).
    #[n(1)]
    pub codecs: String,
    /// Its measured bitrate.
    #[n(2)]
    pub bits_per_second: u64,
}

impl Presentation {
    /// The presentation as it travels.
    pub fn sign(&self, secret: &SecretKey) -> Bytes {
        sign(secret, self)
    }

    /// Opens a presentation with the key in it. Whether that key may publish is for the tracker to say.
    pub fn open(bytes: &[u8]) -> Result<Self, Refusal> {
        open_own(bytes)
    }
}

impl Signed for Presentation {
    const NAME: &'static str = "presentation";
    const PURPOSE: &'static str = "boxmesh:presentation:1";
    const MAX_BYTES: usize = 512 << 10;

    fn check(&self) -> Result<(), String> {
        let within = [
            ("bytes of MPD", self.mpd.len(), MAX_MPD_BYTES),
            ("tracks", self.tracks.len(), MAX_TRACKS),
            ("silent seeds", self.silent.len(), MAX_SILENT),
            (
                "bytes of codecs",
                self.tracks
                    .iter()
                    .map(|track| track.codecs.len())
                    .max()
                    .unwrap_or(0),
                MAX_CODECS_BYTES,
            ),
        ];
        match within.iter().find(|(_, found, limit)| found > limit) {
            Some((what, found, limit)) => Err(format!("{found} {what} are over the limit of {limit}")),
            None => Ok(()),
        }
    }
}

impl SelfSigned for Presentation {
    fn key(&self) -> &PublicKey {
        &self.key
    }
}

/// What the tracker answers to a presentation, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresentationReply {
    /// The tracker's clock, in milliseconds since 1970.
    pub time: u64,
    /// The boxes to push to.
    pub seeds: Vec<Seed>,
}

/// A box to push to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seed {
    /// Its id, which the hello names.
    pub id: BoxId,
    /// Its feed, as ZeroMQ writes addresses: `tcp://HOST:PORT`.
    pub zmq: String,
}
