//! Who may speak on the feed: whoever said a hello that an origin signed, for this box, just now. Pure.

use std::collections::VecDeque;

use wire::feed::{Hello, MAX_HELLO_SKEW_MS};
use wire::id::BoxId;
use wire::key::PublicKey;
use wire::seal::Refusal;

/// Peers that are welcome at a time. There are few origins; the one that spoke least recently makes room.
const MAX_WELCOME: usize = 64;

/// Why a hello was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unwelcome {
    /// No origin that is known here signed it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It was said to another box, and carried here.
    #[error("the hello is for {0}")]
    Misdirected(BoxId),
    /// It was said long ago, or a clock is wrong.
    #[error("the hello's time is {0} ms off")]
    Untimely(u64),
}

/// The peers that are welcome.
#[derive(Debug)]
pub(super) struct Admission {
    me: BoxId,
    /// Routing ids, the one that spoke last at the end.
    welcome: VecDeque<Vec<u8>>,
}

impl Admission {
    pub(super) fn new(me: BoxId) -> Self {
        Self {
            me,
            welcome: VecDeque::new(),
        }
    }

    /// A peer says hello. What was before counts no more.
    pub(super) fn hello(
        &mut self,
        peer: &[u8],
        hello: &[u8],
        origins: &[PublicKey],
        now_ms: u64,
    ) -> Result<(), Unwelcome> {
        self.forget(peer);
        let hello = Hello::open(hello, origins)?;
        if hello.to != self.me {
            return Err(Unwelcome::Misdirected(hello.to));
        }
        let off = hello.time.abs_diff(now_ms);
        if off > MAX_HELLO_SKEW_MS {
            return Err(Unwelcome::Untimely(off));
        }
        if self.welcome.len() >= MAX_WELCOME {
            self.welcome.pop_front();
        }
        self.welcome.push_back(peer.to_vec());
        Ok(())
    }

    /// A peer speaks: whether it is welcome.
    pub(super) fn is_welcome(&mut self, peer: &[u8]) -> bool {
        let Some(at) = self.welcome.iter().position(|known| known == peer) else {
            return false;
        };
        if let Some(known) = self.welcome.remove(at) {
            self.welcome.push_back(known);
        }
        true
    }

    /// A peer has to say hello again.
    pub(super) fn forget(&mut self, peer: &[u8]) {
        self.welcome.retain(|known| known != peer);
    }
}

#[cfg(test)]
mod tests {
    use wire::Version;
    use wire::key::SecretKey;

    use super::*;
    use crate::samples::{origin, secret};

    const NOW: u64 = 1_790_000_000_000;

    fn me() -> BoxId {
        BoxId::of(&secret(1).public())
    }

    fn said(to: BoxId, time: u64) -> Hello {
        Hello {
            version: Version,
            to,
            time,
        }
    }

    #[test]
    fn a_hello_counts_from_an_origin_to_this_box_now() {
        let mut admission = Admission::new(me());
        let keys = [secret(9).public(), origin().public()];
        let mut try_hello =
            |hello: &Hello, by: &SecretKey| admission.hello(b"p", &hello.sign(by), &keys, NOW);

        assert_eq!(try_hello(&said(me(), NOW - 60_000), &origin()), Ok(()));
        assert_eq!(try_hello(&said(me(), NOW + 60_000), &origin()), Ok(()));
        assert_eq!(
            try_hello(&said(me(), NOW - 60_001), &origin()),
            Err(Unwelcome::Untimely(60_001))
        );
        let other = BoxId::of(&secret(2).public());
        assert_eq!(
            try_hello(&said(other, NOW), &origin()),
            Err(Unwelcome::Misdirected(other))
        );
        let stranger = try_hello(&said(me(), NOW), &secret(3));
        assert_eq!(stranger, Err(Unwelcome::Refused(Refusal::Forged("hello"))));
        assert!(!admission.is_welcome(b"p"), "a bad hello takes the welcome back");
    }

    #[test]
    fn few_are_welcome_at_a_time_and_who_speaks_stays() {
        let mut admission = Admission::new(me());
        let hello = said(me(), NOW).sign(&origin());
        for peer in 0..=u8::try_from(MAX_WELCOME).unwrap() {
            admission
                .hello(&[peer], &hello, &[origin().public()], NOW)
                .unwrap();
            assert!(admission.is_welcome(&[0]));
        }
        assert!(!admission.is_welcome(&[1]));
        assert!(admission.is_welcome(&[2]));
        assert_eq!(admission.welcome.len(), MAX_WELCOME);
    }
}
