//! Who watches.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Who watches a channel, as far as one program sends it to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct Audience {
    /// About how many viewers asked for media lately.
    #[n(0)]
    pub viewers: u32,
    /// What they were sent, in bits per second.
    #[n(1)]
    pub bits_per_second: u64,
}

impl Audience {
    /// Whether nobody is there.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
