//! The manifest as a viewer reads it: where media may be fetched, and which segments there are.

use anyhow::{Context, Result};
use serde::Deserialize;
use url::Url;

/// A parsed MPD.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Where media may be fetched, best first.
    pub sources: Vec<Source>,
    /// The tracks of the newest period.
    pub tracks: Vec<Track>,
    /// All periods, oldest first.
    pub periods: Vec<PeriodSummary>,
    /// Whether more is to come: the MPD says when to ask again.
    pub goes_on: bool,
    /// How long all of it lasts (`PT…S`), once it is over.
    pub length: Option<String>,
}

/// One `Period`, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeriodSummary {
    /// Its id: the epoch.
    pub id: String,
    /// How long it lasts (`PT…S`), once that is known.
    pub duration: Option<String>,
    /// The tracks in it.
    pub tracks: Vec<String>,
    /// Whether one of its sets says that it goes on where another period ended.
    pub connected: bool,
}

/// One `BaseURL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its `serviceLocation`: a box's id, or the origin's name.
    pub location: String,
    /// Where media URLs are relative to.
    pub base: Url,
}

/// One `Representation`.
#[derive(Clone, Debug)]
pub struct Track {
    /// `v0`, `a0`, …
    pub id: String,
    /// Codecs (RFC 6381).
    pub codecs: String,
    /// Relative URL of the init segment.
    pub init: String,
    /// Relative URLs of the segments, oldest first, with their numbers.
    pub segments: Vec<(u32, String)>,
}

impl Manifest {
    /// Reads an MPD fetched from `url`.
    ///
    /// # Errors
    /// When it is not such an MPD as the tracker serves.
    pub fn parse(url: &str, mpd: &str) -> Result<Self> {
        let url = Url::parse(url)?;
        let mpd: Mpd = quick_xml::de::from_str(mpd).with_context(|| mpd.to_owned())?;
        let periods = mpd.periods.iter().map(Period::summary).collect();
        let goes_on = mpd.minimum_update_period.is_some();
        let length = mpd.length;
        let period = mpd.periods.into_iter().next_back().context("no Period")?;
        let bases = if mpd.bases.is_empty() {
            period.bases
        } else {
            mpd.bases
        };
        let sources = bases
            .into_iter()
            .map(|base| {
                Ok(Source {
                    base: url.join(base.url.trim())?,
                    location: base.location,
                })
            })
            .collect::<Result<_>>()?;
        let tracks = period
            .sets
            .into_iter()
            .flat_map(|set| {
                let (template, codecs) = (set.template, set.codecs);
                set.representations.into_iter().map(move |one| {
                    let template = one.template.clone().or_else(|| template.clone());
                    let codecs = one.codecs.clone().or_else(|| codecs.clone());
                    Track::new(one, &template.context("no SegmentTemplate")?, codecs)
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            sources,
            tracks,
            periods,
            goes_on,
            length,
        })
    }

    /// The sources that are boxes.
    pub fn boxes(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| source.is_box())
    }

    /// The track called `id`.
    ///
    /// # Panics
    /// When there is none.
    pub fn track(&self, id: &str) -> &Track {
        let found = self.tracks.iter().find(|track| track.id == id);
        found.unwrap_or_else(|| panic!("no track {id} in {:?}", self.tracks))
    }
}

impl Source {
    /// Whether a box stands there, and not the origin.
    pub fn is_box(&self) -> bool {
        self.location.starts_with("box-")
    }
}

impl Track {
    fn new(one: Representation, template: &Template, codecs: Option<String>) -> Result<Self> {
        let url = |pattern: &str, number: u32| {
            pattern
                .replace("$RepresentationID$", &one.id)
                .replace("$Number$", &number.to_string())
        };
        let timeline = template.timeline.as_ref().context("no SegmentTimeline")?;
        let count: u32 = timeline.runs.iter().map(|run| run.repeat + 1).sum();
        let numbers = template.start..template.start + count;
        Ok(Self {
            init: url(&template.initialization, 0),
            segments: numbers
                .map(|number| (number, url(&template.media, number)))
                .collect(),
            codecs: codecs.unwrap_or_default(),
            id: one.id,
        })
    }

