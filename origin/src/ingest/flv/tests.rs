use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::media::{AccessUnit, Config, TrackId, TrackKind, Unit};

mod enhanced;
mod legacy;
mod written;

/// The least that is a configuration of H.264 here, and of AAC.
const AVCC: [u8; 4] = [1, 100, 0, 31];
const ASC: [u8; 2] = [0x12, 0x10];

/// Tags of a publisher whose configurations came.
fn configured() -> Tags {
    let mut tags = Tags::default();
    tags.video(0, &[&[0x17, 0, 0, 0, 0][..], &AVCC].concat()).unwrap();
    tags.audio(0, &[&[0xaf, 0][..], &ASC].concat()).unwrap();
    tags
}

fn sample(unit: Option<Unit>) -> AccessUnit {
    match unit {
        Some(Unit::Sample(sample)) => sample,
        other => panic!("no sample but {other:?}"),
    }
}

fn refused(answer: Result<Option<Unit>, BadTag>) -> String {
    answer.unwrap_err().to_string()
}
