//! A stream key that can be recognised and not be told.
//!
//! SHA-256 with a salt of its own is enough where a key is made at random, and keys of people's own making have to
//! be long: whoever could try them against the file reads the origin's signing key in the same folder, which is
//! worth more. A hash that is slow on purpose would be slow for the origin too, at the word of any stranger.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

pub(super) const SALT_BYTES: usize = 16;
const DIGEST_BYTES: usize = 32;

const SCHEME: &str = "sha256:";

/// The salted hash of a stream key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyHash {
    salt: [u8; SALT_BYTES],
    digest: [u8; DIGEST_BYTES],
}

impl KeyHash {
    /// The hash of `key` with that salt.
    pub(super) fn of(key: &[u8], salt: [u8; SALT_BYTES]) -> Self {
        let digest = digest(key, &salt);
        Self { salt, digest }
    }

    /// Whether it is the hash of `presented`. How long the comparison takes tells something of the hash at most,
    /// and whoever does not know the salt can make nothing of that.
    pub(super) fn is_of(&self, presented: &[u8]) -> bool {
        digest(presented, &self.salt) == self.digest
    }
}

fn digest(key: &[u8], salt: &[u8; SALT_BYTES]) -> [u8; DIGEST_BYTES] {
    Sha256::new()
        .chain_update(salt)
        .chain_update(key)
        .finalize()
        .into()
}

impl fmt::Display for KeyHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { salt, digest } = self;
        write!(out, "{SCHEME}{}:{}", hex::encode(salt), hex::encode(digest))
    }
}

impl FromStr for KeyHash {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let rest = text.strip_prefix(SCHEME).ok_or(())?;
        let (salt_text, digest_text) = rest.split_once(':').ok_or(())?;
        let (mut salt, mut digest) = ([0; SALT_BYTES], [0; DIGEST_BYTES]);
        hex::decode_to_slice(salt_text, &mut salt).map_err(drop)?;
        hex::decode_to_slice(digest_text, &mut digest).map_err(drop)?;
        Ok(Self { salt, digest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_knows_its_key_and_no_other() {
        let hash = KeyHash::of(b"correct-horse_7", [7; SALT_BYTES]);
        assert!(hash.is_of(b"correct-horse_7"));
        for wrong in [&b""[..], b"correct-horse_", b"correct-horse_77"] {
            assert!(!hash.is_of(wrong));
        }
        let salted_anew = KeyHash::of(b"correct-horse_7", [8; SALT_BYTES]);
        assert_ne!(hash, salted_anew, "nobody sees that two keys are the same");
    }

    #[test]
    fn a_hash_reads_back_from_its_text() {
        let hash = KeyHash::of(b"correct-horse_7", [7; SALT_BYTES]);
        let text = hash.to_string();
        assert!(text.starts_with("sha256:07070707"), "{text}");
        assert_eq!(text.parse(), Ok(hash));
        for wrong in ["", "sha256", "sha256::", "md5:00:00", &text[..text.len() - 1]] {
            assert_eq!(wrong.parse::<KeyHash>(), Err(()), "{wrong}");
        }
    }
}
