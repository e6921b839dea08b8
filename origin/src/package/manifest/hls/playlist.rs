//! The playlist of a track: its segments through all epochs, and the parts of the newest.
//!
//! An epoch is a discontinuity with an init segment of its own. In low latency a chunk is a part (RFC 8216bis §4.4.4.9), named
//! before it is made: each chunk tells whether another follows in its segment, so what comes next is always known.

use std::fmt::Write;
use std::time::Duration;

use wire::id::{Epoch, TrackId};

use super::super::clock::date_time_ms;
use super::super::epoch::EpochWindow;
use super::super::numbering::Numbers;
use super::super::window::{Segment, TrackWindow};
use super::{VERSION, seconds};

/// How far behind the newest part a player stays: what a chunk takes from box to box, and a little.
const PART_HOLD_BACK: Duration = Duration::from_millis(1500);
/// In target durations: how far behind the newest segment players stay, and how far back parts are listed.
const HOLD_BACK: u32 = 3;

/// What a playlist is made from.
pub(in super::super) struct Source<'a> {
    pub(in super::super) track: TrackId,
    pub(in super::super) numbers: Numbers,
    /// The target duration in seconds.
    pub(in super::super) target: u64,
    /// All that there are, the oldest first.
    pub(in super::super) epochs: &'a [&'a EpochWindow],
    /// Segments that began earlier are not listed.
    pub(in super::super) horizon: Duration,
    /// Whether nothing more will come.
    pub(in super::super) is_over: bool,
}

/// The playlist; none while no segment of it is whole.
pub(in super::super) fn playlist(source: &Source<'_>) -> Option<String> {
    let stretches = stretches(source);
    let first = stretches.iter().find(|stretch| !stretch.whole.is_empty())?;
    let newest = stretches.last()?;
    let target = Duration::from_secs(source.target);
    let parts_from = newest.reached().saturating_sub(target * HOLD_BACK);

    let mut out = VERSION.to_owned();
    let _ = writeln!(out, "#EXT-X-TARGETDURATION:{}", source.target);
    if !source.is_over {
        let part_target = source.numbers.part_target;
        let _ = writeln!(
            out,
            "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={},HOLD-BACK={}",
            seconds(PART_HOLD_BACK.max(part_target * 3)),
            seconds(target * HOLD_BACK)
        );
        let _ = writeln!(out, "#EXT-X-PART-INF:PART-TARGET={}", seconds(part_target));
    }
    let _ = writeln!(out, "#EXT-X-MEDIA-SEQUENCE:{}", first.sequence);
    let _ = writeln!(out, "#EXT-X-DISCONTINUITY-SEQUENCE:{}", first.epoch.discontinuity);
    out.push_str("#EXT-X-INDEPENDENT-SEGMENTS\n");
    let mut discontinuity = first.epoch.discontinuity;
    let listed = || stretches.iter().filter(|stretch| !stretch.is_empty());
    for stretch in listed() {
        // Also for epochs that this track was no part of: numbers agree between playlists.
        while discontinuity < stretch.epoch.discontinuity {
            out.push_str("#EXT-X-DISCONTINUITY\n");
            discontinuity += 1;
        }
        stretch.write(&mut out, (!source.is_over).then_some(parts_from));
    }
    if source.is_over {
        out.push_str("#EXT-X-ENDLIST\n");
    } else if listed().next_back()?.epoch.has_ended() {
        // Whatever comes next is of another epoch, and players of parts want to know before they ask for it.
        out.push_str("#EXT-X-DISCONTINUITY\n");
    } else {
        newest.hint(&mut out);
    }
    Some(out)
}

/// What a playlist lists of one epoch.
struct Stretch<'a> {
    epoch: &'a EpochWindow,
    track: &'a TrackWindow,
    /// The media sequence number of its first segment that is listed.
    sequence: u64,
    whole: Vec<&'a Segment>,
    growing: Option<&'a Segment>,
}

/// The stretches of a playlist, the oldest first; those that it lists nothing of are empty.
fn stretches<'a>(source: &Source<'a>) -> Vec<Stretch<'a>> {
    let mut sequence = source.numbers.first;
    let shown = source.epochs.iter().filter_map(|epoch| {
        let track = epoch.shown_as(source.track)?;
        let begun = |segment: &&Segment| epoch.at(track.time(segment.time)) >= source.horizon;
        let whole: Vec<_> = track.whole().filter(begun).collect();
        let place = whole.first().map_or(0, |segment| track.place(segment.number));
        let stretch = Stretch {
            epoch,
            track,
            sequence: sequence + place,
            whole,
            growing: track.growing().filter(|_| !source.is_over),
        };
        sequence += track.count();
        Some(stretch)
    });
    shown.collect()
}

impl Stretch<'_> {
    fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.growing.is_none()
    }

    /// Where it ends, parts included, since 1970.
    fn reached(&self) -> Duration {
        self.epoch.at(self.track.reached())
    }

    fn write(&self, out: &mut String, parts_from: Option<Duration>) {
        let Some(first) = self.whole.first().copied().or(self.growing) else {
            return;
        };
        let Names { epoch, track, ending } = self.names();
        let _ = writeln!(out, "#EXT-X-MAP:URI=\"{epoch}/{track}/init.{ending}\"");
        let begins = date_time_ms(self.epoch.at(self.track.time(first.time)));
        let _ = writeln!(out, "#EXT-X-PROGRAM-DATE-TIME:{begins}");
        for segment in &self.whole {
            let is_new = |from: Duration| self.epoch.at(self.track.time(segment.end())) > from;
            if parts_from.is_some_and(is_new) {
                self.write_parts(out, segment);
            }
            let lasts = seconds(self.track.time(segment.duration));
            let _ = writeln!(
                out,
                "#EXTINF:{lasts},\n{epoch}/{track}/{}.{ending}",
                segment.number
            );
        }
        if let Some(growing) = self.growing {
            self.write_parts(out, growing);
        }
    }

    fn write_parts(&self, out: &mut String, segment: &Segment) {
        let Names { epoch, track, ending } = self.names();
        for (index, part) in segment.parts.iter().enumerate() {
            let lasts = seconds(self.track.time((*part).into()));
            let uri = format!("{epoch}/{track}/{}.{index}.{ending}", segment.number);
            let _ = write!(out, "#EXT-X-PART:DURATION={lasts},URI=\"{uri}\"");
            // A segment begins with a keyframe; sound may begin anywhere.
            let is_independent = index == 0 || self.track.description.audio.is_some();
            out.push_str(if is_independent {
                ",INDEPENDENT=YES\n"
            } else {
                "\n"
            });
        }
    }

    /// The part that comes next.
    fn hint(&self, out: &mut String) {
        let Names { epoch, track, ending } = self.names();
        let (number, index) = match (self.growing, self.whole.last()) {
            (Some(growing), _) => (growing.number, growing.parts.len()),
            (None, Some(whole)) => (whole.number.saturating_add(1), 0),
            (None, None) => return,
        };
        let _ = writeln!(
            out,
            "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{epoch}/{track}/{number}.{index}.{ending}\""
        );
    }

    fn names(&self) -> Names {
        let track = self.track.description.track;
        Names {
            epoch: self.epoch.epoch,
            track,
            ending: track.extension(),
        }
    }
}

/// What its media are called.
struct Names {
    epoch: Epoch,
    track: TrackId,
    ending: &'static str,
}
