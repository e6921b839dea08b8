//! What the wire promises, one file a promise.

mod bounds;
mod messages;
mod samples;
mod seal;
mod vectors;
