//! The start of an epoch: which tracks it has, and where its time begins.
//!
//! A track that joins later would change the manifest under its players, so an epoch waits until both sound and a
//! keyframe are there, or until one of them has gone on alone for a while; and then for the renditions that are
//! expected, since they take a while to make. What came meanwhile is held.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use wire::id::{TrackId, TrackKind};

use super::error::{PackageError, is_rendition};
use super::follow::ALIGNED;
use super::timeline::{LONGEST_STEP, shown, signed};
use crate::media::{AccessUnit, Millis};

/// How long one track goes on before it begins alone.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long the publisher's own tracks wait for renditions.
const PATIENCE_WITH_RENDITIONS: Duration = Duration::from_secs(4);
/// How much sound is held while it may be alone.
const LONGEST_HELD_SOUND: Duration = Duration::from_secs(8);
/// What is held while waiting, at most.
const MAX_HELD_BYTES: usize = 16 << 20;
/// What holding a sample takes besides its own bytes, about.
const UNIT_BYTES: usize = 128;
/// The longest time without a keyframe.
pub(super) const LONGEST_KEYFRAME_INTERVAL: Duration = Duration::from_secs(12);

/// What an epoch begins with. A track without samples is not part of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Beginning {
    /// The epoch's 0 on the publisher's clock, in milliseconds.
    pub(super) zero: i64,
    /// Video begins with a keyframe, and nothing is from before the epoch. No track is empty.
    pub(super) held: BTreeMap<TrackId, VecDeque<AccessUnit>>,
}

impl Beginning {
    /// What is held, in the order of decoding.
    pub(super) fn into_units(mut self) -> impl Iterator<Item = AccessUnit> {
        std::iter::from_fn(move || {
            let time = |held: &VecDeque<AccessUnit>| held.front().map(|unit| unit.decode_time);
            let fronts = self.held.values_mut().filter(|held| !held.is_empty());
            fronts.min_by_key(|held| time(held))?.pop_front()
        })
    }
}

/// Holds samples until an epoch can begin.
#[derive(Debug, Default)]
pub(super) struct Start {
    held: BTreeMap<TrackId, VecDeque<AccessUnit>>,
    held_bytes: usize,
    /// The first of the pictures that came before a keyframe.
    first_picture: Option<Millis>,
    /// The first sound since video last gave a sign.
    alone_since: Option<Millis>,
    /// How far the publisher's own tracks had come when they could have begun.
    ready_since: Option<Millis>,
}

impl Start {
    /// Video was configured, or goes on: sound does not begin without it yet.
    pub(super) fn expect_video(&mut self) {
        self.alone_since = None;
    }

    /// Forgets a track that goes on in another way.
    pub(super) fn forget(&mut self, track: TrackId) {
        let is_source = track == TrackId::VIDEO;
        // Renditions' pictures were held because they begin where their source did.
        self.held
            .retain(|&held, _| held != track && !(is_source && held.kind() == TrackKind::Video));
        self.held_bytes = self.held.values().flatten().map(cost).sum();
        if is_source {
            self.ready_since = None;
        }
    }

    /// Takes the next sample, and tells whether it was the one that was waited for: the publisher's own tracks and,
    /// but not for long, those renditions.
    pub(super) fn push(
        &mut self,
        unit: AccessUnit,
        renditions: &BTreeSet<TrackId>,
    ) -> Result<Option<Beginning>, PackageError> {
        match unit.track.kind() {
            TrackKind::Video if is_rendition(unit.track) => self.push_rendition(unit),
            TrackKind::Video => self.push_video(unit)?,
            TrackKind::Audio => self.push_audio(unit),
        }
        Ok(if self.is_ready(renditions) {
            self.finish()
        } else {
            None
        })
    }

    /// Begins with whatever is held.
    pub(super) fn finish(&mut self) -> Option<Beginning> {
        let sound = self.track(TrackId::AUDIO).and_then(VecDeque::front);
        let zero = self
            .zero()
            .or_else(|| sound.map(|sound| signed(sound.decode_time)))?;
        self.drop_sound_before(zero);
        let Self { mut held, .. } = std::mem::take(self);
        // A rendition of sound begins with its source, or not at all.
        let first = |units: &VecDeque<AccessUnit>| units.front().map(|unit| unit.decode_time);
        let latest = held
            .get(&TrackId::AUDIO)
            .and_then(first)
            .map(|first| first + ALIGNED);
        let begins_late = |track: TrackId, units: &VecDeque<AccessUnit>| {
            is_rendition(track) && track.kind() == TrackKind::Audio && first(units) > latest
        };
        held.retain(|&track, units| !units.is_empty() && !begins_late(track, units));
        Some(Beginning { zero, held })
    }

