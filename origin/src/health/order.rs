//! The order of pictures: whether the times at which they are shown make sense.
//!
//! An encoder that reorders pictures decodes some before they are shown, and says so with each. Where it does not, B-pictures
//! come out in the order of decoding, and the picture stutters.

use bytes::Bytes;

use super::meter::Meter;
use crate::media::{AccessUnit, Config};

/// How many pictures back two may not be shown at the same time; more than any codec reorders.
const REMEMBERED: usize = 16;
/// Longer than any encoder delays a picture, in milliseconds.
const LONGEST_OFFSET_MS: u32 = 10_000;
/// How many wrong pictures within the last seconds are no accident.
const TOO_MANY: u64 = 3;
/// A picture's first slice is behind at most so many other units.
const MOST_UNITS: usize = 8;

const TWICE: &str =
    "pictures are shown at the same time as others: the encoder's composition times make no sense";
const FAR: &str = "pictures are shown seconds away from where they are decoded: the encoder's composition times make no sense";
const UNORDERED: &str =
    "there are B-frames, and no order to show them in: turn B-frames off in the encoder, or update it";

#[derive(Debug, Default)]
pub(super) struct Order {
    /// How many bytes the length of a unit of H.264 takes; none for other codecs.
    length_bytes: Option<usize>,
    /// When the last pictures are shown, in milliseconds.
    shown: [Option<i64>; REMEMBERED],
    next: usize,
    /// The offset that all pictures have had since the last keyframe but one; none where they differ.
    offset: Option<i32>,
    differs: bool,
    b_pictures: u64,
    wrong: Meter<11>,
    told: &'static str,
}

impl Order {
    /// The track goes on with that configuration.
    pub(super) fn configured(&mut self, config: &Config) {
        let Self { wrong, told, .. } = std::mem::take(self);
        let length_bytes = match config {
            Config::Avc(record) => record.get(4).map(|byte| usize::from(byte & 3) + 1),
            _ => None,
        };
        *self = Self {
            length_bytes,
            wrong,
            told,
            ..Self::default()
        };
    }

    /// Takes note of a picture.
    pub(super) fn saw(&mut self, picture: &AccessUnit, second: u64) {
        if picture.composition_offset.unsigned_abs() > LONGEST_OFFSET_MS {
            self.tell(FAR, second, 1);
        }
        let decoded = i64::try_from(picture.decode_time.0).unwrap_or(i64::MAX);
        let shown = Some(decoded.saturating_add(picture.composition_offset.into()));
        if self.shown.contains(&shown) {
            self.tell(TWICE, second, 1);
        }
        self.shown[self.next] = shown;
        self.next = (self.next + 1) % REMEMBERED;

        if picture.keyframe {
            // What was seen since the last one is whole.
            if !self.differs {
                self.tell(UNORDERED, second, self.b_pictures);
            }
            (self.b_pictures, self.differs, self.offset) = (0, false, None);
        }
        let offset = *self.offset.get_or_insert(picture.composition_offset);
        self.differs |= offset != picture.composition_offset;
        self.b_pictures += u64::from(self.is_b_picture(&picture.data));
    }

    /// What is wrong, when there was too much of it within the last seconds.
    pub(super) fn wrong(&self, second: u64) -> Option<&'static str> {
        (self.wrong.total(second) >= TOO_MANY).then_some(self.told)
    }

    /// What was wrong last.
    pub(super) fn told(&self) -> &'static str {
        self.told
    }

    fn tell(&mut self, what: &'static str, second: u64, times: u64) {
        if times > 0 {
            self.told = what;
            self.wrong.add(second, times);
        }
    }

    /// Whether the first slice of a picture of H.264 says that it is a B-slice (ISO/IEC 14496-10 §7.3.3).
    fn is_b_picture(&self, data: &Bytes) -> bool {
        let Some(length_bytes) = self.length_bytes else {
            return false;
        };
        let mut rest = data.as_ref();
        for _ in 0..MOST_UNITS {
            let Some((length, behind)) = rest.split_at_checked(length_bytes) else {
                return false;
            };
            let length = length
                .iter()
                .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
            let Some((unit, behind)) = behind.split_at_checked(length) else {
                return false;
            };
            if let [header, slice @ ..] = unit
                && matches!(header & 31, 1 | 5)
            {
                return slice_kind(slice).is_some_and(|kind| kind % 5 == 1);
            }
            rest = behind;
        }
        false
    }
}

