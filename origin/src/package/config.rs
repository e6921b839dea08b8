//! What codecs say of themselves, read from configurations that a stranger sent.

mod aac;
mod avc;
mod bits;
mod sps;

pub(super) use aac::Aac;
pub(super) use avc::{Avc, VIDEO_TIMESCALE};

/// The most bytes of configuration that are read at all.
const MAX_CONFIG_BYTES: usize = 16 * 1024;
