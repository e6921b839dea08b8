//! What two programs of Boxmesh must agree on: names, seals and messages.
//!
//! Nothing here opens a socket or needs a runtime. Every message states its largest size, and
//! `docs/protocol.md` describes each of them well enough to write a second implementation.

pub mod address;
pub mod announcement;
pub mod audience;
mod boxes;
mod cbor;
pub mod chunk;
pub mod exchange;
#[cfg(feature = "faults")]
pub mod faults;
pub mod feed;
pub mod id;
pub mod key;
pub mod news;
pub mod parts;
pub mod presentation;
pub mod proof;
pub mod report;
pub mod seal;
pub mod succession;
mod text;
pub mod tracker_id;

pub use cbor::{VERSION, Version};
