//! Whatever an encoder's tags hold, they become chunks or are refused.
//!
//! The input is a row of messages: kind (1 byte), time (4), length (2), and so many bytes.
#![no_main]

use std::time::{Duration, Instant};

use origin::ingest::flv::Tags;
use origin::package::{Cut, Packager};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let start = Instant::now();
    let (mut tags, mut packager) = (Tags::default(), Packager::new(Cut::default(), Vec::new()));
    let mut rest = bytes;
    while let Some((&[kind, t3, t2, t1, t0, l1, l0], body)) = rest.split_first_chunk::<7>() {
        let (tag, after) = body.split_at(usize::from(u16::from_be_bytes([l1, l0])).min(body.len()));
        rest = after;
        let time = u32::from_be_bytes([t3, t2, t1, t0]);
        let unit = if kind & 1 == 0 {
            tags.video(time, tag)
        } else {
            tags.audio(time, tag)
        };
        let Ok(Some(unit)) = unit else { continue };
        let arrived = start + Duration::from_millis(u64::from(time) % 3_600_000);
        if let Err(error) = packager.push(unit.clone(), arrived) {
            if !error.begins_anew() {
                continue;
            }
            let next = packager.anew();
            packager.finish();
            packager = next;
            let _ = packager.push(unit, arrived);
        }
    }
    packager.finish();
});
