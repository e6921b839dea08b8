//! MPDs from the model (ISO/IEC 23009-1): three of them, each for the players that it is named for.
//!
//! What players count with never changes while they watch: `availabilityStartTime`, `Period@start`, ids and their order, and
//! when a segment becomes available. A segment that is listed is whole, but where low latency says otherwise.

use std::time::{Duration, SystemTime};

use wire::id::{TrackId, TrackKind};

use super::Listing;
use super::clock::{AVAILABILITY_START, date_time, date_time_ms, duration, since_availability_start};
use super::epoch::EpochWindow;
use super::mpd::{
    AdaptationSet, Descriptor, Latency, Mpd, Period, PlaybackRate, ProducerReferenceTime, Resync, Run,
    SegmentTemplate, SegmentTimeline, ServiceDescription,
};
use super::pace::Pace;
use super::representation::{picture_aspect_ratio, representation};
use super::window::{Segment, TrackWindow};

/// How far back a player may go: less than boxes keep, since what it asks for may be old when it gets there.
pub(super) const TIME_SHIFT: Duration = Duration::from_secs(50);
/// How far behind the newest moment a player stays, in segments: one is still being made, one is on its way, one is
/// the player's own.
const DELAY_SEGMENTS: u32 = 3;
const SHORTEST_DELAY: Duration = Duration::from_secs(4);
/// The same in low latency.
const LOW_DELAY: Duration = Duration::from_secs(2);
const LATENCY: Latency = Latency {
    reference_id: CLOCK,
    target: 2000,
    max: 6000,
    min: 1000,
};
const PLAYBACK_RATE: PlaybackRate = PlaybackRate {
    max: "1.04",
    min: "0.96",
};
/// The id of the clock that latency is counted by.
const CLOCK: u32 = 1;

const PROFILES: &str = "urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019";
const LOW_LATENCY_PROFILES: &str = "urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019,http://www.dashif.org/guidelines/low-latency-live-v5";

/// Which players an MPD is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Those that go by a timeline: whole segments, all epochs.
    Manifest,
    /// Those that take a segment while it is made, and go by its number.
    LowLatency,
    /// Those that know neither well: ffmpeg, VLC, mpv, `GStreamer`. Whole segments by number, of one epoch whose start is
    /// `availabilityStartTime`, since ffmpeg leaves `Period@start` out when it counts. The publisher's own tracks alone:
    /// ffmpeg and mpv open every Representation as a stream of its own and never choose between them by bandwidth.
    Compat,
}

