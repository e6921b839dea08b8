//! A clip: the access units of an MP4 file as FLV tag bodies, in the order that they are sent.
//!
//! The committed clip is 8 s long, 200 pictures and 375 AAC frames, so that its loop is seamless in both
//! tracks. Its audio track holds one frame more, the encoder's priming, which is left out.

use std::{
    io::{BufReader, Cursor},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use bytes::{BufMut, Bytes, BytesMut};
use mp4::{Mp4Reader, Mp4Track, TrackType};

const CLIP: &[u8] = include_bytes!("../../clip/clip.mp4");

/// FLV's AVC packet types (Adobe FLV §E.4.3.1) and AAC packet types (§E.4.2.1).
const CONFIGURATION: u8 = 0;
const ACCESS_UNIT: u8 = 1;

/// FLV's audio tag header for AAC: format 10, and the rate, size and channels that it always has.
const AAC: u8 = 0xAF;
const AVC_KEYFRAME: u8 = 0x17;
const AVC_INTER: u8 = 0x27;

/// Which track a unit belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// H.264.
    Video,
    /// AAC.
    Audio,
}

/// One access unit, ready to be sent.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Its track.
    pub kind: Kind,
    /// Decoding time since the clip's start.
    pub time: Duration,
    /// Whether a decoder can begin here.
    pub keyframe: bool,
    /// The body of its FLV tag.
    pub body: Bytes,
}

/// What a publisher replays.
#[derive(Clone, Debug)]
pub struct Clip {
    /// The tags that open the stream: AVC and AAC configuration.
    pub configuration: [Unit; 2],
    /// All access units by decoding time.
    pub units: Vec<Unit>,
    /// After this long it begins again.
    pub length: Duration,
    /// Width and height of the picture.
    pub size: (u16, u16),
}

impl Clip {
    /// The clip that comes with the project.
    pub fn built_in() -> Self {
        Self::read(CLIP).expect("the committed clip is an MP4 file with H.264 and AAC")
    }

    /// Reads an MP4 file with one H.264 and one AAC track.
    ///
    /// # Errors
    /// When it is something else.
    pub fn read(file: &[u8]) -> Result<Self> {
        let size = file.len() as u64;
        let mut mp4 = Mp4Reader::read_header(BufReader::new(Cursor::new(file)), size)?;
        let video = find(&mp4, TrackType::Video)?;
        let audio = find(&mp4, TrackType::Audio)?;
        let size = (mp4.tracks()[&video].width(), mp4.tracks()[&video].height());
        let avc = avc_configuration(&mp4.tracks()[&video])?;
        let aac = aac_configuration(&mp4.tracks()[&audio])?;

        let (mut units, length) = video_units(&mut mp4, video)?;
        // Sound begins with the first picture that is shown, which B-frames put after the first one decoded.
        let delay = composition_delay(&mut mp4, video)?;
        units.extend(audio_units(&mut mp4, audio, length, delay)?);
        units.sort_by_key(|unit| unit.time);
        Ok(Self {
            configuration: [avc, aac],
            units,
            length,
            size,
        })
    }

    /// The clip again and again: each unit with its time since the first replay began.
    pub fn replay(&self) -> impl Iterator<Item = (Duration, &Unit)> {
        (0..).flat_map(move |round| {
            let base = self.length * round;
            self.units.iter().map(move |unit| (base + unit.time, unit))
        })
    }
}

type Reader<'a> = Mp4Reader<BufReader<Cursor<&'a [u8]>>>;

fn find(mp4: &Reader<'_>, kind: TrackType) -> Result<u32> {
    mp4.tracks()
        .values()
        .find(|track| track.track_type().ok() == Some(kind))
        .map(Mp4Track::track_id)
        .with_context(|| format!("the file has no {kind} track"))
}

fn video_units(mp4: &mut Reader<'_>, track: u32) -> Result<(Vec<Unit>, Duration)> {
    let timescale = mp4.tracks()[&track].timescale();
    let mut units = Vec::new();
    let mut end = 0;
    for number in 1..=mp4.sample_count(track)? {
        let Some(sample) = mp4.read_sample(track, number)? else {
            continue;
        };
        end = sample.start_time + u64::from(sample.duration);
        let composition = scaled(u64::try_from(sample.rendering_offset)?, timescale);
        let mut body = BytesMut::with_capacity(sample.bytes.len() + 5);
        body.put_u8(if sample.is_sync { AVC_KEYFRAME } else { AVC_INTER });
        body.put_u8(ACCESS_UNIT);
        body.put_uint(u64::try_from(composition.as_millis())?, 3);
        body.put(sample.bytes);
        units.push(Unit {
            kind: Kind::Video,
            time: scaled(sample.start_time, timescale),
            keyframe: sample.is_sync,
            body: body.freeze(),
        });
    }
    ensure!(!units.is_empty(), "the video track is empty");
    Ok((units, scaled(end, timescale)))
}

/// How long after its decoding the first picture is shown.
fn composition_delay(mp4: &mut Reader<'_>, track: u32) -> Result<Duration> {
    let timescale = mp4.tracks()[&track].timescale();
    let first = mp4.read_sample(track, 1)?.context("no first picture")?;
    Ok(scaled(u64::try_from(first.rendering_offset)?, timescale))
}

