//! From a path to the name of a segment.

use axum::http::HeaderValue;
use wire::id::{BadName, INIT_SEGMENT, TrackId, TrackKind};

use crate::window::SegmentName;

/// Why a path names no segment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadPath {
    #[error(transparent)]
    Name(#[from] BadName),
    #[error("segments of track {track} end in .{}", track.extension())]
    Extension { track: TrackId },
    #[error("a segment is called init or by its number, counted from 1")]
    Number,
}

/// The segment at `/live/{channel}/{epoch}/{track}/{file}`. One spelling only, since caches go by it.
pub(super) fn read(channel: &str, epoch: &str, track: &str, file: &str) -> Result<SegmentName, BadPath> {
    let (channel, epoch, track) = (channel.parse()?, epoch.parse()?, track.parse::<TrackId>()?);
    let stem = file
        .strip_suffix(track.extension())
        .and_then(|rest| rest.strip_suffix('.'));
    let number = match stem.ok_or(BadPath::Extension { track })? {
        "init" => INIT_SEGMENT,
        stem => {
            let number: u32 = stem.parse().map_err(|_| BadPath::Number)?;
            if number == INIT_SEGMENT || number.to_string() != stem {
                return Err(BadPath::Number);
            }
            number
        }
    };
    Ok(SegmentName {
        channel,
        epoch,
        track,
        number,
    })
}

pub(super) fn content_type(track: TrackId) -> HeaderValue {
    HeaderValue::from_static(match track.kind() {
        TrackKind::Video => "video/mp4",
        TrackKind::Audio => "audio/mp4",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_has_one_path() {
        let name = read("demo", "1790000000000", "v0", "17.m4v").unwrap();
        assert_eq!(
            (name.channel.as_str(), name.epoch.0, name.number),
            ("demo", 1_790_000_000_000, 17)
        );
        assert_eq!(read("demo", "1", "a0", "init.m4a").unwrap().number, INIT_SEGMENT);

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
            assert_eq!(read("demo", "1", "v0", file), Err(BadPath::Number), "{file}");
        }
        for (track, file) in [
            ("v0", "1.m4a"),
            ("a0", "1.m4v"),
            ("v0", "1.mp4"),
            ("v0", "1m4v"),
            ("v0", ""),
        ] {
            assert!(
                matches!(read("demo", "1", track, file), Err(BadPath::Extension { .. })),
                "{track}/{file}"
            );
        }
        for (channel, epoch, track) in [("Demo", "1", "v0"), ("demo", "01", "v0"), ("demo", "1", "v16")] {
            assert!(matches!(
                read(channel, epoch, track, "1.m4v"),
                Err(BadPath::Name(_))
            ));
        }
    }
}
