//! Chunks of single tracks become fragments of one file: what says which track and which fragment it is, and when it
//! begins, is written over in a copy of the `moof` (ISO/IEC 14496-12 §8.8). The media stays where it is.

use bytes::Bytes;

use crate::boxes::{FULL_HEADER, HEADER, find};

/// A fragment's place in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Its track, as the file numbers it.
    pub(super) track: u32,
    /// Its number in the file.
    pub(super) sequence: u32,
    /// When the file begins, on the track's clock.
    pub(super) zero: u64,
}

/// The `moof` and the `mdat` of a chunk, for that place; none when the chunk is not made of these two.
pub(super) fn adapt(body: &Bytes, place: Place) -> Option<(Vec<u8>, Bytes)> {
    let moof = find(body, 0..body.len(), *b"moof")?.span;
    if moof.start != 0 {
        return None;
    }
    let mdat = body.slice(moof.end..);
    let mut out = body[moof].to_vec();

    let inside = HEADER..out.len();
    let mfhd = find(&out, inside.clone(), *b"mfhd")?.span.start;
    put(&mut out, mfhd + FULL_HEADER, &place.sequence.to_be_bytes())?;
    let traf = find(&out, inside, *b"traf")?.content();
    let tfhd = find(&out, traf.clone(), *b"tfhd")?.span.start;
    put(&mut out, tfhd + FULL_HEADER, &place.track.to_be_bytes())?;
    let tfdt = find(&out, traf, *b"tfdt")?.span.start;
    move_back(&mut out, tfdt, place.zero)?;
    Some((out, mdat))
}

/// Takes `zero` from the time in a `tfdt`, whose version says how wide it is.
fn move_back(out: &mut [u8], tfdt: usize, zero: u64) -> Option<()> {
    let at = tfdt + FULL_HEADER;
    if *out.get(tfdt + HEADER)? == 0 {
        let time = u32::from_be_bytes(*out.get(at..)?.first_chunk()?);
        let time = time.saturating_sub(u32::try_from(zero).unwrap_or(u32::MAX));
        put(out, at, &time.to_be_bytes())
    } else {
        let time = u64::from_be_bytes(*out.get(at..)?.first_chunk()?);
        put(out, at, &time.saturating_sub(zero).to_be_bytes())
    }
}

fn put(out: &mut [u8], at: usize, value: &[u8]) -> Option<()> {
    out.get_mut(at..at + value.len())?.copy_from_slice(value);
    Some(())
}

#[cfg(test)]
mod tests {
    use mp4_atom::{Decode, Encode, Mfhd, Moof, Tfdt, Tfhd, Traf};

    use super::*;

    fn chunk(time: u64) -> Bytes {
        let traf = Traf {
            tfhd: Tfhd {
                track_id: 1,
                default_sample_flags: Some(7),
                ..Tfhd::default()
            },
            tfdt: Some(Tfdt {
                base_media_decode_time: time,
            }),
            ..Traf::default()
        };
        let moof = Moof {
            mfhd: Mfhd { sequence_number: 9 },
            traf: vec![traf],
        };
        let mut out = Vec::new();
        moof.encode(&mut out).unwrap();
        out.extend_from_slice(b"\0\0\0\x0cmdatabcd");
        out.into()
    }

    const PLACE: Place = Place {
        track: 2,
        sequence: 77,
        zero: 40,
    };

    #[test]
    fn a_chunk_gets_the_numbers_and_the_time_of_its_file_and_nothing_else_changes() {
        let body = chunk(100);
        let (moof, mdat) = adapt(&body, PLACE).unwrap();
        assert_eq!(&mdat[..], b"\0\0\0\x0cmdatabcd");
        assert_eq!(moof.len() + mdat.len(), body.len());

        let mut expected = Moof::decode(&mut &body[..]).unwrap();
        expected.mfhd.sequence_number = 77;
        expected.traf[0].tfhd.track_id = 2;
        expected.traf[0].tfdt = Some(Tfdt {
            base_media_decode_time: 60,
        });
        assert_eq!(Moof::decode(&mut &moof[..]).unwrap(), expected);
    }

    #[test]
    fn what_is_no_chunk_is_not_written() {
        let body = chunk(0);
        assert!((0..body.len() - 12).all(|end| adapt(&body.slice(..end), PLACE).is_none()));
        for at in 0..body.len() - 12 {
            let mut damaged = body.to_vec();
            damaged[at] ^= 0xff;
            let _ = adapt(&damaged.into(), PLACE);
        }
        assert!(adapt(&Bytes::from_static(b"\0\0\0\x08mdat"), PLACE).is_none());
    }
}
