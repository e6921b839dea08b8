//! The boxes of CMAF (ISO/IEC 14496-12, ISO/IEC 23000-19), written.

mod fragment;
mod init;

pub(super) use fragment::{Fragment, SAMPLE_ENTRY_BYTES, segment_type};
pub(super) use init::init_segment;

/// The number of the only track in each file.
const TRACK_NUMBER: u32 = 1;
