//! What is kept of a box and of a channel.
//!
//! A record is the signed message itself and a line about how it was heard. Reading one back from
//! a shared registry checks the signature again.

use std::net::IpAddr;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wire::address::HttpBase;
use wire::announcement::Announcement;
use wire::id::{BoxId, Epoch};
use wire::key::PublicKey;
use wire::news::{News, Turn};
use wire::presentation::Presentation;
use wire::seal::Refusal;

use crate::document::{DocumentError, Documents};
use crate::reach::found_at;
use crate::succession::{BadChain, Chain, trusts};

/// What a box said last.
#[derive(Clone, Debug)]
pub struct BoxRecord {
    /// The box.
    pub id: BoxId,
    /// What it said.
    pub announcement: Announcement,
    /// Where it said it from.
    pub seen_from: IpAddr,
    signed: Bytes,
}

#[derive(Serialize, Deserialize)]
struct BoxHeader {
    seen_from: IpAddr,
}

impl BoxRecord {
    /// The record of an announcement that was opened from `signed`.
    pub fn new(announcement: Announcement, signed: Bytes, seen_from: IpAddr) -> Self {
        Self {
            id: announcement.id(),
            announcement,
            seen_from: seen_from.to_canonical(),
            signed,
        }
    }

    /// Where viewers reach the box, as the tracker sees it.
    pub fn http(&self) -> HttpBase {
        found_at(&self.announcement.http, self.seen_from)
    }

    /// The record as bytes, for a registry outside of the process.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        join(
            &BoxHeader {
                seen_from: self.seen_from,
            },
            &self.signed,
        )
    }

    /// Reads a record back; `None` if it is none of ours.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (BoxHeader { seen_from }, signed) = part(bytes)?;
        let announcement = Announcement::open(signed).ok()?;
        Some(Self::new(announcement, Bytes::copy_from_slice(signed), seen_from))
    }
}

/// What an origin said last of a channel. One exists only if its documents can be spliced, and its key is the
/// last of its successions.
#[derive(Clone, Debug)]
pub struct ChannelRecord {
    /// What it said; its documents were moved into `documents`.
    pub presentation: Presentation,
    /// Its manifests and playlists.
    pub documents: Documents,
    /// How its key came to follow others.
    pub chain: Chain,
    /// How it was heard.
    pub heard: Heard,
    signed: Bytes,
}

/// Why a presentation is not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    /// Its documents are not for viewers.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// What it says of epochs taken down is not its own.
    #[error("a takedown in it: {0}")]
    Takedown(#[source] Refusal),
    /// What it says of epochs taken down is something else.
    #[error("what should be a takedown of the channel is other news")]
    NoTakedown,
    /// Its key does not follow from what it says.
    #[error(transparent)]
    Chain(#[from] BadChain),
}

/// How a presentation was heard, and what the tracker made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Where it came from.
    pub seen_from: IpAddr,
    /// When, in milliseconds since 1970 by the tracker's clock.
    pub at: u64,
    /// The seeds that the origin was given.
    pub seeds: Vec<BoxId>,
    /// Since when each of them has its place among them, or a better one, in milliseconds since 1970.
    #[serde(default)]
    pub since: Vec<u64>,
    /// Seeds that the origin found silent, until when they are not to be seeds again.
    pub silent: Vec<Silence>,
    /// When its epoch was first heard to have ended.
    #[serde(default)]
    pub ended: Option<u64>,
    /// The epochs before it that may still be watched, the newest first.
    #[serde(default)]
    pub past: Vec<Past>,
}

/// An epoch that was followed by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// The epoch.
    pub epoch: Epoch,
    /// The newest whole segment that was heard of.
    pub newest: u32,
}

/// A box that took nothing when it was a seed, or gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// The box.
    pub id: BoxId,
    /// Until when it counts, in milliseconds since 1970.
    pub until: u64,
}

impl ChannelRecord {
    /// The record of a presentation that was opened from `signed`.
    pub fn new(mut presentation: Presentation, signed: Bytes, heard: Heard) -> Result<Self, BadRecord> {
        let chain = Chain::of(&presentation)?;
        let (key, channel) = (&presentation.key, &presentation.channel);
        for signed in &presentation.takedowns {
            let news = News::open(signed, &[*key]).map_err(BadRecord::Takedown)?;
            if news.turn != Turn::TakenDown || news.channel != *channel {
                return Err(BadRecord::NoTakedown);
            }
        }
        let documents = Documents::parse(std::mem::take(&mut presentation.documents))?;
        Ok(Self {
            presentation,
            documents,
            chain,
            heard,
            signed,
        })
    }

    /// Whether it is believed at `now` by who trusts these keys.
    pub fn is_trusted(&self, trusted: &[PublicKey], now: u64) -> bool {
        trusts(trusted, &self.presentation.key, &self.chain, now)
    }

    /// The keys that seal the channel's chunks at `now`, the newest first.
    pub fn keys(&self, now: u64) -> Vec<PublicKey> {
        let older = self.chain.still_good(now);
        [self.presentation.key].into_iter().chain(older).collect()
    }

    /// How many segments a box that `has` a segment is behind one that is `wanted`; nothing if it has
    /// what nobody knows. An epoch follows the one before it, so a box that had all of that is near.
    pub fn behind(&self, has: (Epoch, u32), wanted: (Epoch, u32)) -> Option<u32> {
        if has.0 >= wanted.0 {
            let same = has.0 == wanted.0;
            return Some(if same { wanted.1.saturating_sub(has.1) } else { 0 });
        }
        let mut between = wanted.1;
        for past in self.heard.past.iter().filter(|past| past.epoch < wanted.0) {
            if past.epoch == has.0 {
                return Some(between.saturating_add(past.newest.saturating_sub(has.1)));
            }
            between = between.saturating_add(past.newest);
        }
        None
    }

    /// The record as bytes, for a registry outside of the process.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        join(&self.heard, &self.signed)
    }

    /// Reads a record back; `None` if it is none of ours.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (heard, signed) = part(bytes)?;
        let presentation = Presentation::open(signed).ok()?;
        Self::new(presentation, Bytes::copy_from_slice(signed), heard).ok()
    }
}

/// What came of an attempt to prove that a box is where it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The address in question.
    pub http: HttpBase,
    /// When, in milliseconds since 1970 by the tracker's clock.
    pub at: u64,
    /// Why it is not proved; nothing if it is.
    pub refusal: Option<String>,
    /// What was found at its other ports.
    #[serde(default)]
    pub ports: Vec<PortVerdict>,
}

/// What was found at one of a box's ports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortVerdict {
    /// The port.
    pub port: u16,
    /// Why nobody gets through; nothing if one does.
    pub refusal: Option<String>,
}

impl Verdict {
    /// What was found at this port, if anybody went to see.
    pub fn of_port(&self, port: u16) -> Option<&PortVerdict> {
        self.ports.iter().find(|found| found.port == port)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        join(self, &[])
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        part(bytes).map(|(verdict, _)| verdict)
    }
}

/// A line of JSON and what it is about.
fn join(header: &impl Serialize, signed: &[u8]) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(header).expect("a header of plain fields is always JSON");
    bytes.push(b'\n');
    bytes.extend_from_slice(signed);
    bytes
}

fn part<H: DeserializeOwned>(bytes: &[u8]) -> Option<(H, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (header, signed) = bytes.split_at_checked(end)?;
    Some((serde_json::from_slice(header).ok()?, signed.get(1..)?))
}