/// The MPD of that kind; none where there is nothing to list.
pub(super) fn mpd(kind: Kind, listing: &Listing<'_>, now: SystemTime) -> Option<String> {
    let epochs = match kind {
        Kind::Compat => {
            let is_ripe = |epoch: &&&EpochWindow| {
                let pace = epoch.pace().filter(|_| !epoch.has_ended());
                pace.is_none_or(|pace| past(epoch, now) >= pace.duration() * 2)
            };
            std::slice::from_ref(listing.epochs.iter().rfind(is_ripe)?)
        }
        Kind::Manifest | Kind::LowLatency => &listing.epochs,
    };
    let newest = *epochs.last()?;
    let sheet = Sheet { kind, listing };
    let is_low = kind == Kind::LowLatency && newest.pace().is_some();
    let longest = epochs.iter().map(|epoch| epoch.longest_segment()).max()?;
    let usual = usual(newest);
    let depth = match kind {
        Kind::Compat => past(newest, now).min(TIME_SHIFT),
        Kind::Manifest | Kind::LowLatency => TIME_SHIFT,
    };
    let delay = match kind {
        Kind::LowLatency if is_low => LOW_DELAY,
        Kind::Compat => (usual * DELAY_SEGMENTS).min(depth.saturating_sub(usual)),
        Kind::Manifest | Kind::LowLatency => (usual * DELAY_SEGMENTS).max(SHORTEST_DELAY),
    };
    let update = match kind {
        // The next segment is known by its number: all that there is to hear of is another epoch.
        Kind::LowLatency => Duration::from_secs(1),
        Kind::Manifest | Kind::Compat => (usual / 2).clamp(Duration::from_secs(1), Duration::from_secs(2)),
    };
    let goes_on = |time| (!listing.is_over).then(|| duration(time));
    let mpd = Mpd {
        namespace: "urn:mpeg:dash:schema:mpd:2011",
        profiles: if is_low { LOW_LATENCY_PROFILES } else { PROFILES },
        kind: if listing.is_over { "static" } else { "dynamic" },
        availability_start_time: match kind {
            Kind::Compat => date_time_ms(newest.at(Duration::ZERO)),
            Kind::Manifest | Kind::LowLatency => AVAILABILITY_START.to_owned(),
        },
        publish_time: date_time(now),
        media_presentation_duration: listing
            .is_over
            .then(|| duration(sheet.start(newest) + newest.shown())),
        minimum_update_period: goes_on(update),
        time_shift_buffer_depth: goes_on(depth),
        suggested_presentation_delay: goes_on(delay),
        min_buffer_time: duration(if is_low { Duration::from_secs(1) } else { usual }),
        max_segment_duration: duration(longest.max(usual)),
        service_description: is_low.then_some(ServiceDescription {
            id: 0,
            latency: LATENCY,
            playback_rate: PLAYBACK_RATE,
        }),
        periods: epochs
            .iter()
            .enumerate()
            .map(|(place, epoch)| sheet.period(epoch, epochs.get(place + 1).copied()))
            .collect(),
    };
    Some(mpd.write())
}

/// What all periods of an MPD have in common.
struct Sheet<'a> {
    kind: Kind,
    listing: &'a Listing<'a>,
}

impl Sheet<'_> {
    /// When an epoch begins, as this MPD counts.
    fn start(&self, epoch: &EpochWindow) -> Duration {
        match self.kind {
            Kind::Compat => Duration::ZERO,
            Kind::Manifest | Kind::LowLatency => since_availability_start(epoch.at(Duration::ZERO)),
        }
    }

    fn period(&self, epoch: &EpochWindow, next: Option<&EpochWindow>) -> Period {
        let begins = |epoch: &EpochWindow| epoch.at(Duration::ZERO);
        // That of the last one follows from the whole presentation's. Where each has its own, dash.js takes their sum for the whole,
        // gaps and the time before the first left out.
        let lasts = next.map(|next| epoch.shown().min(begins(next).saturating_sub(begins(epoch))));
        let sets = [TrackKind::Video, TrackKind::Audio].map(|kind| self.adaptation_set(epoch, kind));
        Period {
            id: epoch.epoch.to_string(),
            start: duration(self.start(epoch)),
            duration: lasts.map(duration),
            adaptation_sets: sets.into_iter().flatten().collect(),
        }
    }

    fn adaptation_set(&self, epoch: &EpochWindow, kind: TrackKind) -> Option<AdaptationSet> {
        let tracks: Vec<&TrackWindow> = match self.kind {
            Kind::Compat => epoch.first_of(kind).into_iter().collect(),
            Kind::Manifest | Kind::LowLatency => epoch.tracks_of(kind).collect(),
        };
        let first = *tracks.first()?;
        let is_alone = tracks.len() == 1;
        let low = self.pace(epoch).filter(|_| self.kind == Kind::LowLatency);
        let (id, content_type, mime_type) = match kind {
            TrackKind::Video => (1, "video", "video/mp4"),
            TrackKind::Audio => (2, "audio", "audio/mp4"),
        };
        Some(AdaptationSet {
            id,
            content_type,
            mime_type,
            lang: (kind == TrackKind::Audio).then_some("und"),
            par: picture_aspect_ratio(first).map(|par| par.to_string()),
            segment_alignment: true,
            start_with_sap: 1,
            connectivity: connectivity(epoch, &tracks).filter(|_| self.kind != Kind::Compat),
            producer_reference_time: low.map(|_| ProducerReferenceTime {
                id: CLOCK,
                inband: true,
                kind: "encoder",
                wall_clock_time: date_time_ms(epoch.at(Duration::ZERO)),
                presentation_time: 0,
            }),
            resync: low.map(|pace| Resync {
                kind: 0,
                distance: pace.ticks(epoch.chunk()),
            }),
            segment_template: is_alone.then(|| self.segment_template(epoch, first)),
            representations: tracks
                .into_iter()
                .map(|track| {
                    let template = (!is_alone).then(|| self.segment_template(epoch, track));
                    representation(track, template)
                })
                .collect(),
        })
    }

    /// The pace of an epoch whose segments go by number: none of one that has ended, since what there is of it is known,
    /// and how its last segment is counted is not left to the player.
    fn pace(&self, epoch: &EpochWindow) -> Option<Pace> {
        let by_number = self.kind != Kind::Manifest && !epoch.has_ended() && !self.listing.is_over;
        epoch.pace().filter(|_| by_number)
    }

    fn segment_template(&self, epoch: &EpochWindow, track: &TrackWindow) -> SegmentTemplate {
        let id: TrackId = track.description.track;
        let (name, extension) = (epoch.epoch, id.extension());
        let template = SegmentTemplate {
            timescale: track.description.timescale,
            duration: None,
            availability_time_offset: None,
            availability_time_complete: None,
            initialization: format!("{name}/$RepresentationID$/init.{extension}"),
            media: format!("{name}/$RepresentationID$/$Number$.{extension}"),
            start_number: 1,
            timeline: None,
        };
        let Some(pace) = self.pace(epoch) else {
            let segments: Vec<_> = epoch.segments(track, self.listing.horizon).collect();
            return SegmentTemplate {
                start_number: segments.first().map_or(1, |segment| segment.number),
                timeline: Some(timeline(&segments)),
                ..template
            };
        };
        let is_low = self.kind == Kind::LowLatency;
        // A segment may be asked for when its first chunk is there: so much earlier than when it is whole.
        let early = pace.duration().saturating_sub(epoch.chunk() + epoch.lag(id));
        SegmentTemplate {
            timescale: pace.timescale,
            duration: Some(pace.duration),
            availability_time_offset: is_low.then(|| tenths(early)),
            availability_time_complete: is_low.then_some(false),
            ..template
        }
    }
}

