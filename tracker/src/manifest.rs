//! The manifest of a viewer: the origin's MPD with the viewer's own boxes spliced in.
//!
//! An MPD is parsed once, when the origin presents it, and cut at the two places where the tracker
//! adds something. What is done for each viewer is to join three pieces of text.

mod splice;
mod template;

pub use splice::{Base, Splice};
pub use template::{ManifestError, Template};
