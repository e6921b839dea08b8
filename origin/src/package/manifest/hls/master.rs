//! The master playlist: which tracks there are, and which of them go together.

use std::fmt::Write;

use wire::id::TrackKind;

use super::super::epoch::EpochWindow;
use super::super::window::TrackWindow;
use super::{VERSION, name};

/// The master playlist of the newest epoch. Each video track goes with the sound of its number, or with the publisher's own:
/// a rendition may have less of both. Each sound is a group of its own, as they differ in bitrate and not in what is heard.
pub(in super::super) fn master(epoch: &EpochWindow) -> String {
    let mut out = format!("{VERSION}#EXT-X-INDEPENDENT-SEGMENTS\n");
    let mut videos: Vec<_> = epoch.tracks_of(TrackKind::Video).collect();
    let mut audios: Vec<_> = epoch.tracks_of(TrackKind::Audio).collect();
    videos.sort_by_key(|track| track.description.track);
    audios.sort_by_key(|track| track.description.track);
    if videos.is_empty() {
        for audio in audios {
            variant(&mut out, audio, None);
        }
        return out;
    }
    for audio in &audios {
        rendition(&mut out, audio);
    }
    for video in videos {
        let number = video.description.track.number();
        let same = audios
            .iter()
            .find(|audio| audio.description.track.number() == number);
        variant(&mut out, video, same.or(audios.first()).copied());
    }
    out
}

fn rendition(out: &mut String, audio: &TrackWindow) {
    let id = audio.description.track;
    let _ = write!(
        out,
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{id}\",NAME=\"Main\",DEFAULT=YES,AUTOSELECT=YES"
    );
    if let Some(sound) = audio.description.audio {
        let _ = write!(out, ",CHANNELS=\"{}\"", sound.channels);
    }
    let _ = writeln!(out, ",URI=\"{}\"", name(id));
}

fn variant(out: &mut String, track: &TrackWindow, audio: Option<&TrackWindow>) {
    let both = || std::iter::once(track).chain(audio);
    let peak: u64 = both().map(TrackWindow::peak_bits_per_second).sum();
    let average: u64 = both().map(TrackWindow::bits_per_second).sum();
    let codecs: Vec<_> = both().map(|track| track.description.codecs.as_str()).collect();
    let _ = write!(
        out,
        "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={},CODECS=\"{}\"",
        average.clamp(1, peak),
        codecs.join(",")
    );
    if let Some(video) = track.description.video {
        let _ = write!(out, ",RESOLUTION={}x{}", video.width, video.height);
        if let Some(rate) = video.frame_rate {
            let _ = write!(out, ",FRAME-RATE={:.3}", rate.value());
        }
    }
    if let Some(audio) = audio {
        let _ = write!(out, ",AUDIO=\"{}\"", audio.description.track);
    }
    let _ = writeln!(out, "\n{}", name(track.description.track));
}
