//! The window of one epoch: its tracks together.

use std::time::Duration;

use wire::id::{Epoch, TrackId, TrackKind};

use super::super::cut::{Cut, RawChunk};
use super::super::description::TrackDescription;
use super::pace::Pace;
use super::window::{Segment, TrackWindow};

/// A frame where nothing tells how long one lasts.
const USUAL_FRAME: Duration = Duration::from_nanos(1_000_000_000 / 30);
/// How far apart tracks may end that end together.
const SHOWN_APART: Duration = Duration::from_millis(500);
/// In such steps it is told how far a track comes behind the first one.
const LAG_STEP: Duration = Duration::from_millis(250);

/// An epoch as far as it is in the window.
#[derive(Clone, Debug)]
pub(super) struct EpochWindow {
    pub(super) epoch: Epoch,
    /// The epoch that is listed before it.
    pub(super) previous: Option<Epoch>,
    /// Its discontinuity sequence number.
    pub(super) discontinuity: u64,
    ended: bool,
    /// In the order in which they are listed, once they are.
    tracks: Vec<TrackWindow>,
    is_ordered: bool,
    pace: Option<Pace>,
    /// Whether each segment has begun where its number says.
    is_steady: bool,
    /// How far tracks come behind the first one.
    lags: Vec<(TrackId, Duration)>,
}

impl EpochWindow {
    pub(super) fn new(epoch: Epoch, previous: Option<Epoch>, discontinuity: u64) -> Self {
        Self {
            epoch,
            previous,
            discontinuity,
            ended: false,
            tracks: Vec::new(),
            is_ordered: false,
            pace: None,
            is_steady: true,
            lags: Vec::new(),
        }
    }

    /// A track begins.
    pub(super) fn begin(&mut self, track: TrackWindow) {
        if self.track(track.description.track).is_none() {
            self.tracks.push(track);
        }
    }

    /// Takes note of the next chunk, and tells whether that made a segment whole.
    pub(super) fn note(&mut self, chunk: &RawChunk) -> bool {
        let lead = self.lead().map(|lead| lead.description.track);
        let lead_reached = self.lead().map(TrackWindow::reached).unwrap_or_default();
        let track = |known: &&mut TrackWindow| known.description.track == chunk.track;
        let Some(track) = self.tracks.iter_mut().find(track) else {
            return false;
        };
        let whole = track.note(chunk);
        let lag = lead_reached.saturating_sub(track.reached());
        if let Some(pace) = self.pace
            && chunk.index == 0
        {
            self.is_steady &= pace.allows(chunk.segment, track.time(chunk.time));
        }
        if whole && self.pace.is_none() && lead == Some(chunk.track) {
            self.pace = first_pace(track);
        }
        self.note_lag(chunk.track, lag);
        self.order();
        whole
    }

    /// No more comes of it.
    pub(super) fn end(&mut self) {
        self.ended = true;
        self.tracks.iter_mut().for_each(TrackWindow::end);
        self.order();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether any segment of it is whole.
    pub(super) fn is_begun(&self) -> bool {
        self.tracks.iter().any(|track| track.newest().is_some())
    }

    /// Whether there is enough of it to be listed: a segment of each track, or all that it will ever be.
    pub(super) fn is_listed(&self) -> bool {
        if self.ended {
            self.is_begun()
        } else {
            self.newest().is_some()
        }
    }

    /// The newest segment that every track has whole; of an epoch that has ended, that any has.
    pub(super) fn newest(&self) -> Option<u32> {
        let newest = self.tracks.iter().map(TrackWindow::newest);
        if self.ended {
            newest.max().flatten()
        } else {
            newest.min().flatten()
        }
    }

    /// The tracks that there is something of.
    pub(super) fn tracks(&self) -> impl Iterator<Item = &TrackWindow> {
        let is_there = |track: &&TrackWindow| !self.ended || track.newest().is_some();
        self.tracks.iter().filter(is_there)
    }

    pub(super) fn tracks_of(&self, kind: TrackKind) -> impl Iterator<Item = &TrackWindow> {
        self.tracks()
            .filter(move |track| track.description.track.kind() == kind)
    }

    pub(super) fn track(&self, id: TrackId) -> Option<&TrackWindow> {
        self.tracks.iter().find(|track| track.description.track == id)
    }

    /// The publisher's own track of that kind.
    pub(super) fn first_of(&self, kind: TrackKind) -> Option<&TrackWindow> {
        self.tracks_of(kind).min_by_key(|track| track.description.track)
    }

    /// What a playlist shows of it: the track, or the publisher's own where this epoch has it not. So whoever watches a
    /// rendition that goes away stays with the channel.
    pub(super) fn shown_as(&self, id: TrackId) -> Option<&TrackWindow> {
        let itself = self.tracks().find(|track| track.description.track == id);
        itself.or_else(|| self.first_of(id.kind()))
    }

    /// The track at whose keyframes all are cut.
    fn lead(&self) -> Option<&TrackWindow> {
        self.tracks.iter().min_by_key(|track| track.description.track)
    }

    /// The whole segments of a track that players may ask for: in step with the other tracks while more is to come, and
    /// none that began before `horizon`.
    pub(super) fn segments<'a>(
        &self,
        track: &'a TrackWindow,
        horizon: Duration,
    ) -> impl Iterator<Item = &'a Segment> + use<'a> {
        let (newest, start) = (self.newest().unwrap_or(0), self.at(Duration::ZERO));
        track
            .whole()
            .filter(move |segment| segment.number <= newest && start + track.time(segment.time) >= horizon)
    }

