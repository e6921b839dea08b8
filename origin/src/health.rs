//! An encoder's health: what is wrong with a publisher's stream, and what to do about it.
//!
//! Everything here is pure: it sees the units as they arrive, hears what the packager found, and answers with warnings
//! for the operator. A warning comes when its cause has lasted and goes when that has been away for longer, so that none
//! flickers. Only the publisher's own tracks count; a unit costs the same however long the stream is.

mod alarm;
mod flow;
mod meter;
mod order;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wire::id::{TrackId, TrackKind};
use wire::presentation::Warning;

use self::alarm::Alarm;
use self::flow::Flow;
use self::meter::Meter;
use self::order::Order;
use crate::media::{AccessUnit, Millis, Unit};
use crate::package::{Clocks, PackageError};

/// Keyframes this far apart make viewers wait when they begin, with room for an encoder's rounding.
const RARE_KEYFRAMES: Duration = Duration::from_millis(4100);
/// How many intervals in a row have to be short before all is well again.
const GOOD_INTERVALS: u8 = 3;
/// Less than this part of the usual bitrate is little.
const STARVING: u64 = 3;
/// How far media may fall behind the time that passes within ten seconds, besides the length of a picture.
const SLOW: Duration = Duration::from_secs(2);
/// After this long nothing is usual yet, and sound may still come.
const SETTLED: Duration = Duration::from_secs(10);
/// Sound is missed after this long, where there are pictures.
const SOUND_MISSED: Duration = Duration::from_secs(5);
/// How far the clocks may be from each other before it is worth a word, in milliseconds.
const SOUND_DRIFTS_MS: u64 = 150;
const WALL_DRIFTS_MS: u64 = 500;
/// How long a break of the timeline is told.
const BREAKS_WITHIN: Duration = Duration::from_mins(1);
/// So many breaks are as bad as more.
const MOST_BREAKS: usize = 100;

/// A publisher's stream, as far as its health goes. Begin with a new one when the publisher does.
#[derive(Debug, Default)]
pub struct Health {
    began: Option<Instant>,
    /// The second since then that is under way.
    second: u64,
    bytes: Meter<6>,
    pictures: Meter<11>,
    /// What the bitrate usually is.
    usual_bits_per_second: Option<u64>,
    video: Flow,
    audio: Flow,
    keyframes: Keyframes,
    order: Order,
    clocks: Clocks,
    drifted: Option<(Instant, i64)>,
    breaks: VecDeque<Instant>,
    alarms: Alarms,
}

#[derive(Debug, Default)]
struct Keyframes {
    newest: Option<Millis>,
    interval: Option<Duration>,
    /// The last interval that was too long.
    longest: Duration,
    /// How many more short intervals it takes.
    to_prove: u8,
}

#[derive(Debug, Default)]
struct Alarms {
    starving: Alarm,
    slow: Alarm,
    silent: Alarm,
    order: Alarm,
    sound_drifts: Alarm,
    wall_drifts: Alarm,
}

/// A publisher's stream in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vitals {
    /// Of all its tracks, within the last seconds.
    pub bits_per_second: u64,
    /// Pictures, within the last seconds.
    pub frames_per_second: f64,
    /// From the last keyframe but one to the last.
    pub keyframe_interval: Option<Duration>,
    /// How its clocks go.
    pub clocks: Clocks,
}

impl Health {
    /// Takes note of a unit that arrived. Renditions' are nobody's fault, and not counted.
    pub fn saw(&mut self, unit: &Unit, arrived: Instant) {
        if ![TrackId::VIDEO, TrackId::AUDIO].contains(&unit.track()) {
            return;
        }
        self.go_on(arrived);
        match unit {
            Unit::Config(track, config) => match track.kind() {
                TrackKind::Video => self.order.configured(config),
                TrackKind::Audio => self.audio.configured = true,
            },
            Unit::Sample(unit) => self.saw_sample(unit, arrived),
        }
    }

    /// Takes note of what the packager found wrong.
    pub fn broke(&mut self, why: &PackageError, now: Instant) {
        match why {
            PackageError::Drifted { behind_ms } => self.drifted = Some((now, *behind_ms)),
            PackageError::Discontinuity { .. } | PackageError::Apart { .. } if !why.is_of_rendition() => {}
            _ => return,
        }
        if self.breaks.len() == MOST_BREAKS {
            self.breaks.pop_front();
        }
        self.breaks.push_back(now);
    }

