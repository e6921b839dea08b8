//! How HLS numbers what it lists (RFC 8216 §4.3.3.2, §4.3.3.3): numbers that go on from epoch to epoch, and over restarts.
//!
//! A playlist tells the number of its first segment alone, and players count on from there. So each playlist counts by itself. The
//! first number of a process is the time in seconds: segments last a second at least, so that it is beyond all that came before.
//! Discontinuities begin with the time too, but stay small: hls.js counts from 0 up to theirs whenever it reads a playlist.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use wire::id::{Epoch, TrackId};

use super::epoch::{EpochWindow, meant_chunk};
use super::window::TrackWindow;

/// Discontinuities begin below this: with it the time goes round in 18 hours.
const DISCONTINUITIES: u64 = 1 << 16;

/// What playlists have promised, and have to keep to.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbering {
    playlists: BTreeMap<TrackId, Numbers>,
    next_discontinuity: u64,
    /// The target duration of all playlists, in seconds.
    target: u64,
}

/// Those of one playlist.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    /// The media sequence number of the first segment that the oldest epoch ever had.
    pub(super) first: u64,
    /// The longest that a part may last.
    pub(super) part_target: Duration,
}

impl Numbering {
    /// An epoch begins, and `anew` if no other is listed any more. Answers with its discontinuity sequence number.
    pub(super) fn begin(&mut self, epoch: Epoch, anew: bool) -> u64 {
        let seconds = epoch.0 / 1000;
        if anew {
            self.target = 0;
            self.next_discontinuity = self.next_discontinuity.max(seconds % DISCONTINUITIES);
            for numbers in self.playlists.values_mut() {
                numbers.first = numbers.first.max(seconds);
                numbers.part_target = Duration::ZERO;
            }
        }
        let discontinuity = self.next_discontinuity;
        self.next_discontinuity += 1;
        discontinuity
    }

    /// Nothing came of the newest epoch.
    pub(super) fn give_back(&mut self, discontinuity: u64) {
        self.next_discontinuity = discontinuity;
    }

    /// A track begins in the newest of these epochs. Before it had a playlist, that of its kind's first track would have
    /// shown the same.
    pub(super) fn add(&mut self, id: TrackId, epochs: &VecDeque<EpochWindow>) {
        let mut others = self
            .playlists
            .iter()
            .filter(|(other, _)| other.kind() == id.kind());
        let like = others.next().map(|(_, numbers)| *numbers);
        let seconds = epochs.back().map_or(0, |newest| newest.epoch.0 / 1000);
        self.playlists.entry(id).or_insert(like.unwrap_or(Numbers {
            first: seconds,
            part_target: Duration::ZERO,
        }));
    }

    /// Takes account of what the newest epoch has come to.
    pub(super) fn measure(&mut self, epoch: &EpochWindow) {
        self.target = self.target.max(rounded(epoch.longest_segment())).max(1);
        for (id, numbers) in &mut self.playlists {
            let longest = epoch.shown_as(*id).map_or(Duration::ZERO, longest_part);
            numbers.part_target = numbers.part_target.max(longest);
        }
    }

    /// The oldest epoch is listed no more.
    pub(super) fn left(&mut self, epoch: &EpochWindow) {
        for (id, numbers) in &mut self.playlists {
            numbers.first += epoch.shown_as(*id).map_or(0, TrackWindow::count);
        }
    }

    /// In whole seconds: no segment is longer, when it is rounded (RFC 8216 §4.3.3.1).
    pub(super) fn target(&self) -> u64 {
        self.target
    }

    /// The playlists that there are.
    pub(super) fn playlists(&self) -> impl Iterator<Item = (TrackId, Numbers)> {
        self.playlists.iter().map(|(id, numbers)| (*id, *numbers))
    }
}

fn longest_part(track: &TrackWindow) -> Duration {
    let meant = meant_chunk(&track.description);
    let millis = track.longest_part().max(meant).as_nanos().div_ceil(1_000_000);
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// To the nearest second.
fn rounded(duration: Duration) -> u64 {
    (duration + Duration::from_millis(500)).as_secs()
}
