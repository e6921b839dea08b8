//! One epoch of a channel: a timeline of tracks, kept for a stretch back from its newest chunk.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use wire::chunk::{Chunk, ChunkRecord};
use wire::id::{ChunkId, Epoch, INIT_SEGMENT, TrackId};

use super::kept::Kept;
use super::segment::{Held, Segment, Span, since_1970};
use super::{CLOCK_SLACK, Refused, Verdict, elapsed, millis};

/// How far a chunk may be ahead of the newest one, apart from the time that has passed since that came.
const LEAP: Duration = Duration::from_mins(1);

/// How much faster than the clock a publisher may run while nothing of it arrives here.
const HASTE: u32 = 2;

/// No stream is cut into more segments a second than this: what bounds a segment's number by its time.
const SEGMENTS_A_SECOND: u64 = 10;

/// Posters that are kept: the newest, and those that somebody may be about to ask for.
const POSTERS: usize = 3;

/// The edge of a track: its newest segments, which viewers are about to ask for.
const EDGE: usize = 2;

/// A track that is so far behind the others has ended before them.
const ENDED: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct EpochWindow {
    epoch: Epoch,
    /// When its first chunk came, and its newest that is no poster.
    began: SystemTime,
    arrived: SystemTime,
    /// Where the newest chunk ends that is no poster; it never goes back.
    newest: Duration,
    tracks: BTreeMap<TrackId, Track>,
}

#[derive(Debug, Default)]
struct Track {
    init: Option<Held>,
    segments: BTreeMap<u32, Held>,
    /// Where the newest segment that has left ends.
    left: Duration,
}

/// The oldest segment of an epoch, and the way to let go of it.
pub(super) struct Oldest<'a> {
    /// When it ends, by the origin's clock.
    pub(super) end: Duration,
    track: &'a mut Track,
    number: u32,
}

impl EpochWindow {
    pub(super) fn begin(epoch: Epoch, now: SystemTime) -> Self {
        Self {
            epoch,
            began: now,
            arrived: now,
            newest: Duration::ZERO,
            tracks: BTreeMap::new(),
        }
    }

    pub(super) fn judge(
        &self,
        record: &ChunkRecord,
        now: SystemTime,
        keep: Duration,
    ) -> Result<Verdict, Refused> {
        let track = self.tracks.get(&record.id.track);
        if record.id.is_init() {
            let init = track.and_then(|track| track.init.as_ref());
            return init.map_or(Ok(Verdict::New), |init| init.judge(record));
        }
        let span = Span::of(record);
        if self.is_absurd(record, span, now) {
            return Err(Refused::TooFarAhead);
        }
        let Some(track) = track else {
            return self.judge_time(span, Duration::ZERO, keep);
        };
        match track.segments.get(&record.id.segment) {
            Some(segment) => segment.judge(record),
            None => self.judge_time(span, track.left, keep),
        }
    }

    /// Whether a segment that is not here is still to come, or has left.
    fn judge_time(&self, span: Span, left: Duration, keep: Duration) -> Result<Verdict, Refused> {
        let horizon = left.max(self.newest.saturating_sub(keep));
        if span.end <= horizon && !horizon.is_zero() {
            Err(Refused::Stale)
        } else {
            Ok(Verdict::New)
        }
    }

    /// Keeps a chunk that [`EpochWindow::judge`] found new.
    pub(super) fn insert(&mut self, chunk: Chunk, now: SystemTime, keep: Duration) {
        let ChunkId {
            track: id, segment, ..
        } = *chunk.id();
        let span = Span::of(chunk.record());
        let held = || Held::begin(self.epoch, span);
        let track = self.tracks.entry(id).or_default();
        let place = match segment {
            INIT_SEGMENT => track.init.get_or_insert_with(held),
            number => track.segments.entry(number).or_insert_with(held),
        };
        place.insert(chunk, span);
        if id.is_poster() {
            // A poster is of the media, and moves nothing: it says that it lasts until the next one.
            return track.keep_newest(POSTERS);
        }
        self.arrived = now;
        self.newest = self.newest.max(span.end);
        self.evict_before(self.newest.saturating_sub(keep));
    }

    /// Lets go of all media. Init segments stay: without them the epoch could not go on.
    pub(super) fn clear(&mut self) {
        self.evict_before(Duration::MAX);
    }

    pub(super) fn age(&self, now: SystemTime) -> Duration {
        elapsed(self.began, now)
    }

    pub(super) fn idle(&self, now: SystemTime) -> Duration {
        elapsed(self.arrived, now)
    }

    pub(super) fn bytes(&self) -> usize {
        self.inits().chain(self.segments()).map(Held::bytes).sum()
    }

    pub(super) fn disk_bytes(&self) -> usize {
        self.inits().chain(self.segments()).map(Held::disk_bytes).sum()
    }