    /// Takes note of how the packager finds the clocks to go.
    pub fn compared(&mut self, clocks: Clocks) {
        self.clocks = clocks;
    }

    /// What is wrong with the stream.
    pub fn warnings(&mut self, now: Instant) -> Vec<Warning> {
        self.go_on(now);
        let found = [
            self.rare_keyframes(),
            self.picture_order(now),
            self.starving(now),
            self.no_audio(now),
            self.clock_drift(now),
            self.timestamps(now),
        ];
        let warning = |(code, text): (&str, String)| Warning {
            code: code.to_owned(),
            text,
        };
        found.into_iter().flatten().map(warning).collect()
    }

    /// The stream in numbers, as of the last unit.
    pub fn vitals(&self) -> Vitals {
        Vitals {
            bits_per_second: self.bits_per_second(),
            frames_per_second: as_float(self.pictures.total(self.second))
                / as_float(Meter::<11>::seconds(self.second)),
            keyframe_interval: self.keyframes.interval,
            clocks: self.clocks,
        }
    }

    fn saw_sample(&mut self, unit: &AccessUnit, arrived: Instant) {
        let bytes = u64::try_from(unit.data.len()).unwrap_or(u64::MAX);
        self.bytes.add(self.second, bytes);
        let time = unit.decode_time;
        match unit.track.kind() {
            TrackKind::Audio => {
                self.audio.saw(time, arrived, self.second);
            }
            TrackKind::Video => {
                if !self.video.saw(time, arrived, self.second) {
                    self.keyframes.newest = None;
                }
                self.pictures.add(self.second, 1);
                self.order.saw(unit, self.second);
                if unit.keyframe {
                    self.keyframes.saw(time);
                }
            }
        }
    }

    /// Goes on to the second that `now` is in.
    fn go_on(&mut self, now: Instant) {
        let began = *self.began.get_or_insert(now);
        let second = now.saturating_duration_since(began).as_secs();
        if second <= self.second {
            return;
        }
        self.second = second;
        if second < SETTLED.as_secs() {
            return;
        }
        let bits_per_second = self.bits_per_second();
        let usual = self.usual_bits_per_second.get_or_insert(bits_per_second);
        // Follows within about a minute.
        *usual = usual.saturating_mul(59).saturating_add(bits_per_second) / 60;
    }

    fn bits_per_second(&self) -> u64 {
        self.bytes.per_second(self.second).saturating_mul(8)
    }

    fn rare_keyframes(&self) -> Option<(&'static str, String)> {
        let since = self.keyframes.newest.zip(self.video.newest);
        let open = since.map_or(Duration::ZERO, |(keyframe, newest)| newest.since(keyframe));
        let is_rare = open > RARE_KEYFRAMES || self.keyframes.to_prove > 0;
        is_rare.then(|| {
            let interval = self.keyframes.longest.max(open).as_secs_f64();
            let text =
                format!("keyframes are {interval:.1} s apart: set the encoder's keyframe interval to 2 s");
            ("keyframe-interval", text)
        })
    }

    fn picture_order(&mut self, now: Instant) -> Option<(&'static str, String)> {
        let found = self.order.wrong(self.second);
        let lasts = Duration::from_secs(10);
        let raised = self
            .alarms
            .order
            .hears(found.is_some(), Duration::ZERO, lasts, now);
        raised.then(|| ("picture-order", self.order.told().to_owned()))
    }

    fn starving(&mut self, now: Instant) -> Option<(&'static str, String)> {
        let usual = self.usual_bits_per_second.unwrap_or_default();
        let bits = self.bits_per_second();
        let little = bits < usual / STARVING;
        let behind = self.slow_by(now);
        let (rise, fall) = (Duration::from_secs(3), Duration::from_secs(5));
        let little = self.alarms.starving.hears(little, rise, fall, now);
        let slow = self
            .alarms
            .slow
            .hears(behind > SLOW, Duration::from_secs(1), fall, now);
        let text = if slow {
            format!(
                "media comes slower than it plays, by {:.1} s within {} s: lower the bitrate, or find what holds the encoder up",
                behind.as_secs_f64(),
                flow::WITHIN
            )
        } else if little {
            format!(
                "the bitrate fell to {} kbit/s from {}: the picture stands still, or the encoder or its connection cannot keep up",
                bits / 1000,
                usual / 1000
            )
        } else {
            return None;
        };
        Some(("starving", text))
    }

