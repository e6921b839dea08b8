//! The head of a recording: one movie of tracks that the packager makes as one file each.

use mp4_atom::{Atom, Decode, Encode, Ftyp, Moov, Mvex, Mvhd};

/// Units of a movie's own time in a second: fine enough for where sound begins.
pub(super) const MOVIE_TIMESCALE: u32 = 90_000;

/// What stands between `ftyp` and `moov`: an empty box of the size that the header of a large `mdat` takes, which is
/// written over it at the end.
pub(super) const ROOM: [u8; 16] = *b"\0\0\0\x10free\0\0\0\0\0\0\0\0";

/// ISO/IEC 14496-12 counts seconds from 1904.
const SECONDS_FROM_1904: u64 = 2_082_844_800;

/// An init segment that is none.
#[derive(Debug, thiserror::Error)]
#[error("the init segment of a track cannot be read: {0}")]
pub(super) struct BadInit(#[from] mp4_atom::Error);

/// `ftyp`, [`ROOM`], and a `moov` with the track of each init segment, numbered from 1 in their order.
pub(super) fn head<'a>(inits: impl IntoIterator<Item = &'a [u8]>, began_ms: u64) -> Result<Vec<u8>, BadInit> {
    let began = began_ms / 1000 + SECONDS_FROM_1904;
    let mut moov = Moov {
        mvhd: Mvhd {
            creation_time: began,
            modification_time: began,
            timescale: MOVIE_TIMESCALE,
            duration: 0,
            rate: 1.into(),
            volume: 1.into(),
            matrix: mp4_atom::Matrix::default(),
            next_track_id: 1,
        },
        ..Moov::default()
    };
    let mut extends = Mvex {
        mehd: None,
        trex: Vec::new(),
    };
    for (number, init) in (1..).zip(inits) {
        let single = movie_of(init)?;
        let trak = single.trak.into_iter().next();
        let trex = single.mvex.and_then(|mvex| mvex.trex.into_iter().next());
        let (mut trak, mut trex) = trak.zip(trex).ok_or(mp4_atom::Error::MissingBox(Mvex::KIND))?;
        trak.tkhd.track_id = number;
        trex.track_id = number;
        moov.trak.push(trak);
        extends.trex.push(trex);
        moov.mvhd.next_track_id = number + 1;
    }
    moov.mvex = Some(extends);

    let brand = b"iso6";
    let ftyp = Ftyp {
        major_brand: brand.into(),
        minor_version: 0,
        compatible_brands: vec![brand.into(), b"mp42".into()],
    };
    let mut out = Vec::with_capacity(2048);
    ftyp.encode(&mut out)?;
    out.extend_from_slice(&ROOM);
    moov.encode(&mut out)?;
    Ok(out)
}

/// The `moov` of an init segment: `ftyp`, then `moov`.
fn movie_of(init: &[u8]) -> Result<Moov, mp4_atom::Error> {
    let mut rest = init;
    Ftyp::decode(&mut rest)?;
    Moov::decode(&mut rest)
}
