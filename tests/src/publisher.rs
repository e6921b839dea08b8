//! Publishers: who pushes RTMP into the origin.
//!
//! Two independent ones: ffmpeg with its test sources, when it is installed, and a built-in one
//! that needs nothing from outside: it reads a small MP4 clip (with the `mp4` crate) and replays it in a loop.

mod clip;
mod ffmpeg;
pub mod raw;
mod replay;
mod session;

pub use clip::{Clip, Kind, Unit};
pub use ffmpeg::{Encoder, Picture};
pub use raw::RawPublisher;
pub use replay::Replay;
pub use session::{Session, SessionError};