    /// What media has fallen behind the time that passed, within the last seconds.
    fn slow_by(&self, now: Instant) -> Duration {
        let Some(newest) = self.video.arrived.max(self.audio.arrived) else {
            return Duration::ZERO;
        };
        let silent = now.saturating_duration_since(newest);
        if self.second < SETTLED.as_secs() {
            return silent.saturating_sub(SLOW);
        }
        let behind = |flow: &Flow| flow.behind(self.second);
        let least = [&self.video, &self.audio].into_iter().filter_map(behind).min();
        least
            .unwrap_or_default()
            .max(silent.saturating_sub(Duration::from_secs(1)))
    }

    fn no_audio(&mut self, now: Instant) -> Option<(&'static str, String)> {
        let shown = self.video.arrived?;
        let began = self.began?;
        let heard = self.audio.arrived;
        let missed = match heard {
            // While nothing comes at all, sound is not what is wrong.
            Some(heard) => shown.saturating_duration_since(heard) >= SOUND_MISSED,
            None => shown.saturating_duration_since(began) >= SETTLED,
        };
        let silent = self
            .alarms
            .silent
            .hears(missed, Duration::ZERO, Duration::from_secs(2), now);
        silent.then(|| {
            let text = match (heard, self.audio.configured) {
                (Some(_), _) => "sound has stopped: look for the encoder's source of sound",
                (None, true) => "sound was announced and none came: look for the encoder's source of sound",
                (None, false) => {
                    "there is no sound: well if that is meant, otherwise add a source of sound in the encoder"
                }
            };
            ("no-audio", text.to_owned())
        })
    }

    fn clock_drift(&mut self, now: Instant) -> Option<(&'static str, String)> {
        let Clocks {
            behind_wall_ms,
            sound_behind_ms,
        } = self.clocks;
        let lasts = Duration::from_secs(30);
        let sound = self
            .alarms
            .sound_drifts
            .hears_number(sound_behind_ms, SOUND_DRIFTS_MS, lasts, now);
        let wall = self
            .alarms
            .wall_drifts
            .hears_number(behind_wall_ms, WALL_DRIFTS_MS, lasts, now);
        let direction = |ms: i64| if ms < 0 { "ahead of" } else { "behind" };
        let recent = |(then, _): &(Instant, i64)| now.saturating_duration_since(*then) < BREAKS_WITHIN;
        let wall = behind_wall_ms
            .filter(|_| wall)
            .or(self.drifted.filter(recent).map(|(_, ms)| ms));
        let text = if let Some(ms) = sound_behind_ms.filter(|_| sound) {
            format!(
                "sound is {} ms {} pictures since the stream began, and growing apart: set one sample rate everywhere in the encoder",
                ms.unsigned_abs(),
                direction(ms)
            )
        } else {
            let ms = wall?;
            format!(
                "media is {} ms {} the clock since the stream began: the encoder's clock is wrong, or a delay has stayed",
                ms.unsigned_abs(),
                direction(ms)
            )
        };
        Some(("clock-drift", text))
    }

    fn timestamps(&mut self, now: Instant) -> Option<(&'static str, String)> {
        let old = |then: &Instant| now.saturating_duration_since(*then) >= BREAKS_WITHIN;
        while self.breaks.front().is_some_and(old) {
            self.breaks.pop_front();
        }
        let text = match self.breaks.len() {
            0 => return None,
            1 => "timestamps broke within the last minute: viewers saw a jump".to_owned(),
            count => format!("timestamps broke {count} times within the last minute: viewers saw jumps"),
        };
        Some(("timestamps", text))
    }
}

impl Keyframes {
    fn saw(&mut self, time: Millis) {
        let interval = self.newest.map(|newest| time.since(newest));
        self.newest = Some(time);
        let Some(interval) = interval.filter(|interval| !interval.is_zero()) else {
            return;
        };
        self.interval = Some(interval);
        if interval > RARE_KEYFRAMES {
            self.longest = interval;
            self.to_prove = GOOD_INTERVALS;
        } else {
            self.to_prove = self.to_prove.saturating_sub(1);
        }
    }
}

fn as_float(count: u64) -> f64 {
    u32::try_from(count).unwrap_or(u32::MAX).into()
}
