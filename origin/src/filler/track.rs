//! Tracks: what the tables of a header say of each sample.

use std::iter;

use bytes::Bytes;
use mp4::Mp4Track;
use wire::chunk::{MAX_CHUNK_BYTES, MAX_SEAL_BYTES};
use wire::id::{TrackId, TrackKind};

use super::fault::Fault;
use super::header::Header;
use crate::media::Config;

/// All samples of a file: about two hours of pictures and sound.
pub(super) const MAX_SAMPLES: u64 = 1 << 19;
/// A sample has to travel in one chunk, with its seal and boxes.
pub(super) const MAX_SAMPLE_BYTES: usize = MAX_CHUNK_BYTES - MAX_SEAL_BYTES - 2048;

/// The object types of AAC, of MPEG-4 and of MPEG-2 (ISO/IEC 14496-1 §7.2.6.6).
const AAC: [u8; 4] = [0x40, 0x66, 0x67, 0x68];
/// Audio object types: the usual one, and those of HE-AAC, whose core is the usual one.
const AAC_LC: u8 = 2;
const SBR: u8 = 5;
const PS: u8 = 29;

/// The highest clock that is believed: units of time are multiplied with each other's.
const MAX_TIMESCALE: u32 = 1_000_000_000;

/// One track of the file.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) id: TrackId,
    pub(super) config: Config,
    pub(super) timescale: u32,
    /// In decoding order. There is one at least.
    pub(super) samples: Vec<Sample>,
    /// Until when the last of them lasts.
    pub(super) end: i64,
}

/// Where a sample lies in the file, and when it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) position: u64,
    pub(super) bytes: u32,
    /// When it is decoded, the edit list considered: the file's time begins at 0, and what is only there to begin
    /// decoding with lies before it.
    pub(super) time: i64,
    /// From there to when it is shown.
    pub(super) offset: i32,
    pub(super) keyframe: bool,
}

impl Sample {
    pub(super) fn shown(&self) -> i64 {
        self.time + i64::from(self.offset)
    }
}

/// The pictures and the sound of a file of that size.
pub(super) fn read(header: &Header, file_bytes: u64) -> Result<(Option<Track>, Option<Track>), Fault> {
    let movie_timescale = header.timescale();
    let (mut video, mut audio) = (None, None);
    for track in header.tracks().values() {
        let stsd = &track.trak.mdia.minf.stbl.stsd;
        if stsd.avc1.is_some() {
            let config = Config::Avc(avc(track));
            video = Some(one(track, TrackId::VIDEO, config, movie_timescale, file_bytes)?);
        } else if stsd.mp4a.is_some() {
            let config = Config::Aac(aac(track)?);
            audio = Some(one(track, TrackId::AUDIO, config, movie_timescale, file_bytes)?);
        }
    }
    let samples = |track: &Option<Track>| track.as_ref().map_or(0, |track| track.samples.len() as u64);
    match samples(&video) + samples(&audio) {
        0 => Err(Fault::Silent),
        more if more > MAX_SAMPLES => Err(Fault::Samples(more)),
        _ => Ok((video, audio)),
    }
}

fn one(
    track: &Mp4Track,
    id: TrackId,
    config: Config,
    movie_timescale: u32,
    file_bytes: u64,
) -> Result<Track, Fault> {
    let timescale = track.trak.mdia.mdhd.timescale;
    if ![timescale, movie_timescale]
        .iter()
        .all(|scale| (1..=MAX_TIMESCALE).contains(scale))
    {
        return Err(bad("a clock that does not tick, or too fast"));
    }
    let stsc = &track.trak.mdia.minf.stbl.stsc;
    if stsc.entries.iter().any(|run| run.sample_description_index != 1) {
        return Err(bad("a codec whose settings change on the way"));
    }
    let shift = shift(track, id.kind(), timescale, movie_timescale)?;
    let (samples, end) = samples(track, id.kind(), shift, file_bytes)?;
    Ok(Track {
        id,
        config,
        timescale,
        samples,
        end,
    })
}

