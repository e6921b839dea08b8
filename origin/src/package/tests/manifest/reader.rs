//! Manifests and playlists, read as a player reads them.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Mpd {
    #[serde(rename = "@type")]
    pub(super) kind: String,
    #[serde(rename = "@availabilityStartTime")]
    pub(super) start: String,
    #[serde(rename = "@minimumUpdatePeriod")]
    pub(super) update: Option<String>,
    #[serde(rename = "@mediaPresentationDuration")]
    pub(super) lasts: Option<String>,
    #[serde(rename = "@timeShiftBufferDepth")]
    pub(super) depth: Option<String>,
    #[serde(rename = "@suggestedPresentationDelay")]
    pub(super) delay: Option<String>,
    #[serde(rename = "Period")]
    pub(super) periods: Vec<Period>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Period {
    #[serde(rename = "@id")]
    pub(super) id: u64,
    #[serde(rename = "@start")]
    pub(super) start: String,
    #[serde(rename = "@duration")]
    pub(super) duration: Option<String>,
    #[serde(rename = "AdaptationSet")]
    pub(super) sets: Vec<Set>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Set {
    #[serde(rename = "@id")]
    pub(super) id: u32,
    #[serde(rename = "SupplementalProperty")]
    pub(super) connected: Option<Property>,
    #[serde(rename = "SegmentTemplate")]
    pub(super) template: Option<Template>,
    #[serde(rename = "Representation")]
    pub(super) tracks: Vec<Track>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Property {
    #[serde(rename = "@value")]
    pub(super) value: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Track {
    #[serde(rename = "@id")]
    pub(super) id: String,
    #[serde(rename = "@bandwidth")]
    pub(super) bandwidth: u64,
    #[serde(rename = "SegmentTemplate")]
    pub(super) template: Option<Template>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Template {
    #[serde(rename = "@timescale")]
    pub(super) timescale: u64,
    #[serde(rename = "@duration")]
    pub(super) duration: Option<u64>,
    #[serde(rename = "@availabilityTimeOffset")]
    pub(super) early: Option<String>,
    #[serde(rename = "@startNumber")]
    pub(super) start: u32,
    #[serde(rename = "SegmentTimeline")]
    timeline: Option<Timeline>,
}

#[derive(Clone, Debug, Deserialize)]
struct Timeline {
    #[serde(rename = "S", default)]
    runs: Vec<Run>,
}

#[derive(Clone, Debug, Deserialize)]
struct Run {
    #[serde(rename = "@t")]
    time: u64,
    #[serde(rename = "@d")]
    duration: u64,
    #[serde(rename = "@r", default)]
    more: u64,
}

impl Mpd {
    pub(super) fn read(text: &str) -> Self {
        quick_xml::de::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    pub(super) fn period(&self, id: u64) -> Option<&Period> {
        self.periods.iter().find(|period| period.id == id)
    }
}

impl Period {
    /// Its tracks in their order, each with what its segments are called.
    pub(super) fn tracks(&self) -> Vec<(&Track, &Template)> {
        let tracks = self.sets.iter().flat_map(|set| {
            let template = |track: &'_ Track| track.template.is_some();
            assert_ne!(
                set.template.is_some(),
                set.tracks.iter().all(template),
                "one template a track"
            );
            set.tracks
                .iter()
                .map(|track| (track, track.template.as_ref().or(set.template.as_ref()).unwrap()))
        });
        tracks.collect()
    }

    /// What never changes of it.
    pub(super) fn names(&self) -> (u64, &str, Vec<(u32, Vec<&str>)>) {
        let names = |set: &'_ Set| set.tracks.len();
        assert!(self.sets.iter().all(|set| names(set) > 0));
        let sets = self
            .sets
            .iter()
            .map(|set| (set.id, set.tracks.iter().map(|track| track.id.as_str()).collect()));
        (self.id, &self.start, sets.collect())
    }
}

impl Template {
    /// The segments of a timeline: (number, time, duration).
    pub(super) fn segments(&self) -> Vec<(u32, u64, u64)> {
        let runs = self.timeline.iter().flat_map(|timeline| &timeline.runs);
        let segments =
            runs.flat_map(|run| (0..=run.more).map(|place| (run.time + place * run.duration, run.duration)));
        (self.start..)
            .zip(segments)
            .map(|(number, (time, duration))| (number, time, duration))
            .collect()
    }
}

/// `PT12.5S` in milliseconds.
pub(super) fn millis(duration: &str) -> u64 {
    let seconds = duration
        .strip_prefix("PT")
        .and_then(|rest| rest.strip_suffix('S'));
    let (whole, fraction) = seconds
        .unwrap()
        .split_once('.')
        .unwrap_or((seconds.unwrap(), "0"));
    whole.parse::<u64>().unwrap() * 1000 + format!("{fraction:0<3}").parse::<u64>().unwrap()
}

/// A playlist of a track.
#[derive(Clone, Debug, Default)]
pub(super) struct Playlist {
    pub(super) target: u64,
    pub(super) part_target: Option<f64>,
    pub(super) sequence: u64,
    /// By media sequence number.
    pub(super) segments: BTreeMap<u64, Entry>,
    /// Parts of the segment in the making.
    pub(super) parts: Vec<(String, f64)>,
    pub(super) hint: Option<String>,
    /// What the next segment will have.
    pub(super) next_discontinuity: u64,
    pub(super) is_over: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Entry {
    pub(super) uri: String,
    pub(super) lasts: f64,
    pub(super) discontinuity: u64,
    pub(super) map: String,
    /// Where the playlist tells it.
    pub(super) date: Option<String>,
    pub(super) parts: Vec<(String, f64)>,
}

/// The value of an attribute.
fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.split_once(':').map(|(_, rest)| rest)?;
    let mut rest = rest.split(&[',', ':']).map(str::trim);
    let value = rest.find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim_matches('"'))
}

impl Playlist {
    pub(super) fn read(text: &str) -> Self {
        assert!(text.starts_with("#EXTM3U\n#EXT-X-VERSION:6\n"), "{text}");
        let mut read = Self::default();
        let mut next = Entry::default();
        for line in text.lines().skip(2) {
            let (tag, value) = line.split_once(':').unwrap_or((line, ""));
            match tag {
                "#EXT-X-TARGETDURATION" => read.target = value.parse().unwrap(),
                "#EXT-X-PART-INF" => {
                    read.part_target = attribute(line, "PART-TARGET").map(|target| target.parse().unwrap());
                }
                "#EXT-X-MEDIA-SEQUENCE" => read.sequence = value.parse().unwrap(),
                "#EXT-X-DISCONTINUITY-SEQUENCE" => next.discontinuity = value.parse().unwrap(),
                "#EXT-X-DISCONTINUITY" => {
                    next.discontinuity += 1;
                    next.map.clear();
                    assert!(next.parts.is_empty(), "{text}");
                }
                "#EXT-X-MAP" => next.map = attribute(line, "URI").unwrap().to_owned(),
                "#EXT-X-PROGRAM-DATE-TIME" => next.date = Some(value.to_owned()),
                "#EXTINF" => next.lasts = value.trim_end_matches(',').parse().unwrap(),
                "#EXT-X-PART" => {
                    let lasts = attribute(line, "DURATION").unwrap().parse().unwrap();
                    next.parts
                        .push((attribute(line, "URI").unwrap().to_owned(), lasts));
                    let is_first = next.parts.len() == 1;
                    assert!(!is_first || line.ends_with(",INDEPENDENT=YES"), "{line}");
                }
                "#EXT-X-PRELOAD-HINT" => read.hint = attribute(line, "URI").map(str::to_owned),
                "#EXT-X-ENDLIST" => read.is_over = true,
                "#EXT-X-SERVER-CONTROL" | "#EXT-X-INDEPENDENT-SEGMENTS" => {}
                uri => {
                    assert!(!uri.starts_with('#'), "{uri}");
                    assert!(!next.map.is_empty(), "an init segment comes first\n{text}");
                    let number = read.sequence + read.segments.len() as u64;
                    next.uri = uri.to_owned();
                    let (discontinuity, map) = (next.discontinuity, next.map.clone());
                    read.segments.insert(number, std::mem::take(&mut next));
                    (next.discontinuity, next.map) = (discontinuity, map);
                }
            }
        }
        read.parts = next.parts;
        read.next_discontinuity = next.discontinuity;
        read
    }

    /// The URLs of all parts that are listed.
    pub(super) fn part_uris(&self) -> impl Iterator<Item = &str> {
        let in_segments = self.segments.values().flat_map(|entry| &entry.parts);
        in_segments.chain(&self.parts).map(|(uri, _)| uri.as_str())
    }
}
