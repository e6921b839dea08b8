//! Matroska files of one track, written as a stream (RFC 9559, on EBML, RFC 8794): for what FLV has no number for.
//!
//! Each sample is a cluster of its own, so that nothing has to be known of the ones to come. Blocks have the time at
//! which they are shown, and stand in the order in which they are decoded.

use bytes::{BufMut, Bytes, BytesMut};

use crate::media::{Config, TrackKind};

/// Elements, by their ids.
mod id {
    pub(super) const EBML: u32 = 0x1A45_DFA3;
    pub(super) const DOC_TYPE: u32 = 0x4282;
    pub(super) const DOC_TYPE_VERSION: u32 = 0x4287;
    pub(super) const DOC_TYPE_READ_VERSION: u32 = 0x4285;
    pub(super) const SEGMENT: u32 = 0x1853_8067;
    pub(super) const INFO: u32 = 0x1549_A966;
    pub(super) const TIMESTAMP_SCALE: u32 = 0x2A_D7B1;
    pub(super) const MUXING_APP: u32 = 0x4D80;
    pub(super) const WRITING_APP: u32 = 0x5741;
    pub(super) const TRACKS: u32 = 0x1654_AE6B;
    pub(super) const TRACK_ENTRY: u32 = 0xAE;
    pub(super) const TRACK_NUMBER: u32 = 0xD7;
    pub(super) const TRACK_UID: u32 = 0x73C5;
    pub(super) const TRACK_TYPE: u32 = 0x83;
    pub(super) const FLAG_LACING: u32 = 0x9C;
    pub(super) const CODEC_ID: u32 = 0x86;
    pub(super) const CODEC_PRIVATE: u32 = 0x63A2;
    pub(super) const AUDIO: u32 = 0xE1;
    pub(super) const SAMPLING_FREQUENCY: u32 = 0xB5;
    pub(super) const CHANNELS: u32 = 0x9F;
    pub(super) const CLUSTER: u32 = 0x1F43_B675;
    pub(super) const TIMESTAMP: u32 = 0xE7;
    pub(super) const SIMPLE_BLOCK: u32 = 0xA3;
}

const NANOSECONDS_A_TICK: u64 = 1_000_000;

/// The only track's number, and that number as a block writes it.
const TRACK: u64 = 1;
const TRACK_IN_BLOCK: u8 = 0x81;
const KEYFRAME: u8 = 0x80;

/// A size that says that the end is not known.
const UNKNOWN_SIZE: u64 = 0x01ff_ffff_ffff_ffff;

/// Opus is decoded at one rate only.
const OPUS_RATE: f64 = 48_000.0;

/// What a file of that track begins with.
pub(super) fn header(config: &Config) -> Bytes {
    let mut ebml = BytesMut::new();
    element(&mut ebml, id::DOC_TYPE, b"matroska");
    number(&mut ebml, id::DOC_TYPE_VERSION, 4);
    number(&mut ebml, id::DOC_TYPE_READ_VERSION, 2);

    let mut info = BytesMut::new();
    number(&mut info, id::TIMESTAMP_SCALE, NANOSECONDS_A_TICK);
    element(&mut info, id::MUXING_APP, b"boxmesh");
    element(&mut info, id::WRITING_APP, b"boxmesh");

    let mut tracks = BytesMut::new();
    element(&mut tracks, id::TRACK_ENTRY, &track(config));

    let mut out = BytesMut::new();
    element(&mut out, id::EBML, &ebml);
    put_id(&mut out, id::SEGMENT);
    out.put_u64(UNKNOWN_SIZE);
    element(&mut out, id::INFO, &info);
    element(&mut out, id::TRACKS, &tracks);
    out.freeze()
}

