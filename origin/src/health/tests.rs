//! The operator hears what is wrong, and nothing while all is well.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::media::Config;

/// A stream that can be ill in any way, and the clock on the wall.
struct Stream {
    health: Health,
    start: Instant,
    /// In milliseconds, of the wall and of the media.
    now: u64,
    media: u64,
    picture_bytes: usize,
    keyframe_interval: u64,
    /// The number of the interval under way.
    interval: u64,
    with_sound: bool,
    /// Milliseconds of media for each second.
    speed: u64,
}

impl Stream {
    fn new() -> Self {
        Self {
            health: Health::default(),
            start: Instant::now(),
            now: 0,
            media: 5000,
            picture_bytes: 10_000,
            keyframe_interval: 2000,
            interval: 0,
            with_sound: true,
            speed: 1000,
        }
    }

    fn time(&self) -> Instant {
        self.start + Duration::from_millis(self.now)
    }

    fn keyframe_is_due(&mut self) -> bool {
        let interval = self.media / self.keyframe_interval;
        std::mem::replace(&mut self.interval, interval) != interval
    }

    fn sample(&mut self, track: TrackId, bytes: usize) {
        let unit = Unit::Sample(AccessUnit {
            track,
            decode_time: Millis(self.media),
            composition_offset: 0,
            keyframe: track == TrackId::AUDIO || self.keyframe_is_due(),
            data: Bytes::from(vec![0; bytes]),
        });
        self.health.saw(&unit, self.time());
    }

    /// Goes on for so many seconds, and answers with what was ever warned of.
    fn goes_on(&mut self, seconds: u64) -> Vec<String> {
        let mut warned: Vec<String> = Vec::new();
        for n in 0..seconds * 25 {
            self.sample(TrackId::VIDEO, self.picture_bytes);
            if self.with_sound {
                self.sample(TrackId::AUDIO, 300);
            }
            self.now += 40;
            self.media += 40 * self.speed / 1000;
            if n.is_multiple_of(5) {
                warned.extend(self.codes());
            }
        }
        warned.dedup();
        warned
    }

    fn codes(&mut self) -> Vec<String> {
        let now = self.time();
        let warnings = self.health.warnings(now);
        assert!(
            warnings
                .iter()
                .all(|warning| warning.code.len() + warning.text.len() <= 256)
        );
        warnings.into_iter().map(|warning| warning.code).collect()
    }
}

#[test]
fn a_stream_that_is_well_is_never_warned_of() {
    let mut stream = Stream::new();
    assert_eq!(stream.goes_on(200), [""; 0]);
    let vitals = stream.health.vitals();
    assert_eq!(vitals.bits_per_second, (10_000 + 300) * 25 * 8);
    assert!((vitals.frames_per_second - 25.0).abs() < 0.2, "{vitals:?}");
    assert_eq!(vitals.keyframe_interval, Some(Duration::from_secs(2)));
}

#[test]
fn rare_keyframes_are_told_until_three_intervals_were_short() {
    let mut stream = Stream::new();
    stream.keyframe_interval = 8000;
    assert_eq!(stream.goes_on(30), ["keyframe-interval"]);
    let now = stream.time();
    let text = stream.health.warnings(now).remove(0).text;
    assert_eq!(
        text,
        "keyframes are 8.0 s apart: set the encoder's keyframe interval to 2 s"
    );

    stream.keyframe_interval = 2000;
    stream.goes_on(2);
    assert_eq!(stream.codes(), ["keyframe-interval"]);
    stream.goes_on(10);
    assert_eq!(stream.goes_on(60), [""; 0]);
}

#[test]
fn a_bitrate_that_falls_is_told_until_it_is_usual() {
    let mut stream = Stream::new();
    stream.goes_on(60);
    stream.picture_bytes = 2000;
    assert_eq!(stream.goes_on(20), ["starving"]);
    stream.picture_bytes = 10_000;
    stream.goes_on(20);
    assert_eq!(stream.goes_on(60), [""; 0]);
    stream.picture_bytes = 2000;
    stream.goes_on(300);
    assert_eq!(stream.goes_on(60), [""; 0], "it is usual now");
}

#[test]
fn media_slower_than_time_is_told() {
    let mut stream = Stream::new();
    stream.goes_on(30);
    stream.speed = 600;
    let warned = stream.goes_on(30);
    assert_eq!(warned, ["starving"]);
    stream.speed = 1000;
    stream.goes_on(30);
    assert_eq!(stream.goes_on(30), [""; 0]);
}

#[test]
fn a_publisher_that_hangs_is_starving_while_it_does() {
    let mut stream = Stream::new();
    stream.goes_on(30);
    for _ in 0..20 {
        stream.now += 300;
        stream.codes();
    }
    assert_eq!(stream.codes(), ["starving"]);
    stream.goes_on(20);
    assert_eq!(stream.goes_on(10), [""; 0]);
}