    /// The newest segment's number, or 0.
    pub fn newest(&self) -> u32 {
        self.segments.last().map_or(0, |(number, _)| *number)
    }
}

#[derive(Deserialize)]
struct Mpd {
    #[serde(rename = "@minimumUpdatePeriod")]
    minimum_update_period: Option<String>,
    #[serde(rename = "@mediaPresentationDuration")]
    length: Option<String>,
    #[serde(rename = "BaseURL", default)]
    bases: Vec<BaseUrl>,
    #[serde(rename = "Period")]
    periods: Vec<Period>,
}

#[derive(Deserialize)]
struct BaseUrl {
    #[serde(rename = "@serviceLocation", default)]
    location: String,
    #[serde(rename = "$text")]
    url: String,
}

#[derive(Deserialize)]
struct Period {
    #[serde(rename = "@id", default)]
    id: String,
    #[serde(rename = "@duration")]
    duration: Option<String>,
    #[serde(rename = "BaseURL", default)]
    bases: Vec<BaseUrl>,
    #[serde(rename = "AdaptationSet", default)]
    sets: Vec<AdaptationSet>,
}

#[derive(Deserialize)]
struct AdaptationSet {
    #[serde(rename = "SupplementalProperty", default)]
    properties: Vec<Property>,
    #[serde(rename = "@codecs")]
    codecs: Option<String>,
    #[serde(rename = "SegmentTemplate")]
    template: Option<Template>,
    #[serde(rename = "Representation", default)]
    representations: Vec<Representation>,
}

impl Period {
    fn summary(&self) -> PeriodSummary {
        let connectivity = |property: &Property| property.scheme == "urn:mpeg:dash:period-connectivity:2015";
        let sets = self.sets.iter();
        PeriodSummary {
            id: self.id.clone(),
            duration: self.duration.clone(),
            tracks: sets
                .clone()
                .flat_map(|set| set.representations.iter().map(|one| one.id.clone()))
                .collect(),
            connected: sets.flat_map(|set| &set.properties).any(connectivity),
        }
    }
}

#[derive(Deserialize)]
struct Property {
    #[serde(rename = "@schemeIdUri")]
    scheme: String,
}

#[derive(Deserialize)]
struct Representation {
    #[serde(rename = "@id")]
    id: String,
    #[serde(rename = "@codecs")]
    codecs: Option<String>,
    #[serde(rename = "SegmentTemplate")]
    template: Option<Template>,
}

#[derive(Clone, Deserialize)]
struct Template {
    #[serde(rename = "@initialization")]
    initialization: String,
    #[serde(rename = "@media")]
    media: String,
    #[serde(rename = "@startNumber", default = "one")]
    start: u32,
    #[serde(rename = "SegmentTimeline")]
    timeline: Option<Timeline>,
}

#[derive(Clone, Deserialize)]
struct Timeline {
    #[serde(rename = "S", default)]
    runs: Vec<Run>,
}

#[derive(Clone, Deserialize)]
struct Run {
    #[serde(rename = "@r", default)]
    repeat: u32,
}

fn one() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_segments_are_listed_in_order() {
        let mpd = r#"<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic">
            <BaseURL serviceLocation="box-1">http://127.0.0.1:5/live/demo/</BaseURL>
            <BaseURL serviceLocation="origin">http://127.0.0.1:6/live/demo/</BaseURL>
            <Period id="9" start="PT9S"><AdaptationSet id="1" contentType="video">
              <Representation id="v0" codecs="avc1.4d401e" bandwidth="1">
                <SegmentTemplate timescale="90000" startNumber="4" initialization="9/$RepresentationID$/init.m4v"
                    media="9/$RepresentationID$/$Number$.m4v">
                  <SegmentTimeline><S t="0" d="180000" r="1"/><S d="90000"/></SegmentTimeline>
                </SegmentTemplate></Representation></AdaptationSet></Period></MPD>"#;
        let manifest = Manifest::parse("http://127.0.0.1:1/live/demo/manifest.mpd", mpd).unwrap();
        assert_eq!(manifest.boxes().count(), 1);
        assert_eq!(manifest.sources[1].base.as_str(), "http://127.0.0.1:6/live/demo/");
        let track = manifest.track("v0");
        assert_eq!(track.init, "9/v0/init.m4v");
        assert_eq!(track.segments[2], (6, "9/v0/6.m4v".to_owned()));
        assert_eq!(track.newest(), 6);
    }
}
