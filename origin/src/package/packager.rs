//! The packager of one epoch: configurations and breaks on the way from units to pieces.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use wire::id::TrackId;

use super::aside::Aside;
use super::config::Codec;
use super::cut::Cut;
use super::description::Packaged;
use super::drift::Clocks;
use super::epoch::Tracks;
use super::error::{PackageError, is_rendition};
use super::renditions::Renditions;
use super::start::{Beginning, Start};
use super::timeline::Pulse;
use crate::media::{AccessUnit, Config, Unit};

/// Packages one epoch.
///
/// The publisher's own tracks, `v0` and `a0`, make the epoch; renditions of them go with it as long as they keep up.
/// When [`push`](Self::push) fails with an error that [begins anew](PackageError::begins_anew), [`finish`](Self::finish)
/// this epoch, and give the same unit to the packager that [`anew`](Self::anew) makes for the next one.
#[derive(Debug)]
pub struct Packager {
    cut: Cut,
    configured: BTreeMap<TrackId, Config>,
    pulses: BTreeMap<TrackId, Pulse>,
    renditions: Renditions,
    stage: Stage,
    aside: Aside,
    /// Kept when a push fails half-way, so that nothing cut is lost.
    out: Vec<Packaged>,
}

#[derive(Debug)]
enum Stage {
    Waiting(Start),
    Running(Box<Tracks>),
    Finished,
}

impl Packager {
    /// A packager that waits for its tracks: the publisher's own and, for a few seconds, the renditions that are
    /// expected.
    pub fn new(cut: Cut, renditions: impl IntoIterator<Item = TrackId>) -> Self {
        // Shorter segments could lie between two samples; longer ones would outlast the longest keyframe interval.
        let segment = cut.segment.clamp(Duration::from_secs(1), Duration::from_secs(10));
        Self {
            cut: Cut { segment, ..cut },
            configured: BTreeMap::new(),
            pulses: BTreeMap::new(),
            renditions: Renditions::new(renditions),
            stage: Stage::Waiting(Start::default()),
            aside: Aside::default(),
            out: Vec::new(),
        }
    }

    /// A packager for the next epoch of the same publisher, which knows what was configured, what renditions to wait
    /// for, and the sound that this epoch had no use for.
    #[must_use]
    pub fn anew(&self) -> Self {
        let mut next = Self {
            configured: self.configured.clone(),
            renditions: self.renditions.clone(),
            ..Self::new(self.cut, [])
        };
        for (unit, arrived) in self.aside.units() {
            // It was no use to one epoch; when it is none to the next, nothing is lost.
            let _ = next.take(unit, arrived);
        }
        next
    }

    /// Takes the next unit, of the publisher or of a rendition, and answers with the pieces that became whole. The
    /// first pieces come when it is known which tracks there are: at once with pictures and sound, after 3 s of one
    /// alone, and after 4 s more where a rendition is missing.
    ///
    /// What a rendition does wrong is never an error that ends the publish: it is left out, and the epoch begins anew at
    /// the next keyframe where it was part of it.
    pub fn push(&mut self, unit: Unit, arrived: Instant) -> Result<Vec<Packaged>, PackageError> {
        let track = unit.track();
        let pushed = match unit {
            Unit::Config(_, config) => self.configure(track, config),
            Unit::Sample(unit) => self.take(unit, arrived),
        };
        match pushed {
            Ok(()) => Ok(std::mem::take(&mut self.out)),
            Err(why) if why.begins_anew() => {
                self.judge(&why, arrived);
                Err(why)
            }
            Err(PackageError::LeftOut { track, why }) => {
                self.renditions.broke(track, arrived);
                Err(PackageError::LeftOut { track, why })
            }
            Err(why) if is_rendition(track) => {
                self.renditions.broke(track, arrived);
                if let Stage::Waiting(start) = &mut self.stage {
                    start.forget(track);
                }
                Err(why.leaves_out(track))
            }
            Err(why) => Err(why),
        }
    }

    /// Notes that a rendition is being made: an epoch that has yet to begin waits for it, for a few seconds.
    pub fn expect(&mut self, rendition: TrackId) {
        self.renditions.joined(rendition);
    }

    /// Notes that a rendition is not made any more: nothing waits for it, and an epoch that it was part of begins anew at
    /// the next keyframe.
    pub fn give_up(&mut self, rendition: TrackId) {
        self.renditions.ended(rendition);
        match &mut self.stage {
            Stage::Running(tracks) if is_rendition(rendition) => {
                tracks.lose(rendition, PackageError::Ended(rendition));
            }
            Stage::Waiting(start) if is_rendition(rendition) => start.forget(rendition),
            _ => {}
        }
    }

    /// Ends the epoch: the last pieces. Nothing comes of units that are pushed after it.
    pub fn finish(&mut self) -> Vec<Packaged> {
        if let Stage::Waiting(start) = &mut self.stage
            && let Some(beginning) = start.finish()
        {
            // Too large or too long without a keyframe: then the epoch is what came before.
            let _ = self.begin(beginning);
        }
        if let Stage::Running(tracks) = std::mem::replace(&mut self.stage, Stage::Finished) {
            tracks.finish(&mut self.out);
        }
        std::mem::take(&mut self.out)
    }

