//! The MPD as XML: the elements of ISO/IEC 23009-1 §5.3 that we use, in the order that its schema asks for.

use serde::Serialize;

/// The root element.
#[derive(Debug, Serialize)]
#[serde(rename = "MPD")]
pub(super) struct Mpd {
    #[serde(rename = "@xmlns")]
    pub(super) namespace: &'static str,
    #[serde(rename = "@profiles")]
    pub(super) profiles: &'static str,
    #[serde(rename = "@type")]
    pub(super) kind: &'static str,
    #[serde(rename = "@availabilityStartTime")]
    pub(super) availability_start_time: String,
    #[serde(rename = "@publishTime")]
    pub(super) publish_time: String,
    /// Of a presentation that has ended.
    #[serde(
        rename = "@mediaPresentationDuration",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) media_presentation_duration: Option<String>,
    /// This and the next two: of one that goes on.
    #[serde(rename = "@minimumUpdatePeriod", skip_serializing_if = "Option::is_none")]
    pub(super) minimum_update_period: Option<String>,
    #[serde(rename = "@timeShiftBufferDepth", skip_serializing_if = "Option::is_none")]
    pub(super) time_shift_buffer_depth: Option<String>,
    #[serde(
        rename = "@suggestedPresentationDelay",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) suggested_presentation_delay: Option<String>,
    #[serde(rename = "@minBufferTime")]
    pub(super) min_buffer_time: String,
    #[serde(rename = "@maxSegmentDuration")]
    pub(super) max_segment_duration: String,
    #[serde(rename = "ServiceDescription", skip_serializing_if = "Option::is_none")]
    pub(super) service_description: Option<ServiceDescription>,
    #[serde(rename = "Period")]
    pub(super) periods: Vec<Period>,
}

/// How far behind its making a stream is meant to be shown.
#[derive(Debug, Serialize)]
pub(super) struct ServiceDescription {
    #[serde(rename = "@id")]
    pub(super) id: u32,
    #[serde(rename = "Latency")]
    pub(super) latency: Latency,
    #[serde(rename = "PlaybackRate")]
    pub(super) playback_rate: PlaybackRate,
}

/// In milliseconds.
#[derive(Debug, Serialize)]
pub(super) struct Latency {
    #[serde(rename = "@referenceId")]
    pub(super) reference_id: u32,
    #[serde(rename = "@target")]
    pub(super) target: u32,
    #[serde(rename = "@max")]
    pub(super) max: u32,
    #[serde(rename = "@min")]
    pub(super) min: u32,
}

/// How much slower or faster it may be shown to get there.
#[derive(Debug, Serialize)]
pub(super) struct PlaybackRate {
    #[serde(rename = "@max")]
    pub(super) max: &'static str,
    #[serde(rename = "@min")]
    pub(super) min: &'static str,
}

/// One epoch.
#[derive(Debug, Serialize)]
pub(super) struct Period {
    #[serde(rename = "@id")]
    pub(super) id: String,
    #[serde(rename = "@start")]
    pub(super) start: String,
    /// Once it is known.
    #[serde(rename = "@duration", skip_serializing_if = "Option::is_none")]
    pub(super) duration: Option<String>,
    #[serde(rename = "AdaptationSet")]
    pub(super) adaptation_sets: Vec<AdaptationSet>,
}

/// What is alike in the tracks between which a player may choose.
#[derive(Debug, Serialize)]
pub(super) struct AdaptationSet {
    #[serde(rename = "@id")]
    pub(super) id: u32,
    #[serde(rename = "@contentType")]
    pub(super) content_type: &'static str,
    #[serde(rename = "@mimeType")]
    pub(super) mime_type: &'static str,
    #[serde(rename = "@lang", skip_serializing_if = "Option::is_none")]
    pub(super) lang: Option<&'static str>,
    #[serde(rename = "@par", skip_serializing_if = "Option::is_none")]
    pub(super) par: Option<String>,
    #[serde(rename = "@segmentAlignment")]
    pub(super) segment_alignment: bool,
    #[serde(rename = "@startWithSAP")]
    pub(super) start_with_sap: u8,
    #[serde(rename = "SupplementalProperty", skip_serializing_if = "Option::is_none")]
    pub(super) connectivity: Option<Descriptor>,
    #[serde(rename = "ProducerReferenceTime", skip_serializing_if = "Option::is_none")]
    pub(super) producer_reference_time: Option<ProducerReferenceTime>,
    #[serde(rename = "Resync", skip_serializing_if = "Option::is_none")]
    pub(super) resync: Option<Resync>,
    /// Where the set has but one track.
    #[serde(rename = "SegmentTemplate", skip_serializing_if = "Option::is_none")]
    pub(super) segment_template: Option<SegmentTemplate>,
    #[serde(rename = "Representation")]
    pub(super) representations: Vec<Representation>,
}

