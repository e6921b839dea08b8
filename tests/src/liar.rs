//! A box that lies: it stands where a real box says it is, and alters the media that it hands on.
//!
//! It proves its address and serves init segments like any honest box, as a clever one would. Only
//! what is inside `mdat` is altered, one bit of a byte in the middle, so that nothing but the seal can tell.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use anyhow::Result;
use bytes::{Bytes, BytesMut};

use crate::{
    relay::{Bound, Hand, Relay},
    segment::payloads,
};

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
    /// How many answers were altered.
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
    fn answer(&self, agent: &str, path: &str, body: Bytes) -> Bytes {
        let media = matches!(path.rsplit_once('.'), Some((_, "m4v" | "m4a")));
        let pretends = self.honest_to_trackers.load(Ordering::Relaxed) && agent.starts_with(TRACKER);
        if !media || pretends || self.honest.load(Ordering::Relaxed) {
            return body;
        }
        let Some(altered) = alter(&body) else {
            return body;
        };
        self.lies.fetch_add(1, Ordering::Relaxed);
        altered
    }
}

/// Flips one bit in the middle of the largest `mdat`, if there is any.
fn alter(segment: &Bytes) -> Option<Bytes> {
    let mdat = payloads(segment, *b"mdat").max_by_key(ExactSizeIterator::len)?;
    let victim = mdat.start + mdat.len() / 2;
    let mut altered = BytesMut::from(&segment[..]);
    *altered.get_mut(victim)? ^= 0x10;
    Some(altered.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_box(kind: [u8; 4], payload: &[u8]) -> Vec<u8> {
        let size = u32::try_from(payload.len() + 8).unwrap();
        [&size.to_be_bytes(), &kind[..], payload].concat()
    }

    #[test]
    fn exactly_one_bit_of_the_media_is_altered() {
        let boxes = [
            a_box(*b"moof", &[7; 20]),
            a_box(*b"mdat", &[7; 9]),
            a_box(*b"mdat", &[7; 3]),
        ];
        let segment = Bytes::from(boxes.concat());
        let altered = alter(&segment).unwrap();
        let differing: Vec<usize> = (0..segment.len())
            .filter(|&at| segment[at] != altered[at])
            .collect();
        assert_eq!(differing, [28 + 8 + 4]);
        assert_eq!((segment[differing[0]] ^ altered[differing[0]]).count_ones(), 1);
    }

    #[test]
    fn what_holds_no_media_stays_as_it_is() {
        assert_eq!(alter(&Bytes::from(a_box(*b"moov", &[1; 9]))), None);
        assert_eq!(alter(&Bytes::from_static(b"{}")), None);
    }
}
