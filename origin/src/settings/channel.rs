//! What the settings file says of single channels, each under `[[channel]]`.

use std::collections::HashSet;
use std::path::PathBuf;

use program::quantity::Bitrate;
use serde::Deserialize;
use wire::id::{ChannelName, TrackId, TrackKind};

use crate::ingest::Limits;
use crate::ingest::keys::{Assignment, BadStreamKey};

/// The most renditions of a channel: tracks have numbers up to 15, and each costs a share of a processor.
const MAX_RENDITIONS: usize = 8;

/// Heights that an encoder makes sense of.
const HEIGHTS: std::ops::RangeInclusive<u32> = 64..=4320;

/// One channel's own settings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ChannelSettings {
    /// The channel.
    pub name: ChannelName,
    /// Keys that may publish it.
    #[serde(default)]
    pub stream_key: Vec<String>,
    /// An MP4 file that plays while the publisher is away.
    pub filler: Option<PathBuf>,
    /// The most that a publisher may push.
    pub max_bitrate: Option<Bitrate>,
    /// The most lines that its picture may have.
    pub max_height: Option<u32>,
    /// Lower renditions, made here.
    #[serde(default)]
    pub rendition: Vec<RenditionSettings>,
}

/// One lower rendition of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RenditionSettings {
    /// Lines of its picture; the width follows.
    pub height: u32,
    /// The bitrate of its picture.
    pub video: Bitrate,
    /// The bitrate of its sound; without it the source's sound serves for it too.
    pub audio: Option<Bitrate>,
}

/// Why the channels' settings are of no use together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadChannels {
    /// A channel is there twice.
    #[error("[[channel]] {0} is there twice")]
    Twice(ChannelName),
    /// Too many renditions.
    #[error("[[channel]] {channel} has {found} renditions, more than {MAX_RENDITIONS}")]
    Renditions {
        /// The channel.
        channel: ChannelName,
        /// So many.
        found: usize,
    },
    /// A rendition that nobody could encode.
    #[error("[[channel.rendition]] of {channel}: height = {height} is not an even number from {} to {}", HEIGHTS.start(), HEIGHTS.end())]
    Height {
        /// The channel.
        channel: ChannelName,
        /// What it says.
        height: u32,
    },
}

impl ChannelSettings {
    /// A channel of which the file says nothing.
    pub fn plain(name: ChannelName) -> Self {
        Self {
            name,
            stream_key: Vec::new(),
            filler: None,
            max_bitrate: None,
            max_height: None,
            rendition: Vec::new(),
        }
    }

    /// What may be pushed to it.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            max_bitrate: self.max_bitrate.map(|bitrate| bitrate.0),
            max_height: self.max_height,
        }
    }

    /// Its stream keys.
    pub fn assignments(&self) -> Result<Vec<Assignment>, BadStreamKey> {
        let assignment = |key: &String| {
            Ok(Assignment {
                channel: self.name.clone(),
                key: key.parse()?,
            })
        };
        self.stream_key.iter().map(assignment).collect()
    }

    /// The tracks of its renditions: `v1`, and `a1` where it has sound of its own.
    pub fn rendition_tracks(&self) -> Vec<TrackId> {
        let tracks = (1..).zip(&self.rendition).flat_map(|(number, rendition)| {
            let video = TrackId::new(TrackKind::Video, number);
            let audio = rendition
                .audio
                .and_then(|_| TrackId::new(TrackKind::Audio, number));
            video.into_iter().chain(audio)
        });
        tracks.collect()
    }
}

/// Checks what no single value tells.
pub fn check(channels: &[ChannelSettings]) -> Result<(), BadChannels> {
    let mut names = HashSet::new();
    for ChannelSettings { name, rendition, .. } in channels {
        if !names.insert(name) {
            return Err(BadChannels::Twice(name.clone()));
        }
        if rendition.len() > MAX_RENDITIONS {
            return Err(BadChannels::Renditions {
                channel: name.clone(),
                found: rendition.len(),
            });
        }
        let odd = |height: &u32| !HEIGHTS.contains(height) || !height.is_multiple_of(2);
        if let Some(height) = rendition.iter().map(|one| one.height).find(odd) {
            return Err(BadChannels::Height {
                channel: name.clone(),
                height,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ChannelSettings, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_channel_is_read_as_the_file_says_it() {
        let file = "name = 'demo'\nstream-key = ['hushhush']\nfiller = 'away.mp4'\nmax-bitrate = '8mbit'\nmax-height = 1080\n\
                    [[rendition]]\nheight = 480\nvideo = '800k'\naudio = '64k'\n[[rendition]]\nheight = 240\nvideo = '300k'";
        let channel = read(file).unwrap();
        assert_eq!(channel.max_bitrate, Some(Bitrate(8_000_000)));
        assert_eq!(channel.rendition[0].video, Bitrate(800_000));
        let tracks: Vec<_> = channel
            .rendition_tracks()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(tracks, ["v1", "a1", "v2"]);
        assert_eq!(check(&[channel]), Ok(()));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (file, words) in [
            ("name = 'De Mo'", "De Mo"),
            ("name = 'demo'\nfillers = 'x'", "fillers"),
            ("name = 'demo'\nmax-bitrate = 'fast'", "fast"),
            ("name = 'demo'\n[[rendition]]\nheight = 480", "video"),
        ] {
            let refusal = read(file).unwrap_err();
            assert!(refusal.contains(words), "{refusal}");
        }
        let demo = || ChannelSettings::plain("demo".parse().unwrap());
        let refusal = |channels: &[ChannelSettings]| check(channels).unwrap_err().to_string();
        assert_eq!(refusal(&[demo(), demo()]), "[[channel]] demo is there twice");
        let rendition = |height| RenditionSettings {
            height,
            video: Bitrate(1),
            audio: None,
        };
        let with = |rendition| ChannelSettings { rendition, ..demo() };
        assert!(refusal(&[with(vec![rendition(481)])]).contains("height = 481"));
        assert!(refusal(&[with(vec![rendition(480); 9])]).contains("9 renditions"));
    }
}
