//! An origin's playlist, checked and ready to be spliced (RFC 8216bis).
//!
//! In an origin's text every URI is relative: `v0.m3u8` is another playlist, and `{epoch}/{track}/{file}`
//! is media. The first stay as they are and so lead to the tracker; before each of the others goes
//! the way to the media. What has another shape is refused: an origin cannot send viewers elsewhere.
//!
//! Video ends in `.mp4` there: ffmpeg since 2025 plays no `.m4v` of a playlist, as it knows that for something else.

mod attributes;
mod tags;

use std::ops::Range;
use std::time::Duration;

use self::attributes::attributes;
use self::tags::{Leads, leads};
use super::{MediaPath, Progress};

const START: &str = "#EXTM3U";
const MAX_LINE_BYTES: usize = 1 << 10;

/// How much of what is refused an error repeats.
const SHOWN: usize = 48;

/// Why a text is no playlist that viewers could be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaylistError {
    /// It begins otherwise.
    #[error("the playlist does not begin with {START}")]
    NotAPlaylist,
    /// A line takes more than any needs.
    #[error("the playlist has a line of more than {MAX_LINE_BYTES} bytes")]
    LongLine,
    /// Something that is not shown.
    #[error("the playlist has control characters")]
    Control,
    /// Something that may lead anywhere.
    #[error("the playlist has a line that the tracker does not know: {0:?}")]
    UnknownLine(String),
    /// Something that leads elsewhere.
    #[error("the playlist has a URI that is neither STEM.m3u8 nor EPOCH/TRACK/FILE: {0:?}")]
    Uri(String),
    /// A tag that leads nowhere.
    #[error("{0} has no URI")]
    NoUri(&'static str),
    /// Not a list of attributes.
    #[error("the attributes of {0} are malformed")]
    Attributes(&'static str),
    /// Not a number.
    #[error("{0} is not followed by a number")]
    Number(&'static str),
}

/// A checked playlist and the places where it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Playlist {
    text: String,
    /// The URIs of media.
    media: Vec<Range<usize>>,
    progress: Option<Progress>,
}

impl Playlist {
    /// Checks a playlist and finds where it is to be opened.
    pub fn parse(text: String) -> Result<Self, PlaylistError> {
        if text.chars().any(|shown| shown.is_control() && shown != '\n') {
            return Err(PlaylistError::Control);
        }
        let mut lines = text.split('\n');
        if lines.next() != Some(START) {
            return Err(PlaylistError::NotAPlaylist);
        }
        let mut scan = Scan::default();
        let mut at = START.len() + 1;
        for line in lines {
            scan.read(line, at)?;
            at += line.len() + 1;
        }
        let Scan { media, progress } = scan;
        let progress = Some(progress).filter(|progress| !progress.target.is_zero());
        Ok(Self {
            text,
            media,
            progress,
        })
    }

    /// The playlist with the way to its media. One that lists others tells where to ask for steering, if that is said.
    pub fn splice(&self, way: &Way) -> String {
        let more = self.media.len() * way.media.len() + way.steering.as_ref().map_or(0, |url| url.len() + 64);
        let mut out = String::with_capacity(self.text.len() + more);
        let mut done = 0;
        if let Some(url) = way.steering.as_ref().filter(|_| self.progress.is_none()) {
            done = START.len();
            for piece in [START, "\n#EXT-X-CONTENT-STEERING:SERVER-URI=\"", url, "\""] {
                out.push_str(piece);
            }
        }
        for uri in &self.media {
            let name = &self.text[uri.clone()];
            out.push_str(&self.text[done..uri.start]);
            out.push_str(&way.media);
            match way.names {
                Names::AsMade => out.push_str(name),
                Names::ForAll => out.push_str(&MediaPath::in_playlist(name)),
            }
            done = uri.end;
        }
        out.push_str(&self.text[done..]);
        out
    }

    /// How far it has come; nothing for one that lists other playlists.
    pub fn progress(&self) -> Option<&Progress> {
        self.progress.as_ref()
    }
}

/// How a viewer gets to the media of a playlist.
#[derive(Clone, Debug)]
pub struct Way {
    /// The URL of the media, with a slash at the end.
    media: String,
    names: Names,
    /// Where players ask which way to take.
    steering: Option<String>,
}

/// What video is called there.
#[derive(Clone, Copy, Debug)]
enum Names {
    /// As boxes call it.
    AsMade,
    /// As every player takes it.
    ForAll,
}

impl Way {
    /// Through the tracker, whose media is at this URL. Players that can be steered ask for that at the other.
    pub fn through(media: String, steering: String) -> Self {
        Self {
            media,
            names: Names::ForAll,
            steering: Some(steering),
        }
    }

    /// At one box, whose media is at this URL. Only players that can be steered are led there.
    pub fn box_at(media: String) -> Self {
        Self {
            media,
            names: Names::AsMade,
            steering: None,
        }
    }
}

/// What is known of a playlist while it is read.
#[derive(Default)]
struct Scan {
    media: Vec<Range<usize>>,
    progress: Progress,
}

impl Scan {
    fn read(&mut self, line: &str, at: usize) -> Result<(), PlaylistError> {
        if line.len() > MAX_LINE_BYTES {
            return Err(PlaylistError::LongLine);
        }
        if line.is_empty() {
            return Ok(());
        }
        if !line.starts_with('#') {
            if self.lead(line, at)? {
                self.segment();
            }
            return Ok(());
        }
        let (name, rest) = line.split_once(':').unwrap_or((line, ""));
        let unknown = || PlaylistError::UnknownLine(shown(line));
        let (tag, leads) = leads(name).ok_or_else(unknown)?;
        match leads {
            // Nowhere, and therefore nothing in it may look as if it did.
            Leads::Nowhere if rest.contains("URI=") || rest.contains("://") => return Err(unknown()),
            Leads::Nowhere => {}
            Leads::Somewhere { always } => self.tag(tag, rest, line.len() - rest.len() + at, always)?,
        }
        self.learn(tag, rest)
    }

    /// Reads a tag with a `URI` among its attributes.
    fn tag(&mut self, tag: &'static str, list: &str, at: usize, always: bool) -> Result<(), PlaylistError> {
        let mut led = false;
        for attribute in attributes(list) {
            let attribute = attribute.ok_or(PlaylistError::Attributes(tag))?;
            if attribute.name == "URI" {
                if led || !attribute.quoted {
                    return Err(PlaylistError::Attributes(tag));
                }
                led = true;
                self.lead(attribute.value, at + attribute.at)?;
            } else if attribute.name.ends_with("URI") || attribute.value.contains("://") {
                return Err(PlaylistError::UnknownLine(shown(list)));
            }
        }
        if always && !led {
            return Err(PlaylistError::NoUri(tag));
        }
        Ok(())
    }

    /// Notes where a URI leads, and tells whether to media.
    fn lead(&mut self, uri: &str, at: usize) -> Result<bool, PlaylistError> {
        if uri.parse::<MediaPath>().is_ok() {
            self.media.push(at..at + uri.len());
            return Ok(true);
        }
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        match uri.strip_suffix(".m3u8") {
            Some(stem) if !stem.is_empty() && stem.bytes().all(allowed) => Ok(false),
            _ => Err(PlaylistError::Uri(shown(uri))),
        }
    }

    /// A segment is whole.
    fn segment(&mut self) {
        self.progress.next = self.progress.next.saturating_add(1);
        self.progress.parts_before = std::mem::take(&mut self.progress.parts);
    }

    /// Takes from a tag what tells how far the playlist has come.
    fn learn(&mut self, tag: &'static str, rest: &str) -> Result<(), PlaylistError> {
        let number = || rest.parse::<u64>().map_err(|_| PlaylistError::Number(tag));
        let progress = &mut self.progress;
        match tag {
            // It stands before the first segment; those that came before it would be miscounted.
            "#EXT-X-MEDIA-SEQUENCE" => progress.next = number()?,
            "#EXT-X-TARGETDURATION" => progress.target = Duration::from_secs(number()?),
            "#EXT-X-PART" => progress.parts += 1,
            "#EXT-X-ENDLIST" => progress.ended = true,
            "#EXT-X-SERVER-CONTROL" => {
                let blocks = |attribute: attributes::Attribute<'_>| {
                    attribute.name == "CAN-BLOCK-RELOAD" && attribute.value == "YES"
                };
                progress.blocks = attributes(rest).flatten().any(blocks);
            }
            "#EXT-X-PART-INF" => {
                let mut found = attributes(rest).flatten();
                let target = found.find(|attribute| attribute.name == "PART-TARGET");
                let seconds = target.and_then(|target| target.value.parse().ok());
                let target = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                progress.part_target = Some(target.ok_or(PlaylistError::Number(tag))?);
            }
            _ => {}
        }
        Ok(())
    }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests;
