//! What a player chooses a track by, in the words of DASH.

use super::super::description::{Ratio, TrackDescription};
use super::mpd::{Descriptor, Representation, SegmentTemplate};
use super::window::TrackWindow;

/// The element of a track.
pub(super) fn representation(track: &TrackWindow, template: Option<SegmentTemplate>) -> Representation {
    let TrackDescription {
        track: id,
        codecs,
        video,
        audio,
        ..
    } = &track.description;
    Representation {
        id: id.to_string(),
        bandwidth: u32::try_from(track.peak_bits_per_second()).unwrap_or(u32::MAX),
        codecs: codecs.clone(),
        width: video.map(|video| video.width),
        height: video.map(|video| video.height),
        sar: video.and_then(|video| video.sar).map(|sar| sar.to_string()),
        frame_rate: video.and_then(|video| video.frame_rate).map(frame_rate),
        audio_sampling_rate: audio.map(|audio| audio.sample_rate),
        audio_channels: audio.map(|audio| Descriptor {
            scheme: "urn:mpeg:dash:23003:3:audio_channel_configuration:2011",
            value: channel_configuration(audio.channels).to_string(),
        }),
        segment_template: template,
    }
}

/// How wide a picture is shown for its height.
pub(super) fn picture_aspect_ratio(track: &TrackWindow) -> Option<Ratio> {
    let video = track.description.video?;
    let (wide, high) = video
        .sar
        .map_or((1, 1), |sar| (sar.numerator(), sar.denominator()));
    Ratio::new(video.width.checked_mul(wide)?, video.height.checked_mul(high)?)
}

/// As DASH writes a frame rate: `25`, `30000/1001`.
fn frame_rate(rate: Ratio) -> String {
    match rate.denominator() {
        1 => rate.numerator().to_string(),
        denominator => format!("{}/{denominator}", rate.numerator()),
    }
}

/// The `ChannelConfiguration` of ISO/IEC 23003-3 for so many channels: their number, but for 7.1.
fn channel_configuration(channels: u8) -> u8 {
    if channels == 8 { 7 } else { channels }
}
