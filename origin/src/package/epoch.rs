//! An epoch under way: one track leads, the others follow.
//!
//! The publisher's video leads, and is cut at its keyframes; where there is none, its audio does, by time alone. Which
//! tracks there are was settled when the epoch began. When another one joins, or one that follows breaks, the epoch ends
//! at the leader's next keyframe: the next one begins there, and nothing of what leads is lost.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use wire::id::{TrackId, TrackKind};

use super::cut::Cut;
use super::description::Packaged;
use super::drift::{Clocks, Watch};
use super::error::{PackageError, is_rendition};
use super::follow::Follower;
use super::start::{Beginning, LONGEST_KEYFRAME_INTERVAL};
use super::timeline::{MediaTime, shown};
use super::track::Track;
use crate::media::{AccessUnit, Config};

/// How far one of the publisher's tracks may be ahead of the other.
const FARTHEST_APART: Duration = Duration::from_secs(6);
/// How far a rendition may be behind its source.
const RENDITION_BEHIND: Duration = Duration::from_secs(4);
/// How far media time may be from the wall clock that the epoch was named after.
const FARTHEST_FROM_WALL_MS: i64 = 1000;
/// How close a new track has to be to those that are there, so that it is worth a new epoch.
const IN_REACH: Duration = Duration::from_secs(2);
/// Keyframes are due at whole segments, give or take an encoder's rounding.
const EARLY: Duration = Duration::from_millis(100);

/// The tracks of an epoch.
#[derive(Debug)]
pub(super) struct Tracks {
    zero: i64,
    leader: Track,
    /// How long a segment is, in the leader's ticks.
    segment: u64,
    followers: Vec<Follower>,
    clocks: Option<Watch>,
    /// Why the epoch ends with the leader's next keyframe.
    ending: Option<PackageError>,
}

impl Tracks {
    /// The tracks that have samples to begin with, and were configured; none where there is nothing to lead. A
    /// rendition that cannot be described is left out, and told.
    pub(super) fn begin(
        cut: Cut,
        beginning: &Beginning,
        configured: &BTreeMap<TrackId, Config>,
        out: &mut Vec<Packaged>,
    ) -> Result<(Option<Self>, Option<PackageError>), PackageError> {
        let mut described = |id: TrackId| {
            let first = beginning.held.get(&id).and_then(|held| held.front());
            let known = configured.get(&id).zip(first);
            known
                .map(|(config, first)| Track::begin(config, first, beginning.zero, cut.chunk, out))
                .transpose()
        };
        let leader = match described(TrackId::VIDEO)? {
            Some(video) => Some(video),
            None => described(TrackId::AUDIO)?,
        };
        let Some(leader) = leader else {
            return Ok((None, None));
        };
        let (mut followers, mut left_out) = (Vec::new(), None);
        for track in beginning.held.keys().copied().filter(|id| *id != leader.id) {
            match described(track) {
                Ok(begun) => followers.extend(begun.map(|track| Follower::new(track, &leader))),
                Err(why) if is_rendition(track) => left_out = left_out.or(Some(why.leaves_out(track))),
                Err(why) => return Err(why),
            }
        }
        let segment = match leader.id.kind() {
            TrackKind::Video => cut.segment.saturating_sub(EARLY),
            TrackKind::Audio => cut.segment,
        };
        let tracks = Self {
            zero: beginning.zero,
            segment: leader.ticks(segment),
            leader,
            followers,
            clocks: None,
            ending: None,
        };
        Ok((Some(tracks), left_out))
    }

    /// Whether the track leads.
    pub(super) fn leads(&self, track: TrackId) -> bool {
        self.leader.id == track
    }

    /// Whether the track is one of the epoch's, and has not broken.
    pub(super) fn has(&self, track: TrackId) -> bool {
        self.leads(track)
            || self
                .followers
                .iter()
                .any(|follower| follower.track.id == track && !follower.lost)
    }

