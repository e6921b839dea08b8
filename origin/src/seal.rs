//! Sealing: each piece of an epoch gets its wall clock and the origin's word.

use bytes::{BufMut, Bytes, BytesMut};
use wire::chunk::{Chunk, Facts};
use wire::id::{ChannelName, ChunkId, Epoch};
use wire::key::SecretKey;
use wire::seal::Refusal;

use crate::package::{Packaged, RawChunk};

/// Seals one epoch.
#[derive(Clone, Debug)]
pub(crate) struct Sealer {
    pub(crate) secret: SecretKey,
    pub(crate) channel: ChannelName,
    pub(crate) epoch: Epoch,
}

impl Sealer {
    /// The piece as it travels.
    pub(crate) fn seal(&self, piece: &Packaged) -> Result<Chunk, Refusal> {
        let Self {
            secret,
            channel,
            epoch,
        } = self;
        match piece {
            Packaged::Init { description, bytes } => {
                let id = ChunkId::init(channel.clone(), *epoch, description.track);
                let timescale = description.timescale;
                let facts = Facts {
                    id,
                    last: true,
                    time: 0,
                    duration: 0,
                    timescale,
                };
                Chunk::sealed(secret, facts, bytes, &Bytes::new())
            }
            Packaged::Chunk(RawChunk {
                track,
                segment,
                index,
                last,
                time,
                duration,
                timescale,
                head,
                body,
            }) => {
                let id = ChunkId {
                    channel: channel.clone(),
                    epoch: *epoch,
                    track: *track,
                    segment: *segment,
                    index: *index,
                };
                let facts = Facts {
                    id,
                    last: *last,
                    time: *time,
                    duration: *duration,
                    timescale: *timescale,
                };
                let head = if *index == 0 {
                    with_clock(head, *epoch, *time, *timescale)
                } else {
                    head.clone()
                };
                Chunk::sealed(secret, facts, &head, body)
            }
        }
    }
}

/// What every fragment calls its only track.
const TRACK_NUMBER: u32 = 1;

/// Seconds from 1900, where NTP begins, to 1970.
const NTP_TO_1970: u64 = 2_208_988_800;

/// `head` and a producer reference time (`prft`, ISO/IEC 14496-12 §8.16.5): that the sample at `time` left the encoder
/// that long after the epoch began. It is what the epoch's name says, written where players look for it.
fn with_clock(head: &Bytes, epoch: Epoch, time: u64, timescale: u32) -> Bytes {
    const BYTES: u32 = 32;
    /// Version 1: the media time has 64 bits. Flag 1: the clock was read behind the encoder.
    const VERSION_AND_FLAGS: u32 = 0x0100_0001;
    let mut out = BytesMut::with_capacity(head.len() + BYTES as usize);
    out.extend_from_slice(head);
    out.put_u32(BYTES);
    out.extend_from_slice(b"prft");
    out.put_u32(VERSION_AND_FLAGS);
    out.put_u32(TRACK_NUMBER);
    out.put_u64(ntp(epoch, time, timescale));
    out.put_u64(time);
    out.freeze()
}

/// A moment of an epoch as NTP writes it (RFC 5905 §6): 32 bits of seconds, 32 bits of their fraction. Seconds
/// begin again at 0 in 2036, as they do for everybody.
fn ntp(epoch: Epoch, time: u64, timescale: u32) -> u64 {
    let nanos = u128::from(time) * 1_000_000_000 / u128::from(timescale.max(1));
    let nanos = u128::from(epoch.0) * 1_000_000 + nanos;
    let seconds = nanos / 1_000_000_000 + u128::from(NTP_TO_1970);
    let fraction = (nanos % 1_000_000_000) * (1 << 32) / 1_000_000_000;
    u64::try_from((seconds << 32 | fraction) & u128::from(u64::MAX)).expect("it was cut to 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_in_a_chunk_is_its_epoch_and_its_media_time() {
        // 2022-01-01T00:00:00Z, and a second and a half of media.
        let epoch = Epoch(1_640_995_200_000);
        let moment = ntp(epoch, 135_000, 90_000);
        assert_eq!(moment >> 32, 1_640_995_201 + NTP_TO_1970);
        assert_eq!(moment & u64::from(u32::MAX), 1 << 31, "half a second");

        let head = with_clock(&Bytes::from_static(b"styp"), epoch, 135_000, 90_000);
        assert_eq!(head.len(), 4 + 32);
        assert_eq!(&head[8..12], b"prft");
        assert_eq!(head[12..16], [1, 0, 0, 1]);
        assert_eq!(head[28..36], 135_000_u64.to_be_bytes());
    }

    #[test]
    fn no_clock_is_too_far_for_it() {
        assert_eq!(
            ntp(Epoch(u64::MAX), u64::MAX, 0),
            ntp(Epoch(u64::MAX), u64::MAX, 1)
        );
    }
}