/// How much of an epoch by itself is past, in whole seconds. ffmpeg counts without a sign: for it a time before the epoch is one in
/// the far future, so it has to find some past in it. Less than there is, as its clock may be behind ours.
fn past(epoch: &EpochWindow, now: SystemTime) -> Duration {
    const BEHIND: Duration = Duration::from_secs(2);

    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let age = now
        .saturating_sub(epoch.at(Duration::ZERO))
        .saturating_sub(BEHIND);
    Duration::from_secs(age.as_secs())
}

/// How long its segments are meant to be.
fn usual(epoch: &EpochWindow) -> Duration {
    to_half_second(epoch.longest_segment()).max(Duration::from_secs(1))
}

/// Whether players may go on with what they have set up for the epoch before.
fn connectivity(epoch: &EpochWindow, tracks: &[&TrackWindow]) -> Option<Descriptor> {
    let mut common = tracks.iter().filter_map(|track| track.goes_on).peekable();
    let previous = epoch.previous?;
    common.peek()?;
    common.all(|goes_on| goes_on).then(|| Descriptor {
        scheme: "urn:mpeg:dash:period-connectivity:2015",
        value: previous.to_string(),
    })
}

fn timeline(segments: &[&Segment]) -> SegmentTimeline {
    let mut runs: Vec<Run> = Vec::new();
    for &&Segment { time, duration, .. } in segments {
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

/// Seconds, rounded down to a tenth.
fn tenths(duration: Duration) -> String {
    let tenths = duration.as_millis() / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// The nearest half second: what an encoder was asked for, without its rounding.
fn to_half_second(duration: Duration) -> Duration {
    let halves = (duration.as_millis() + 250) / 500;
    Duration::from_millis(u64::try_from(halves * 500).unwrap_or(u64::MAX))
}
