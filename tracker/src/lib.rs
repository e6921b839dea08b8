//! The tracker: knows which boxes are alive, and tells every viewer which of them to watch from.
//!
//! Boxes and origins tell it about themselves ([`api`]); what they say is kept in the [`registry`],
//! which trackers may share; the [`roster`] holds what viewers are answered from. A box is listed
//! after the [`probe`] found it where it says. A viewer's [`document`]s are the origin's with the
//! boxes of its [`session`] in them, which [`select`] chose, and [`steering`] leads it to others while it plays; the [`edge`] tells what is there already.

pub mod api;
pub mod clock;
pub mod command;
pub mod document;
pub mod edge;
pub mod following;
pub mod geography;
pub mod metrics;
pub mod orders;
pub mod probe;
pub mod query;
pub mod reach;
pub mod registry;
pub mod reports;
pub mod resolve;
pub mod roster;
pub mod said;
pub mod select;
pub mod session;
pub mod settings;
mod start;
pub mod steering;
pub mod succession;
#[cfg(test)]
mod testing;
pub mod token;
pub mod waiting;

pub use settings::Settings;
pub use start::{Running, StartError, start};
