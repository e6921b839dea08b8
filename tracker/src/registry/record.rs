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
use wire::id::BoxId;
use wire::presentation::Presentation;

use crate::manifest::{ManifestError, Template};
use crate::reach::found_at;

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

/// What an origin said last of a channel. One exists only if its MPD can be spliced.
#[derive(Clone, Debug)]
pub struct ChannelRecord {
    /// What it said; its MPD was moved into `template`.
    pub presentation: Presentation,
    /// Its MPD.
    pub template: Template,
    /// How it was heard.
    pub heard: Heard,
    signed: Bytes,
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
    /// Seeds that the origin found silent, until when they are not to be seeds again.
    pub silent: Vec<Silence>,
}

/// A box that took nothing when it was a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// The box.
    pub id: BoxId,
    /// Until when it counts, in milliseconds since 1970.
    pub until: u64,
}

impl ChannelRecord {
    /// The record of a presentation that was opened from `signed`.
    pub fn new(mut presentation: Presentation, signed: Bytes, heard: Heard) -> Result<Self, ManifestError> {
        let mpd = presentation
            .document("manifest.mpd")
            .unwrap_or_default()
            .to_owned();
        presentation.documents.clear();
        let template = Template::parse(mpd)?;
        Ok(Self {
            presentation,
            template,
            heard,
            signed,
        })
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
}

impl Verdict {
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
