//! FLV files of one track, written and read: the frames around tags (Adobe's "Video File Format 10.1", annex E.2 to
//! E.4.1). What is in the tags is `ingest`'s.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::media::TrackKind;

/// The types of tags that carry media.
pub(crate) const AUDIO: u8 = 8;
pub(crate) const VIDEO: u8 = 9;

/// The largest tag that is read: no picture is larger.
const MOST_BYTES: usize = 4 << 20;

const HEADER_BYTES: usize = 9;
const TAG_HEADER_BYTES: usize = 11;
/// The size of the tag before, which follows each.
const TRAILER_BYTES: usize = 4;

/// What a file of one track begins with.
pub(super) fn header(kind: TrackKind) -> Bytes {
    let tracks = match kind {
        TrackKind::Video => 1,
        TrackKind::Audio => 4,
    };
    Bytes::copy_from_slice(&[b'F', b'L', b'V', 1, tracks, 0, 0, 0, 9, 0, 0, 0, 0])
}

/// A whole tag; `None` where its body is too large for one.
pub(super) fn tag(kind: u8, time: u32, body: &[u8]) -> Option<Bytes> {
    let bytes = u32::try_from(body.len()).ok().filter(|bytes| bytes >> 24 == 0)?;
    let mut out = BytesMut::with_capacity(TAG_HEADER_BYTES + body.len() + TRAILER_BYTES);
    out.put_u32(u32::from(kind) << 24 | bytes);
    // The high eight bits come last, since they were thought of last; then a stream number, which is 0.
    out.put_u32(time.rotate_left(8));
    out.put_uint(0, 3);
    out.put_slice(body);
    out.put_u32(bytes + 11);
    Some(out.freeze())
}

/// Why bytes are no FLV file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadFile {
    #[error("what came is no FLV")]
    Header,
    #[error("a tag of {0} bytes")]
    TooLarge(usize),
}

/// A tag as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) kind: u8,
    /// Its timestamp in milliseconds.
    pub(crate) time: u32,
    pub(crate) body: Bytes,
}

/// Reads a file as it comes, piece by piece. Holds one tag and one piece at most.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    buffer: BytesMut,
    began: bool,
}

impl Reader {
    /// Takes the next piece; then [`Reader::next`] until there is no more.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// The next tag, if all of it is here.
    pub(crate) fn next(&mut self) -> Result<Option<Tag>, BadFile> {
        if !self.began {
            let Some(header) = self.buffer.first_chunk::<HEADER_BYTES>() else {
                return Ok(None);
            };
            // The header tells its own size, which has only ever been this.
            if !header.starts_with(b"FLV\x01") || header[5..] != [0, 0, 0, 9] {
                return Err(BadFile::Header);
            }
            if self.buffer.len() < HEADER_BYTES + TRAILER_BYTES {
                return Ok(None);
            }
            self.buffer.advance(HEADER_BYTES + TRAILER_BYTES);
            self.began = true;
        }
        let Some([kind, b2, b1, b0, t2, t1, t0, t3, ..]) = self.buffer.first_chunk::<TAG_HEADER_BYTES>()
        else {
            return Ok(None);
        };
        let bytes = u32::from_be_bytes([0, *b2, *b1, *b0]) as usize;
        if bytes > MOST_BYTES {
            return Err(BadFile::TooLarge(bytes));
        }
        let (kind, time) = (kind & 0x1f, u32::from_be_bytes([*t3, *t2, *t1, *t0]));
        if self.buffer.len() < TAG_HEADER_BYTES + bytes + TRAILER_BYTES {
            return Ok(None);
        }
        self.buffer.advance(TAG_HEADER_BYTES);
        let body = self.buffer.split_to(bytes).freeze();
        self.buffer.advance(TRAILER_BYTES);
        Ok(Some(Tag { kind, time, body }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_file_is_refused() {
        let mut reader = Reader::default();
        reader.push(b"RIFF and so on");
        assert_eq!(reader.next(), Err(BadFile::Header));

        let mut reader = Reader::default();
        reader.push(&header(TrackKind::Video));
        reader.push(&[9, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(reader.next(), Err(BadFile::TooLarge(0xff_ffff)));
    }

    #[test]
    fn a_body_that_fits_no_tag_is_not_written() {
        assert!(tag(VIDEO, 0, &vec![0; (1 << 24) - 1]).is_some());
        assert_eq!(tag(VIDEO, 0, &vec![0; 1 << 24]), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_however_it_is_cut(
            tags in prop::collection::vec((8_u8..10, any::<u32>(), prop::collection::vec(any::<u8>(), 0..50)), 0..8),
            piece in 1_usize..40,
        ) {
            let mut file = header(TrackKind::Audio).to_vec();
            for (kind, time, body) in &tags {
                file.extend_from_slice(&tag(*kind, *time, body).unwrap());
            }
            let mut reader = Reader::default();
            let mut read = Vec::new();
            for piece in file.chunks(piece) {
                reader.push(piece);
                while let Some(Tag { kind, time, body }) = reader.next().unwrap() {
                    read.push((kind, time, body.to_vec()));
                }
            }
            prop_assert_eq!(read, tags);
        }

        #[test]
        fn foreign_bytes_are_no_danger(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = Reader::default();
            reader.push(&header(TrackKind::Audio));
            reader.push(&bytes);
            while let Ok(Some(_)) = reader.next() {}
        }
    }
}