    /// The oldest segment among those that are `meant`, and no edge if this is the newest epoch. `coming` is about to be
    /// inserted here, and may be a new edge itself.
    pub(super) fn oldest(
        &mut self,
        is_newest: bool,
        coming: Option<&ChunkRecord>,
        meant: fn(&Held) -> bool,
    ) -> Option<Oldest<'_>> {
        let epoch = self.epoch;
        let oldest_of_tracks = self.tracks.iter_mut().filter_map(|(id, track)| {
            let coming = coming.filter(|record| record.id.track == *id && track.is_next(record));
            let edge = if is_newest { EDGE } else { 0 };
            track.oldest(epoch, edge.saturating_sub(coming.iter().count()), meant)
        });
        oldest_of_tracks.min_by_key(|oldest| oldest.end)
    }

    /// Whether a chunk would be of an edge here.
    pub(super) fn is_edge(&self, record: &ChunkRecord) -> bool {
        let Some(track) = self.tracks.get(&record.id.track) else {
            return true;
        };
        let end = Span::of(record).end;
        let newer = track
            .segments
            .iter()
            .filter(|(number, held)| **number != record.id.segment && held.span.end > end);
        newer.count() < EDGE
    }

    pub(super) fn chunk(&self, id: &ChunkId) -> Option<&Kept> {
        self.held(id.track, id.segment)?.chunk(id.index)
    }

    pub(super) fn segment(&self, track: TrackId, number: u32) -> Option<Segment<Kept>> {
        self.held(track, number).map(Held::segment)
    }

    pub(super) fn newest_of_track(&self, track: TrackId) -> Option<&Kept> {
        self.tracks
            .get(&track)?
            .segments
            .values()
            .max_by_key(|held| held.span.end)?
            .chunks()
            .last()
    }

    pub(super) fn inits(&self) -> impl Iterator<Item = &Held> {
        self.tracks.values().filter_map(|track| track.init.as_ref())
    }

    pub(super) fn segments(&self) -> impl Iterator<Item = &Held> {
        self.tracks.values().flat_map(|track| track.segments.values())
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Held> {
        let tracks = self.tracks.values_mut();
        tracks.flat_map(|track| track.init.iter_mut().chain(track.segments.values_mut()))
    }

    pub(super) fn held_mut(&mut self, track: TrackId, number: u32) -> Option<&mut Held> {
        let track = self.tracks.get_mut(&track)?;
        if number == INIT_SEGMENT {
            track.init.as_mut()
        } else {
            track.segments.get_mut(&number)
        }
    }

    /// The newest number that is whole in every track that has not ended.
    pub(super) fn newest_whole(&self) -> Option<u32> {
        let goes_on = |track: &&Track| {
            let end = track.segments.values().map(|held| held.span.end).max();
            end.is_some_and(|end| end + ENDED >= self.newest)
        };
        let newest_whole = |track: &Track| {
            let whole = track.segments.iter().filter(|(_, held)| held.is_whole());
            whole
                .max_by_key(|(_, held)| held.span.end)
                .map_or(0, |(number, _)| *number)
        };
        self.media()
            .filter(goes_on)
            .map(newest_whole)
            .min()
            .filter(|number| *number > 0)
    }

    /// The tracks that are played.
    fn media(&self) -> impl Iterator<Item = &Track> {
        let media = self.tracks.iter().filter(|(id, _)| !id.is_poster());
        media.map(|(_, track)| track)
    }

    fn held(&self, track: TrackId, number: u32) -> Option<&Held> {
        let track = self.tracks.get(&track)?;
        if number == INIT_SEGMENT {
            track.init.as_ref()
        } else {
            track.segments.get(&number)
        }
    }

    /// Whether no honest stream could have come to this point by now.
    fn is_absurd(&self, record: &ChunkRecord, span: Span, now: SystemTime) -> bool {
        let is_first = self.media().all(|track| track.segments.is_empty()) && self.newest.is_zero();
        let reachable = if is_first {
            // Whoever joins late begins in the middle of an epoch, whose age only the clocks tell; they may
            // be wrong by a day.
            Duration::from_millis(millis(now + CLOCK_SLACK).saturating_sub(self.epoch.0))
        } else {
            let quiet = elapsed(self.arrived, now).saturating_mul(HASTE);
            self.newest.saturating_add(LEAP).saturating_add(quiet)
        };
        let segments = (span.end.as_secs() + 1).saturating_mul(SEGMENTS_A_SECOND);
        span.end > reachable || u64::from(record.id.segment) > segments
    }

    fn evict_before(&mut self, horizon: Duration) {
        for track in self.tracks.values_mut() {
            track.segments.retain(|_, held| {
                let stays = held.span.end > horizon;
                if !stays {
                    track.left = track.left.max(held.span.end);
                }
                stays
            });
        }
    }
}

impl Track {
    /// The oldest segment among those that are `meant` and not among the newest `edge`.
    fn oldest(&mut self, epoch: Epoch, edge: usize, meant: fn(&Held) -> bool) -> Option<Oldest<'_>> {
        let ends = self.segments.iter();
        let mut ends: Vec<_> = ends.map(|(number, held)| (held.span.end, *number)).collect();
        ends.sort_unstable();
        ends.truncate(ends.len().saturating_sub(edge));
        let (end, number) = ends
            .into_iter()
            .find(|(_, number)| meant(&self.segments[number]))?;
        Some(Oldest {
            end: since_1970(epoch, end),
            track: self,
            number,
        })
    }

    /// Whether a chunk begins a segment newer than all.
    fn is_next(&self, record: &ChunkRecord) -> bool {
        let end = Span::of(record).end;
        self.segments
            .iter()
            .all(|(number, held)| *number != record.id.segment && held.span.end < end)
    }

    fn keep_newest(&mut self, count: usize) {
        while self.segments.len() > count {
            let ends = self
                .segments
                .iter()
                .map(|(number, held)| (held.span.end, *number));
            let Some((_, number)) = ends.min() else { return };
            self.evict(number);
        }
    }

    fn evict(&mut self, number: u32) -> Option<Held> {
        let held = self.segments.remove(&number)?;
        self.left = self.left.max(held.span.end);
        Some(held)
    }
}

impl Oldest<'_> {
    /// Lets go of it; the bytes that it took in memory and on disk.
    pub(super) fn evict(self) -> (usize, usize) {
        let held = self.track.evict(self.number);
        held.map_or((0, 0), |held| (held.bytes(), held.disk_bytes()))
    }
}
