//! One channel: its epoch and the one before it, which those who watched it may still finish.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use wire::chunk::{Chunk, ChunkRecord};
use wire::id::Epoch;

use super::demand::Demand;
use super::epoch::{EpochWindow, Oldest};
use super::segment::Held;
use super::{CLOCK_SLACK, Refused, Verdict, millis};

/// A channel keeps its epoch and the one before it.
const EPOCHS: usize = 2;

/// A channel that took no chunk for so long is off the air, and gives its media back.
const OFF_AIR: Duration = Duration::from_mins(10);

#[derive(Debug, Default)]
pub(super) struct Channel {
    epochs: BTreeMap<Epoch, EpochWindow>,
    /// The newest epoch that has left: no epoch up to it comes back.
    left: Option<Epoch>,
    pub(super) demand: Demand,
}

impl Channel {
    pub(super) fn judge(
        &self,
        record: &ChunkRecord,
        now: SystemTime,
        keep: Duration,
    ) -> Result<Verdict, Refused> {
        let epoch = record.id.epoch;
        match self.epochs.get(&epoch) {
            Some(window) => window.judge(record, now, keep),
            None if !self.may_begin(epoch, now, keep) => Err(Refused::Stale),
            None if epoch.0 > millis(now + CLOCK_SLACK) => Err(Refused::TooFarAhead),
            None => EpochWindow::begin(epoch, now).judge(record, now, keep),
        }
    }

    /// Keeps a chunk that [`Channel::judge`] found new.
    pub(super) fn insert(&mut self, chunk: Chunk, now: SystemTime, keep: Duration) {
        let epoch = chunk.id().epoch;
        self.epochs
            .entry(epoch)
            .or_insert_with(|| EpochWindow::begin(epoch, now))
            .insert(chunk, now, keep);
        self.expire(now, keep);
    }

    pub(super) fn expire(&mut self, now: SystemTime, keep: Duration) {
        let followed = self
            .epochs
            .values()
            .next_back()
            .map_or(Duration::ZERO, |newest| newest.age(now));
        while self.epochs.len() > EPOCHS || (self.epochs.len() > 1 && followed >= keep) {
            self.left = self.epochs.pop_first().map(|(epoch, _)| epoch).max(self.left);
        }
        if self.off_air(now).is_some() {
            self.epochs.values_mut().for_each(EpochWindow::clear);
        }
    }

    /// For how long the channel has been off the air; `None` while it is not.
    pub(super) fn off_air(&self, now: SystemTime) -> Option<Duration> {
        let idle = self.epochs.values().map(|window| window.idle(now)).min();
        idle.filter(|idle| *idle >= OFF_AIR)
    }

    pub(super) fn remove(&mut self, epoch: Epoch) {
        self.epochs.remove(&epoch);
    }

    pub(super) fn epoch(&self, epoch: Epoch) -> Option<&EpochWindow> {
        self.epochs.get(&epoch)
    }

    pub(super) fn epoch_mut(&mut self, epoch: Epoch) -> Option<&mut EpochWindow> {
        self.epochs.get_mut(&epoch)
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Held> {
        self.epochs.values_mut().flat_map(EpochWindow::all_mut)
    }

    pub(super) fn epochs(&self) -> impl Iterator<Item = &EpochWindow> {
        self.epochs.values().rev()
    }

    pub(super) fn newest(&self) -> Option<(Epoch, &EpochWindow)> {
        self.epochs
            .last_key_value()
            .map(|(epoch, window)| (*epoch, window))
    }

    /// The oldest segment among those that are `meant`, but for the edge of the newest epoch. `coming` is about to be
    /// inserted here.
    pub(super) fn oldest(
        &mut self,
        coming: Option<&ChunkRecord>,
        meant: fn(&Held) -> bool,
    ) -> Option<Oldest<'_>> {
        let coming_epoch = coming.map(|record| record.id.epoch);
        let newest = self.epochs.keys().copied().chain(coming_epoch).max();
        let oldest = self.epochs.iter_mut().filter_map(|(epoch, window)| {
            let coming = coming.filter(|record| record.id.epoch == *epoch);
            window.oldest(Some(*epoch) == newest, coming, meant)
        });
        oldest.min_by_key(|oldest| oldest.end)
    }

    /// Whether a chunk would be of the newest epoch's edge.
    pub(super) fn is_edge(&self, record: &ChunkRecord) -> bool {
        match self.epochs.last_key_value() {
            Some((newest, window)) if *newest == record.id.epoch => window.is_edge(record),
            Some((newest, _)) => record.id.epoch > *newest,
            None => true,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.epochs.values().map(EpochWindow::bytes).sum()
    }

    pub(super) fn disk_bytes(&self) -> usize {
        self.epochs.values().map(EpochWindow::disk_bytes).sum()
    }

    /// Whether an epoch that is not here may be: any newer one, and the one before for as long as it would
    /// have stayed if it had been here.
    fn may_begin(&self, epoch: Epoch, now: SystemTime, keep: Duration) -> bool {
        let (Some((oldest, _)), Some((newest, window))) =
            (self.epochs.first_key_value(), self.epochs.last_key_value())
        else {
            return self.left.is_none_or(|left| epoch > left);
        };
        let has_left = self.left.is_some_and(|left| epoch <= left);
        let takes_its_place = self.epochs.len() < EPOCHS || epoch > *oldest;
        epoch > *newest || (!has_left && takes_its_place && window.age(now) < keep)
    }
}
