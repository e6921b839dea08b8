//! Chunks: one `moof` and one `mdat` (ISO/IEC 23000-19 §7.3.2.3).

use bytes::Bytes;
use mp4_atom::{Encode, Mfhd, Moof, Styp, Tfdt, Tfhd, Traf, Trun, TrunEntry};

use super::super::cut::Timed;
use super::TRACK_NUMBER;

/// What a sample costs in the `trun`, at most.
pub(in super::super) const SAMPLE_ENTRY_BYTES: usize = 16;

/// `sample_depends_on` = 2: decoding can begin here (ISO/IEC 14496-12 §8.8.3.1).
const SYNC: u32 = 0x0200_0000;
/// `sample_depends_on` = 1, and `sample_is_non_sync_sample`.
const NOT_SYNC: u32 = 0x0101_0000;

const BOX_HEADER_BYTES: usize = 8;

/// The `styp` that opens each segment: a CMAF segment, that is also a fragment made of chunks, and DASH's.
pub(in super::super) fn segment_type() -> Bytes {
    let brands = [b"cmfs", b"cmff", b"cmfl", b"msdh"];
    let mut out = Vec::with_capacity(32);
    Styp {
        major_brand: brands[0].into(),
        minor_version: 0,
        compatible_brands: brands.map(Into::into).to_vec(),
    }
    .encode(&mut out)
    .expect("brands can be written");
    out.into()
}

/// The samples of one chunk.
pub(in super::super) struct Fragment<'a> {
    /// Its place among all chunks of the track, from 1.
    pub(in super::super) sequence: u32,
    /// When its first sample is decoded.
    pub(in super::super) time: u64,
    /// In decoding order.
    pub(in super::super) samples: &'a [Timed],
}

impl Fragment<'_> {
    /// `moof` and `mdat`.
    pub(in super::super) fn write(&self) -> Bytes {
        let media: usize = self.samples.iter().map(|sample| sample.data.len()).sum();
        let mut out = Vec::with_capacity(256 + self.samples.len() * SAMPLE_ENTRY_BYTES + media);
        let mut moof = self.movie_fragment();
        let encode = |moof: &Moof, out: &mut Vec<u8>| {
            moof.encode(out)
                .expect("the values of a chunk that was cut fit their fields");
        };
        // Where the media begins is known once the `moof` was written; its size does not depend on that.
        encode(&moof, &mut out);
        moof.traf[0].trun[0].data_offset = Some(as_i32(out.len() + BOX_HEADER_BYTES));
        out.clear();
        encode(&moof, &mut out);

        out.extend_from_slice(&as_u32(BOX_HEADER_BYTES + media).to_be_bytes());
        out.extend_from_slice(b"mdat");
        for sample in self.samples {
            out.extend_from_slice(&sample.data);
        }
        out.into()
    }

    fn movie_fragment(&self) -> Moof {
        let first = self.samples.first();
        let common_duration = first
            .map(|first| first.duration)
            .filter(|&duration| self.all(|other| other.duration == duration));
        let has_offsets = !self.all(|sample| sample.offset == 0);
        let all_sync = self.all(|sample| sample.keyframe);
        let only_first_sync = self.samples.iter().skip(1).all(|sample| !sample.keyframe);

        let entries = self.samples.iter().enumerate().map(|(place, sample)| TrunEntry {
            duration: common_duration.is_none().then_some(sample.duration),
            size: Some(as_u32(sample.data.len())),
            // All, the first alone, or none: a `trun` has no other way to tell.
            flags: match (all_sync, only_first_sync) {
                (true, _) => None,
                (false, true) => (place == 0 && sample.keyframe).then_some(SYNC),
                (false, false) => Some(if sample.keyframe { SYNC } else { NOT_SYNC }),
            },
            cts: has_offsets.then_some(i64::from(sample.offset)),
        });
        let trun = Trun {
            data_offset: Some(0),
            samples: entries.collect::<Vec<_>>().into(),
        };
        let tfhd = Tfhd {
            track_id: TRACK_NUMBER,
            default_sample_duration: common_duration,
            default_sample_flags: Some(if all_sync { SYNC } else { NOT_SYNC }),
            default_base_is_moof: true,
            ..Tfhd::default()
        };
        let tfdt = Tfdt {
            base_media_decode_time: self.time,
        };
        let traf = Traf {
            tfhd,
            tfdt: Some(tfdt),
            trun: vec![trun],
            ..Traf::default()
        };
        Moof {
            mfhd: Mfhd {
                sequence_number: self.sequence,
            },
            traf: vec![traf],
        }
    }

    fn all(&self, holds: impl Fn(&Timed) -> bool) -> bool {
        self.samples.iter().all(holds)
    }
}

fn as_u32(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a chunk is at most 4 MiB")
}

fn as_i32(bytes: usize) -> i32 {
    i32::try_from(bytes).expect("a chunk is at most 4 MiB")
}
