//! The tables of a track: where each of its samples lies and when it is decoded and shown (ISO/IEC 14496-12 §8.6, §8.7),
//! gathered fragment by fragment. They are kept in runs, as the file has them: a day of sound is a few entries and
//! its sizes.

use mp4_atom::{
    Co64, Ctts, CttsEntry, Edts, Elst, ElstEntry, Stco, Stsc, StscEntry, Stss, Stsz, StszSamples, Stts,
    SttsEntry, Trak,
};

use super::movie::MOVIE_TIMESCALE;

/// One sample of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) bytes: u32,
    pub(super) duration: u32,
    /// From decoding to showing.
    pub(super) offset: i32,
    pub(super) sync: bool,
}

/// A track's tables so far.
#[derive(Debug, Default)]
pub(super) struct Table {
    bytes: Vec<u32>,
    durations: Vec<SttsEntry>,
    offsets: Vec<CttsEntry>,
    /// The numbers of the samples where decoding can begin; none while it can at all.
    sync: Option<Vec<u32>>,
    /// Where each run of samples lies, and how many it has.
    runs: Vec<u64>,
    run_lengths: Vec<StscEntry>,
    /// When the first sample is decoded.
    start: u64,
    /// How long all samples last.
    length: u64,
    /// Until when something is shown, counted as `length` is.
    shown: u64,
}

impl Table {
    /// Whether there is no sample.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes samples that lie in a row at `position`, the first of them decoded at `time`.
    pub(super) fn add(&mut self, time: u64, position: u64, samples: &[Sample]) {
        let Ok(count) = u32::try_from(samples.len()) else {
            return;
        };
        if count == 0 {
            return;
        }
        if self.is_empty() {
            self.start = time;
        } else {
            self.wait_until(time);
        }
        self.runs.push(position);
        if self.run_lengths.last().map(|run| run.samples_per_chunk) != Some(count) {
            self.run_lengths.push(StscEntry {
                first_chunk: as_u32(self.runs.len()),
                samples_per_chunk: count,
                sample_description_index: 1,
            });
        }
        for sample in samples {
            self.push(*sample);
        }
    }

    fn push(&mut self, sample: Sample) {
        let number = as_u32(self.bytes.len() + 1);
        if !sample.sync && self.sync.is_none() {
            self.sync = Some((1..number).collect());
        }
        if let Some(sync) = self.sync.as_mut().filter(|_| sample.sync) {
            sync.push(number);
        }
        self.bytes.push(sample.bytes);
        self.push_duration(sample.duration);
        match self.offsets.last_mut() {
            Some(run) if run.sample_offset == i64::from(sample.offset) => run.sample_count += 1,
            _ => self.offsets.push(CttsEntry {
                sample_count: 1,
                sample_offset: sample.offset.into(),
            }),
        }
        let shown = self.length.saturating_add_signed(sample.offset.into());
        self.shown = self.shown.max(shown + u64::from(sample.duration));
        self.length += u64::from(sample.duration);
    }

    fn push_duration(&mut self, duration: u32) {
        match self.durations.last_mut() {
            Some(run) if run.sample_delta == duration => run.sample_count += 1,
            _ => self.durations.push(SttsEntry {
                sample_count: 1,
                sample_delta: duration,
            }),
        }
    }

    /// Makes the last sample last until `time`, where something is missing.
    fn wait_until(&mut self, time: u64) {
        let missing = time.saturating_sub(self.start.saturating_add(self.length));
        let Ok(missing) = u32::try_from(missing) else {
            return;
        };
        let Some(last) = self.durations.last_mut().filter(|_| missing > 0) else {
            return;
        };
        let duration = last.sample_delta.saturating_add(missing);
        self.length += u64::from(duration - last.sample_delta);
        last.sample_count -= 1;
        if last.sample_count == 0 {
            self.durations.pop();
        }
        self.push_duration(duration);
    }

    /// Writes the tables into a track that had none. Answers with how long the track lasts, in the movie's time.
    pub(super) fn fill(self, trak: &mut Trak) -> u64 {
        let timescale = trak.mdia.mdhd.timescale;
        let delay = first_shown(trak);
        let wait = in_movie(self.start, timescale);
        let lasts = in_movie(self.shown.saturating_sub(delay), timescale);
        trak.edts = edits(wait, lasts, delay);
        trak.tkhd.duration = wait + lasts;
        trak.mdia.mdhd.duration = self.length;

        let stbl = &mut trak.mdia.minf.stbl;
        stbl.stts = Stts {
            entries: self.durations,
        };
        let has_offsets = self.offsets.iter().any(|run| run.sample_offset != 0);
        stbl.ctts = has_offsets.then_some(Ctts {
            entries: self.offsets,
        });
        stbl.stss = self.sync.map(|entries| Stss { entries });
        stbl.stsc = Stsc {
            entries: self.run_lengths,
        };
        stbl.stsz = Stsz {
            samples: StszSamples::Different { sizes: self.bytes },
        };
        let narrow: Result<Vec<u32>, _> = self.runs.iter().map(|&run| u32::try_from(run)).collect();
        (stbl.stco, stbl.co64) = match narrow {
            Ok(entries) => (Some(Stco { entries }), None),
            Err(_) => (None, Some(Co64 { entries: self.runs })),
        };
        wait + lasts
    }
}

