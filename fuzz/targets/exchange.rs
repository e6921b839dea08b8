//! Whatever a neighbour says is understood or refused.
#![no_main]

use bytes::Bytes;
use wire::exchange::{Request, Response};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let frame = Bytes::copy_from_slice(bytes);
    if let Ok(request) = Request::decode(&frame) {
        assert_eq!(request.encode(), frame, "one spelling");
    }
    if let Ok(response) = Response::decode(&frame) {
        assert_eq!(response.encode(), frame, "one spelling");
    }
});
