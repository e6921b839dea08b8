//! Whatever a viewer brings as its session is read or not, and what is read was written with the key.
#![no_main]

use tracker::session::{Session, SessionKey};
use wire::id::BoxId;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (key, other) = (SessionKey::from_bytes([1; 32]), SessionKey::from_bytes([2; 32]));
    let channel = "demo".parse().expect("a name");
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Some(session) = Session::read(text, &key, &channel)
    {
        assert_eq!(session.token(&key, &channel), text, "one spelling");
    }
    let Some((issued, rest)) = bytes.split_first_chunk() else {
        return;
    };
    let (boxes, _) = rest.as_chunks();
    let session = Session {
        issued: u64::from_be_bytes(*issued),
        boxes: boxes.iter().copied().take(3).map(BoxId::from_bytes).collect(),
    };
    let token = session.token(&key, &channel);
    assert_eq!(Session::read(&token, &key, &channel), Some(session));
    assert_eq!(Session::read(&token, &other, &channel), None);
});
