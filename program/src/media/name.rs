//! From a path to the name of what is asked for.

use std::fmt;

use axum::http::HeaderValue;
use wire::chunk::MAX_CHUNKS_PER_SEGMENT;
use wire::id::{BadName, INIT_SEGMENT, TrackId, TrackKind};

use crate::window::SegmentName;

/// Why a path names nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadPath {
    #[error(transparent)]
    Name(#[from] BadName),
    #[error("segments of track {track} end in .{}", track.extension())]
    Extension { track: TrackId },
    #[error("a segment is called init or by its number, counted from 1")]
    Number,
    #[error(
        "a part is called by its segment's number and its own, counted from 0 and below {MAX_CHUNKS_PER_SEGMENT}"
    )]
    Part,
    #[error("of a poster there are .jpg and .seal")]
    Poster,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// The segment, or the one that it is a piece of.
    pub(super) segment: SegmentName,
    pub(super) piece: Piece,
}

/// How much of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// All of it.
    Whole,
    /// The chunk of that index alone: a partial segment of low-latency HLS.
    Part(u16),
    /// Of a poster, the JPEG alone, as pages show it.
    Picture,
    /// Of a poster, the seal alone, for those who verify the JPEG.
    Seal,
}

impl Name {
    /// What is at `/live/{channel}/{epoch}/{track}/{file}`. One spelling only, since caches go by it.
    pub(super) fn read(channel: &str, epoch: &str, track: &str, file: &str) -> Result<Self, BadPath> {
        let (channel, epoch, track) = (channel.parse()?, epoch.parse()?, track.parse::<TrackId>()?);
        let (number, piece) = if track.is_poster() {
            read_poster(file)?
        } else {
            let stem = file
                .strip_suffix(track.extension())
                .and_then(|rest| rest.strip_suffix('.'));
            read_stem(stem.ok_or(BadPath::Extension { track })?)?
        };
        Ok(Self {
            segment: SegmentName {
                channel,
                epoch,
                track,
                number,
            },
            piece,
        })
    }

    pub(super) fn content_type(&self) -> HeaderValue {
        HeaderValue::from_static(match (self.piece, self.segment.track.kind()) {
            (Piece::Picture, _) => "image/jpeg",
            (Piece::Seal, _) => "application/cose",
            (_, TrackKind::Video) => "video/mp4",
            (_, TrackKind::Audio) => "audio/mp4",
        })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.piece {
            Piece::Part(index) => write!(out, "part {index} of ")?,
            Piece::Seal => write!(out, "the seal of ")?,
            Piece::Whole | Piece::Picture => {}
        }
        let SegmentName { number, track, .. } = &self.segment;
        write!(out, "segment {number} of track {track}")
    }
}

/// `init`, `17`, or `17.3`.
fn read_stem(stem: &str) -> Result<(u32, Piece), BadPath> {
    if stem == "init" {
        return Ok((INIT_SEGMENT, Piece::Whole));
    }
    let (number, index) = match stem.split_once('.') {
        Some((number, index)) => (number, Some(index)),
        None => (stem, None),
    };
    let number = decimal(number)
        .filter(|&number| number != INIT_SEGMENT)
        .ok_or(BadPath::Number)?;
    let Some(index) = index else {
        return Ok((number, Piece::Whole));
    };
    let index = decimal(index).and_then(|index| u16::try_from(index).ok());
    let index = index.filter(|&index| index < MAX_CHUNKS_PER_SEGMENT);
    Ok((number, Piece::Part(index.ok_or(BadPath::Part)?)))
}

/// `3.jpg` or `3.seal`.
fn read_poster(file: &str) -> Result<(u32, Piece), BadPath> {
    let (stem, piece) = match file.rsplit_once('.') {
        Some((stem, "jpg")) => (stem, Piece::Picture),
        Some((stem, "seal")) => (stem, Piece::Seal),
        _ => return Err(BadPath::Poster),
    };
    let number = decimal(stem).filter(|&number| number != INIT_SEGMENT);
    Ok((number.ok_or(BadPath::Number)?, piece))
}

/// A number in the only way to write it.
fn decimal(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_has_one_path() {
        let Name { segment, piece } = Name::read("demo", "1790000000000", "v0", "17.m4v").unwrap();
        assert_eq!(
            (segment.channel.as_str(), segment.epoch.0, segment.number, piece),
            ("demo", 1_790_000_000_000, 17, Piece::Whole)
        );
        let init = Name::read("demo", "1", "a0", "init.m4a").unwrap();
        assert_eq!((init.segment.number, init.piece), (INIT_SEGMENT, Piece::Whole));

        for file in [
            "0.m4v",
            "017.m4v",
            "+17.m4v",
            "-1.m4v",
            ".m4v",
            "4294967296.m4v",
            "x.m4v",
            "init .m4v",
        ] {
            assert_eq!(
                Name::read("demo", "1", "v0", file),
                Err(BadPath::Number),
                "{file}"
            );
        }
        for (track, file) in [
            ("v0", "1.m4a"),
            ("a0", "1.m4v"),
            ("v0", "1.mp4"),
            ("v0", "1m4v"),
            ("v0", ""),
        ] {
            assert!(
                matches!(
                    Name::read("demo", "1", track, file),
                    Err(BadPath::Extension { .. })
                ),
                "{track}/{file}"
            );
        }
        for (channel, epoch, track) in [("Demo", "1", "v0"), ("demo", "01", "v0"), ("demo", "1", "v16")] {
            assert!(matches!(
                Name::read(channel, epoch, track, "1.m4v"),
                Err(BadPath::Name(_))
            ));
        }
    }

    #[test]
    fn a_part_has_one_path() {
        let part = |file| Name::read("demo", "1", "v0", file).map(|name| (name.segment.number, name.piece));
        assert_eq!(part("17.0.m4v"), Ok((17, Piece::Part(0))));
        assert_eq!(part("17.63.m4v"), Ok((17, Piece::Part(63))));
        for file in [
            "17.64.m4v",
            "17.00.m4v",
            "17.+1.m4v",
            "17.1.1.m4v",
            "17..m4v",
            "17.65536.m4v",
            "17.x.m4v",
        ] {
            assert_eq!(part(file), Err(BadPath::Part), "{file}");
        }
        for file in ["0.0.m4v", "init.0.m4v", ".0.m4v", "01.0.m4v"] {
            assert_eq!(part(file), Err(BadPath::Number), "{file}");
        }
        assert!(matches!(part("17.0.m4a"), Err(BadPath::Extension { .. })));
    }

    #[test]
    fn a_poster_is_a_picture_and_a_seal() {
        let read =
            |file| Name::read("demo", "1", "poster", file).map(|name| (name.segment.number, name.piece));
        assert_eq!(read("3.jpg"), Ok((3, Piece::Picture)));
        assert_eq!(read("3.seal"), Ok((3, Piece::Seal)));
        for file in ["init.jpg", "0.jpg", "03.seal", "3.0.jpg", ".jpg"] {
            assert_eq!(read(file), Err(BadPath::Number), "{file}");
        }
        for file in ["3.m4v", "3.jpeg", "3", "3jpg"] {
            assert_eq!(read(file), Err(BadPath::Poster), "{file}");
        }
        for file in ["3.jpg", "3.seal"] {
            assert!(matches!(
                Name::read("demo", "1", "v0", file),
                Err(BadPath::Extension { .. })
            ));
        }
    }
}
