//! A report: a box tells the tracker of a neighbour that handed it what no origin sealed.
//!
//! The bytes that did not open go along. They show what was seen, not who sent them: nothing between two boxes is
//! signed by the sender. So one report condemns nobody; what many boxes report of one is worth a look.

use bytes::Bytes;
use minicbor::{Decode, Encode};

use crate::Version;
use crate::id::BoxId;
use crate::key::{PublicKey, SecretKey};
use crate::seal::{Refusal, SelfSigned, Signed, open_own, sign};

/// The path that reports are posted to.
pub const PATH: &str = "/api/v1/reports";

/// The most bytes of a proof: a seal, or the beginning of what came in the place of a message or a chunk.
pub const MAX_PROOF_BYTES: usize = 1 << 10;

const MAX_REASON_BYTES: usize = 32;

/// What a box says of a neighbour.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Report {
    /// The version of the protocol.
    #[n(0)]
    pub version: Version,
    /// The key of the box that reports, which signs this.
    #[n(1)]
    pub key: PublicKey,
    /// Its clock in milliseconds since 1970, corrected by the tracker's answers.
    #[n(2)]
    pub at: u64,
    /// The neighbour.
    #[n(3)]
    pub accused: BoxId,
    /// Why it was banned, in one word, as [`Refusal::reason`] has it.
    #[n(4)]
    pub reason: String,
    /// What it handed over: see [`MAX_PROOF_BYTES`].
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub proof: Vec<u8>,
}

impl Report {
    /// The box that reports.
    pub fn id(&self) -> BoxId {
        BoxId::of(&self.key)
    }

    /// As much of what came as a report has room for.
    pub fn proof_of(bytes: &[u8]) -> Vec<u8> {
        bytes[..bytes.len().min(MAX_PROOF_BYTES)].to_vec()
    }

    /// The report as it travels.
    pub fn sign(&self, secret: &SecretKey) -> Bytes {
        sign(secret, self)
    }

    /// Opens a report with the key in it. Whether that is a box's that may report is for the reader to say.
    pub fn open(bytes: &[u8]) -> Result<Self, Refusal> {
        open_own(bytes)
    }
}

impl Signed for Report {
    const NAME: &'static str = "report";
    const PURPOSE: &'static str = "boxmesh:report:1";
    const MAX_BYTES: usize = 2 << 10;

    fn check(&self) -> Result<(), String> {
        let is_word = |byte: u8| matches!(byte, b'a'..=b'z' | b'-');
        if !(1..=MAX_REASON_BYTES).contains(&self.reason.len()) || !self.reason.bytes().all(is_word) {
            return Err("the reason is no word".into());
        }
        let bytes = self.proof.len();
        if bytes > MAX_PROOF_BYTES {
            return Err(format!(
                "a proof of {bytes} bytes is over the limit of {MAX_PROOF_BYTES}"
            ));
        }
        if self.accused == self.id() {
            return Err("a box does not report itself".into());
        }
        Ok(())
    }
}

impl SelfSigned for Report {
    fn key(&self) -> &PublicKey {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(seed: u8) -> SecretKey {
        SecretKey::from_seed([seed; 32])
    }

    fn report() -> Report {
        Report {
            version: Version,
            key: secret(1).public(),
            at: 1_790_000_000_000,
            accused: BoxId::of(&secret(2).public()),
            reason: "forged".into(),
            proof: Report::proof_of(&[7; 5000]),
        }
    }

    #[test]
    fn a_report_travels_whole_at_its_largest() {
        let largest = Report {
            reason: "a".repeat(MAX_REASON_BYTES),
            ..report()
        };
        assert_eq!(largest.proof.len(), MAX_PROOF_BYTES);
        let bytes = largest.sign(&secret(1));
        assert!(bytes.len() <= Report::MAX_BYTES, "{}", bytes.len());
        assert_eq!(Report::open(&bytes), Ok(largest));
    }

    #[test]
    fn nobody_reports_in_the_name_of_another() {
        let stolen = report().sign(&secret(3));
        assert_eq!(Report::open(&stolen), Err(Refusal::Forged("report")));
        let mut changed = report().sign(&secret(1)).to_vec();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        assert_eq!(Report::open(&changed), Err(Refusal::Forged("report")));
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        let of_itself = Report {
            accused: report().id(),
            ..report()
        };
        let too_long = Report {
            proof: vec![0; MAX_PROOF_BYTES + 1],
            ..report()
        };
        let reasons = ["", "two words", "Forged", "\n"].map(|reason| Report {
            reason: reason.into(),
            ..report()
        });
        for bad in reasons.into_iter().chain([of_itself, too_long]) {
            let refused = Report::open(&bad.sign(&secret(1))).unwrap_err();
            assert_eq!(refused.reason(), "malformed", "{bad:?}");
        }
    }
}