    /// The renditions that have broken since the epoch began.
    pub(super) fn lost(&self) -> impl Iterator<Item = TrackId> {
        let lost = self.followers.iter().filter(|follower| follower.lost);
        lost.map(|follower| follower.track.id)
    }

    /// How much of the epoch has come, in media time.
    pub(super) fn reached(&self) -> Duration {
        let followers = self.followers.iter().filter_map(Follower::newest);
        let newest = followers.chain(self.leader.newest()).max();
        newest.map_or(Duration::ZERO, MediaTime::since_zero)
    }

    /// The epoch goes on air: its name says that its time was 0 so long ago as it has come.
    pub(super) fn go_on_air(&mut self, now: Instant) {
        self.clocks = Some(Watch::new(now, self.reached()));
    }

    /// Notes when the newest sample of a track arrived.
    pub(super) fn note_arrival(&mut self, track: TrackId, arrived: Instant) {
        let sound = self.sound().and_then(Follower::newest);
        let Some(clocks) = &mut self.clocks else { return };
        let (clock, newest) = match track {
            _ if self.leader.id == track => (&mut clocks.leader, self.leader.newest()),
            TrackId::AUDIO => (&mut clocks.sound, sound),
            _ => return,
        };
        if let Some(newest) = newest {
            clock.note(arrived, newest.since_zero());
        }
    }

    /// How the publisher's clocks go.
    pub(super) fn clocks(&mut self) -> Clocks {
        let counted_behind_ms = self.sound().map(|sound| sound.track.behind_ms());
        let clocks = self
            .clocks
            .as_mut()
            .map(|clocks| clocks.compare(counted_behind_ms));
        clocks.unwrap_or_default()
    }

    fn sound(&self) -> Option<&Follower> {
        self.followers
            .iter()
            .find(|follower| follower.track.id == TrackId::AUDIO)
    }

    /// Takes the next sample of a track that the epoch [has](Self::has).
    pub(super) fn push(&mut self, unit: AccessUnit, out: &mut Vec<Packaged>) -> Result<(), PackageError> {
        if self.leads(unit.track) {
            return self.lead(unit, out);
        }
        let Some(place) = self
            .followers
            .iter()
            .position(|follower| follower.track.id == unit.track)
        else {
            return Ok(());
        };
        let leader = self.leader.newest();
        let follower = &mut self.followers[place];
        let track = unit.track;
        let pushed = follower
            .push(unit)
            .and_then(|()| leader.map_or(Ok(()), |leader| follower.follow(leader, out)));
        pushed.or_else(|why| self.bear(track, why))
    }

    /// Looks at a sample of a track that is none of the epoch's: it may be worth another epoch.
    pub(super) fn consider(&mut self, unit: &AccessUnit) -> Result<(), PackageError> {
        let known = self
            .followers
            .iter()
            .any(|follower| follower.track.id == unit.track);
        let follows_nothing = is_rendition(unit.track)
            && unit.track.kind() != self.leader.id.kind()
            && self.leader.id.kind() == TrackKind::Audio;
        if known || follows_nothing || !unit.keyframe || !self.is_in_reach(unit) {
            return Ok(());
        }
        let joined = PackageError::Joined(unit.track);
        if unit.track == TrackId::VIDEO {
            return Err(joined);
        }
        self.ending.get_or_insert(joined);
        Ok(())
    }

    /// Gives up a track that follows: the epoch ends with the leader's next keyframe.
    pub(super) fn lose(&mut self, track: TrackId, why: PackageError) {
        let follower = self
            .followers
            .iter_mut()
            .find(|follower| follower.track.id == track);
        if let Some(follower) = follower {
            follower.lost = true;
            self.ending.get_or_insert(why);
        }
    }

