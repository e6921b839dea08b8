//! The model of an epoch that manifests are made from.

use std::time::{Duration, SystemTime};

use wire::id::{Epoch, TrackKind};
use wire::presentation::TrackSummary;

use super::super::description::{Packaged, Ratio, TrackDescription, VideoDescription};
use super::clock::{AVAILABILITY_START, date_time, duration, since_availability_start};
use super::mpd::{
    AdaptationSet, Descriptor, Mpd, Period, Representation, Run, SegmentTemplate, SegmentTimeline,
};
use super::window::{Segment, TrackWindow};

/// How far back a player may go: less than boxes keep, since what it asks for may be old when it gets there.
const TIME_SHIFT: Duration = Duration::from_secs(50);
/// How far behind the newest moment a player stays, in segments: one is still being made, one is on its way, one is
/// the player's own.
const DELAY_SEGMENTS: u32 = 3;
const SHORTEST_DELAY: Duration = Duration::from_secs(4);

/// The whole segments of an epoch, as they are told to players. It remembers a minute of them.
#[derive(Clone, Debug)]
pub struct Presentation {
    epoch: Epoch,
    tracks: Vec<TrackWindow>,
}

impl Presentation {
    /// An epoch of which nothing is known yet.
    pub fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            tracks: Vec::new(),
        }
    }

    /// Takes note of the next piece. Pieces have to come as they were packaged.
    pub fn note(&mut self, piece: &Packaged) {
        match piece {
            Packaged::Init { description, .. } => self.tracks.push(TrackWindow::new(description.clone())),
            Packaged::Chunk(chunk) => {
                if let Some(track) = self
                    .tracks
                    .iter_mut()
                    .find(|known| known.description.track == chunk.track)
                {
                    track.note(chunk);
                }
            }
        }
    }

    /// The newest segment that every track has whole. Before there is one, a manifest lists nothing.
    pub fn newest(&self) -> Option<u32> {
        let newest = self.tracks.iter().map(TrackWindow::newest).min();
        newest.flatten()
    }

    /// The tracks, with their average bitrates.
    pub fn tracks(&self) -> Vec<TrackSummary> {
        self.tracks.iter().map(TrackWindow::summary).collect()
    }

    /// The live MPD at that time. Its segments are at `{epoch}/{track}/…`; where that is, whoever serves it adds.
    pub fn mpd(&self, now: SystemTime) -> String {
        let newest = self.newest().unwrap_or(0);
        let longest = self
            .tracks
            .iter()
            .map(TrackWindow::longest)
            .max()
            .unwrap_or_default();
        let usual = to_half_second(longest).max(Duration::from_secs(1));
        let period = Period {
            id: self.epoch.to_string(),
            start: duration(since_availability_start(self.epoch.0)),
            adaptation_sets: self
                .tracks
                .iter()
                .map(|track| self.adaptation_set(track, newest))
                .collect(),
        };
        let mpd = Mpd {
            namespace: "urn:mpeg:dash:schema:mpd:2011",
            profiles: "urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019",
            kind: "dynamic",
            availability_start_time: AVAILABILITY_START,
            publish_time: date_time(now),
            minimum_update_period: duration(
                (usual / 2).clamp(Duration::from_secs(1), Duration::from_secs(2)),
            ),
            min_buffer_time: duration(usual),
            time_shift_buffer_depth: duration(TIME_SHIFT),
            suggested_presentation_delay: duration((usual * DELAY_SEGMENTS).max(SHORTEST_DELAY)),
            max_segment_duration: duration(longest.max(usual)),
            period,
        };
        mpd.write()
    }

    fn adaptation_set(&self, track: &TrackWindow, newest: u32) -> AdaptationSet {
        let TrackDescription {
            track: id,
            timescale,
            video,
            ..
        } = &track.description;
        let (set, content_type, mime_type) = match id.kind() {
            TrackKind::Video => (1, "video", "video/mp4"),
            TrackKind::Audio => (2, "audio", "audio/mp4"),
        };
        let (epoch, extension) = (self.epoch, id.extension());
        let segments: Vec<_> = track.listed(newest, TIME_SHIFT).collect();
        let segment_template = SegmentTemplate {
            timescale: *timescale,
            initialization: format!("{epoch}/$RepresentationID$/init.{extension}"),
            media: format!("{epoch}/$RepresentationID$/$Number$.{extension}"),
            start_number: segments.first().map_or(1, |segment| segment.number),
            timeline: timeline(&segments),
        };
        AdaptationSet {
            id: set,
            content_type,
            mime_type,
            lang: (id.kind() == TrackKind::Audio).then_some("und"),
            par: video
                .as_ref()
                .and_then(picture_aspect_ratio)
                .map(|par| par.to_string()),
            segment_alignment: true,
            start_with_sap: 1,
            segment_template,
            representation: representation(track),
        }
    }
}

fn representation(track: &TrackWindow) -> Representation {
    let TrackDescription {
        track: id,
        codecs,
        video,
        audio,
        ..
    } = &track.description;
    // 1 stands for "not measured yet"; 0 is not a bandwidth.
    let bandwidth = u32::try_from(track.peak_bits_per_second())
        .unwrap_or(u32::MAX)
        .max(1);
    Representation {
        id: id.to_string(),
        bandwidth,
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
    }
}

fn timeline(segments: &[Segment]) -> SegmentTimeline {
    let mut runs: Vec<Run> = Vec::new();
    for &Segment { time, duration, .. } in segments {
        match runs.last_mut() {
            Some(run) if run.duration == duration && run.time + run.duration * (run.more + 1) == time => {
                run.more += 1;
            }
            _ => runs.push(Run {
                time,
                duration,
                more: 0,
            }),
        }
    }
    SegmentTimeline { runs }
}

fn picture_aspect_ratio(video: &VideoDescription) -> Option<Ratio> {
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

/// The nearest half second: what an encoder was asked for, without its rounding.
fn to_half_second(duration: Duration) -> Duration {
    let halves = (duration.as_millis() + 250) / 500;
    Duration::from_millis(u64::try_from(halves * 500).unwrap_or(u64::MAX))
}
