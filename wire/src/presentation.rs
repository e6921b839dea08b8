//! What an origin tells the tracker of a channel, and what it hears back.

use bytes::Bytes;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::Version;
use crate::address::HttpBase;
use crate::audience::Audience;
use crate::id::{BoxId, ChannelName, Epoch, TrackId};
use crate::key::{PublicKey, SecretKey};
use crate::seal::{Refusal, SelfSigned, Signed, open_own, sign};

/// The path that presentations are posted to.
pub const PATH: &str = "/api/v1/presentations";

/// What all documents of a channel take together, at most.
pub const MAX_DOCUMENT_BYTES: usize = 256 << 10;

/// The most epochs of a channel that are told as taken down; the newest count.
pub const MAX_TAKEDOWNS: usize = 16;
/// What signed news without seals take, at most.
pub const MAX_TAKEDOWN_BYTES: usize = 256;

/// The most seeds of a channel.
pub const MAX_SEEDS: usize = 16;

const MAX_DOCUMENTS: usize = 40;
const MAX_NAME_BYTES: usize = 32;
const MAX_TRACKS: usize = 32;
const MAX_CODECS_BYTES: usize = 64;
const MAX_SILENT: usize = 64;
const MAX_WARNINGS: usize = 16;
const MAX_WARNING_BYTES: usize = 256;
/// The most successions in a presentation.
pub const MAX_SUCCESSIONS: usize = 4;
const MAX_SUCCESSION_BYTES: usize = 512;

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
    pub state: State,
    /// Where viewers reach the origin; an unspecified host is where it is seen to come from.
    #[n(6)]
    pub http: HttpBase,
    /// Its manifests and playlists.
    #[n(7)]
    pub documents: Vec<Document>,
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
    /// The number of the newest poster of the epoch, 0 for none.
    #[n(12)]
    pub poster: u32,
    /// What is wrong with the encoder's stream.
    #[n(13)]
    pub warnings: Vec<Warning>,
    /// How `key` came to follow a key that trackers trust: signed statements, the oldest first.
    #[n(14)]
    pub successions: Vec<ByteVec>,
    /// News of epochs that are taken down, signed: trackers tell every box.
    #[n(15)]
    pub takedowns: Vec<ByteVec>,
    /// Who watches it from the origin itself.
    #[n(16)]
    pub audience: Audience,
    /// The boxes that the origin pushes it to.
    #[n(17)]
    pub seeds: Vec<BoxId>,
}

/// Whether a channel is on air.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It has a publisher.
    #[n(0)]
    Live,
    /// Its publisher is away, and may be back.
    #[n(1)]
    Away,
    /// It is over until its next epoch.
    #[n(2)]
    Ended,
}

impl State {
    /// Whether there is, or will soon be, something to watch.
    pub fn is_on_air(self) -> bool {
        self != Self::Ended
    }
}

/// A manifest or a playlist, as the origin makes it for all viewers: without what the tracker adds for each.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Document {
    /// What it is called in URLs: `manifest.mpd`, `master.m3u8`, `v0.m3u8`.
    #[n(0)]
    pub name: String,
    /// The document.
    #[n(1)]
    pub text: String,
}

impl Document {
    /// A document of that name.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
        }
    }

    /// Whether the name is one: `[a-z0-9-]{1,27}`, a dot, and `mpd` or `m3u8`.
    fn is_named(&self) -> bool {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let stem = self
            .name
            .strip_suffix(".mpd")
            .or_else(|| self.name.strip_suffix(".m3u8"));
        self.name.len() <= MAX_NAME_BYTES
            && stem.is_some_and(|stem| !stem.is_empty() && stem.bytes().all(allowed))
    }
}

/// Something that is wrong with the encoder's stream.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct Warning {
    /// What it is, for programs: `keyframe-interval`.
    #[n(0)]
    pub code: String,
    /// What it is and what to do about it, for people.
    #[n(1)]
    pub text: String,
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

    /// The document of that name.
    pub fn document(&self, name: &str) -> Option<&str> {
        let named = self.documents.iter().find(|document| document.name == name);
        named.map(|document| document.text.as_str())
    }

    fn document_bytes(&self) -> usize {
        self.documents.iter().map(|document| document.text.len()).sum()
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
            ("documents", self.documents.len(), MAX_DOCUMENTS),
            ("bytes of documents", self.document_bytes(), MAX_DOCUMENT_BYTES),
            ("warnings", self.warnings.len(), MAX_WARNINGS),
            (
                "bytes of a warning",
                self.warnings
                    .iter()
                    .map(|warning| warning.code.len() + warning.text.len())
                    .max()
                    .unwrap_or(0),
                MAX_WARNING_BYTES,
            ),
            ("successions", self.successions.len(), MAX_SUCCESSIONS),
            (
                "bytes of a succession",
                self.successions.iter().map(|one| one.len()).max().unwrap_or(0),
                MAX_SUCCESSION_BYTES,
            ),
            ("takedowns", self.takedowns.len(), MAX_TAKEDOWNS),
            (
                "bytes of a takedown",
                self.takedowns.iter().map(|one| one.len()).max().unwrap_or(0),
                MAX_TAKEDOWN_BYTES,
            ),
            ("tracks", self.tracks.len(), MAX_TRACKS),
            ("silent seeds", self.silent.len(), MAX_SILENT),
            ("seeds", self.seeds.len(), MAX_SEEDS),
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
        if let Some(unnamed) = self.documents.iter().find(|document| !document.is_named()) {
            let name: String = unnamed.name.chars().take(MAX_NAME_BYTES).collect();
            return Err(format!("{name:?} is not the name of a manifest or a playlist"));
        }
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
    /// Whether somebody follows the channel part by part: then it is to be presented at each, else at each segment.
    #[serde(default)]
    pub parts: bool,
    /// What the tracker's operator wants nobody to see any more.
    #[serde(default)]
    pub taken_down: TakenDown,
}

/// What is to be seen no more of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenDown {
    /// All of it: the epochs that there are, and those that would come.
    pub channel: bool,
    /// These epochs.
    pub epochs: Vec<Epoch>,
}

/// A box to push to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seed {
    /// Its id, which the hello names.
    pub id: BoxId,
    /// Its feed, as ZeroMQ writes addresses: `tcp://HOST:PORT`.
    pub zmq: String,
}
