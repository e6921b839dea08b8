//! The model that manifests are made from: a channel's epochs, as far as they are in the window.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use wire::id::Epoch;
use wire::presentation::{Document, State, TrackSummary};

use super::super::description::Packaged;
use super::dash::{Kind, TIME_SHIFT, mpd};
use super::epoch::EpochWindow;
use super::hls;
use super::numbering::Numbering;
use super::window::TrackWindow;

/// Epochs listed at a time: a channel that breaks more often lists less of its past, so that its documents stay small.
const MAX_EPOCHS: usize = 6;

/// What there is of a channel, through its epochs, as it is told to players. It remembers a minute.
#[derive(Clone, Debug, Default)]
pub struct Presentation {
    /// The oldest first; all but the last have ended.
    epochs: VecDeque<EpochWindow>,
    numbering: Numbering,
    /// The newest moment that segments have reached, since 1970; it never goes back.
    edge: Duration,
    chunks: u64,
}

/// How far a channel has come. Another one means that the documents have changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// The newest epoch.
    pub epoch: Option<Epoch>,
    /// Its newest segment that every track has whole, 0 for none.
    pub segment: u32,
    /// Chunks of all tracks and epochs so far.
    pub chunks: u64,
}

/// What documents list.
pub(super) struct Listing<'a> {
    /// The oldest first.
    pub(super) epochs: Vec<&'a EpochWindow>,
    /// Segments that began earlier are not listed.
    pub(super) horizon: Duration,
    /// Whether nothing more will come.
    pub(super) is_over: bool,
}

impl Presentation {
    /// Begins an epoch; the one before, if it has not ended, ends.
    pub fn begin(&mut self, epoch: Epoch) {
        self.end_epoch();
        if self.epochs.back().is_some_and(|last| last.epoch >= epoch) {
            // A clock that was far ahead was set right. Periods have to grow: those before are told of no more.
            while let Some(old) = self.epochs.pop_front() {
                self.numbering.left(&old);
            }
            self.edge = Duration::ZERO;
        }
        self.edge = self.edge.max(Duration::from_millis(epoch.0));
        self.forget();
        let discontinuity = self.numbering.begin(epoch, self.epochs.is_empty());
        let previous = self.epochs.back().map(|last| last.epoch);
        self.epochs
            .push_back(EpochWindow::new(epoch, previous, discontinuity));
    }

    /// Takes note of the next piece of the epoch. Pieces have to come as they were packaged.
    pub fn note(&mut self, piece: &Packaged) {
        let Some((current, before)) = self.epochs.make_contiguous().split_last_mut() else {
            return;
        };
        if current.has_ended() {
            return;
        }
        match piece {
            Packaged::Init { description, bytes } => {
                let earlier = before.last().and_then(|before| before.track(description.track));
                let goes_on = earlier.map(|earlier| earlier.init == *bytes);
                current.begin(TrackWindow::new(description.clone(), bytes.clone(), goes_on));
                self.numbering.add(description.track, &self.epochs);
            }
            Packaged::Chunk(chunk) => {
                self.chunks += 1;
                let whole = current.note(chunk);
                self.numbering.measure(current);
                if whole {
                    self.edge = self.edge.max(current.at(current.duration()));
                    self.forget();
                }
            }
        }
    }

    /// Ends the epoch: nothing more comes of it. Nothing is left of one that no segment was whole of.
    pub fn end_epoch(&mut self) {
        let Some(last) = self.epochs.back_mut() else {
            return;
        };
        last.end();
        if !last.is_begun() {
            self.numbering.give_back(last.discontinuity);
            self.epochs.pop_back();
        }
    }

    /// An epoch is to be listed no more. Those before it go with it: what is listed has no gap.
    pub fn take_down(&mut self, epoch: Epoch) {
        if self.epochs.back().is_some_and(|last| last.epoch == epoch) {
            self.end_epoch();
        }
        let is_there = self.epochs.iter().any(|known| known.epoch == epoch);
        while is_there
            && let Some(oldest) = self.epochs.front()
            && oldest.epoch <= epoch
        {
            self.numbering.left(oldest);
            self.epochs.pop_front();
        }
    }

    /// The newest segment of the newest epoch that every track has whole. Before there is one, nothing of it is listed.
    pub fn newest(&self) -> Option<u32> {
        self.epochs.back()?.newest()
    }

    /// How far it has come.
    pub fn reached(&self) -> Reached {
        Reached {
            epoch: self.epochs.back().map(|last| last.epoch),
            segment: self.newest().unwrap_or(0),
            chunks: self.chunks,
        }
    }

    /// When the media that has come ends, in milliseconds since 1970, rounded up: the next epoch may begin then. 0 when there is none.
    pub fn end_ms(&self) -> u64 {
        let end = self.epochs.back().map(|last| last.at(last.reached()));
        let millis = end.unwrap_or_default().as_nanos().div_ceil(1_000_000);
        u64::try_from(millis).unwrap_or(u64::MAX)
    }

    /// The tracks of the newest epoch, with their average bitrates.
    pub fn tracks(&self) -> Vec<TrackSummary> {
        let newest = self.epochs.back().into_iter();
        let mut tracks: Vec<_> = newest
            .flat_map(EpochWindow::tracks)
            .map(TrackWindow::summary)
            .collect();
        tracks.sort_by_key(|summary| summary.track);
        tracks
    }

    /// All manifests and playlists at that time. Media are at `{epoch}/{track}/…`; where that is, whoever serves them adds. None
    /// before a first segment is whole in all tracks.
    pub fn documents(&self, now: SystemTime, state: State) -> Vec<Document> {
        let is_over = !state.is_on_air();
        let listing = Listing {
            epochs: self.epochs.iter().filter(|epoch| epoch.is_listed()).collect(),
            horizon: self.horizon(),
            is_over,
        };
        let Some(newest) = listing.epochs.last() else {
            return Vec::new();
        };
        let manifests = [
            ("manifest.mpd", Kind::Manifest),
            ("low-latency.mpd", Kind::LowLatency),
            ("compat.mpd", Kind::Compat),
        ];
        let manifests = manifests
            .into_iter()
            .filter_map(|(name, kind)| Some(Document::new(name, mpd(kind, &listing, now)?)));
        let master = Document::new("master.m3u8", hls::master(newest));
        // Parts are listed as soon as they are there.
        let epochs: Vec<_> = self.epochs.iter().collect();
        let playlists = self.numbering.playlists().filter_map(|(track, numbers)| {
            let text = hls::playlist(&hls::Source {
                track,
                numbers,
                target: self.numbering.target(),
                epochs: &epochs,
                horizon: listing.horizon,
                is_over,
            });
            Some(Document::new(hls::name(track), text?))
        });
        manifests.chain([master]).chain(playlists).collect()
    }

    fn horizon(&self) -> Duration {
        self.edge.saturating_sub(TIME_SHIFT)
    }

    /// Lets go of epochs that have left the window.
    fn forget(&mut self) {
        let horizon = self.horizon();
        while let Some(oldest) = self.epochs.front()
            && oldest.has_ended()
            && (!oldest.reaches(horizon) || self.epochs.len() > MAX_EPOCHS)
        {
            self.numbering.left(oldest);
            self.epochs.pop_front();
        }
    }
}
