//! The end of a file: its fragments get an index, and become the media of an ordinary movie.
//!
//! ```text
//! while recording   ftyp free moov moof mdat moof mdat …
//! with an index     ftyp free moov moof mdat moof mdat … moov
//! at the end        ftyp mdat································ moov
//! ```
//!
//! The last step is one write of 16 bytes: the header of an `mdat` that reaches from the room that was left for it to the
//! index. Until then players see a fragmented file with something behind it, which they ignore. What is no whole
//! fragment, after a crash, becomes media that no table mentions.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use mp4_atom::{Decode, Encode, Ftyp, Moof, Moov, Traf};
use wire::chunk::MAX_CHUNK_BYTES;

use super::movie::ROOM;
use super::tables::{Sample, Table};

/// Most fragments say all of themselves in so many bytes.
const AT_ONCE: usize = 4096;
/// The largest head of a file.
const MAX_HEAD_BYTES: usize = 1 << 20;

/// `sample_is_non_sync_sample` (ISO/IEC 14496-12 §8.8.3.1).
const NOT_SYNC: u32 = 1 << 16;

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is whole, and seekable.
    Whole,
    /// It holds no media.
    Empty,
}

/// Why a file has no index. It plays as it did before.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfinished {
    /// It takes too long now.
    #[error("there was no time left for it")]
    NoTime,
    /// It does not begin as recordings do.
    #[error("it does not begin as a recording does: {0}")]
    Head(String),
    /// The system refused something.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<mp4_atom::Error> for Unfinished {
    fn from(error: mp4_atom::Error) -> Self {
        Self::Head(error.to_string())
    }
}

/// Gives a file its index, as long as `goes_on`. Where it fails, the file is as it was.
pub(super) fn finish(file: &File, goes_on: impl Fn() -> bool) -> Result<Outcome, Unfinished> {
    let end = file.metadata()?.len();
    let head = match Head::read(file)? {
        Some(Begins::Fragmented(head)) => head,
        Some(Begins::Whole) => return Ok(Outcome::Whole),
        None => return Ok(Outcome::Empty),
    };
    let Some(index) = index(file, &head, end, goes_on)? else {
        return Ok(Outcome::Empty);
    };
    let written = file
        .write_all_at(&index, end)
        // The index has to be there before anything says so.
        .and_then(|()| file.sync_data());
    if let Err(error) = written {
        file.set_len(end)?;
        return Err(error.into());
    }
    let mut header = *b"\0\0\0\x01mdat\0\0\0\0\0\0\0\0";
    header[8..].copy_from_slice(&(end - head.room).to_be_bytes());
    file.write_all_at(&header, head.room)?;
    file.sync_data()?;
    Ok(Outcome::Whole)
}

/// How a file begins.
enum Begins {
    Fragmented(Box<Head>),
    /// It has its index already.
    Whole,
}

/// What stands before the first fragment.
struct Head {
    /// Where [`ROOM`] is.
    room: u64,
    moov: Moov,
    /// Where fragments begin.
    fragments: u64,
}

impl Head {
    /// None where a file ends before its first fragment.
    fn read(file: &File) -> Result<Option<Begins>, Unfinished> {
        let bytes = read(file, 0, AT_ONCE)?;
        let mut rest = &bytes[..];
        if rest.len() < AT_ONCE.min(64) {
            return Ok(None);
        }
        Ftyp::decode(&mut rest)?;
        let room = bytes.len() - rest.len();
        match rest.split_at_checked(ROOM.len()) {
            Some((free, moov)) if *free == ROOM => rest = moov,
            Some((mdat, _)) if mdat.starts_with(b"\0\0\0\x01mdat") => return Ok(Some(Begins::Whole)),
            _ => return Err(Unfinished::Head("no room for an index".into())),
        }
        let at = room + ROOM.len();
        let Some(size) = rest
            .first_chunk()
            .map(|size| u32::from_be_bytes(*size) as usize)
            .filter(|size| *size <= MAX_HEAD_BYTES)
        else {
            return Err(Unfinished::Head("no head that could be so large".into()));
        };
        let bytes = read(file, at as u64, size)?;
        if bytes.len() < size {
            return Ok(None);
        }
        let moov = Moov::decode(&mut &bytes[..])?;
        Ok(Some(Begins::Fragmented(Box::new(Self {
            room: room as u64,
            moov,
            fragments: (at + size) as u64,
        }))))
    }
}

