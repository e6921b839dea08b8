//! What a box tells the tracker every few seconds, and what it hears back.

use std::net::IpAddr;

use bytes::Bytes;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::Version;
use crate::address::HttpBase;
use crate::audience::Audience;
use crate::id::{BoxId, ChannelName, Epoch};
use crate::key::{PublicKey, SecretKey};
use crate::presentation::MAX_TAKEDOWN_BYTES;
use crate::seal::{Refusal, SelfSigned, Signed, open_own, sign};
use crate::tracker_id::TrackerId;

/// The path that announcements are posted to.
pub const PATH: &str = "/api/v1/announcements";

/// The most channels that a box may carry.
pub const MAX_CARRIED: usize = 64;

/// The most neighbours that a box tells of.
pub const MAX_MET: usize = 64;

/// What a box says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Announcement {
    /// The version of the protocol.
    #[n(0)]
    pub version: Version,
    /// The box's key, from which its id follows.
    #[n(1)]
    pub key: PublicKey,
    /// The box's clock in milliseconds since 1970, corrected by the tracker's answers: only growing.
    #[n(2)]
    pub sequence: u64,
    /// Whether this is a goodbye.
    #[n(3)]
    pub leaving: bool,
    /// Where viewers reach it; an unspecified host, for all three ports, is where it is seen to come from.
    #[n(4)]
    pub http: HttpBase,
    /// The port of its feed.
    #[n(5)]
    pub zmq_port: u16,
    /// The TCP port of its exchange with other boxes.
    #[n(6)]
    pub p2p_port: u16,
    /// How busy it is.
    #[n(7)]
    pub load: Load,
    /// What it did since it started.
    #[n(8)]
    pub served: Served,
    /// What it carries.
    #[n(9)]
    pub carried: Vec<Carried>,
    /// How many more viewers it would take now: of one without room the tracker tells no newcomer.
    #[n(10)]
    pub room: u32,
    /// The channels that it carries and no others; none named: whatever is on air.
    #[n(11)]
    pub channels: Vec<ChannelName>,
    /// The boxes that it is connected to.
    #[n(12)]
    pub met: Vec<Met>,
    /// Who watches what it carries; channels that nobody watches here are left out.
    #[n(13)]
    pub audiences: Vec<(ChannelName, Audience)>,
    /// Whom it is told: said to another it means nothing.
    #[n(14)]
    pub tracker: TrackerId,
}

/// A box that another is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct Met {
    /// The other.
    #[n(0)]
    pub id: BoxId,
    /// Whether it handed on media lately.
    #[n(1)]
    pub gave: bool,
}

/// How busy a box is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct Load {
    /// What it may send, in bits per second.
    #[n(0)]
    pub upload_bits_per_second: u64,
    /// What it sends now, in bits per second.
    #[n(1)]
    pub sending_bits_per_second: u64,
    /// How many viewers it serves now.
    #[n(2)]
    pub viewers: u32,
}

/// What a box did since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct Served {
    /// Media bytes sent to viewers.
    #[n(0)]
    pub viewer_bytes: u64,
    /// Media bytes sent to neighbours.
    #[n(1)]
    pub neighbour_bytes: u64,
    /// Chunks whose seal opened.
    #[n(2)]
    pub accepted_chunks: u64,
    /// Chunks refused.
    #[n(3)]
    pub refused_chunks: u64,
}

/// A channel that a box carries.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct Carried {
    /// The channel.
    #[n(0)]
    pub channel: ChannelName,
    /// The newest epoch of it that is in the box's window.
    #[n(1)]
    pub epoch: Epoch,
    /// The newest whole segment of that epoch, 0 for none.
    #[n(2)]
    pub newest: u32,
}

impl Announcement {
    /// The box that speaks.
    pub fn id(&self) -> BoxId {
        BoxId::of(&self.key)
    }

    /// Whether it takes in what there is of a channel.
    pub fn takes(&self, channel: &ChannelName) -> bool {
        self.channels.is_empty() || self.channels.contains(channel)
    }

    /// Whether two boxes have a use for each other: whether there may be a channel that both take in.
    pub fn may_share_with(&self, other: &Self) -> bool {
        self.channels.is_empty()
            || other.channels.is_empty()
            || self.channels.iter().any(|name| other.takes(name))
    }

