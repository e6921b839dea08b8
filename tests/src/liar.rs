//! A box that lies: it stands where a real box says it is, and alters the media that it hands on.
//!
//! It proves its address and serves init segments like any honest box, as a clever one would, and hands on what comes as
//! it comes. Only what is inside `mdat` is altered, one bit in the middle of each, so that nothing but the seal can tell.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use anyhow::Result;
use bytes::BytesMut;

use crate::relay::{Bound, Hand, Look, Relay};

/// What trackers call themselves when they go and see.
const TRACKER: &str = "boxmesh-tracker/";

/// A liar that has its address, but no box behind it yet.
#[derive(Debug)]
pub struct LiarToBe {
    bound: Bound,
}

/// A lying box. It ends when dropped.
#[derive(Debug)]
pub struct Liar {
    tongue: Arc<Tongue>,
    _relay: Relay,
}

#[derive(Debug, Default)]
struct Tongue {
    honest: AtomicBool,
    honest_to_trackers: AtomicBool,
    lies: AtomicU64,
}

impl LiarToBe {
    /// Takes an address, for a box's `--public-url`.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn new() -> Result<Self> {
        Ok(Self {
            bound: Bound::new().await?,
        })
    }

    /// The address.
    ///
    /// # Errors
    /// When the system cannot say.
    pub fn url(&self) -> Result<String> {
        self.bound.url()
    }

    /// Begins to answer with what `target` answers, altered.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn before(self, target: SocketAddr) -> Result<Liar> {
        let tongue = Arc::new(Tongue::default());
        let relay = self.bound.relay(target, tongue.clone())?;
        Ok(Liar {
            tongue,
            _relay: relay,
        })
    }
}

impl Liar {
    /// How many pieces of media were altered.
    pub fn lies(&self) -> u64 {
        self.tongue.lies.load(Ordering::Relaxed)
    }

    /// Begins or stops to tell trackers the truth, and lies to viewers all the same, so that they do not find it out.
    pub fn set_honest_to_trackers(&self, honest: bool) {
        self.tongue.honest_to_trackers.store(honest, Ordering::Relaxed);
    }

    /// Begins or stops to tell the truth.
    pub fn set_honest(&self, honest: bool) {
        self.tongue.honest.store(honest, Ordering::Relaxed);
    }
}

impl Hand for Tongue {
    fn flows(self: &Arc<Self>, agent: &str, path: &str) -> Option<Look> {
        let media = matches!(path.rsplit_once('.'), Some((_, "m4v" | "m4a")));
        let pretends = self.honest_to_trackers.load(Ordering::Relaxed) && agent.starts_with(TRACKER);
        if !media || pretends || self.honest.load(Ordering::Relaxed) {
            return Some(Box::new(|piece| piece));
        }
        let (tongue, mut middles) = (self.clone(), Middles::default());
        Some(Box::new(move |piece| {
            let mut altered = BytesMut::from(piece);
            for victim in middles.within(&altered) {
                altered[victim] ^= 0x10;
                tongue.lies.fetch_add(1, Ordering::Relaxed);
            }
            altered.freeze()
        }))
    }
}

/// Finds the middle of each `mdat` in a segment that comes in pieces (ISO/IEC 14496-12 §4.2).
#[derive(Debug, Default)]
struct Middles {
    /// What came of the header of the box that is coming.
    header: Vec<u8>,
    /// Bytes from here to the middle of the media that is coming.
    to_middle: Option<usize>,
    /// Bytes from here to the next header.
    to_header: usize,
}

impl Middles {
    /// The places in `piece`, the next that came.
    fn within(&mut self, piece: &[u8]) -> Vec<usize> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < piece.len() {
            if self.to_header == 0 {
                self.header.push(piece[at]);
                at += 1;
                self.begin();
                continue;
            }
            let passed = self.to_header.min(piece.len() - at);
            if let Some(middle) = self.to_middle {
                if middle < passed {
                    found.push(at + middle);
                }
                self.to_middle = middle.checked_sub(passed);
            }
            self.to_header -= passed;
            at += passed;
        }
        found
    }

    /// Begins a box, when its header has come.
    fn begin(&mut self) {
        let Ok([a, b, c, d, kind @ ..]) = <[u8; 8]>::try_from(&self.header[..]) else {
            return;
        };
        self.header.clear();
        self.to_header = (u32::from_be_bytes([a, b, c, d]) as usize).saturating_sub(8);
        self.to_middle = (kind == *b"mdat" && self.to_header > 0).then_some(self.to_header / 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_box(kind: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let size = u32::try_from(payload.len() + 8).unwrap();
        [&size.to_be_bytes(), &kind[..], payload].concat()
    }

    /// Where the middles are in `segment` when it comes `at_once` bytes at a time.
    fn middles(segment: &[u8], at_once: usize) -> Vec<usize> {
        let mut middles = Middles::default();
        let pieces = segment.chunks(at_once).enumerate();
        pieces
            .flat_map(|(number, piece)| {
                let within = middles.within(piece);
                within.into_iter().map(move |place| number * at_once + place)
            })
            .collect()
    }

    #[test]
    fn the_middle_of_each_piece_of_media_is_found_however_it_comes() {
        let boxes = [
            a_box(*b"moof", &[7; 20]),
            a_box(*b"mdat", &[7; 9]),
            a_box(*b"mdat", &[]),
            a_box(*b"mdat", &[7; 3]),
        ];
        let segment = boxes.concat();
        let expected = [28 + 8 + 4, 28 + 17 + 8 + 8 + 1];
        for at_once in 1..=segment.len() {
            assert_eq!(middles(&segment, at_once), expected, "{at_once} bytes at a time");
        }
    }

    #[test]
    fn what_holds_no_media_stays_as_it_is() {
        assert!(middles(&a_box(*b"moov", &[1; 9]), 4).is_empty());
        assert!(middles(b"{}", 2).is_empty());
    }
}
