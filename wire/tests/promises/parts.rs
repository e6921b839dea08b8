//! Parts prove themselves, each alone, from the end of the chunk to its beginning.

use bytes::Bytes;
use proptest::prelude::*;
use wire::chunk::{Chunk, HASH_BYTES};
use wire::parts::{PART_BYTES, Parts};

use crate::samples::{chunk, id, poster};

fn frames(parts: &Parts) -> Vec<Bytes> {
    (0..parts.count())
        .map(|number| parts.get(number).unwrap().clone())
        .collect()
}

/// The chunk that comes of its parts, each of which is believed as it comes.
fn passed_on(chunk: &Chunk) -> Chunk {
    let whole = Parts::of(chunk);
    assert!(whole.is_whole());
    let mut coming = Parts::awaited(chunk.verified().clone()).unwrap();
    for (number, frame) in frames(&whole).into_iter().enumerate() {
        assert_eq!(frame.len(), coming.frame_bytes(number));
        assert!(coming.chunk().is_err(), "not all of it is here");
        coming.add(frame).unwrap();
    }
    coming.chunk().unwrap()
}

#[test]
fn a_chunk_of_any_size_comes_of_its_parts() {
    // About the borders of blocks, of the padding and of parts.
    let sizes = (0..70).chain(PART_BYTES - 130..PART_BYTES + 10);
    for size in sizes.chain([2 * PART_BYTES, 5 * PART_BYTES - 61, 300_000]) {
        let chunk = chunk(id(1, 0), false, &vec![3; size]);
        assert_eq!(passed_on(&chunk).bytes(), chunk.bytes(), "{size}");
    }
    let picture = poster(1, &vec![7; 40_000]);
    assert_eq!(passed_on(&picture).bytes(), picture.bytes());
}

proptest! {
    #[test]
    fn one_altered_bit_is_refused_with_the_part_that_it_is_in(place in 0..60_000_usize, bit in 0..8_u8) {
        let chunk = chunk(id(1, 0), false, &vec![5; 50_000]);
        let whole = frames(&Parts::of(&chunk));
        let mut coming = Parts::awaited(chunk.verified().clone()).unwrap();
        let mut left = place;
        for frame in whole {
            if left < frame.len() {
                let mut altered = frame.to_vec();
                altered[left] ^= 1_u8 << bit;
                let before = coming.here();
                prop_assert_eq!(coming.add(altered.into()).unwrap_err().reason(), "damaged");
                prop_assert_eq!(coming.here(), before, "what is refused changes nothing");
                coming.add(frame).unwrap();
                return Ok(());
            }
            left -= frame.len();
            coming.add(frame).unwrap();
        }
    }
}

#[test]
fn parts_of_another_place_or_length_or_chunk_are_refused() {
    let one = chunk(id(1, 0), false, &vec![5; 50_000]);
    let other = chunk(id(1, 1), false, &vec![6; 50_000]);
    let (frames_of_one, frames_of_other) = (frames(&Parts::of(&one)), frames(&Parts::of(&other)));
    let mut coming = Parts::awaited(one.verified().clone()).unwrap();
    let refused = [
        frames_of_one[1].clone(),
        frames_of_other[0].clone(),
        frames_of_one[0].slice(1..),
        Bytes::new(),
        Bytes::from(vec![0; HASH_BYTES]),
    ];
    for frame in refused {
        assert_eq!(coming.add(frame).unwrap_err().reason(), "damaged");
    }
    for frame in frames_of_one {
        coming.add(frame.clone()).unwrap();
        assert!(coming.add(frame).is_err(), "once");
    }
    assert!(coming.is_whole());
}

/// A made-up beginning that leads, by its own reckoning, into parts that are genuine.
#[test]
fn a_chunk_begins_where_hashing_begins() {
    let genuine = chunk(id(1, 0), false, &vec![5; 20_000]);
    let frames = frames(&Parts::of(&genuine));
    let mut coming = Parts::awaited(genuine.verified().clone()).unwrap();
    coming.add(frames[0].clone()).unwrap();
    let mut made_up = frames[1].to_vec();
    made_up[..HASH_BYTES].fill(0);
    assert!(coming.add(made_up.into()).is_err());
}
