//! A stream under way: a publisher's, or the filler's, from its units to the pieces of an epoch.

use std::time::{Duration, Instant};

use tracing::{info, warn};
use wire::presentation::Warning;
use wire::seal::Refusal;

use super::breaks::{Breaks, MOST_BREAKS};
use super::on_air::OnAir;
use crate::health::{Health, Vitals};
use crate::ingest::{Limits, OverLimit};
use crate::ladder::{FromLadder, Ladder};
use crate::media::Unit;
use crate::package::{Cut, PackageError, Packaged, Packager};

/// Why a stream is sent away.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error(transparent)]
    Package(#[from] PackageError),
    #[error("more than {MOST_BREAKS} breaks within a minute, the last: {0}")]
    Broken(PackageError),
    #[error(transparent)]
    Seal(#[from] Refusal),
    #[error("the operator of a tracker took this down")]
    TakenDown,
    #[error(transparent)]
    OverLimit(#[from] OverLimit),
}

/// What comes of a unit.
pub(super) enum Step {
    /// Pieces of the epoch under way, or the first ones of the next.
    Pieces(Vec<Packaged>),
    /// The timeline broke: these end the epoch, and the same unit is to be given once more.
    Break(Vec<Packaged>),
}

/// A stream under way.
pub(super) struct Stream {
    packager: Packager,
    health: Health,
    breaks: Breaks,
    /// Lower renditions of it.
    ladder: Option<Ladder>,
    limits: Limits,
    /// Whether a publisher sends it: what plays while nobody does is on a disk already.
    pub(super) is_published: bool,
    /// Its epoch, once its first pieces have come.
    pub(super) on_air: Option<OnAir>,
}

impl Stream {
    /// A publisher's.
    pub(super) fn published(ladder: Option<Ladder>, limits: Limits) -> Self {
        Self {
            is_published: true,
            ladder,
            limits,
            ..Self::filling()
        }
    }

    /// The filler's.
    pub(super) fn filling() -> Self {
        Self {
            packager: Packager::new(Cut::default(), []),
            health: Health::default(),
            breaks: Breaks::default(),
            ladder: None,
            limits: Limits::default(),
            is_published: false,
            on_air: None,
        }
    }

    /// Takes the next unit of the source, which came at `now`.
    pub(super) fn push(&mut self, unit: &Unit, now: Instant) -> Result<Step, Unusable> {
        self.health.saw(unit, now);
        if let Some(ladder) = &mut self.ladder {
            for begun in ladder.feed(unit) {
                self.packager.expect(begun);
            }
        }
        self.package(unit.clone(), now)
    }

    /// Takes what came of the ladder.
    pub(super) fn hear(&mut self, from_ladder: FromLadder, now: Instant) -> Result<Step, Unusable> {
        match from_ladder {
            FromLadder::Unit(unit) => self.package(unit, now),
            FromLadder::Up(track) => {
                info!(%track, "a rendition is up");
                self.packager.expect(track);
                Ok(Step::Pieces(Vec::new()))
            }
            FromLadder::Down(track) => {
                warn!(%track, "a rendition is down");
                self.packager.give_up(track);
                Ok(Step::Pieces(Vec::new()))
            }
        }
    }

    /// The next that comes of the ladder.
    pub(super) async fn rendered(&mut self) -> FromLadder {
        match &mut self.ladder {
            Some(ladder) => ladder.next().await,
            None => std::future::pending().await,
        }
    }

    /// Whether these pieces keep to what may be pushed.
    pub(super) fn check(&self, pieces: &[Packaged]) -> Result<(), OverLimit> {
        pieces.iter().try_for_each(|piece| match piece {
            Packaged::Init { description, .. } => {
                let height = description.video.map_or(0, |video| video.height);
                self.limits.check_height(height)
            }
            Packaged::Chunk(_) => Ok(()),
        })
    }

    /// The last pieces.
    pub(super) fn finish(&mut self) -> Vec<Packaged> {
        self.packager.finish()
    }

    /// How much of the epoch has come, in media time.
    pub(super) fn reached(&self) -> Duration {
        self.packager.reached()
    }

    /// What is wrong with it.
    pub(super) fn warnings(&mut self, now: Instant) -> Vec<Warning> {
        self.health.compared(self.packager.clocks());
        let mut warnings = self.health.warnings(now);
        warnings.extend(self.ladder.iter().flat_map(Ladder::warnings));
        warnings
    }

    pub(super) fn vitals(&self) -> Vitals {
        self.health.vitals()
    }

    fn package(&mut self, unit: Unit, now: Instant) -> Result<Step, Unusable> {
        match self.packager.push(unit, now) {
            Ok(pieces) => Ok(Step::Pieces(pieces)),
            Err(error) if error.begins_anew() => {
                self.health.broke(&error, now);
                if !error.is_of_rendition() {
                    if self.breaks.are_too_many(now) {
                        return Err(Unusable::Broken(error));
                    }
                    self.ladder.iter_mut().for_each(Ladder::reset);
                }
                info!(reason = %error, "the epoch ends, another begins");
                let next = self.packager.anew();
                let last = std::mem::replace(&mut self.packager, next).finish();
                Ok(Step::Break(last))
            }
            Err(error) if error.goes_on() => {
                warn!(reason = %error, "a rendition is left out");
                Ok(Step::Pieces(Vec::new()))
            }
            Err(error) => Err(error.into()),
        }
    }
}
