//! A box: takes sealed chunks from origins and other boxes, and hands them on to other boxes and to viewers.
//!
//! ```text
//! origin ─ZeroMQ→ feed ┐                    ┌ mesh ─libp2p→ other boxes
//!                      ├─ verify → store ───┤
//! other boxes ─→ mesh ─┘                    └ web ─HTTP→ viewers
//! ```
//!
//! Media is opaque bytes here. What is stored was verified, and what was not stored is not handed on.

mod budget;
mod clock;
mod counts;
#[cfg(feature = "faults")]
pub mod faults;
mod feed;
mod mesh;
mod news;
mod nudge;
mod page;
mod ports;
mod reach;
mod reports;
#[cfg(test)]
mod samples;
mod settings;
mod start;
mod status;
mod tracker;
mod web;
mod welcome;

pub use budget::{BadHours, BadRate, Hours, Rate};
pub use settings::{Action, Command, Homeless, Look, Settings};
pub use start::{Running, StartError, start};
pub use status::ask::{NoStatus, status};
