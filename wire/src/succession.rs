//! How an origin's key is followed by another: the old key names the new one, and says until when both count.
//!
//! Whoever trusts a key trusts the one that it names, as long as the statement holds. When it no longer does, the old
//! key is retired, and the new one has to be trusted by itself: a key that was stolen names its successors too.

use bytes::Bytes;
use minicbor::{Decode, Encode};

use crate::Version;
use crate::key::{PublicKey, SecretKey};
use crate::seal::{Refusal, SelfSigned, Signed, open_own, sign};

/// For how long two keys of an origin may count side by side at most, in milliseconds: 30 days.
pub const MAX_VALID_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// An old key's word that a new one follows it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Succession {
    /// The version of the protocol.
    #[n(0)]
    pub version: Version,
    /// The old key, which signs this.
    #[n(1)]
    pub from: PublicKey,
    /// The new key.
    #[n(2)]
    pub to: PublicKey,
    /// When this was signed, in milliseconds since 1970.
    #[n(3)]
    pub at: u64,
    /// Until when both keys count, in milliseconds since 1970; the new one alone from then on.
    #[n(4)]
    pub until: u64,
}

impl Succession {
    /// The statement as it travels. `secret` is the old key.
    pub fn sign(&self, secret: &SecretKey) -> Bytes {
        sign(secret, self)
    }

    /// Opens a statement with the old key in it. Whether that key is one to be trusted is for the reader to say.
    pub fn open(bytes: &[u8]) -> Result<Self, Refusal> {
        open_own(bytes)
    }

    /// Whether both keys count at `now_ms`, by the reader's clock. One from the future counts: clocks differ.
    pub fn holds(&self, now_ms: u64) -> bool {
        now_ms < self.until
    }
}

impl Signed for Succession {
    const NAME: &'static str = "succession";
    const PURPOSE: &'static str = "boxmesh:succession:1";
    const MAX_BYTES: usize = 512;

    fn check(&self) -> Result<(), String> {
        if self.from == self.to {
            return Err("a key does not follow itself".into());
        }
        let Some(valid) = self.until.checked_sub(self.at) else {
            return Err("it ends before it was signed".into());
        };
        if valid > MAX_VALID_MS {
            return Err(format!(
                "{valid} ms of two keys are over the limit of {MAX_VALID_MS}"
            ));
        }
        Ok(())
    }
}

impl SelfSigned for Succession {
    fn key(&self) -> &PublicKey {
        &self.from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(seed: u8) -> SecretKey {
        SecretKey::from_seed([seed; 32])
    }

    fn succession() -> Succession {
        Succession {
            version: Version,
            from: secret(1).public(),
            to: secret(2).public(),
            at: 1_790_000_000_000,
            until: 1_790_000_000_000 + MAX_VALID_MS,
        }
    }

    #[test]
    fn only_the_old_key_names_its_successor() {
        let statement = succession();
        assert_eq!(Succession::open(&statement.sign(&secret(1))).unwrap(), statement);
        for other in [2, 3] {
            let refusal = Succession::open(&statement.sign(&secret(other))).unwrap_err();
            assert_eq!(refusal, Refusal::Forged("succession"));
        }
        assert!(statement.sign(&secret(1)).len() <= Succession::MAX_BYTES);
    }

    #[test]
    fn a_statement_without_sense_is_malformed() {
        let good = succession();
        let itself = Succession {
            to: good.from,
            ..good.clone()
        };
        let backwards = Succession {
            until: good.at - 1,
            ..good.clone()
        };
        let for_ever = Succession {
            until: u64::MAX,
            ..good
        };
        for bad in [itself, backwards, for_ever] {
            let refusal = Succession::open(&bad.sign(&secret(1))).unwrap_err();
            assert_eq!(refusal.reason(), "malformed", "{refusal}");
        }
    }

    #[test]
    fn both_keys_count_until_the_moment_it_names() {
        let statement = succession();
        assert!(statement.holds(statement.at - 1));
        assert!(statement.holds(statement.until - 1));
        assert!(!statement.holds(statement.until));
    }
}