/// When a moment of the media was made.
#[derive(Debug, Serialize)]
pub(super) struct ProducerReferenceTime {
    #[serde(rename = "@id")]
    pub(super) id: u32,
    #[serde(rename = "@inband")]
    pub(super) inband: bool,
    #[serde(rename = "@type")]
    pub(super) kind: &'static str,
    #[serde(rename = "@wallClockTime")]
    pub(super) wall_clock_time: String,
    #[serde(rename = "@presentationTime")]
    pub(super) presentation_time: u64,
}

/// How often a player may begin to read, within a segment too.
#[derive(Debug, Serialize)]
pub(super) struct Resync {
    #[serde(rename = "@type")]
    pub(super) kind: u8,
    #[serde(rename = "@dT")]
    pub(super) distance: u64,
}

/// Where its segments are, and when.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SegmentTemplate {
    #[serde(rename = "@timescale")]
    pub(super) timescale: u32,
    /// This and the next two: where a number alone tells when a segment begins.
    #[serde(rename = "@duration", skip_serializing_if = "Option::is_none")]
    pub(super) duration: Option<u64>,
    #[serde(rename = "@availabilityTimeOffset", skip_serializing_if = "Option::is_none")]
    pub(super) availability_time_offset: Option<String>,
    #[serde(rename = "@availabilityTimeComplete", skip_serializing_if = "Option::is_none")]
    pub(super) availability_time_complete: Option<bool>,
    #[serde(rename = "@initialization")]
    pub(super) initialization: String,
    #[serde(rename = "@media")]
    pub(super) media: String,
    #[serde(rename = "@startNumber")]
    pub(super) start_number: u32,
    #[serde(rename = "SegmentTimeline", skip_serializing_if = "Option::is_none")]
    pub(super) timeline: Option<SegmentTimeline>,
}

/// Segments one after another.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct SegmentTimeline {
    #[serde(rename = "S")]
    pub(super) runs: Vec<Run>,
}

/// Segments of the same length: one, and `more` after it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Run {
    #[serde(rename = "@t")]
    pub(super) time: u64,
    #[serde(rename = "@d")]
    pub(super) duration: u64,
    #[serde(rename = "@r", skip_serializing_if = "is_zero")]
    pub(super) more: u64,
}

/// One track.
#[derive(Debug, Serialize)]
pub(super) struct Representation {
    #[serde(rename = "@id")]
    pub(super) id: String,
    #[serde(rename = "@bandwidth")]
    pub(super) bandwidth: u32,
    #[serde(rename = "@codecs")]
    pub(super) codecs: String,
    #[serde(rename = "@width", skip_serializing_if = "Option::is_none")]
    pub(super) width: Option<u32>,
    #[serde(rename = "@height", skip_serializing_if = "Option::is_none")]
    pub(super) height: Option<u32>,
    #[serde(rename = "@sar", skip_serializing_if = "Option::is_none")]
    pub(super) sar: Option<String>,
    #[serde(rename = "@frameRate", skip_serializing_if = "Option::is_none")]
    pub(super) frame_rate: Option<String>,
    #[serde(rename = "@audioSamplingRate", skip_serializing_if = "Option::is_none")]
    pub(super) audio_sampling_rate: Option<u32>,
    #[serde(rename = "AudioChannelConfiguration", skip_serializing_if = "Option::is_none")]
    pub(super) audio_channels: Option<Descriptor>,
    /// Where the set has several tracks.
    #[serde(rename = "SegmentTemplate", skip_serializing_if = "Option::is_none")]
    pub(super) segment_template: Option<SegmentTemplate>,
}

/// A scheme and a value in it.
#[derive(Debug, Serialize)]
pub(super) struct Descriptor {
    #[serde(rename = "@schemeIdUri")]
    pub(super) scheme: &'static str,
    #[serde(rename = "@value")]
    pub(super) value: String,
}

impl Mpd {
    /// The document.
    pub(super) fn write(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let mut serializer = quick_xml::se::Serializer::new(&mut out);
        serializer.indent(' ', 2);
        self.serialize(serializer)
            .expect("elements with plain attributes can be written into a text");
        out.push('\n');
        out
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