    /// The announcement as it travels.
    pub fn sign(&self, secret: &SecretKey) -> Bytes {
        sign(secret, self)
    }

    /// Opens an announcement with the key in it, so that it can only speak of its own box.
    pub fn open(bytes: &[u8]) -> Result<Self, Refusal> {
        open_own(bytes)
    }
}

impl Signed for Announcement {
    const NAME: &'static str = "announcement";
    const PURPOSE: &'static str = "boxmesh:announcement:1";
    const MAX_BYTES: usize = 16 << 10;

    fn check(&self) -> Result<(), String> {
        let channels = self.carried.len().max(self.channels.len());
        let channels = channels.max(self.audiences.len());
        if channels > MAX_CARRIED {
            return Err(format!("{channels} channels are over the limit of {MAX_CARRIED}"));
        }
        let met = self.met.len();
        if met > MAX_MET {
            return Err(format!("{met} neighbours are over the limit of {MAX_MET}"));
        }
        if self.zmq_port == 0 || self.p2p_port == 0 {
            return Err("a port is 0".into());
        }
        Ok(())
    }
}

impl SelfSigned for Announcement {
    fn key(&self) -> &PublicKey {
        &self.key
    }
}

/// What the tracker answers to an announcement, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncementReply {
    /// The tracker's clock, in milliseconds since 1970.
    pub time: u64,
    /// The box that the tracker took this for.
    pub id: BoxId,
    /// Whether viewers are sent to the box.
    pub listed: bool,
    /// Why not, in words.
    pub why: Option<String>,
    /// The channels to carry.
    pub channels: Vec<ChannelNews>,
    /// Boxes to connect to.
    pub neighbours: Vec<Neighbour>,
    /// The addresses that origins speak from: nobody else may use the feed.
    pub origins: Vec<IpAddr>,
    /// Which of the box's ports the tracker reached.
    #[serde(default)]
    pub reach: Reach,
    /// Which of the boxes that it is connected to hand on what they take, as others say.
    #[serde(default)]
    pub giving: Vec<BoxId>,
    /// News of epochs that were taken down, signed by their origins.
    #[serde(default)]
    pub takedowns: Vec<Takedown>,
}

/// The most takedowns that one answer tells of.
pub const MAX_TAKEDOWNS: usize = 64;

/// News of an epoch that was taken down, as its origin signed it; in JSON as hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Takedown(pub Bytes);

impl std::fmt::Debug for Takedown {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Takedown({} bytes)", self.0.len())
    }
}

impl From<Takedown> for String {
    fn from(Takedown(bytes): Takedown) -> Self {
        hex::encode(bytes)
    }
}

impl TryFrom<String> for Takedown {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.len() > 2 * MAX_TAKEDOWN_BYTES {
            return Err("a takedown is too long".into());
        }
        let bytes = hex::decode(text).map_err(|error| error.to_string())?;
        Ok(Self(bytes.into()))
    }
}

/// What a tracker saw when it tried a box's ports from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// The port for viewers, where it found a proof.
    pub http: Seen,
    /// The port of the feed, by TCP.
    pub zmq: Seen,
    /// The port of the exchange, by TCP.
    pub p2p: Seen,
}

/// What a tracker saw at one port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Whether it got through.
    pub ok: bool,
    /// Why not, in words.
    pub why: Option<String>,
}

impl Seen {
    /// It got through.
    pub fn yes() -> Self {
        Self { ok: true, why: None }
    }

    /// It did not, for this reason.
    pub fn no(why: impl Into<String>) -> Self {
        let why = Some(why.into());
        Self { ok: false, why }
    }
}

impl Default for Seen {
    fn default() -> Self {
        Self::no("no tracker has tried it yet")
    }
}

/// What a box needs to know of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelNews {
    /// The channel.
    pub name: ChannelName,
    /// Whether it is on air.
    pub live: bool,
    /// Its newest epoch.
    pub epoch: Epoch,
    /// The keys that seal its chunks.
    pub keys: Vec<PublicKey>,
    /// Whether the box is to carry it. Of the others it knows the keys, so that it can begin at once.
    #[serde(default = "yes")]
    pub carry: bool,
}

fn yes() -> bool {
    true
}

/// A box to connect to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Its id.
    pub id: BoxId,
    /// Its key, from which its libp2p peer id follows.
    pub key: PublicKey,
    /// Its multiaddress, without the peer id.
    pub p2p: String,
}