#[test]
fn few_pictures_are_not_slow() {
    let mut stream = Stream::new();
    stream.with_sound = false;
    for n in 0..60_u64 {
        stream.media = n * 3000;
        stream.now = n * 3000;
        stream.sample(TrackId::VIDEO, 5000);
        let codes = stream.codes();
        assert!(!codes.contains(&"starving".to_owned()), "at {n}");
    }
}

#[test]
fn sound_is_missed_when_it_never_came_and_when_it_stopped() {
    let text = |stream: &mut Stream| {
        let now = stream.time();
        stream.health.warnings(now).remove(0).text
    };
    let mut stream = Stream::new();
    stream.with_sound = false;
    assert_eq!(stream.goes_on(9), [""; 0]);
    assert_eq!(stream.goes_on(3), ["no-audio"]);
    assert!(text(&mut stream).starts_with("there is no sound: well if that is meant"));

    let config = Config::Aac(Bytes::from_static(&[0x11, 0x90]));
    stream
        .health
        .saw(&Unit::Config(TrackId::AUDIO, config), stream.time());
    assert!(text(&mut stream).starts_with("sound was announced and none came"));

    stream.with_sound = true;
    stream.goes_on(3);
    assert_eq!(stream.goes_on(10), [""; 0]);
    stream.with_sound = false;
    assert_eq!(stream.goes_on(4), [""; 0]);
    assert_eq!(stream.goes_on(3), ["no-audio"]);
    assert!(text(&mut stream).starts_with("sound has stopped"));
}

#[test]
fn clocks_that_go_apart_are_told() {
    let mut stream = Stream::new();
    stream.goes_on(20);
    let drifts = |sound: i64, wall: i64| Clocks {
        sound_behind_ms: Some(sound),
        behind_wall_ms: Some(wall),
    };
    stream.health.compared(drifts(100, -300));
    assert_eq!(stream.goes_on(5), [""; 0]);
    stream.health.compared(drifts(-200, 0));
    assert_eq!(stream.goes_on(5), ["clock-drift"]);
    let now = stream.time();
    assert!(
        stream.health.warnings(now)[0]
            .text
            .starts_with("sound is 200 ms ahead of pictures")
    );
    stream.health.compared(drifts(0, 600));
    stream.goes_on(40);
    let now = stream.time();
    assert!(
        stream.health.warnings(now)[0]
            .text
            .starts_with("media is 600 ms behind the clock")
    );
    stream.health.compared(Clocks::default());
    stream.goes_on(40);
    assert_eq!(stream.goes_on(5), [""; 0]);
}

#[test]
fn breaks_are_told_for_a_minute_and_those_of_renditions_are_not() {
    let mut stream = Stream::new();
    stream.goes_on(20);
    let jump = |track: &str| PackageError::Discontinuity {
        track: track.parse().unwrap(),
        from: Millis(0),
        to: Millis(5000),
    };
    let now = stream.time();
    stream.health.broke(&jump("v1"), now);
    stream.health.broke(&PackageError::Joined(TrackId::AUDIO), now);
    assert_eq!(stream.goes_on(5), [""; 0]);
    for _ in 0..1000 {
        stream.health.broke(&jump("v0"), stream.time());
    }
    assert_eq!(stream.goes_on(50), ["timestamps"]);
    stream.goes_on(15);
    assert_eq!(stream.goes_on(5), [""; 0]);

    stream
        .health
        .broke(&PackageError::Drifted { behind_ms: 1200 }, stream.time());
    let mut codes = stream.goes_on(1);
    codes.sort();
    codes.dedup();
    assert_eq!(codes, ["clock-drift", "timestamps"]);
}

#[test]
fn what_renditions_send_is_no_concern() {
    let mut stream = Stream::new();
    stream.goes_on(20);
    let before = stream.health.vitals();
    for _ in 0..100 {
        stream.sample("v1".parse().unwrap(), 100_000);
    }
    assert_eq!(stream.health.vitals(), before);
}

#[test]
fn timestamps_that_jump_or_stand_still_do_no_harm() {
    let mut stream = Stream::new();
    for media in [u64::MAX, 0, 1 << 63, 5, 5, 5, u64::MAX, u64::MAX] {
        stream.media = media;
        stream.now += 700;
        stream.sample(TrackId::VIDEO, 1);
        stream.sample(TrackId::AUDIO, 1);
        stream.codes();
    }
}

proptest! {
    #[test]
    fn anything_may_come(units in prop::collection::vec(any::<(u64, i32, bool, bool, u32, Vec<u8>)>(), 0..100)) {
        let mut stream = Stream::new();
        let config = Config::Avc(Bytes::from_static(&[1, 100, 0, 31, 0xFF]));
        stream.health.saw(&Unit::Config(TrackId::VIDEO, config), stream.time());
        for (time, composition_offset, keyframe, is_video, now, data) in units {
            stream.now = now.into();
            let unit = AccessUnit {
                track: if is_video { TrackId::VIDEO } else { TrackId::AUDIO },
                decode_time: Millis(time),
                composition_offset,
                keyframe,
                data: data.into(),
            };
            stream.health.saw(&Unit::Sample(unit), stream.time());
            stream.codes();
        }
    }
}
