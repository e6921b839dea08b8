//! Whatever a neighbour says is understood or refused.
#![no_main]

use bytes::Bytes;
use wire::exchange::{Request, Response};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let frame = Bytes::copy_from_slice(bytes);
    if let Ok(request) = Request::decode(&frame) {
        assert_eq!(request.encode(), frame, "one spelling");
    }
    if let Some(byte) = frame.first()
        && let Ok(response) = Response::decode(*byte)
    {
        assert_eq!(response.encode(), *byte, "one spelling");
    }
});
