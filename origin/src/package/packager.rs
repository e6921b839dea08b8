//! The packager of one epoch: configurations and breaks on the way from units to pieces.

use std::time::Duration;

use wire::id::TrackKind;

use super::config::Codec;
use super::cut::Cut;
use super::description::Packaged;
use super::epoch::Tracks;
use super::error::PackageError;
use super::start::{Beginning, Start};
use super::timeline::Pulse;
use crate::media::{AccessUnit, Config, Unit};

/// Packages one epoch.
///
/// When [`push`](Self::push) fails with an error that [begins anew](PackageError::begins_anew), [`finish`](Self::finish)
/// this epoch, and give the same unit to the packager that [`anew`](Self::anew) makes for the next one.
#[derive(Debug)]
pub struct Packager {
    cut: Cut,
    video: Option<Configured>,
    audio: Option<Configured>,
    video_pulse: Pulse,
    audio_pulse: Pulse,
    stage: Stage,
    /// Kept when a push fails half-way, so that nothing cut is lost.
    out: Vec<Packaged>,
}

/// A configuration, and what it was read from.
#[derive(Clone, Debug)]
struct Configured {
    config: Config,
    codec: Codec,
}

#[derive(Debug)]
enum Stage {
    Waiting(Start),
    Running(Box<Tracks>),
    Finished,
}

impl Packager {
    /// A packager that waits for its tracks.
    pub fn new(cut: Cut) -> Self {
        // Shorter segments could lie between two samples; longer ones would outlast the longest keyframe interval.
        let segment = cut.segment.clamp(Duration::from_secs(1), Duration::from_secs(10));
        Self {
            cut: Cut { segment, ..cut },
            video: None,
            audio: None,
            video_pulse: Pulse::new(TrackKind::Video),
            audio_pulse: Pulse::new(TrackKind::Audio),
            stage: Stage::Waiting(Start::default()),
            out: Vec::new(),
        }
    }

    /// A packager for the next epoch of the same publisher, which knows what was configured.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self {
            video: self.video.clone(),
            audio: self.audio.clone(),
            ..Self::new(self.cut)
        }
    }

    /// Takes the publisher's next unit and answers with the pieces that became whole. The first pieces come when it
    /// is known which tracks there are: at once with pictures and sound, after 3 s of one alone.
    pub fn push(&mut self, unit: Unit) -> Result<Vec<Packaged>, PackageError> {
        match unit {
            Unit::Config(_, config) => self.configure(config)?,
            Unit::Sample(unit) => self.take(unit)?,
        }
        Ok(std::mem::take(&mut self.out))
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

    fn configure(&mut self, config: Config) -> Result<(), PackageError> {
        let kind = config.kind();
        if let (TrackKind::Video, Stage::Waiting(start)) = (kind, &mut self.stage) {
            start.expect_video();
        }
        if self
            .configured(kind)
            .as_ref()
            .is_some_and(|known| known.config == config)
        {
            return Ok(());
        }
        let codec = Codec::read(&config)?;
        self.reconfigure(kind)?;
        *self.configured(kind) = Some(Configured { config, codec });
        Ok(())
    }

    fn configured(&mut self, kind: TrackKind) -> &mut Option<Configured> {
        match kind {
            TrackKind::Video => &mut self.video,
            TrackKind::Audio => &mut self.audio,
        }
    }

    /// Makes room for another configuration, where nothing was begun with the one before.
    fn reconfigure(&mut self, kind: TrackKind) -> Result<(), PackageError> {
        match &mut self.stage {
            Stage::Waiting(start) => start.forget(kind),
            Stage::Running(tracks) if tracks.has(kind) => return Err(PackageError::Reconfigured(kind)),
            Stage::Running(_) | Stage::Finished => {}
        }
        Ok(())
    }

    fn take(&mut self, unit: AccessUnit) -> Result<(), PackageError> {
        let kind = unit.track.kind();
        let (configured, pulse) = match kind {
            TrackKind::Video => (self.video.is_some(), &mut self.video_pulse),
            TrackKind::Audio => (self.audio.is_some(), &mut self.audio_pulse),
        };
        if !configured {
            return Err(PackageError::Unconfigured(kind));
        }
        // The clock of a track that is no part of the epoch breaks nothing.
        if !matches!(&self.stage, Stage::Running(tracks) if !tracks.has(kind)) {
            pulse.check(unit.decode_time)?;
        }
        match &mut self.stage {
            Stage::Waiting(start) => match start.push(unit)? {
                Some(beginning) => self.begin(beginning),
                None => Ok(()),
            },
            Stage::Running(tracks) => tracks.push(unit, &mut self.out),
            Stage::Finished => Ok(()),
        }
    }

    fn begin(&mut self, beginning: Beginning) -> Result<(), PackageError> {
        let avc = self.video.as_ref().map(|video| &video.codec);
        let aac = self.audio.as_ref().map(|audio| &audio.codec);
        let mut tracks = Tracks::begin(self.cut, &beginning, avc, aac, &mut self.out);
        let held = beginning.video.into_iter().chain(beginning.audio);
        let pushed = held
            .into_iter()
            .try_for_each(|unit| tracks.push(unit, &mut self.out));
        self.stage = Stage::Running(Box::new(tracks));
        pushed
    }
}
