//! A channel as nobody packaged it: as many tracks as wanted, cut as wanted.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use wire::id::{Epoch, TrackId, TrackKind};
use wire::presentation::{Document, State};

use super::super::super::{
    AudioDescription, Packaged, Presentation, Ratio, RawChunk, TrackDescription, VideoDescription,
};

pub(super) const EPOCH: u64 = 1_790_000_000_123;

const VIDEO_TIMESCALE: u32 = 90_000;
const AUDIO_TIMESCALE: u32 = 48_000;

/// A segment: its number, time and duration.
pub(super) type Listed = (u32, u64, u64);

/// A presentation, and what it was told.
pub(super) struct Stage {
    pub(super) presentation: Presentation,
    pub(super) state: State,
    /// Pictures in a second.
    frame_rate: Ratio,
    epoch: u64,
    tracks: Vec<Made>,
    /// Where the next segment begins, in pictures.
    frames: u64,
    /// Whole segments by epoch and track.
    pub(super) whole: BTreeMap<(u64, TrackId), Vec<Listed>>,
    /// The URLs of all parts.
    pub(super) parts: Vec<String>,
    late: Option<Late>,
}

/// A track whose chunks come so many after those of the others.
struct Late {
    track: TrackId,
    by: usize,
    waiting: VecDeque<Packaged>,
}

struct Made {
    track: TrackId,
    timescale: u32,
    segment: u32,
    time: u64,
}

pub(super) fn track(name: &str) -> TrackId {
    name.parse().unwrap()
}

impl Stage {
    pub(super) fn new(frame_rate: (u32, u32)) -> Self {
        Self {
            presentation: Presentation::default(),
            state: State::Live,
            frame_rate: Ratio::new(frame_rate.0, frame_rate.1).unwrap(),
            epoch: 0,
            tracks: Vec::new(),
            frames: 0,
            whole: BTreeMap::new(),
            parts: Vec::new(),
            late: None,
        }
    }

    /// From now on the chunks of that track come late.
    pub(super) fn late(&mut self, name: &str, by: usize) {
        self.late = Some(Late {
            track: track(name),
            by,
            waiting: VecDeque::new(),
        });
    }

    /// Begins an epoch with these tracks; `variant` tells their init segments apart.
    pub(super) fn begin(&mut self, epoch: u64, tracks: &[&str], variant: u8) {
        self.presentation.begin(Epoch(epoch));
        self.epoch = epoch;
        self.frames = 0;
        self.tracks.clear();
        for name in tracks {
            let description = self.describe(track(name));
            self.tracks.push(Made {
                track: description.track,
                timescale: description.timescale,
                segment: 1,
                time: 0,
            });
            let bytes = Bytes::from(format!("{name} {variant}"));
            self.presentation.note(&Packaged::Init { description, bytes });
        }
    }

    /// The epoch after the one under way, that long after its end.
    pub(super) fn begin_after(&mut self, gap: Duration, tracks: &[&str], variant: u8) {
        let gap = u64::try_from(gap.as_millis()).unwrap();
        // One that had nothing to be listed has no end either; epochs only grow.
        let end = self.presentation.end_ms().max(EPOCH).max(self.epoch + 1);
        self.begin(end + gap, tracks, variant);
    }

    /// A segment of so many pictures in every track, with what follows from each part.
    pub(super) fn segment(&mut self, pictures: u64, mut each: impl FnMut(&mut Self)) {
        let begins = self.frames;
        let ends = begins + pictures;
        let parts = (pictures * u64::from(self.frame_rate.denominator()) * 4)
            .div_ceil(u64::from(self.frame_rate.numerator()))
            .clamp(1, 64);
        for index in 0..parts {
            let cut = |part: u64| begins + pictures * part / parts;
            for place in 0..self.tracks.len() {
                let (from, to) = (self.at(place, cut(index)), self.at(place, cut(index + 1)));
                self.chunk(
                    place,
                    u16::try_from(index).unwrap(),
                    index + 1 == parts,
                    (from, to),
                );
            }
            each(self);
        }
        self.frames = ends;
    }

    /// A chunk of a track.
    fn chunk(&mut self, place: usize, index: u16, last: bool, (from, to): (u64, u64)) {
        let epoch = self.epoch;
        let Made {
            track,
            timescale,
            segment,
            time,
        } = &mut self.tracks[place];
        let bytes = if track.kind() == TrackKind::Video {
            60_000 >> track.number()
        } else {
            3000 >> track.number()
        };
        self.parts
            .push(format!("{epoch}/{track}/{segment}.{index}.{}", track.extension()));
        let chunk = RawChunk {
            track: *track,
            segment: *segment,
            index,
            last,
            time: from,
            duration: u32::try_from(to - from).unwrap(),
            timescale: *timescale,
            head: Bytes::new(),
            body: Bytes::from(vec![0; bytes]),
        };
        if index == 0 {
            *time = from;
        }
        if last {
            let listed = (*segment, *time, to - *time);
            self.whole.entry((epoch, *track)).or_default().push(listed);
            *segment += 1;
        }
        let of_track = |late: &&mut Late| late.track == chunk.track;
        if let Some(late) = self.late.as_mut().filter(of_track) {
            late.waiting.push_back(Packaged::Chunk(chunk));
            if late.waiting.len() > late.by
                && let Some(piece) = late.waiting.pop_front()
            {
                self.presentation.note(&piece);
            }
        } else {
            self.presentation.note(&Packaged::Chunk(chunk));
        }
    }

    /// When that picture, or the frame of sound that is cut with it, is shown: pictures are stamped in milliseconds.
    fn at(&self, place: usize, picture: u64) -> u64 {
        let nanos = picture * u64::from(self.frame_rate.denominator()) * 1_000_000_000
            / u64::from(self.frame_rate.numerator());
        let millis = (nanos + 500_000) / 1_000_000;
        match self.tracks[place].track.kind() {
            TrackKind::Video => millis * 90,
            TrackKind::Audio => (millis * 48).div_ceil(1024) * 1024,
        }
    }

    fn describe(&self, track: TrackId) -> TrackDescription {
        let is_video = track.kind() == TrackKind::Video;
        TrackDescription {
            track,
            codecs: if is_video { "avc1.64001f" } else { "mp4a.40.2" }.to_owned(),
            timescale: if is_video {
                VIDEO_TIMESCALE
            } else {
                AUDIO_TIMESCALE
            },
            video: is_video.then(|| VideoDescription {
                width: 1280 >> track.number(),
                height: 720 >> track.number(),
                frame_rate: Some(self.frame_rate),
                sar: Ratio::new(1, 1),
            }),
            audio: (!is_video).then_some(AudioDescription {
                sample_rate: AUDIO_TIMESCALE,
                channels: 2,
            }),
        }
    }

    /// The publisher's clock: as far as it has come.
    pub(super) fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.presentation.end_ms())
    }

    pub(super) fn documents(&self) -> Vec<Document> {
        self.presentation.documents(self.now(), self.state)
    }

    pub(super) fn document(&self, name: &str) -> String {
        let mut documents = self.documents().into_iter();
        let named = documents.find(|document| document.name == name);
        named.unwrap_or_else(|| panic!("no {name}")).text
    }
}
