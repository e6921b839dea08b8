//! Packaging: access units become CMAF chunks, segments and a live MPD.
//!
//! Everything here is pure: a publisher's units go in, bytes and descriptions come out, and time is an argument. The
//! stages follow the data. `config` reads what codecs say of themselves, `start` waits until it is known which
//! tracks an epoch has, `timeline` turns a publisher's milliseconds into the epoch's own time, `cut` gathers samples
//! into chunks (ISO/IEC 23000-19 §7.3.2.3), `boxes` writes them; a `track` is its clock and its cutter. `epoch` has one
//! track lead and the others `follow`, `renditions` knows which of those are worth waiting for, `drift` how clocks go, `aside` keeps what the
//! next epoch may begin with, and `packager` joins the stages; `manifest` tells players what there is (ISO/IEC 23009-1).
//!
//! Nothing is sealed here: a [`RawChunk`] leaves room between its head and its body, where the seal goes.

mod aside;
mod boxes;
mod config;
mod cut;
mod description;
mod drift;
mod epoch;
mod error;
mod follow;
mod manifest;
mod packager;
mod renditions;
mod start;
mod timeline;
mod track;

#[cfg(test)]
mod tests;

pub use config::picture;
pub use cut::{Cut, RawChunk};
pub use description::{AudioDescription, Packaged, Ratio, TrackDescription, VideoDescription};
pub use drift::Clocks;
pub use error::PackageError;
pub(crate) use manifest::date_time;
pub use manifest::{Presentation, Reached};
pub use packager::Packager;