    /// Whether the epoch goes on with that sample. With a keyframe of what leads it may be time to end; with any other, only
    /// where what leads has stopped.
    pub(super) fn goes_on_with(&mut self, unit: &AccessUnit) -> Result<(), PackageError> {
        let leader = self.leader.newest().map_or(Duration::ZERO, MediaTime::since_zero);
        if self.leads(unit.track) {
            if unit.keyframe && !leader.is_zero() {
                if !self.leader.goes_on_as(&unit.data) {
                    return Err(PackageError::Reconfigured(unit.track));
                }
                self.give_up_those_behind(leader);
                let behind_wall = self.clocks.as_ref().and_then(|clocks| clocks.leader.behind_ms());
                if let Some(behind_ms) = behind_wall.filter(|behind| behind.abs() > FARTHEST_FROM_WALL_MS) {
                    self.ending.get_or_insert(PackageError::Drifted { behind_ms });
                }
                return self.ending.clone().map_or(Ok(()), Err);
            }
            return Ok(());
        }
        let follower = self
            .followers
            .iter()
            .find(|follower| follower.track.id == unit.track);
        let newest = follower
            .and_then(Follower::newest)
            .map_or(Duration::ZERO, MediaTime::since_zero);
        let by = newest.saturating_sub(leader);
        if by > FARTHEST_APART && !is_rendition(unit.track) {
            let behind = self.leader.id;
            return Err(PackageError::Apart { behind, by });
        }
        Ok(())
    }

    /// Ends the tracks, with everything that waited.
    pub(super) fn finish(mut self, out: &mut Vec<Packaged>) {
        for follower in &mut self.followers {
            follower.finish(out);
        }
        self.leader.finish(out);
    }

    fn lead(&mut self, unit: AccessUnit, out: &mut Vec<Packaged>) -> Result<(), PackageError> {
        let Some(sample) = self.leader.place(unit) else {
            return Ok(());
        };
        let (decoded, shown) = (self.leader.decoded(&sample), self.leader.shown(&sample));
        let age = self.leader.segment_age(decoded);
        if !sample.keyframe && age > self.leader.ticks(LONGEST_KEYFRAME_INTERVAL) {
            return Err(PackageError::KeyframeInterval {
                longest: LONGEST_KEYFRAME_INTERVAL,
            });
        }
        let begins = match self.leader.id.kind() {
            TrackKind::Video => sample.keyframe && age > 0 && age >= self.segment,
            // Every frame can begin one: then segments keep to their numbers for ever.
            TrackKind::Audio => age > 0 && decoded.ticks >= self.segment * u64::from(self.leader.segment()),
        };
        self.leader.cut(sample, begins, out)?;
        let mut broken = Vec::new();
        for follower in self.followers.iter_mut().filter(|follower| !follower.lost) {
            if begins {
                follower.cut_at(shown);
            }
            let cut = follower.follow(decoded, out);
            broken.extend(cut.err().map(|why| (follower.track.id, why)));
        }
        broken
            .into_iter()
            .try_for_each(|(track, why)| self.bear(track, why))
    }

    /// What is wrong with a rendition ends the epoch at its next keyframe; what is wrong with the publisher's own track,
    /// at once.
    fn bear(&mut self, track: TrackId, why: PackageError) -> Result<(), PackageError> {
        if !is_rendition(track) {
            return Err(why);
        }
        self.lose(track, why);
        Ok(())
    }

    fn give_up_those_behind(&mut self, leader: Duration) {
        for follower in self.followers.iter_mut().filter(|follower| !follower.lost) {
            let behind = follower.track.id;
            let newest = follower.newest().map_or(Duration::ZERO, MediaTime::since_zero);
            let by = leader.saturating_sub(newest);
            let most = if is_rendition(behind) {
                RENDITION_BEHIND
            } else {
                FARTHEST_APART
            };
            if by > most {
                follower.lost = true;
                self.ending.get_or_insert(PackageError::Apart { behind, by });
            }
        }
    }

    fn is_in_reach(&self, unit: &AccessUnit) -> bool {
        let reached = self.leader.newest().map_or(Duration::ZERO, MediaTime::since_zero);
        let reached = i64::try_from(reached.as_millis()).unwrap_or(i64::MAX);
        let ahead = (shown(unit) - self.zero).saturating_sub(reached);
        let within = i64::try_from(IN_REACH.as_millis()).unwrap_or(i64::MAX);
        ahead.abs() <= within
    }
}
