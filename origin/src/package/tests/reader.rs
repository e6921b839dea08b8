//! A second opinion: chunks read with another implementation than the one that wrote them.

use std::io::Cursor;

use mp4::{BoxHeader, BoxType, MoofBox, ReadBox};

use super::super::RawChunk;

/// A sample as a player finds it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) decoded: u64,
    pub(super) duration: u64,
    pub(super) offset: i64,
    pub(super) sync: bool,
    pub(super) data: Vec<u8>,
}

impl Frame {
    /// When it is shown, where an edit list takes so much away.
    pub(super) fn shown(&self, delay: i64) -> i64 {
        i64::try_from(self.decoded).unwrap() + self.offset - delay
    }
}

/// The samples of a chunk.
pub(super) fn read(chunk: &RawChunk) -> Vec<Frame> {
    const NOT_SYNC: u32 = 1 << 16;

    let mut body = Cursor::new(&chunk.body[..]);
    let header = BoxHeader::read(&mut body).unwrap();
    assert_eq!(header.name, BoxType::MoofBox);
    let moof = MoofBox::read_box(&mut body, header.size).unwrap();
    let media = usize::try_from(header.size).unwrap() + 8;
    assert_eq!(&chunk.body[media - 4..media], b"mdat");

    let [traf] = moof.trafs.as_slice() else {
        panic!("one track in a chunk")
    };
    let (tfhd, trun) = (&traf.tfhd, traf.trun.as_ref().unwrap());
    let tfdt = traf.tfdt.as_ref().unwrap();
    assert_eq!((tfdt.version, tfdt.base_media_decode_time), (1, chunk.time));
    assert_eq!(
        (trun.version, tfhd.flags & 0x02_0000),
        (1, 0x02_0000),
        "offsets are signed, the base is the moof"
    );
    assert_eq!(
        trun.data_offset,
        i32::try_from(media).ok(),
        "media begins behind the header of the mdat"
    );

    let mut decoded = tfdt.base_media_decode_time;
    let mut rest = &chunk.body[media..];
    let mut frames = Vec::new();
    for place in 0..usize::try_from(trun.sample_count).unwrap() {
        let first_flags = trun.first_sample_flags.filter(|_| place == 0);
        let own_flags = first_flags.or_else(|| trun.sample_flags.get(place).copied());
        let flags = own_flags.or(tfhd.default_sample_flags).unwrap();
        let own_duration = trun.sample_durations.get(place).copied();
        let duration = u64::from(own_duration.or(tfhd.default_sample_duration).unwrap());
        let (data, behind) = rest.split_at(usize::try_from(trun.sample_sizes[place]).unwrap());
        rest = behind;
        frames.push(Frame {
            decoded,
            duration,
            offset: trun
                .sample_cts
                .get(place)
                .map_or(0, |offset| i64::from(offset.cast_signed())),
            sync: flags & NOT_SYNC == 0,
            data: data.to_vec(),
        });
        decoded += duration;
    }
    assert!(rest.is_empty(), "the media is all samples");
    assert_eq!(
        decoded,
        chunk.time + u64::from(chunk.duration),
        "a chunk lasts as long as its samples"
    );
    frames
}

/// The samples of chunks, one after another, without a gap.
pub(super) fn read_all(chunks: &[&RawChunk]) -> Vec<Frame> {
    let mut end = None;
    let mut frames = Vec::new();
    for chunk in chunks {
        assert_eq!(
            end.unwrap_or(chunk.time),
            chunk.time,
            "{}.{} follows on",
            chunk.segment,
            chunk.index
        );
        end = Some(chunk.time + u64::from(chunk.duration));
        frames.extend(read(chunk));
    }
    frames
}
