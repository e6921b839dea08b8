//! How a box proves that it is where it says: it signs the tracker's nonce and the address it was asked at.

use bytes::Bytes;
use minicbor::{Decode, Encode};

use crate::Version;
use crate::key::{PublicKey, SecretKey};
use crate::seal::{Refusal, Signed, open, sign};

/// The path of a proof, without the nonce that ends it.
pub const PATH: &str = "/.well-known/boxmesh/proof/";

/// Bytes in a nonce; in the path, two hexadecimal digits each.
pub const NONCE_BYTES: usize = 16;

const MAX_AUTHORITY_BYTES: usize = 256;

/// A box's word that it was asked, at this address, with this nonce.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Proof {
    /// The version of the protocol.
    #[n(0)]
    pub version: Version,
    /// The tracker's nonce.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: [u8; NONCE_BYTES],
    /// The request's `Host`.
    #[n(2)]
    pub authority: String,
}

impl Proof {
    /// The proof as it travels.
    pub fn sign(&self, secret: &SecretKey) -> Bytes {
        sign(secret, self)
    }

    /// Opens a proof that the holder of `key` should have signed.
    pub fn open(bytes: &[u8], key: &PublicKey) -> Result<Self, Refusal> {
        open(bytes, std::slice::from_ref(key))
    }
}

impl Signed for Proof {
    const NAME: &'static str = "proof";
    const PURPOSE: &'static str = "boxmesh:proof:1";
    const MAX_BYTES: usize = 1 << 10;

    fn check(&self) -> Result<(), String> {
        let bytes = self.authority.len();
        if bytes > MAX_AUTHORITY_BYTES {
            return Err(format!(
                "an authority of {bytes} bytes is over the limit of {MAX_AUTHORITY_BYTES}"
            ));
        }
        Ok(())
    }
}
