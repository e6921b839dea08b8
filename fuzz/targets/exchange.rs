//! Whatever a neighbour says is understood or refused.
#![no_main]

use bytes::Bytes;
use wire::exchange::Word;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let frame = Bytes::copy_from_slice(bytes);
    if let Ok(word) = Word::decode(&frame) {
        assert_eq!(word.encode(), frame, "one spelling");
    }
});
