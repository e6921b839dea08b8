//! What a stream asks of an uplink: whether this box could pass on one copy of a chunk in the time that the chunk lasts.
//!
//! Of several streams it is their mean that counts, not their sum; and who has all from an origin hears of nothing from
//! neighbours, so that a seed never finds itself too slow. Trackers choose seeds by their uplinks.

use wire::chunk::ChunkRecord;

/// How much of what was seen before still counts when a chunk is seen: some seconds of it.
const KEPT: f64 = 1.0 - 1.0 / 32.0;

/// An uplink, and the large chunks of late.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand {
    uplink: f64,
    bytes: f64,
    seconds: f64,
}

impl Demand {
    /// Of an uplink of so many bytes per second.
    #[expect(
        clippy::cast_precision_loss,
        reason = "uplinks are far below 2^52 bytes per second"
    )]
    pub(super) fn on(uplink: u64) -> Self {
        Self {
            uplink: uplink as f64,
            bytes: 0.0,
            seconds: 0.0,
        }
    }

    /// A large chunk is heard of for the first time.
    pub(super) fn saw(&mut self, record: &ChunkRecord) {
        self.bytes = self.bytes * KEPT + f64::from(record.size);
        self.seconds = self.seconds * KEPT + f64::from(record.duration) / f64::from(record.timescale);
    }

    /// Whether the stream is faster than the uplink.
    pub(super) fn is_too_much(&self) -> bool {
        self.bytes > self.uplink * self.seconds
    }
}

#[cfg(test)]
mod tests {
    use super::super::simulation::{id_of, record_of};
    use super::*;

    #[test]
    fn an_uplink_is_too_slow_when_one_copy_of_the_stream_fills_it_whatever_a_keyframe_takes() {
        for (uplink, is_too_much) in [(400_000, true), (700_000, false)] {
            let mut demand = Demand::on(uplink);
            assert!(!demand.is_too_much(), "nothing was seen yet");
            for number in 0..80 {
                // Half a megabyte a second, in quarters; every eighth twice as large.
                let size = if number % 8 == 0 { 222_224 } else { 111_112 };
                demand.saw(&ChunkRecord {
                    size,
                    duration: 250,
                    timescale: 1000,
                    ..record_of(&id_of(number))
                });
                assert_eq!(demand.is_too_much(), is_too_much || number == 0, "{number}");
            }
        }
    }
}
