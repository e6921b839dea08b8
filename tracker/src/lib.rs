//! The tracker: knows which boxes are alive, and tells every viewer which of them to watch from.
//!
//! Boxes and origins tell it about themselves ([`api`]); what they say is kept in the [`registry`],
//! which trackers may share; the [`roster`] holds what viewers are answered from. A box is listed
//! after the [`probe`] found it where it says. A viewer's [`manifest`] is the origin's with the
//! boxes of its [`session`] in it, which [`select`] chose.

pub mod api;
pub mod clock;
pub mod manifest;
pub mod metrics;
pub mod probe;
pub mod reach;
pub mod registry;
pub mod resolve;
pub mod roster;
pub mod select;
pub mod session;
pub mod settings;
mod start;
#[cfg(test)]
mod testing;

pub use settings::Settings;
pub use start::{StartError, start};
