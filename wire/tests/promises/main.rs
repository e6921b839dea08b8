//! What the wire promises, one file a promise.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod bounds;
mod messages;
mod news;
mod parts;
mod samples;
mod seal;
mod vectors;
