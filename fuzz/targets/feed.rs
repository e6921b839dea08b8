//! Whatever comes over the feed is understood or refused, from origin to box and back.
#![no_main]

use bytes::Bytes;
use wire::feed::{Answer, FromOrigin, Hello};
use wire::key::SecretKey;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let keys = [SecretKey::from_seed([1; 32]).public()];
    let _ = Hello::open(bytes, &keys);
    if let Ok(answer) = Answer::decode(bytes) {
        assert_eq!(answer.encode(), bytes, "one spelling");
    }
    // The first byte says where the first frame ends.
    let Some((&cut, rest)) = bytes.split_first() else {
        return;
    };
    let (first, second) = rest.split_at(usize::from(cut).min(rest.len()));
    let frames = [first, second].map(Bytes::copy_from_slice).to_vec();
    let _ = FromOrigin::parse(frames);
});