/// What the track's edit list takes from the times at which samples are shown.
fn first_shown(trak: &Trak) -> u64 {
    let edits = trak.edts.as_ref().and_then(|edts| edts.elst.as_ref());
    edits
        .and_then(|edits| edits.entries.iter().find_map(|edit| edit.media_time))
        .unwrap_or(0)
}

/// Nothing for a while, then the media from `delay` on.
fn edits(wait: u64, lasts: u64, delay: u64) -> Option<Edts> {
    let edit = |segment_duration, media_time| ElstEntry {
        segment_duration,
        media_time,
        media_rate: 1.into(),
    };
    let mut entries = Vec::new();
    if wait > 0 {
        entries.push(edit(wait, None));
    }
    entries.push(edit(lasts, Some(delay)));
    (wait > 0 || delay > 0).then_some(Edts {
        elst: Some(Elst { entries }),
    })
}

fn in_movie(time: u64, timescale: u32) -> u64 {
    let time = u128::from(time) * u128::from(MOVIE_TIMESCALE) / u128::from(timescale.max(1));
    u64::try_from(time).unwrap_or(u64::MAX)
}

fn as_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trak(timescale: u32, delay: u64) -> Trak {
        let mut trak = Trak::default();
        trak.mdia.mdhd.timescale = timescale;
        trak.edts = edits(0, 0, delay);
        trak
    }

    fn sample(duration: u32, offset: i32, sync: bool) -> Sample {
        Sample {
            bytes: 10,
            duration,
            offset,
            sync,
        }
    }

    #[test]
    fn pictures_keep_their_order_and_their_delay() {
        let mut table = Table::default();
        table.add(0, 100, &[sample(3600, 7200, true), sample(3600, 14_400, false)]);
        table.add(7200, 200, &[sample(3600, 3600, false), sample(3600, 7200, true)]);
        let mut trak = trak(90_000, 7200);
        assert_eq!(table.fill(&mut trak), 14_400, "in the movie's time");

        let stbl = &trak.mdia.minf.stbl;
        assert_eq!(stbl.stss.as_ref().unwrap().entries, [1, 4]);
        assert_eq!(stbl.stco.as_ref().unwrap().entries, [100, 200]);
        assert_eq!(stbl.stts.entries.len(), 1);
        assert_eq!(stbl.ctts.as_ref().unwrap().entries.len(), 4);
        assert_eq!(stbl.stsc.entries.len(), 1, "runs of the same length");
        let elst = trak.edts.unwrap().elst.unwrap();
        assert_eq!(elst.entries.len(), 1);
        assert_eq!(elst.entries[0].media_time, Some(7200));
    }

    #[test]
    fn sound_that_begins_late_waits_and_sound_that_paused_is_stretched() {
        let mut table = Table::default();
        table.add(480, 0, &[sample(1024, 0, true); 3]);
        table.add(480 + 3 * 1024 + 100, 1 << 33, &[sample(1024, 0, true); 2]);
        let mut trak = trak(48_000, 0);
        table.fill(&mut trak);

        let stbl = &trak.mdia.minf.stbl;
        let runs: Vec<_> = stbl
            .stts
            .entries
            .iter()
            .map(|run| (run.sample_count, run.sample_delta))
            .collect();
        assert_eq!(runs, [(2, 1024), (1, 1124), (2, 1024)]);
        assert_eq!(
            (&stbl.stss, &stbl.ctts, &stbl.stco),
            (&None, &None, &None),
            "all are in sync, none is shown late, one lies beyond 4 GiB"
        );
        assert_eq!(stbl.co64.as_ref().unwrap().entries, [0, 1 << 33]);
        let elst = trak.edts.unwrap().elst.unwrap();
        assert_eq!(
            (elst.entries[0].media_time, elst.entries[0].segment_duration),
            (None, 900)
        );
        assert_eq!(trak.mdia.mdhd.duration, 5 * 1024 + 100);
    }
}