/// The `moov` that tells of all whole fragments; none when there are none.
fn index(
    file: &File,
    head: &Head,
    end: u64,
    goes_on: impl Fn() -> bool,
) -> Result<Option<Vec<u8>>, Unfinished> {
    let mut moov = head.moov.clone();
    let mut tables: Vec<_> = moov.trak.iter().map(|_| Table::default()).collect();
    let mut at = head.fragments;
    while let Some(fragment) = Fragment::read(file, at, end)? {
        if !goes_on() {
            return Err(Unfinished::NoTime);
        }
        for traf in &fragment.moof.traf {
            let track = moov
                .trak
                .iter()
                .position(|trak| trak.tkhd.track_id == traf.tfhd.track_id);
            if let Some(table) = track.and_then(|track| tables.get_mut(track)) {
                note(table, &fragment, traf);
            }
        }
        at = fragment.end;
    }

    let mut longest = 0;
    let mut traks = Vec::new();
    for (mut trak, table) in std::mem::take(&mut moov.trak).into_iter().zip(tables) {
        if !table.is_empty() {
            longest = table.fill(&mut trak).max(longest);
            traks.push(trak);
        }
    }
    if traks.is_empty() {
        return Ok(None);
    }
    moov.trak = traks;
    moov.mvex = None;
    moov.mvhd.duration = longest;
    let mut out = Vec::new();
    moov.encode(&mut out)?;
    Ok(Some(out))
}

/// A `moof` and where it and its `mdat` lie.
struct Fragment {
    moof: Moof,
    start: u64,
    end: u64,
}

impl Fragment {
    /// The fragment at `at`; none where there is no whole one before `end`.
    fn read(file: &File, at: u64, end: u64) -> io::Result<Option<Self>> {
        let mut bytes = read(file, at, AT_ONCE)?;
        let Some(moof) = size_of(&bytes, *b"moof").filter(|size| *size <= MAX_CHUNK_BYTES) else {
            return Ok(None);
        };
        if bytes.len() < moof + 8 {
            bytes = read(file, at, moof + 8)?;
        }
        let Some(mdat) = bytes.get(moof..).and_then(|rest| size_of(rest, *b"mdat")) else {
            return Ok(None);
        };
        let next = at + (moof + mdat) as u64;
        let moof = Moof::decode(&mut &bytes[..moof]).ok();
        Ok(moof.filter(|_| next <= end).map(|moof| Self {
            moof,
            start: at,
            end: next,
        }))
    }
}

/// The size of a box of that kind, at the beginning of `bytes`.
fn size_of(bytes: &[u8], kind: [u8; 4]) -> Option<usize> {
    let (size, rest) = bytes.split_first_chunk()?;
    let size = u32::from_be_bytes(*size) as usize;
    (rest.starts_with(&kind) && size >= 8).then_some(size)
}

/// Takes the samples of a fragment, as far as they lie in it.
fn note(table: &mut Table, fragment: &Fragment, traf: &Traf) {
    let tfhd = &traf.tfhd;
    let mut time = traf.tfdt.as_ref().map_or(0, |tfdt| tfdt.base_media_decode_time);
    for trun in &traf.trun {
        let mut samples = Vec::new();
        let position = fragment
            .start
            .saturating_add_signed(trun.data_offset.unwrap_or(0).into());
        let (mut reached, mut lasts) = (position, 0);
        for entry in &trun.samples {
            let bytes = entry.size.or(tfhd.default_sample_size).unwrap_or(0);
            let duration = entry.duration.or(tfhd.default_sample_duration).unwrap_or(0);
            let flags = entry.flags.or(tfhd.default_sample_flags).unwrap_or(0);
            reached = reached.saturating_add(bytes.into());
            // No sample is empty: a count of them alone could go on for long.
            if bytes == 0 || reached > fragment.end {
                break;
            }
            lasts += u64::from(duration);
            samples.push(Sample {
                bytes,
                duration,
                offset: entry.cts.and_then(|cts| i32::try_from(cts).ok()).unwrap_or(0),
                sync: flags & NOT_SYNC == 0,
            });
        }
        table.add(time, position, &samples);
        time = time.saturating_add(lasts);
    }
}

/// As many bytes at `at` as there are, at most `most`.
fn read(file: &File, at: u64, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; most];
    let mut filled = 0;
    while filled < most {
        match file.read_at(&mut bytes[filled..], at + filled as u64) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
