//! Whatever comes in, what comes out is in order.

use proptest::prelude::*;
use wire::id::TrackId;

use super::super::{Cut, Packaged, Packager};
use super::reader::read_all;
use super::synthetic::{audio_config, other_video_config, picture_of, sound, video_config};
use super::{Feed, Output};
use crate::media::Unit;

/// A publisher's next unit, as far as it depends on chance: time moves a bit, mostly forward.
#[derive(Clone, Copy, Debug)]
enum Step {
    Picture {
        after: i64,
        offset: i32,
        keyframe: bool,
        bytes: usize,
    },
    Sound {
        after: i64,
    },
    Config(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let after = prop_oneof![300 => 0..60_i64, 8 => -100..300_i64, 1 => -3000..3000_i64];
    prop_oneof![
        10 => (after.clone(), -50..200_i32, prop::bool::weighted(0.05), 1..5000_usize).prop_map(
            |(after, offset, keyframe, bytes)| Step::Picture { after, offset, keyframe, bytes }
        ),
        10 => after.prop_map(|after| Step::Sound { after }),
        1 => prop_oneof![1 => Just(0_u8), 50 => 1..3_u8].prop_map(Step::Config),
    ]
}

fn units(steps: Vec<Step>) -> impl Iterator<Item = Unit> {
    let (mut shown, mut heard) = (10_000_i64, 10_000_i64);
    let stamp = |time: &mut i64, after: i64| {
        *time = (*time + after).max(0);
        u64::try_from(*time).unwrap()
    };
    let steps = steps.into_iter().map(move |step| match step {
        Step::Picture {
            after,
            offset,
            keyframe,
            bytes,
        } => {
            let mut unit = picture_of(stamp(&mut shown, after), keyframe, bytes);
            if let Unit::Sample(sample) = &mut unit {
                sample.composition_offset = offset;
            }
            unit
        }
        Step::Sound { after } => sound(stamp(&mut heard, after)),
        Step::Config(0) => other_video_config(),
        Step::Config(1) => video_config(),
        Step::Config(_) => audio_config(),
    });
    [video_config(), audio_config()].into_iter().chain(steps)
}

/// Every epoch that came of the units, as the caller of a packager makes them.
fn epochs(units: impl Iterator<Item = Unit>) -> Vec<Output> {
    let mut packager = Packager::new(Cut::default(), []);
    let mut epochs = vec![Output { pieces: Vec::new() }];
    let mut keep = |pieces: Vec<Packaged>, ends: bool| {
        epochs.last_mut().unwrap().pieces.extend(pieces);
        if ends {
            epochs.push(Output { pieces: Vec::new() });
        }
    };
    for unit in units {
        match packager.feed(unit.clone()) {
            Ok(pieces) => keep(pieces, false),
            Err(error) if error.begins_anew() => {
                keep(packager.finish(), true);
                packager = packager.anew();
                keep(
                    packager.feed(unit).expect("what breaks an epoch can begin one"),
                    false,
                );
            }
            Err(_) => break,
        }
    }
    keep(packager.finish(), false);
    epochs
}

proptest! {
    #[test]
    fn numbers_follow_on_and_time_never_tears(steps in prop::collection::vec(step(), 0..800)) {
        for epoch in epochs(units(steps)) {
            for track in [TrackId::VIDEO, TrackId::AUDIO] {
                let segments = epoch.segments(track);
                if segments.is_empty() {
                    continue;
                }
                let delay = epoch.delay(track);
                for frame in read_all(&segments.concat()) {
                    prop_assert!(frame.duration > 0 && frame.shown(delay) >= 0);
                }
                for segment in segments.iter().skip(1) {
                    prop_assert!(super::reader::read(segment[0])[0].sync);
                }
            }
        }
    }

    #[test]
    fn any_timestamps_are_packaged_or_refused(times in prop::collection::vec(any::<(u64, i32, bool)>(), 0..60)) {
        let mut packager = Packager::new(Cut::default(), []);
        packager.feed(video_config()).unwrap();
        packager.feed(audio_config()).unwrap();
        for (time, offset, is_picture) in times {
            let mut unit = if is_picture { picture_of(time, true, 10) } else { sound(time) };
            if let Unit::Sample(sample) = &mut unit {
                sample.composition_offset = offset;
            }
            if let Err(error) = packager.feed(unit.clone()) {
                prop_assert!(error.begins_anew());
                packager = packager.anew();
                prop_assert!(packager.feed(unit).is_ok());
            }
        }
        packager.finish();
    }
}
