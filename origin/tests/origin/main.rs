//! The origin as others see it: an encoder that pushes RTMP, a tracker, a box, a viewer.

mod a_box;
mod encoder;
mod harness;
mod publishing;
mod seeding;
mod tracker;
