//! FLV tags become units, and units become tags.
//!
//! The bodies of tags are what RTMP carries as its media messages: `AUDIODATA` and `VIDEODATA` of Adobe's "Video File
//! Format 10.1" (annex E.4) for H.264 and AAC, and what Enhanced RTMP (v1, v2) made of them for every codec with four
//! characters. Nothing here knows RTMP or files.
//!
//! ```text
//! tag ─ packet: which codec, which step ─ Tags: units of a track, on one clock
//! unit ─ Writer ─ tag
//! ```

mod bad;
mod clock;
mod format;
mod obu;
mod packet;
mod tags;
mod write;

#[cfg(test)]
mod tests;

pub use bad::{BadTag, Foreign};
pub(in crate::ingest) use format::{AUDIO_CODES, VIDEO_CODES};
pub use tags::Tags;
pub use write::Writer;
