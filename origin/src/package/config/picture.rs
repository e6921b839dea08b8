//! What every codec of pictures tells: their size, shape, rate and colours.

use mp4_atom::{Colr, Pasp, Visual};
use wire::id::TrackId;

use super::super::description::{Ratio, TrackDescription, VideoDescription};
use super::VIDEO_TIMESCALE;

/// The most columns or rows: level 6.2 of H.264 allows 16 880, and no codec has a level for more.
const MAX_SIDE: u32 = 16_880;
/// The most frames a second that are believed.
const MAX_FRAME_RATE: f64 = 480.0;

/// What a manifest and a sample entry want to know of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) details: Details,
}

/// The part that a stream may leave out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Details {
    pub(super) sar: Option<Ratio>,
    pub(super) colour: Option<Colour>,
    pub(super) frame_rate: Option<Ratio>,
}

/// How its numbers mean colours, in the code points of ISO/IEC 23091-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour {
    pub(super) primaries: u8,
    pub(super) transfer: u8,
    pub(super) matrix: u8,
    pub(super) full_range: bool,
}

impl Picture {
    /// A picture of that size, when it is one that could be shown.
    pub(super) fn new(width: u32, height: u32, details: Details) -> Option<Self> {
        let sides = 1..=MAX_SIDE;
        (sides.contains(&width) && sides.contains(&height)).then_some(Self {
            width,
            height,
            details,
        })
    }

    /// What players are told of it.
    pub(super) fn describe(&self, track: TrackId, codecs: String) -> TrackDescription {
        let video = VideoDescription {
            width: self.width,
            height: self.height,
            frame_rate: self.details.frame_rate,
            sar: self.details.sar,
        };
        TrackDescription {
            track,
            codecs,
            timescale: VIDEO_TIMESCALE,
            video: Some(video),
            audio: None,
        }
    }

    /// How long a picture lasts in units of [`VIDEO_TIMESCALE`]: a thirtieth of a second where the stream does not tell.
    pub(super) fn frame(&self) -> u32 {
        let ticks = self.details.frame_rate.map_or(VIDEO_TIMESCALE / 30, |rate| {
            VIDEO_TIMESCALE.saturating_mul(rate.denominator()) / rate.numerator()
        });
        ticks.clamp(1, VIDEO_TIMESCALE)
    }

    /// What sample entries of all codecs begin with.
    pub(super) fn visual(&self) -> Visual {
        let side = |length| u16::try_from(length).expect("a picture with a longer side is none");
        Visual {
            data_reference_index: 1,
            width: side(self.width),
            height: side(self.height),
            ..Visual::default()
        }
    }

    pub(super) fn colr(&self) -> Option<Colr> {
        self.details.colour.map(|colour| Colr::Nclx {
            colour_primaries: colour.primaries.into(),
            transfer_characteristics: colour.transfer.into(),
            matrix_coefficients: colour.matrix.into(),
            full_range_flag: colour.full_range,
        })
    }

    pub(super) fn pasp(&self) -> Option<Pasp> {
        self.details.sar.map(|sar| Pasp {
            h_spacing: sar.numerator(),
            v_spacing: sar.denominator(),
        })
    }
}

/// So many frames a second, when it is to be believed.
pub(super) fn frame_rate(frames: u32, seconds: u32) -> Option<Ratio> {
    Ratio::new(frames, seconds).filter(|rate| rate.value() <= MAX_FRAME_RATE)
}
