//! What media is called within a channel: `{epoch}/{track}/{file}`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use wire::id::{Epoch, TrackId};

/// A piece of media of a channel. It has one spelling, since caches go by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPath {
    /// The epoch that it is of.
    pub epoch: Epoch,
    /// The track that it is of.
    pub track: TrackId,
    /// What it is.
    pub file: MediaFile,
    text: Box<str>,
}

/// A kind of media file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaFile {
    /// What comes before all segments: `init.m4v`.
    Init,
    /// A segment: `17.m4v`.
    Segment(u32),
    /// One chunk of a segment: `17.3.m4v`.
    Part(u32),
    /// A picture, or the seal of one: `poster/3.jpg`.
    Poster(u32),
}

/// Why a text names no media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("media is called EPOCH/TRACK/init.m4v, EPOCH/TRACK/NUMBER.m4v or EPOCH/TRACK/NUMBER.PART.m4v")]
pub struct BadMediaPath;

/// How the names of video end where they are made, and how in playlists.
const VIDEO: &str = ".m4v";
const VIDEO_IN_PLAYLISTS: &str = ".mp4";

impl MediaPath {
    /// A name as it stands in playlists.
    pub fn in_playlist(name: &str) -> Cow<'_, str> {
        exchange(name, VIDEO, VIDEO_IN_PLAYLISTS)
    }

    /// Reads a name that may stand in a playlist.
    pub fn asked(name: &str) -> Result<Self, BadMediaPath> {
        exchange(name, VIDEO_IN_PLAYLISTS, VIDEO).parse()
    }
}

fn exchange<'a>(name: &'a str, ending: &str, other: &str) -> Cow<'a, str> {
    match name.strip_suffix(ending) {
        Some(stem) => format!("{stem}{other}").into(),
        None => name.into(),
    }
}

impl FromStr for MediaPath {
    type Err = BadMediaPath;

    fn from_str(text: &str) -> Result<Self, BadMediaPath> {
        read(text).ok_or(BadMediaPath)
    }
}

impl fmt::Display for MediaPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

fn read(text: &str) -> Option<MediaPath> {
    let (epoch, rest) = text.split_once('/')?;
    let (track, name) = rest.split_once('/')?;
    let (stem, extension) = name.rsplit_once('.')?;
    let track: TrackId = track.parse().ok()?;
    let file = if track.is_poster() {
        matches!(extension, "jpg" | "seal").then(|| number(stem).map(MediaFile::Poster))??
    } else {
        (extension == track.extension()).then(|| media(stem))??
    };
    Some(MediaPath {
        epoch: epoch.parse().ok()?,
        track,
        file,
        text: text.into(),
    })
}

fn media(stem: &str) -> Option<MediaFile> {
    match stem.split_once('.') {
        None if stem == "init" => Some(MediaFile::Init),
        None => number(stem).map(MediaFile::Segment),
        Some((segment, part)) => {
            let index: u16 = part.parse().ok()?;
            (index.to_string() == part).then(|| number(segment).map(MediaFile::Part))?
        }
    }
}

/// A number counted from 1.
fn number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number > 0 && number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn video_has_another_ending_in_playlists() {
        let listed = MediaPath::in_playlist("1/v0/17.m4v");
        assert_eq!(listed, "1/v0/17.mp4");
        for name in [&*listed, "1/v0/17.m4v"] {
            assert_eq!(MediaPath::asked(name).unwrap().to_string(), "1/v0/17.m4v");
        }
        assert_eq!(MediaPath::in_playlist("1/a0/17.m4a"), "1/a0/17.m4a");
        assert_eq!(MediaPath::asked("1/a0/17.mp4"), Err(BadMediaPath));
        assert!(
            "1/v0/17.mp4".parse::<MediaPath>().is_err(),
            "not where it is made"
        );
    }

    #[test]
    fn media_has_one_spelling() {
        for (text, file) in [
            ("1790000000000/v0/init.m4v", MediaFile::Init),
            ("1/a0/init.m4a", MediaFile::Init),
            ("1/v15/17.m4v", MediaFile::Segment(17)),
            ("1/v0/17.0.m4v", MediaFile::Part(17)),
            ("1/v0/17.12.m4v", MediaFile::Part(17)),
            ("1/poster/3.jpg", MediaFile::Poster(3)),
            ("1/poster/3.seal", MediaFile::Poster(3)),
        ] {
            let path: MediaPath = text.parse().unwrap();
            assert_eq!((path.file, path.to_string()), (file, text.to_owned()));
        }
        for text in [
            "",
            "1",
            "1/v0",
            "1/v0/",
            "01/v0/1.m4v",
            "1/v0/0.m4v",
            "1/v0/01.m4v",
            "1/v0/+1.m4v",
            "1/v0/1.m4a",
            "1/a0/1.m4v",
            "1/v0/1.01.m4v",
            "1/v0/1.2.3.m4v",
            "1/v0/init.0.m4v",
            "1/v0/1.m4v?x",
            "1/v0/../v1/1.m4v",
            "1/v0/1.m4v ",
            "/1/v0/1.m4v",
            "1/v16/1.m4v",
            "1/poster/0.jpg",
            "1/poster/init.jpg",
            "1/poster/1.m4v",
            "http://evil/1/v0/1.m4v",
        ] {
            assert_eq!(text.parse::<MediaPath>(), Err(BadMediaPath), "{text}");
        }
    }
}
