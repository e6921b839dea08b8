//! RTMP as bytes (Adobe's Real Time Messaging Protocol 1.0): handshake, chunks, messages.
//!
//! The crate rtmp-rs does the reading and writing, and is known in here only. It trusts its
//! peer more than we do, so every chunk is looked at before it may have it: [`chunks`] bounds what a peer
//! can make it keep, [`amf`] what a command can make it build.
//!
//! A chunk in here is RTMP's, a piece of a message; everywhere else the word means CMAF's.

mod amf;
mod capabilities;
mod chunks;
mod greeting;
mod message;
mod reader;
mod violation;
mod writer;

#[cfg(test)]
mod tests;

pub(super) use greeting::Greeting;
pub(super) use message::Message;
pub(super) use reader::Reader;
pub(super) use violation::Violation;
pub(super) use writer::{Status, Writer};
