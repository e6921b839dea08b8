//! The manifest: what there is of an epoch, as players read it (ISO/IEC 23009-1).

mod clock;
mod mpd;
mod presentation;
mod window;

pub use presentation::Presentation;