    /// Whether any segment of it began at `horizon` or later.
    pub(super) fn reaches(&self, horizon: Duration) -> bool {
        let newest = |track: &TrackWindow| track.whole().next_back().map(|segment| track.time(segment.time));
        let begun = self.tracks.iter().filter_map(newest).max();
        begun.is_some_and(|time| self.at(time) >= horizon)
    }

    /// A moment of its media, since 1970.
    pub(super) fn at(&self, time: Duration) -> Duration {
        Duration::from_millis(self.epoch.0).saturating_add(time)
    }

    /// How long its media lasts, as far as segments are whole.
    pub(super) fn duration(&self) -> Duration {
        let ends = self.tracks().map(TrackWindow::end_of_whole);
        ends.max().unwrap_or_default()
    }

    /// How long it can be shown: to where the first of its tracks ends, as players wait where one has nothing more. But for a
    /// track that was gone long before.
    pub(super) fn shown(&self) -> Duration {
        let longest = self.duration();
        // Renditions come a little after their source, and lose their last moment with the epoch: the source's viewers do not.
        let own = self
            .tracks()
            .filter(|track| track.description.track.number() == 0);
        let ends = own.map(TrackWindow::end_of_whole);
        let together = ends.filter(|end| *end + SHOWN_APART >= longest);
        together.min().unwrap_or(longest)
    }

    /// How long its media lasts, as far as it has come.
    pub(super) fn reached(&self) -> Duration {
        let reached = self.tracks.iter().map(TrackWindow::reached);
        reached.max().unwrap_or_default()
    }

    pub(super) fn longest_segment(&self) -> Duration {
        let longest = self.tracks.iter().map(TrackWindow::longest);
        longest.max().unwrap_or_default()
    }

    /// Its pace, as long as each segment has begun where its number says.
    pub(super) fn pace(&self) -> Option<Pace> {
        self.pace.filter(|_| self.is_steady)
    }

    /// The longest that a chunk may be meant to last: it ends with the frame that makes it long enough.
    pub(super) fn chunk(&self) -> Duration {
        self.lead()
            .map_or(Duration::ZERO, |lead| meant_chunk(&lead.description))
    }

    /// How far a track comes behind the first one, in steps; nothing where it comes along with it.
    pub(super) fn lag(&self, id: TrackId) -> Duration {
        let lag = self.lags.iter().find(|(track, _)| *track == id);
        lag.map_or(Duration::ZERO, |(_, lag)| *lag)
    }

    /// Steps that only grow: what players are told should seldom change.
    fn note_lag(&mut self, id: TrackId, lag: Duration) {
        // Tracks that are cut together come within a chunk of one another.
        if lag <= self.chunk() {
            return;
        }
        let steps = lag.as_millis().div_ceil(LAG_STEP.as_millis());
        let lag = LAG_STEP * u32::try_from(steps).unwrap_or(u32::MAX);
        match self.lags.iter_mut().find(|(track, _)| *track == id) {
            Some((_, known)) => *known = lag.max(*known),
            None => self.lags.push((id, lag)),
        }
    }

    /// Lists the lightest track of each kind first. Once: an order that players have seen does not change.
    fn order(&mut self) {
        if !self.is_ordered && self.is_listed() {
            self.is_ordered = true;
            self.tracks.sort_by_key(|track| {
                let id = track.description.track;
                (id.kind(), track.peak_bits_per_second(), id)
            });
        }
    }
}

/// The longest that a chunk of that track may be meant to last.
pub(super) fn meant_chunk(description: &TrackDescription) -> Duration {
    /// Samples in a frame of sound, where it is not known better.
    const SAMPLES: u32 = 1024;

    let frame_rate = description.video.as_ref().and_then(|video| video.frame_rate);
    let frame = match (frame_rate, &description.audio) {
        (Some(rate), _) => Duration::from_secs(rate.denominator().into()) / rate.numerator(),
        (None, Some(audio)) => Duration::from_secs(SAMPLES.into()) / audio.sample_rate.max(1),
        (None, None) => USUAL_FRAME,
    };
    Cut::default().chunk + frame.min(Cut::default().chunk)
}

/// The pace that the first segment sets.
fn first_pace(lead: &TrackWindow) -> Option<Pace> {
    let first = lead.whole().next()?;
    let frame_rate = lead.description.video.and_then(|video| video.frame_rate);
    let pace = Pace::of(first.duration, lead.description.timescale, frame_rate);
    pace.filter(|pace| pace.allows(first.number, lead.time(first.time)))
}