/// The `slice_type` of a slice header, behind `first_mb_in_slice`.
fn slice_kind(slice: &[u8]) -> Option<u64> {
    let mut head = [0; 8];
    let known = slice.len().min(head.len());
    head[..known].copy_from_slice(&slice[..known]);
    let (_, rest) = exp_golomb(u64::from_be_bytes(head))?;
    Some(exp_golomb(rest)?.0)
}

/// An unsigned Exp-Golomb number at the front of bits (ISO/IEC 14496-10 §9.1), and the bits behind it; none where it
/// takes more than 31.
fn exp_golomb(bits: u64) -> Option<(u64, u64)> {
    let zeros = bits.leading_zeros();
    let length = 2 * zeros + 1;
    (zeros < 16).then(|| ((bits >> (64 - length)) - 1, bits << length))
}

#[cfg(test)]
mod tests {
    use wire::id::TrackId;

    use super::*;
    use crate::media::Millis;

    const P_SLICE: &[u8] = &[0, 0, 0, 2, 9, 16, 0, 0, 0, 2, 0x41, 0x9A];
    const B_SLICE: &[u8] = &[0, 0, 0, 2, 9, 16, 0, 0, 0, 2, 0x01, 0x9E];

    fn picture(time: u64, composition_offset: i32, data: &'static [u8]) -> AccessUnit {
        AccessUnit {
            track: TrackId::VIDEO,
            decode_time: Millis(time),
            composition_offset,
            keyframe: time.is_multiple_of(1000),
            data: Bytes::from_static(data),
        }
    }

    /// What is found within five seconds of such pictures.
    fn found(offset: impl Fn(u64) -> i32, data: impl Fn(u64) -> &'static [u8]) -> Option<&'static str> {
        let mut order = Order::default();
        order.configured(&Config::Avc(Bytes::from_static(&[1, 100, 0, 31, 0xFF])));
        for n in 0..125 {
            order.saw(&picture(n * 40, offset(n), data(n)), n / 25);
        }
        order.wrong(5)
    }

    #[test]
    fn pictures_in_order_are_well_with_b_pictures_and_without() {
        assert_eq!(found(|_| 0, |_| P_SLICE), None);
        // I P B B P B B …, decoded two pictures early.
        let reorders = |n: u64| match n % 25 % 3 {
            _ if n.is_multiple_of(25) => 80,
            1 => 160,
            _ => 40,
        };
        assert_eq!(
            found(reorders, |n| if n % 25 % 3 == 1 || n % 25 == 0 {
                P_SLICE
            } else {
                B_SLICE
            }),
            None
        );
    }

    #[test]
    fn b_pictures_without_an_order_are_told() {
        let slices = |n: u64| if n.is_multiple_of(3) { P_SLICE } else { B_SLICE };
        assert_eq!(found(|_| 0, slices), Some(UNORDERED));
        assert_eq!(found(|_| 80, slices), Some(UNORDERED));
    }

    #[test]
    fn times_that_make_no_sense_are_told() {
        assert_eq!(
            found(|n| if n.is_multiple_of(2) { 40 } else { 0 }, |_| P_SLICE),
            Some(TWICE)
        );
        let sometimes = |n: u64| if n % 20 == 7 { 20_000 } else { 0 };
        assert_eq!(found(sometimes, |_| P_SLICE), Some(FAR));
    }

    #[test]
    fn one_picture_is_an_accident() {
        assert_eq!(found(|n| if n == 30 { 40 } else { 0 }, |_| P_SLICE), None);
    }

    #[test]
    fn slices_that_are_cut_short_are_no_b_slices() {
        for end in 0..B_SLICE.len() - 1 {
            assert_eq!(found(|_| 0, |_| &B_SLICE[..end]), None);
        }
    }
}