    /// How much of the epoch has come in: the media time of its newest sample. An epoch's name is the moment
    /// at which its time was 0: when the first pieces come, now less this.
    pub fn reached(&self) -> Duration {
        match &self.stage {
            Stage::Running(tracks) => tracks.reached(),
            Stage::Waiting(_) | Stage::Finished => Duration::ZERO,
        }
    }

    /// How the publisher's clocks go in this epoch.
    pub fn clocks(&mut self) -> Clocks {
        match &mut self.stage {
            Stage::Running(tracks) => tracks.clocks(),
            Stage::Waiting(_) | Stage::Finished => Clocks::default(),
        }
    }

    fn configure(&mut self, track: TrackId, config: Config) -> Result<(), PackageError> {
        if let (TrackId::VIDEO, Stage::Waiting(start)) = (track, &mut self.stage) {
            start.expect_video();
        }
        if self.configured.get(&track) == Some(&config) {
            return Ok(());
        }
        Codec::check(&config)?;
        match &mut self.stage {
            Stage::Waiting(start) => start.forget(track),
            Stage::Running(tracks) if tracks.leads(track) => return Err(PackageError::Reconfigured(track)),
            Stage::Running(tracks) => tracks.lose(track, PackageError::Reconfigured(track)),
            Stage::Finished => {}
        }
        self.configured.insert(track, config);
        Ok(())
    }

    fn take(&mut self, unit: AccessUnit, arrived: Instant) -> Result<(), PackageError> {
        let track = unit.track;
        if self.renditions.is_out(track, arrived) {
            return Ok(());
        }
        if !self.configured.contains_key(&track) {
            return Err(PackageError::Unconfigured(track));
        }
        // The clock of a track that is no part of the epoch breaks nothing.
        if let Stage::Running(tracks) = &mut self.stage
            && !tracks.has(track)
        {
            if track == TrackId::AUDIO {
                self.aside.put(&unit, arrived);
            }
            return tracks.consider(&unit);
        }
        if let Err(broke) = self.check(&unit, arrived) {
            return self.break_off(unit, arrived, broke);
        }
        match &mut self.stage {
            Stage::Waiting(start) => match start.push(unit, self.renditions.expected())? {
                Some(beginning) => {
                    let begun = self.begin(beginning);
                    if let Stage::Running(tracks) = &mut self.stage {
                        tracks.go_on_air(arrived);
                    }
                    begun
                }
                None => Ok(()),
            },
            Stage::Running(tracks) => {
                tracks.goes_on_with(&unit)?;
                tracks.push(unit, &mut self.out)?;
                tracks.note_arrival(track, arrived);
                Ok(())
            }
            Stage::Finished => Ok(()),
        }
    }

    fn check(&mut self, unit: &AccessUnit, arrived: Instant) -> Result<(), PackageError> {
        let others = self.pulses.iter().filter(|(other, _)| **other != unit.track);
        let others = others.filter_map(|(_, pulse)| pulse.newest()).max();
        let pulse = self
            .pulses
            .entry(unit.track)
            .or_insert_with(|| Pulse::new(unit.track));
        pulse.check(unit.decode_time, arrived, others)
    }

    /// A track's timestamps jumped. What leads ends the epoch, what follows does so at the next keyframe; before the
    /// epoch began, a rendition only begins again.
    fn break_off(
        &mut self,
        unit: AccessUnit,
        arrived: Instant,
        broke: PackageError,
    ) -> Result<(), PackageError> {
        let track = unit.track;
        match &mut self.stage {
            Stage::Running(tracks) if !tracks.leads(track) => {
                tracks.lose(track, broke);
                if track == TrackId::AUDIO {
                    self.aside.put(&unit, arrived);
                }
                Ok(())
            }
            Stage::Waiting(start) if is_rendition(track) => {
                start.forget(track);
                self.pulses.remove(&track);
                self.take(unit, arrived)
            }
            _ => Err(broke),
        }
    }

    /// Decides what renditions the next epoch has, when this one ends for that reason.
    fn judge(&mut self, why: &PackageError, now: Instant) {
        if let PackageError::Joined(track) = why {
            self.renditions.joined(*track);
        }
        if let Stage::Running(tracks) = &self.stage {
            for lost in tracks.lost() {
                self.renditions.broke(lost, now);
            }
        }
    }

    fn begin(&mut self, beginning: Beginning) -> Result<(), PackageError> {
        let (tracks, left_out) = Tracks::begin(self.cut, &beginning, &self.configured, &mut self.out)?;
        let Some(mut tracks) = tracks else { return Ok(()) };
        let pushed = beginning
            .into_units()
            .try_for_each(|unit| tracks.push(unit, &mut self.out));
        self.stage = Stage::Running(Box::new(tracks));
        pushed.and(left_out.map_or(Ok(()), Err))
    }
}