fn audio_units(mp4: &mut Reader<'_>, track: u32, length: Duration, delay: Duration) -> Result<Vec<Unit>> {
    let timescale = mp4.tracks()[&track].timescale();
    let mut units = Vec::new();
    let mut elapsed = 0;
    for number in 1..=mp4.sample_count(track)? {
        let Some(sample) = mp4.read_sample(track, number)? else {
            continue;
        };
        let time = scaled(elapsed, timescale);
        if time >= length {
            break;
        }
        elapsed += u64::from(sample.duration);
        let mut body = BytesMut::with_capacity(sample.bytes.len() + 2);
        body.put_slice(&[AAC, ACCESS_UNIT]);
        body.put(sample.bytes);
        units.push(Unit {
            kind: Kind::Audio,
            time: time + delay,
            keyframe: true,
            body: body.freeze(),
        });
    }
    ensure!(!units.is_empty(), "the audio track is empty");
    Ok(units)
}

/// The `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15 §5.3.3.1) in its FLV tag.
fn avc_configuration(track: &Mp4Track) -> Result<Unit> {
    let entry = track.trak.mdia.minf.stbl.stsd.avc1.as_ref();
    let avcc = &entry.context("the video track is not H.264")?.avcc;
    let mut body = BytesMut::new();
    body.put_slice(&[AVC_KEYFRAME, CONFIGURATION, 0, 0, 0]);
    body.put_slice(&[
        avcc.configuration_version,
        avcc.avc_profile_indication,
        avcc.profile_compatibility,
        avcc.avc_level_indication,
        0xFC | avcc.length_size_minus_one,
    ]);
    let sets = [
        (0xE0, &avcc.sequence_parameter_sets),
        (0x00, &avcc.picture_parameter_sets),
    ];
    for (reserved, sets) in sets {
        body.put_u8(reserved | u8::try_from(sets.len())?);
        for set in sets {
            body.put_u16(u16::try_from(set.bytes.len())?);
            body.put_slice(&set.bytes);
        }
    }
    Ok(Unit {
        kind: Kind::Video,
        time: Duration::ZERO,
        keyframe: true,
        body: body.freeze(),
    })
}

/// The `AudioSpecificConfig` (ISO/IEC 14496-3 §1.6.2.1) in its FLV tag.
fn aac_configuration(track: &Mp4Track) -> Result<Unit> {
    let entry = track.trak.mdia.minf.stbl.stsd.mp4a.as_ref();
    let esds = entry.and_then(|entry| entry.esds.as_ref());
    let aac = &esds
        .context("the audio track is not AAC")?
        .es_desc
        .dec_config
        .dec_specific;
    let bits = u16::from(aac.profile) << 11 | u16::from(aac.freq_index) << 7 | u16::from(aac.chan_conf) << 3;
    let mut body = BytesMut::new();
    body.put_slice(&[AAC, CONFIGURATION]);
    body.put_u16(bits);
    Ok(Unit {
        kind: Kind::Audio,
        time: Duration::ZERO,
        keyframe: true,
        body: body.freeze(),
    })
}

fn scaled(ticks: u64, timescale: u32) -> Duration {
    let nanoseconds = u128::from(ticks) * 1_000_000_000 / u128::from(timescale.max(1));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loop_has_no_seam_in_either_track() {
        let clip = Clip::built_in();
        let count = |kind| clip.units.iter().filter(|unit| unit.kind == kind).count();
        assert_eq!((count(Kind::Video), count(Kind::Audio)), (200, 375));
        assert_eq!(clip.length, Duration::from_secs(8));

        for (kind, step) in [(Kind::Video, 40_000), (Kind::Audio, 21_333)] {
            let times: Vec<_> = clip
                .replay()
                .filter(|(_, unit)| unit.kind == kind)
                .map(|(time, _)| time)
                .take(800)
                .collect();
            for pair in times.windows(2) {
                let gap = pair[1].saturating_sub(pair[0]).as_micros();
                assert!(gap.abs_diff(step) <= 1, "{kind:?} steps by {gap} µs");
            }
        }
    }

    #[test]
    fn a_keyframe_comes_every_two_seconds() {
        let clip = Clip::built_in();
        let keyframes: Vec<_> = clip
            .units
            .iter()
            .filter(|unit| unit.kind == Kind::Video && unit.keyframe)
            .map(|unit| unit.time.as_secs())
            .collect();
        assert_eq!(keyframes, [0, 2, 4, 6]);
    }

    #[test]
    fn the_configurations_are_what_ffmpeg_wrote() {
        let [avc, aac] = Clip::built_in().configuration;
        assert_eq!(avc.body[..5], [0x17, 0, 0, 0, 0]);
        // Version 1, main profile (77), four-byte lengths, one parameter set.
        assert_eq!(
            (avc.body[5], avc.body[6], avc.body[9], avc.body[10]),
            (1, 77, 0xFF, 0xE1)
        );
        // AAC-LC, 48 kHz, stereo.
        assert_eq!(aac.body[..], [0xAF, 0, 0x11, 0x90]);
    }
}
