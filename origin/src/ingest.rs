//! Ingest: the bytes of an encoder become access units.
//!
//! ```text
//! door ─ TCP → connection ─ bytes → session ─┬ rtmp: handshake, chunks, messages
//!                                            └ flv:  tags → units → Publisher
//! ```
//!
//! One publisher is one task. The session decides and never waits, time is its argument; the
//! connection moves bytes and units, and waits. Everything that an encoder can make us keep is bounded
//! before we keep it, and whatever it does wrong ends its own connection, with one log event and, where
//! the encoder still listens, a status that says why.

mod connection;
mod door;
mod ended;
pub mod flv;
mod keys;
mod places;
mod publisher;
mod refusals;
mod rtmp;
mod session;

#[cfg(test)]
mod tests;

pub(crate) use door::run;
pub use keys::{Assignment, BadStreamKey, StreamKey, StreamKeys};
pub use publisher::Publisher;
