//! HLS from the model (RFC 8216, and its second edition for low latency): a master playlist, and one for each track.

mod master;
mod playlist;

pub(super) use master::master;
pub(super) use playlist::{Source, playlist};

use std::time::Duration;

use wire::id::TrackId;

/// The version that `EXT-X-MAP` asks for.
const VERSION: &str = "#EXTM3U\n#EXT-X-VERSION:6\n";

/// What a track's playlist is called.
pub(super) fn name(track: TrackId) -> String {
    format!("{track}.m3u8")
}

/// Seconds, to the microsecond.
fn seconds(duration: Duration) -> String {
    format!("{}.{:06}", duration.as_secs(), duration.subsec_micros())
}
