//! The tags that an origin's playlists are made of, and which of them lead somewhere.

/// Whether a tag has a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leads {
    /// It has none.
    Nowhere,
    /// It has an attribute `URI`.
    Somewhere {
        /// Whether it would mean nothing without.
        always: bool,
    },
}

const MAY: Leads = Leads::Somewhere { always: false };
const MUST: Leads = Leads::Somewhere { always: true };

/// What is not here is not in the playlists of a live channel, or may lead away from the mesh: keys, session data,
/// content steering, interstitials, variables.
const TAGS: [(&str, Leads); 24] = [
    ("#EXT-X-PART", MUST),
    ("#EXTINF", Leads::Nowhere),
    ("#EXT-X-PROGRAM-DATE-TIME", Leads::Nowhere),
    ("#EXT-X-MAP", MUST),
    ("#EXT-X-PRELOAD-HINT", MUST),
    ("#EXT-X-RENDITION-REPORT", MUST),
    ("#EXT-X-MEDIA", MAY),
    ("#EXT-X-I-FRAME-STREAM-INF", MUST),
    ("#EXT-X-STREAM-INF", Leads::Nowhere),
    ("#EXT-X-VERSION", Leads::Nowhere),
    ("#EXT-X-INDEPENDENT-SEGMENTS", Leads::Nowhere),
    ("#EXT-X-TARGETDURATION", Leads::Nowhere),
    ("#EXT-X-MEDIA-SEQUENCE", Leads::Nowhere),
    ("#EXT-X-DISCONTINUITY-SEQUENCE", Leads::Nowhere),
    ("#EXT-X-DISCONTINUITY", Leads::Nowhere),
    ("#EXT-X-SERVER-CONTROL", Leads::Nowhere),
    ("#EXT-X-PART-INF", Leads::Nowhere),
    ("#EXT-X-PLAYLIST-TYPE", Leads::Nowhere),
    ("#EXT-X-START", Leads::Nowhere),
    ("#EXT-X-GAP", Leads::Nowhere),
    ("#EXT-X-BITRATE", Leads::Nowhere),
    ("#EXT-X-BYTERANGE", Leads::Nowhere),
    ("#EXT-X-I-FRAMES-ONLY", Leads::Nowhere),
    ("#EXT-X-ENDLIST", Leads::Nowhere),
];

/// The tag of that name, and whether it leads somewhere.
pub(super) fn leads(name: &str) -> Option<(&'static str, Leads)> {
    TAGS.into_iter().find(|(tag, _)| *tag == name)
}