/// What the edit list adds to the times of samples: it may begin late, and take away what comes before its media time.
fn shift(track: &Mp4Track, kind: TrackKind, timescale: u32, movie_timescale: u32) -> Result<i64, Fault> {
    let edits = track.trak.edts.as_ref().and_then(|edts| edts.elst.as_ref());
    let Some(elst) = edits else { return Ok(0) };
    let empty = if elst.version == 1 {
        u64::MAX
    } else {
        u32::MAX.into()
    };
    let (mut wait, mut media_time) = (0_u128, None);
    for edit in &elst.entries {
        if edit.media_time != empty {
            if media_time.replace(edit.media_time).is_some() {
                return Err(Fault::Edits(kind));
            }
        } else if media_time.is_none() {
            wait += u128::from(edit.segment_duration);
        }
    }
    let wait = wait * u128::from(timescale) / u128::from(movie_timescale);
    let day = i64::from(timescale) * 86_400;
    let ticks = |time: u128| i64::try_from(time).ok().filter(|time| *time < day);
    let (wait, media_time) = (ticks(wait), ticks(media_time.unwrap_or(0).into()));
    wait.zip(media_time)
        .map(|(wait, media_time)| wait - media_time)
        .ok_or(Fault::Edits(kind))
}

/// The samples, and until when the last one lasts.
fn samples(
    track: &Mp4Track,
    kind: TrackKind,
    shift: i64,
    file_bytes: u64,
) -> Result<(Vec<Sample>, i64), Fault> {
    let stbl = &track.trak.mdia.minf.stbl;
    let count = u64::from(stbl.stsz.sample_count);
    if count == 0 {
        return Err(Fault::Silent);
    }
    if count > MAX_SAMPLES {
        return Err(Fault::Samples(count));
    }
    let mut durations = runs(
        stbl.stts
            .entries
            .iter()
            .map(|run| (run.sample_count, run.sample_delta)),
    );
    let offsets = stbl.ctts.iter().flat_map(|ctts| &ctts.entries);
    let mut offsets = runs(offsets.map(|run| (run.sample_count, run.sample_offset)));
    let mut keyframes = stbl
        .stss
        .as_ref()
        .map(|stss| stss.entries.iter().copied().peekable());
    let mut places = places(track);

    let mut samples = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    let mut time = shift;
    for number in 1..=stbl.stsz.sample_count {
        let bytes = match stbl.stsz.sample_size {
            0 => stbl.stsz.sample_sizes.get(number as usize - 1).copied(),
            size => Some(size),
        };
        let (bytes, duration) = bytes
            .zip(durations.next())
            .ok_or_else(|| bad("fewer sizes or durations than samples"))?;
        let position = places
            .next(bytes)
            .ok_or_else(|| bad("fewer places than samples"))?;
        let end = position.checked_add(bytes.into());
        if end.is_none_or(|end| end > file_bytes) {
            return Err(Fault::Truncated(format!("sample {number}")));
        }
        if bytes as usize > MAX_SAMPLE_BYTES {
            return Err(Fault::TooLarge { kind, bytes });
        }
        let keyframe = keyframes
            .as_mut()
            .is_none_or(|keyframes| keyframes.next_if_eq(&number).is_some());
        let offset = offsets.next().unwrap_or(0);
        if bytes > 0 {
            samples.push(Sample {
                position,
                bytes,
                time,
                offset,
                keyframe,
            });
        }
        time = time.saturating_add(duration.into());
    }
    if samples.is_empty() {
        return Err(Fault::Silent);
    }
    Ok((samples, time))
}

/// A table of runs, run by run.
fn runs<T: Copy>(table: impl Iterator<Item = (u32, T)>) -> impl Iterator<Item = T> {
    table.flat_map(|(count, value)| iter::repeat_n(value, count as usize))
}

