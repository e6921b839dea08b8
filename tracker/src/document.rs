//! Manifests and playlists as viewers get them: the origin's, with what the tracker adds spliced in.
//!
//! Each is parsed once, when the origin presents it, and cut at the places where the tracker adds
//! something: a viewer's boxes into an MPD, the way to the media into a playlist. What is done for each viewer is
//! to join pieces of text.

mod documents;
mod media_path;
mod mpd;
mod playlist;
mod progress;
mod splice;

pub use documents::{Document, DocumentError, Documents};
pub use media_path::{BadMediaPath, MediaFile, MediaPath};
pub use mpd::{Mpd, MpdError};
pub use playlist::{Playlist, PlaylistError, Way};
pub use progress::{Asked, BadAsk, Progress};
pub use splice::{ORIGIN, Place, Splice};
