//! A viewer's session: the boxes that it was given, carried in the URL of its manifest.
//!
//! The tracker keeps nothing of a viewer. What it needs to know at the next request stands in the
//! token, under a MAC that binds it to the channel, so any tracker with the same key can answer.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use rand::Rng;
use sha2::Sha256;
use wire::id::{BoxId, ChannelName};
use wire::tracker_id::TrackerId;

use crate::select::{Carriers, Newcomer};

/// The most boxes that a viewer is given.
pub const MAX_BOXES: usize = 3;

/// A session older than this, in milliseconds, begins anew.
const MAX_AGE: u64 = 24 * 60 * 60 * 1000;

/// Whom the origin took over stays there for this long, in milliseconds, while most boxes are slow.
const AT_ORIGIN: u64 = 60 * 1000;

const VERSION: u8 = 1;
const BOX_BYTES: usize = 16;
const MAC_BYTES: usize = 16;
const HEAD_BYTES: usize = 1 + 8;
const MAX_TOKEN_BYTES: usize = (HEAD_BYTES + MAX_BOXES * BOX_BYTES + MAC_BYTES).div_ceil(3) * 4;

/// The secret that trackers share, so that each can read the sessions of the others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SessionKey([u8; 32]);

impl SessionKey {
    /// The key with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, for the registry.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A number that nobody else can foretell, for a use named by `purpose`.
    pub fn salt(&self, purpose: &str) -> u64 {
        let mac = self.mac(purpose).finalize().into_bytes();
        u64::from_be_bytes(mac.first_chunk().copied().expect("a SHA-256 has 32 bytes"))
    }

    /// What trackers that share this key call themselves.
    pub fn tracker_id(&self) -> TrackerId {
        let mac = self.mac("tracker id").finalize().into_bytes();
        TrackerId::from_bytes(mac.first_chunk().copied().expect("a SHA-256 has 32 bytes"))
    }

    fn mac(&self, purpose: &str) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.chain_update(purpose.as_bytes()).chain_update([0])
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SessionKey(secret)")
    }
}

/// What the tracker remembers of a viewer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// When it was given out, in milliseconds since 1970.
    pub issued: u64,
    /// Its boxes, the one to use first at the front.
    pub boxes: Vec<BoxId>,
}