/// Where samples lie, one after another: in runs of the file, each of them in a row.
struct Places<R> {
    runs: R,
    left: u32,
    at: u64,
}

impl<R: Iterator<Item = (u64, u32)>> Places<R> {
    /// Where the next sample lies, of that size.
    fn next(&mut self, bytes: u32) -> Option<u64> {
        while self.left == 0 {
            (self.at, self.left) = self.runs.next()?;
        }
        self.left -= 1;
        let at = self.at;
        self.at = at.checked_add(bytes.into())?;
        Some(at)
    }
}

fn places(track: &Mp4Track) -> Places<impl Iterator<Item = (u64, u32)> + '_> {
    let stbl = &track.trak.mdia.minf.stbl;
    let narrow = stbl.stco.iter().flat_map(|stco| &stco.entries);
    let wide = stbl.co64.iter().flat_map(|co64| &co64.entries);
    let positions = narrow.map(|&position| position.into()).chain(wide.copied());
    let mut lengths = stbl.stsc.entries.iter().peekable();
    let mut length = 0;
    let runs = (1..).zip(positions).map(move |(number, position)| {
        while let Some(from_here) = lengths.next_if(|from| from.first_chunk <= number) {
            length = from_here.samples_per_chunk;
        }
        (position, length)
    });
    Places { runs, left: 0, at: 0 }
}

/// The body of the `avcC` box, as far as the reader keeps it (ISO/IEC 14496-15 §5.3.3.1).
fn avc(track: &Mp4Track) -> Bytes {
    let mut out = Vec::new();
    if let Some(avc1) = &track.trak.mdia.minf.stbl.stsd.avc1 {
        let avcc = &avc1.avcc;
        out.extend([
            avcc.configuration_version,
            avcc.avc_profile_indication,
            avcc.profile_compatibility,
            avcc.avc_level_indication,
            0b1111_1100 | avcc.length_size_minus_one,
        ]);
        // Their numbers and sizes were read out of fields as wide.
        for (reserved, sets) in [
            (0b1110_0000, &avcc.sequence_parameter_sets),
            (0, &avcc.picture_parameter_sets),
        ] {
            out.push(reserved | u8::try_from(sets.len()).unwrap_or(0));
            for set in sets {
                out.extend(u16::try_from(set.bytes.len()).unwrap_or(0).to_be_bytes());
                out.extend(&set.bytes);
            }
        }
    }
    out.into()
}

/// An `AudioSpecificConfig` (ISO/IEC 14496-3 §1.6.2.1). Of HE-AAC the reader keeps what its core is; decoders find the
/// rest in the frames, as with most streams.
fn aac(track: &Mp4Track) -> Result<Bytes, Fault> {
    let mp4a = track.trak.mdia.minf.stbl.stsd.mp4a.as_ref();
    let esds = mp4a.and_then(|mp4a| mp4a.esds.as_ref());
    let decoder = &esds
        .ok_or_else(|| bad("sound without a configuration"))?
        .es_desc
        .dec_config;
    let object = decoder.object_type_indication;
    if !AAC.contains(&object) {
        return Err(Fault::Codec {
            kind: TrackKind::Audio,
            found: format!("mp4a of object type {object:#04x}"),
        });
    }
    let said = &decoder.dec_specific;
    let profile = match said.profile {
        SBR | PS => AAC_LC,
        other => other,
    };
    if profile > 30 || said.freq_index > 12 || !(1..=7).contains(&said.chan_conf) {
        return Err(bad(
            "sound of an unusual profile, sample rate or number of channels",
        ));
    }
    let both = u16::from(profile) << 11 | u16::from(said.freq_index) << 7 | u16::from(said.chan_conf) << 3;
    Ok(Bytes::copy_from_slice(&both.to_be_bytes()))
}

fn bad(why: &str) -> Fault {
    Fault::Header(why.into())
}
