//! The desk: who may publish what. Wrong keys, taken channels and addresses that have to wait are known here.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::claims::{Claim, Claims, Standing};
use super::ended::Ended;
use super::guesses::Guesses;
use super::keys::{KeyRing, Secret};

/// What the desk answers to a key.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The channel is there for the taking.
    Granted(Claim),
    /// Somebody who showed the same key has the channel, perhaps on a connection that is dead.
    Held(Arc<Standing>, Ended),
    /// No, and why.
    Refused(Ended),
}

/// What is known of those who showed keys.
#[derive(Debug, Default)]
pub(super) struct Desk {
    guesses: Guesses,
    pub(super) claims: Claims,
}

impl Desk {
    /// Judges a `key` that `peer` shows.
    pub(super) fn judge(&mut self, ring: &KeyRing, peer: IpAddr, key: &Secret, now: Instant) -> Verdict {
        if let Some(left) = self.guesses.wait(peer, now) {
            return Verdict::Refused(Ended::Guesses(left));
        }
        let Some(grant) = ring.grant(key) else {
            self.guesses.note(peer, now);
            return Verdict::Refused(Ended::UnknownKey);
        };
        let (channel, key) = (grant.channel.clone(), grant.key.clone());
        match self.claims.claim(grant, now) {
            Ok(claim) => Verdict::Granted(claim),
            Err(holder) if *holder.key() == key => Verdict::Held(holder, Ended::Taken(channel)),
            Err(_) => Verdict::Refused(Ended::Taken(channel)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_has_to_wait_learns_nothing_of_any_key() {
        let settings = ["demo=correct-horse_7", "demo=correct-horse_8"].map(|text| text.parse().unwrap());
        let ring = KeyRing::new(&settings, || [7; 16]).unwrap();
        let (mut desk, now) = (Desk::default(), Instant::now());
        let (guesser, owner): (IpAddr, IpAddr) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let mut show = |peer, key: &str| desk.judge(&ring, peer, &Secret(key.into()), now);
        for _ in 0..5 {
            let wrong = show(guesser, "wrong-horse_7");
            assert!(matches!(wrong, Verdict::Refused(Ended::UnknownKey)));
        }
        for key in ["wrong-horse_7", "correct-horse_7"] {
            let waits = show(guesser, key);
            assert!(matches!(waits, Verdict::Refused(Ended::Guesses(_))), "{waits:?}");
        }
        let Verdict::Granted(_claim) = show(owner, "correct-horse_7") else {
            panic!("others publish meanwhile")
        };
        let again = show(owner, "correct-horse_7");
        assert!(matches!(again, Verdict::Held(..)), "{again:?}");
        let successor = show(owner, "correct-horse_8");
        assert!(
            matches!(successor, Verdict::Refused(Ended::Taken(_))),
            "{successor:?}"
        );
    }
}
