//! Whatever an origin offers as an MPD is refused or can be spliced, and nothing that is spliced in leaves its place.
#![no_main]

use std::borrow::Cow;

use tracker::document::{Mpd, Place, Splice};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The first byte says how much of it is somebody's name and address.
    let Some((&cut, rest)) = bytes.split_first() else {
        return;
    };
    let (hostile, text) = rest.split_at(usize::from(cut).min(rest.len()));
    let (hostile, text) = (String::from_utf8_lossy(hostile), String::from_utf8_lossy(text));
    let Ok(mpd) = Mpd::parse(text.into_owned()) else {
        return;
    };
    let plain = mpd.splice(&Splice {
        places: &[],
        path: "/",
        tracker: "",
        location: None,
        steering: None,
    });
    let ours = mpd.splice(&Splice {
        places: &[Cow::Owned(Place::new(Some(&hostile), &hostile))],
        path: &hostile,
        tracker: &hostile,
        location: Some(&hostile),
        steering: Some(&hostile),
    });
    let opened = |text: &[u8]| text.iter().filter(|byte| **byte == b'<').count();
    assert_eq!(
        opened(&ours),
        opened(&plain) + 6,
        "one place, one location, one steering"
    );
});
