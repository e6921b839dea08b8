//! The origin as others see it: an encoder that pushes RTMP, a tracker, a box, a viewer.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod a_box;
mod encoder;
mod harness;
mod keys;
mod program;
mod publishing;
mod seeding;
mod tracker;