fn track(config: &Config) -> BytesMut {
    let (codec, private) = match config {
        Config::Avc(avcc) => ("V_MPEG4/ISO/AVC", Some(avcc)),
        Config::Hevc(hvcc) => ("V_MPEGH/ISO/HEVC", Some(hvcc)),
        Config::Av1(av1c) => ("V_AV1", Some(av1c)),
        // Everything is in its frames.
        Config::Vp9(_) => ("V_VP9", None),
        Config::Aac(asc) => ("A_AAC", Some(asc)),
        Config::Opus(head) => ("A_OPUS", Some(head)),
    };
    let mut out = BytesMut::new();
    number(&mut out, id::TRACK_NUMBER, TRACK);
    number(&mut out, id::TRACK_UID, TRACK);
    let kind = match config.kind() {
        TrackKind::Video => 1,
        TrackKind::Audio => 2,
    };
    number(&mut out, id::TRACK_TYPE, kind);
    number(&mut out, id::FLAG_LACING, 0);
    element(&mut out, id::CODEC_ID, codec.as_bytes());
    if let Some(private) = private {
        element(&mut out, id::CODEC_PRIVATE, private);
    }
    if let Config::Opus(head) = config {
        let mut audio = BytesMut::new();
        element(&mut audio, id::SAMPLING_FREQUENCY, &OPUS_RATE.to_be_bytes());
        // Behind `OpusHead` and a version (RFC 7845 §5.1).
        number(
            &mut audio,
            id::CHANNELS,
            head.get(9).map_or(2, |&count| count.into()),
        );
        element(&mut out, id::AUDIO, &audio);
    }
    out
}

/// A sample that is shown at a time in milliseconds.
pub(super) fn sample(time: u64, keyframe: bool, data: &[u8]) -> Bytes {
    let mut cluster = BytesMut::with_capacity(data.len() + 32);
    number(&mut cluster, id::TIMESTAMP, time);
    put_id(&mut cluster, id::SIMPLE_BLOCK);
    put_size(&mut cluster, data.len() + 4);
    cluster.put_u8(TRACK_IN_BLOCK);
    // No later than its cluster.
    cluster.put_u16(0);
    cluster.put_u8(if keyframe { KEYFRAME } else { 0 });
    cluster.put_slice(data);

    let mut out = BytesMut::with_capacity(cluster.len() + 12);
    element(&mut out, id::CLUSTER, &cluster);
    out.freeze()
}

fn number(out: &mut BytesMut, id: u32, value: u64) {
    element(out, id, &value.to_be_bytes());
}

fn element(out: &mut BytesMut, id: u32, content: &[u8]) {
    put_id(out, id);
    put_size(out, content.len());
    out.put_slice(content);
}

/// An id carries its own length, in its first bits.
fn put_id(out: &mut BytesMut, id: u32) {
    let bytes = 4 - id.leading_zeros() as usize / 8;
    out.put_uint(id.into(), bytes);
}

/// A size in eight bytes, whatever it is: the form with room for all.
fn put_size(out: &mut BytesMut, bytes: usize) {
    out.put_u64(1 << 56 | bytes as u64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_as_long_as_they_say() {
        for (id, bytes) in [
            (id::SIMPLE_BLOCK, 1),
            (id::DOC_TYPE, 2),
            (id::TIMESTAMP_SCALE, 3),
            (id::EBML, 4),
        ] {
            let mut out = BytesMut::new();
            put_id(&mut out, id);
            assert_eq!(out.len(), bytes);
            assert_eq!(out[0].leading_zeros() as usize + 1, bytes, "{id:x}");
        }
    }

    #[test]
    fn a_sample_is_a_cluster_with_its_time() {
        let cluster = sample(0x0102, true, b"abc");
        let body = [
            &[0xE7, 1, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 1, 2][..],
            &[0xA3, 1, 0, 0, 0, 0, 0, 0, 7, 0x81, 0, 0, 0x80],
            b"abc",
        ]
        .concat();
        assert_eq!(cluster[..12], [0x1F, 0x43, 0xB6, 0x75, 1, 0, 0, 0, 0, 0, 0, 33]);
        assert_eq!(cluster[12..], body);
    }
}
