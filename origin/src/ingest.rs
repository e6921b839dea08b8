//! Ingest: the bytes of an encoder become access units.
//!
//! ```text
//! door ─ TCP, TLS → connection ─ bytes → session ─┬ rtmp: handshake, chunks, messages
//!   desk: keys, claims                            └ flv:  tags → units → Publisher
//! ```
//!
//! One publisher is one task. The session decides and never waits, time is its argument; the
//! connection moves bytes and units, and waits. Everything that an encoder can make us keep is bounded
//! before we keep it, and whatever it does wrong ends its own connection, with one log event and, where
//! the encoder still listens, a status that says why.

mod claims;
mod connection;
mod desk;
mod door;
mod ended;
pub mod flv;
#[cfg(fuzzing)]
pub mod fuzz;
mod guesses;
mod hook;
pub mod keys;
mod limits;
mod line;
mod places;
mod publisher;
mod refusals;
mod rtmp;
mod session;

#[cfg(test)]
mod tests;

pub(crate) use door::{Entrance, run};
pub(crate) use hook::Hook;
pub use hook::WhenAway;
pub use limits::{Limits, OverLimit};
pub use publisher::{Publisher, Units};
