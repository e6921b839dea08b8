//! Ed25519 keys: the origin's, which seals chunks, and each box's, which is its identity.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use serde::{Deserialize, Serialize};

/// Bytes in a public key, and in the seed of a secret one.
pub const KEY_BYTES: usize = 32;

/// Bytes in a signature.
pub const SIGNATURE_BYTES: usize = 64;

/// Why a text or some bytes are no public key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// Not 64 hexadecimal digits.
    #[error("{0:?} is not a public key: it should be 64 hexadecimal digits")]
    Form(String),
    /// No point of the curve, or one of the few that verify anything.
    #[error("the public key is not a usable Ed25519 point")]
    Point,
}

/// A public key. Weak ones (of small order) cannot be made.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// The key with these 32 bytes (RFC 8032 §5.1.5).
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Result<Self, BadKey> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| BadKey::Point)?;
        if key.is_weak() {
            Err(BadKey::Point)
        } else {
            Ok(Self(key))
        }
    }

    /// Its 32 bytes.
    pub fn bytes(&self) -> &[u8; KEY_BYTES] {
        self.0.as_bytes()
    }

    /// Whether this key's holder signed `message`; strict, so that a signature has one form.
    pub(crate) fn signed(&self, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        self.0
            .verify_strict(message, &Signature::from_bytes(signature))
            .is_ok()
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for PublicKey {}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes().cmp(other.bytes())
    }
}

impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes().hash(state);
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&hex::encode(self.bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl FromStr for PublicKey {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        let mut bytes = [0; KEY_BYTES];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| BadKey::Form(text.chars().take(2 * KEY_BYTES + 1).collect()))?;
        Self::from_bytes(&bytes)
    }
}

impl TryFrom<String> for PublicKey {
    type Error = BadKey;

    fn try_from(text: String) -> Result<Self, BadKey> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> String {
        key.to_string()
    }
}

impl<C> Encode<C> for PublicKey {
    fn encode<W: encode::Write>(
        &self,
        out: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        out.bytes(self.bytes())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for PublicKey {
    fn decode(input: &mut Decoder<'b>, context: &mut C) -> Result<Self, decode::Error> {
        let bytes = ByteArray::<KEY_BYTES>::decode(input, context)?;
        Self::from_bytes(&bytes).map_err(decode::Error::message)
    }
}

/// A secret key. Its `Debug` shows the public half only.
#[derive(Clone)]
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// The key that grows from 32 random bytes.
    pub fn from_seed(seed: [u8; KEY_BYTES]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// Its seed, for the one file that keeps it.
    pub fn seed(&self) -> [u8; KEY_BYTES] {
        self.0.to_bytes()
    }

    /// The key that others know.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SecretKey(of {})", self.public())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_would_verify_anything_is_refused() {
        let identity = {
            let mut bytes = [0; KEY_BYTES];
            bytes[0] = 1;
            bytes
        };
        assert_eq!(PublicKey::from_bytes(&identity), Err(BadKey::Point));
        assert_eq!(PublicKey::from_bytes(&[0; KEY_BYTES]), Err(BadKey::Point));
    }

    #[test]
    fn a_key_reads_back_from_its_text() {
        let key = SecretKey::from_seed([7; KEY_BYTES]).public();
        assert_eq!(key.to_string().parse::<PublicKey>().unwrap(), key);
        assert!(matches!("abc".parse::<PublicKey>(), Err(BadKey::Form(_))));
    }

    #[test]
    fn a_secret_key_is_not_shown() {
        let secret = SecretKey::from_seed([7; KEY_BYTES]);
        assert!(!format!("{secret:?}").contains(&hex::encode([7; KEY_BYTES])));
    }
}