impl Session {
    /// The token for the URL.
    pub fn token(&self, key: &SessionKey, channel: &ChannelName) -> String {
        let boxes = &self.boxes[..self.boxes.len().min(MAX_BOXES)];
        let mut bytes = Vec::with_capacity(HEAD_BYTES + MAX_BOXES * BOX_BYTES + MAC_BYTES);
        bytes.push(VERSION);
        bytes.extend(self.issued.to_be_bytes());
        bytes.extend(boxes.iter().flat_map(BoxId::bytes));
        let mac = mac_of(key, channel, &bytes).finalize().into_bytes();
        bytes.extend(&mac[..MAC_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token; `None` for one that no tracker with this key wrote for this channel.
    pub fn read(token: &str, key: &SessionKey, channel: &ChannelName) -> Option<Self> {
        let bytes = Some(token)
            .filter(|token| token.len() <= MAX_TOKEN_BYTES)
            .and_then(|token| URL_SAFE_NO_PAD.decode(token).ok())?;
        let (signed, mac) = bytes.split_last_chunk::<MAC_BYTES>()?;
        mac_of(key, channel, signed).verify_truncated_left(mac).ok()?;
        let (version, rest) = signed.split_first()?;
        let (issued, boxes) = rest.split_first_chunk()?;
        let (boxes, odd) = boxes.as_chunks::<BOX_BYTES>();
        (*version == VERSION && odd.is_empty() && boxes.len() <= MAX_BOXES).then(|| Self {
            issued: u64::from_be_bytes(*issued),
            boxes: boxes.iter().copied().map(BoxId::from_bytes).collect(),
        })
    }
}

impl Session {
    /// Whether the viewer keeps all of it: it has as many boxes as viewers are given, and stays with each.
    pub fn stands(&self, carriers: &Carriers, now: u64) -> bool {
        self.boxes.len() == MAX_BOXES
            && now < self.issued.saturating_add(MAX_AGE)
            && self.boxes.iter().all(|id| carriers.keeps(id))
    }
}

/// The session of a viewer's next manifest: the boxes that it had and that still carry the channel,
/// in their order, and others in the places of those that vanished or are about to.
pub fn renewed(
    before: Option<Session>,
    carriers: &Carriers,
    newcomer: impl Into<Newcomer>,
    now: u64,
    rng: &mut impl Rng,
) -> Session {
    let before = before.filter(|before| now < before.issued.saturating_add(MAX_AGE));
    let stays = |before: &Session| {
        before.boxes.is_empty()
            && carriers.origin_share() > 0.0
            && now < before.issued.saturating_add(AT_ORIGIN)
    };
    if let Some(before) = before.clone().filter(stays) {
        return before;
    }
    let kept = before.as_ref().map_or(&[][..], |before| &before.boxes);
    let boxes = carriers.choose(rng, kept, MAX_BOXES, newcomer);
    match before {
        Some(before) if before.boxes == boxes => before,
        _ => Session { issued: now, boxes },
    }
}

fn mac_of(key: &SessionKey, channel: &ChannelName, signed: &[u8]) -> Hmac<Sha256> {
    let mac = key
        .mac("boxmesh:session:1")
        .chain_update(channel.as_str().as_bytes());
    mac.chain_update([0]).chain_update(signed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::select::candidate;
    use crate::testing::NOW;

    const KEY: SessionKey = SessionKey([7; 32]);

    fn channel(name: &str) -> ChannelName {
        name.parse().unwrap()
    }

    fn session(boxes: usize) -> Session {
        let boxes = (0..boxes)
            .map(|n| BoxId::from_bytes([u8::try_from(n).unwrap(); 16]))
            .collect();
        Session {
            issued: 1_790_000_000_000,
            boxes,
        }
    }

    #[test]
    fn a_token_reads_back() {
        for boxes in 0..=MAX_BOXES {
            let token = session(boxes).token(&KEY, &channel("demo"));
            assert!(token.len() <= MAX_TOKEN_BYTES);
            assert_eq!(
                Session::read(&token, &KEY, &channel("demo")),
                Some(session(boxes))
            );
        }
    }

    #[test]
    fn a_token_of_another_key_or_another_channel_is_not_read() {
        let token = session(2).token(&KEY, &channel("demo"));
        assert!(
            Session::read(&token, &KEY, &channel("demo")).is_some(),
            "the witness"
        );
        assert_eq!(
            Session::read(&token, &SessionKey([8; 32]), &channel("demo")),
            None
        );
        assert_eq!(Session::read(&token, &KEY, &channel("demo2")), None);
    }

    #[test]
    fn a_token_changed_in_any_bit_is_not_read() {
        let token = session(3).token(&KEY, &channel("demo"));
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(Session::read(&changed, &KEY, &channel("demo")), None, "bit {bit}");
        }
    }

    #[test]
    fn a_session_lasts_while_its_boxes_do_and_a_vanished_box_is_replaced() {
        let mut rng = StdRng::seed_from_u64(1);
        let carriers = |boxes| Carriers::new((0..boxes).map(|n| candidate(n, 1)).collect());
        let first = renewed(None, &carriers(10), 1, NOW, &mut rng);
        assert_eq!(first.boxes.len(), MAX_BOXES);
        let second = renewed(Some(first.clone()), &carriers(10), 1, NOW + 5000, &mut rng);
        assert_eq!(second, first, "the same, so its token is the same");

        let left: Vec<_> = (0..10)
            .map(|n| candidate(n, 1))
            .filter(|left| left.id != first.boxes[1])
            .collect();
        let third = renewed(Some(first.clone()), &Carriers::new(left), 1, NOW + 9000, &mut rng);
        assert_eq!(third.boxes[..2], [first.boxes[0], first.boxes[2]]);
        assert!(!first.boxes.contains(&third.boxes[2]));
        assert_eq!(third.issued, NOW + 9000);
    }

    #[test]
    fn an_old_session_begins_anew() {
        let mut rng = StdRng::seed_from_u64(1);
        let gone = Session {
            issued: NOW - MAX_AGE,
            boxes: vec![],
        };
        assert_eq!(
            renewed(Some(gone), &Carriers::default(), 1, NOW, &mut rng).issued,
            NOW
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(text in ".{0,200}") {
            prop_assert_eq!(Session::read(&text, &KEY, &channel("demo")), None);
        }
    }
}
