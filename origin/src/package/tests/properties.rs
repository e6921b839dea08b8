//! Whatever comes in, what comes out is in order.

use proptest::prelude::*;
use wire::id::{TrackId, TrackKind};

use super::super::{Cut, PackageError, Packager, RawChunk};
use super::reader::{read, read_all};
use super::synthetic::{audio_config, other_video_config, picture_of, rendition, sound, video_config};
use super::{Feed, live};
use crate::media::Unit;

/// The next unit, as far as it depends on chance: time moves a bit, mostly forward.
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
    let after = prop_oneof![300 => 0..60_i64, 8 => -100..300_i64, 1 => -3000..8000_i64];
    prop_oneof![
        10 => (after.clone(), -50..200_i32, prop::bool::weighted(0.05), 1..5000_usize).prop_map(
            |(after, offset, keyframe, bytes)| Step::Picture { after, offset, keyframe, bytes }
        ),
        10 => after.prop_map(|after| Step::Sound { after }),
        1 => prop_oneof![1 => Just(0_u8), 50 => 1..3_u8].prop_map(Step::Config),
    ]
}

/// The clocks that units are stamped with, and the wall's.
#[derive(Clone, Copy, Default)]
struct Stamps {
    shown: i64,
    heard: i64,
    now: u64,
}

impl Stamps {
    fn unit(&mut self, step: Step) -> Unit {
        let stamp = |time: &mut i64, after: i64| {
            *time = (*time + after).max(0);
            u64::try_from(*time).unwrap()
        };
        match step {
            Step::Picture {
                after,
                offset,
                keyframe,
                bytes,
            } => {
                self.now += 20;
                let mut unit = picture_of(stamp(&mut self.shown, after), keyframe, bytes);
                if let Unit::Sample(sample) = &mut unit {
                    sample.composition_offset = offset;
                }
                unit
            }
            Step::Sound { after } => sound(stamp(&mut self.heard, after)),
            Step::Config(0) => other_video_config(),
            Step::Config(1) => video_config(),
            Step::Config(_) => audio_config(),
        }
    }
}

/// A publisher's units.
fn units(steps: Vec<Step>) -> impl Iterator<Item = (u64, Unit)> {
    let mut stamps = Stamps {
        shown: 10_000,
        heard: 10_000,
        now: 0,
    };
    let configs = [(0, video_config()), (0, audio_config())];
    let steps = steps.into_iter().map(move |step| {
        let unit = stamps.unit(step);
        (stamps.now, unit)
    });
    configs.into_iter().chain(steps)
}

/// A source that is well, and what chance makes of its renditions: they repeat it, or do what they like, or nothing.
fn units_with_renditions(steps: Vec<(u8, u8, Step)>) -> impl Iterator<Item = (u64, Unit)> {
    let mut stamps = [Stamps::default(); 2];
    let mut now = 0;
    let configs = [video_config(), audio_config()]
        .into_iter()
        .flat_map(|config| (0..3).map(move |number| (0, rendition(number, config.clone()))));
    let steps = steps.into_iter().flat_map(move |(number, mood, step)| {
        now += 40;
        let picture = picture_of(now, now % 1000 == 40, 100);
        let number = number % 2 + 1;
        let stamps = &mut stamps[usize::from(number) - 1];
        let of_rendition = match mood {
            0..90 => {
                (stamps.shown, stamps.heard) = (now.cast_signed(), now.cast_signed());
                vec![
                    rendition(1, picture.clone()),
                    rendition(2, sound(now)),
                    rendition(2, picture.clone()),
                ]
            }
            90..98 => vec![rendition(number, stamps.unit(step))],
            _ => vec![],
        };
        let source = [picture, sound(now), sound(now + 20)];
        source
            .into_iter()
            .chain(of_rendition)
            .map(move |unit| (now, unit))
    });
    configs.chain(steps)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn numbers_follow_on_and_time_never_tears(steps in prop::collection::vec(step(), 0..600)) {
        for epoch in live(Packager::new(Cut::default(), []), units(steps)).0 {
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
                    prop_assert!(read(segment[0])[0].sync);
                }
            }
        }
    }

    #[test]
    fn whatever_renditions_do_the_source_goes_out_whole_and_all_tracks_keep_the_same_numbers(
        steps in prop::collection::vec((any::<u8>(), 0..100_u8, step()), 0..400)
    ) {
        let pictures = steps.len();
        let renditions = ["v1", "a2"].map(|track| track.parse().unwrap());
        let (epochs, errors) = live(Packager::new(Cut::default(), renditions), units_with_renditions(steps));
        prop_assert!(errors.iter().all(PackageError::is_of_rendition), "{errors:?}");
        let mut sent = 0;
        for epoch in &epochs {
            let source = epoch.segments(TrackId::VIDEO);
            sent += source.iter().flatten().map(|chunk| read(chunk).len()).sum::<usize>();
            for track in epoch.tracks() {
                let segments = epoch.segments(track);
                prop_assert!(segments.len() <= source.len());
                for (segment, source) in segments.iter().zip(&source) {
                    let shown = |chunk: &RawChunk, track| {
                        let first = read(chunk).remove(0).shown(epoch.delay(track));
                        first * 1000 / i64::from(chunk.timescale)
                    };
                    let (own, cut) = (shown(segment[0], track), shown(source[0], TrackId::VIDEO));
                    prop_assert!(read(segment[0])[0].sync);
                    // Sound may pause for a second, pictures have to begin alike.
                    let most = if track.kind() == TrackKind::Audio { 1100 } else { 101 };
                    prop_assert!(own.abs_diff(cut) < most, "{track} is cut at {own}, not at {cut}");
                }
            }
        }
        prop_assert_eq!(sent, pictures);
    }

    #[test]
    fn any_timestamps_are_packaged_or_refused(times in prop::collection::vec(any::<(u64, i32, bool, u8)>(), 0..60)) {
        let mut packager = Packager::new(Cut::default(), []);
        for number in 0..3 {
            packager.feed(rendition(number, video_config())).unwrap();
            packager.feed(rendition(number, audio_config())).unwrap();
        }
        for (time, offset, is_picture, number) in times {
            let unit = if is_picture { picture_of(time, true, 10) } else { sound(time) };
            let mut unit = rendition((number % 8).saturating_sub(5), unit);
            if let Unit::Sample(sample) = &mut unit {
                sample.composition_offset = offset;
            }
            if let Err(error) = packager.feed(unit.clone()) {
                prop_assert!(error.begins_anew());
                packager.finish();
                packager = packager.anew();
                prop_assert!(packager.feed(unit).is_ok());
            }
        }
        packager.finish();
    }
}
