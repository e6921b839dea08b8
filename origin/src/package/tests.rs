//! Promises of packaging, kept for what real encoders send and for what nobody should.

mod breaks;
mod clocks;
mod codecs;
mod demux;
mod encoder;
mod manifest;
mod players;
mod properties;
mod reader;
mod renditions;
mod segments;
mod synthetic;

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use wire::id::TrackId;

use super::{Cut, PackageError, Packaged, Packager, RawChunk, TrackDescription};
use crate::media::Unit;

/// When everything began.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Units that arrive when their timestamps say.
trait Feed {
    fn feed(&mut self, unit: Unit) -> Result<Vec<Packaged>, PackageError>;
}

impl Feed for Packager {
    fn feed(&mut self, unit: Unit) -> Result<Vec<Packaged>, PackageError> {
        let time = match &unit {
            Unit::Sample(unit) => unit.decode_time.0.min(u64::from(u32::MAX)),
            Unit::Config(..) => 0,
        };
        self.push(unit, *START + Duration::from_millis(time))
    }
}

/// Everything that became of a stream which nothing interrupts.
fn package(units: impl IntoIterator<Item = Unit>) -> Result<Output, PackageError> {
    let mut packager = Packager::new(Cut::default(), []);
    let mut pieces = Vec::new();
    for unit in units {
        pieces.extend(packager.feed(unit)?);
    }
    pieces.extend(packager.finish());
    Ok(Output { pieces })
}

/// Every epoch that came of units and their arrival, as the caller of a packager makes them, and why they ended. Ends
/// with the first error that ends a publish.
fn live(
    mut packager: Packager,
    units: impl IntoIterator<Item = (u64, Unit)>,
) -> (Vec<Output>, Vec<PackageError>) {
    let mut epochs = vec![Output { pieces: Vec::new() }];
    let mut errors = Vec::new();
    let mut keep = |pieces: Vec<Packaged>, ends: bool| {
        epochs.last_mut().unwrap().pieces.extend(pieces);
        if ends {
            epochs.push(Output { pieces: Vec::new() });
        }
    };
    for (arrived, unit) in units {
        let arrived = *START + Duration::from_millis(arrived);
        match packager.push(unit.clone(), arrived) {
            Ok(pieces) => keep(pieces, false),
            Err(error) if error.begins_anew() => {
                keep(packager.finish(), true);
                packager = packager.anew();
                let pieces = packager.push(unit, arrived);
                keep(pieces.expect("what breaks an epoch can begin one"), false);
                errors.push(error);
            }
            Err(error) => {
                let goes_on = error.goes_on();
                errors.push(error);
                if !goes_on {
                    break;
                }
            }
        }
    }
    keep(packager.finish(), false);
    (epochs, errors)
}

/// Units that arrive when their timestamps say.
fn on_time(units: impl Iterator<Item = Unit>) -> impl Iterator<Item = (u64, Unit)> {
    let mut now = 0;
    units.map(move |unit| {
        if let Unit::Sample(unit) = &unit {
            now = unit.decode_time.0;
        }
        (now, unit)
    })
}

struct Output {
    pieces: Vec<Packaged>,
}

impl Output {
    fn chunks(&self, track: TrackId) -> Vec<&RawChunk> {
        let chunks = self.pieces.iter().filter_map(|piece| match piece {
            Packaged::Chunk(chunk) if chunk.track == track => Some(chunk),
            _ => None,
        });
        chunks.collect()
    }

    /// The tracks that were begun.
    fn tracks(&self) -> Vec<TrackId> {
        let begun = self.pieces.iter().filter_map(|piece| match piece {
            Packaged::Init { description, .. } => Some(description.track),
            Packaged::Chunk(_) => None,
        });
        begun.collect()
    }

    /// The chunks of each segment, which are numbered as they should be.
    fn segments(&self, track: TrackId) -> Vec<Vec<&RawChunk>> {
        let mut segments: Vec<Vec<&RawChunk>> = Vec::new();
        for chunk in self.chunks(track) {
            if chunk.index == 0 {
                segments.push(Vec::new());
            }
            let number = segments.len();
            let segment = segments
                .last_mut()
                .expect("the first chunk of a track has index 0");
            assert_eq!(
                (chunk.segment as usize, chunk.index as usize),
                (number, segment.len())
            );
            assert!(
                segment.last().is_none_or(|before| !before.last),
                "something follows the last of {number}"
            );
            assert_eq!(
                chunk.head.is_empty(),
                chunk.index != 0,
                "a styp where a segment begins"
            );
            segment.push(chunk);
        }
        for (place, segment) in segments.iter().enumerate() {
            assert!(segment.last().unwrap().last, "segment {} ends", place + 1);
        }
        segments
    }

    fn init(&self, track: TrackId) -> (&TrackDescription, &[u8]) {
        let mut inits = self.pieces.iter().filter_map(|piece| match piece {
            Packaged::Init { description, bytes } if description.track == track => {
                Some((description, bytes.as_ref()))
            }
            _ => None,
        });
        let first = inits.next().expect("the track has an init segment");
        assert!(inits.next().is_none(), "one init segment");
        first
    }

    /// What the track's edit list takes from every time.
    fn delay(&self, track: TrackId) -> i64 {
        let init = self.init(track).1;
        let file = mp4::Mp4Reader::read_header(std::io::Cursor::new(init), init.len() as u64).unwrap();
        let edits = file.moov.traks[0]
            .edts
            .as_ref()
            .and_then(|edts| edts.elst.as_ref());
        edits.map_or(0, |edits| i64::try_from(edits.entries[0].media_time).unwrap())
    }

    /// The track as a file.
    fn file(&self, track: TrackId) -> Vec<u8> {
        let mut file = self.init(track).1.to_vec();
        for chunk in self.chunks(track) {
            file.extend_from_slice(&chunk.head);
            file.extend_from_slice(&chunk.body);
        }
        file
    }
}
