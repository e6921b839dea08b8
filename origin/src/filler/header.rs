//! What a file says of itself: its `moov`, read by the `mp4` crate.
//!
//! That crate believes sizes, and may loop or panic where they lie. So it is given the `moov` in memory, with the boxes
//! that nobody here needs made into empty space, once every box is known to lie inside its parent; and it may read no
//! more often than there are bytes.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mp4::Mp4Reader;
use wire::id::TrackKind;

use super::fault::Fault;
use crate::boxes::{BadBox, BoxSpan, FULL_HEADER, HEADER, find, spans};

/// Boxes at the top of a file.
const MAX_BOXES: usize = 1000;
/// Room for the tables of all the samples that a filler may have.
const MAX_MOOV_BYTES: u64 = 64 << 20;
const MAX_FTYP_BYTES: u64 = 4096;

/// A header that was read.
pub(super) type Header = Mp4Reader<Bounded>;

/// Bytes that can be read so many times.
pub(super) struct Bounded {
    bytes: Cursor<Vec<u8>>,
    reads: usize,
}

impl Read for Bounded {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.reads = self
            .reads
            .checked_sub(1)
            .ok_or_else(|| io::Error::other("its boxes lead in a circle"))?;
        self.bytes.read(out)
    }
}

impl Seek for Bounded {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

impl From<BadBox> for Fault {
    fn from(_: BadBox) -> Self {
        Self::Header("a box is larger than the one that it is in".into())
    }
}

/// Reads the header of a file whose pictures are H.264 and whose sound is AAC, one track of each at most.
pub(super) fn read(file: &File) -> Result<Header, Fault> {
    let (mut bytes, moov) = find_header(file)?;
    let moov = moov.content();
    if find(&bytes, moov.clone(), *b"mvex").is_some() {
        return Err(Fault::Fragmented);
    }
    choose_tracks(&mut bytes, &moov)?;
    let inside = BoxSpan {
        kind: *b"moov",
        span: moov.start - HEADER..moov.end,
    };
    clean(&mut bytes, &inside)?;

    let size = bytes.len() as u64;
    let bounded = Bounded {
        reads: bytes.len(),
        bytes: Cursor::new(bytes),
    };
    match catch_unwind(AssertUnwindSafe(|| Mp4Reader::read_header(bounded, size))) {
        Ok(header) => header.map_err(|error| Fault::Header(error.to_string())),
        Err(_) => Err(Fault::Header("the reader of MP4 files gave up".into())),
    }
}

/// The `ftyp` and the `moov` of a file, and where in them the `moov` is.
fn find_header(file: &File) -> Result<(Vec<u8>, BoxSpan), Fault> {
    let end = file.metadata()?.len();
    let (mut ftyp, mut moov) = (None, None);
    let mut at = 0;
    for _ in 0..MAX_BOXES {
        if at >= end {
            break;
        }
        let (kind, size) = top_box(file, at, end)?;
        if at == 0 && kind != *b"ftyp" {
            return Err(Fault::NotMp4);
        }
        let next = at.checked_add(size).filter(|next| *next <= end);
        let next = next.ok_or_else(|| Fault::Truncated(shown(kind)))?;
        let (most, place) = match &kind {
            b"ftyp" => (MAX_FTYP_BYTES, &mut ftyp),
            b"moov" => (MAX_MOOV_BYTES, &mut moov),
            b"moof" => return Err(Fault::Fragmented),
            _ => (0, &mut None),
        };
        if most > 0 {
            if size > most {
                let why = format!("its {} takes {size} bytes, more than {most}", shown(kind));
                return Err(Fault::Header(why));
            }
            let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
            file.read_exact_at(&mut bytes, at)?;
            *place = Some(bytes);
        }
        at = next;
    }
    let mut bytes = ftyp.ok_or(Fault::NotMp4)?;
    let start = bytes.len();
    bytes.extend(moov.ok_or(Fault::NoHeader)?);
    let moov = find(&bytes, start..bytes.len(), *b"moov");
    let moov = moov.ok_or_else(|| Fault::Header("its moov has a size that is not used".into()))?;
    Ok((bytes, moov))
}

/// The kind and the size of the box at `at`.
fn top_box(file: &File, at: u64, end: u64) -> Result<([u8; 4], u64), Fault> {
    let mut header = [0; 16];
    let there = usize::try_from(end - at).unwrap_or(usize::MAX).min(header.len());
    file.read_exact_at(&mut header[..there], at)?;
    let [s0, s1, s2, s3, k0, k1, k2, k3, large @ ..] = header;
    let kind = [k0, k1, k2, k3];
    if there < HEADER {
        return Err(if at == 0 {
            Fault::NotMp4
        } else {
            Fault::Truncated(shown(kind))
        });
    }
    let (size, least) = match u32::from_be_bytes([s0, s1, s2, s3]) {
        // The rest of the file.
        0 => (end - at, 8),
        1 => (u64::from_be_bytes(large), 16),
        size => (size.into(), 8),
    };
    if size < least {
        return Err(if at == 0 { Fault::NotMp4 } else { BadBox.into() });
    }
    Ok((kind, size))
}

/// Leaves the first track of pictures and the first of sound that can be played.
fn choose_tracks(bytes: &mut [u8], moov: &Range<usize>) -> Result<(), Fault> {
    let mut found = Vec::new();
    for one in spans(bytes, moov.clone()) {
        let one = one?;
        if one.kind == *b"trak" {
            found.push((what_it_is(bytes, &one), one));
        }
    }
    let mut left = Vec::new();
    for (kind, wanted) in [(TrackKind::Video, b"avc1"), (TrackKind::Audio, b"mp4a")] {
        let codecs = || {
            found
                .iter()
                .filter_map(move |(what, trak)| Some((what.filter(|what| what.0 == kind)?.1, trak)))
        };
        let serves = codecs().find(|(codec, _)| codec == wanted);
        match (serves, codecs().next()) {
            (Some((_, trak)), _) => left.push(trak.span.start),
            (None, Some((codec, _))) => {
                let found = codec_name(codec);
                return Err(Fault::Codec { kind, found });
            }
            (None, None) => {}
        }
    }
    if left.is_empty() {
        return Err(Fault::Silent);
    }
    for (_, trak) in &found {
        if !left.contains(&trak.span.start) {
            make_free(bytes, trak);
        }
    }
    Ok(())
}

/// Whether a track is pictures or sound, and the four-character code of its codec.
fn what_it_is(bytes: &[u8], trak: &BoxSpan) -> Option<(TrackKind, [u8; 4])> {
    let mdia = find(bytes, trak.content(), *b"mdia")?.content();
    let hdlr = find(bytes, mdia.clone(), *b"hdlr")?.span.start;
    let kind = match bytes.get(hdlr + FULL_HEADER + 4..)?.first_chunk()? {
        b"vide" => TrackKind::Video,
        b"soun" => TrackKind::Audio,
        _ => return None,
    };
    let minf = find(bytes, mdia, *b"minf")?.content();
    let stbl = find(bytes, minf, *b"stbl")?.content();
    let stsd = find(bytes, stbl, *b"stsd")?.span;
    // Behind the count of entries.
    let entries = stsd.start + FULL_HEADER + 4;
    let first = spans(bytes, entries..stsd.end).next()?.ok()?;
    Some((kind, first.kind))
}

/// Makes sure that every box lies inside its parent, and makes those free that are not needed.
fn clean(bytes: &mut [u8], parent: &BoxSpan) -> Result<(), BadBox> {
    let wanted: &[&[u8; 4]] = match &parent.kind {
        b"moov" => &[b"mvhd", b"trak"],
        b"trak" => &[b"tkhd", b"edts", b"mdia"],
        b"edts" => &[b"elst"],
        b"mdia" => &[b"mdhd", b"hdlr", b"minf"],
        b"minf" => &[b"vmhd", b"smhd", b"dinf", b"stbl"],
        b"stbl" => &[
            b"stsd", b"stts", b"ctts", b"stss", b"stsc", b"stsz", b"stco", b"co64",
        ],
        _ => return Ok(()),
    };
    let children: Vec<_> = spans(bytes, parent.content()).collect::<Result<_, _>>()?;
    for child in children {
        if wanted.contains(&&child.kind) {
            clean(bytes, &child)?;
        } else {
            make_free(bytes, &child);
        }
    }
    Ok(())
}

fn make_free(bytes: &mut [u8], one: &BoxSpan) {
    bytes[one.span.start + 4..one.span.start + HEADER].copy_from_slice(b"free");
}

fn codec_name(kind: [u8; 4]) -> String {
    let name = match &kind {
        b"hvc1" | b"hev1" => "HEVC",
        b"av01" => "AV1",
        b"vp08" => "VP8",
        b"vp09" => "VP9",
        b"mp4v" => "MPEG-4 Part 2",
        b"Opus" => "Opus",
        b".mp3" => "MP3",
        b"ac-3" => "AC-3",
        b"ec-3" => "E-AC-3",
        b"encv" | b"enca" => "encrypted",
        _ => return shown(kind),
    };
    format!("{name} ({})", shown(kind))
}

fn shown(kind: [u8; 4]) -> String {
    kind.escape_ascii().to_string()
}
