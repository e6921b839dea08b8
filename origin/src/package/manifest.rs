//! Manifests and playlists: what there is of a channel, as players read it.
//!
//! One model, pure: pieces are noted as they are packaged, and all documents are made from what was noted. `window` is what is
//! known of a track, `epoch` keeps the tracks of an epoch together, `presentation` the epochs of a channel. `pace` tells
//! whether segments may be addressed by number, `numbering` how playlists count. `dash` and `hls` choose what to say;
//! `mpd`, `representation` and `clock` how it is written.

mod clock;
mod dash;
mod epoch;
mod hls;
mod mpd;
mod numbering;
mod pace;
mod presentation;
mod representation;
mod window;

pub(crate) use clock::date_time;
use presentation::Listing;
pub use presentation::{Presentation, Reached};