    fn is_ready(&mut self, renditions: &BTreeSet<TrackId>) -> bool {
        let (video, audio) = (self.track(TrackId::VIDEO), self.track(TrackId::AUDIO));
        let Some(newest) = self.newest() else { return false };
        let full = self.held_bytes > MAX_HELD_BYTES;
        let ready = match video {
            Some(video) => audio.is_some() || full || spans(video, PATIENCE),
            None => self
                .alone_since
                .is_some_and(|since| newest.since(since) >= PATIENCE),
        };
        if !ready {
            self.ready_since = None;
            return false;
        }
        let is_there = |track: &TrackId| self.track(*track).is_some();
        let can_come = |track: &&TrackId| video.is_some() || track.kind() == TrackKind::Audio;
        let complete = renditions.iter().filter(can_come).all(is_there);
        let since = *self.ready_since.get_or_insert(newest);
        complete || full || newest.since(since) >= PATIENCE_WITH_RENDITIONS
    }

    fn push_video(&mut self, unit: AccessUnit) -> Result<(), PackageError> {
        self.expect_video();
        let time = unit.decode_time;
        if self.track(TrackId::VIDEO).is_none() {
            let waited = time.since(*self.first_picture.get_or_insert(time));
            if waited > LONGEST_KEYFRAME_INTERVAL {
                return Err(PackageError::KeyframeInterval {
                    longest: LONGEST_KEYFRAME_INTERVAL,
                });
            }
            if !unit.keyframe {
                return Ok(());
            }
            self.drop_sound_before(shown(&unit));
        }
        self.hold(unit);
        Ok(())
    }

    /// A rendition's pictures begin with its source, or not at all.
    fn push_rendition(&mut self, unit: AccessUnit) {
        let Some(zero) = self.zero() else { return };
        let begins = || unit.keyframe && u128::from(shown(&unit).abs_diff(zero)) <= ALIGNED.as_millis();
        if self.track(unit.track).is_some() || begins() {
            self.hold(unit);
        }
    }

    fn push_audio(&mut self, unit: AccessUnit) {
        let (track, time) = (unit.track, unit.decode_time);
        if self.zero().is_some_and(|zero| signed(time) < zero) {
            return;
        }
        // What is ahead of its source was made before that went back in time.
        let source = self.newest().map(|newest| newest + LONGEST_STEP);
        if is_rendition(track) && source.is_none_or(|source| time > source) {
            return;
        }
        self.hold(unit);
        if self.zero().is_some() {
            return;
        }
        if track == TrackId::AUDIO {
            self.alone_since.get_or_insert(time);
        }
        let too_much = |held: &VecDeque<_>, bytes| bytes > MAX_HELD_BYTES || spans(held, LONGEST_HELD_SOUND);
        while self
            .track(track)
            .is_some_and(|held| too_much(held, self.held_bytes))
        {
            self.drop_oldest(track);
        }
    }

    /// How far the publisher's own tracks have come.
    fn newest(&self) -> Option<Millis> {
        let newest = |track| self.track(track).and_then(VecDeque::back);
        let newest = [TrackId::VIDEO, TrackId::AUDIO].map(newest).into_iter().flatten();
        newest.map(|unit| unit.decode_time).max()
    }

    fn zero(&self) -> Option<i64> {
        self.track(TrackId::VIDEO)?.front().map(shown)
    }

    /// What is held of a track, if anything is.
    fn track(&self, track: TrackId) -> Option<&VecDeque<AccessUnit>> {
        self.held.get(&track).filter(|held| !held.is_empty())
    }

    fn hold(&mut self, unit: AccessUnit) {
        self.held_bytes += cost(&unit);
        self.held.entry(unit.track).or_default().push_back(unit);
    }

    fn drop_sound_before(&mut self, zero: i64) {
        let is_early = |unit: &AccessUnit| signed(unit.decode_time) < zero;
        let sounds: Vec<_> = self.held.keys().copied().collect();
        for track in sounds
            .into_iter()
            .filter(|track| track.kind() == TrackKind::Audio)
        {
            while self.track(track).and_then(VecDeque::front).is_some_and(is_early) {
                self.drop_oldest(track);
            }
        }
    }

    fn drop_oldest(&mut self, track: TrackId) {
        let dropped = self.held.get_mut(&track).and_then(VecDeque::pop_front);
        self.held_bytes -= dropped.as_ref().map_or(0, cost);
    }
}

fn cost(unit: &AccessUnit) -> usize {
    unit.data.len() + UNIT_BYTES
}

fn spans(held: &VecDeque<AccessUnit>, length: Duration) -> bool {
    let (Some(first), Some(last)) = (held.front(), held.back()) else {
        return false;
    };
    last.decode_time.since(first.decode_time) >= length
}

#[cfg(test)]
mod tests;
